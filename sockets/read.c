/*
 * Reading: pushed-back data first, then the reader function or the kernel.
 */
#include "sockets/read.h"

#include "reactor/interest.h"
#include "reactor/log.h"
#include "reactor/signals.h"
#include "reactor/turns.h"
#include "sockets/activity.h"
#include "sockets/names/socket_type.h"

#include "seam.h"

#include <limits.h>
#include <string.h>

enum { MOST_A_CALL = 1 << 20 };

struct socle__pushed {
	struct socle__pushed *next;
	size_t at, len; /* data[at .. len) is unread */
	char data[];
};

bool
socle__has_pushed(const struct socle_socket *s)
{
	const struct socle__transport *t = socle__class_of(s)->transport;

	return (s->extra && (s->extra->pushed || s->extra->reader_holds)) ||
		(t->has_unread && t->has_unread(s));
}

void
socle__pushed_turn_set(struct socle_socket *s)
{
	if (socle__has(s, SOCLE__USER_READ) && socle__has_pushed(s))
		socle__turn_ask(&s->d, SOCLE__TURN_PUSHED_BACK);
	else
		socle__turn_drop(&s->d, SOCLE__TURN_PUSHED_BACK);
}

void
socle__pushed_drop(struct socle_socket *s)
{
	struct socle__extra *x = s->extra;

	while (x->pushed) {
		struct socle__pushed *p = x->pushed;

		x->pushed = p->next;
		sys_free(p);
	}
}

static ssize_t
read_pushed(struct socle_socket *s, void *buf, size_t size)
{
	struct socle__extra *x = s->extra;
	struct socle__pushed *p = x->pushed;
	size_t n = p->len - p->at;

	if (n > size)
		n = size;
	memcpy(buf, p->data + p->at, n);
	p->at += n;
	if (p->at == p->len) {
		x->pushed = p->next;
		sys_free(p);
	}
	if (!x->pushed) {
		socle__pushed_turn_set(s);
		socle__descriptor_touch(&s->d); /* a HUP may be held back */
	}
	return (ssize_t)n;
}

/*
 * No poller reports data that the reader function has received and not returned
 * yet, such as the rest of a TLS record.  After it has returned bytes it is
 * assumed to hold more, until it says otherwise.
 */
void
socle__reader_holds(struct socle_socket *s, bool more)
{
	struct socle__extra *x = s->extra;

	if (socle__is_closed(s) || x->reader_holds == more)
		return;
	x->reader_holds = more;
	socle__pushed_turn_set(s);
	socle__descriptor_touch(&s->d);
}

static ssize_t
read_by_function(struct socle_socket *s, void *buf, size_t size)
{
	__typeof__(s->extra->reader) reader = s->extra->reader;
	void *arg = s->extra->reader_arg;
	struct socle__callback c;
	bool is_still; /* it may have been replaced */
	ssize_t n;

	socle__callback_begin_plain(socle__reactor, &c);
	n = reader(s, buf, size, arg);
	socle__callback_end(socle__reactor, &c);
	is_still = !socle__is_closed(s) && s->extra->reader == reader &&
		s->extra->reader_arg == arg;
	if (n > 0 && (size_t)n > size)
		n = -EIO;
	socle__reader_holds(s, n > 0 && is_still);
	if (n == SOCLE_WANT_WRITE && is_still) {
		s->d.bits |= SOCLE__READER_WRITE;
		socle__socket_interest(s);
	}
	return n == SOCLE_WANT_READ || n == SOCLE_WANT_WRITE ? -EAGAIN : n;
}

/* A reader function may remove itself. */
static ssize_t
read_some(struct socle_socket *s, void *buf, size_t size)
{
	ssize_t n;

	do {
		if (s->extra && s->extra->reader)
			n = read_by_function(s, buf, size);
		else if ((n = sys_read(s->d.fd, buf, size)) < 0)
			n = -errno;
	} while (n == -EINTR && !socle__is_closed(s));
	return n == -EINTR ? -EBADF : n;
}

/*
 * At the end of the stream the kernel keeps reporting READ, so the event is
 * turned off until the application turns it on.
 */
static ssize_t
read_ended(struct socle_socket *s, ssize_t n)
{
	if (n == -EAGAIN || n == -EWOULDBLOCK) {
		SOCLE__COUNT(socle__reactor->counts.blocked_reads, 1);
		return -EAGAIN;
	}
	if (socle__is_closed(s))
		return n; /* the reader function closed it */
	s->d.bits |= SOCLE__READ_ENDED;
	if (n < 0) {
		s->read_error = (uint16_t)-n;
		return n;
	}
	socle__log(2, "Fd #%d read hit the end of the road.", s->d.fd);
	s->d.bits &= ~(uint32_t)SOCLE__USER_READ;
	socle__socket_interest(s);
	return 0;
}

/* Bytes were read that a held-back event or a timeout depends on. */
static SOCLE__NOINLINE ssize_t
read_noted(struct socle_socket *s, ssize_t n)
{
	s->d.bits &= ~(uint32_t)SOCLE__READ_ENDED;
	socle__descriptor_touch(&s->d);
	socle__active(s);
	return n;
}

static SOCLE__NOINLINE ssize_t
read_in_full(struct socle_socket *s, void *buf, size_t size)
{
	ssize_t n;

	n = socle__stream_refusal(s);
	if (n < 0)
		return n;
	if (size == 0)
		return -EINVAL;
	if (s->extra && s->extra->pushed)
		return read_pushed(s, buf, size);
	if (socle__has(s, SOCLE__CONNECTING))
		return -EAGAIN;
	n = read_some(s, buf, size < MOST_A_CALL ? size : MOST_A_CALL);
	/* A datagram may be empty; on every other socket 0 is the end. */
	if (n == 0 && socle__fd_is(s, SOCLE__FD_MESSAGES) &&
		socle__socket_type(s->d.fd) == SOCK_DGRAM)
		return 0;
	if (n > 0) {
		s->in += (uint64_t)n;
		return read_noted(s, n);
	}
	n = read_ended(s, n);
	if (!socle__is_closed(s) && s->extra && s->extra->pushed)
		socle__pushed_turn_set(
			s); /* the reader function put it there */
	return n;
}

/* The first call returned no bytes. */
static SOCLE__NOINLINE ssize_t
read_nothing(struct socle_socket *s, void *buf, size_t size, ssize_t n)
{
	if (n < 0 && errno == EINTR)
		return read_in_full(s, buf, size);
	return read_ended(s, n < 0 ? -errno : 0);
}

SOCLE__NO_STACK_PROTECTOR ssize_t
socle_read(struct socle_socket *s, void *buf, size_t size)
{
	uint32_t unusual = SOCLE__CLOSED | SOCLE__END_REPORTED |
		SOCLE__SPECIAL | SOCLE__CONNECTING | SOCLE__READ_ENDED;
	struct socle_socket *self = s;
	void *to = buf;
	size_t most = size;
	ssize_t n;

	if (socle__unlikely(socle__has(s, unusual) || size - 1 >= MOST_A_CALL))
		return read_in_full(s, buf, size);
	SOCLE__ON_STACK(self);
	SOCLE__ON_STACK(to);
	SOCLE__ON_STACK(most);
	n = sys_read(s->d.fd, buf, size);
	if (socle__unlikely(n <= 0))
		return read_nothing(self, to, most, n);
	SOCLE__COUNT(self->in, (uint64_t)n);
	if (socle__unlikely(socle__has(self, SOCLE__IDLES)))
		return read_noted(self, n);
	return n;
}

static int
pushed_make(struct socle_socket *s, const void *data, size_t len,
	struct socle__pushed **ret)
{
	struct socle__pushed *p = NULL;
	int err = socle__stream_refusal(s);

	if (err < 0)
		return err;
	if (len == 0)
		return 0;
	if (len > PTRDIFF_MAX)
		return -EINVAL;
	if (socle__extra_get(s))
		p = sys_malloc(sizeof(*p) + len);
	if (!p)
		return -ENOMEM;
	p->next = NULL;
	p->at = 0;
	p->len = len;
	memcpy(p->data, data, len);
	*ret = p;
	return 1;
}

int
socle_push_back_read(struct socle_socket *s, const void *data, size_t len)
{
	struct socle__pushed *p, **at;
	int r = pushed_make(s, data, len, &p);

	if (r <= 0)
		return r;
	at = &s->extra->pushed;
	while (*at)
		at = &(*at)->next;
	*at = p;
	socle__pushed_turn(s);
	return 0;
}

int
socle_unread(struct socle_socket *s, const void *data, size_t len)
{
	struct socle__pushed *p;
	int r = pushed_make(s, data, len, &p);

	if (r <= 0)
		return r;
	p->next = s->extra->pushed;
	s->extra->pushed = p;
	socle__pushed_turn(s);
	return 0;
}

int
socle_pending(const struct socle_socket *s)
{
	const struct socle__extra *x = s->extra;
	size_t n = 0;

	if (socle__is_closed(s))
		return -EBADF;
	if (!x)
		return 0;
	for (const struct socle__pushed *p = x->pushed; p; p = p->next)
		n += p->len - p->at;
	if (n == 0)
		return x->reader_holds;
	return n > INT_MAX ? INT_MAX : (int)n;
}

int
socle_set_reader_func(struct socle_socket *s,
	ssize_t (*fn)(
		struct socle_socket *s, void *data, size_t len, void *arg),
	void *arg)
{
	int r = socle__may_set_func(s, fn != NULL);

	if (r <= 0)
		return r;
	socle__catch_sigpipe(); /* TLS libraries write as they read */
	s->extra->reader = fn;
	s->extra->reader_arg = arg;
	socle__reader_holds(s, false);
	s->d.bits &= ~(uint32_t)SOCLE__READER_WRITE;
	socle__socket_interest(s);
	return 0;
}
