/*
 * That of all sockets goes by fd, a row at a time: objects may be made, closed and
 * stolen between two rows.
 */
#include "daemon/listing.h"

#include "daemon/output.h"
#include "profiling/item_name.h"
#include "reactor/reactor.h"
#include "sockets/factory/passed.h"
#include "sockets/totals.h"
#include "sockets/write/queue.h"
#include "timers/next.h"

#include "seam.h"

#include <strings.h>

enum { TIMERS_USUAL = 10 };

/* ---- sockets ---- */

static void
print_head(struct socle_console *c)
{
	socle_console_print(c, "%5s %6s", "fd", "age");
}

/* Formatting it is the class's, which may do anything. */
static void
print_socket(struct socle_console *c, struct socle_socket *s)
{
	int64_t age = socle__age_of(&socle__console()->ages, &s->d);
	int fd = s->d.fd;
	char text[512];

	(void)socle_as_string(s, text, sizeof(text));
	socle_console_print(c, "%5d %5llds %s", fd, (long long)age, text);
}

/* `arg': the name of the class, or NULL. */
static bool
print_next_socket(struct socle_console *c, void *arg)
{
	while (c->at < socle__reactor->map_size) {
		struct socle_socket *s = socle__object_at((int)c->at++);

		if (!s || (arg && strcmp(socle_class_of(s)->name, arg) != 0))
			continue;
		print_socket(c, s);
		return true;
	}
	return false;
}

static void
count_file(struct socle_socket *s, void *arg)
{
	const struct socle__item *next =
		s->queued > 0 && socle__class_of(s)->transport->is_stream
		? socle__queue_next(s)
		: NULL;

	*(size_t *)arg += next && next->type == SOCLE__FILE;
}

static void
print_summary(struct socle_console *c)
{
	struct socle__class_total *all;
	size_t bytes = 0, files = 0;
	int n = socle__class_totals(&all);

	if (n < 0) {
		socle_console_error(c, "out of memory");
		return;
	}
	for (int i = 0; i < n; i++) {
		socle_console_print(c, "%5zu %s", all[i].objects, all[i].name);
		bytes += all[i].bytes;
	}
	sys_free(all);
	socle_each_descriptor(count_file, &files);
	socle_console_print(c, "Aggregate write buffer: %sk",
		socle__decimal(bytes * 1000 / 1024).text);
	socle_console_print(c, "            Open files: %zu", files);
	socle_console_end(c);
}

struct socle_socket *
socle__console_socket(const char *fd)
{
	uint64_t n;

	return socle__number_parse(fd, INT_MAX, &n) ? socle__object_at((int)n)
						    : NULL;
}

static void
print_one(struct socle_console *c, struct socle_socket *s)
{
	if (!s) {
		socle_console_error(c, "no such socket");
		return;
	}
	print_head(c);
	print_socket(c, s);
	socle_console_end(c);
}

/* The name as its class has it, which outlives the listing. */
static void *
class_name(const char *text)
{
	union {
		const char *name;
		void *arg;
	} u = {NULL};

	for (struct socle__class *k = socle__reactor->classes; k; k = k->next)
		if (strcasecmp(k->flat.name, text) == 0)
			u.name = k->flat.name;
	return u.arg;
}

void
socle__console_socks(struct socle_console *c, int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "all";
	bool is_class = argc == 3 && strcasecmp(mode, "class") == 0;
	void *name = is_class ? class_name(argv[2]) : NULL;

	if (argc == 3 && strcasecmp(mode, "fd") == 0) {
		print_one(c, socle__console_socket(argv[2]));
	} else if (is_class && !name) {
		socle_console_error(c, "Class not found.");
	} else if (argc > 2 && !is_class) {
		socle__console_invalid(c, argv);
	} else if (strcasecmp(mode, "summary") == 0) {
		print_summary(c);
	} else if (is_class || strcasecmp(mode, "all") == 0) {
		print_head(c);
		socle_console_rows(c, print_next_socket, NULL, name);
	} else {
		socle_console_end(c); /* as Perlbal answers other words */
	}
}

/* ---- by class ---- */

static void
print_states(struct socle_console *c, const struct socle__class_total *t)
{
	for (int i = 0; i < SOCLE__ACTIVITIES; i++)
		if (t->by_activity[i] > 0)
			socle_console_print(c, "%s %s %zu", t->name,
				socle__activity_names[i], t->by_activity[i]);
}

static void
print_queue(struct socle_console *c, const struct socle__class_total *t)
{
	socle_console_print(c, "%s-write.age %lld", t->name,
		(long long)(t->oldest_ns / 1000000000));
	socle_console_print(c, "%s-write.count %zu", t->name, t->queued);
	socle_console_print(c, "%s-write.bytes %zu", t->name, t->bytes);
	socle_console_print(c, "%s-write.max %zu", t->name, t->most);
}

/* Of the class of that name, or of all. */
static void
print_totals(struct socle_console *c, const char *name,
	void (*print)(
		struct socle_console *c, const struct socle__class_total *t))
{
	struct socle__class_total *all;
	int n = socle__class_totals(&all);

	if (n < 0) {
		socle_console_error(c, "out of memory");
		return;
	}
	for (int i = 0; i < n; i++)
		if (!name || strcmp(name, all[i].name) == 0)
			print(c, &all[i]);
	sys_free(all);
	socle_console_end(c);
}

void
socle__console_states(struct socle_console *c, int argc, char **argv)
{
	const char *name = argc > 1 ? class_name(argv[1]) : NULL;

	if (argc > 1 && !name)
		socle_console_error(c, "Class not found.");
	else
		print_totals(c, name, print_states);
}

void
socle__console_queues(struct socle_console *c)
{
	print_totals(c, NULL, print_queue);
}

/* ---- timers ---- */

static void
print_timer(struct socle_console *c, int64_t deadline, const char *name)
{
	int64_t left = deadline - socle__now(socle__reactor);
	char item[SOCLE__ITEM_NAME + 1] = "(library)";

	if (name != socle__own_timer)
		(void)socle__item_name(SOCLE__ITEM_TIMER, name, item);
	socle_console_print(c, "%ss %s",
		socle__decimal(left > 0 ? (uint64_t)left / 1000000 : 0).text,
		item);
}

void
socle__console_timers(struct socle_console *c, int argc, char **argv)
{
	struct socle__next_timers next = {.n = 0, .most = TIMERS_USUAL};

	if (argc == 1 || (argc == 2 && strcasecmp(argv[1], "count") == 0)) {
		socle_console_print(
			c, "count %zu", socle__reactor->timers.pending);
	} else if (strcasecmp(argv[1], "next") == 0 && argc <= 3 &&
		(argc == 2 ||
			(socle__number_parse(
				 argv[2], SOCLE__NEXT_MOST, &next.most) &&
				next.most > 0))) {
		socle__timers_next_list(&socle__reactor->timers, &next);
		for (uint64_t i = 0; i < next.n; i++)
			print_timer(c, next.at[i].deadline, next.at[i].name);
	} else {
		socle__console_invalid(c, argv);
		return;
	}
	socle_console_end(c);
}

/* ---- slow handlers ---- */

static void
print_slow(struct socle_console *c, const struct socle__slow_calls *s)
{
	int64_t now = socle__now(socle__reactor);
	size_t n = s->n, kept = SOCLE__SLOW_KEPT;

	for (size_t i = n > kept ? n - kept : 0; i < n; i++) {
		const struct socle__slow_call *call = &s->last[i % kept];

		socle_console_print(c, "%5llds %sms %s fd %d %s",
			(long long)((now - call->ended) / 1000000000),
			socle__decimal((uint64_t)call->ns / 1000).text,
			call->item, call->fd, call->peer);
	}
	socle_console_end(c);
}

void
socle__console_slow(struct socle_console *c, int argc, char **argv)
{
	uint64_t ms = 0;

	if (argc == 1 || (argc == 2 && strcasecmp(argv[1], "list") == 0)) {
		print_slow(c, &socle__console()->slow);
	} else if (argc == 2 &&
		(strcasecmp(argv[1], "off") == 0 ||
			(socle__number_parse(argv[1], 86400000, &ms) &&
				ms > 0))) {
		socle__slow_watch(
			&socle__console()->slow, (int64_t)ms * 1000000);
		socle_console_ok(c);
	} else {
		socle_console_error(c, "usage: SLOW [milliseconds|off|list]");
	}
}
