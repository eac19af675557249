/*
 * Lingering.
 *
 * If unread input is left when a TCP socket is closed, the kernel sends a reset,
 * and a reset destroys what the peer has not read yet.  So the last bytes are
 * followed by the end of the stream, and input is discarded until the peer ends
 * its side, is silent for a while, or has used up its time.
 */
#include "sockets/linger.h"

#include "reactor/interest.h"
#include "sockets/end.h"
#include "sockets/timeouts.h"

#include "seam.h"

#include <netinet/in.h>
#include <netinet/tcp.h>

enum { CHUNK = 16 << 10, CHUNKS_A_TICK = 16 };

static bool
is_tcp(int fd)
{
	int value;
	socklen_t n = sizeof(value);

	return sys_getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &value, &n) == 0;
}

bool
socle__must_linger(const struct socle_socket *s)
{
	const struct socle__extra *x = s->extra;

	if (x && (x->linger_silence == 0 || x->linger_most == 0))
		return false;
	return socle__has(s, SOCLE__IS_SOCKET) &&
		!socle__has(s, SOCLE__READ_ENDED | SOCLE__CONNECTING) &&
		!s->write_error && !socle__is_forked(socle__reactor) &&
		socle__class_of(s)->transport->is_stream && is_tcp(s->d.fd);
}

/*
 * Without memory for the extra part, only the silence is limited.  `at_once': the
 * time expires in the next tick.  That silence started before any tick, because
 * one that started in the last tick would be counted from its end.
 */
static void
start(struct socle_socket *s, bool at_once)
{
	struct socle__extra *x = socle__extra_get(s);

	s->d.bits &= ~(uint32_t)(SOCLE__WRITING | SOCLE__USER_READ);
	s->d.bits |= SOCLE__LINGERING;
	s->active = socle__now_read(socle__reactor);
	if (x)
		x->linger_end = at_once
			? s->active
			: socle__add_ns(s->active, x->linger_most);
	else if (at_once)
		s->active = -SOCLE__LINGER_SILENCE_S * INT64_C(1000000000);
	socle__socket_interest(s);
	socle__timeouts_restart(s);
}

void
socle__close_or_linger(struct socle_socket *s)
{
	if (socle__has(s, SOCLE__LINGERING))
		return;
	if (socle__must_linger(s) && sys_shutdown(s->d.fd, SHUT_WR) == 0)
		start(s, false);
	else if (socle__has(s, SOCLE__CLOSING))
		start(s, true); /* close cannot be called inside itself */
	else
		socle__close_ending(s);
}

/* False: the peer has ended its side, or the connection is broken. */
static bool
discard(struct socle_socket *s)
{
	char chunk[CHUNK];
	ssize_t n = 1;

	for (int i = 0; i < CHUNKS_A_TICK && n > 0; i++) {
		n = sys_read(s->d.fd, chunk, sizeof(chunk));
		s->in += n > 0 ? (uint64_t)n : 0;
		if (n > 0 && s->extra)
			s->active = socle__now(socle__reactor);
	}
	return n > 0 ||
		(n < 0 &&
			(errno == EAGAIN || errno == EWOULDBLOCK ||
				errno == EINTR));
}

void
socle__linger_ready(struct socle_socket *s, unsigned ready)
{
	if (ready & SOCLE_READ && discard(s))
		return;
	if (!socle__has(s, SOCLE__CLOSING)) {
		socle__close_ending(s);
		return;
	}
	/* Its close runs a loop, which must not hear of the end again. */
	s->d.bits |= SOCLE__END_REPORTED;
	socle__descriptor_want(&s->d, s->d.wanted & ~(unsigned)SOCLE_READ);
}

int
socle_set_linger(struct socle_socket *s, double silence, double most)
{
	int err = socle__stream_refusal(s);

	if (err < 0)
		return err;
	if (!(silence >= 0 && most >= 0))
		return -EINVAL;
	if (!socle__extra_get(s))
		return -ENOMEM;
	s->extra->linger_silence = socle__seconds_to_ns(silence);
	s->extra->linger_most = socle__seconds_to_ns(most);
	return 0;
}
