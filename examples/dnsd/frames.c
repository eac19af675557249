/* frames.h describes the functions. */
#include "frames.h"

#include <string.h>

uint8_t *
frames_space(struct frames *f, size_t *size)
{
	f->end -= f->start;
	memmove(f->bytes, f->bytes + f->start, f->end);
	f->start = 0;
	*size = sizeof(f->bytes) - f->end;
	return f->bytes + f->end;
}

void
frames_received(struct frames *f, size_t n)
{
	f->end += n;
}

/* The length of the next frame with its header; 0: the header is not there. */
static size_t
frame_size(const struct frames *f)
{
	const uint8_t *p = f->bytes + f->start;

	if (f->end - f->start < FRAME_HEADER)
		return 0;
	return (size_t)(FRAME_HEADER + (p[0] << 8 | p[1]));
}

const uint8_t *
frames_next(struct frames *f, size_t *size)
{
	const uint8_t *message = f->bytes + f->start + FRAME_HEADER;
	size_t n = frame_size(f);

	if (n == 0 || f->end - f->start < n)
		return NULL;
	f->start += n;
	*size = n - FRAME_HEADER;
	return message;
}

bool
frames_too_long(const struct frames *f)
{
	return frame_size(f) > sizeof(f->bytes);
}

bool
frames_begun(const struct frames *f)
{
	return f->end > f->start;
}
