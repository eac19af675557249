/* Settings of writing: autoflush, water marks, cap, writer function. */
#include "reactor/signals.h"
#include "sockets/write/await.h"
#include "sockets/write/pump.h"

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
	socle__marks_check(s);
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
socle_set_writer_func(struct socle_socket *s,
	ssize_t (*fn)(struct socle_socket *s, const void *data, size_t len,
		void *arg),
	void *arg)
{
	int r = socle__may_set_func(s, fn != NULL);

	if (r <= 0)
		return r;
	socle__catch_sigpipe(); /* for functions that call write(2) */
	s->extra->writer = fn;
	s->extra->writer_arg = arg;
	if (!socle__has(s, SOCLE__WRITER_READ))
		return 0;
	/* The new function does not depend on what the old one waited for. */
	s->d.bits &= ~(uint32_t)(SOCLE__WRITER_READ | SOCLE__BLOCKED);
	socle__queue_await(s);
	return 0;
}
