/*
 * Timers of a loop: those in the application's structs, and those with an
 * identifier, whose structs the library allocates.
 *
 * An identifier is a slot number and the slot's generation.  Once the timer
 * has fired or was cancelled, its identifier matches no slot.
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
	uint32_t slot;
};

struct id_slot {
	struct id_timer *timer; /* NULL: free */
	uint32_t generation;
	uint32_t next_free; /* slot number + 1 */
};

struct socle__timer_ids {
	uint32_t n, free; /* `free' is a slot number + 1, 0: none */
	struct id_slot slots[];
};

int
socle_timer_start(struct socle_timer *t, double seconds)
{
	struct socle__reactor *r = socle__reactor_get();

	if (!r)
		return -ENOMEM;
	socle__timers_add(&r->timers, t,
		socle__add_ns(
			socle__clock_ns(), socle__seconds_to_ns(seconds)));
	return 0;
}

int
socle_timer_start_at(struct socle_timer *t, double when)
{
	struct socle__reactor *r = socle__reactor_get();

	if (!r)
		return -ENOMEM;
	socle__timers_add(&r->timers, t, socle__moment_to_ns(when));
	return 0;
}

void
socle_timer_cancel(struct socle_timer *t)
{
	if (t->order != 0)
		socle__timers_remove(&socle__reactor->timers, t);
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

/* requires: the timers themselves are no longer pending */
static void
timer_ids_reset(struct socle__reactor *r)
{
	struct socle__timer_ids *ids = r->timer_ids;

	if (!ids)
		return;
	r->timer_ids = NULL;
	for (uint32_t i = 0; i < ids->n; i++)
		if (ids->slots[i].timer)
			id_timer_free(r, ids->slots[i].timer);
	sys_free(ids);
}

static const struct socle__part timer_ids_part = {.reset = timer_ids_reset};

static int
ids_grow(struct socle__reactor *r)
{
	struct socle__timer_ids *ids = r->timer_ids;
	uint32_t old = ids ? ids->n : 0;
	uint32_t n = old ? 2 * old : 16;

	ids = sys_realloc(ids, sizeof(*ids) + n * sizeof(ids->slots[0]));
	if (!ids)
		return -ENOMEM;
	if (old == 0)
		ids->free = 0;
	for (uint32_t i = n; i-- > old;) {
		ids->slots[i] = (struct id_slot){
			.generation = 1, .next_free = ids->free};
		ids->free = i + 1;
	}
	ids->n = n;
	r->timer_ids = ids;
	socle__part_register(r, SOCLE__PART_TIMER_IDS, &timer_ids_part);
	return 0;
}

static void
slot_release(struct socle__reactor *r, struct id_timer *t)
{
	struct id_slot *slot = &r->timer_ids->slots[t->slot];

	slot->timer = NULL;
	if (++slot->generation == 0)
		slot->generation = 1; /* no identifier is 0 */
	slot->next_free = r->timer_ids->free;
	r->timer_ids->free = t->slot + 1;
}

static void
id_timer_fire(struct socle_timer *timer)
{
	struct id_timer *t = (struct id_timer *)(void *)timer;
	struct socle__reactor *r = socle__reactor;
	const struct id_timer fired = *t;

	slot_release(r, t);
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
	struct id_slot *slot;

	if (!r)
		return 0;
	if ((!r->timer_ids || !r->timer_ids->free) && ids_grow(r) < 0)
		return 0;
	if (!(t = sys_malloc(sizeof(*t))))
		return 0;
	*t = (struct id_timer){.fn = fn,
		.drop = drop,
		.arg = arg,
		.slot = r->timer_ids->free - 1};
	socle_timer_init_named(arguments, &t->timer, id_timer_fire);
	slot = &r->timer_ids->slots[t->slot];
	r->timer_ids->free = slot->next_free;
	slot->timer = t;
	socle_timer_start(&t->timer, seconds);
	return (uint64_t)slot->generation << 32 | t->slot;
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
	uint32_t at = (uint32_t)id;
	struct id_slot *slot;
	struct id_timer *t;

	if (!r || !r->timer_ids || at >= r->timer_ids->n)
		return false;
	slot = &r->timer_ids->slots[at];
	t = slot->timer;
	if (!t || slot->generation != (uint32_t)(id >> 32))
		return false;
	socle__timers_remove(&r->timers, &t->timer);
	slot_release(r, t);
	id_timer_free(r, t);
	return true;
}
