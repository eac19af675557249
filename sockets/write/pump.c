/*
 * The pump.
 *
 * Moving bytes and running callbacks are separate: no I/O is in progress while
 * a callback runs, and every field is consistent.  So a callback may do
 * anything, including running a nested loop that pumps the same socket.  The
 * state is examined again after each callback.
 *
 * While a pump is on the stack (PUMPING), it sends what its callbacks queue, so
 * that a closure that queues a closure does not recurse.  Meanwhile the FLUSH
 * turn is open, for a loop that is nested in a callback.
 */
#include "sockets/write/pump.h"

#include "reactor/log.h"
#include "sockets/activity.h"
#include "sockets/end.h"
#include "sockets/linger.h"
#include "sockets/timeouts.h"
#include "sockets/write/await.h"
#include "sockets/write/file.h"
#include "sockets/write/flush.h"

#include <string.h>

enum { BYTES_A_PUMP = 1 << 20, ROUNDS_A_PUMP = 64 };

/* ---- callbacks ---- */

/* Sets or clears PUMPING or REPORTING; returns the old value. */
static uint32_t
flag_swap(struct socle_socket *s, uint32_t flag, uint32_t to)
{
	uint32_t before = s->d.bits & flag;

	s->d.bits = (s->d.bits & ~flag) | to;
	return before;
}

/* Calls the callback of a finished item, and frees what the item holds. */
static SOCLE__NOINLINE void
call_finished(struct socle_socket *s, struct socle__item *item)
{
	uint32_t outer = flag_swap(s, SOCLE__REPORTING, SOCLE__REPORTING);
	struct socle__callback c;

	socle__callback_begin_plain(socle__reactor, &c);
	if (item->type == SOCLE__FILE)
		socle__file_end(s, item->u.file);
	else if (item->type == SOCLE__BORROWED && item->u.release)
		item->u.release(item->sent, item->arg);
	else if (item->type == SOCLE__CLOSURE && item->u.closure.drop)
		item->u.closure.drop(item->arg);
	socle__callback_end(socle__reactor, &c);
	(void)flag_swap(s, SOCLE__REPORTING, outer);
}

/*
 * Stops in a child that one of the callbacks has forked: the rest are called
 * when the child continues with the object, or destroys it.
 */
static void
run_finished(struct socle_socket *s)
{
	struct socle__item *item;

	while (!socle__has(s, SOCLE__IN_WRITER) &&
		socle__may_call(socle__reactor) &&
		(item = socle__queue_take_finished(s))) {
		if (item->type != SOCLE__BYTES)
			call_finished(s, item);
		socle__item_free(item);
	}
}

/* Its writes may be sent at once.  requires: the next item is a closure */
static SOCLE__NOINLINE void
run_closure(struct socle_socket *s)
{
	struct socle__item *item = socle__queue_next(s);
	void (*fn)(struct socle_socket * s, void *arg) = item->u.closure.fn;
	void *arg = item->arg;
	uint32_t outer = flag_swap(s, SOCLE__REPORTING, 0);
	struct socle__callback c;

	socle__queue_finish(s, item, true);
	socle__item_free(socle__queue_take_finished(s));
	socle__object_callback_begin(s, &c, SOCLE__ITEM_CLOSURE);
	fn(s, arg);
	socle__callback_end(socle__reactor, &c);
	(void)flag_swap(s, SOCLE__REPORTING, outer);
}

void
socle__mark_crossed(struct socle_socket *s)
{
	struct socle__extra *x = s->extra;
	bool above = socle__has(s, SOCLE__ABOVE);
	struct socle__callback c;
	uint32_t outer;

	if (socle__is_gone(s) ||
		(above ? s->queued > x->low : s->queued <= x->high))
		return;
	s->d.bits ^= SOCLE__ABOVE;
	outer = flag_swap(s, SOCLE__REPORTING, SOCLE__REPORTING);
	socle__callback_begin_plain(socle__reactor, &c);
	x->mark(s, !above, x->mark_arg);
	socle__callback_end(socle__reactor, &c);
	(void)flag_swap(s, SOCLE__REPORTING, outer);
}

/* requires: the class has event_drain */
static SOCLE__NOINLINE void
call_drain(struct socle_socket *s)
{
	uint32_t outer;
	struct socle__callback c;

	if (socle__is_gone(s) || socle__has(s, SOCLE__ENDING))
		return;
	outer = flag_swap(s, SOCLE__REPORTING, SOCLE__REPORTING);
	socle__object_callback_begin(s, &c, SOCLE__ITEM_DRAIN);
	socle__class_of(s)->flat.event_drain(s);
	socle__callback_end(socle__reactor, &c);
	(void)flag_swap(s, SOCLE__REPORTING, outer);
}

/* Not inside itself: a loop nested in it may block again. */
static SOCLE__NOINLINE void
call_incomplete(struct socle_socket *s)
{
	struct socle__callback c;

	if (!socle__class_of(s)->flat.incomplete_write ||
		socle__has(s, SOCLE__IN_INCOMPLETE))
		return;
	s->d.bits |= SOCLE__IN_INCOMPLETE;
	socle__callback_begin_plain(socle__reactor, &c);
	socle__class_of(s)->flat.incomplete_write(s);
	socle__callback_end(socle__reactor, &c);
	s->d.bits &= ~(uint32_t)SOCLE__IN_INCOMPLETE;
}

/* ---- write errors ---- */

void
socle__write_error_set(struct socle_socket *s, int err)
{
	s->write_error = (uint16_t)-err;
	s->d.bits |= SOCLE__SPECIAL;
}

void
socle__close_for_write_error(struct socle_socket *s, const char *reason)
{
	socle__log(1, "Closing #%d due to write error: %s", s->d.fd,
		strerror(s->write_error));
	socle__close_broken(s, reason);
	if (socle__is_closed(s))
		return;
	s->d.bits &= ~(uint32_t)SOCLE__USER_WRITE;
	socle__socket_interest(s);
	socle__pump_drop(s);
}

void
socle__pump_drop(struct socle_socket *s)
{
	if (!s->queue)
		return;
	socle__queue_finish_all(s);
	if (!socle__is_closed(s))
		socle__queue_await(s);
	run_finished(s);
}

/* ---- the pump ---- */

struct pump {
	struct socle__flush flush;
	int rounds;   /* budget: a flush, its callbacks and a closure each */
	bool blocked; /* the last flush ended with BLOCKED */
};

static inline bool
may_pump(const struct socle_socket *s)
{
	return !socle__is_gone(s) && !s->write_error && s->queued &&
		!socle__has(s, SOCLE__CONNECTING | SOCLE__IN_WRITER);
}

/* Flushes once and records the result. */
static void
flush(struct socle_socket *s, struct pump *p)
{
	enum socle__flush_end end;

	socle__queue_unblocked(s);
	end = socle__flush_queue(s, &p->flush);
	if (socle__is_closed(s))
		return;
	p->blocked = end == SOCLE__FLUSH_BLOCKED;
	if (p->blocked)
		socle__queue_blocked(s, p->flush.err);
	if (end == SOCLE__FLUSH_BROKEN)
		socle__write_error_set(s, p->flush.err);
	socle__queue_await(s);
}

/* One round.  True: the pump continues. */
static bool
pump_once(struct socle_socket *s, struct pump *p)
{
	flush(s, p);
	if (!socle__is_forked(socle__reactor))
		run_finished(s);
	if (!may_pump(s) || socle__has(s, SOCLE__BLOCKED))
		return false;
	if (socle__queue_next(s)->type == SOCLE__CLOSURE) {
		run_closure(s);
		if (!socle__is_gone(s))
			socle__queue_await(s);
	}
	return --p->rounds > 0 && p->flush.bytes > 0 && may_pump(s) &&
		!socle__has(s, SOCLE__BLOCKED);
}

/* The callbacks that follow once the bytes have moved. */
static void
report(struct socle_socket *s, bool blocked)
{
	if (s->queued)
		s->d.bits |= SOCLE__UNDRAINED;
	if (blocked)
		call_incomplete(s);
	if (!s->queued && socle__has(s, SOCLE__UNDRAINED)) {
		s->d.bits &= ~(uint32_t)SOCLE__UNDRAINED;
		if (socle__class_of(s)->flat.event_drain)
			call_drain(s);
	}
	socle__marks_check(s);
	if (socle__has(s, SOCLE__ENDING) && !socle__is_gone(s) && !s->queued)
		socle__close_or_linger(s);
}

/* `once': stops after one round, and so after one closure. */
static void
pump(struct socle_socket *s, bool once)
{
	struct pump p = {.flush.bytes = BYTES_A_PUMP, .rounds = ROUNDS_A_PUMP};
	uint32_t outer;

	if (!may_pump(s))
		return;
	outer = flag_swap(s, SOCLE__PUMPING, SOCLE__PUMPING);
	while (pump_once(s, &p) && !once)
		;
	(void)flag_swap(s, SOCLE__PUMPING, outer);
	if (socle__is_gone(s))
		return;
	if (p.flush.reason) {
		socle__close_for_write_error(s, p.flush.reason);
		return;
	}
	report(s, p.blocked && socle__has(s, SOCLE__BLOCKED));
}

void
socle__pump(struct socle_socket *s)
{
	pump(s, false);
}

void
socle__pump_blocked(struct socle_socket *s, int err)
{
	socle__moved(s);
	socle__queue_blocked(s, err);
	socle__queue_await(s);
	report(s, true);
}

bool
socle__pump_waits(const struct socle_socket *s)
{
	return socle__has(s,
		SOCLE__CONNECTING | SOCLE__PUMPING | SOCLE__REPORTING |
			SOCLE__BLOCKED);
}

/*
 * A closure that is alone in the queue waits for no bytes, so it runs even if
 * autoflush is off; what it writes is held back.
 */
void
socle__pump_queued(struct socle_socket *s)
{
	uint8_t type = socle__queue_next(s)->type;
	bool held = socle__has(s, SOCLE__HOLD);

	if (type == SOCLE__BYTES || type == SOCLE__FILE)
		s->d.bits |= SOCLE__UNDRAINED;
	if (!socle__pump_waits(s) && (!held || type == SOCLE__CLOSURE)) {
		pump(s, held);
		return;
	}
	socle__queue_await(s);
	if (socle__has(s, SOCLE__CONNECTING))
		socle__stall_start(s);
	s->d.bits |= SOCLE__UNDRAINED;
	socle__marks_check(s);
}
