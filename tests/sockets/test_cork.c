/* Corking: full segments only on TCP; no effect on other sockets. */
/* backends: all */
#include "tests/support/fixture.h"

#include <netinet/in.h>

#define skip_without_cork()                                                    \
	do {                                                                   \
		if (SOCLE__CORK < 0)                                           \
			skip_because("this system has no cork");               \
	} while (0)

static struct probe *p;
static int peer;

static void
open_tcp(void)
{
	int fds[2];

	pair_tcp(fds);
	p = probe_new(fds[0], NULL);
	peer = fds[1];
}

static int
cork_of(int fd)
{
	int value = -1;
	socklen_t len = sizeof(value);

	assert_int_equal(
		0, getsockopt(fd, IPPROTO_TCP, SOCLE__CORK, &value, &len));
	return value != 0;
}

/* case 132 */
static void
a_tcp_socket_is_corked_and_uncorked(void **state)
{
	(void)state;
	skip_without_cork();
	open_tcp();
	assert_int_equal(0, socle_tcp_cork(&p->sock, true));
	assert_int_equal(1, cork_of(socle_fd(&p->sock)));
	assert_int_equal(0, socle_tcp_cork(&p->sock, false));
	assert_int_equal(0, cork_of(socle_fd(&p->sock)));
	close(peer);
}

/* case 132 */
static void
setting_an_unchanged_cork_makes_no_system_call(void **state)
{
	(void)state;
	skip_without_cork();
	open_tcp();
	seam_count_reset();
	assert_int_equal(0, socle_tcp_cork(&p->sock, false));
	assert_int_equal(0, seam_system_calls());
	socle_tcp_cork(&p->sock, true);
	assert_int_equal(0, socle_tcp_cork(&p->sock, true));
	assert_int_equal(1, seam_system_calls());
	close(peer);
}

/* case 132 */
static void
a_close_removes_the_cork(void **state)
{
	int fd;

	(void)state;
	skip_without_cork();
	open_tcp();
	fd = dup(socle_fd(&p->sock));
	socle_tcp_cork(&p->sock, true);
	socle_close(&p->sock, NULL);
	assert_int_equal(0, cork_of(fd));
	close(fd);
	close(peer);
}

static void
a_steal_removes_the_cork(void **state)
{
	int fd;

	(void)state;
	skip_without_cork();
	open_tcp();
	socle_tcp_cork(&p->sock, true);
	fd = socle_steal_socket(&p->sock);
	assert_int_equal(0, cork_of(fd));
	close(fd);
	close(peer);
}

static void
a_close_without_a_cork_sets_no_option(void **state)
{
	(void)state;
	open_tcp();
	seam_count_reset();
	socle_close(&p->sock, NULL);
	turn(1);
	assert_int_equal(0, seam_count(CALL_setsockopt));
	close(peer);
}

static void
corked_writes_arrive_once_the_cork_is_removed(void **state)
{
	char buf[16];
	ssize_t n = 0;

	(void)state;
	skip_without_cork();
	open_tcp();
	socle_tcp_cork(&p->sock, true);
	assert_int_equal(1, socle_write(&p->sock, "head ", 5));
	assert_int_equal(0, drain_fd(peer, buf, sizeof(buf)));
	assert_int_equal(1, socle_write(&p->sock, "body", 4));
	socle_tcp_cork(&p->sock, false);
	while (n < 9)
		n += drain_fd(peer, buf + n, sizeof(buf) - (size_t)n);
	assert_memory_equal("head body", buf, 9);
	close(peer);
}

/* case 132 */
static void
a_pipe_is_left_alone(void **state)
{
	int fds[2];

	(void)state;
	pair_pipe(fds);
	p = probe_new(fds[1], NULL);
	assert_int_equal(0, socle_tcp_cork(&p->sock, true));
	assert_int_equal(0, socle_tcp_cork(&p->sock, false));
	assert_false(socle_closed(&p->sock));
	assert_notes("");
	close(fds[0]);
}

/* case 132 */
static void
a_unix_socket_is_left_alone(void **state)
{
	int fds[2];

	(void)state;
	pair_unix(fds);
	p = probe_new(fds[0], NULL);
	assert_int_equal(0, socle_tcp_cork(&p->sock, true));
	assert_int_equal(1, socle_write(&p->sock, "x", 1));
	assert_int_equal(0, socle_tcp_cork(&p->sock, false));
	assert_false(socle_closed(&p->sock));
	assert_notes("");
	close(fds[1]);
}

/* case 132 */
static void
a_datagram_socket_is_left_alone(void **state)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	(void)state;
	p = probe_new(fd, NULL);
	assert_int_equal(0, socle_tcp_cork(&p->sock, true));
	assert_false(socle_closed(&p->sock));
	assert_notes("");
}

static void
a_real_error_is_returned_and_closes_nothing(void **state)
{
	(void)state;
	skip_without_cork();
	open_tcp();
	seam_fail(CALL_setsockopt, 1, ENOMEM, 1);
	assert_int_equal(-ENOMEM, socle_tcp_cork(&p->sock, true));
	assert_false(socle_closed(&p->sock));
	assert_int_equal(0, socle_tcp_cork(&p->sock, true));
	assert_int_equal(1, cork_of(socle_fd(&p->sock)));
	close(peer);
}

static void
corking_a_closed_object_is_ebadf(void **state)
{
	(void)state;
	open_tcp();
	socle_close(&p->sock, NULL);
	assert_int_equal(-EBADF, socle_tcp_cork(&p->sock, true));
	close(peer);
}

/* What systems answer for sockets that cannot be corked. */
static void
a_refusal_of_the_option_is_no_error(void **state)
{
	static const int refusals[] = {
		ENOTSOCK, EINVAL, EOPNOTSUPP, ENOPROTOOPT};

	(void)state;
	skip_without_cork();
	open_tcp();
	for (size_t i = 0; i < sizeof(refusals) / sizeof(*refusals); i++) {
		seam_fail(CALL_setsockopt, 1, refusals[i], 1);
		assert_int_equal(0, socle_tcp_cork(&p->sock, true));
		assert_int_equal(i + 1, seam_struck());
		assert_int_equal(0, cork_of(socle_fd(&p->sock)));
	}
	close(peer);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test(a_tcp_socket_is_corked_and_uncorked),
		test(setting_an_unchanged_cork_makes_no_system_call),
		test(a_close_removes_the_cork),
		test(a_steal_removes_the_cork),
		test(a_close_without_a_cork_sets_no_option),
		test(corked_writes_arrive_once_the_cork_is_removed),
		test(a_pipe_is_left_alone),
		test(a_unix_socket_is_left_alone),
		test(a_datagram_socket_is_left_alone),
		test(a_real_error_is_returned_and_closes_nothing),
		test(corking_a_closed_object_is_ebadf),
		test(a_refusal_of_the_option_is_no_error),
	};

	return run_tests(tests);
}
