/*
 * A descriptor whose end the poller reports again, in the same batch in which
 * another handler has begun to wait for it: it is not parked before the kernel
 * knows of that.
 */
/* backends: all */
#include "tests/support/fixture.h"

#include <sys/socket.h>

static struct probe *ended, *other;
static int far, others_far;
static size_t stuffed;

/* From the second tick on: it is ready in the first already, to be first. */
static void
write_to_the_ended(struct probe *p)
{
	char c;

	if (ended->reads == 0 || socle_read(&p->sock, &c, 1) != 1)
		return;
	stuffed = stuff_fd(socle_fd(&ended->sock));
	assert_int_equal(0, socle_write(&ended->sock, "last", 4));
}

static bool
at_once(void *arg)
{
	(void)arg;
	return true;
}

/* A loop that does not wait leaves the outer one's events, and tells the kernel. */
static void
wait_for_room_in_a_loop(struct probe *p)
{
	char c;

	if (socle_read(&p->sock, &c, 1) != 1)
		return;
	socle_watch_read(&ended->sock, false);
	stuffed = stuff_fd(socle_fd(&ended->sock));
	assert_int_equal(0, socle_write(&ended->sock, "last", 4));
	assert_int_equal(1, socle_run_until(at_once, NULL));
}

static void
leave_it(struct probe *p)
{
	(void)p;
}

static struct probe *
make(int *ret_far)
{
	int fds[2];
	struct probe *p;

	pair_unix(fds);
	p = probe_new(fds[0], NULL);
	p->read_size = 1;
	socle_watch_read(&p->sock, true);
	*ret_far = fds[1];
	return p;
}

static void
assert_all_is_sent(void)
{
	char buf[4096];
	size_t sum = 0;

	for (int i = 0; i < 10000 && sum < stuffed + 4; i++) {
		ssize_t n = recv(far, buf, sizeof(buf), MSG_DONTWAIT);

		if (n > 0)
			sum += (size_t)n;
		turn(1);
	}
	assert_int_equal(stuffed + 4, sum);
	socle_close(&ended->sock, NULL);
	socle_close(&other->sock, NULL);
	turn(1);
	notes_clear();
	close(far);
	close(others_far);
}

static void
what_is_written_in_the_batch_of_its_end_is_sent(void **state)
{
	(void)state;
	other = make(&others_far);
	other->on_read = write_to_the_ended;
	ended = make(&far);
	send_all(others_far, "x", 1);
	shutdown(far, SHUT_WR);
	turn(3);
	assert_int_equal(1, ended->reads);
	assert_all_is_sent();
}

static void
an_event_from_before_a_nested_loop_parks_nothing(void **state)
{
	(void)state;
	other = make(&others_far);
	other->on_read = wait_for_room_in_a_loop;
	ended = make(&far);
	ended->on_read = leave_it; /* in case that it is first */
	send_all(others_far, "x", 1);
	send_all(far, "x", 1);
	turn(3);
	assert_all_is_sent();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test(what_is_written_in_the_batch_of_its_end_is_sent),
		test(an_event_from_before_a_nested_loop_parks_nothing),
	};

	return run_tests(tests);
}
