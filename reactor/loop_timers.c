/*
 * Timers of a loop: those in the application's structs, and those with an
 * identifier, whose structs the library allocates.
 *
 * An identifier is a number that no other timer of the process ever had: above
 * OF_A_LOOP bits the number of its loop, below them that of the timer.  A hash
 * table with linear probing finds the timer.  It grows when half of it is in
 * use, and shrinks when less than an eighth is.
 */
#include "reactor/loop.h"
#include "reactor/owned_arg.h"
#include "reactor/reactor.h"

#include "seam.h"

struct id_timer {
	struct socle_timer timer; /* first */
	void (*fn)(void *arg);
	void (*drop)(void *arg);
	void *arg;
	socle_timer_id id;
};

enum { SMALLEST = 16, HASH_BITS = 32, OF_A_LOOP = 40 };
enum { LAG = 100000000 }; /* of the timers' time behind the clock, ns */

struct socle__timer_ids {
	uint32_t n;            /* timers */
	uint32_t size;         /* a power of two */
	struct id_timer *at[]; /* NULL: free */
};

static inline int
start(struct socle__reactor *r, struct socle_timer *t, int64_t now,
	int64_t deadline)
{
	if (socle__unlikely(now - r->timers.advanced > LAG))
		socle__timers_advance(&r->timers, now);
	socle__timers_add(&r->timers, &t->node, deadline);
	return 0;
}

int
socle_timer_start(struct socle_timer *t, double seconds)
{
	struct socle__reactor *r = socle__reactor_get();
	int64_t now;

	if (!r)
		return -ENOMEM;
	now = socle__clock_ns();
	return start(
		r, t, now, socle__add_ns(now, socle__seconds_to_ns(seconds)));
}

int
socle_timer_start_at(struct socle_timer *t, double when)
{
	struct socle__reactor *r = socle__reactor_get();

	return r ? start(r, t, r->now, socle__moment_to_ns(when)) : -ENOMEM;
}

void
socle_timer_cancel(struct socle_timer *t)
{
	if (t->node.order != 0)
		socle__timers_remove(&socle__reactor->timers, &t->node);
}

/* requires: not pending; it will never fire */
static void
id_timer_free(struct socle__reactor *r, struct id_timer *t)
{
	void (*drop)(void *arg) = t->drop;
	void *arg = t->arg;

	sys_free(t);
	if (drop)
		socle__arg_drop(r, drop, arg);
}

static void
timer_ids_reset(struct socle__reactor *r)
{
	r->ids_to_drop = r->timer_ids;
	r->timer_ids = NULL;
}

/* requires: the timers themselves are no longer pending */
static void
timer_ids_drop(struct socle__reactor *r)
{
	struct socle__timer_ids *ids = r->ids_to_drop;

	if (!ids)
		return;
	r->ids_to_drop = NULL;
	for (uint32_t i = 0; i < ids->size; i++)
		if (ids->at[i])
			id_timer_free(r, ids->at[i]);
	sys_free(ids);
}

static const struct socle__part timer_ids_part = {
	.reset = timer_ids_reset,
	.drop = timer_ids_drop,
};

/* Where the search for an identifier begins; any step between them spreads. */
static uint32_t
home_of(const struct socle__timer_ids *ids, socle_timer_id id)
{
	uint32_t hash =
		(uint32_t)(id * UINT64_C(0x9e3779b97f4a7c15) >> HASH_BITS);

	return (uint32_t)((uint64_t)hash * ids->size >> HASH_BITS);
}

/* The place of the identifier, or the free one that ends the search for it. */
static uint32_t
place_of(const struct socle__timer_ids *ids, socle_timer_id id)
{
	uint32_t i = home_of(ids, id);

	while (ids->at[i] && ids->at[i]->id != id)
		i = (i + 1) & (ids->size - 1);
	return i;
}

static int
ids_resize(struct socle__reactor *r, uint32_t size)
{
	struct socle__timer_ids *old = r->timer_ids;
	struct socle__timer_ids *ids =
		sys_calloc(1, sizeof(*ids) + size * sizeof(ids->at[0]));

	if (!ids)
		return -ENOMEM;
	ids->size = size;
	for (uint32_t i = 0; old && i < old->size; i++) {
		if (!old->at[i])
			continue;
		ids->at[place_of(ids, old->at[i]->id)] = old->at[i];
		ids->n++;
	}
	sys_free(old);
	r->timer_ids = ids;
	socle__part_register(r, SOCLE__PART_TIMER_IDS, &timer_ids_part);
	return 0;
}

static int
ids_reserve(struct socle__reactor *r)
{
	static _Atomic uint64_t loops;
	const struct socle__timer_ids *ids = r->timer_ids;

	if (r->newest_timer == 0)
		r->newest_timer = loops++ << OF_A_LOOP;
	if (!ids)
		return ids_resize(r, SMALLEST);
	return ids->n < ids->size / 2 ? 0 : ids_resize(r, 2 * ids->size);
}

/* Those behind a place that becomes free move up, if their search ends there. */
static void
id_remove(struct socle__reactor *r, const struct id_timer *t)
{
	struct socle__timer_ids *ids = r->timer_ids;
	uint32_t last = ids->size - 1;
	uint32_t hole = place_of(ids, t->id), i = hole;

	while (ids->at[i = (i + 1) & last]) {
		uint32_t home = home_of(ids, ids->at[i]->id);

		if (((i - home) & last) < ((i - hole) & last))
			continue;
		ids->at[hole] = ids->at[i];
		hole = i;
	}
	ids->at[hole] = NULL;
	ids->n--;
	if (ids->n < ids->size / 8 && ids->size > SMALLEST)
		(void)ids_resize(r, ids->size / 2); /* or stays as large */
}

static void
id_timer_fire(struct socle_timer *timer)
{
	struct id_timer *t = (struct id_timer *)(void *)timer;
	struct socle__reactor *r = socle__reactor;
	const struct id_timer fired = *t;

	id_remove(r, t);
	sys_free(t);
	fired.fn(fired.arg);
	if (fired.drop)
		socle__arg_drop(r, fired.drop, fired.arg);
}

static socle_timer_id
id_timer_add(const char *arguments, double seconds, void (*fn)(void *arg),
	void (*drop)(void *arg), void *arg)
{
	struct socle__reactor *r = socle__reactor_get();
	struct id_timer *t;

	if (!r || ids_reserve(r) < 0 || !(t = sys_malloc(sizeof(*t))))
		return 0;
	*t = (struct id_timer){
		.fn = fn, .drop = drop, .arg = arg, .id = ++r->newest_timer};
	socle_timer_init_named(arguments, &t->timer, id_timer_fire);
	r->timer_ids->at[place_of(r->timer_ids, t->id)] = t;
	r->timer_ids->n++;
	socle_timer_start(&t->timer, seconds);
	return t->id;
}

socle_timer_id
socle_add_timer_named(
	const char *arguments, double seconds, void (*fn)(void *arg), void *arg)
{
	return id_timer_add(arguments, seconds, fn, NULL, arg);
}

socle_timer_id
socle_add_timer_or_drop(double seconds, void (*fn)(void *arg),
	void (*drop)(void *arg), void *arg)
{
	return id_timer_add(NULL, seconds, fn, drop, arg);
}

#undef socle_add_timer
socle_timer_id
socle_add_timer(double seconds, void (*fn)(void *arg), void *arg)
{
	return socle_add_timer_named(NULL, seconds, fn, arg);
}

bool
socle_cancel_timer(socle_timer_id id)
{
	struct socle__reactor *r = socle__reactor;
	struct id_timer *t;

	if (!r || !r->timer_ids)
		return false;
	t = r->timer_ids->at[place_of(r->timer_ids, id)];
	if (!t)
		return false;
	socle__timers_remove(&r->timers, &t->timer.node);
	id_remove(r, t);
	id_timer_free(r, t);
	return true;
}
