/*
 * For the tests of files in the write queue: files of pattern bytes, an object
 * that notes only its close, completions that are noted, and a slow reader.
 */
#ifndef SOCLE_TESTS_SENDING_H
#define SOCLE_TESTS_SENDING_H

#include "tests/support/fixture.h"

enum { KIB = 1 << 10, MIB = 1 << 20 };

/*
 * The test twice: once unchanged, and once with sendfile(2) refused, so that
 * files are read and written.
 */
#define both(name)                                                             \
	test(name),                                                            \
	{                                                                      \
#name "_by_hand", name, by_hand_setup, fixture_teardown, NULL  \
	}
int by_hand_setup(void **state);

/* ---- files ---- */

/* n bytes of pattern_fill(seed) in an unlinked file; its position is 0. */
int file_of(size_t n, unsigned seed);
/* The same in a named file, with its name in `path'. */
enum { PATH_SIZE = 64 };
void file_named(char path[PATH_SIZE], size_t n, unsigned seed);
/* A pipe's read end, with the write end in *to. */
int pipe_source(int *to);

/* ---- sending ---- */

/* An object that notes only "close(reason)". */
extern const struct socle_class sender_class;
/* its close does not call super, until the next sender_open() */
extern bool sender_vetoes;
struct socle_socket *sender_new(int fd);
struct socle_socket *sender_open(int *peer); /* of pair_unix() */

/*
 * One file and its completion: noted as "name:ok(sent)" or
 * "name:EIO(sent+remaining)".
 */
struct sending {
	const char *name;
	int completions;
	struct socle_sent how;
	/* if set, called in the completion, after the note */
	void (*then)(struct socle_socket *s, struct sending *f);
	void *arg;
};

/* socle_sendfile() with the completion filled in. */
int send_file(
	struct socle_socket *s, struct sending *f, struct socle_sendfile what);
/* Sends the whole fd and closes it; the result must be >= 0. */
void send_whole(struct socle_socket *s, struct sending *f, int fd);

/* Runs the loop until the completion was called; at most 5 s. */
void turn_until_completed(const struct sending *f);

/* ---- receiving ---- */

/* Compares the received bytes with the pattern, from `at' on. */
struct reader {
	int fd;
	unsigned seed;
	uint64_t at;
	bool ended;
	unsigned step;
};

/* Reads the bytes available, at most `max', in odd sizes; returns how many. */
size_t reader_take(struct reader *r, size_t max);
/* Runs the loop and reads, sometimes pausing, up to byte `at' or the end. */
void reader_until(struct reader *r, uint64_t at);

/*
 * The bytes received so far are `text'; "$" at its end stands for the end of
 * stream.
 */
void assert_arrived(int fd, const char *text);

#endif
