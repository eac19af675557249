/*
 * Memory runs out, for a while or for ever, while a program that uses the whole
 * core runs; support/scenario.h lists what must hold.  The memory of objects is
 * in slabs.  test_sweep.c has each allocation fail alone.
 */
/* backends: all */
#include "tests/support/scenario.h"

#include <stdio.h>

enum { SHOWN = 20 };

static char label[80];
static int failures;
static unsigned long first, seen;
static unsigned long lasting; /* how many consecutive allocations fail */

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
is_allocation(enum call which)
{
	return which == CALL_malloc || which == CALL_calloc ||
		which == CALL_realloc;
}

/* Called at each call: also the place to arm the next fault. */
static bool
allocations(enum call which)
{
	if (!is_allocation(which))
		return false;
	if (++seen >= first && seen - first < lasting)
		seam_fail_any(1, ENOMEM);
	return true;
}

static unsigned long
run_with(unsigned long nth, unsigned long times, int strikes)
{
	const char *problem;

	snprintf(label, sizeof(label), "allocation %lu, %lu times", nth, times);
	first = nth;
	lasting = times;
	seen = 0;
	seam_reset();
	seam_watch_any(allocations);
	problem = scenario_run(strikes);
	if (!problem && nth > 0 && scenario_struck() == 0)
		problem = "the fault did not strike";
	if (problem && failures++ < SHOWN)
		print_error("%s: %s\n", label, problem);
	return seen;
}

static unsigned long
count_allocations(void)
{
	signal(SIGABRT, report_fault);
	signal(SIGALRM, report_fault);
	alarm(100); /* valgrind is slow */
	failures = 0;
	run_with(0, 0, 0);
	return run_with(0, 0, 0);
}

static unsigned long
stride(unsigned long n)
{
	unsigned long tried = (unsigned long)scaled(1000, 10);

	return n <= tried || getenv("SOCLE_TEST_LONG") ? 1 : n / tried;
}

static void
sweep(unsigned long times, int strikes)
{
	unsigned long n = count_allocations();

	assert_true(n > 60);
	for (unsigned long k = 1; k <= n; k += stride(n))
		run_with(k, times, strikes);
	seam_reset();
	assert_int_equal(0, failures);
}

static void
any_three_consecutive_allocations_may_fail(void **state)
{
	(void)state;
	if (backend_is("libkqueue"))
		skip_because("libkqueue keeps fds of its own open");
	sweep(3, 3);
}

static void
memory_may_run_out_for_a_while(void **state)
{
	(void)state;
	if (backend_is("libkqueue"))
		skip_because("libkqueue keeps fds of its own open");
	sweep(25, -1);
}

static void
memory_may_run_out_permanently_at_any_point(void **state)
{
	(void)state;
	if (backend_is("libkqueue"))
		skip_because("libkqueue keeps fds of its own open");
	sweep((unsigned long)-1, -1);
}

/*
 * Every call that needs memory returns -ENOMEM and leaves the object unchanged.
 */
static void
a_call_without_memory_returns_enomem_and_changes_nothing(void **state)
{
	struct probe *p;
	struct socle_socket *none = NULL;
	int fds[2];

	(void)state;
	pair_unix(fds);
	p = probe_new(fds[0], NULL);
	stuff_fd(fds[0]);
	seam_fail(CALL_malloc, 1, ENOMEM, -1);
	seam_fail(CALL_calloc, 1, ENOMEM, -1);
	seam_fail(CALL_realloc, 1, ENOMEM, -1);
	assert_int_equal(-ENOMEM, socle_write(&p->sock, "x", 1));
	assert_int_equal(-ENOMEM,
		socle_writev(&p->sock,
			&(struct iovec){.iov_base = fds, .iov_len = 4}, 1));
	assert_int_equal(
		-ENOMEM, socle_write_ref(&p->sock, "x", 1, NULL, NULL));
	assert_int_equal(-ENOMEM, socle_push_back_read(&p->sock, "x", 1));
	assert_int_equal(-ENOMEM, socle_unread(&p->sock, "x", 1));
	assert_int_equal(-ENOMEM, socle_set_write_timeout(&p->sock, 1));
	assert_int_equal(-ENOMEM, socle_set_write_cap(&p->sock, 1));
	assert_int_equal(
		-ENOMEM, socle_set_water_marks(&p->sock, 0, 1, NULL, NULL));
	assert_null(socle_peer_addr_string(&p->sock));
	assert_int_equal(
		-ENOMEM, socle_socket_new(&probe_class, fds[1], &none));
	assert_null(none);
	assert_null(socle_loop_self());
	assert_int_equal(0, socle_add_timer(1, NULL, NULL));
	assert_int_equal(-ENOMEM, socle_defer(free, NULL));
	assert_int_equal(0, socle_write_buf_size(&p->sock));
	assert_int_equal(0, socle_watching(&p->sock));
	assert_false(socle_closed(&p->sock));
	assert_notes("");
	close(fds[1]);
}

static int releases;

static void
count_release(bool sent, void *arg)
{
	(void)arg;
	assert_false(sent);
	releases++;
}

/*
 * Sent bytes cannot be recalled: this is the one case in which running out of
 * memory closes the socket.
 */
static void
a_partial_write_without_memory_for_the_rest_closes(void **state)
{
	static char data[1 << 20];
	struct probe *p;
	ssize_t n;
	int fds[2];

	(void)state;
	pair_unix(fds);
	p = probe_new(fds[0], NULL);
	pattern_fill(data, sizeof(data), 0, 1);
	seam_fail(CALL_malloc, 1, ENOMEM, 1);
	assert_int_equal(-ENOMEM, socle_write(&p->sock, data, sizeof(data)));
	assert_true(socle_closed(&p->sock));
	assert_notes("close(write_error)");
	turn(1);
	assert_notes("destroy");
	n = drain_fd(fds[1], data, sizeof(data));
	assert_in_range(n, 1, sizeof(data) - 1);
	assert_pattern(data, (size_t)n, 0, 1);
	close(fds[1]);
}

/* The item is allocated first: without memory, nothing has been sent. */
static void
a_borrowed_write_without_memory_takes_nothing(void **state)
{
	static char data[1 << 20];
	struct probe *p;
	int fds[2];

	(void)state;
	releases = 0;
	pair_unix(fds);
	p = probe_new(fds[0], NULL);
	seam_fail(CALL_malloc, 1, ENOMEM, 1);
	assert_int_equal(-ENOMEM,
		socle_write_ref(
			&p->sock, data, sizeof(data), count_release, NULL));
	assert_false(socle_closed(&p->sock));
	assert_int_equal(0, releases);
	assert_int_equal(0, drain_fd(fds[1], data, sizeof(data)));
	assert_notes("");
	socle_close(&p->sock, NULL);
	assert_int_equal(0, releases);
	notes_clear();
	close(fds[1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test(any_three_consecutive_allocations_may_fail),
		test(memory_may_run_out_for_a_while),
		test(memory_may_run_out_permanently_at_any_point),
		test(a_call_without_memory_returns_enomem_and_changes_nothing),
		test(a_partial_write_without_memory_for_the_rest_closes),
		test(a_borrowed_write_without_memory_takes_nothing),
	};

	setenv("SOCLE_SLABS", "1", 1);
	return run_tests(tests);
}
