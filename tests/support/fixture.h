/*
 * Common to all tests: leak checks around each test, and small peers.
 *
 *	int
 *	main(void)
 *	{
 *		const struct CMUnitTest tests[] = {
 *			test(closing_twice_is_harmless),
 *		};
 *		return run_tests(tests);
 *	}
 *
 * Before each test no loop exists, SOCLE_BACKEND selects the backend, an alarm
 * of 120 s (TEST_ALARM) is set, and all counters are 0. After it the loop is
 * reset, and the test fails if an fd, a block of memory or a live object is
 * left. note() collects the events as text.
 */
#ifndef SOCLE_TESTS_FIXTURE_H
#define SOCLE_TESTS_FIXTURE_H

#include "tests/kqueue/kernels.h"
#include "tests/support/cm.h"
#include "tests/support/faults.h"

#include "socle.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

int fixture_setup(void **state);
int fixture_teardown(void **state);

#define test(name)                                                             \
	cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
#undef run_tests
#define run_tests(tests)                                                       \
	cmocka_run_group_tests_name(__FILE__, tests, NULL, NULL)

/* SOCLE_TEST_SCALE (default 1) times n, at least `least'. */
int scaled(int n, int least);

/*
 * Whether to repeat a race after `done' of `n' runs.  On a slow machine a hundredth
 * of them suffices, after two seconds.
 */
bool race_again(int done, int n);

bool backend_is(const char *name);

/* Whether the backend hears of a socket's HUP, also where nothing is watched. */
bool hups_are_told(void);

/* Raises the limit of open fds; returns whether n are allowed. */
bool fds_may_be(unsigned n);

bool has_ipv6(void); /* ::1 */

/*
 * Around a test that uses fd 0 itself; inside it is open.  Some runs have no
 * standard input, so that the first fd of each test is 0.
 */
int fd_0_save(void);
void fd_0_restore(int saved);

/* Whether the system finds these: some have no /etc/hosts, no /etc/protocols. */
bool localhost_is_known(void);
bool protocol_is_known(const char *name);

/*
 * Whether a socket can be bound to it: on Linux all of 127.0.0.0/8 is there,
 * elsewhere often 127.0.0.1 alone.
 */
bool address_is_ours(const char *address);
#define skip_without_address(address)                                          \
	do {                                                                   \
		if (!address_is_ours(address))                                 \
			skip_because("this system has no " address);           \
	} while (0)

#define skip_without_abstract()                                                \
	do {                                                                   \
		if (!SOCLE__HAVE_ABSTRACT)                                     \
			skip_because("this system has no abstract names");     \
	} while (0)

#define skip_where_accept_loses_the_client()                                   \
	do {                                                                   \
		if (kernel()->accept_takes_client)                             \
			skip_because("accept(2) takes the client, though no "  \
				     "fd is left");                            \
	} while (0)

/* The call with which the current backend waits. */
enum call the_wait(void);

/* The call that opens its poller; CALLS: it has none. */
enum call the_opening(void);

/* Whether many datagrams are moved by one call, and the call that sends them. */
bool many_are_one_call(void);
enum call the_send_of_many(void);

/* Whether each change of interest is a system call, which may be refused. */
bool changes_are_calls(void);

/* ---- notes ---- */

/* Appends formatted text to the test's log; notes are separated by " ". */
void note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
const char *notes(void);
void notes_clear(void);

/*
 * `text' with this system's number for each name of an error, as in
 * "e-ECONNRESET". The last four texts stay valid.
 */
const char *errnos(const char *text);

/* The notes are errnos(text); they are cleared. */
#define assert_notes(text)                                                     \
	do {                                                                   \
		assert_string_equal(notes(), errnos(text));                    \
		notes_clear();                                                 \
	} while (0)

/* ---- sockets ---- */

/* All are non-blocking and close-on-exec, unless noted. */
void pair_unix(int fds[2]);  /* stream socketpair */
void pair_tcp(int fds[2]);   /* connected over loopback */
void pair_pipe(int fds[2]);  /* [0] reads, [1] writes */
int tcp_listener(int *port); /* blocking */
int tcp_connect(int port);   /* blocking, to 127.0.0.1 */

/* Closes `fd' so that it sends a reset. */
void close_by_reset(int fd);

/*
 * Fills a buffer with `n' bytes that depend on their position (offset + seed),
 * sends such bytes, or compares them. For any fd; send_all waits with poll, at
 * most 30 s.
 */
void pattern_fill(char *buf, size_t n, size_t offset, unsigned seed);
void assert_pattern(const char *buf, size_t n, size_t offset, unsigned seed);
void send_all(int fd, const void *data, size_t n);
/* Reads all that is available without blocking; -1: end of stream. */
ssize_t drain_fd(int fd, char *buf, size_t size);
/*
 * Fills the kernel's buffers towards the peer of `fd'; returns the bytes
 * written.
 */
size_t stuff_fd(int fd);

/* ---- running the loop ---- */

/* Runs n ticks that do not wait. */
void turn(int n);
/* Runs ticks until *flag is true; fails the test after 30 s. */
void turn_until(const bool *flag);
/* Runs ticks that wait until *counter >= n; fails the test after 30 s. */
void turn_until_count(const int *counter, int n);

/* ---- a class that notes every event ---- */

/*
 * Notes each event as "r", "w", "e<err>", "h", "drain", "idle", "stall", "inc",
 * "close(reason)" and "destroy", after "tag:" if there is a tag. event_read
 * reads at most `read_size' bytes (0: it does not read) and collects them; it
 * notes "eof" after a read of 0 and "r<err>" after an error. The hooks, if set,
 * are called after the note, instead of the default.
 */
struct probe {
	struct socle_socket sock;
	const char *tag;
	size_t read_size;
	char got[65536];
	size_t got_len;
	int reads, writes, errs, hups, drains, closes, timeouts;
	bool done;       /* for hooks */
	bool *destroyed; /* if not NULL, set to true by destroy */
	void (*on_read)(struct probe *p);         /* instead of reading */
	void (*on_write)(struct probe *p);        /* instead of flushing */
	void (*on_err)(struct probe *p, int err); /* instead of closing */
	void (*on_hup)(struct probe *p);
	void (*on_drain)(struct probe *p);
	void (*on_close)(
		struct probe *p, const char *reason); /* called before super */
	bool veto; /* close does not call super */
	void *arg;
};
extern const struct socle_class probe_class;

/* Made by socle_socket_new() with `fd', which must succeed; watches nothing. */
struct probe *probe_new(int fd, const char *tag);
struct probe *probe_of(struct socle_socket *s);

#endif
