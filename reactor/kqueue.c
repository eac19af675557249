/*
 * kqueue(2): the BSDs and macOS.
 *
 * The kernels' peculiarities:
 * - Reading and writing are two filters, each with its own event, in any order.
 *   The two events of an fd become one of the batch.
 * - Changes travel in the call that waits.  A refused change comes back as an
 *   event with EV_ERROR, if the list has space.  The call then returns nothing
 *   else and does not wait, so it is repeated.  (EV_RECEIPT would do that for
 *   every change, and is not used.)  After EINTR the changes have been made.
 * - EV_EOF is a bit, and the end of one direction: it also comes with unread
 *   input, for a peer that only stopped sending, and for the own shutdown(2).
 *   A socket has ended when both directions have.  If one filter alone is armed,
 *   the other is asked of a second queue.  poll(2) cannot be asked instead: on
 *   macOS it calls the end of one direction a hang-up, on NetBSD none is.
 * - An error of a socket is in the fflags of its end, until it is fetched.  One
 *   that ends nothing, as of a datagram, is a READ with data 0 and no EV_EOF;
 *   so is an empty datagram, but that does not reach a low-water mark.
 * - A listener that was shut down keeps EV_EOF and its error in the filter
 *   (FreeBSD).  Only accept(2) knows whether it serves.
 * - A pipe has one direction of use: the end of either filter is the end, HUP
 *   for its reader and ERR for its writer.
 * - There is no ERR and no HUP without a filter.  An fd for which neither
 *   reading nor writing is wanted has an idle READ filter, with a low-water mark
 *   that no input reaches, which reports only the end.  Some kinds of file
 *   ignore the mark, and macOS cuts it at the buffer's size; a peer that only
 *   stopped sending counts as an end.  Then the loop parks the fd.
 * - The WRITE filter of a full pipe does not wake when the reader leaves
 *   (NetBSD, OpenBSD), so the write end of a pipe keeps the idle filter beside
 *   it.  OpenBSD refuses that filter for a FIFO; then there is none.
 * - EVFILT_WRITE is refused for a file that cannot be written, and for a pipe
 *   that has lost its reader: with EPIPE (FreeBSD) or EBADF (NetBSD).  So EBADF
 *   is believed only if fcntl(2) says it too.
 * - A filter whose pipe has gone is reported once, with EV_EOF and EV_ONESHOT,
 *   and has been deleted then (FreeBSD).
 * - The named pipes of macOS never report an end.
 * - Filters belong to the number, not to the open file: close(2) removes them,
 *   and a copy of the fd does not keep them.  They are deleted before the close
 *   all the same, because a number that has no filters any more is another file,
 *   which the library must not close.
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
enum { CHANGES = 3, ADD_EDGES = EV_ADD | EV_CLEAR };

enum { READ_ENDED = 0x100, WRITE_ENDED = 0x200 }; /* in the batch, here alone */

struct kqueue_poller {
	int asked;              /* the queue that is asked for one filter */
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
enum reading { NO_FILTER, ONLY_THE_END, INPUT, EDGES };

static enum reading
reading_of(const struct socle_descriptor *d, unsigned target)
{
	if (target & SOCLE_READ)
		return INPUT;
	if (target & SOCLE__EDGES)
		return EDGES;
	if (!target || d->fd_flags & SOCLE__FD_NO_IDLE)
		return NO_FILTER;
	return target & SOCLE_WRITE && !(d->fd_flags & SOCLE__FD_WRITE_ONLY)
		? NO_FILTER
		: ONLY_THE_END;
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
queues_make(struct socle__reactor *r)
{
	struct kqueue_poller *p = r->poller;
	int fd = queue_make(), asked;

	if (fd < 0)
		return fd;
	if ((asked = queue_make()) < 0) {
		sys_close(fd);
		return asked;
	}
	r->poller_fd = fd;
	p->asked = asked;
	return 0;
}

static int
kqueue_open(struct socle__reactor *r)
{
	int err;
	struct kqueue_poller *p = sys_calloc(1, sizeof(*p));

	if (!p)
		return -ENOMEM;
	r->poller = p;
	p->asked = -1;
	if ((err = room_set(r, ROOM_AT_START)) < 0)
		return err;
	return queues_make(r);
}

/* ---- changes ---- */

static int
send_now(struct socle__reactor *r, const struct kevent *c, int n)
{
	int result = sys_kevent(r->poller_fd, c, n, NULL, 0, NULL);

	return result < 0 && errno != EINTR ? -errno : 0;
}

/* Sends the changes kept for this fd before a change that is made now. */
static int
send_what_waits(struct socle__reactor *r, int fd)
{
	struct kqueue_poller *p = r->poller;
	int n = p->n_changes, err = 0, sent;

	p->n_changes = 0;
	for (int i = 0; i < n; i++) {
		struct kevent c = p->changes[i];

		if (c.ident != (uintptr_t)fd)
			p->changes[p->n_changes++] = c;
		else if ((sent = send_now(r, &c, 1)) < 0)
			err = sent;
	}
	return err;
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
change(const struct socle_descriptor *d, socle__kevent_filter filter,
	unsigned short flags)
{
	struct kevent c;

	EV_SET(&c, (uintptr_t)d->fd, filter, flags, 0, 0,
		COOKIE(d->generation));
	return c;
}

/*
 * From what is armed to `target'.  What is added comes before what is removed,
 * so that a refusal leaves the old state.  But EV_CLEAR remains what it was when
 * a filter was added, so that filter is removed first.
 */
static int
changes_make(const struct socle_descriptor *d, unsigned target,
	struct kevent c[CHANGES])
{
	enum reading was = reading_of(d, d->armed), is = reading_of(d, target);
	unsigned turned = (d->armed ^ target) & SOCLE_WRITE;
	int n = 0;

	if (is != was && (was == EDGES || (is == EDGES && was != NO_FILTER))) {
		c[n++] = change(d, EVFILT_READ, EV_DELETE);
		was = NO_FILTER;
	}
	if (is != was && is != NO_FILTER) {
		c[n] = change(d, EVFILT_READ, is == EDGES ? ADD_EDGES : EV_ADD);
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
 * Whether a refused filter was only to report the end of a pipe's write end: it
 * is watched without.
 */
static bool
goes_without(struct socle_descriptor *d, unsigned target, int err)
{
	int mode;

	if (err != -EINVAL || target & SOCLE_READ ||
		reading_of(d, target) != ONLY_THE_END)
		return false;
	mode = sys_fcntl(d->fd, F_GETFL, 0);
	if (mode < 0 || (mode & O_ACCMODE) != O_WRONLY)
		return false;
	d->fd_flags |= SOCLE__FD_NO_IDLE;
	return true;
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
	struct kevent c[CHANGES];
	int n = changes_make(d, target, c);
	int err;

	if (n == 0)
		return 0;
	if (!d->armed && (err = socle__places_reserve(&p->places, d->fd)) < 0)
		return err;
	if (target != 0 && r->depth > 0 && r->map[d->fd] == d && keep(r, c, n))
		return 0;
	if (p->n_changes > 0 && (err = send_what_waits(r, d->fd)) < 0 &&
		!socle__fd_is_gone(d->fd, err)) {
		clear(r, d); /* `armed' was wrong */
		n = changes_make(d, target, c);
	}
	err = n > 0 ? send_now(r, c, n) : 0;
	if (err < 0 && target != 0 && d->armed == 0)
		clear(r, d); /* one may have been added, but not its fellow */
	if (err < 0 && d->armed == 0 && goes_without(d, target, err))
		return kqueue_set(r, d, target);
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

/* Registers the interest again, after the kernel has deleted filters. */
static void
arm_again(struct socle__reactor *r, struct socle_descriptor *d)
{
	clear(r, d);
	socle__descriptor_want(d, d->wanted);
}

/*
 * A change was not made.  If a pipe has lost its reader, that is an end and not
 * a refusal: it is reported as one, and the descriptor parked.
 */
static void
refused(struct socle__reactor *r, struct socle_descriptor *d,
	const struct kevent *e)
{
	int err = -(int)e->data;
	unsigned target = d->armed;

	clear(r, d);
	if (e->filter == EVFILT_READ && goes_without(d, target, err)) {
		arm_again(r, d);
	} else if (e->filter == EVFILT_WRITE &&
		(err == -EPIPE ||
			(err == -EBADF && !socle__fd_is_gone(d->fd, err)))) {
		d->bits |= SOCLE__PARKED;
		socle__batch_add(r, cookie_of(e), SOCLE_WRITE | SOCLE_ERR);
	} else {
		socle__batch_refusal(r, cookie_of(e), -err);
	}
}

static int
take_refusals(struct socle__reactor *r, int n)
{
	const struct kqueue_poller *p = r->poller;
	int found = 0;

	for (int i = 0; i < n; i++) {
		const struct kevent *e = &p->events[i];
		struct socle_descriptor *d =
			socle__descriptor_at(r, (int)e->ident);

		if (!(e->flags & EV_ERROR))
			continue;
		/* `armed' is 0 if an earlier change of it was refused. */
		if (e->data != 0 && d && socle__cookie(d) == cookie_of(e) &&
			d->armed)
			refused(r, d, e);
		found++;
	}
	return found;
}

/*
 * What the filter of an fd says at this moment: 1; 0: nothing; -ENOMEM: it
 * cannot be asked.
 */
static int
ask(struct socle__reactor *r, int fd, socle__kevent_filter filter,
	unsigned fflags, struct kevent *ret)
{
	const struct kqueue_poller *p = r->poller;
	const struct timespec at_once = {0};
	struct kevent c;
	int n, err;

	EV_SET(&c, (uintptr_t)fd, filter, EV_ADD | EV_ONESHOT, fflags,
		fflags ? INT_MAX : 0, 0);
	do
		n = sys_kevent(p->asked, &c, 1, ret, 1, &at_once);
	while (n < 0 && errno == EINTR);
	if (n == 1 && !(ret->flags & EV_ERROR))
		return 1;
	err = n == 1 ? (int)ret->data : n < 0 ? errno : 0;
	if (n != 1) {
		c.flags = EV_DELETE;
		(void)sys_kevent(p->asked, &c, 1, NULL, 0, NULL);
	}
	return err == ENOMEM ? -ENOMEM : 0;
}

/*
 * The end of a direction whose fellow is not armed.  If the kernel cannot be
 * asked, a direction that is wanted is reported again, and asked for again; the
 * idle filter's end is reported once, and is a refusal then.
 */
static unsigned
end_of_one(struct socle__reactor *r, const struct socle_descriptor *d,
	socle__kevent_filter other, unsigned ready, unsigned end)
{
	struct kevent e;
	int said = ask(r, d->fd, other, 0, &e);

	if (said < 0 && reading_of(d, d->armed) == ONLY_THE_END)
		return SOCLE_ERR | (unsigned)-said << SOCLE__REFUSAL_SHIFT;
	return said > 0 && e.flags & EV_EOF ? ready | end : ready;
}

/* What the end of a direction means; `ready' is that direction. */
static unsigned
end_of(struct socle__reactor *r, const struct socle_descriptor *d,
	const struct kevent *e, unsigned ready)
{
	bool is_read = e->filter == EVFILT_READ;
	socle__kevent_filter other = is_read ? EVFILT_WRITE : EVFILT_READ;
	bool is_other_armed = is_read ? d->armed & SOCLE_WRITE
				      : reading_of(d, d->armed) == INPUT;
	/* fflags holds an error, or the note of an idle filter. */
	bool has_error = e->fflags & ~(unsigned)NOTE_LOWAT;
	unsigned end = SOCLE_HUP | (has_error ? SOCLE_ERR : 0);

	if (d->fd_flags & SOCLE__FD_WRITE_ONLY)
		return (ready & SOCLE_WRITE) | SOCLE_ERR;
	if (d->fd_flags & SOCLE__FD_NO_SOCKET)
		return is_read && e->data == 0 ? end : ready | end;
	if (!is_other_armed)
		return end_of_one(r, d, other, ready, end);
	if (has_error)
		return ready | end;
	/* The other is in the same list, or will be in a later one. */
	return ready | (is_read ? READ_ENDED : WRITE_ENDED);
}

/* Readable without input: an empty datagram, or an error that ends nothing. */
static unsigned
nothing_to_read(struct socle__reactor *r, const struct socle_descriptor *d)
{
	struct kevent e;

	if (d->fd_flags & SOCLE__FD_NO_SOCKET)
		return SOCLE_READ;
	if (reading_of(d, d->armed) == ONLY_THE_END ||
		ask(r, d->fd, EVFILT_READ, NOTE_LOWAT, &e) > 0)
		return SOCLE_ERR;
	return SOCLE_READ;
}

/* What an event means that is not plain input or space. */
static unsigned
meaning_of(struct socle__reactor *r, const struct kevent *e, unsigned ready)
{
	struct socle_descriptor *d = socle__descriptor_at(r, (int)e->ident);

	if (!d || socle__cookie(d) != cookie_of(e))
		return ready;
	if (e->flags & EV_EOF)
		ready = end_of(r, d, e, ready);
	else if (ready == SOCLE_READ && e->data == 0)
		ready = nothing_to_read(r, d);
	if (e->flags & EV_ONESHOT)
		arm_again(r, d);
	return ready;
}

/* The fd's other filter, or its error, is in the batch already. */
static void
merge(struct socle__event *with, unsigned ready)
{
	unsigned both = READ_ENDED | WRITE_ENDED;

	with->ready |= ready;
	if ((with->ready & both) == both)
		with->ready |= SOCLE_HUP;
}

/*
 * An fd without a place left the loop before the places shrank, and the kernel
 * did not forget it: the dispatch of its event makes it forget.
 */
static void
take_event(struct socle__reactor *r, const struct kevent *e)
{
	unsigned ready = e->filter == EVFILT_WRITE ? SOCLE_WRITE : SOCLE_READ;
	struct kqueue_poller *p = r->poller;
	int fd = (int)e->ident;

	if (e->flags & (EV_EOF | EV_ONESHOT) ||
		(ready == SOCLE_READ && e->data == 0))
		ready = meaning_of(r, e, ready);
	if ((size_t)fd < p->places.n) {
		size_t *at = &p->places.of[fd];

		if (*at < r->batch_n && r->batch[*at].cookie == cookie_of(e)) {
			merge(&r->batch[*at], ready);
			return;
		}
		*at = r->batch_n;
	}
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

/*
 * The events are dropped.  Arms those again that the kernel has deleted, and
 * those that report edges.
 */
static void
filters_renew(struct socle__reactor *r, int n)
{
	const struct kqueue_poller *p = r->poller;

	for (int i = 0; i < n; i++) {
		const struct kevent *e = &p->events[i];
		struct socle_descriptor *d =
			socle__descriptor_at(r, (int)e->ident);

		if (d && socle__cookie(d) == cookie_of(e) &&
			(e->flags & EV_ONESHOT ||
				reading_of(d, d->armed) == EDGES))
			arm_again(r, d);
	}
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

/*
 * Keeps only the refusals: the kernel reports all other events again, but for
 * edges and for those whose filter it has deleted.
 */
static int
kqueue_submit(struct socle__reactor *r)
{
	const struct timespec at_once = {0};
	struct kqueue_poller *p = r->poller;
	int n = p->n_changes == 0 ? 0 : exchange(r, &at_once);

	if (n <= 0)
		return 0;
	if (!(p->events[0].flags & EV_ERROR)) {
		filters_renew(r, n);
		return 0;
	}
	socle__interest_renew_edges(r);
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

/* The old queues do not exist in this child. */
static int
kqueue_reopen(struct socle__reactor *r)
{
	struct kqueue_poller *p = r->poller;

	p->n_changes = 0;
	return queues_make(r);
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

	if (r->poller_fd >= 0 && !socle__is_forked(r)) {
		sys_close(r->poller_fd);
		sys_close(p->asked);
	}
	if (!p)
		return;
	sys_free(p->changes);
	sys_free(p->events);
	sys_free(p->places.of);
	sys_free(p);
}

const struct socle__backend socle__kqueue_backend = {
	.name = "kqueue",
	.has_edges = true,
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
