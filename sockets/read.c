/*
 * Reading: from what was pushed back, else from the kernel or the reader.
 */
#include "sockets/private.h"

#include "seam.h"

#include <string.h>

enum { MOST_A_CALL = 1 << 20 };

bool
socle__has_pushed(const struct socle_socket *s)
{
	if (socle__has(s, SOCLE__OF_FAMILY))
		return socle__class_of(s)->family->has_unread(s);
	return s->extra && s->extra->pushed;
}

bool
socle__pushed_wanted(const struct socle_socket *s)
{
	return socle__has(s, SOCLE__USER_READ) && socle__has_pushed(s);
}

void
socle__pushed_drop(struct socle__extra *x)
{
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
		socle__turn_drop(&s->d, SOCLE__TURN_PUSHED_BACK);
		socle__descriptor_touch(&s->d); /* a HUP may have waited */
	}
	return (ssize_t)n;
}

static ssize_t
read_by_function(struct socle_socket *s, void *buf, size_t size)
{
	struct socle__loop *l = socle__loop;
	ssize_t n;

	socle__user_begins(l);
	do
		n = s->extra->reader(s, buf, size, s->extra->reader_arg);
	while (n == -EINTR && s->extra->reader && !socle__is_closed(s));
	socle__user_ends(l);
	if (n > 0 && (size_t)n > size)
		return -EIO;
	if (n == SOCLE_WANT_WRITE && !socle__is_closed(s)) {
		s->d.bits |= SOCLE__READER_WRITE;
		socle__socket_interest(s);
	}
	return n == SOCLE_WANT_READ || n == SOCLE_WANT_WRITE ? -EAGAIN : n;
}

static ssize_t
read_some(struct socle_socket *s, void *buf, size_t size)
{
	ssize_t n;

	if (s->extra && s->extra->reader)
		return read_by_function(s, buf, size);
	do
		n = sys_read(s->d.fd, buf, size);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

/*
 * The end comes as an event of its own only once: READ stays ready for ever
 * then, so it is off until it is asked for.
 */
static ssize_t
read_ended(struct socle_socket *s, ssize_t n)
{
	if (n == -EAGAIN || n == -EWOULDBLOCK)
		return -EAGAIN;
	if (socle__is_closed(s))
		return n; /* by the reader function */
	s->d.bits |= SOCLE__READ_ENDED;
	if (n < 0) {
		s->read_error = (uint8_t)-n;
		return n;
	}
	socle__log(2, "Fd #%d read hit the end of the road.", s->d.fd);
	s->d.bits &= ~(uint32_t)SOCLE__USER_READ;
	socle__socket_interest(s);
	return 0;
}

/* Bytes came, and something hangs on that. */
static socle__apart ssize_t
read_went_on(struct socle_socket *s, ssize_t n)
{
	s->d.bits &= ~(uint32_t)SOCLE__READ_ENDED;
	socle__descriptor_touch(&s->d);
	socle__active(s);
	return n;
}

static socle__apart ssize_t
read_aside(struct socle_socket *s, void *buf, size_t size)
{
	ssize_t n;

	if (socle__is_closed(s))
		return -EBADF;
	if (size == 0 || socle__has(s, SOCLE__OF_FAMILY))
		return -EINVAL;
	if (s->extra && s->extra->pushed)
		return read_pushed(s, buf, size);
	if (socle__has(s, SOCLE__CONNECTING))
		return -EAGAIN;
	n = read_some(s, buf, size < MOST_A_CALL ? size : MOST_A_CALL);
	if (n <= 0)
		return read_ended(s, n);
	return read_went_on(s, n);
}

/* The first try got nothing. */
static socle__apart ssize_t
read_nothing(struct socle_socket *s, void *buf, size_t size, ssize_t n)
{
	if (n < 0 && errno == EINTR)
		return read_aside(s, buf, size);
	return read_ended(s, n < 0 ? -errno : 0);
}

socle__no_arrays ssize_t
socle_read(struct socle_socket *s, void *buf, size_t size)
{
	uint32_t aside = SOCLE__CLOSED | SOCLE__END_TOLD | SOCLE__SPECIAL |
		SOCLE__OF_FAMILY | SOCLE__CONNECTING | SOCLE__READ_ENDED;
	struct socle_socket *self = s;
	void *room = buf;
	size_t most = size;
	ssize_t n;

	if (socle__unlikely(socle__has(s, aside) || size - 1 >= MOST_A_CALL))
		return read_aside(s, buf, size);
	socle__on_stack(self);
	socle__on_stack(room);
	socle__on_stack(most);
	n = sys_read(s->d.fd, buf, size);
	if (socle__unlikely(n <= 0))
		return read_nothing(self, room, most, n);
	if (socle__unlikely(socle__has(self, SOCLE__IDLES)))
		return read_went_on(self, n);
	return n;
}

static int
pushed_make(struct socle_socket *s, const void *data, size_t len,
	struct socle__pushed **ret)
{
	struct socle__pushed *p = NULL;

	if (socle__is_closed(s))
		return -EBADF;
	if (socle__has(s, SOCLE__OF_FAMILY))
		return -EINVAL;
	if (len == 0)
		return 0;
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

static void
pushed_tell(struct socle_socket *s)
{
	if (socle__pushed_wanted(s))
		socle__turn_ask(&s->d, SOCLE__TURN_PUSHED_BACK);
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
	pushed_tell(s);
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
	pushed_tell(s);
	return 0;
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
	s->extra->reader = fn;
	s->extra->reader_arg = arg;
	s->d.bits &= ~(uint32_t)SOCLE__READER_WRITE;
	socle__socket_interest(s);
	return 0;
}
