/* backends.h describes the functions. */
#include "proxy/backends.h"

#include "common/proxy_header.h"
#include "proxy/settings.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct backend backends[BACKENDS_MOST];
static size_t n_backends;
static struct socle_timer check_timer;

/* ---- the list ---- */

static bool
backend_add(const char *text, size_t len)
{
	struct backend *b = &backends[n_backends];

	if (n_backends == BACKENDS_MOST || len == 0 || len >= sizeof(b->name))
		return false;
	memcpy(b->name, text, len);
	b->bit = (uint64_t)1 << n_backends++;
	return socle_addr_parse(&b->addr, b->name, 0) == 0 &&
		socle_addr_port(&b->addr) != 0;
}

bool
backends_take(const char *value)
{
	size_t n = strcspn(value, ",");

	for (; value[n] == ','; value += n + 1, n = strcspn(value, ","))
		if (!backend_add(value, n))
			return false;
	return backend_add(value, n);
}

static bool
is_better(const struct backend *b, const struct backend *than)
{
	if (b->failed != than->failed)
		return than->failed;
	return b->connections < than->connections;
}

struct backend *
backends_choose(uint64_t tried)
{
	static size_t turn;
	struct backend *best = NULL;

	turn++;
	for (size_t i = 0; i < n_backends; i++) {
		struct backend *b = &backends[(turn + i) % n_backends];

		if (!(tried & b->bit) && (!best || is_better(b, best)))
			best = b;
	}
	return best;
}

/* ---- their state ---- */

void
backend_works(struct backend *b)
{
	if (b->failed)
		fprintf(stderr, "proxy: %s is back\n", b->name);
	b->failed = false;
}

static bool
is_of_this_machine(int err)
{
	return err == -ENOMEM || err == -ENOBUFS || err == -EMFILE ||
		err == -ENFILE || err == -ENOSPC || err == -EADDRNOTAVAIL;
}

void
backend_fails(struct backend *b, int err)
{
	if (!b->failed || is_of_this_machine(err))
		fprintf(stderr, "proxy: %s: %s\n", b->name, strerror(-err));
	if (!is_of_this_machine(err))
		b->failed = true;
}

/* ---- checks ---- */

static void
check_ends(struct backend *b)
{
	socle_factory_free(b->check);
	b->check = NULL;
}

/* A backend that expects a header would log that it was missing. */
static void
checked(struct socle_factory *f, int fd, const struct socle_addr *peer,
	void *arg)
{
	struct proxy_header h = {.version = settings.proxy_out, .local = true};
	char text[PROXY_HEADER_ROOM];

	(void)f;
	(void)peer;
	if (settings.proxy_out) {
		int n = proxy_header_write(text, &h);

		(void)send(fd, text, (size_t)n, MSG_NOSIGNAL);
	}
	close(fd);
	check_ends(arg);
	backend_works(arg);
}

static void
check_failed(
	struct socle_factory *f, const struct socle_failure *why, void *arg)
{
	(void)f;
	check_ends(arg);
	backend_fails(arg, why->err);
}

static void
check(struct socle_timer *t)
{
	for (struct backend *b = backends; b < backends + n_backends; b++) {
		struct socle_factory_params p = {.remote_addr = &b->addr,
			.connect_timeout = settings.connect_timeout,
			.success = checked,
			.failure = check_failed,
			.arg = b};

		/* Without memory: the next one will tell. */
		if (!b->check && socle_factory_new(&p, &b->check) < 0)
			b->check = NULL;
	}
	socle_timer_start(t, settings.check_every);
}

void
backends_check(void)
{
	socle_timer_init(&check_timer, check);
	check(&check_timer);
}
