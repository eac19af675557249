/* Closing, closing after a flush, and stealing the fd. */
#include "sockets/close.h"

#include "reactor/map.h"
#include "reactor/post_loop.h"
#include "reactor/turns.h"
#include "sockets/fd_mode.h"
#include "sockets/linger.h"
#include "sockets/read.h"

#include "timers/timer.h"

#include "seam.h"

/* Releases everything but the fd and the queue. */
static void
release_all(struct socle_socket *s)
{
	struct socle__extra *x = s->extra;

	socle_timer_cancel(&s->timer);
	if (x && x->factory)
		x->leave_factory(s);
	if (socle__fd_is(s, SOCLE__FD_CORKED) &&
		!socle__is_forked(socle__reactor))
		(void)socle_tcp_cork(s, false);
	/* The watched events stay visible in as_string. */
	s->d.bits &= SOCLE__REACTOR_BITS | SOCLE__ALLOCATED | SOCLE__IS_SOCKET |
		SOCLE__READING | SOCLE__WRITING | SOCLE__PUMPING |
		SOCLE__REPORTING | SOCLE__IN_WRITER | SOCLE__SPECIAL;
	if (!x)
		return;
	socle__post_loop_remove(&x->post_loop);
	socle__pushed_drop(s);
}

static void
queue_drop(struct socle_socket *s)
{
	const struct socle__transport *t = socle__class_of(s)->transport;

	if (s->queue || !t->is_stream)
		t->drop(s);
}

/* closing_fd is called for the object's own fd, not for a KEEP_FD one. */
static SOCLE__COLD void
closing_ask(struct socle_socket *s)
{
	if (s->d.bits & SOCLE__KEEP_FD)
		return;
	s->d.bits |= SOCLE__TELL_CLOSING;
	if (socle__fd_is(s, SOCLE__FD_KEPT))
		s->d.bits |= SOCLE__KEEP_FD;
}

void
socle__socket_end(struct socle_socket *s)
{
	release_all(s);
	if (socle__unlikely(socle__class_of(s)->flat.closing_fd ||
		    socle__fd_is(s, SOCLE__FD_KEPT | SOCLE__FD_WAS_BLOCKING)))
		closing_ask(s);
	socle__descriptor_close(&s->d);
	queue_drop(s);
}

/* Whether `d' is an open object, no socket, on the open file of `fd'. */
static bool
shares_file(const struct socle_descriptor *d, int fd, int mode)
{
	const uint32_t kind = SOCLE__APPLICATION | SOCLE__IS_SOCKET;
	struct stat mine, its;

	return d && (d->bits & (kind | SOCLE__CLOSED)) == SOCLE__APPLICATION &&
		sys_fstat(fd, &mine) == 0 && sys_fstat(d->fd, &its) == 0 &&
		mine.st_dev == its.st_dev && mine.st_ino == its.st_ino &&
		(sys_fcntl(d->fd, F_GETFL, 0) & O_ACCMODE) ==
		(mode & O_ACCMODE);
}

/*
 * Another object on the same open file, as of a terminal that is standard input
 * and output; NULL if there is none.  Few objects are no sockets.
 */
static struct socle_socket *
sharer(int fd)
{
	struct socle__reactor *r = socle__reactor;
	int mode = sys_fcntl(fd, F_GETFL, 0);

	for (size_t i = 0; i < r->map_size; i++)
		if (shares_file(r->map[i], fd, mode))
			return socle__socket_of(r->map[i]);
	return NULL;
}

static void
make_blocking(const struct socle_socket *s, int fd)
{
	struct socle_socket *other;

	if (!socle__fd_mode_is_own(&s->d))
		return;
	if ((other = sharer(fd)))
		other->d.fd_flags |= SOCLE__FD_WAS_BLOCKING;
	else
		socle__fd_mode_block(fd);
}

void
socle__socket_closing(struct socle_descriptor *d, int fd)
{
	struct socle_socket *s = socle__socket_of(d);
	struct socle__callback c;

	if (socle__class_of(s)->flat.closing_fd) {
		socle__callback_begin_plain(socle__reactor, &c);
		socle__class_of(s)->flat.closing_fd(s, fd);
		socle__callback_end(socle__reactor, &c);
	}
	if (socle__fd_is(s, SOCLE__FD_WAS_BLOCKING))
		make_blocking(s, fd);
}

void
socle_keep_fd(struct socle_socket *s, bool keep)
{
	if (socle__is_closed(s))
		return;
	s->d.fd_flags &= (uint8_t)~SOCLE__FD_KEPT;
	if (keep)
		s->d.fd_flags |= SOCLE__FD_KEPT;
}

/*
 * Data that autoflush or the budget of a pump holds back is flushed once.
 * Inside a pump only autoflush counts: data that its callbacks write is dropped.
 */
static void
flush_held(struct socle_socket *s)
{
	bool held = socle__has(s, SOCLE__HOLD) ||
		(s->d.turns & SOCLE__TURN_FLUSH &&
			!socle__has(s, SOCLE__PUMPING));

	if (held && socle__class_of(s)->transport->is_stream && s->queued &&
		!socle__has(s, SOCLE__BLOCKED))
		socle__flush(s);
}

void
socle_close(struct socle_socket *s, const char *reason)
{
	if (socle__has(s, SOCLE__CLOSED | SOCLE__CLOSING))
		return;
	flush_held(s);
	socle__close_broken(s, reason);
}

void
socle_close_after_flush(struct socle_socket *s, const char *reason)
{
	if (socle__has(s, SOCLE__CLOSED | SOCLE__ENDING))
		return;
	if (!s->queued && !socle__has(s, SOCLE__CLOSING) &&
		(socle__has(s, SOCLE__READ_ENDED) || !socle__must_linger(s))) {
		socle__close_broken(s, reason); /* nothing to flush */
		return;
	}
	/* If memory runs out, only the reason is lost. */
	if (reason && socle__extra_get(s))
		s->extra->close_reason = reason;
	socle_watch_read(s, false);
	s->d.bits |= SOCLE__ENDING;
	if (!s->queued)
		socle__close_or_linger(s);
}

int
socle_steal_socket(struct socle_socket *s)
{
	int fd;

	if (!socle__has(s, SOCLE__CLOSED | SOCLE__CLOSING))
		flush_held(s);
	if (socle__is_closed(s))
		return -EBADF;
	release_all(s);
	if (socle__class_of(s)->transport->let_go)
		socle__class_of(s)->transport->let_go(s);
	fd = socle__descriptor_detach(&s->d);
	queue_drop(s);
	return fd;
}
