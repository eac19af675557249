/* Files in the write queue: which bytes are sent, in which order, and when. */
/* backends: all */
#include "tests/support/sending.h"

static struct socle_socket *s;
static int peer;
static struct sending a = {.name = "a"}, b = {.name = "b"}, c = {.name = "c"};

static void
open_pair(void)
{
	s = sender_open(&peer);
	a.completions = b.completions = c.completions = 0;
}

static struct reader
reader_of_peer(uint64_t at)
{
	return (struct reader){.fd = peer, .at = at};
}

static int
file_with(const char *text)
{
	int fd = file_of(0, 0);

	send_all(fd, text, strlen(text));
	return fd;
}

static off_t
position(int fd)
{
	return lseek(fd, 0, SEEK_CUR);
}

static void
note_it(struct socle_socket *it, void *arg)
{
	(void)it;
	note("%s", (const char *)arg);
}

static void
close_it(struct socle_socket *it, void *arg)
{
	(void)arg;
	socle_close(it, "over");
}

/* ---- the bytes sent ---- */

/* TS02, TS15 */
static void
a_file_is_sent_completely_or_in_part(void **state)
{
	char path[PATH_SIZE];
	struct reader r;

	(void)state;
	open_pair();
	file_named(path, 1000, 0);
	assert_int_equal(1,
		send_file(s, &a,
			(struct socle_sendfile){
				.file = path, .length = SOCLE_TO_END}));
	assert_int_equal(1,
		send_file(s, &b,
			(struct socle_sendfile){
				.file = path, .offset = 600, .length = 300}));
	unlink(path);
	assert_notes("a:ok(1000) b:ok(300)");
	r = reader_of_peer(0);
	assert_int_equal(1000, reader_take(&r, 1000));
	r = reader_of_peer(600);
	assert_int_equal(300, reader_take(&r, 1000));
	close(peer);
}

/* TS07, TS15 */
static void
an_offset_sends_the_rest_and_does_not_move_the_position(void **state)
{
	int fd = file_of(1000, 0);
	struct reader r;

	(void)state;
	open_pair();
	assert_int_equal(123, lseek(fd, 123, SEEK_SET));
	assert_int_equal(1,
		send_file(s, &a,
			(struct socle_sendfile){.fd = fd,
				.offset = 400,
				.length = SOCLE_TO_END}));
	assert_notes("a:ok(600)");
	assert_int_equal(123, position(fd));
	r = reader_of_peer(400);
	assert_int_equal(600, reader_take(&r, 2000));
	close(fd);
	close(peer);
}

/* TS07, TS15 */
static void
one_fd_can_be_sent_twice_at_the_same_time(void **state)
{
	int fd = file_of(2 * MIB, 0);
	struct socle_sendfile what = {.fd = fd, .length = SOCLE_TO_END};
	struct socle_socket *other;
	struct reader r, q;
	int other_peer;

	(void)state;
	open_pair();
	other = sender_open(&other_peer);
	r = reader_of_peer(0);
	q = (struct reader){.fd = other_peer, .at = 70000};
	assert_int_equal(0, send_file(s, &a, what));
	what.offset = 70000;
	assert_int_equal(0, send_file(other, &b, what));
	while (r.at < 2 * MIB || q.at < 2 * MIB) {
		turn(1);
		reader_take(&r, 100000);
		reader_take(&q, 30000);
	}
	assert_int_equal(2 * MIB, a.how.sent);
	assert_int_equal(2 * MIB - 70000, b.how.sent);
	assert_int_equal(0, position(fd));
	close(fd);
	close(peer);
	close(other_peer);
}

/* TS05, TS15 */
static void
a_length_beyond_the_end_is_reported_with_the_remainder(void **state)
{
	struct reader r;

	(void)state;
	open_pair();
	assert_int_equal(0,
		send_file(s, &a,
			(struct socle_sendfile){.fd = file_of(1000, 0),
				.close_fd = true,
				.length = 5000}));
	turn_until_completed(&a);
	turn(1);
	assert_notes("a:ENODATA(1000+4000) close(sendfile)");
	r = reader_of_peer(0);
	assert_int_equal(1000, reader_take(&r, 6000));
	assert_true(r.ended);
	close(peer);
}

/* TS05 */
static void
from_beyond_the_end_only_a_fixed_length_fails(void **state)
{
	int fd = file_of(1000, 0);

	(void)state;
	open_pair();
	for (off_t offset = 1000; offset < 3000; offset += 1000)
		assert_int_equal(1,
			send_file(s, &a,
				(struct socle_sendfile){.fd = fd,
					.offset = offset,
					.length = SOCLE_TO_END}));
	assert_notes("a:ok(0) a:ok(0)");
	assert_int_equal(0,
		send_file(s, &b,
			(struct socle_sendfile){
				.fd = fd, .offset = 1001, .length = 10}));
	assert_notes("b:ENODATA(0+10) close(sendfile)");
	close(fd);
	close(peer);
}

/* TS16 */
static void
offsets_near_4_gib_work(void **state)
{
	static char buf[256 * KIB];
	const off_t begin = (off_t)(4ull << 30) - (off_t)sizeof(buf) / 2;
	int fd = file_of(0, 0);
	struct reader r;

	(void)state;
	open_pair();
	r = reader_of_peer((uint64_t)begin);
	pattern_fill(buf, sizeof(buf), (size_t)begin, 0);
	assert_int_equal(
		sizeof(buf), pwrite(fd, buf, sizeof(buf), (off_t)begin));
	assert_true(send_file(s, &a,
			    (struct socle_sendfile){.fd = fd,
				    .offset = begin,
				    .length = SOCLE_TO_END}) >= 0);
	reader_until(&r, (uint64_t)begin + sizeof(buf));
	turn_until_completed(&a);
	assert_notes("a:ok(262144)");
	close(fd);
	close(peer);
}

/* TS16 */
static void
more_than_2_gib_may_be_requested(void **state)
{
	int fd = file_of(0, 0);

	(void)state;
	open_pair();
	assert_int_equal(0, ftruncate(fd, (off_t)(5ull << 30)));
	assert_int_equal(0,
		send_file(s, &a,
			(struct socle_sendfile){
				.fd = fd, .length = SOCLE_TO_END}));
	turn(3);
	socle_close(s, NULL);
	assert_int_equal(-ECANCELED, a.how.err);
	assert_true(a.how.sent > 0);
	assert_int_equal(5ull << 30, a.how.sent + a.how.remaining);
	close(fd);
	close(peer);
}

/* ---- large files, slow readers ---- */

static void
send_and_compare(size_t size)
{
	struct reader r = reader_of_peer(0);

	send_whole(s, &a, file_of(size, 0));
	reader_until(&r, size);
	turn_until_completed(&a);
	assert_int_equal(size, a.how.sent);
	assert_int_equal(0, a.how.err);
	assert_int_equal(size, r.at);
	assert_arrived(peer, "");
	assert_false(socle_closed(s));
}

/* TS03, TS15 */
static void
a_reader_that_stalls_gets_every_byte(void **state)
{
	(void)state;
	open_pair();
	send_and_compare((size_t)scaled(8, 2) * MIB + 4321);
	assert_true(
		seam_count(CALL_sendfile) > 3 || seam_count(CALL_pread) > 3);
	close(peer);
}

/* TS04, TS15 */
static void
a_file_arrives_through_a_tiny_socket_buffer(void **state)
{
	int least = 1;

	(void)state;
	open_pair();
	setsockopt(socle_fd(s), SOL_SOCKET, SO_SNDBUF, &least, sizeof(least));
	send_and_compare(300 * KIB);
	assert_int_equal(1, a.completions);
	close(peer);
}

static void
open_tcp(void)
{
	int fds[2];

	pair_tcp(fds);
	s = sender_new(fds[0]);
	peer = fds[1];
	a.completions = b.completions = c.completions = 0;
}

static bool
long_form(void)
{
	const char *text = getenv("SOCLE_TEST_LONG");

	return text && *text && strcmp(text, "0") != 0;
}

/* TS03 */
static void
a_large_file_arrives_over_tcp(void **state)
{
	(void)state;
	if (long_form())
		alarm(300);
	open_tcp();
	send_and_compare(
		long_form() ? 1024u * MIB : (size_t)scaled(64, 4) * MIB);
	close(peer);
}

/* TS15 */
static void
a_large_file_arrives_over_tcp_by_hand(void **state)
{
	(void)state;
	open_tcp();
	send_and_compare((size_t)scaled(16, 2) * MIB);
	assert_true(seam_count(CALL_sendfile) <= 1);
	close(peer);
}

/* TS01, TS15 */
static void
thirty_two_clients_get_a_file_four_at_a_time(void **state)
{
	const size_t size = (size_t)scaled(2, 1) * MIB;
	char path[PATH_SIZE];

	(void)state;
	file_named(path, size, 7);
	for (int round = 0; round < 8; round++) {
		struct sending f[4] = {{.name = "f"}, {.name = "f"},
			{.name = "f"}, {.name = "f"}};
		struct reader r[4];
		struct socle_socket *to[4];

		for (int i = 0; i < 4; i++) {
			r[i] = (struct reader){.seed = 7};
			to[i] = sender_open(&r[i].fd);
			assert_true(
				send_file(to[i], &f[i],
					(struct socle_sendfile){.file = path,
						.length = SOCLE_TO_END}) >= 0);
		}
		for (int i = 0; i < 4; i++)
			reader_until(&r[i], size);
		for (int i = 0; i < 4; i++) {
			turn_until_completed(&f[i]);
			assert_int_equal(size, f[i].how.sent);
			assert_int_equal(size, r[i].at);
			socle_close(to[i], NULL);
			close(r[i].fd);
		}
	}
	unlink(path);
}

/* ---- order ---- */

/* TS10, TS15 */
static void
bytes_files_and_closures_keep_their_order(void **state)
{
	static char one[] = "one", two[] = "two";

	(void)state;
	open_pair();
	socle_set_autoflush(s, false);
	socle_write(s, "A", 1);
	send_whole(s, &a, file_with("file"));
	socle_write_func(s, note_it, NULL, one);
	send_whole(s, &b, file_with("FILE"));
	socle_write_ref(s, "y", 1, NULL, NULL);
	socle_write_func(s, note_it, NULL, two);
	socle_write(s, "Z", 1);
	socle_write_func(s, close_it, NULL, NULL);
	assert_notes("");
	turn(1);
	assert_notes("a:ok(4) one b:ok(4) two close(over)");
	assert_arrived(peer, "AfileFILEyZ$");
	close(peer);
}

/* TS10: each completion runs after the items before it, not earlier */
static void
completions_run_in_queue_order(void **state)
{
	struct reader r;

	(void)state;
	open_pair();
	r = reader_of_peer(0);
	send_whole(s, &a, file_of(MIB, 0));
	send_whole(s, &b, file_of(0, 0));
	send_whole(s, &c, file_with("c"));
	assert_notes("");
	reader_until(&r, MIB);
	turn_until_completed(&c);
	assert_notes("a:ok(1048576) b:ok(0) c:ok(1)");
	close(peer);
}

/* TS11, TS15 */
static void
empty_files_and_length_0_complete_in_order(void **state)
{
	int fd = file_of(10, 0);

	(void)state;
	open_pair();
	socle_set_autoflush(s, false);
	send_whole(s, &a, file_of(0, 0));
	send_file(s, &b, (struct socle_sendfile){.fd = fd});
	send_file(s, &c, (struct socle_sendfile){.fd = fd, .length = 0});
	socle_write(s, "x", 1);
	assert_int_equal(1, socle_write_kick(s));
	assert_notes("a:ok(0) b:ok(0) c:ok(0)");
	assert_arrived(peer, "x");
	assert_int_equal(0, seam_count(CALL_sendfile));
	close(fd);
	close(peer);
}

static void
close_after_flush_waits_for_files(void **state)
{
	struct reader r;

	(void)state;
	open_pair();
	r = reader_of_peer(0);
	send_whole(s, &a, file_of(MIB, 0));
	socle_close_after_flush(s, "bye");
	reader_until(&r, MIB);
	turn(2);
	assert_notes("a:ok(1048576) close(bye)");
	reader_take(&r, 1);
	assert_true(r.ended);
	close(peer);
}

/* ---- completions and held files ---- */

static void
a_file_may_have_no_completion(void **state)
{
	struct socle_sendfile what = {.fd = file_with("mute"), .length = 4};

	(void)state;
	open_pair();
	assert_int_equal(1, socle_sendfile(s, &what));
	assert_arrived(peer, "mute");
	close(what.fd);
	close(peer);
}

static void
autoflush_off_holds_a_file_until_the_next_tick(void **state)
{
	(void)state;
	open_pair();
	socle_set_autoflush(s, false);
	send_whole(s, &a, file_with("held"));
	assert_arrived(peer, "");
	turn(1);
	assert_notes("a:ok(4)");
	assert_arrived(peer, "held");
	close(peer);
}

static void
a_held_file_is_sent_by_a_kick(void **state)
{
	(void)state;
	open_pair();
	socle_set_autoflush(s, false);
	send_whole(s, &a, file_with("held"));
	assert_int_equal(1, socle_write_kick(s));
	assert_notes("a:ok(4)");
	assert_arrived(peer, "held");
	close(peer);
}

static void
a_file_leaves_in_one_flush_with_the_bytes_around_it(void **state)
{
	(void)state;
	open_pair();
	socle_set_autoflush(s, false);
	assert_int_equal(0, socle_write(s, "before ", 7));
	send_whole(s, &a, file_with("file"));
	assert_int_equal(0, socle_write(s, " after", 6));
	assert_int_equal(1, socle_write_kick(s));
	assert_notes("a:ok(4)");
	assert_arrived(peer, "before file after");
	close(peer);
}

static void
a_held_file_is_sent_by_a_close(void **state)
{
	(void)state;
	open_pair();
	socle_set_autoflush(s, false);
	send_whole(s, &a, file_with("held"));
	socle_close(s, "bye");
	assert_notes("a:ok(4) close(bye)");
	turn(1);
	assert_arrived(peer, "held$");
	close(peer);
}

static void
a_held_file_is_sent_by_a_steal(void **state)
{
	int fd;

	(void)state;
	open_pair();
	socle_set_autoflush(s, false);
	send_whole(s, &a, file_with("held"));
	fd = socle_steal_socket(s);
	assert_notes("a:ok(4)");
	assert_arrived(peer, "held");
	close(fd);
	close(peer);
}

static void
a_file_counts_1_in_the_queue_size(void **state)
{
	(void)state;
	open_pair();
	stuff_fd(socle_fd(s));
	assert_int_equal(0, socle_set_write_cap(s, 7));
	socle_write(s, "12345", 5);
	send_whole(s, &a, file_of(MIB, 0));
	assert_int_equal(6, socle_write_buf_size(s));
	send_whole(s, &b, file_of(MIB, 0));
	assert_int_equal(-ENOBUFS,
		send_file(s, &c, (struct socle_sendfile){.file = "/dev/null"}));
	assert_int_equal(7, socle_write_buf_size(s));
	socle_close(s, NULL);
	assert_notes("close() a:ECANCELED(0+1048576) b:ECANCELED(0+1048576)");
	close(peer);
}

/* Each refill of the socket is one system call, and no other accompanies it. */
static void
a_full_socket_costs_no_second_call(void **state)
{
	unsigned long before;
	struct reader r;

	(void)state;
	open_pair();
	r = reader_of_peer(0);
	send_whole(s, &a, file_of(2 * MIB, 0));
	assert_int_equal(1, seam_count(CALL_sendfile));
	turn(3);
	before = seam_system_calls();
	reader_take(&r, MIB);
	turn(1);
	assert_int_equal(2, seam_count(CALL_sendfile));
	/* one of them is the wait */
	assert_int_equal(before + 2, seam_system_calls());
	socle_close(s, NULL);
	close(peer);
}

/* Restores fd 0 at the end. */
static void
fd_0_can_be_sent(void **state)
{
	int saved = fd_0_save(), fd = file_with("zero");

	(void)state;
	open_pair();
	assert_int_equal(0, dup2(fd, 0));
	close(fd);
	send_whole(s, &a, 0);
	assert_notes("a:ok(4)");
	assert_arrived(peer, "zero");
	/* closed, as close_fd requests */
	assert_int_equal(-1, fcntl(0, F_GETFD));
	fd_0_restore(saved);
	close(peer);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		both(a_file_is_sent_completely_or_in_part),
		both(an_offset_sends_the_rest_and_does_not_move_the_position),
		both(one_fd_can_be_sent_twice_at_the_same_time),
		both(a_length_beyond_the_end_is_reported_with_the_remainder),
		both(from_beyond_the_end_only_a_fixed_length_fails),
		both(offsets_near_4_gib_work),
		both(more_than_2_gib_may_be_requested),
		both(a_reader_that_stalls_gets_every_byte),
		both(a_file_arrives_through_a_tiny_socket_buffer),
		test(a_large_file_arrives_over_tcp),
		both(thirty_two_clients_get_a_file_four_at_a_time),
		both(bytes_files_and_closures_keep_their_order),
		both(completions_run_in_queue_order),
		both(empty_files_and_length_0_complete_in_order),
		both(close_after_flush_waits_for_files),
		both(a_file_may_have_no_completion),
		both(autoflush_off_holds_a_file_until_the_next_tick),
		both(a_held_file_is_sent_by_a_kick),
		both(a_file_leaves_in_one_flush_with_the_bytes_around_it),
		both(a_held_file_is_sent_by_a_close),
		both(a_held_file_is_sent_by_a_steal),
		both(a_file_counts_1_in_the_queue_size),
		test(a_full_socket_costs_no_second_call),
		test(fd_0_can_be_sent),
		{"a_large_file_arrives_over_tcp_by_hand",
			a_large_file_arrives_over_tcp_by_hand, by_hand_setup,
			fixture_teardown, NULL},
	};

	return run_tests(tests);
}
