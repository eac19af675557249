/*
 * For the tests of files in the write queue: files of pattern bytes, an object
 * that notes only its close, completions that are noted, and a slow reader.
 */
#ifndef SOCLE_TESTS_SENDING_H
#define SOCLE_TESTS_SENDING_H

#include "tests/support/fixture.h"

enum { KIB = 1 << 10, MIB = 1 << 20 };

/*
 * The test twice: as it is, and with sendfile(2) refusing its service, so that
 * files are read and written.
 */
#define both(name)                                                             \
	test(name),                                                            \
	{                                                                      \
#name "_by_hand", name, by_hand_setup, fixture_teardown, NULL  \
	}
int by_hand_setup(void **state);

/* ---- files ---- */

/* n bytes of pattern_fill(seed) in a file without a name; its position is 0. */
int file_of(size_t n, unsigned seed);
/* The same with a name, in `path'. */
enum { PATH_SIZE = 64 };
void file_named(char path[PATH_SIZE], size_t n, unsigned seed);
/* A pipe's read end, with the write end in *to. */
int pipe_source(int *to);

/* ---- sending ---- */

/* An object that notes "close(reason)" and no more. */
extern const struct socle_class sender_class;
extern bool sender_vetoes; /* its close; until the next sender_open() */
struct socle_socket *sender_new(int fd);
struct socle_socket *sender_open(int *peer); /* of pair_unix() */

/*
 * One file, and what was told of it: noted as "name:ok(sent)" or
 * "name:EIO(sent+remaining)".
 */
struct sending {
	const char *name;
	int told;
	struct socle_sent how;
	/* called in the completion, after the noting */
	void (*then)(struct socle_socket *s, struct sending *f);
	void *arg;
};

/* socle_sendfile() with the completion filled in. */
int send_file(
	struct socle_socket *s, struct sending *f, struct socle_sendfile what);
/* All of the fd, which is closed then; the result is to be >= 0. */
void send_whole(struct socle_socket *s, struct sending *f, int fd);

/* Turns the loop until its end was told; at most 5 s. */
void turn_until_told(const struct sending *f);

/* ---- receiving ---- */

/* Compares what comes with the pattern, from `at' on. */
struct reader {
	int fd;
	unsigned seed;
	uint64_t at;
	bool ended;
	unsigned step;
};

/* Reads what there is, `most' bytes at most, in odd sizes: how many. */
size_t reader_take(struct reader *r, size_t most);
/* Turns the loop and reads, now and then not, until byte `at' or the end. */
void reader_until(struct reader *r, uint64_t at);

/* What has come so far is `text'; "$" at its end stands for the end. */
void assert_came(int fd, const char *text);

#endif
