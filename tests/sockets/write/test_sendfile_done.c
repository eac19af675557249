/* A completion callback may call any function on any object. */
/* backends: all */
#include "tests/support/sending.h"

#include <stdio.h>
#include <sys/wait.h>

static struct socle_socket *s;
static int peer;
static struct sending a = {.name = "a"}, b = {.name = "b"}, c = {.name = "c"};
static int stolen;

static void
open_pair(void)
{
	s = sender_open(&peer);
	a.completions = b.completions = c.completions = 0;
	a.then = b.then = c.then = NULL;
	a.arg = b.arg = c.arg = NULL;
}

/* Queues a, b and "Z"; they are held until the next tick. */
static void
queue_three(void (*then)(struct socle_socket *it, struct sending *f))
{
	open_pair();
	socle_set_autoflush(s, false);
	a.then = then;
	send_whole(s, &a, file_of(10, 0));
	send_whole(s, &b, file_of(20, 0));
	socle_write(s, "Z", 1);
}

static size_t
arrived(void)
{
	char buf[1024];
	ssize_t n = drain_fd(peer, buf, sizeof(buf));

	return n < 0 ? 0 : (size_t)n;
}

static void
drain_peer(void)
{
	while (arrived() > 0)
		;
}

/* ---- closing the object ---- */

static void
close_it(struct socle_socket *it, struct sending *f)
{
	(void)f;
	socle_set_autoflush(it, true); /* otherwise the close would flush it */
	socle_close(it, "done");
	assert_true(socle_closed(it));
	assert_int_equal(-EBADF, socle_write(it, "x", 1));
}

/* TS17, TS15 */
static void
a_completion_may_close(void **state)
{
	(void)state;
	queue_three(close_it);
	turn(1);
	assert_notes("a:ok(10) close(done) b:ECANCELED(0+20)");
	assert_int_equal(10, arrived());
	close(peer);
}

struct owned {
	struct socle_socket sock;
	int *freed;
};

static void
owned_destroy(struct socle_socket *self)
{
	struct owned *o = socle_container_of(self, struct owned, sock);

	++*o->freed;
	free(o);
}

static const struct socle_class owned_class = {
	.name = "Owned",
	.super = &sender_class,
	.size = sizeof(struct owned),
	.destroy = owned_destroy,
};

static void
close_and_turn(struct socle_socket *it, struct sending *f)
{
	struct owned *o = socle_container_of(it, struct owned, sock);

	close_it(it, f);
	turn(2);
	assert_int_equal(0, *o->freed); /* its callback is still on the stack */
}

/* TS17, TS15: in the call that sends, and in the loop */
static void
a_completion_may_free(void **state)
{
	int fds[2];

	(void)state;
	for (int held = 0; held < 2; held++) {
		struct owned *o = calloc(1, sizeof(*o));
		int freed = 0;

		pair_unix(fds);
		o->freed = &freed;
		socle_socket_init(&o->sock, &owned_class, fds[0]);
		socle_set_autoflush(&o->sock, !held);
		a = (struct sending){.name = "a", .then = close_and_turn};
		send_whole(&o->sock, &a, file_of(10, 0));
		turn(1);
		assert_int_equal(1, freed);
		close(fds[1]);
	}
	assert_notes("a:ok(10) close(done) a:ok(10) close(done)");
}

static void
steal_it(struct socle_socket *it, struct sending *f)
{
	(void)f;
	socle_set_autoflush(it, true);
	stolen = socle_steal_socket(it);
	note("stolen");
}

/* TS17, TS15 */
static void
a_completion_may_steal(void **state)
{
	(void)state;
	queue_three(steal_it);
	turn(1);
	assert_notes("a:ok(10) b:ECANCELED(0+20) stolen");
	assert_int_equal(10, arrived());
	close(stolen);
	close(peer);
}

static void
reset_it(struct socle_socket *it, struct sending *f)
{
	(void)it;
	(void)f;
	socle_reset();
	note("reset");
}

/* TS17, TS15 */
static void
a_completion_may_reset_the_loop(void **state)
{
	(void)state;
	queue_three(reset_it);
	assert_true(socle_event_loop_once(0) >= 0);
	assert_notes("a:ok(10) b:ECANCELED(0+20) reset");
	close(peer);
}

static void
try_again(struct socle_socket *it, struct sending *f)
{
	int fd = file_of(5, 0);

	assert_int_equal(
		-EBADF, send_file(it, f, (struct socle_sendfile){.fd = fd}));
	close(fd);
}

/* TS09 */
static void
a_cancelled_file_cannot_be_queued_again(void **state)
{
	(void)state;
	open_pair();
	stuff_fd(socle_fd(s));
	a.then = try_again;
	send_whole(s, &a, file_of(10, 0));
	socle_close(s, NULL);
	assert_notes("close() a:ECANCELED(0+10)");
	turn(1);
	close(peer);
}

/* ---- writing ---- */

static void
send_next(struct socle_socket *it, struct sending *f)
{
	struct sending *next = f->arg;

	socle_write(it, "+", 1);
	if (next)
		send_whole(it, next, file_of(5, 0));
}

/* TS10, TS15 */
static void
a_file_queued_by_a_completion_is_sent_after_queued_data(void **state)
{
	(void)state;
	queue_three(send_next);
	a.arg = &c;
	turn(1);
	assert_notes("a:ok(10) b:ok(20) c:ok(5)");
	assert_int_equal(10 + 20 + 1 + 1 + 5, arrived());
	close(peer);
}

/* TS10, TS15 */
static void
a_file_queued_by_the_last_completion_is_sent_at_once(void **state)
{
	(void)state;
	open_pair();
	a.then = b.then = send_next;
	a.arg = &b;
	send_whole(s, &a, file_of(10, 0));
	assert_notes("a:ok(10) b:ok(5)");
	assert_int_equal(10 + 1 + 5 + 1, arrived());
	close(peer);
}

static int depth, deepest;

static void
chain(struct socle_socket *it, struct sending *f)
{
	if (++depth > deepest)
		deepest = depth;
	if (f->completions < 1000)
		send_whole(it, f, file_of(1, 0));
	depth--;
}

/* TS15 */
static void
a_chain_of_files_does_not_recurse(void **state)
{
	(void)state;
	open_pair();
	deepest = 0;
	a.then = chain;
	send_whole(s, &a, file_of(1, 0));
	while (a.completions < 1000) {
		turn(1);
		arrived();
	}
	assert_int_equal(1, deepest);
	close(peer);
}

static bool stop_now;

static void
chain_for_ever(struct socle_socket *it, struct sending *f)
{
	if (f->completions > 100000)
		fail_msg("no other object got a turn");
	if (!stop_now)
		send_file(it, f, (struct socle_sendfile){.fd = *(int *)f->arg});
}

static void
stop_the_chain(void *arg)
{
	(void)arg;
	stop_now = true;
}

/* TS18 */
static void
an_endless_chain_of_empty_files_starves_nothing_else(void **state)
{
	int fd = file_of(0, 0);

	(void)state;
	open_pair();
	stop_now = false;
	a.then = chain_for_ever;
	a.arg = &fd;
	assert_true(socle_add_timer(0, stop_the_chain, NULL) != 0);
	send_file(s, &a, (struct socle_sendfile){.fd = fd});
	assert_false(stop_now);
	turn_until(&stop_now);
	turn(1);
	close(fd);
	close(peer);
}

/* ---- a nested loop ---- */

static bool
is_completed(void *arg)
{
	return ((struct sending *)arg)->completions > 0;
}

static void
wait_for_another(struct socle_socket *it, struct sending *f)
{
	(void)it;
	assert_int_equal(1, socle_run_until(is_completed, f->arg));
	note("waited");
}

/* TS17, TS15 */
static void
a_completion_may_wait_for_the_next_file(void **state)
{
	(void)state;
	queue_three(wait_for_another);
	a.arg = &b;
	turn(1);
	assert_notes("a:ok(10) b:ok(20) waited");
	assert_int_equal(31, arrived());
	close(peer);
}

/* A held file that is sent before the wait must not be waited for. */
static void
a_loop_that_waits_for_a_completion_does_not_oversleep(void **state)
{
	(void)state;
	open_pair();
	socle_set_autoflush(s, false);
	send_whole(s, &a, file_of(10, 0));
	assert_int_equal(1, socle_run_until(is_completed, &a));
	assert_notes("a:ok(10)");
	close(peer);
}

static bool
has_arrived(void *arg)
{
	(void)arg;
	return arrived() == 3;
}

static void
write_and_wait(struct socle_socket *it, struct sending *f)
{
	(void)f;
	arrived();
	socle_write(it, "abc", 3);
	assert_int_equal(1, socle_run_until(has_arrived, NULL));
	note("waited");
}

/* TS17, TS15 */
static void
a_completion_may_write_and_wait_for_it(void **state)
{
	(void)state;
	open_pair();
	a.then = write_and_wait;
	send_whole(s, &a, file_of(10, 0));
	turn(1);
	assert_notes("a:ok(10) waited");
	assert_false(socle_closed(s));
	close(peer);
}

/* Afterwards the loop may sleep: no turn is open. */
static void
a_completion_that_writes_leaves_no_turn_open(void **state)
{
	(void)state;
	open_pair();
	a.then = send_next;
	send_whole(s, &a, file_of(10, 0));
	assert_int_equal(-1, socle_loop_timeout_ms());
	assert_int_equal(11, arrived());
	close(peer);
}

static int nestings;

static bool
is_completed_or_reads(void *arg)
{
	drain_peer();
	return is_completed(arg);
}

static void
waiting_incomplete_write(struct socle_socket *self)
{
	(void)self;
	if (nestings++ == 0)
		assert_int_equal(1, socle_run_until(is_completed_or_reads, &a));
}

static const struct socle_class waiting_class = {
	.name = "Waiting",
	.super = &sender_class,
	.incomplete_write = waiting_incomplete_write,
};

/* TS17, TS15: the blocked flush resumes after the file has been sent */
static void
a_loop_nested_in_incomplete_write_may_send_the_whole_file(void **state)
{
	(void)state;
	open_pair();
	assert_int_equal(0, socle_set_class(s, &waiting_class));
	nestings = 0;
	send_whole(s, &a, file_of(MIB, 0));
	assert_notes("a:ok(1048576)");
	/* incomplete_write is not called inside itself */
	assert_int_equal(1, nestings);
	close(peer);
}

/* ---- fork ---- */

#define CHECK(truth)                                                           \
	do {                                                                   \
		if (!(truth)) {                                                \
			dprintf(2, "child, line %d: %s\n", __LINE__, #truth);  \
			_exit(1);                                              \
		}                                                              \
	} while (0)

static void
child_ended_well(pid_t pid)
{
	int status;

	assert_int_equal(pid, waitpid(pid, &status, 0));
	assert_true(WIFEXITED(status));
	assert_int_equal(0, WEXITSTATUS(status));
}

/* TS15 */
static void
a_childs_files_are_dropped_and_the_parents_continue(void **state)
{
	struct reader r = {.at = 0};
	pid_t pid;

	(void)state;
	open_pair();
	r.fd = peer;
	send_whole(s, &a, file_of(MIB, 0));
	send_whole(s, &b, file_of(0, 0));
	pid = fork();
	if (pid == 0) {
		alarm(60);
		CHECK(a.completions == 0 && b.completions == 0);
		CHECK(socle_after_fork() == 0);
		CHECK(a.completions == 1 && a.how.err == -ECANCELED);
		CHECK(b.completions == 1 && b.how.err == -ECANCELED);
		CHECK(a.how.sent + a.how.remaining == MIB);
		CHECK(!socle_closed(s));
		CHECK(socle_write_buf_size(s) == 0);
		CHECK(socle_event_loop_once(0) == 1);
		_exit(0);
	}
	child_ended_well(pid);
	reader_until(&r, MIB);
	turn_until_completed(&b);
	assert_notes("a:ok(1048576) b:ok(0)");
	close(peer);
}

static void
try_once_more(struct socle_socket *it, struct sending *f)
{
	if (f->completions < 10)
		send_file(it, f,
			(struct socle_sendfile){
				.fd = *(int *)f->arg, .length = 100});
}

static void
try_in_a_call(struct socle_socket *it, void *arg)
{
	try_once_more(it, arg);
}

static void
queue_a_call(struct socle_socket *it, struct sending *f)
{
	CHECK(socle_write_func(it, try_in_a_call, NULL, f) == 0);
}

/* In the child, `then' queues the file again in its completion. */
static void
fork_with(void (*then)(struct socle_socket *it, struct sending *f))
{
	int fd;
	pid_t pid;

	if (backend_is("libkqueue"))
		skip_because("libkqueue is not for a child that goes on");
	fd = file_of(100, 0);
	open_pair();
	stuff_fd(socle_fd(s));
	a.arg = &fd;
	send_file(s, &a, (struct socle_sendfile){.fd = fd, .length = 100});
	pid = fork();
	if (pid == 0) {
		alarm(60);
		a.then = then;
		CHECK(socle_after_fork() == 0);
		CHECK(a.completions == 1 && a.how.err == -ECANCELED);
		CHECK(socle_write_buf_size(s) == 1);
		a.then = NULL;
		while (a.completions == 1) {
			CHECK(socle_event_loop_once(10) == 1);
			drain_peer();
		}
		CHECK(a.how.err == 0);
		_exit(0);
	}
	child_ended_well(pid);
	socle_close(s, NULL);
	close(fd);
	close(peer);
}

/* Data queued after the fork belongs to the child, in its callbacks too. */
static void
a_childs_completion_may_queue_the_file_again(void **state)
{
	(void)state;
	fork_with(try_once_more);
}

static void
a_childs_completion_may_queue_a_closure(void **state)
{
	(void)state;
	fork_with(queue_a_call);
}

/* ---- the profile ---- */

static void
note_item(const struct socle_profile_item *item, void *arg)
{
	(void)arg;
	note("%s=%d", item->item, (int)item->calls);
}

static void
completions_are_profiled(void **state)
{
	(void)state;
	open_pair();
	assert_true(socle_enable_profiling(SOCLE_PROFILE_WALL) >= 0);
	send_whole(s, &a, file_of(10, 0));
	send_whole(s, &b, file_of(10, 0));
	notes_clear();
	socle_profiling_data(note_item, NULL);
	assert_non_null(strstr(notes(), "Sender-closure=2"));
	close(peer);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		both(a_completion_may_close),
		both(a_completion_may_free),
		both(a_completion_may_steal),
		both(a_completion_may_reset_the_loop),
		test(a_cancelled_file_cannot_be_queued_again),
		both(a_file_queued_by_a_completion_is_sent_after_queued_data),
		both(a_file_queued_by_the_last_completion_is_sent_at_once),
		both(a_chain_of_files_does_not_recurse),
		test(an_endless_chain_of_empty_files_starves_nothing_else),
		both(a_completion_may_wait_for_the_next_file),
		both(a_loop_that_waits_for_a_completion_does_not_oversleep),
		both(a_completion_may_write_and_wait_for_it),
		both(a_completion_that_writes_leaves_no_turn_open),
		both(a_loop_nested_in_incomplete_write_may_send_the_whole_file),
		both(a_childs_files_are_dropped_and_the_parents_continue),
		test(a_childs_completion_may_queue_the_file_again),
		test(a_childs_completion_may_queue_a_closure),
		test(completions_are_profiled),
	};

	return run_tests(tests);
}
