/* Data the kernel does not take at once: queued in order, sent by the loop. */
/* backends: all */
#include "tests/support/fixture.h"

#include "sockets/write/queue.h"

#include <stdio.h>

static struct probe *p;
static int peer;
static char big[4 << 20];
static bool was_destroyed; /* the object was destroyed */

static void
open_pair(void)
{
	int fds[2];

	pair_unix(fds);
	p = probe_new(fds[0], NULL);
	peer = fds[1];
}

/*
 * The next write finds the kernel's buffer full, as do all others until the
 * loop runs.
 */
static void
block_next(void)
{
	seam_fail(CALL_send, 1, EAGAIN, 1);
}

/* Bytes that fill the kernel's buffer; unstick() reads them. */
static size_t junk;

static void
open_stuck_pair(void)
{
	open_pair();
	junk = stuff_fd(socle_fd(&p->sock));
}

static void
unstick(void)
{
	static char buf[65536];

	while (junk > 0) {
		ssize_t n = drain_fd(
			peer, buf, junk < sizeof(buf) ? junk : sizeof(buf));

		assert_true(n > 0);
		junk -= (size_t)n;
	}
}

static void
assert_peer_got(const char *text)
{
	static char buf[65536];
	ssize_t n = drain_fd(peer, buf, sizeof(buf) - 1);

	buf[n < 0 ? 0 : n] = '\0';
	assert_string_equal(text, buf);
}

/* ---- partial writes ---- */

/* case 66 */
static void
a_big_write_is_partial_and_its_size_is_exact(void **state)
{
	size_t arrived = 0, len = sizeof(big);
	ssize_t n;

	(void)state;
	open_pair();
	assert_int_equal(0, socle_write(&p->sock, big, len));
	while ((n = drain_fd(peer, p->got, sizeof(p->got))) > 0)
		arrived += (size_t)n;
	assert_true(arrived > 0);
	assert_int_equal(len - arrived, socle_write_buf_size(&p->sock));
	assert_int_equal(SOCLE_WRITE, socle_watching(&p->sock));
	close(peer);
}

/* cases 66, 75 */
static void
a_big_write_arrives_complete_and_the_watch_is_turned_off(void **state)
{
	size_t at = 0, len = sizeof(big);

	(void)state;
	open_pair();
	pattern_fill(big, len, 0, 1);
	assert_int_equal(0, socle_write(&p->sock, big, len));
	while (at < len) {
		ssize_t n = drain_fd(peer, p->got, sizeof(p->got));

		assert_true(n >= 0);
		assert_pattern(p->got, (size_t)n, at, 1);
		at += (size_t)n;
		turn(1);
	}
	assert_int_equal(0, socle_write_buf_size(&p->sock));
	assert_int_equal(0, socle_watching(&p->sock));
	assert_int_equal(1, p->drains);
	close(peer);
}

/* case 67 */
static void
copies_references_and_vectors_keep_their_order(void **state)
{
	char a[] = "c", b[] = "d";
	struct iovec iov[] = {{a, 1}, {b, 1}};

	(void)state;
	open_pair();
	block_next();
	assert_int_equal(0, socle_write(&p->sock, "a", 1));
	assert_int_equal(0, socle_write_ref(&p->sock, "b", 1, NULL, NULL));
	assert_int_equal(0, socle_writev(&p->sock, iov, 2));
	assert_int_equal(0, socle_write(&p->sock, "e", 1));
	socle__queue_check(&p->sock);
	seam_count_reset();
	turn(1);
	assert_int_equal(1, seam_count(CALL_sendmsg));
	assert_peer_got("abcde");
	close(peer);
}

static void
queued_data_is_sent_before_a_new_write(void **state)
{
	(void)state;
	open_pair();
	block_next();
	socle_write(&p->sock, "a", 1);
	seam_count_reset();
	assert_int_equal(0, socle_write(&p->sock, "b", 1));
	assert_int_equal(0, seam_system_calls());
	turn(1);
	assert_peer_got("ab");
	close(peer);
}

/* case 91 */
static void
five_thousand_small_writes_need_few_system_calls(void **state)
{
	char text[8];

	(void)state;
	open_pair();
	block_next();
	for (int i = 0; i < 5000; i++) {
		snprintf(text, sizeof(text), "%04d,", i);
		assert_int_equal(0, socle_write(&p->sock, text, 5));
	}
	seam_count_reset();
	turn(1);
	assert_int_equal(0, socle_write_buf_size(&p->sock));
	assert_in_range(seam_count(CALL_send) + seam_count(CALL_sendmsg), 1, 2);
	assert_int_equal(25000, drain_fd(peer, p->got, sizeof(p->got)));
	for (int i = 0; i < 5000; i++)
		assert_int_equal(i, strtol(p->got + 5 * i, NULL, 10));
	close(peer);
}

/* case 91 */
static void
a_vector_longer_than_the_kernel_takes_arrives_complete(void **state)
{
	static struct iovec iov[5000];

	(void)state;
	open_pair();
	pattern_fill(big, 5000, 0, 2);
	for (int i = 0; i < 5000; i++)
		iov[i] = (struct iovec){.iov_base = big + i, .iov_len = 1};
	seam_count_reset();
	assert_true(socle_writev(&p->sock, iov, 5000) >= 0);
	turn(2);
	assert_in_range(seam_count(CALL_send) + seam_count(CALL_sendmsg), 1, 6);
	assert_int_equal(5000, drain_fd(peer, p->got, sizeof(p->got)));
	assert_pattern(p->got, 5000, 0, 2);
	close(peer);
}

/* case 91 */
static void
five_thousand_references_need_few_system_calls(void **state)
{
	(void)state;
	open_pair();
	pattern_fill(big, 5000, 0, 3);
	block_next();
	for (int i = 0; i < 5000; i++)
		socle_write_ref(&p->sock, big + i, 1, NULL, NULL);
	seam_count_reset();
	turn(1);
	assert_in_range(seam_count(CALL_sendmsg), 1, 100);
	assert_int_equal(5000, drain_fd(peer, p->got, sizeof(p->got)));
	assert_pattern(p->got, 5000, 0, 3);
	close(peer);
}

/* case 86 */
static void
incomplete_write_is_called_for_partial_and_blocked_writes(void **state)
{
	(void)state;
	open_pair();
	seam_short(CALL_send, 1, 1);
	socle_write(&p->sock, "ab", 2);
	assert_notes("inc");
	block_next();
	socle_write_kick(&p->sock);
	assert_notes("inc");
	turn(1);
	assert_notes("w drain");
	close(peer);
}

/* ---- watching writability ---- */

/* case 73 */
static void
the_applications_watch_survives_the_queue(void **state)
{
	(void)state;
	open_pair();
	socle_watch_write(&p->sock, true);
	block_next();
	socle_write(&p->sock, "x", 1);
	turn(2);
	assert_peer_got("x");
	assert_int_equal(SOCLE_WRITE, socle_watching(&p->sock));
	assert_true(p->writes >= 2);
	close(peer);
}

/* case 74 */
static void
turning_the_applications_watch_off_does_not_stall_the_queue(void **state)
{
	(void)state;
	open_stuck_pair();
	socle_watch_write(&p->sock, true);
	socle_write(&p->sock, "x", 1);
	socle_watch_write(&p->sock, false);
	assert_int_equal(SOCLE_WRITE, socle_watching(&p->sock));
	turn(1);
	unstick();
	turn(2);
	assert_peer_got("x");
	assert_int_equal(0, socle_watching(&p->sock));
	close(peer);
}

static void
unwatch(struct probe *self)
{
	socle_watch_write(&self->sock, false);
}

/* case 74 */
static void
an_event_write_that_only_unwatches_does_not_stall_the_queue(void **state)
{
	(void)state;
	open_pair();
	p->on_write = unwatch;
	socle_watch_write(&p->sock, true);
	block_next();
	socle_write(&p->sock, "x", 1);
	turn(1);
	assert_notes("inc w drain");
	assert_peer_got("x");
	close(peer);
}

static void
write_more(struct probe *self)
{
	socle_write(&self->sock, "b", 1);
}

static void
an_event_write_that_only_queues_is_followed_by_a_flush(void **state)
{
	(void)state;
	open_pair();
	p->on_write = write_more;
	block_next();
	socle_write(&p->sock, "a", 1);
	turn(1);
	assert_peer_got("ab");
	close(peer);
}

static void
kick(struct probe *self)
{
	note("kick=%d", socle_write_kick(&self->sock));
}

static void
an_event_write_that_flushes_is_not_followed_by_another(void **state)
{
	(void)state;
	open_pair();
	p->on_write = kick;
	seam_fail(CALL_send, 1, EAGAIN, 2);
	socle_write(&p->sock, "a", 1);
	seam_count_reset();
	turn(1);
	assert_int_equal(1, seam_count(CALL_send));
	assert_notes("inc w inc kick=0");
	close(peer);
}

/* case 75 */
static void
the_library_unwatches_when_a_kick_empties_the_queue(void **state)
{
	(void)state;
	open_pair();
	block_next();
	socle_write(&p->sock, "a", 1);
	assert_int_equal(SOCLE_WRITE, socle_watching(&p->sock));
	assert_int_equal(1, socle_write_kick(&p->sock));
	assert_int_equal(0, socle_watching(&p->sock));
	turn(2);
	assert_int_equal(0, p->writes);
	close(peer);
}

/* ---- the kernel runs out of memory ---- */

/* defect 2 */
static void
later_and_without_spinning(int err)
{
	open_pair();
	seam_time_virtual();
	seam_fail(CALL_send, 1, err, 3);
	assert_int_equal(0, socle_write(&p->sock, "x", 1));
	assert_false(socle_closed(&p->sock));
	assert_int_equal(0, socle_watching(&p->sock));
	seam_count_reset();
	while (socle_write_buf_size(&p->sock) > 0)
		assert_int_equal(1, socle_event_loop_once(1000));
	assert_int_equal(3, seam_count(CALL_send));
	assert_in_range(seam_waits(), 2, 6);
	assert_peer_got("x");
	close(peer);
}

/* defect 2 */
static void
enobufs_is_retried_without_spinning(void **state)
{
	(void)state;
	later_and_without_spinning(ENOBUFS);
}

/* defect 2 */
static void
enomem_is_retried_without_spinning(void **state)
{
	(void)state;
	later_and_without_spinning(ENOMEM);
}

static void
a_retry_does_not_lose_the_idle_timeout(void **state)
{
	(void)state;
	open_pair();
	p->destroyed = &was_destroyed;
	was_destroyed = false;
	seam_time_virtual();
	socle_set_idle_timeout(&p->sock, 5);
	seam_fail(CALL_send, 1, ENOBUFS, 1);
	socle_write(&p->sock, "x", 1);
	while (!was_destroyed)
		assert_int_equal(1, socle_event_loop_once(10000));
	assert_notes("inc drain idle close(idle) destroy");
	assert_peer_got("x");
	close(peer);
}

/* ---- fairness ---- */

static ssize_t
take_all(struct socle_socket *s, const void *data, size_t len, void *arg)
{
	size_t *taken = arg;

	(void)s;
	(void)data;
	*taken += len;
	seam_time_add(0.001);
	return (ssize_t)len;
}

static double timer_due, timer_late;
static bool timer_fired;

static void
timer_ran(void *arg)
{
	(void)arg;
	timer_late = seam_time() - timer_due;
	timer_fired = true;
}

static void
queue_references(size_t total)
{
	for (size_t n = 0; n < total; n += sizeof(big))
		assert_int_equal(0,
			socle_write_ref(
				&p->sock, big, sizeof(big), NULL, NULL));
}

static void
start_late_timer(double seconds)
{
	timer_fired = false;
	timer_due = seam_time() + seconds;
	assert_true(socle_add_timer(seconds, timer_ran, NULL) != 0);
}

/* case 92. The peer takes everything, a MiB in a millisecond or two. */
static void
a_gigabyte_to_a_fast_peer_does_not_delay_a_timer(void **state)
{
	size_t taken = 0, total = (size_t)1 << 30;

	(void)state;
	open_pair();
	seam_time_virtual();
	socle_set_autoflush(&p->sock, false);
	socle_set_writer_func(&p->sock, take_all, &taken);
	queue_references(total);
	start_late_timer(0.1);
	while (!timer_fired)
		turn(1);
	assert_true(taken < total / 4);
	assert_true(timer_late >= 0 && timer_late < 0.005);
	while (taken < total)
		turn(1);
	assert_int_equal(0, socle_write_buf_size(&p->sock));
	close(peer);
}

static bool
five_were_read(void *arg)
{
	struct probe *q = arg;

	return q->reads >= 5;
}

/* case 92 */
static void
a_gigabyte_to_a_fast_peer_does_not_starve_another_object(void **state)
{
	size_t taken = 0;
	struct probe *q;
	int fds[2];

	(void)state;
	open_pair();
	pair_unix(fds);
	q = probe_new(fds[0], "q");
	q->read_size = 1;
	socle_watch_read(&q->sock, true);
	send_all(fds[1], "12345", 5);
	socle_set_autoflush(&p->sock, false);
	socle_set_writer_func(&p->sock, take_all, &taken);
	queue_references((size_t)1 << 30);
	assert_int_equal(1, socle_run_until(five_were_read, q));
	assert_true(taken > 0 && taken <= (size_t)16 << 20);
	close(fds[1]);
	close(peer);
}

static void
a_flush_stopped_by_the_budget_does_not_watch_writability(void **state)
{
	size_t taken = 0;

	(void)state;
	open_pair();
	socle_set_autoflush(&p->sock, false);
	socle_set_writer_func(&p->sock, take_all, &taken);
	queue_references((size_t)16 << 20);
	assert_int_equal(0, socle_write_kick(&p->sock));
	assert_true(taken < (size_t)16 << 20);
	assert_int_equal(0, socle_watching(&p->sock));
	assert_int_equal(0, socle_loop_timeout_ms());
	close(peer);
}

/* ---- memory ---- */

/* Queues `n' pieces of `size' bytes, each in a block of its own, and sends them. */
static void
burst(int n, size_t size)
{
	open_stuck_pair();
	for (int i = 0; i < n; i++)
		assert_true(socle_write(&p->sock, big, size) >= 0);
	for (int i = 0; i < 1000 && socle_write_buf_size(&p->sock) > 0; i++) {
		(void)drain_fd(peer, big, sizeof(big));
		turn(1);
	}
	assert_int_equal(0, socle_write_buf_size(&p->sock));
	close(peer);
	socle_close(&p->sock, NULL);
	turn(1);
}

static void
a_burst_of_writes_leaves_few_blocks_behind(void **state)
{
	long bytes;

	(void)state;
	burst(1, 4000);
	bytes = seam_live_bytes();
	burst(400, 4000);
	assert_in_range(seam_live_bytes() - bytes, 1, 64 * 4096);
}

static void
a_second_burst_of_writes_allocates_nothing(void **state)
{
	unsigned long calls;

	(void)state;
	burst(20, 4000);
	seam_count_reset();
	burst(1, 1);
	calls = seam_count(CALL_malloc);
	seam_count_reset();
	burst(20, 4000);
	assert_int_equal(calls, seam_count(CALL_malloc));
}

static void
a_large_block_is_not_kept(void **state)
{
	long bytes;

	(void)state;
	burst(1, 1);
	bytes = seam_live_bytes();
	burst(1, 1 << 20);
	assert_int_equal(bytes, seam_live_bytes());
}

/* ---- back-pressure ---- */

enum { LIMIT = 100000, CHUNK = 16384 };
static struct probe *client;
static size_t most_queued;

/*
 * Reads from the fast side, and stops while the slow side has too much queued.
 */
static void
pass_on(struct probe *backend)
{
	char buf[CHUNK];
	ssize_t n = socle_read(&backend->sock, buf, sizeof(buf));
	size_t queued;

	if (n <= 0)
		return;
	socle_write(&client->sock, buf, (size_t)n);
	queued = socle_write_buf_size(&client->sock);
	if (queued > most_queued)
		most_queued = queued;
	if (queued > LIMIT)
		socle_watch_read(&backend->sock, false);
}

static void
resume_backend(struct probe *self)
{
	socle_watch_read(&((struct probe *)self->arg)->sock, true);
}

static void
feed(int fd, const char *data, size_t len, size_t *at)
{
	while (*at < len) {
		ssize_t n = write(fd, data + *at, len - *at);

		if (n <= 0)
			return;
		*at += (size_t)n;
	}
}

/* case 94 */
static void
a_proxy_with_back_pressure_queues_little_and_loses_nothing(void **state)
{
	size_t len = (size_t)scaled(2000000, 500000), fed = 0, at = 0;
	int fds[2];
	struct probe *backend;

	(void)state;
	assert_true(len <= sizeof(big));
	open_pair();
	client = p;
	pair_unix(fds);
	backend = probe_new(fds[0], NULL);
	backend->on_read = pass_on;
	client->on_drain = resume_backend;
	client->arg = backend;
	most_queued = 0;
	socle_watch_read(&backend->sock, true);
	pattern_fill(big, len, 0, 4);
	while (at < len) {
		ssize_t n;

		feed(fds[1], big, len, &fed);
		turn(4);
		n = drain_fd(peer, client->got, 5000);
		assert_true(n > 0);
		assert_pattern(client->got, (size_t)n, at, 4);
		at += (size_t)n;
	}
	assert_in_range(most_queued, LIMIT, LIMIT + CHUNK);
	close(fds[1]);
	close(peer);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test(a_big_write_is_partial_and_its_size_is_exact),
		test(a_big_write_arrives_complete_and_the_watch_is_turned_off),
		test(copies_references_and_vectors_keep_their_order),
		test(queued_data_is_sent_before_a_new_write),
		test(five_thousand_small_writes_need_few_system_calls),
		test(a_vector_longer_than_the_kernel_takes_arrives_complete),
		test(five_thousand_references_need_few_system_calls),
		test(incomplete_write_is_called_for_partial_and_blocked_writes),
		test(the_applications_watch_survives_the_queue),
		test(turning_the_applications_watch_off_does_not_stall_the_queue),
		test(an_event_write_that_only_unwatches_does_not_stall_the_queue),
		test(an_event_write_that_only_queues_is_followed_by_a_flush),
		test(an_event_write_that_flushes_is_not_followed_by_another),
		test(the_library_unwatches_when_a_kick_empties_the_queue),
		test(enobufs_is_retried_without_spinning),
		test(enomem_is_retried_without_spinning),
		test(a_retry_does_not_lose_the_idle_timeout),
		test(a_gigabyte_to_a_fast_peer_does_not_delay_a_timer),
		test(a_gigabyte_to_a_fast_peer_does_not_starve_another_object),
		test(a_flush_stopped_by_the_budget_does_not_watch_writability),
		test(a_burst_of_writes_leaves_few_blocks_behind),
		test(a_second_burst_of_writes_allocates_nothing),
		test(a_large_block_is_not_kept),
		test(a_proxy_with_back_pressure_queues_little_and_loses_nothing),
	};

	return run_tests(tests);
}
