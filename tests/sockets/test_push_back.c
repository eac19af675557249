/* Pushed-back data is read first, and causes event_read by itself. */
/* backends: all */
#include "tests/support/fixture.h"

static int ends[2];

static struct probe *
made(const char *tag)
{
	struct probe *p;

	pair_unix(ends);
	p = probe_new(ends[0], tag);
	socle_watch_read(&p->sock, true);
	return p;
}

static void
push(struct probe *p, const char *text)
{
	assert_int_equal(0, socle_push_back_read(&p->sock, text, strlen(text)));
}

static void
unread(struct probe *p, const char *text)
{
	assert_int_equal(0, socle_unread(&p->sock, text, strlen(text)));
}

static void
assert_read(struct probe *p, size_t size, const char *text)
{
	char buf[64];
	ssize_t n = socle_read(&p->sock, buf, size);

	assert_int_equal(strlen(text), n);
	assert_memory_equal(text, buf, strlen(text));
}

static void
assert_nothing_to_read(struct probe *p)
{
	char buf[8];

	assert_int_equal(-EAGAIN, socle_read(&p->sock, buf, sizeof(buf)));
}

/* How long a tick without a limit waits. */
static double
tick_waits(void)
{
	double before = seam_time();

	assert_int_equal(1, socle_event_loop_once(7000));
	return seam_time() - before;
}

static void
hello_steps(struct probe *p)
{
	switch (p->reads) {
	case 1:
		assert_read(p, 5, "Hello");
		push(p, "Hello");
		break;
	case 2:
		assert_read(p, 3, "Hel");
		break;
	case 3:
		assert_read(p, 5, "lo");
		push(p, "Hel");
		break;
	default:
		assert_read(p, 5, "Hel");
	}
}

/* case 101 */
static void
the_rest_of_a_split_chunk_is_kept_for_the_next_event(void **state)
{
	struct probe *p = made(NULL);

	(void)state;
	p->on_read = hello_steps;
	send_all(ends[1], "Hello", 5);
	turn(8);
	assert_notes("r r r r");
	assert_nothing_to_read(p);
	close(ends[1]);
}

/* case 102 */
static void
a_chunk_is_never_topped_up_from_the_kernel(void **state)
{
	struct probe *p = made(NULL);

	(void)state;
	send_all(ends[1], "cdef", 4);
	push(p, "ab");
	seam_count_reset();
	assert_read(p, 16, "ab");
	assert_int_equal(0, seam_system_calls());
	assert_read(p, 16, "cdef");
	close(ends[1]);
}

static void
one_read_returns_one_chunk(void **state)
{
	struct probe *p = made(NULL);

	(void)state;
	push(p, "one");
	push(p, "two");
	assert_read(p, 16, "one");
	assert_read(p, 16, "two");
	assert_nothing_to_read(p);
	close(ends[1]);
}

/* case 103 */
static void
socle_unread_prepends_to_pushed_back_data(void **state)
{
	struct probe *p = made(NULL);

	(void)state;
	send_all(ends[1], "ghi", 3);
	push(p, "abcdef");
	assert_read(p, 3, "abc");
	unread(p, "abc");
	assert_read(p, 16, "abc");
	assert_read(p, 16, "def");
	assert_read(p, 16, "ghi");
	close(ends[1]);
}

/* Danga::Socket appends; socle_unread() prepends. */
static void
socle_push_back_read_appends_to_pushed_back_data(void **state)
{
	struct probe *p = made(NULL);

	(void)state;
	push(p, "abcdef");
	assert_read(p, 3, "abc");
	push(p, "abc");
	assert_read(p, 16, "def");
	assert_read(p, 16, "abc");
	close(ends[1]);
}

static void
pushed_back_data_is_copied(void **state)
{
	struct probe *p = made(NULL);
	char text[] = "copy";

	(void)state;
	push(p, text);
	unread(p, text);
	memset(text, 'x', 4);
	assert_read(p, 16, "copy");
	assert_read(p, 16, "copy");
	close(ends[1]);
}

static void
push_back_once(struct probe *p)
{
	assert_read(p, 16, p->reads == 1 ? "data" : "again");
	if (p->reads == 1)
		push(p, "again");
}

/* case 104 */
static void
pushed_back_data_is_read_in_the_same_tick(void **state)
{
	struct probe *p = made(NULL);

	(void)state;
	p->on_read = push_back_once;
	send_all(ends[1], "data", 4);
	turn(1);
	assert_notes("r r");
	turn(3);
	assert_notes("");
	close(ends[1]);
}

static void
push_it(void *arg)
{
	push(arg, "x");
}

/* case 105 */
static void
data_pushed_back_by_a_timer_is_read_in_the_same_tick(void **state)
{
	struct probe *p = made(NULL);

	(void)state;
	seam_time_virtual();
	socle_add_timer(0, push_it, p);
	assert_true(tick_waits() == 0);
	assert_notes("r");
	close(ends[1]);
}

static void
data_pushed_back_outside_the_loop_is_read_without_a_wait(void **state)
{
	struct probe *p = made(NULL);

	(void)state;
	seam_time_virtual();
	push(p, "x");
	assert_true(tick_waits() == 0);
	assert_notes("r");
	assert_true(tick_waits() > 6.9);
	close(ends[1]);
}

static bool
push_in_post_loop(void *arg)
{
	struct probe *p = arg;

	if (!p->done)
		push(p, "x");
	p->done = true;
	return true;
}

static void
data_pushed_back_after_the_loop_is_read_in_the_next_tick(void **state)
{
	struct probe *p = made(NULL);

	(void)state;
	seam_time_virtual();
	socle_set_post_loop_callback(push_in_post_loop, p);
	turn(1);
	assert_notes("");
	assert_true(tick_waits() == 0);
	assert_notes("r");
	close(ends[1]);
}

static void
watch_it(void *arg)
{
	socle_watch_read(&((struct probe *)arg)->sock, true);
}

/* case 106 */
static void
with_reading_off_pushed_back_data_and_the_loop_wait(void **state)
{
	struct probe *p = made(NULL);

	(void)state;
	seam_time_virtual();
	socle_watch_read(&p->sock, false);
	push(p, "x");
	assert_true(tick_waits() > 6.9);
	assert_notes("");
	socle_add_timer(0, watch_it, p);
	assert_true(tick_waits() == 0);
	assert_notes("r");
	close(ends[1]);
}

static void
stop_reading(struct probe *p)
{
	assert_read(p, 1, "a");
	socle_watch_read(&p->sock, false);
}

static void
turning_reading_off_in_event_read_keeps_the_rest(void **state)
{
	struct probe *p = made(NULL);

	(void)state;
	seam_time_virtual();
	p->on_read = stop_reading;
	push(p, "abc");
	assert_true(tick_waits() == 0);
	assert_true(tick_waits() > 6.9);
	assert_notes("r");
	assert_read(p, 16, "bc");
	close(ends[1]);
}

static void
leave_it(struct probe *p)
{
	(void)p;
}

static void
note_timer(void *arg)
{
	(void)arg;
	note("timer");
}

/* case 107 */
/* defect 3 */
static void
unread_push_back_is_delivered_once_a_tick_and_does_not_starve(void **state)
{
	struct probe *p = made("p");
	struct probe *other;
	int first_peer = ends[1];

	(void)state;
	seam_time_virtual();
	other = made("o");
	p->on_read = leave_it;
	push(p, "x");
	turn(1);
	assert_notes("p:r");
	send_all(ends[1], "y", 1);
	socle_add_timer(0, note_timer, NULL);
	assert_true(tick_waits() == 0);
	assert_notes("timer o:r p:r");
	close(first_peer);
	close(ends[1]);
	assert_int_equal(1, other->got_len);
}

static void
push_what_was_read(struct probe *p)
{
	char c;

	assert_int_equal(1, socle_read(&p->sock, &c, 1));
	push(p, "x");
}

/* defect 3 */
static void
data_pushed_back_in_its_own_event_waits_for_the_next_tick(void **state)
{
	struct probe *p = made(NULL);
	int n = scaled(1000, 100);

	(void)state;
	p->on_read = push_what_was_read;
	push(p, "x");
	turn(n);
	assert_int_equal(n, p->reads);
	close(ends[1]);
}

static void
close_the_other(struct probe *p)
{
	struct probe *other = p->arg;

	assert_read(p, 16, "x");
	socle_close(&other->sock, "sibling");
}

/* case 108 */
static void
a_sibling_closed_in_the_pass_gets_no_event(void **state)
{
	struct probe *a = made("a");
	int first_peer = ends[1];
	struct probe *b = made("b");

	(void)state;
	a->on_read = b->on_read = close_the_other;
	a->arg = b;
	b->arg = a;
	push(a, "x");
	push(b, "x");
	turn(3);
	assert_notes("a:r b:close(sibling) b:destroy");
	assert_int_equal(1, socle_watched_sockets());
	close(first_peer);
	close(ends[1]);
}

/* case 109 */
static void
a_closed_object_refuses_push_back_and_a_close_drops_it(void **state)
{
	struct probe *p = made(NULL);
	char c;

	(void)state;
	push(p, "dropped");
	socle_close(&p->sock, NULL);
	assert_int_equal(-EBADF, socle_read(&p->sock, &c, 1));
	assert_int_equal(-EBADF, socle_push_back_read(&p->sock, "x", 1));
	assert_int_equal(-EBADF, socle_unread(&p->sock, "x", 1));
	notes_clear();
	turn(2);
	assert_notes("destroy");
	close(ends[1]);
}

static void
a_stolen_sockets_push_back_is_dropped(void **state)
{
	struct probe *p = made(NULL);
	int fd;

	(void)state;
	push(p, "x");
	fd = socle_steal_socket(&p->sock);
	turn(2);
	assert_notes("destroy");
	close(fd);
	close(ends[1]);
}

static void
pushing_back_0_bytes_causes_no_event(void **state)
{
	struct probe *p = made(NULL);

	(void)state;
	seam_time_virtual();
	assert_int_equal(0, socle_push_back_read(&p->sock, "", 0));
	assert_int_equal(0, socle_unread(&p->sock, NULL, 0));
	assert_true(tick_waits() > 6.9);
	assert_notes("");
	assert_nothing_to_read(p);
	close(ends[1]);
}

static void
without_memory_nothing_is_pushed_back(void **state)
{
	struct probe *p = made(NULL);

	(void)state;
	seam_fail(CALL_calloc, 1, ENOMEM, 1);
	assert_int_equal(-ENOMEM, socle_push_back_read(&p->sock, "x", 1));
	seam_fail(CALL_malloc, 1, ENOMEM, 1);
	assert_int_equal(-ENOMEM, socle_unread(&p->sock, "x", 1));
	assert_int_equal(2, seam_struck());
	assert_nothing_to_read(p);
	turn(1);
	assert_notes("");
	close(ends[1]);
}

static void
more_than_any_memory_holds_is_not_pushed_back(void **state)
{
	struct probe *p = made(NULL);

	(void)state;
	assert_int_equal(
		-EINVAL, socle_push_back_read(&p->sock, "x", SIZE_MAX));
	assert_int_equal(
		-EINVAL, socle_unread(&p->sock, "x", SIZE_MAX / 2 + 1));
	assert_nothing_to_read(p);
	close(ends[1]);
}

static void
nothing_is_pending_before_the_first_push_back(void **state)
{
	struct probe *p = made(NULL);

	(void)state;
	send_all(ends[1], "x", 1); /* the kernel's input does not count */
	assert_int_equal(0, socle_pending(&p->sock));
	push(p, "abc");
	assert_int_equal(3, socle_pending(&p->sock));
	close(ends[1]);
}

static void
pushed_back_data_comes_before_the_end_of_the_stream(void **state)
{
	struct probe *p = made(NULL);

	(void)state;
	shutdown(ends[1], SHUT_WR);
	push(p, "last");
	turn(3);
	assert_notes("r r eof");
	assert_memory_equal("last", p->got, 4);
	close(ends[1]);
}

static void
data_can_be_pushed_back_after_the_end_of_the_stream(void **state)
{
	struct probe *p = made(NULL);

	(void)state;
	shutdown(ends[1], SHUT_WR);
	turn(1);
	assert_notes("r eof");
	push(p, "late");
	turn(2);
	assert_notes("");
	socle_watch_read(&p->sock, true);
	turn(3);
	assert_notes("r r eof");
	close(ends[1]);
}

static void
take_one(struct probe *p)
{
	char c;

	assert_int_equal(1, socle_read(&p->sock, &c, 1));
}

static void
event_hup_waits_until_pushed_back_data_is_read(void **state)
{
	struct probe *p = made(NULL);

	(void)state;
	p->on_read = take_one;
	push(p, "ab");
	close(ends[1]);
	turn(1);
	assert_null(strstr(notes(), "h"));
	p->on_read = NULL;
	turn(4);
	assert_non_null(strstr(notes(), "eof h close(event_hup) destroy"));
}

static void
with_reading_off_event_hup_comes_after_push_back_is_read(void **state)
{
	struct probe *p = made(NULL);

	(void)state;
	socle_watch_read(&p->sock, false);
	push(p, "ab");
	close(ends[1]);
	turn(3);
	assert_notes("");
	assert_read(p, 16, "ab");
	turn(2);
	assert_notes("h close(event_hup) destroy");
}

static void
objects_are_served_in_the_order_of_their_push_backs(void **state)
{
	struct probe *p[3];
	int first_peer[3];

	(void)state;
	for (int i = 0; i < 3; i++) {
		p[i] = made(i == 0 ? "0" : i == 1 ? "1" : "2");
		first_peer[i] = ends[1];
	}
	push(p[2], "x");
	push(p[0], "x");
	push(p[1], "x");
	turn(1);
	assert_notes("2:r 0:r 1:r");
	for (int i = 0; i < 3; i++)
		close(first_peer[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test(the_rest_of_a_split_chunk_is_kept_for_the_next_event),
		test(a_chunk_is_never_topped_up_from_the_kernel),
		test(one_read_returns_one_chunk),
		test(socle_unread_prepends_to_pushed_back_data),
		test(socle_push_back_read_appends_to_pushed_back_data),
		test(pushed_back_data_is_copied),
		test(pushed_back_data_is_read_in_the_same_tick),
		test(data_pushed_back_by_a_timer_is_read_in_the_same_tick),
		test(data_pushed_back_outside_the_loop_is_read_without_a_wait),
		test(data_pushed_back_after_the_loop_is_read_in_the_next_tick),
		test(with_reading_off_pushed_back_data_and_the_loop_wait),
		test(turning_reading_off_in_event_read_keeps_the_rest),
		test(unread_push_back_is_delivered_once_a_tick_and_does_not_starve),
		test(data_pushed_back_in_its_own_event_waits_for_the_next_tick),
		test(a_sibling_closed_in_the_pass_gets_no_event),
		test(a_closed_object_refuses_push_back_and_a_close_drops_it),
		test(a_stolen_sockets_push_back_is_dropped),
		test(pushing_back_0_bytes_causes_no_event),
		test(without_memory_nothing_is_pushed_back),
		test(more_than_any_memory_holds_is_not_pushed_back),
		test(nothing_is_pending_before_the_first_push_back),
		test(pushed_back_data_comes_before_the_end_of_the_stream),
		test(data_can_be_pushed_back_after_the_end_of_the_stream),
		test(event_hup_waits_until_pushed_back_data_is_read),
		test(with_reading_off_event_hup_comes_after_push_back_is_read),
		test(objects_are_served_in_the_order_of_their_push_backs),
	};

	return run_tests(tests);
}
