/* Closures in the write queue: when they run, in which order, and how often. */
/* backends: all */
#include "tests/support/queueing.h"

#include "sockets/write/queue.h"

static char a[] = "a", b[] = "b", c[] = "c";

/* ---- when it runs ---- */

/* case 68 */
static void
on_an_empty_queue_a_closure_runs_inside_the_call(void **state)
{
	(void)state;
	open_pair();
	seam_count_reset();
	assert_int_equal(
		1, socle_write_func(&object->sock, note_it, drop_it, a));
	assert_notes("a");
	assert_int_equal(0, seam_system_calls());
	assert_int_equal(1, seam_count(CALL_malloc));
	assert_int_equal(0, socle_write_buf_size(&object->sock));
	close(peer);
}

static void
see_what_the_peer_has(struct socle_socket *s, void *arg)
{
	(void)s;
	note_peer();
	note("%s", (const char *)arg);
}

/* case 67 */
static void
a_closure_runs_between_the_bytes_before_and_after_it(void **state)
{
	(void)state;
	open_pair();
	block_next();
	socle_write(&object->sock, "one", 3);
	socle_write_func(&object->sock, see_what_the_peer_has, NULL, a);
	socle_write_ref(&object->sock, "two", 3, release_it, b);
	socle_write_func(&object->sock, see_what_the_peer_has, NULL, c);
	socle_write(&object->sock, "three", 5);
	notes_clear();
	turn(1);
	note_peer();
	assert_notes("w [one] a +b [two] c drain [three]");
	close(peer);
}

static void
a_closure_waits_for_every_byte_before_it(void **state)
{
	(void)state;
	open_pair();
	seam_short(CALL_send, 1, 2);
	socle_write(&object->sock, "abc", 3);
	queue_call(a);
	notes_clear();
	assert_int_equal(0, socle_write_kick(&object->sock));
	assert_notes("inc");
	assert_int_equal(1, socle_write_kick(&object->sock));
	assert_notes("a drain");
	close(peer);
}

static void
each_closure_adds_1_to_the_queue_size(void **state)
{
	(void)state;
	open_stuck_pair();
	socle_write(&object->sock, "xyz", 3);
	queue_call(a);
	queue_call(b);
	assert_int_equal(5, socle_write_buf_size(&object->sock));
	socle__queue_check(&object->sock);
	notes_clear();
	unstick();
	turn(1);
	assert_notes("w a b drain");
	assert_int_equal(0, socle_write_buf_size(&object->sock));
	close(peer);
}

static void
note_size(struct socle_socket *s, void *arg)
{
	(void)arg;
	note("%d", (int)socle_write_buf_size(s));
}

static void
a_running_closure_no_longer_counts_in_the_queue_size(void **state)
{
	(void)state;
	open_pair();
	block_next();
	socle_write(&object->sock, "x", 1);
	socle_write_func(&object->sock, note_size, NULL, NULL);
	queue_call(a);
	notes_clear();
	turn(1);
	assert_notes("w 1 a drain");
	close(peer);
}

/* ---- writes inside a closure ---- */

static void
write_and_see(struct socle_socket *s, void *arg)
{
	note("=%d", socle_write(s, arg, strlen(arg)));
	note_peer();
}

static void
writes_of_a_closure_on_an_empty_queue_are_sent_at_once(void **state)
{
	(void)state;
	open_pair();
	assert_int_equal(
		1, socle_write_func(&object->sock, write_and_see, NULL, a));
	assert_notes("=1 [a]");
	close(peer);
}

static void
writes_of_the_last_closure_in_a_flush_are_sent_at_once(void **state)
{
	(void)state;
	open_pair();
	block_next();
	socle_write(&object->sock, "x", 1);
	socle_write_func(&object->sock, write_and_see, NULL, a);
	notes_clear();
	turn(1);
	assert_notes("w =1 [xa] drain");
	close(peer);
}

/* case 69 */
static void
writes_of_a_closure_are_queued_after_existing_data(void **state)
{
	(void)state;
	open_pair();
	block_next();
	socle_write(&object->sock, "x", 1);
	socle_write_func(&object->sock, write_and_see, NULL, c);
	socle_write(&object->sock, "b", 1);
	notes_clear();
	turn(1);
	note_peer();
	assert_notes("w =0 [x] drain [bc]");
	close(peer);
}

static void
writes_of_a_closure_that_do_not_fit_are_sent_later(void **state)
{
	(void)state;
	open_pair();
	block_next();
	assert_int_equal(
		1, socle_write_func(&object->sock, write_and_see, NULL, a));
	assert_notes("inc =0 []");
	turn(1);
	note_peer();
	assert_notes("w drain [a]");
	close(peer);
}

/* ---- closures inside closures ---- */

static void
call_then_write(struct socle_socket *s, void *arg)
{
	note("a");
	note("=%d", socle_write_func(s, note_it, drop_it, arg));
	note("=%d", socle_write(s, "x", 1));
	note("end");
}

static void
a_closure_added_by_a_closure_runs_after_it(void **state)
{
	(void)state;
	open_pair();
	assert_int_equal(
		1, socle_write_func(&object->sock, call_then_write, NULL, b));
	assert_notes("a =0 =0 end b drain");
	note_peer();
	assert_notes("[x]");
	close(peer);
}

static void
call_b(struct socle_socket *s, void *arg)
{
	note("a");
	socle_write_func(s, note_it, drop_it, arg);
}

/* order a c b: a closure added inside runs after the queued one */
static void
a_closure_added_by_a_closure_runs_after_queued_ones(void **state)
{
	(void)state;
	open_pair();
	block_next();
	socle_write(&object->sock, "x", 1);
	socle_write_func(&object->sock, call_b, drop_it, b);
	queue_call(c);
	notes_clear();
	turn(1);
	assert_notes("w a c b drain");
	close(peer);
}

enum { CHAIN = 10000 };
static int links, depth, deepest;

static void
chain(struct socle_socket *s, void *arg)
{
	if (++depth > deepest)
		deepest = depth;
	if (++links < CHAIN)
		socle_write_func(s, chain, NULL, arg);
	depth--;
}

/* case 71, defect 3 */
static void
ten_thousand_chained_closures_do_not_recurse(void **state)
{
	(void)state;
	open_pair();
	links = depth = deepest = 0;
	assert_int_equal(1, socle_write_func(&object->sock, chain, NULL, NULL));
	turn_until_count(&links, CHAIN);
	assert_int_equal(1, deepest);
	turn(1);
	assert_int_equal(0, socle_write_buf_size(&object->sock));
	close(peer);
}

static int links_at_timer;

static void
timer_ran(void *arg)
{
	(void)arg;
	links_at_timer = links;
}

/* Each closure takes a millisecond. */
static void
slow_chain(struct socle_socket *s, void *arg)
{
	seam_time_add(0.001);
	links++;
	if (links_at_timer == 0 && links < CHAIN)
		socle_write_func(s, slow_chain, NULL, arg);
}

/* case 71, defect 3 */
static void
a_chain_of_closures_does_not_delay_a_timer(void **state)
{
	(void)state;
	open_pair();
	seam_time_virtual();
	links = links_at_timer = 0;
	socle_add_timer(0.5, timer_ran, NULL);
	socle_write_func(&object->sock, slow_chain, NULL, NULL);
	while (links_at_timer == 0 && links < CHAIN)
		turn(1);
	/* another flush may lie between: its budget of closures is small */
	assert_in_range(links_at_timer, 500, 700);
	close(peer);
}

/* case 71, defect 3 */
static void
a_chain_of_closures_does_not_starve_another_object(void **state)
{
	struct probe *q;
	int fds[2];

	(void)state;
	open_pair();
	pair_unix(fds);
	q = probe_new(fds[0], "q");
	socle_watch_read(&q->sock, true);
	send_all(fds[1], "x", 1);
	links = 0;
	socle_write_func(&object->sock, chain, NULL, NULL);
	turn_until_count(&q->reads, 1);
	assert_true(links < 1000);
	close(fds[1]);
	close(peer);
}

static void
many_queued_closures_run_in_batches(void **state)
{
	(void)state;
	open_stuck_pair();
	links = CHAIN;
	socle_write(&object->sock, "x", 1);
	for (int i = 0; i < 1000; i++)
		socle_write_func(&object->sock, chain, NULL, NULL);
	unstick();
	socle_write_kick(&object->sock);
	assert_in_range(links - CHAIN, 1, 500);
	assert_int_equal(0, socle_watching(&object->sock));
	turn_until_count(&links, CHAIN + 1000);
	close(peer);
}

/* ---- closing ---- */

static void
close_it(struct socle_socket *s, void *arg)
{
	note("%s", (const char *)arg);
	socle_close(s, "enough");
}

/* case 70 */
static void
a_closure_that_closes_its_socket_drops_the_rest(void **state)
{
	(void)state;
	open_pair();
	block_next();
	socle_write(&object->sock, "x", 1);
	socle_write_func(&object->sock, close_it, drop_it, a);
	queue_call(b);
	socle_write_ref(&object->sock, "y", 1, release_it, c);
	notes_clear();
	turn(1);
	assert_notes("w a close(enough) -b -c destroy");
	note_peer();
	assert_notes("[x]");
	close(peer);
}

/* case 70 */
static void
a_closure_may_close_inside_the_call(void **state)
{
	(void)state;
	open_pair();
	assert_int_equal(
		1, socle_write_func(&object->sock, close_it, drop_it, a));
	assert_true(socle_closed(&object->sock));
	turn(1);
	assert_notes("a close(enough) destroy");
	close(peer);
}

static void
chain_then_close(struct socle_socket *s, void *arg)
{
	socle_write_func(s, note_it, drop_it, arg);
	close_it(s, a);
}

static void
a_closure_added_by_one_that_closes_is_dropped(void **state)
{
	(void)state;
	open_pair();
	socle_write_func(&object->sock, chain_then_close, NULL, b);
	turn(1);
	assert_notes("a close(enough) -b destroy");
	close(peer);
}

static int stolen;

static void
steal_it(struct socle_socket *s, void *arg)
{
	(void)arg;
	stolen = socle_steal_socket(s);
}

static void
a_closure_that_steals_its_socket_drops_the_rest(void **state)
{
	(void)state;
	open_pair();
	block_next();
	socle_write(&object->sock, "x", 1);
	socle_write_func(&object->sock, steal_it, NULL, NULL);
	queue_call(b);
	notes_clear();
	turn(1);
	assert_notes("w -b destroy");
	assert_true(stolen >= 0);
	assert_int_equal(2, write(stolen, "!!", 2));
	close(stolen);
	close(peer);
}

static void
close_other(struct socle_socket *s, void *arg)
{
	(void)s;
	socle_close(arg, "by another");
}

static void
a_closure_may_close_another_object(void **state)
{
	struct probe *q;
	int fds[2];

	(void)state;
	open_pair();
	pair_unix(fds);
	q = probe_new(fds[0], "q");
	block_next();
	socle_write(&object->sock, "x", 1);
	socle_write_func(&object->sock, close_other, NULL, &q->sock);
	notes_clear();
	turn(1);
	assert_notes("w q:close(by another) drain q:destroy");
	close(fds[1]);
	close(peer);
}

static void
turn_inside(struct socle_socket *s, void *arg)
{
	(void)arg;
	socle_close(s, NULL);
	turn(2);
	note("end");
}

static void
nothing_is_destroyed_while_a_closure_is_on_the_stack(void **state)
{
	(void)state;
	open_pair();
	socle_write_func(&object->sock, turn_inside, NULL, NULL);
	turn(1);
	assert_notes("close() end destroy");
	close(peer);
}

static void
fail_to_write(struct socle_socket *s, void *arg)
{
	(void)arg;
	seam_fail(CALL_send, 1, EPIPE, 1);
	note("%d", socle_write(s, "x", 1) == -EPIPE);
	note("%d", socle_write(s, "x", 1) == -EBADF);
}

static void
a_write_that_fails_inside_a_closure_drops_the_rest(void **state)
{
	(void)state;
	open_pair();
	block_next();
	socle_write(&object->sock, "x", 1);
	socle_write_func(&object->sock, fail_to_write, NULL, NULL);
	notes_clear();
	turn(1);
	assert_notes("w close(EPIPE) 1 1 destroy");
	close(peer);
}

static void
end_after_flush(struct socle_socket *s, void *arg)
{
	socle_write(s, arg, 1);
	socle_close_after_flush(s, "bye");
	note("end");
}

static void
a_closure_may_write_and_close_after_flush(void **state)
{
	(void)state;
	open_pair();
	block_next();
	socle_write_func(&object->sock, end_after_flush, NULL, a);
	assert_notes("inc end");
	turn(1);
	assert_notes("w close(bye) destroy");
	note_peer();
	assert_notes("[a]");
	close(peer);
}

static void
write_and_turn(struct socle_socket *s, void *arg)
{
	block_next();
	assert_int_equal(0, socle_write(s, arg, 1));
	turn(3);
	note_peer();
}

static void
a_loop_nested_in_a_closure_sends_what_it_wrote(void **state)
{
	(void)state;
	open_pair();
	socle_write_func(&object->sock, write_and_turn, NULL, a);
	assert_notes("inc w drain [a]");
	close(peer);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test(on_an_empty_queue_a_closure_runs_inside_the_call),
		test(a_closure_runs_between_the_bytes_before_and_after_it),
		test(a_closure_waits_for_every_byte_before_it),
		test(each_closure_adds_1_to_the_queue_size),
		test(a_running_closure_no_longer_counts_in_the_queue_size),
		test(writes_of_a_closure_on_an_empty_queue_are_sent_at_once),
		test(writes_of_the_last_closure_in_a_flush_are_sent_at_once),
		test(writes_of_a_closure_are_queued_after_existing_data),
		test(writes_of_a_closure_that_do_not_fit_are_sent_later),
		test(a_closure_added_by_a_closure_runs_after_it),
		test(a_closure_added_by_a_closure_runs_after_queued_ones),
		test(ten_thousand_chained_closures_do_not_recurse),
		test(a_chain_of_closures_does_not_delay_a_timer),
		test(a_chain_of_closures_does_not_starve_another_object),
		test(many_queued_closures_run_in_batches),
		test(a_closure_that_closes_its_socket_drops_the_rest),
		test(a_closure_may_close_inside_the_call),
		test(a_closure_added_by_one_that_closes_is_dropped),
		test(a_closure_that_steals_its_socket_drops_the_rest),
		test(a_closure_may_close_another_object),
		test(nothing_is_destroyed_while_a_closure_is_on_the_stack),
		test(a_write_that_fails_inside_a_closure_drops_the_rest),
		test(a_closure_may_write_and_close_after_flush),
		test(a_loop_nested_in_a_closure_sends_what_it_wrote),
	};

	return run_tests(tests);
}
