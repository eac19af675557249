/*
 * poll(2), anywhere.
 *
 * The array is kept between calls and changed in place; `places' finds an fd's
 * entry in it.  The kernel's peculiarities:
 * - An fd that is not open is not refused: it is reported as NVAL, for ever.
 *   That becomes an error with EBADF.
 * - Regular files are always ready; registration refuses them.
 * - ERR, HUP and NVAL cannot be masked; an entry that must not report them is
 *   removed from the array.
 * - macOS reports NVAL for devices; use kqueue there.
 * Each wait starts reading the results at another entry, so that no fd is always
 * last.
 */
#include "reactor/backend.h"

#include "seam.h"

#include <string.h>

enum { ROOM_AT_START = 64 };

struct poll_poller {
	struct pollfd *fds;
	uint64_t *cookies; /* of the same index */
	size_t n, room;
	struct socle__places places; /* in fds */
	size_t first;                /* where the last look began */
};

_Static_assert(SOCLE_READ == POLLIN && SOCLE_WRITE == POLLOUT &&
		SOCLE_ERR == POLLERR && SOCLE_HUP == POLLHUP,
	"masks are handed over as they are");

static int
poll_open(struct socle__reactor *r)
{
	r->poller = sys_calloc(1, sizeof(struct poll_poller));
	return r->poller ? 0 : -ENOMEM;
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

static void
report(struct socle__reactor *r, const struct poll_poller *p, size_t at)
{
	const struct pollfd *e = &p->fds[at];

	if (e->revents & POLLNVAL)
		socle__batch_refusal(r, p->cookies[at], EBADF);
	else if (e->revents)
		socle__batch_add(r, p->cookies[at], (unsigned)e->revents);
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
