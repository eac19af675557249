/*
 * The two ends of a session: the client's connection and the backend's.
 *
 * Each is an object of its own, either may close at any moment, and the memory
 * of a closed object is used again soon.  So one rule holds: the two point to
 * each other as long as both are open, and the one that closes first unties both
 * before it does anything else.  `other' is then either an open object or NULL,
 * and no pointer ever outlives its object.
 */
#ifndef EXAMPLES_PROXY_END_H
#define EXAMPLES_PROXY_END_H

#include <socle/socle.h>

#include <stdbool.h>
#include <stddef.h>

struct end {
	struct socle_socket sock; /* the base, first */
	struct end *other;        /* NULL: there is none, yet or any more */
	bool is_client;
	bool read_ended;   /* its end of stream was read */
	bool write_failed; /* it takes no more; what it sent may be unread */
	bool is_full;      /* the bytes queued for it are above the mark */
	bool has_marks;
};

/* The super of both classes. */
extern const struct socle_class end_class;

struct end *end_of(struct socle_socket *s);

/*
 * What was read goes from here to the other end at once, so one buffer serves
 * all connections.  It fits the cache of a processor, which counts for more than
 * few system calls.  An end is read so often in a tick, if there is more.
 */
enum { END_BUFFER = 32 * 1024, END_READS = 8 };
extern char end_buffer[END_BUFFER];

/* Ties two open ends and reads both, as far as the other takes it. */
void end_tie(struct end *a, struct end *b);
void end_untie(struct end *e);

/* Sends bytes that came from `from' to the other end. */
void end_forward(struct end *from, const char *data, size_t n);

/* Whether to read it again after a read of `n': the other may have closed it. */
bool end_goes_on(const struct end *e, ssize_t n);

/* No more can be read from it: the end of the stream (0), or -errno. */
void end_of_reading(struct end *e, int err);

/* Closes it once what is queued for it was sent; it must be untied. */
void end_leave(struct end *e);

#endif
