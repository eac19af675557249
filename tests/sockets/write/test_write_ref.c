/* Borrowed bytes: when they are released, how often, and with which result. */
/* backends: all */
#include "tests/support/fixture.h"

static struct probe *p;
static int peer;

static void
open_pair(void)
{
	int fds[2];

	pair_unix(fds);
	p = probe_new(fds[0], NULL);
	peer = fds[1];
}

/* Fills the kernel's buffer: later writes are queued. */
static size_t
open_stuck_pair(void)
{
	open_pair();
	return stuff_fd(socle_fd(&p->sock));
}

static void
assert_peer_got(const char *text)
{
	char buf[256];
	ssize_t n = drain_fd(peer, buf, sizeof(buf) - 1);

	buf[n < 0 ? 0 : n] = '\0';
	assert_string_equal(text, buf);
}

static void
released(bool sent, void *arg)
{
	note("%s=%s", (const char *)arg, sent ? "sent" : "dropped");
}

static char name_a[] = "a", name_b[] = "b";

/* case 93 */
static void
a_borrowed_write_is_released_as_sent_inside_the_call(void **state)
{
	(void)state;
	open_pair();
	seam_count_reset();
	assert_int_equal(
		1, socle_write_ref(&p->sock, "ref", 3, released, name_a));
	assert_notes("a=sent");
	assert_int_equal(1, seam_count(CALL_malloc));
	assert_peer_got("ref");
	close(peer);
}

/* case 93 */
static void
a_borrowed_write_is_released_only_after_its_last_byte(void **state)
{
	(void)state;
	open_pair();
	seam_short(CALL_send, 1, 2);
	assert_int_equal(
		0, socle_write_ref(&p->sock, "ref", 3, released, name_a));
	assert_int_equal(0, socle_write_kick(&p->sock));
	assert_int_equal(1, socle_write_buf_size(&p->sock));
	assert_notes("inc inc");
	assert_int_equal(1, socle_write_kick(&p->sock));
	assert_notes("a=sent drain");
	assert_peer_got("ref");
	close(peer);
}

/* case 93 */
static void
queued_borrowed_bytes_are_not_copied(void **state)
{
	char text[] = "before";

	(void)state;
	open_pair();
	seam_fail(CALL_send, 1, EAGAIN, 1);
	socle_write_ref(&p->sock, text, 6, released, name_a);
	memcpy(text, "behind", 6);
	turn(2);
	assert_peer_got("behind");
	close(peer);
}

/* case 93 */
static void
a_close_releases_borrowed_bytes_as_dropped(void **state)
{
	(void)state;
	open_stuck_pair();
	socle_write_ref(&p->sock, "xx", 2, released, name_a);
	socle_write_ref(&p->sock, "yy", 2, released, name_b);
	notes_clear();
	socle_close(&p->sock, "done");
	assert_notes("close(done) a=dropped b=dropped");
	turn(1);
	assert_notes("destroy");
	close(peer);
}

static void
a_borrowed_write_partly_sent_at_close_is_released_as_dropped(void **state)
{
	(void)state;
	open_pair();
	seam_short(CALL_send, 1, 1);
	socle_write_ref(&p->sock, "xx", 2, released, name_a);
	notes_clear();
	socle_close(&p->sock, NULL);
	assert_notes("close() a=dropped");
	close(peer);
}

static void
a_borrowed_write_that_fails_is_released_as_dropped_once(void **state)
{
	(void)state;
	open_pair();
	seam_fail(CALL_send, 1, EPIPE, 1);
	assert_int_equal(
		0, socle_write_ref(&p->sock, "ref", 3, released, name_a));
	turn(1);
	assert_notes("close(EPIPE) a=dropped destroy");
	close(peer);
}

static void
a_borrowed_write_of_0_bytes_is_released_once(void **state)
{
	(void)state;
	open_pair();
	assert_int_equal(1, socle_write_ref(&p->sock, "", 0, released, name_a));
	socle_close(&p->sock, NULL);
	assert_notes("a=sent close()");
	close(peer);
}

static void
the_release_callback_may_be_null(void **state)
{
	(void)state;
	open_stuck_pair();
	assert_int_equal(0, socle_write_ref(&p->sock, "x", 1, NULL, NULL));
	socle_close(&p->sock, NULL);
	close(peer);
}

static void
write_from_release(bool sent, void *arg)
{
	note("%s", sent ? "sent" : "dropped");
	assert_int_equal(0, socle_write(arg, " later", 6));
}

static void
writes_of_a_release_are_queued_after_existing_data(void **state)
{
	(void)state;
	open_pair();
	assert_int_equal(1,
		socle_write_ref(
			&p->sock, "first", 5, write_from_release, &p->sock));
	assert_int_equal(0, socle_write_buf_size(&p->sock));
	assert_peer_got("first later");
	close(peer);
}

static int depth, deepest, to_go;

static void
borrow_again(bool sent, void *arg)
{
	(void)sent;
	if (++depth > deepest)
		deepest = depth;
	if (--to_go > 0)
		socle_write_ref(arg, "x", 1, borrow_again, arg);
	depth--;
}

static void
a_release_that_borrows_again_does_not_recurse(void **state)
{
	(void)state;
	open_pair();
	to_go = 100;
	depth = deepest = 0;
	socle_write_ref(&p->sock, "x", 1, borrow_again, &p->sock);
	while (to_go > 0)
		turn(1);
	assert_int_equal(1, deepest);
	close(peer);
}

static void
borrow_in_closure(struct socle_socket *s, void *arg)
{
	(void)arg;
	socle_write_ref(s, "x", 1, borrow_again, s);
}

static void
a_release_inside_a_queued_closure_does_not_recurse_either(void **state)
{
	(void)state;
	open_pair();
	to_go = 100;
	depth = deepest = 0;
	socle_write_func(&p->sock, borrow_in_closure, NULL, NULL);
	while (to_go > 0)
		turn(1);
	assert_int_equal(1, deepest);
	close(peer);
}

static void
close_and_turn(bool sent, void *arg)
{
	(void)sent;
	socle_close(arg, NULL);
	turn(2);
	note("still there: %d", socle_closed(arg));
}

static void
nothing_is_destroyed_while_a_release_is_on_the_stack(void **state)
{
	(void)state;
	open_pair();
	seam_fail(CALL_send, 1, EAGAIN, 1);
	socle_write_ref(&p->sock, "x", 1, close_and_turn, &p->sock);
	notes_clear();
	socle_write_kick(&p->sock);
	assert_notes("close() still there: 1");
	turn(1);
	assert_notes("destroy");
	close(peer);
}

static void
a_borrowed_write_without_memory_takes_nothing(void **state)
{
	(void)state;
	open_pair();
	seam_fail(CALL_malloc, 1, ENOMEM, 1);
	assert_int_equal(-ENOMEM,
		socle_write_ref(&p->sock, "hello", 5, released, name_a));
	assert_int_equal(1, socle_write(&p->sock, "x", 1));
	turn(1);
	assert_notes("");
	assert_peer_got("x");
	close(peer);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test(a_borrowed_write_is_released_as_sent_inside_the_call),
		test(a_borrowed_write_is_released_only_after_its_last_byte),
		test(queued_borrowed_bytes_are_not_copied),
		test(a_close_releases_borrowed_bytes_as_dropped),
		test(a_borrowed_write_partly_sent_at_close_is_released_as_dropped),
		test(a_borrowed_write_that_fails_is_released_as_dropped_once),
		test(a_borrowed_write_of_0_bytes_is_released_once),
		test(the_release_callback_may_be_null),
		test(writes_of_a_release_are_queued_after_existing_data),
		test(a_release_that_borrows_again_does_not_recurse),
		test(a_release_inside_a_queued_closure_does_not_recurse_either),
		test(nothing_is_destroyed_while_a_release_is_on_the_stack),
		test(a_borrowed_write_without_memory_takes_nothing),
	};

	return run_tests(tests);
}
