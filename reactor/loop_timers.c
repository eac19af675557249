/*
 * Timers with a loop under them: those in the user's struct, and those with
 * an identifier, which are structs of the library's own.
 *
 * An identifier is a slot number and the slot's generation, so that one whose
 * timer fired or was cancelled finds nothing.
 */
#include "reactor/core.h"

#include "seam.h"

struct id_timer {
	struct socle_timer timer; /* first */
	void (*fn)(void *arg);
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
	struct socle__loop *l = socle__loop_get();

	if (!l)
		return -ENOMEM;
	socle__timers_add(&l->timers, t,
		socle__add_ns(
			socle__clock_ns(), socle__seconds_to_ns(seconds)));
	return 0;
}

int
socle_timer_start_at(struct socle_timer *t, double when)
{
	struct socle__loop *l = socle__loop_get();

	if (!l)
		return -ENOMEM;
	socle__timers_add(&l->timers, t, socle__moment_to_ns(when));
	return 0;
}

void
socle_timer_cancel(struct socle_timer *t)
{
	if (t->order != 0)
		socle__timers_remove(&socle__loop->timers, t);
}

static int
ids_grow(struct socle__loop *l)
{
	struct socle__timer_ids *ids = l->timer_ids;
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
	l->timer_ids = ids;
	return 0;
}

static void
slot_release(struct socle__loop *l, struct id_timer *t)
{
	struct id_slot *slot = &l->timer_ids->slots[t->slot];

	slot->timer = NULL;
	if (++slot->generation == 0)
		slot->generation = 1; /* no identifier is 0 */
	slot->next_free = l->timer_ids->free;
	l->timer_ids->free = t->slot + 1;
}

static void
id_timer_fire(struct socle_timer *timer)
{
	struct id_timer *t = (struct id_timer *)(void *)timer;
	void (*fn)(void *arg) = t->fn;
	void *arg = t->arg;

	slot_release(socle__loop, t);
	sys_free(t);
	fn(arg);
}

socle_timer_id
socle_add_timer_named(
	const char *arguments, double seconds, void (*fn)(void *arg), void *arg)
{
	struct socle__loop *l = socle__loop_get();
	struct id_timer *t;
	struct id_slot *slot;

	if (!l)
		return 0;
	if ((!l->timer_ids || !l->timer_ids->free) && ids_grow(l) < 0)
		return 0;
	if (!(t = sys_malloc(sizeof(*t))))
		return 0;
	*t = (struct id_timer){
		.fn = fn, .arg = arg, .slot = l->timer_ids->free - 1};
	socle_timer_init_named(arguments, &t->timer, id_timer_fire);
	slot = &l->timer_ids->slots[t->slot];
	l->timer_ids->free = slot->next_free;
	slot->timer = t;
	socle_timer_start(&t->timer, seconds);
	return (uint64_t)slot->generation << 32 | t->slot;
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
	struct socle__loop *l = socle__loop;
	uint32_t at = (uint32_t)id;
	struct id_slot *slot;
	struct id_timer *t;

	if (!l || !l->timer_ids || at >= l->timer_ids->n)
		return false;
	slot = &l->timer_ids->slots[at];
	t = slot->timer;
	if (!t || slot->generation != (uint32_t)(id >> 32))
		return false;
	socle__timers_remove(&l->timers, &t->timer);
	slot_release(l, t);
	sys_free(t);
	return true;
}

/* requires: the timers themselves are no longer pending */
void
socle__timer_ids_clear(struct socle__loop *l)
{
	struct socle__timer_ids *ids = l->timer_ids;

	if (!ids)
		return;
	for (uint32_t i = 0; i < ids->n; i++)
		sys_free(ids->slots[i].timer);
	sys_free(ids);
	l->timer_ids = NULL;
}
