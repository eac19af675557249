/*
 * For the tests of the write queue: an object whose kernel buffer is full, and
 * callbacks that note that they ran.
 */
#ifndef SOCLE_TESTS_QUEUEING_H
#define SOCLE_TESTS_QUEUEING_H

#include "tests/support/fixture.h"

/* The object and the other end of its socket, which the test closes. */
extern struct probe *object;
extern int peer;

void open_pair(void);

/* The same, with the kernel's buffers full until unstick() empties them. */
void open_stuck_pair(void);
void unstick(void);

/*
 * The next write finds the kernel's buffer full, as do all others until the
 * loop runs.
 */
void block_next(void);

/* Notes "[...]": the bytes that the peer can read now. */
void note_peer(void);

/* For socle_write_func(): notes the text in `arg', or "-text" if dropped. */
void note_it(struct socle_socket *s, void *arg);
void drop_it(void *arg);
/* For socle_write_ref(): notes "+text" if it was sent, else "-text". */
void release_it(bool sent, void *arg);

/* Queues a closure with note_it, which must not run at once. */
void queue_call(void *arg);

#endif
