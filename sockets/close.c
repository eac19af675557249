/* Closing, closing after a flush, and stealing the fd. */
#include "sockets/close.h"

#include "sockets/end.h"
#include "sockets/fd_mode.h"
#include "sockets/linger.h"

#include "seam.h"

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
	bool was_blocking = socle__fd_is(s, SOCLE__FD_WAS_BLOCKING);
	bool is_kept = socle__fd_is(s, SOCLE__FD_KEPT);
	struct socle__callback c;

	/* The owner of a kept fd may close it in closing_fd. */
	if (was_blocking && is_kept)
		make_blocking(s, fd);
	if (socle__class_of(s)->flat.closing_fd) {
		socle__callback_begin_plain(socle__reactor, &c);
		socle__class_of(s)->flat.closing_fd(s, fd);
		socle__callback_end(socle__reactor, &c);
	}
	if (was_blocking && !is_kept)
		make_blocking(s, fd);
}

void
socle_keep_fd(struct socle_socket *s, bool keep)
{
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

static SOCLE__NOINLINE void
end_after_flush(struct socle_socket *s, const char *reason)
{
	/* If memory runs out, only the reason is lost. */
	if (reason && socle__extra_get(s))
		s->extra->close_reason = reason;
	socle_watch_read(s, false);
	s->d.bits |= SOCLE__ENDING;
	if (!s->queued)
		socle__close_or_linger(s);
}

void
socle_close_after_flush(struct socle_socket *s, const char *reason)
{
	if (socle__has(s, SOCLE__CLOSED | SOCLE__ENDING))
		return;
	/* With nothing to flush; an override must not read and write meanwhile. */
	if (!s->queued && !socle__has(s, SOCLE__CLOSING) &&
		socle__class_of(s)->flat.close == socle__root_close &&
		(socle__has(s, SOCLE__READ_ENDED) || !socle__must_linger(s)))
		socle__root_close(s, reason);
	else
		end_after_flush(s, reason);
}

int
socle_steal_socket(struct socle_socket *s)
{
	if (!socle__has(s, SOCLE__CLOSED | SOCLE__CLOSING))
		flush_held(s);
	return socle__is_closed(s) ? -EBADF : socle__socket_let_go(s);
}
