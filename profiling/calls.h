/*
 * Counting: every call of an application function is made between
 * socle__call_begin() and socle__call_end().
 *
 * This code knows only names and times.  While profiling is off the pair costs a
 * load and a predictable branch.  While it is on, time stamps are chained: at
 * the outermost level the end of one call is the start of the next.  So the
 * library's own work between two calls is counted with the second, and the items
 * add up to the loop's time outside waiting.  A call inside a call is taken off
 * the outer one: sums are exclusive, `longest' is inclusive.
 *
 * Profiling may be switched on and off and cleared at any moment, also inside a
 * call.  A call that started while it was off, or before the counters were
 * cleared, is never counted.  One that started while it was on leaves the stack
 * whatever happened meanwhile.  After a switch calls are not chained until the
 * next wait: the function that made the switch may still be running, uncounted,
 * and its time must not be added to the next call.
 */
#ifndef SOCLE_PROFILING_CALLS_H
#define SOCLE_PROFILING_CALLS_H

#include "profiling/item_name.h"
#include "profiling/profile.h"

#include <stdbool.h>
#include <stddef.h>

struct socle__profile_counter {
	struct socle__profile_counter *next; /* of all, by name */
	uint64_t calls;
	int64_t utime, stime; /* microseconds, exclusive */
	int64_t wall;         /* ns, exclusive */
	int64_t longest;      /* ns, inclusive */
	int64_t whole;        /* ns, the sum of the inclusive times */
	uint64_t histogram[SOCLE_PROFILE_BUCKETS];
	unsigned char split; /* where "Echo-read" has its '-', others ':' */
	char name[SOCLE__ITEM_NAME + 1];
};

/* Maps a kind and a text to a counter. */
struct socle__profile_asked {
	struct socle__profile_asked *next; /* in the bucket */
	struct socle__profile_counter *counter;
	enum socle__item_kind kind;
	char text[];
};

/* A moment, by each clock; 0 for CPU times that were not requested. */
struct socle__stamp {
	int64_t wall;         /* ns; -1: not read */
	int64_t utime, stime; /* microseconds */
};

/* A call in progress; on the stack of the caller. */
struct socle__call {
	struct socle__call *outer;
	struct socle__profile_counter *counter; /* NULL: not counted */
	const void *who; /* handed to the slow hook as it is */
	int64_t began;   /* wall, inclusive; -1: not read */
	uint32_t era;    /* of socle__profile.era when it began */
};

/* All zero is a valid start. */
struct socle__profile {
	unsigned on;    /* SOCLE_PROFILE_ bits, and SOCLE__PROFILE_SLOW */
	unsigned what;  /* the SOCLE_PROFILE_ bits of the data */
	bool unchained; /* until the next wait, see above */
	uint32_t era;   /* grows when the counters are cleared */
	struct socle__call *top;  /* innermost call */
	struct socle__stamp last; /* up to here, time has been accounted */
	int64_t slow_ns;
	void (*slow)(const char *item, int64_t ns, const void *who);
	struct socle__profile_counter *all;
	struct socle__profile_asked *asked[64]; /* hash of text */
};

enum { SOCLE__PROFILE_SLOW = 4 };

/*
 * The counter for (kind, text), made on first use.  `arguments' for the kinds
 * of a function as described above.  Equal names share one counter.  NULL
 * only when there is no memory: then the call is not counted, and its time
 * belongs to no item.
 */
struct socle__profile_counter *socle__profile_counter(
	struct socle__profile *p, enum socle__item_kind kind, const char *text);

/* Sets all to zero; counters stay in place, because calls may be under way. */
void socle__profile_clear(struct socle__profile *p);

/* Frees the counters.  requires: no call under way */
void socle__profile_free(struct socle__profile *p);

/* Charges the time since `last' to `c', or to no item; sets `last' to now. */
void socle__profile_account(
	struct socle__profile *p, const struct socle__call *c);

/* Switches on (WALL, CPU; 0 is both) with cleared counters. */
static inline void
socle__profile_enable(struct socle__profile *p, unsigned what)
{
	p->what = what ? what : SOCLE_PROFILE_WALL | SOCLE_PROFILE_CPU;
	p->on = p->what | (p->on & SOCLE__PROFILE_SLOW);
	socle__profile_clear(p);
}

/* Switches off and keeps the data. */
static inline void
socle__profile_disable(struct socle__profile *p)
{
	p->on &= SOCLE__PROFILE_SLOW;
}

/*
 * Sets the slow hook, which is independent of the rest; ns <= 0 or NULL switches
 * it off.  It is called right after the call, with the call's inclusive time, and
 * may do anything; its own time belongs to no item.
 */
static inline void
socle__profile_set_slow(struct socle__profile *p, int64_t ns,
	void (*slow)(const char *item, int64_t ns, const void *who))
{
	bool on = slow && ns > 0;

	p->on = (p->on & (SOCLE_PROFILE_WALL | SOCLE_PROFILE_CPU)) |
		(on ? SOCLE__PROFILE_SLOW : 0);
	p->slow = on ? slow : NULL;
	p->slow_ns = on ? ns : 0;
	p->unchained = true;
}

/*
 * Around a wait for the kernel: the time before it is charged to the call that
 * waits, if any, the wait itself to no item.
 */
static inline void
socle__profile_before_wait(struct socle__profile *p)
{
	if (p->on && p->top)
		socle__profile_account(p, p->top);
}

static inline void
socle__profile_after_wait(struct socle__profile *p)
{
	if (p->on) {
		socle__profile_account(p, NULL);
		p->unchained = false;
	}
}

/*
 * Called when the outermost loop ends: until the next wait the time between
 * calls belongs to the application, and calls are not chained.
 */
static inline void
socle__profile_unchain(struct socle__profile *p)
{
	p->unchained = true;
}

/* The time since the last call belongs to no call, and to no item. */
static inline void
socle__profile_unowned(struct socle__profile *p)
{
	if (__builtin_expect(p->on != 0, 0) && !p->top)
		socle__profile_account(p, NULL);
}

/*
 * The pair.  `cache', which may be NULL, is a place that starts as NULL and
 * saves the look-up from the second call on; it stays valid until
 * socle__profile_free().  `who' goes to the slow hook.  Usage:
 *
 *	struct socle__call call;
 *	bool counted = socle__call_begin(p, &call, NULL, kind, text, who);
 *	fn(arg);
 *	socle__call_end(p, &call, counted);
 */
void socle__call_enter(struct socle__profile *p, struct socle__call *c,
	struct socle__profile_counter **cache, enum socle__item_kind kind,
	const char *text, const void *who);
void socle__call_leave(struct socle__profile *p, struct socle__call *c);

static inline bool
socle__call_begin(struct socle__profile *p, struct socle__call *c,
	struct socle__profile_counter **cache, enum socle__item_kind kind,
	const char *text, const void *who)
{
	if (__builtin_expect(p->on == 0, 1))
		return false;
	socle__call_enter(p, c, cache, kind, text, who);
	return true;
}

static inline void
socle__call_end(struct socle__profile *p, struct socle__call *c, bool counted)
{
	if (__builtin_expect(counted, 0))
		socle__call_leave(p, c);
}

#endif
