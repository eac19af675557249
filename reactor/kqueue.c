/*
 * kqueue(2): the BSDs and macOS.
 *
 * The kernel's peculiarities:
 * - Reading and writing are two filters, each with its own event, in any order.
 *   The two events of an fd become one of the batch.
 * - Changes travel in the call that waits.  A refused change comes back as an
 *   event with EV_ERROR, if the list has space.  The call then returns nothing
 *   else and does not wait, so it is repeated.  (EV_RECEIPT would do that for
 *   every change, and is not used.)  After EINTR the changes have been made.
 * - EV_EOF is a bit: it also comes with unread input, and for a peer that only
 *   stopped sending.  poll(2) decides whether it is a HUP.
 * - There is no ERR and no HUP without a filter.  An fd for which neither
 *   reading nor writing is wanted has an idle READ filter, with a low-water mark
 *   that no input reaches, which reports only the end.  Some kinds of file
 *   ignore the mark, and a peer that only stopped sending counts as an end;
 *   then the loop parks the fd.
 * - Filters belong to the number, not to the open file: close(2) removes them,
 *   and a copy of the fd does not keep them.  They are deleted before the close
 *   all the same, because a number that has no filters any more is another file,
 *   which the library must not close.
 * - EVFILT_WRITE is refused for a file that cannot be written, and on some
 *   systems for a pipe that has lost its reader.
 * - A child of fork(2) does not inherit the queue.  Its number may be another
 *   file by the time the child uses the library: it is never touched.
 *
 * EVFILT_USER and EVFILT_SIGNAL are not used.  A thread that wakes the loop late
 * would write to a queue whose number may be another file by then, whereas the
 * mailbox keeps its pipe open as long as a reference exists.  A signal needs a
 * handler anyway, because its default action may end the process.
 */
#include "reactor/backend.h"
#include "reactor/interest.h"

#include "seam.h"

#if SOCLE__HAVE_KQUEUE

#include <limits.h>
#include <string.h>
#include <unistd.h>

enum { ROOM_AT_START = 128, ROOM_AT_MOST = 4096 };

struct kqueue_poller {
	struct kevent *changes; /* for the next call */
	struct kevent *events;
	int n_changes;
	int room; /* of either; the batch has twice as much */
	struct socle__places places; /* in the batch, if one is there */
};

/* udata is an integer on some systems. */
#define COOKIE(generation)                                                     \
	((__typeof__(((struct kevent *)NULL)->udata))(uintptr_t)(generation))

/* What the READ filter is for. */
enum reading { NO_FILTER, ONLY_THE_END, INPUT };

static enum reading
reading_of(unsigned target)
{
	if (target & SOCLE_READ)
		return INPUT;
	return target == SOCLE__PRESENT ? ONLY_THE_END : NO_FILTER;
}

static int
room_set(struct socle__reactor *r, int room)
{
	struct kqueue_poller *p = r->poller;
	struct kevent *list;
	int err = socle__batch_reserve(r, 2 * (size_t)room);

	if (err < 0)
		return err;
	list = sys_realloc(p->changes, (size_t)room * sizeof(*list));
	if (!list)
		return -ENOMEM;
	p->changes = list;
	list = sys_realloc(p->events, (size_t)room * sizeof(*list));
	if (!list)
		return -ENOMEM;
	p->events = list;
	p->room = room;
	return 0;
}

/*
 * Not 0, 1 or 2, see own_fd.h.  A queue that has one of these numbers is not
 * duplicated but replaced: what a copy of a queue is differs between systems.
 */
static int
queue_make(void)
{
	int low[STDERR_FILENO + 1], n = 0, result;

	while ((result = sys_kqueue()) >= 0 && result <= STDERR_FILENO)
		low[n++] = result;
	if (result < 0)
		result = -errno;
	else
		(void)sys_fcntl(result, F_SETFD, FD_CLOEXEC);
	while (n > 0)
		sys_close(low[--n]);
	return result;
}

static int
kqueue_open(struct socle__reactor *r)
{
	int err;

	r->poller = sys_calloc(1, sizeof(struct kqueue_poller));
	if (!r->poller)
		return -ENOMEM;
	if ((err = room_set(r, ROOM_AT_START)) < 0)
		return err;
	r->poller_fd = queue_make();
	return r->poller_fd < 0 ? r->poller_fd : 0;
}

/* ---- changes ---- */

static int
send_now(struct socle__reactor *r, const struct kevent *c, int n)
{
	int result = sys_kevent(r->poller_fd, c, n, NULL, 0, NULL);

	return result < 0 && errno != EINTR ? -errno : 0;
}

/* Sends the changes kept for this fd before a change that is made now. */
static void
send_what_waits(struct socle__reactor *r, int fd)
{
	struct kqueue_poller *p = r->poller;
	int n = p->n_changes;

	p->n_changes = 0;
	for (int i = 0; i < n; i++) {
		struct kevent c = p->changes[i];

		if (c.ident == (uintptr_t)fd)
			(void)send_now(r, &c, 1);
		else
			p->changes[p->n_changes++] = c;
	}
}

static bool
keep(struct socle__reactor *r, const struct kevent *c, int n)
{
	struct kqueue_poller *p = r->poller;

	if (p->n_changes + n > p->room && room_set(r, 2 * p->room) < 0)
		return false;
	memcpy(p->changes + p->n_changes, c, (size_t)n * sizeof(*c));
	p->n_changes += n;
	return true;
}

static struct kevent
change(const struct socle_descriptor *d, short filter, unsigned short flags)
{
	struct kevent c;

	EV_SET(&c, (uintptr_t)d->fd, filter, flags, 0, 0,
		COOKIE(d->generation));
	return c;
}

/*
 * From what is armed to `target'; at most one change for each filter.  What is
 * added comes first, so that a refusal leaves the old state.
 */
static int
changes_make(
	const struct socle_descriptor *d, unsigned target, struct kevent c[2])
{
	enum reading was = reading_of(d->armed), is = reading_of(target);
	unsigned turned = (d->armed ^ target) & SOCLE_WRITE;
	int n = 0;

	if (is != was && is != NO_FILTER) {
		c[n] = change(d, EVFILT_READ, EV_ADD);
		if (is == ONLY_THE_END) {
			c[n].fflags = NOTE_LOWAT;
			c[n].data = INT_MAX;
		}
		n++;
	}
	if (turned & target)
		c[n++] = change(d, EVFILT_WRITE, EV_ADD);
	if (is != was && is == NO_FILTER)
		c[n++] = change(d, EVFILT_READ, EV_DELETE);
	if (turned & d->armed)
		c[n++] = change(d, EVFILT_WRITE, EV_DELETE);
	return n;
}

static void
filters_delete(struct socle__reactor *r, int fd)
{
	struct kevent c;

	EV_SET(&c, (uintptr_t)fd, EVFILT_READ, EV_DELETE, 0, 0, 0);
	(void)send_now(r, &c, 1);
	EV_SET(&c, (uintptr_t)fd, EVFILT_WRITE, EV_DELETE, 0, 0, 0);
	(void)send_now(r, &c, 1);
}

/* Makes sure that the kernel watches nothing of the fd. */
static void
clear(struct socle__reactor *r, struct socle_descriptor *d)
{
	filters_delete(r, d->fd);
	d->armed = 0;
}

/*
 * Within a tick changes are kept for the wait.  A change whose result the caller
 * needs is made at once: removing an fd, adding one, and any change outside a
 * tick.
 */
static int
kqueue_set(
	struct socle__reactor *r, struct socle_descriptor *d, unsigned target)
{
	struct kqueue_poller *p = r->poller;
	struct kevent c[2];
	int n = changes_make(d, target, c);
	int err;

	if (n == 0)
		return 0;
	if (!d->armed && (err = socle__places_reserve(&p->places, d->fd)) < 0)
		return err;
	if (target != 0 && r->depth > 0 && r->map[d->fd] == d && keep(r, c, n))
		return 0;
	if (p->n_changes > 0)
		send_what_waits(r, d->fd);
	err = send_now(r, c, n);
	if (err < 0 && target != 0 && d->armed == 0)
		clear(r, d); /* one may have been added, but not its fellow */
	return err;
}

/* ---- events ---- */

static int
exchange(struct socle__reactor *r, const struct timespec *limit)
{
	struct kqueue_poller *p = r->poller;
	int n = sys_kevent(r->poller_fd, p->changes, p->n_changes, p->events,
		p->room, limit);

	if (n < 0 && errno != EINTR)
		return -errno;
	p->n_changes = 0;
	return n < 0 ? 0 : n;
}

static uint64_t
cookie_of(const struct kevent *e)
{
	return (uint64_t)(uint32_t)(uintptr_t)e->udata << 32 |
		(uint32_t)e->ident;
}

/*
 * A change was not made.  If a pipe has lost its reader, that is an end and not
 * a refusal: it is reported as one, and the descriptor parked.
 */
static void
refused(struct socle__reactor *r, const struct kevent *e)
{
	struct socle_descriptor *d = socle__descriptor_at(r, (int)e->ident);

	if (!d || socle__cookie(d) != cookie_of(e))
		return;
	clear(r, d);
	if (e->data == EPIPE && e->filter == EVFILT_WRITE) {
		d->bits |= SOCLE__PARKED;
		socle__batch_add(r, cookie_of(e), SOCLE_WRITE | SOCLE_ERR);
	} else {
		socle__batch_refusal(r, cookie_of(e),
			e->data == ENOENT ? EBADF : (int)e->data);
	}
}

static int
take_refusals(struct socle__reactor *r, int n)
{
	const struct kqueue_poller *p = r->poller;
	int found = 0;

	for (int i = 0; i < n; i++) {
		if (!(p->events[i].flags & EV_ERROR))
			continue;
		if (p->events[i].data != 0)
			refused(r, &p->events[i]);
		found++;
	}
	return found;
}

/*
 * There is an end, or something is ready without input: poll(2) knows what it is
 * and what else is ready.  What poll(2) does not report is as the event says.
 */
static unsigned
look_at(const struct socle__reactor *r, const struct kevent *e, unsigned ready)
{
	struct pollfd look = {.fd = (int)e->ident, .events = (short)ready};
	const struct socle_descriptor *d = socle__descriptor_at(r, look.fd);
	unsigned all = SOCLE_READ | SOCLE_WRITE | SOCLE_ERR | SOCLE_HUP;
	int found;

	do
		found = sys_poll(&look, 1, 0);
	while (found < 0 && errno == EINTR);
	if (found < 0)
		return d ? ready & d->armed : 0; /* it will come again */
	if (found > 0 && (unsigned)look.revents & all)
		ready = (unsigned)look.revents & all;
	/* fflags holds an error, or the note of an idle filter. */
	if (e->flags & EV_EOF && e->fflags & ~(unsigned)NOTE_LOWAT)
		ready |= SOCLE_ERR;
	return ready;
}

static void
take_event(struct socle__reactor *r, const struct kevent *e)
{
	struct kqueue_poller *p = r->poller;
	int fd = (int)e->ident;
	size_t at;
	unsigned ready = e->filter == EVFILT_WRITE ? SOCLE_WRITE : SOCLE_READ;

	if (e->flags & EV_EOF || (ready == SOCLE_READ && e->data == 0))
		ready = look_at(r, e, ready);
	if (ready == 0)
		return;
	if ((size_t)fd >= p->places.n)
		return; /* of before the places shrank */
	/* The fd's other filter, or its error, may be in the batch already. */
	at = p->places.of[fd];
	if (at < r->batch_n && r->batch[at].cookie == cookie_of(e)) {
		r->batch[at].ready |= ready;
		return;
	}
	p->places.of[fd] = r->batch_n;
	socle__batch_add(r, cookie_of(e), ready);
}

static void
take_events(struct socle__reactor *r, int n)
{
	const struct kqueue_poller *p = r->poller;

	for (int i = 0; i < n; i++)
		if (!(p->events[i].flags & EV_ERROR))
			take_event(r, &p->events[i]);
}

static int
kqueue_wait(struct socle__reactor *r, int timeout_ms)
{
	struct timespec limit = {.tv_sec = timeout_ms / 1000,
		.tv_nsec = timeout_ms % 1000 * 1000000L};
	const struct timespec at_once = {0};
	struct kqueue_poller *p = r->poller;
	int n = exchange(r, timeout_ms < 0 ? NULL : &limit);

	if (n < 0)
		return n;
	if (n > 0 && take_refusals(r, n) == n &&
		(n = exchange(r, &at_once)) < 0)
		return 0; /* the next wait reports it */
	take_events(r, n);
	if (n == p->room && n < ROOM_AT_MOST)
		(void)room_set(r, 2 * n); /* as good without */
	return 0;
}

/* Keeps only the refusals: the kernel reports all other events again. */
static int
kqueue_submit(struct socle__reactor *r)
{
	const struct timespec at_once = {0};
	struct kqueue_poller *p = r->poller;
	int n = p->n_changes == 0 ? 0 : exchange(r, &at_once);

	if (n <= 0 || !(p->events[0].flags & EV_ERROR))
		return 0;
	socle__batch_drop(r);
	return take_refusals(r, n);
}

/* Filters belong to the number: its present descriptor is registered again. */
static void
kqueue_forget(struct socle__reactor *r, int fd)
{
	struct socle_descriptor *d = socle__descriptor_at(r, fd);

	filters_delete(r, fd);
	if (!d)
		return;
	d->armed = 0;
	socle__descriptor_want(d, d->wanted);
}

/* The old queue does not exist in this child. */
static int
kqueue_reopen(struct socle__reactor *r)
{
	struct kqueue_poller *p = r->poller;
	int fd = queue_make();

	if (fd < 0)
		return fd;
	r->poller_fd = fd;
	p->n_changes = 0;
	return 0;
}

static void
kqueue_shrink(struct socle__reactor *r)
{
	struct kqueue_poller *p = r->poller;
	struct kevent *list;

	socle__places_shrink(&p->places, r->map_size);
	if (p->room <= ROOM_AT_START || p->n_changes > ROOM_AT_START)
		return;
	p->room = ROOM_AT_START;
	if ((list = sys_realloc(p->changes, ROOM_AT_START * sizeof(*list))))
		p->changes = list;
	if ((list = sys_realloc(p->events, ROOM_AT_START * sizeof(*list))))
		p->events = list;
	socle__batch_shrink(r, 2 * ROOM_AT_START);
}

static void
kqueue_close(struct socle__reactor *r)
{
	struct kqueue_poller *p = r->poller;

	if (r->poller_fd >= 0 && !socle__is_forked(r))
		sys_close(r->poller_fd);
	if (!p)
		return;
	sys_free(p->changes);
	sys_free(p->events);
	sys_free(p->places.of);
	sys_free(p);
}

const struct socle__backend socle__kqueue_backend = {
	.name = "kqueue",
	.open = kqueue_open,
	.set = kqueue_set,
	.wait = kqueue_wait,
	.submit = kqueue_submit,
	.forget = kqueue_forget,
	.reopen = kqueue_reopen,
	.shrink = kqueue_shrink,
	.close = kqueue_close,
};

#else
typedef int socle__kqueue_is_not_here;
#endif
