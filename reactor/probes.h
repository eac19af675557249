/*
 * Static probes (USDT) for bpftrace, SystemTap and perf, in a library that was
 * built with `make USDT=1'.  Each is one nop and a note in the file; without
 * USDT=1 it is nothing, and its arguments are not evaluated.
 *
 * Tracers know the probes by name and position, so the names and the order of
 * the arguments are part of the interface: docs/profiling.md has the list.
 */
#ifndef SOCLE_REACTOR_PROBES_H
#define SOCLE_REACTOR_PROBES_H

#ifdef SOCLE_USDT

#include "profiling/calls.h"
#include "reactor/descriptor.h"

#include <sys/sdt.h>

#define SOCLE__PROBE1(name, a) DTRACE_PROBE1(socle, name, a)
#define SOCLE__PROBE2(name, a, b) DTRACE_PROBE2(socle, name, a, b)
#define SOCLE__PROBE3(name, a, b, c) DTRACE_PROBE3(socle, name, a, b, c)
#define SOCLE__PROBE4(name, a, b, c, d) DTRACE_PROBE4(socle, name, a, b, c, d)

/* What handler_start said, for handler_done: the handler may change all of it. */
struct socle__handler {
	const char
		*item; /* NULL: a call without an item, of which none tells */
	const char *event; /* "read" */
	int fd;            /* -1: none, or not known */
	const void *object;
};
#define SOCLE__HANDLER struct socle__handler handler;

static inline void
socle__probe_handler_start(struct socle__handler *h, enum socle__item_kind kind,
	const char *text, const struct socle_descriptor *d)
{
	static const char *const events[] = {"read", "write", "err", "hup",
		"drain", "timeout", "closure", "accepted", "destroy",
		"post-loop", "timer", "deferred", "posted", "other-fd",
		"signal", "post-loop", "done"};
	_Static_assert(sizeof(events) / sizeof(events[0]) == SOCLE__ITEM_KINDS,
		"events");

	h->item = text ? text : "(unnamed)";
	h->event = events[kind];
	h->fd = d ? d->fd : -1;
	h->object = d;
	SOCLE__PROBE4(handler_start, h->item, h->event, h->fd, h->object);
}

static inline void
socle__probe_handler_done(const struct socle__handler *h)
{
	if (h->item)
		SOCLE__PROBE4(
			handler_done, h->item, h->event, h->fd, h->object);
}

#define SOCLE__HANDLER_START(c, kind, text, who)                               \
	socle__probe_handler_start(&(c)->handler, kind, text, who)
#define SOCLE__HANDLER_NONE(c) ((c)->handler.item = NULL)
#define SOCLE__HANDLER_DONE(c) socle__probe_handler_done(&(c)->handler)

#else

#define SOCLE__PROBE1(name, a) ((void)sizeof(a))
#define SOCLE__PROBE2(name, a, b) ((void)sizeof(a), SOCLE__PROBE1(name, b))
#define SOCLE__PROBE3(name, a, b, c)                                           \
	((void)sizeof(a), SOCLE__PROBE2(name, b, c))
#define SOCLE__PROBE4(name, a, b, c, d)                                        \
	((void)sizeof(a), SOCLE__PROBE3(name, b, c, d))
#define SOCLE__HANDLER
#define SOCLE__HANDLER_START(c, kind, text, who) ((void)0)
#define SOCLE__HANDLER_NONE(c) ((void)0)
#define SOCLE__HANDLER_DONE(c) ((void)0)

#endif

#endif
