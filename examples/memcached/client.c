/* client.h describes the functions. */
#include "memcached/client.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/*
 * Copying a short item is cheaper than to queue a reference to it.  A time of more
 * than DAYS_30 is one of the calendar.
 */
enum { REFERENCE_LEAST = 4096, DAYS_30 = 60 * 60 * 24 * 30 };

struct client *
to_client(struct socle_socket *s)
{
	return socle_container_of(s, struct client, sock);
}

/* A client that has closed gets no answer; that is no fault. */
static void
check_memory(struct client *c, int result)
{
	if (result == -ENOMEM)
		socle_close(&c->sock, "no memory");
}

void
say_bytes(struct client *c, const char *text, size_t n)
{
	if (!c->noreply)
		check_memory(c, socle_write(&c->sock, text, n));
}

void
say(struct client *c, const char *text)
{
	say_bytes(c, text, strlen(text));
}

static void
item_is_sent(bool sent, void *arg)
{
	(void)sent;
	item_release(arg);
}

static void
say_part(struct client *c, struct item *it, const char *from, size_t n)
{
	int result;

	if (n < REFERENCE_LEAST) {
		say_bytes(c, from, n);
		return;
	}
	item_hold(it);
	result = socle_write_ref(&c->sock, from, n, item_is_sent, it);
	if (result < 0) { /* not taken: item_is_sent() is never called */
		item_release(it);
		check_memory(c, result);
	}
}

void
say_item(struct client *c, struct item *it, bool with_cas)
{
	char cas[32];
	int n;

	if (!with_cas) {
		say_part(c, it, it->text, item_text_len(it));
		return;
	}
	n = snprintf(
		cas, sizeof(cas), " %llu\r\n", (unsigned long long)it->cas);
	say_bytes(c, it->text, (size_t)it->head_len - 2);
	say_bytes(c, cas, (size_t)n);
	say_part(c, it, item_value(it), (size_t)it->value_len + 2);
}

double
expiry(int64_t seconds)
{
	if (seconds == 0)
		return 0;
	if (seconds > DAYS_30)
		seconds -= (int64_t)time(NULL);
	return seconds <= 0 ? -1 : socle_now() + (double)seconds;
}
