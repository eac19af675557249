/* The base object. */
#include "sockets/object.h"

#include "reactor/interest.h"

#include "seam.h"

#define NS INT64_C(1000000000) /* a second */

struct socle__extra *
socle__extra_get(struct socle_socket *s)
{
	if (!s->extra && (s->extra = sys_calloc(1, sizeof(*s->extra)))) {
		s->extra->owner = s;
		s->extra->linger_silence = SOCLE__LINGER_SILENCE_S * NS;
		s->extra->linger_most = SOCLE__LINGER_MOST_S * NS;
		s->d.bits |= SOCLE__SPECIAL;
	}
	return s->extra;
}

void
socle__socket_interest(struct socle_socket *s)
{
	uint32_t mask = SOCLE__USER_READ | SOCLE__READER_WRITE |
		SOCLE__READ_HELD | SOCLE__WRITER_READ | SOCLE__LINGERING;
	unsigned wanted = 0;

	s->d.bits |= SOCLE__INDIRECT;
	if ((s->d.bits & mask) == SOCLE__USER_READ)
		s->d.bits &= ~(uint32_t)SOCLE__INDIRECT;
	if (!socle__has(s, SOCLE__INDIRECT) ||
		socle__has(s, SOCLE__WRITER_READ | SOCLE__LINGERING))
		wanted |= SOCLE_READ;
	if (socle__has(s, SOCLE__WRITING))
		wanted |= SOCLE_WRITE;
	if (wanted != s->d.wanted)
		socle__descriptor_want(&s->d, wanted);
}

int
socle__may_set_func(struct socle_socket *s, bool is_set)
{
	int err = socle__stream_refusal(s);

	if (err < 0)
		return err;
	if (is_set && !socle__extra_get(s))
		return -ENOMEM;
	return s->extra != NULL;
}
