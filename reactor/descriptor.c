/*
 * The descriptor map, interest and turns.
 *
 * Invariants: map[fd] is a descriptor from its add until its fd is closed or
 * let go; its generation is unique in the life of the loop.  `armed' is what
 * the kernel was told.  A descriptor is on the attention list if and only if
 * it has a turn open, and open[] counts them.
 *
 * The list is walked with marks of the walker's own in it, so that whatever a
 * callback does to the list, nested walks included, nobody is missed and
 * nobody is met twice: a walk ends at the mark that was put behind the last
 * descriptor when it began.
 */
#include "reactor/core.h"

#include "seam.h"

#include <assert.h>
#include <string.h>

static int interest_apply(struct socle__loop *l, struct socle_descriptor *d);

/* Out of line, or gcc 12 takes the marks on a walk's stack for left there. */
static __attribute__((noinline)) void
link_before(struct socle_descriptor *at, struct socle_descriptor *d)
{
	d->prev = at->prev;
	d->next = at;
	at->prev->next = d;
	at->prev = d;
}

static void
unlink_it(struct socle_descriptor *d)
{
	d->prev->next = d->next;
	d->next->prev = d->prev;
	d->next = d->prev = NULL;
}

/* What is made on a thread is used on it; check builds say so. */
static void
check_thread(const struct socle_descriptor *d)
{
#ifdef SOCLE_CHECKS
	assert(socle__loop &&
		(d->fd < 0 || socle__descriptor_at(socle__loop, d->fd) == d));
#endif
	(void)d;
}

/* requires: not open */
void
socle__turn_open(struct socle_descriptor *d, unsigned turn)
{
	struct socle__loop *l = socle__loop;

	check_thread(d);
	if (d->turns == 0)
		link_before(&l->attention, d);
	d->turns |= (uint8_t)turn;
	l->open[__builtin_ctz(turn)]++;
}

/* requires: open */
void
socle__turn_shut(struct socle_descriptor *d, unsigned turn)
{
	d->turns &= (uint8_t)~turn;
	socle__loop->open[__builtin_ctz(turn)]--;
	if (d->turns == 0)
		unlink_it(d);
}

void
socle__turn_to_end(struct socle_descriptor *d)
{
	unlink_it(d);
	link_before(&socle__loop->attention, d);
}

static bool
turn_take(struct socle__loop *l, struct socle_descriptor *d, unsigned turn)
{
	int err = 0;

	if (turn == SOCLE__TURN_POST_LOOP)
		return d->ops->turn(d, turn);
	socle__turn_drop(d, turn);
	if (turn == SOCLE__TURN_INTEREST)
		err = interest_apply(l, d);
	else if (turn == SOCLE__TURN_CLOSE)
		socle__descriptor_close_now(l, d);
	else if (turn == SOCLE__TURN_DESTROY)
		d->ops->reap(d);
	else
		d->ops->turn(d, turn);
	if (err < 0)
		socle__interest_failed(d, err);
	return true;
}

static socle__apart bool
turns_walk(struct socle__loop *l, unsigned turn)
{
	struct socle_descriptor at = {.turns = SOCLE__TURN_MARK};
	struct socle_descriptor end = {.turns = SOCLE__TURN_MARK};
	struct socle_descriptor *d;
	bool go_on = true;

	link_before(&l->attention, &end);
	link_before(l->attention.next, &at);
	while ((d = at.next) != &end) {
		unlink_it(&at);
		link_before(d->next, &at);
		if (d->turns & turn && !(d->turns & SOCLE__TURN_MARK))
			go_on = turn_take(l, d, turn) && go_on;
	}
	unlink_it(&at);
	unlink_it(&end);
	return go_on;
}

/* One alone needs no marks: who joins it while it is served waits. */
bool
socle__turns_take(struct socle__loop *l, unsigned turn)
{
	struct socle_descriptor *d = l->attention.next;

	if (d == l->attention.prev && d->turns & turn)
		return turn_take(l, d, turn);
	return turns_walk(l, turn);
}

static int
map_reserve(struct socle__loop *l, int fd)
{
	size_t n = l->map_size ? l->map_size : 64;
	struct socle_descriptor **map;

	if ((size_t)fd < l->map_size)
		return 0;
	while (n <= (size_t)fd)
		n *= 2;
	map = sys_realloc(l->map, n * sizeof(*map));
	if (!map)
		return -ENOMEM;
	memset(map + l->map_size, 0, (n - l->map_size) * sizeof(*map));
	l->map = map;
	l->map_size = n;
	return 0;
}

int
socle__descriptor_add(struct socle__loop *l, struct socle_descriptor *d,
	const struct socle__descriptor_ops *ops, int fd, unsigned state,
	bool eager)
{
	int err;

	if (fd < 0)
		return -EBADF;
	if (socle__descriptor_at(l, fd))
		return -EEXIST;
	if ((err = socle__loop_start(l)) < 0 || (err = map_reserve(l, fd)) < 0)
		return err;
	*d = (struct socle_descriptor){.ops = ops,
		.fd = fd,
		.generation = ++l->generation,
		.bits = state};
	eager = (eager || l->depth == 0) && !l->forked &&
		!(state & SOCLE__PARKED);
	if (eager) {
		if ((err = l->backend->set(l, d, SOCLE__PRESENT)) < 0)
			return err;
		d->armed = SOCLE__PRESENT;
	}
	l->map[fd] = d;
	if (state & SOCLE__APPLICATION)
		l->watched++;
	if (!eager)
		socle__descriptor_want(d, 0);
	return 0;
}

static unsigned
target_of(const struct socle_descriptor *d)
{
	if (d->bits & (SOCLE__CLOSED | SOCLE__PARKED))
		return 0;
	return SOCLE__PRESENT | d->wanted;
}

static int
interest_apply(struct socle__loop *l, struct socle_descriptor *d)
{
	unsigned target = target_of(d);
	int err;

	if (d->armed == target)
		return 0;
	if ((err = l->backend->set(l, d, target)) < 0)
		return err;
	d->armed = (uint8_t)target;
	return 0;
}

/*
 * Inside a tick the kernel is told before the next wait, once.  Outside, when
 * somebody else's loop may be about to wait, at once; what fails is tried
 * again in the next tick, where the object can be told.
 */
static void
interest_changed(struct socle_descriptor *d)
{
	struct socle__loop *l = socle__loop;

	check_thread(d);
	if (d->armed == target_of(d))
		return;
	if (l->depth == 0 && !l->forked && interest_apply(l, d) == 0)
		socle__turn_drop(d, SOCLE__TURN_INTEREST);
	else
		socle__turn_ask(d, SOCLE__TURN_INTEREST);
}

void
socle__descriptor_want(struct socle_descriptor *d, unsigned wanted)
{
	if (wanted & ~(unsigned)d->wanted && d->bits & SOCLE__END_TOLD)
		d->bits &= ~(uint32_t)(SOCLE__END_TOLD | SOCLE__PARKED);
	d->wanted = (uint8_t)wanted;
	interest_changed(d);
}

/* What is refused is tried again, and told, before the wait. */
void
socle__descriptor_tell(struct socle_descriptor *d)
{
	struct socle__loop *l = socle__loop;

	if (d->turns & SOCLE__TURN_INTEREST && !l->forked &&
		interest_apply(l, d) == 0)
		socle__turn_shut(d, SOCLE__TURN_INTEREST);
}

void
socle__descriptor_unpark(struct socle_descriptor *d)
{
	d->bits &= ~(uint32_t)(SOCLE__END_TOLD | SOCLE__PARKED);
	if (!(d->bits & SOCLE__CLOSED))
		interest_changed(d);
}

static void
unmap(struct socle__loop *l, struct socle_descriptor *d)
{
	l->map[d->fd] = NULL;
	l->removed = true;
	if (d->bits & SOCLE__APPLICATION)
		l->watched--;
}

/*
 * The kernel's word on the removal tells whether the number is still the file
 * that was registered: if not, it is somebody else's and is left alone.
 */
static void
disarm(struct socle__loop *l, struct socle_descriptor *d)
{
	int err = 0;

	if (d->armed && !l->forked)
		err = l->backend->set(l, d, 0);
	d->armed = 0;
	if (err == -ENOENT || err == -EBADF)
		d->bits |= SOCLE__KEEP_FD;
}

void
socle__interest_failed(struct socle_descriptor *d, int err)
{
	if (d->bits & SOCLE__PARKED)
		return; /* two changes, one word */
	d->bits |= SOCLE__END_TOLD | SOCLE__PARKED;
	if (err == -ENOENT || err == -EBADF) {
		err = -EBADF;
		d->bits |= SOCLE__KEEP_FD;
		disarm(socle__loop, d);
	}
	interest_changed(d);
	d->ops->ready(d, SOCLE_ERR, err);
}

void
socle__descriptor_close(struct socle_descriptor *d)
{
	struct socle__loop *l = socle__loop;

	d->bits |= SOCLE__CLOSED;
	d->wanted = 0;
	while (d->turns)
		socle__turn_shut(d, d->turns & (0u - d->turns));
	if (l->depth == 0)
		disarm(l, d);
	socle__turn_ask(d, SOCLE__TURN_CLOSE);
	if (d->bits & SOCLE__APPLICATION)
		l->to_close++;
}

int
socle__descriptor_detach(struct socle_descriptor *d)
{
	struct socle__loop *l = socle__loop;
	int fd = d->fd;

	disarm(l, d);
	socle__descriptor_close(d);
	socle__turn_drop(d, SOCLE__TURN_CLOSE);
	if (d->bits & SOCLE__APPLICATION)
		l->to_close--;
	unmap(l, d);
	d->fd = -1;
	socle__turn_ask(d, SOCLE__TURN_DESTROY);
	return fd;
}

void
socle__descriptor_close_now(struct socle__loop *l, struct socle_descriptor *d)
{
	disarm(l, d);
	unmap(l, d);
	if (d->bits & SOCLE__APPLICATION)
		l->to_close--;
	if (!(d->bits & SOCLE__KEEP_FD))
		sys_close(d->fd);
	d->fd = -1;
	socle__turn_ask(d, SOCLE__TURN_DESTROY);
}

void
socle__interest_rearm_all(struct socle__loop *l)
{
	for (size_t fd = 0; fd < l->map_size; fd++) {
		struct socle_descriptor *d = l->map[fd];

		if (!d)
			continue;
		d->armed = 0;
		if (!(d->bits & SOCLE__CLOSED))
			interest_changed(d);
	}
}

int
socle__places_reserve(struct socle__places *p, int fd)
{
	size_t n = p->n ? p->n : 64;
	size_t *of;

	if ((size_t)fd < p->n)
		return 0;
	while (n <= (size_t)fd)
		n *= 2;
	of = sys_realloc(p->of, n * sizeof(*of));
	if (!of)
		return -ENOMEM;
	memset(of + p->n, 0, (n - p->n) * sizeof(*of));
	p->of = of;
	p->n = n;
	return 0;
}

int
socle__batch_reserve(struct socle__loop *l, size_t n)
{
	size_t room = l->batch_room ? l->batch_room : 64;
	size_t next = (size_t)(l->next - l->batch);
	size_t end = (size_t)(l->end - l->batch);
	struct socle__event *batch;

	if (n <= l->batch_room)
		return 0;
	/* Or gcc takes the two after the old batch is gone, and warns. */
	assert(next <= end && end <= l->batch_room);
	while (room < n)
		room *= 2;
	batch = sys_realloc(l->batch, room * sizeof(*batch));
	if (!batch)
		return -ENOMEM;
	l->batch = batch;
	l->next = batch + next;
	l->end = batch + end;
	l->batch_room = room;
	return 0;
}
