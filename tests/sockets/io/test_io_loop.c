/* Sockets as objects with the loop: watched by it, and handed to it. */
/* backends: all */
#include "tests/support/io.h"

static struct socle_io io, peer, listener;
static bool done;

static void
look(int fd, unsigned ready, void *arg)
{
	int *result = arg;

	assert_int_equal(fd, socle_io_fd(&io));
	assert_true(ready != 0);
	*result = socle_io_connected(&io);
	if (*result == 0)
		return;
	done = true;
	assert_int_equal(0, socle_remove_other_fd(fd));
}

/* TI18 */
static void
a_connect_in_progress_completes_in_the_loop(void **state)
{
	int result = 0;

	(void)state;
	done = false;
	io_listening(&listener, "127.0.0.1:0");
	io_open(&io,
		&(struct socle_io_params){
			.peer_addr = io_sockname_text(&listener),
			.nonblocking = true});
	assert_true(socle_io_fd(&io) >= 0);
	assert_int_equal(0,
		socle_add_other_fd(
			socle_io_fd(&io), SOCLE_WRITE, look, &result));
	turn_until(&done);
	assert_int_equal(1, result);
	assert_string_equal(io_sockname_text(&listener), io_peername_text(&io));
	assert_int_equal(0, socle_io_blocking(&io, false));
	socle_io_close(&io);
	socle_io_close(&listener);
}

/* TI18 */
static void
a_connect_that_hangs_is_not_reported_as_done(void **state)
{
	int fds[STUFFING], result = 0;

	(void)state;
	done = false;
	io_stuffed(&listener, "127.0.0.1:0", fds);
	io_open(&io,
		&(struct socle_io_params){
			.peer_addr = io_sockname_text(&listener),
			.nonblocking = true});
	assert_int_equal(0,
		socle_add_other_fd(
			socle_io_fd(&io), SOCLE_WRITE, look, &result));
	turn(3);
	assert_false(done);
	assert_int_equal(0, socle_io_connected(&io));
	assert_int_equal(0, socle_remove_other_fd(socle_io_fd(&io)));
	io_close_all(fds);
	socle_io_close(&io);
	socle_io_close(&listener);
}

static void
echo(struct probe *p)
{
	char buf[64];
	ssize_t n = socle_read(&p->sock, buf, sizeof(buf));

	if (n > 0)
		assert_int_equal(1, socle_write(&p->sock, buf, (size_t)n));
	else if (n == 0)
		socle_close(&p->sock, "eof");
}

static void
a_stolen_socket_serves_in_the_loop(void **state)
{
	char buf[8] = "";
	struct probe *p;
	bool gone = false;

	(void)state;
	io_tcp_pair(&io, &peer);
	p = probe_new(socle_io_steal(&peer), NULL);
	assert_int_equal(-1, socle_io_fd(&peer));
	p->on_read = echo;
	p->destroyed = &gone;
	socle_watch_read(&p->sock, true);
	assert_int_equal(6, socle_io_send(&io, "hello\n", 6, 0, NULL));
	turn(2);
	assert_int_equal(
		6, socle_io_recv(&io, buf, sizeof(buf), MSG_DONTWAIT, NULL));
	assert_string_equal("hello\n", buf);
	assert_string_equal(
		io_sockname_text(&io), socle_peer_addr_string(&p->sock));
	socle_io_close(&io);
	turn_until(&gone);
}

static void
a_socket_stolen_from_the_loop_is_adopted(void **state)
{
	int fds[2];
	struct probe *p;

	(void)state;
	pair_unix(fds);
	p = probe_new(fds[0], NULL);
	memset(&io, 0, sizeof(io));
	memset(&peer, 0, sizeof(peer));
	assert_int_equal(0, socle_io_adopt(&io, socle_steal_socket(&p->sock)));
	turn(1);
	assert_int_equal(0, socle_io_adopt(&peer, fds[1]));
	assert_int_equal(0, socle_io_blocking(&io, true));
	assert_int_equal(0, socle_io_blocking(&peer, true));
	assert_talks(&io, &peer);
	assert_talks(&peer, &io);
	socle_io_close(&io);
	socle_io_close(&peer);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		io_test(a_connect_in_progress_completes_in_the_loop),
		io_test(a_connect_that_hangs_is_not_reported_as_done),
		io_test(a_stolen_socket_serves_in_the_loop),
		io_test(a_socket_stolen_from_the_loop_is_adopted),
	};

	return run_tests(tests);
}
