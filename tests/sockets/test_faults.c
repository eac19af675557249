/*
 * Each call to the kernel fails in turn, in each way that it can, while a
 * program that uses the whole core runs; support/scenario.h lists what must
 * hold nevertheless. The program receives the error, except where the library
 * repeats the call or works without it.
 */
/* backends: all */
#include "tests/support/scenario.h"

#include <stdio.h>

enum { ERRORS = 12, SHOWN = 20 };

/*
 * The errors that each call can return, and the backend that needs it ("":
 * all). A row without errors states why the call is not made to fail.
 */
static const struct row {
	enum call which;
	const char *backend; /* the backend that makes the call; NULL: all */
	int errors[ERRORS];
	const char *why_not;
	enum { IN_PROGRAM, IN_CHILD, NOWHERE } reached;
} table[] = {
#define ROW(name, ...)                                                         \
	{                                                                      \
		.which = CALL_##name, .errors = { __VA_ARGS__ }                \
	}
#define ONLY(kind, name, ...)                                                  \
	{                                                                      \
		.which = CALL_##name, .backend = kind, .errors = {             \
			__VA_ARGS__                                            \
		}                                                              \
	}
#define NOT_FAILED(name, why)                                                  \
	{                                                                      \
		.which = CALL_##name, .why_not = why                           \
	}
#define UNREACHED(name, why)                                                   \
	{                                                                      \
		.which = CALL_##name, .why_not = why, .reached = NOWHERE       \
	}
#define WRITE_ERRORS                                                           \
	EINTR, EAGAIN, ENOBUFS, ENOMEM, EPIPE, ECONNRESET, ETIMEDOUT,          \
		EHOSTUNREACH
#define ACCEPT_ERRORS                                                          \
	EINTR, EAGAIN, ECONNABORTED, EPROTO, EPERM, ENETDOWN, EMFILE, ENFILE,  \
		ENOBUFS, ENOMEM
	ROW(read, EINTR, EAGAIN, ECONNRESET, ETIMEDOUT, EIO, ENOMEM),
	ROW(write, EINTR),
	ROW(writev, EINTR, EAGAIN, EPIPE, EIO, ENOMEM),
	ROW(send, WRITE_ERRORS),
	ROW(sendmsg, WRITE_ERRORS),
	ROW(socket, EMFILE, ENFILE, ENOBUFS, ENOMEM, EACCES),
	ROW(bind, EADDRINUSE, EACCES, ENOMEM),
	ROW(listen, EADDRINUSE, ENOBUFS),
	ROW(connect, EAGAIN, EACCES, ENOMEM),
	ROW(getsockname, ENOBUFS, EINVAL),
	ROW(getpeername, ENOBUFS, ENOTCONN),
	ROW(getsockopt, ENOBUFS, ENOMEM),
	ROW(setsockopt, ENOBUFS, ENOMEM, ENOPROTOOPT),
	ROW(fstat, EIO, ENOMEM, EOVERFLOW),
	ROW(lstat, EACCES, ENOENT),
	ROW(unlink, EACCES, ENOENT, EROFS),
	ROW(lock_file, EACCES, EWOULDBLOCK, EROFS, EMFILE),
	ROW(open, EINTR, EACCES, ENOENT, EMFILE, ENFILE, ENOMEM),
	ROW(pread, EINTR, EIO, ENOMEM),
	ROW(close, EINTR, EIO),
	ROW(fcntl, EINVAL, EPERM),
	ROW(unread, EINVAL, ENOTTY),
	ROW(getrusage, EINVAL),
	ROW(sigaction, EINVAL),
	ONLY("poll", poll, EINTR, EAGAIN, ENOMEM),
	{.which = CALL_change,
		.backend = "epoll",
		.why_not = "it is an epoll_ctl"},
	{.which = CALL_change,
		.backend = "kqueue",
		.why_not = "test_interest.c has them refused"},
	NOT_FAILED(clock_gettime, "with this clock it cannot fail"),
	NOT_FAILED(malloc, "test_faults_alloc.c lets it fail"),
	NOT_FAILED(calloc, "test_faults_alloc.c lets it fail"),
	NOT_FAILED(realloc, "test_faults_alloc.c lets it fail"),
	{.which = CALL_dup2,
		.errors = {EINTR, EBUSY, EMFILE},
		.reached = IN_CHILD},
	/*
	 * made only by sockets outside the loop, which have tests of their own
	 */
	UNREACHED(sendto, "struct socle_io"),
	UNREACHED(recvfrom, "struct socle_io"),
	UNREACHED(recvmsg, "datagrams"),
	UNREACHED(socketpair, "struct socle_io"),
	UNREACHED(shutdown, "struct socle_io"),
	UNREACHED(sockatmark, "struct socle_io"),
	UNREACHED(getaddrinfo, "struct socle_io"),
	UNREACHED(protocol, "struct socle_io"),
	UNREACHED(thread_create, "names are looked up by others"),
#if SOCLE__HAVE_KQUEUE
	ONLY("kqueue", kqueue, EMFILE, ENFILE, ENOMEM),
	ONLY("kqueue", kevent, EINTR, ENOMEM),
#endif
	ROW(accept4, ACCEPT_ERRORS),
	ROW(wake_fds, EMFILE, ENFILE, ENOMEM),
	ROW(sendfile, EINTR, EAGAIN, ENOMEM, EIO, EINVAL, ENOSYS, EPIPE,
		ECONNRESET),
	ROW(readable, EINTR, EAGAIN, ENOMEM),
	UNREACHED(recvmmsg, "datagrams"),
	UNREACHED(sendmmsg, "datagrams"),
#ifdef __linux__
	ONLY("epoll", epoll_create1, EMFILE, ENFILE, ENOMEM),
	ONLY("epoll", epoll_ctl, ENOMEM, ENOSPC),
	ONLY("epoll", epoll_wait, EINTR, ENOMEM),
	ONLY("epoll", dup3, EINTR, EBUSY),
#else
	UNREACHED(dup3, "struct socle_io"),
#endif
};

enum { ROWS = sizeof(table) / sizeof(table[0]) };

/*
 * Failures that the program does not receive: how many calls of a run they may
 * be, of the program and of its child, and why.
 */
enum { ALL = 10000 };
static const struct fallback {
	enum call which;
	const char *backend; /* NULL: any */
	int err;             /* 0: any */
	int program, child;
	const char *why;
} fallbacks[] = {
	{CALL_read, NULL, ENOMEM, 3, 1, "a pipe is read again; as below"},
	{CALL_read, NULL, 0, 1, 1, "the loop wakes without reading a wake-up"},
	{CALL_sendfile, NULL, EINVAL, ALL, 0, "a buffer is used instead"},
	{CALL_sendfile, NULL, ENOSYS, ALL, 0, "a buffer is used instead"},
	{CALL_pread, NULL, ENOMEM, ALL, 0, "the call is repeated"},
	{CALL_getsockopt, NULL, 0, 5, 1, "a transfer returned the error"},
	{CALL_setsockopt, NULL, ENOPROTOOPT, 4, 0, "only TCP has a cork"},
	{CALL_setsockopt, NULL, 0, 1, 0, "TCP_NODELAY affects only speed"},
	{CALL_lstat, NULL, EACCES, 2, 0, "the file is not removed"},
	{CALL_lstat, NULL, ENOENT, 1, 0, "the file is not removed"},
	{CALL_unlink, NULL, 0, 2, 0, "the file is not removed"},
	{CALL_unread, NULL, 0, 4, 1, "the next read finds out"},
	{CALL_readable, NULL, 0, 2, 0, "the call is repeated in a later tick"},
	{CALL_getrusage, NULL, 0, ALL, ALL, "the profile uses the last value"},
	{CALL_sigaction, NULL, 0, 2, 1, "SIGPIPE keeps its action"},
	{CALL_poll, "poll", 0, 5, 0, "the call is repeated in a later tick"},
	{CALL_poll, NULL, 0, ALL, ALL, "the call is repeated in a later tick"},
	{CALL_fcntl, "kqueue", 0, 2, 0, "no child inherits a kqueue"},
#if SOCLE__HAVE_KQUEUE
	{CALL_kevent, NULL, ENOMEM, 42, 2,
		"changes are repeated; removals need not succeed"},
#endif
#ifdef __linux__
	{CALL_dup3, NULL, EBUSY, ALL, ALL, "the call is repeated"},
	{CALL_epoll_create1, NULL, 0, 1, 0,
		"the call is repeated at the next stale event"},
	{CALL_epoll_ctl, NULL, 0, 35, 2,
		"changes are repeated; removals need not succeed"},
#endif
};
enum { FALLBACKS = sizeof(fallbacks) / sizeof(fallbacks[0]) };

static char label[160];
static int failures;
static int unheard; /* runs in which the program received no error */

/* Reports which fault was armed, whatever ends the program. */
static void
report_fault(int signo)
{
	(void)!write(STDERR_FILENO, label, strlen(label));
	(void)!write(STDERR_FILENO, "\n", 1);
	signal(signo, SIG_DFL);
	raise(signo);
}

static bool
long_form(void)
{
	const char *text = getenv("SOCLE_TEST_LONG");

	return text && *text && strcmp(text, "0") != 0;
}

static void
listen_for_the_end(void)
{
	signal(SIGABRT, report_fault);
	signal(SIGALRM, report_fault);
	alarm(long_form() ? 900 : 100); /* valgrind is slow */
}

/* The distance between two calls that are tried. */
static unsigned long
stride(unsigned long calls)
{
	unsigned long tried = (unsigned long)scaled(100, 4);

	return long_form() || calls <= tried ? 1 : calls / tried;
}

static void
fails_with(const char *problem)
{
	if (problem && failures++ < SHOWN)
		print_error("%s: %s\n", label, problem);
}

static void
run_under(int strikes)
{
	fails_with(scenario_run(strikes));
}

/* After a run under faults, of which one must have struck. */
static void
note_heard(void)
{
	if (scenario_struck() == 0)
		fails_with("the fault did not strike");
	unheard += scenario_heard() == 0;
}

/* Errors that only mean "again" or "later" and are not reported. */
static bool
is_temporary(enum call which, int err)
{
	bool writes = which == CALL_send || which == CALL_sendmsg ||
		which == CALL_writev;

	writes = writes || which == CALL_sendfile;
	if (which == CALL_accept4 || err == EINTR)
		return true;
	if (err == EAGAIN)
		return writes || which == CALL_read;
	return writes && (err == ENOBUFS || err == ENOMEM);
}

static void
fail_one(enum call which, unsigned long nth, int err, int times)
{
	snprintf(label, sizeof(label), "%s, call %lu, %d times: %s",
		call_names[which], nth, times, strerror(err));
	seam_reset();
	seam_fail(which, nth, err, times);
	run_under(is_temporary(which, err) ? 0 : times);
	note_heard();
}

/* How often an error may go unheard. */
static int
unheard_most(enum call which, int err, bool in_child)
{
	if (is_temporary(which, err))
		return ALL;
	for (int i = 0; i < FALLBACKS; i++) {
		const struct fallback *f = &fallbacks[i];

		if (f->which == which && (!f->err || f->err == err) &&
			(!f->backend || backend_is(f->backend)))
			return in_child ? f->child : f->program;
	}
	return 0;
}

static void
check_unheard(enum call which, int err, bool in_child)
{
	if (unheard > unheard_most(which, err, in_child) && failures++ < SHOWN)
		print_error("%s, %s: %d failed calls were not reported\n",
			call_names[which], strerror(err), unheard);
	unheard = 0;
	socle_reset(); /* backend_is() has made a loop */
}

/*
 * Counts the calls of a run without faults. The run before it makes those calls
 * that are made once per process.
 */
static void
count_calls(unsigned long *calls)
{
	listen_for_the_end();
	failures = 0;
	for (int i = 0; i < 2; i++) {
		snprintf(label, sizeof(label), "no fault");
		seam_reset();
		run_under(0);
	}
	for (int i = 0; i < CALLS; i++)
		calls[i] = scenario_calls((enum call)i);
}

static bool
is_closing(const struct row *r)
{
	return r->which == CALL_close;
}

static void
sweep(int times)
{
	unsigned long calls[CALLS];

	count_calls(calls);
	for (int i = 0; i < ROWS; i++) {
		const struct row *r = &table[i];
		unsigned long n = calls[r->which];

		for (int e = 0; r->errors[e] && !is_closing(r); e++) {
			unheard = 0;
			for (unsigned long k = 1; k <= n; k += stride(n))
				fail_one(r->which, k, r->errors[e], times);
			check_unheard(r->which, r->errors[e], false);
		}
	}
	seam_reset();
	assert_int_equal(0, failures);
}

/* ---- the tests ---- */

static void
every_system_call_may_fail_once(void **state)
{
	(void)state;
	if (backend_is("libkqueue"))
		skip_because("libkqueue keeps fds of its own open");
	sweep(1);
}

static void
every_system_call_may_fail_three_times(void **state)
{
	(void)state;
	if (backend_is("libkqueue"))
		skip_because("libkqueue keeps fds of its own open");
	sweep(3);
}

static void
every_transfer_may_move_only_one_byte(void **state)
{
	static const enum call transfers[] = {
		CALL_read, CALL_writev, CALL_send, CALL_sendmsg};
	unsigned long calls[CALLS];

	(void)state;
	if (backend_is("libkqueue"))
		skip_because("libkqueue keeps fds of its own open");
	count_calls(calls);
	for (size_t i = 0; i < sizeof(transfers) / sizeof(transfers[0]); i++) {
		unsigned long n = calls[transfers[i]];

		for (unsigned long k = 1; k <= n; k += stride(n))
			for (int times = 1; times <= 40; times += 39) {
				snprintf(label, sizeof(label),
					"%s, call %lu, %d times: short",
					call_names[transfers[i]], k, times);
				seam_reset();
				seam_short(transfers[i], k, times);
				run_under(0);
				note_heard();
			}
	}
	seam_reset();
	assert_int_equal(0, failures);
}

/*
 * A close(2) that fails has closed the fd nevertheless, on every relevant
 * system.
 */
static int (*close_before)(int fd);
static unsigned long close_nth;
static bool close_struck;
static int close_error;

static int
close_and_complain(int fd)
{
	int r = close_before(fd);

	if (--close_nth != 0)
		return r;
	close_struck = true;
	errno = close_error;
	return -1;
}

static void
every_close_may_report_an_error(void **state)
{
	static const int errors[] = {EINTR, EIO};
	unsigned long calls[CALLS];

	(void)state;
	if (backend_is("libkqueue"))
		skip_because("libkqueue keeps fds of its own open");
	count_calls(calls);
	close_before = socle__seam.close;
	socle__seam.close = close_and_complain;
	for (unsigned long k = 1; k <= calls[CALL_close]; k++)
		for (int e = 0; e < 2; e++) {
			snprintf(label, sizeof(label), "close, call %lu: %s", k,
				strerror(errors[e]));
			close_nth = k;
			close_error = errors[e];
			close_struck = false;
			seam_reset();
			run_under(0);
			if (!close_struck)
				fails_with("the fault did not strike");
		}
	socle__seam.close = close_before;
	assert_int_equal(0, failures);
}

/* Random pairs: the error path of the first fault fails too. */
static void
two_system_calls_may_fail_in_one_run(void **state)
{
	unsigned long calls[CALLS];
	int runs = long_form() ? 50000 : scaled(500, 20);
	unsigned seed = (unsigned)time(NULL);
	const char *text = getenv("SOCLE_TEST_SEED");

	(void)state;
	if (backend_is("libkqueue"))
		skip_because("libkqueue keeps fds of its own open");
	if (text)
		seed = (unsigned)strtoul(text, NULL, 10);
	count_calls(calls);
	srand(seed);
	for (int i = 0; i < runs; i++) {
		size_t at = 0;

		seam_reset();
		for (int two = 0; two < 2;) {
			const struct row *r = &table[rand() % ROWS];
			int err = r->errors[rand() % ERRORS];

			if (!err || is_closing(r) || !calls[r->which])
				continue;
			unsigned long nth =
				1 + (unsigned long)rand() % calls[r->which];

			at += (size_t)snprintf(label + at, sizeof(label) - at,
				"%s%s, call %lu: %s", two ? "; " : "",
				call_names[r->which], nth, strerror(err));
			seam_fail(r->which, nth, err, 1);
			two++;
		}
		run_under(2);
		note_heard();
	}
	seam_reset();
	if (failures)
		print_error("SOCLE_TEST_SEED=%u\n", seed);
	assert_int_equal(0, failures);
}

/* ---- in a child of fork ---- */

static enum call child_which;
static unsigned long child_nth;
static int child_error;

static void
arm_in_child(void)
{
	if (child_error)
		seam_fail(child_which, child_nth, child_error, 1);
}

static void
run_child(enum call which, unsigned long nth, int err)
{
	child_which = which;
	child_nth = nth;
	child_error = err;
	snprintf(label, sizeof(label), "in a child: %s, call %lu: %s",
		call_names[which], nth, err ? strerror(err) : "no fault");
	seam_reset();
	fails_with(scenario_fork_run(err != 0, arm_in_child));
	if (err)
		note_heard();
}

/*
 * The first run makes the calls that are made once per process: no other
 * program has run in this child.
 */
static void
count_child_calls(unsigned long *calls)
{
	listen_for_the_end();
	failures = 0;
	run_child(CALL_close, 1, 0);
	for (int i = 0; i < CALLS; i++)
		calls[i] = scenario_calls((enum call)i);
}

static void
every_system_call_of_a_child_may_fail_once(void **state)
{
	unsigned long calls[CALLS];

	(void)state;
	if (backend_is("libkqueue"))
		skip_because("libkqueue keeps fds of its own open");
	count_child_calls(calls);
	assert_int_equal(0, failures);
	for (int i = 0; i < ROWS; i++) {
		const struct row *r = &table[i];
		unsigned long n = calls[r->which];

		for (int e = 0; r->errors[e] && !is_closing(r); e++) {
			unheard = 0;
			for (unsigned long k = 1; k <= n; k += 5 * stride(n))
				run_child(r->which, k, r->errors[e]);
			check_unheard(r->which, r->errors[e], true);
		}
	}
	seam_reset();
	assert_int_equal(0, failures);
}

/* ---- coverage ---- */

static bool
is_reached(const struct row *r, const unsigned long *program,
	const unsigned long *child)
{
	if (r->reached == IN_CHILD)
		return child[r->which] > 0;
	return program[r->which] > 0;
}

/* The table is right for each call, and it is complete. */
static void
every_system_call_is_reached(void **state)
{
	unsigned long program[CALLS], child[CALLS];
	bool named[CALLS] = {false};

	(void)state;
	if (backend_is("libkqueue"))
		skip_because("libkqueue keeps fds of its own open");
	count_child_calls(child);
	count_calls(program);
	for (int i = 0; i < ROWS; i++) {
		const struct row *r = &table[i];

		named[r->which] = true;
		if (!r->errors[0] && !r->why_not)
			fail_msg("%s: no error and no reason",
				call_names[r->which]);
		if (r->backend && !backend_is(r->backend))
			continue;
		if (is_reached(r, program, child) == (r->reached == NOWHERE))
			fail_msg("%s is not as the table says",
				call_names[r->which]);
	}
	assert_int_equal(0, failures);
	for (int i = 0; i < CALLS; i++)
		if (!named[i])
			fail_msg("%s is not in the table", call_names[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		/* must be first */
		test(every_system_call_of_a_child_may_fail_once),
		test(every_system_call_is_reached),
		test(every_system_call_may_fail_once),
		test(every_system_call_may_fail_three_times),
		test(every_transfer_may_move_only_one_byte),
		test(every_close_may_report_an_error),
		test(two_system_calls_may_fail_in_one_run),
	};

	return run_tests(tests);
}
