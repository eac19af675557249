/* The messages of a TCP connection: each behind its length in 2 bytes. */
#ifndef EXAMPLES_DNSD_FRAMES_H
#define EXAMPLES_DNSD_FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* No query needs more bytes than a frame has here. */
enum { FRAME_HEADER = 2, FRAMES_SIZE = 4096 };

/* What was received and not taken.  Zeros are the first state. */
struct frames {
	size_t start, end;
	uint8_t bytes[FRAMES_SIZE];
};

/* Where to receive more: `*size' bytes.  That is 0 if a frame is too long. */
uint8_t *frames_space(struct frames *f, size_t *size);
void frames_received(struct frames *f, size_t n);

/*
 * Takes the next message, which stays where it is until the next
 * frames_space(); NULL: it is not complete.
 */
const uint8_t *frames_next(struct frames *f, size_t *size);

/* The next message is longer than a frame has here, and never complete. */
bool frames_too_long(const struct frames *f);

/* Whether a part of a message was received. */
bool frames_begun(const struct frames *f);

#endif
