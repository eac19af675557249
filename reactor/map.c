/*
 * The descriptor map.
 *
 * Invariant: map[fd] is a descriptor from its add until its fd is closed or
 * detached; its generation is unique in the life of the reactor.
 */
#include "reactor/map.h"

#include "reactor/backend.h"
#include "reactor/interest.h"
#include "reactor/turns.h"

#include "seam.h"

#include <string.h>

enum { RESET_ROUNDS = 4, SMALLEST = 64, SHRINKS_ABOVE = 1024 };

static void
map_resized(struct socle__reactor *r, struct socle_descriptor **map, size_t n)
{
	r->map = map;
	r->map_size = n;
	r->shrink_at = n > SHRINKS_ABOVE ? n / 4 : SIZE_MAX;
}

/*
 * Called when most descriptors have left since the map grew.  If the map cannot
 * become smaller yet, it is tried again when half of the present ones have left.
 */
void
socle__map_shrink(struct socle__reactor *r)
{
	size_t n = r->map_size, end = n;
	struct socle_descriptor **map;

	r->shrink = false;
	r->shrink_at = r->watched / 2;
	if (!r->backend)
		return; /* a reset was last */
	while (end > 0 && !r->map[end - 1])
		end--;
	while (n > SHRINKS_ABOVE && n / 2 >= end)
		n /= 2;
	if (n == r->map_size)
		return;
	map = sys_realloc(r->map, n * sizeof(*map));
	if (!map)
		return;
	map_resized(r, map, n);
	r->backend->shrink(r);
}

static void
unmap(struct socle__reactor *r, struct socle_descriptor *d)
{
	r->map[d->fd] = NULL;
	r->removed = true;
	if (d->bits & SOCLE__APPLICATION && --r->watched == r->shrink_at)
		r->shrink = true;
}

/* Whether there were any: their callbacks may have made new ones. */
static bool
reset_all(struct socle__reactor *r)
{
	bool any = false;

	for (size_t fd = 0; fd < r->map_size; fd++) {
		struct socle_descriptor *d = r->map[fd];

		if (!d)
			continue;
		any = true;
		if (!(d->bits & SOCLE__CLOSED))
			d->ops->reset(d);
		if (r->map[fd] == d) {
			socle__turn_drop(d, SOCLE__TURN_CLOSE);
			socle__descriptor_close_fd(r, d);
		}
	}
	return any;
}

static void
map_reset(struct socle__reactor *r)
{
	for (int i = 0; i < RESET_ROUNDS && reset_all(r); i++)
		;
}

static const struct socle__part map_part = {.reset = map_reset};

static int
map_reserve(struct socle__reactor *r, int fd)
{
	size_t n = r->map_size ? r->map_size : SMALLEST;
	struct socle_descriptor **map;

	if ((size_t)fd < r->map_size)
		return 0;
	while (n <= (size_t)fd)
		n *= 2;
	map = sys_realloc(r->map, n * sizeof(*map));
	if (!map)
		return -ENOMEM;
	memset(map + r->map_size, 0, (n - r->map_size) * sizeof(*map));
	map_resized(r, map, n);
	socle__part_register(r, SOCLE__PART_DESCRIPTORS, &map_part);
	return 0;
}

/* Prepares the map for an fd that has no place in it; 0 or -errno. */
static SOCLE__NOINLINE int
place_make(struct socle__reactor *r, int fd)
{
	int err;

	if (socle__descriptor_at(r, fd))
		return -EEXIST;
	if ((err = socle__backend_start(r)) < 0)
		return err;
	return map_reserve(r, fd);
}

/* Whether the map has a place for it that is free. */
static inline bool
has_place(const struct socle__reactor *r, int fd)
{
	return r->backend && (size_t)fd < r->map_size && !r->map[fd];
}

/* A generation for it; the map does not have it yet. */
static inline void
begin(struct socle__reactor *r, struct socle_descriptor *d,
	const struct socle__descriptor_ops *ops, int fd, unsigned bits)
{
	*d = (struct socle_descriptor){.ops = ops,
		.fd = fd,
		.generation = ++r->generation,
		.bits = bits};
}

static inline void
enter(struct socle__reactor *r, struct socle_descriptor *d)
{
	r->map[d->fd] = d;
	if (d->bits & SOCLE__APPLICATION)
		r->watched++;
}

int
socle__descriptor_add(struct socle__reactor *r, struct socle_descriptor *d,
	const struct socle__descriptor_ops *ops, int fd, unsigned bits,
	bool ask)
{
	int err = has_place(r, fd) ? 0 : place_make(r, fd);

	if (err < 0)
		return err;
	begin(r, d, ops, fd, bits | SOCLE__INDIRECT);
	if ((ask || r->depth == 0) && !socle__is_forked(r) &&
		!(bits & SOCLE__PARKED)) {
		if ((err = r->backend->set(r, d, SOCLE__PRESENT)) < 0)
			return err;
		d->armed = SOCLE__PRESENT;
	}
	enter(r, d);
	if (!d->armed)
		socle__descriptor_want(d, 0);
	return 0;
}

int
socle__descriptor_add_reading(struct socle__reactor *r,
	struct socle_descriptor *d, const struct socle__descriptor_ops *ops,
	int fd, unsigned bits)
{
	unsigned target = SOCLE__PRESENT | SOCLE_READ;
	int err;

	if (socle__unlikely(!has_place(r, fd)) && (err = place_make(r, fd)) < 0)
		return err;
	begin(r, d, ops, fd, bits);
	d->wanted = SOCLE_READ;
	enter(r, d);
	if (socle__likely(
		    !socle__is_forked(r) && r->backend->set(r, d, target) == 0))
		d->armed = (uint8_t)target;
	else
		socle__descriptor_want(d, SOCLE_READ);
	return 0;
}

void
socle__descriptor_hide(struct socle_descriptor *d)
{
	d->bits &= ~(uint32_t)SOCLE__APPLICATION;
	socle__reactor->watched--;
}

void
socle__descriptor_close(struct socle_descriptor *d)
{
	struct socle__reactor *r = socle__reactor;

	d->bits |= SOCLE__CLOSED;
	d->wanted = 0;
	if (r->depth == 0)
		socle__descriptor_disarm(r, d);
	socle__turn_open_alone(d, SOCLE__TURN_CLOSE);
	if (d->bits & SOCLE__APPLICATION)
		r->to_close++;
}

int
socle__descriptor_detach(struct socle_descriptor *d)
{
	struct socle__reactor *r = socle__reactor;
	int fd = d->fd;

	socle__descriptor_disarm(r, d);
	socle__descriptor_close(d);
	socle__turn_drop(d, SOCLE__TURN_CLOSE);
	if (d->bits & SOCLE__APPLICATION)
		r->to_close--;
	unmap(r, d);
	d->fd = -1;
	socle__turn_ask(d, SOCLE__TURN_DESTROY);
	return fd;
}

/* Calls the owner's `closing' first; with KEEP_FD the fd stays open. */
static SOCLE__COLD void
let_go(struct socle_descriptor *d, int fd)
{
	if (d->bits & SOCLE__TELL_CLOSING)
		d->ops->closing(d, fd);
	if (!(d->bits & SOCLE__KEEP_FD))
		sys_close(fd);
}

/* Outside the map before `closing', which may do anything, even reset. */
static inline void
fd_close(struct socle__reactor *r, struct socle_descriptor *d)
{
	int fd = d->fd;

	socle__descriptor_disarm(r, d);
	unmap(r, d);
	if (d->bits & SOCLE__APPLICATION)
		r->to_close--;
	d->fd = -1;
	if (socle__unlikely(d->bits & (SOCLE__KEEP_FD | SOCLE__TELL_CLOSING)))
		let_go(d, fd);
	else
		sys_close(fd);
}

void
socle__descriptor_close_fd(struct socle__reactor *r, struct socle_descriptor *d)
{
	fd_close(r, d);
	socle__turn_ask(d, SOCLE__TURN_DESTROY);
}

void
socle__descriptor_close_and_reap(
	struct socle__reactor *r, struct socle_descriptor *d)
{
	fd_close(r, d);
	if (socle__unlikely(socle__is_forked(r)))
		socle__turn_ask(d, SOCLE__TURN_DESTROY);
	else
		d->ops->reap(d);
}
