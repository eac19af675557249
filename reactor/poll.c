/*
 * poll(2), anywhere.
 *
 * The array is kept between calls and changed in place; `places' finds an fd's
 * entry in it.  The kernels' peculiarities:
 * - An fd that is not open is not refused: it is reported as NVAL, for ever.
 *   That becomes an error with EBADF.  On macOS a device is NVAL as well, which
 *   becomes EPERM, as epoll says of files that it cannot watch.
 * - Regular files are always ready; registration refuses them.
 * - ERR, HUP and NVAL cannot be masked; an entry that must not report them is
 *   removed from the array.
 * - HUP takes OUT away (FreeBSD, OpenBSD, macOS).  Writing is reported beside it
 *   all the same, so that the write finds out what happened.
 * - On macOS HUP is the end of one direction, so the directions are asked one by
 *   one.  ERR is never reported there: the owner of the fd looks for an error
 *   after a HUP.
 * - A pipe that has lost its reader is HUP on the BSDs and macOS, ERR on Linux
 *   and here.  One that has lost its writers is readable there.
 * - On NetBSD neither HUP nor ERR of a socket is ever reported: reading finds
 *   the end.
 * Each wait starts reading the results at another entry, so that no fd is always
 * last.
 */
#include "reactor/backend.h"

#include "reactor/interest.h"

#include "seam.h"

#include <string.h>

enum { ROOM_AT_START = 64 };

struct poll_poller {
	struct pollfd *fds;
	uint64_t *cookies; /* of the same index */
	size_t n, room;
	struct socle__places places; /* in fds */
	size_t first;                /* where the last scan started */
};

_Static_assert(SOCLE_READ == POLLIN && SOCLE_WRITE == POLLOUT &&
		SOCLE_ERR == POLLERR && SOCLE_HUP == POLLHUP,
	"masks are handed over as they are");

static int
poll_open(struct socle__reactor *r)
{
	r->poller = sys_calloc(1, sizeof(struct poll_poller));
	/* A tick without an fd has a batch, too. */
	return r->poller ? socle__batch_reserve(r, 1) : -ENOMEM;
}

static int
entries_reserve(struct socle__reactor *r, struct poll_poller *p)
{
	size_t room = p->room ? 2 * p->room : ROOM_AT_START;
	struct pollfd *fds;
	uint64_t *cookies;
	int err;

	if (p->n < p->room)
		return 0;
	if ((err = socle__batch_reserve(r, room)) < 0)
		return err;
	fds = sys_realloc(p->fds, room * sizeof(*fds));
	if (!fds)
		return -ENOMEM;
	p->fds = fds;
	cookies = sys_realloc(p->cookies, room * sizeof(*cookies));
	if (!cookies)
		return -ENOMEM;
	p->cookies = cookies;
	p->room = room;
	return 0;
}

static void
entry_remove(struct poll_poller *p, int fd)
{
	size_t at = p->places.of[fd];
	size_t last = --p->n;

	p->fds[at] = p->fds[last];
	p->cookies[at] = p->cookies[last];
	p->places.of[p->fds[at].fd] = at;
}

static int
poll_set(struct socle__reactor *r, struct socle_descriptor *d, unsigned target)
{
	struct poll_poller *p = r->poller;
	size_t at;
	int err;

	if (target == 0) {
		entry_remove(p, d->fd);
		return 0;
	}
	if (!d->armed) {
		if ((err = socle__places_reserve(&p->places, d->fd)) < 0 ||
			(err = entries_reserve(r, p)) < 0)
			return err;
		p->places.of[d->fd] = p->n++;
	}
	at = p->places.of[d->fd];
	p->fds[at] = (struct pollfd){.fd = d->fd,
		.events = (short)(target & (SOCLE_READ | SOCLE_WRITE))};
	p->cookies[at] = socle__cookie(d);
	return 0;
}

/* Whether both directions have ended, or poll(2) cannot tell any more. */
static bool
both_have_ended(int fd)
{
	struct pollfd alone[2] = {
		{.fd = fd, .events = POLLIN}, {.fd = fd, .events = POLLOUT}};
	int found;

	do
		found = sys_poll(alone, 2, 0);
	while (found < 0 && errno == EINTR);
	return found < 0 ||
		(alone[0].revents & POLLHUP && alone[1].revents & POLLHUP);
}

static bool
has_no_input(int fd)
{
	int n = 0;

	return sys_unread(fd, &n) == 0 && n == 0;
}

/* What HUP means for this fd. */
static unsigned
end_of(const struct socle__reactor *r, const struct pollfd *e)
{
	const struct socle_descriptor *d = socle__descriptor_at(r, e->fd);
	unsigned ready = (unsigned)e->revents & SOCLE__READY;

	if (e->events & POLLOUT)
		ready |= SOCLE_WRITE;
	if (ready & SOCLE_ERR)
		return ready;
	ready &= ~(unsigned)SOCLE_HUP;
	if (d && d->fd_flags & SOCLE__FD_WRITE_ONLY)
		return ready | SOCLE_ERR;
	if (d && d->fd_flags & SOCLE__FD_NO_SOCKET && has_no_input(e->fd))
		ready &= ~(unsigned)SOCLE_READ;
	return both_have_ended(e->fd) ? ready | SOCLE_HUP : ready;
}

static void
report(struct socle__reactor *r, const struct poll_poller *p, size_t at)
{
	const struct pollfd *e = &p->fds[at];
	uint64_t cookie = p->cookies[at];
	unsigned ready = (unsigned)e->revents;

	if (ready & POLLNVAL) {
		socle__batch_refusal(r, cookie,
			socle__fd_is_gone(e->fd, -EBADF) ? EBADF : EPERM);
		return;
	}
	if (ready & POLLHUP)
		ready = end_of(r, e);
	if (ready)
		socle__batch_add(r, cookie, ready);
}

static int
poll_wait_for(struct socle__reactor *r, int timeout_ms)
{
	struct poll_poller *p = r->poller;
	int found = sys_poll(p->fds, (nfds_t)p->n, timeout_ms);

	if (found < 0)
		return errno == EINTR ? 0 : -errno;
	if (found == 0)
		return 0;
	p->first = p->first + 1 < p->n ? p->first + 1 : 0;
	for (size_t i = p->first; i < p->n; i++)
		report(r, p, i);
	for (size_t i = 0; i < p->first; i++)
		report(r, p, i);
	return 0;
}

static int
poll_reopen(struct socle__reactor *r)
{
	struct poll_poller *p = r->poller;

	while (p->n > 0)
		entry_remove(p, p->fds[p->n - 1].fd);
	return 0;
}

static void
poll_shrink(struct socle__reactor *r)
{
	struct poll_poller *p = r->poller;
	size_t room = ROOM_AT_START;
	struct pollfd *fds;
	uint64_t *cookies;

	socle__places_shrink(&p->places, r->map_size);
	while (room < p->n)
		room *= 2;
	if (room >= p->room)
		return;
	p->room = room;
	if ((fds = sys_realloc(p->fds, room * sizeof(*fds))))
		p->fds = fds;
	if ((cookies = sys_realloc(p->cookies, room * sizeof(*cookies))))
		p->cookies = cookies;
	socle__batch_shrink(r, room);
}

static void
poll_close(struct socle__reactor *r)
{
	struct poll_poller *p = r->poller;

	if (!p)
		return;
	sys_free(p->fds);
	sys_free(p->cookies);
	sys_free(p->places.of);
	sys_free(p);
}

const struct socle__backend socle__poll_backend = {
	.name = "poll",
	.open = poll_open,
	.set = poll_set,
	.wait = poll_wait_for,
	.reopen = poll_reopen,
	.shrink = poll_shrink,
	.close = poll_close,
};
