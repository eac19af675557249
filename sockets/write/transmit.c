/* Handing bytes to the kernel or the writer function. */
#include "sockets/write/transmit.h"

#include "sockets/counts.h"
#include "sockets/names/socket_error.h"

#include "seam.h"

bool
socle__is_blocked_by(ssize_t err)
{
	return err == -EAGAIN || err == -EWOULDBLOCK || err == -ENOBUFS ||
		err == -ENOMEM || err == SOCLE_WANT_READ ||
		err == SOCLE_WANT_WRITE;
}

size_t
socle__iovec_length(const struct iovec *iov, int n)
{
	size_t len = 0;

	for (int i = 0; i < n; i++)
		len += iov[i].iov_len;
	return len;
}

static SOCLE__NOINLINE ssize_t
pieces_to_kernel(struct socle_socket *s, const struct iovec *iov, int n)
{
	union {
		const struct iovec *from;
		struct iovec *to;
	} v = {iov};
	struct msghdr m = {.msg_iov = v.to, .msg_iovlen = (socle__iovlen)n};

	return socle__has(s, SOCLE__IS_SOCKET)
		? sys_sendmsg(s->d.fd, &m, MSG_NOSIGNAL)
		: sys_writev(s->d.fd, iov, n);
}

static ssize_t
to_kernel(struct socle_socket *s, const struct iovec *iov, int n)
{
	ssize_t sent;

	if (n == 1 && socle__has(s, SOCLE__IS_SOCKET))
		sent = sys_send(
			s->d.fd, iov->iov_base, iov->iov_len, MSG_NOSIGNAL);
	else
		sent = pieces_to_kernel(s, iov, n);
	if (sent < 0)
		return socle__send_error(s->d.fd, -errno);
	/* The rest of a message cannot follow it. */
	if (socle__unlikely(socle__fd_is(s, SOCLE__FD_MESSAGES)) &&
		(size_t)sent < socle__iovec_length(iov, n))
		return -EIO;
	return sent;
}

/* In a child that the function forked, the bytes are the parent's. */
static SOCLE__NOINLINE ssize_t
to_writer(struct socle_socket *s, const struct iovec *iov)
{
	struct socle__extra *x = s->extra;
	__typeof__(x->writer) writer = x->writer;
	bool forked = socle__is_forked(socle__reactor);
	struct socle__callback c;
	ssize_t n;

	socle__callback_begin_plain(socle__reactor, &c);
	s->d.bits |= SOCLE__IN_WRITER;
	n = writer(s, iov->iov_base, iov->iov_len, x->writer_arg);
	s->d.bits &= ~(uint32_t)SOCLE__IN_WRITER;
	socle__callback_end(socle__reactor, &c);
	if (socle__is_forked(socle__reactor) != forked)
		return -EAGAIN;
	if (n == SOCLE_WANT_READ && x->writer != writer)
		return -EAGAIN; /* its successor does not wait for that */
	return n > 0 && (size_t)n > iov->iov_len ? -EIO : n;
}

ssize_t
socle__transmit(struct socle_socket *s, const struct iovec *iov, int n)
{
	ssize_t sent;

	do
		sent = socle__has_writer(s) ? to_writer(s, iov)
					    : to_kernel(s, iov, n);
	while (sent == -EINTR && !socle__is_closed(s));
	socle__count_sent(s, sent, socle__iovec_length(iov, n),
		socle__is_blocked_by(sent));
	return sent;
}
