/*
 * How an object writes: autoflush, water marks, cap, writer function.
 */
#include "sockets/private.h"

size_t
socle_write_buf_size(const struct socle_socket *s)
{
	return s->queued;
}

void
socle_set_autoflush(struct socle_socket *s, bool on)
{
	if (socle__is_closed(s))
		return;
	if (on)
		s->d.bits &= ~(uint32_t)SOCLE__HOLD;
	else
		s->d.bits |= SOCLE__HOLD;
}

int
socle_set_water_marks(struct socle_socket *s, size_t low, size_t high,
	void (*fn)(struct socle_socket *s, bool above, void *arg), void *arg)
{
	struct socle__extra *x;

	if (socle__is_closed(s))
		return -EBADF;
	if (low > high)
		return -EINVAL;
	if (!(x = socle__extra_get(s)))
		return -ENOMEM;
	x->low = low;
	x->high = high;
	x->mark = fn;
	x->mark_arg = arg;
	s->d.bits &= ~(uint32_t)SOCLE__ABOVE;
	return 0;
}

int
socle_set_write_cap(struct socle_socket *s, size_t bytes)
{
	struct socle__extra *x;

	if (socle__is_closed(s))
		return -EBADF;
	if (!(x = socle__extra_get(s)))
		return -ENOMEM;
	x->cap = bytes;
	return 0;
}

int
socle__may_set_func(struct socle_socket *s, bool some)
{
	if (socle__is_closed(s))
		return -EBADF;
	if (socle__has(s, SOCLE__OF_FAMILY))
		return -EINVAL;
	if (some && !socle__extra_get(s))
		return -ENOMEM;
	return s->extra != NULL;
}

int
socle_set_writer_func(struct socle_socket *s,
	ssize_t (*fn)(struct socle_socket *s, const void *data, size_t len,
		void *arg),
	void *arg)
{
	int r = socle__may_set_func(s, fn != NULL);

	if (r <= 0)
		return r;
	s->extra->writer = fn;
	s->extra->writer_arg = arg;
	if (!socle__has(s, SOCLE__WRITER_READ))
		return 0;
	/* What the old one waited for means nothing to the new. */
	s->d.bits &= ~(uint32_t)(SOCLE__WRITER_READ | SOCLE__BLOCKED);
	socle__socket_interest(s);
	if (s->queue && !socle__has(s, SOCLE__FLUSHING))
		socle__turn_ask(&s->d, SOCLE__TURN_FLUSH);
	return 0;
}

void
socle__marks_tell(struct socle_socket *s)
{
	struct socle__extra *x = s->extra;
	bool above = socle__has(s, SOCLE__ABOVE);
	uint32_t before;

	if (!x || !x->mark ||
		(above ? s->queued > x->low : s->queued <= x->high))
		return;
	s->d.bits ^= SOCLE__ABOVE;
	before = socle__callback_begins(s);
	x->mark(s, !above, x->mark_arg);
	socle__callback_ends(s, before);
}
