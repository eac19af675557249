/* The proxy, as one client and one backend see it. */
/* backends: all */
#include "tests/support/proxy.h"

#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>

enum { MUCH = 64 << 20, PIECE = 1 << 16, SEED = 5 };

static void
bytes_pass_in_both_directions(void **state)
{
	struct session s;

	(void)state;
	proxy_start_with_one(NULL, NULL);
	s = session();
	proxy_send(s.backend, "220 hello\r\n"); /* some servers speak first */
	assert_comes(s.client, "220 hello\r\n");
	proxy_send(s.client, "quit\r\n");
	assert_comes(s.backend, "quit\r\n");
	session_close(s);
	proxy_stop();
}

/* ---- half-close ---- */

static void
a_half_close_of_the_client_is_passed_on(void **state)
{
	struct session s;

	(void)state;
	proxy_start_with_one(NULL, NULL);
	s = session();
	proxy_send(s.client, "question");
	shutdown(s.client, SHUT_WR);
	assert_comes(s.backend, "question");
	assert_ends(s.backend);
	proxy_send(s.backend, "answer");
	assert_comes(s.client, "answer");
	close(s.backend);
	assert_ends(s.client);
	close(s.client);
	proxy_stop();
}

static void
a_half_close_of_the_backend_is_passed_on(void **state)
{
	struct session s;

	(void)state;
	proxy_start_with_one(NULL, NULL);
	s = session();
	proxy_send(s.client, "question");
	assert_comes(s.backend, "question");
	proxy_send(s.backend, "answer");
	shutdown(s.backend, SHUT_WR);
	assert_comes(s.client, "answer");
	assert_ends(s.client);
	proxy_send(s.client, "more");
	assert_comes(s.backend, "more");
	close(s.client);
	assert_ends(s.backend);
	close(s.backend);
	proxy_stop();
}

static void
a_half_close_follows_all_bytes_before_it(void **state)
{
	char *data = malloc(MUCH / 8), *got = malloc(MUCH / 8 + 1);
	struct session s;
	size_t len = 0;
	ssize_t n = 1;

	(void)state;
	proxy_start_with_one(NULL, NULL);
	s = session();
	pattern_fill(data, MUCH / 8, 0, SEED);
	if (fork() == 0) {
		for (size_t at = 0; at < MUCH / 8; at += PIECE)
			if (write(s.client, data + at, PIECE) != PIECE)
				_exit(1);
		shutdown(s.client, SHUT_WR);
		_exit(0);
	}
	while (n > 0 && len <= MUCH / 8) {
		n = read(s.backend, got + len, MUCH / 8 + 1 - len);
		len += n > 0 ? (size_t)n : 0;
	}
	assert_int_equal(0, n);
	assert_int_equal(MUCH / 8, len);
	assert_memory_equal(data, got, len);
	free(data);
	free(got);
	session_close(s);
	proxy_stop();
}

/* ---- resets ---- */

static void
a_reset_of_the_client_is_passed_on(void **state)
{
	struct session s;

	(void)state;
	proxy_start_with_one(NULL, NULL);
	s = session();
	proxy_send(s.client, "question");
	assert_comes(s.backend, "question");
	close_by_reset(s.client);
	assert_reset(s.backend);
	close(s.backend);
	proxy_stop();
}

static void
a_reset_of_the_backend_follows_its_bytes(void **state)
{
	struct session s;

	(void)state;
	proxy_start_with_one(NULL, NULL);
	s = session();
	proxy_send(s.client, "question");
	assert_comes(s.backend, "question");
	proxy_send(s.backend, "ans");
	assert_comes(s.client, "ans");
	close_by_reset(s.backend);
	assert_reset(s.client);
	close(s.client);
	proxy_stop();
}

/* The backend answers an upload that it does not read, and closes. */
static void
an_answer_before_the_end_of_an_upload_is_not_lost(void **state)
{
	struct session s;
	char got[16];

	(void)state;
	for (int i = 0; race_again(i, 50); i++) {
		proxy_start_with_one(NULL, NULL);
		s = session();
		proxy_send(s.client, "POST");
		assert_comes(s.backend, "POST");
		proxy_send(s.client, "body");
		proxy_send(s.backend, "413");
		close(s.backend); /* sends a reset if the body is there */
		(void)send(s.client, "more", 4, MSG_NOSIGNAL);
		receive(s.client, got, 4, NULL);
		assert_string_equal("413", got);
		close(s.client);
		proxy_stop();
	}
}

static void
both_sides_may_close_at_once(void **state)
{
	struct session s;

	(void)state;
	proxy_start_with_one(NULL, NULL);
	for (int i = 0; race_again(i, 200); i++) {
		s = session();
		proxy_send(s.client, "a");
		proxy_send(s.backend, "b");
		if (i % 4 == 0)
			close_by_reset(s.client);
		else
			close(s.client);
		if (i % 3 == 0)
			close_by_reset(s.backend);
		else
			close(s.backend);
	}
	s = session();
	proxy_send(s.client, "alive");
	assert_comes(s.backend, "alive");
	session_close(s);
	proxy_stop();
}

/* ---- back-pressure ---- */

/* Sends until the proxy takes no more for a while; returns how much it took. */
static size_t
send_until_full(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLOUT};
	char data[PIECE];
	size_t sent = 0;
	ssize_t n;

	while (sent < MUCH && poll(&p, 1, 200) == 1) {
		pattern_fill(data, sizeof(data), sent, SEED);
		n = send(fd, data, sizeof(data), MSG_DONTWAIT);
		assert_true(n > 0);
		sent += (size_t)n;
	}
	return sent;
}

static void
receive_pattern(int fd, size_t len)
{
	char data[PIECE];
	size_t got = 0;

	while (got < len) {
		ssize_t n = recv(fd, data, sizeof(data), 0);

		assert_true(n > 0);
		assert_pattern(data, (size_t)n, got, SEED);
		got += (size_t)n;
	}
}

static void
small_buffers(int fd)
{
	int size = PIECE;

	assert_int_equal(
		0, setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)));
	assert_int_equal(
		0, setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)));
}

static void
a_client_that_does_not_read_stops_the_backend(void **state)
{
	struct session s;
	size_t sent;

	(void)state;
	proxy_start_with_one(NULL, NULL);
	s = session();
	small_buffers(s.client);
	small_buffers(s.backend);
	sent = send_until_full(s.backend);
	assert_true(sent < MUCH);
	receive_pattern(s.client, sent);
	proxy_send(s.backend, "rest");
	assert_comes(s.client, "rest");
	session_close(s);
	proxy_stop();
}

static void
a_backend_that_does_not_read_stops_the_client(void **state)
{
	struct session s;
	size_t sent;

	(void)state;
	proxy_start_with_one(NULL, NULL);
	s = session();
	small_buffers(s.client);
	small_buffers(s.backend);
	sent = send_until_full(s.client);
	assert_true(sent < MUCH);
	proxy_send(s.backend, "meanwhile");
	assert_comes(s.client, "meanwhile");
	receive_pattern(s.backend, sent);
	session_close(s);
	proxy_stop();
}

/* ---- time ---- */

static void
a_session_without_a_byte_is_closed(void **state)
{
	struct session s;
	char c;

	(void)state;
	proxy_start_with_one("--idle-timeout=0.05", NULL);
	s = session();
	assert_ends(s.client);
	assert_true(read(s.backend, &c, 1) <= 0);
	session_close(s);
	proxy_stop();
}

/* ---- SIGTERM ---- */

static void
at_the_end_a_session_may_finish(void **state)
{
	struct session s;
	struct pollfd p;
	char c;

	(void)state;
	proxy_start_with_one(NULL, NULL);
	s = session();
	proxy_send(s.client, "question");
	assert_comes(s.backend, "question");
	program_ask_to_stop();
	proxy_send(s.backend, "answer");
	assert_comes(s.client, "answer");
	close(s.client);
	p = (struct pollfd){.fd = s.backend, .events = POLLIN};
	assert_int_equal(1, poll(&p, 1, 30000));
	assert_int_equal(0, read(s.backend, &c, 1));
	close(s.backend);
	proxy_stop();
}

static void
at_the_end_clients_that_were_answered_are_closed(void **state)
{
	struct session s;

	(void)state;
	proxy_start_with_one(NULL, NULL);
	s = session();
	proxy_send(s.client, "GET / HTTP/1.1\r\n\r\n");
	assert_comes(s.backend, "GET / HTTP/1.1\r\n\r\n");
	proxy_send(s.backend, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
	assert_comes(
		s.client, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
	program_ask_to_stop();
	assert_ends(s.client);
	session_close(s);
	proxy_stop();
}

static void
at_the_end_an_answer_under_way_is_completed(void **state)
{
	struct session s;

	(void)state;
	proxy_start_with_one(NULL, NULL);
	s = session();
	proxy_send(s.client, "GET / HTTP/1.1\r\n\r\n");
	assert_comes(s.backend, "GET / HTTP/1.1\r\n\r\n");
	proxy_send(s.backend, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no");
	assert_comes(s.client, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no");
	program_ask_to_stop();
	proxy_send(s.backend, "k");
	assert_comes(s.client, "k");
	assert_ends(s.client);
	session_close(s);
	proxy_stop();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		program_test(bytes_pass_in_both_directions),
		program_test(a_half_close_of_the_client_is_passed_on),
		program_test(a_half_close_of_the_backend_is_passed_on),
		program_test(a_half_close_follows_all_bytes_before_it),
		program_test(a_reset_of_the_client_is_passed_on),
		program_test(a_reset_of_the_backend_follows_its_bytes),
		program_test(an_answer_before_the_end_of_an_upload_is_not_lost),
		program_test(both_sides_may_close_at_once),
		program_test(a_client_that_does_not_read_stops_the_backend),
		program_test(a_backend_that_does_not_read_stops_the_client),
		program_test(a_session_without_a_byte_is_closed),
		program_test(at_the_end_a_session_may_finish),
		program_test(at_the_end_clients_that_were_answered_are_closed),
		program_test(at_the_end_an_answer_under_way_is_completed),
	};
	return run_tests(tests);
}
