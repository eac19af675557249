/* The proxy's choice of a backend, and what it does when one fails. */
/* backends: all */
#include "tests/support/proxy.h"

#include <stdio.h>
#include <sys/socket.h>

#define GET "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
#define OK "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

/* ---- the choice ---- */

static void
equal_backends_take_turns(void **state)
{
	int clients[4], served[4], count[BACKENDS] = {0}, which;

	(void)state;
	proxy_start(NULL, NULL);
	for (int i = 0; i < 4; i++) {
		clients[i] = program_client();
		served[i] = backends_accept(&which);
		count[which]++;
	}
	assert_int_equal(2, count[0]);
	assert_int_equal(2, count[1]);
	for (int i = 0; i < 4; i++) {
		close(clients[i]);
		close(served[i]);
	}
	proxy_stop();
}

static void
the_backend_with_fewer_connections_is_chosen(void **state)
{
	int clients[6], served[6], which[6], kept = -1, n = 4, next;

	(void)state;
	proxy_start(NULL, NULL);
	for (int i = 0; i < n; i++) {
		clients[i] = program_client();
		served[i] = backends_accept(&which[i]);
	}
	for (int i = 0; i < n; i++) { /* the two of one backend end */
		if (which[i] != which[0]) {
			kept = which[i];
			continue;
		}
		close(clients[i]);
		assert_ends(served[i]);
		close(served[i]);
	}
	for (int i = 0; i < 2; i++) {
		int client = program_client(), fd = backends_accept(&next);

		assert_int_not_equal(kept, next);
		clients[n] = client;
		which[n] = kept;
		served[n++] = fd;
	}
	for (int i = 0; i < n; i++)
		if (which[i] == kept) {
			close(clients[i]);
			close(served[i]);
		}
	proxy_stop();
}

/* ---- failures ---- */

static void
a_client_of_a_backend_that_refuses_gets_another(void **state)
{
	(void)state;
	proxy_start(NULL, NULL);
	backend_close(0);
	for (int i = 0; i < 4; i++) {
		int client = program_client(), fd = backend_accept(1);

		proxy_send(client, "hello");
		assert_comes(fd, "hello");
		close(client);
		close(fd);
	}
	proxy_stop();
}

static void
a_client_of_a_backend_that_is_too_slow_gets_another(void **state)
{
	int stuffing[STUFFING], clients[2], served[2];

	(void)state;
	proxy_start("--connect-timeout=0.1", NULL);
	backend_stuff(0, stuffing);
	for (int i = 0; i < 2; i++) {
		clients[i] = program_client();
		proxy_send(clients[i], "hello");
		served[i] = backend_accept(1);
		assert_comes(served[i], "hello");
	}
	for (int i = 0; i < 2; i++) {
		close(clients[i]);
		close(served[i]);
	}
	for (int i = 0; i < STUFFING; i++)
		close(stuffing[i]);
	proxy_stop();
}

static void
a_client_without_a_backend_is_closed(void **state)
{
	int client;

	(void)state;
	proxy_start(NULL, NULL);
	backend_close(0);
	backend_close(1);
	client = program_client();
	assert_ends(client);
	close(client);
	backend_open(0);
	client = program_client(); /* both have failed: they are tried */
	close(backend_accept(0));
	close(client);
	proxy_stop();
}

static void
a_backend_that_failed_is_left_out_until_a_check_succeeds(void **state)
{
	int clients[8], served[8], which = 1, n = 0;

	(void)state;
	proxy_start(NULL, NULL);
	backend_close(0);
	for (; n < 2; n++) { /* one of them has tried it */
		clients[n] = program_client();
		served[n] = backend_accept(1);
	}
	backend_open(0);
	for (; n < 8; n++) {
		clients[n] = program_client();
		served[n] = backends_accept(&which);
		assert_int_equal(1, which);
	}
	while (n-- > 0) {
		close(clients[n]);
		close(served[n]);
	}
	proxy_stop();
}

static void
a_check_brings_a_backend_back(void **state)
{
	int client, fd, which = 1;

	(void)state;
	proxy_start("--check-every=0.01", NULL);
	backend_close(0);
	client = program_client();
	close(client);
	backend_open(0);
	while (which != 0) { /* a check, or the client */
		client = program_client();
		fd = backends_accept(&which);
		close(fd);
		close(client);
	}
	proxy_stop();
}

static void
a_backend_that_closes_before_a_byte_is_replaced(void **state)
{
	int client, fd, which;

	(void)state;
	proxy_start(NULL, NULL);
	client = program_client();
	fd = backends_accept(&which);
	close_by_reset(fd);
	fd = backend_accept(!which);
	proxy_send(client, "hello");
	assert_comes(fd, "hello");
	close(fd);
	assert_ends(client);
	close(client);
	proxy_stop();
}

/* ---- requests that are repeated ---- */

/* A client, and the backend that has its request. */
static int
asks(const char *request, int *client, int *which)
{
	int fd;

	*client = program_client();
	fd = backends_accept(which);
	proxy_send(*client, request);
	assert_comes(fd, request);
	return fd;
}

static void
a_request_that_was_not_answered_goes_to_another_backend(void **state)
{
	int client, which, fd;

	(void)state;
	proxy_start(NULL, NULL);
	for (int i = 0; i < 4; i++) {
		fd = asks(GET, &client, &which);
		if (i % 2)
			close(fd);
		else
			close_by_reset(fd);
		fd = backend_accept(!which);
		assert_comes(fd, GET);
		proxy_send(fd, OK);
		assert_comes(client, OK);
		close(client);
		close(fd);
	}
	proxy_stop();
}

static void
a_request_and_a_half_close_go_to_another_backend(void **state)
{
	int client, which, fd;

	(void)state;
	proxy_start(NULL, NULL);
	fd = asks(GET, &client, &which);
	shutdown(client, SHUT_WR);
	assert_ends(fd);
	close(fd);
	fd = backend_accept(!which);
	assert_comes(fd, GET);
	assert_ends(fd);
	proxy_send(fd, OK);
	close(fd);
	assert_comes(client, OK);
	assert_ends(client);
	close(client);
	proxy_stop();
}

static void
a_request_that_changes_something_is_not_repeated(void **state)
{
	static const char *const requests[] = {
		"POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n",
		"get a\r\n\r\n",
		"GET a\r\n\r\n",             /* of no HTTP */
		"GET / HTTP/1.1\r\nHost: a", /* a part */
		GET GET,
		GET "x",
	};
	int client, which;

	(void)state;
	proxy_start(NULL, NULL);
	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		close(asks(requests[i], &client, &which));
		assert_ends(client);
		close(client);
	}
	proxy_stop();
}

static void
a_request_is_not_repeated_after_a_byte_of_its_answer(void **state)
{
	int client, which, fd;

	(void)state;
	proxy_start(NULL, NULL);
	fd = asks(GET, &client, &which);
	proxy_send(fd, "H");
	assert_comes(client, "H");
	close(fd);
	assert_ends(client);
	close(client);
	proxy_stop();
}

static void
no_request_is_repeated_if_that_is_off(void **state)
{
	int client, which;

	(void)state;
	proxy_start("--replay=0", NULL);
	close(asks(GET, &client, &which));
	assert_ends(client);
	close(client);
	proxy_stop();
}

static void
a_client_survives_its_backend_between_requests(void **state)
{
	int client, which, fd;

	(void)state;
	proxy_start(NULL, NULL);
	fd = asks(GET, &client, &which);
	for (int i = 0; i < 4; i++) {
		proxy_send(fd, OK);
		assert_comes(client, OK);
		if (i % 2)
			close(fd);
		else
			close_by_reset(fd);
		proxy_send(client, GET);
		fd = backends_accept(&which);
		assert_comes(fd, GET);
	}
	proxy_send(fd, OK);
	assert_comes(client, OK);
	close(fd);
	close(client);
	proxy_stop();
}

/* An answer that the end of the connection ends, or announces. */
static void
an_end_that_belongs_to_an_answer_is_passed_on(void **state)
{
	static const char *const answers[] = {
		"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 200 OK\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n"
		"Connection: close\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: "
		"chunked\r\n\r\n0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab",
		"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nab",
	};
	int client, which, fd;

	(void)state;
	proxy_start(NULL, NULL);
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		fd = asks(GET, &client, &which);
		proxy_send(fd, answers[i]);
		assert_comes(client, answers[i]);
		close(fd);
		assert_ends(client);
		close(client);
	}
	proxy_stop();
}

static void
after_a_pipelined_request_nothing_is_repeated(void **state)
{
	int client, which, fd;

	(void)state;
	proxy_start(NULL, NULL);
	fd = asks(GET, &client, &which);
	proxy_send(fd, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no");
	assert_comes(client, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no");
	proxy_send(client, GET); /* before the end of the answer */
	assert_comes(fd, GET);
	close(fd);
	assert_ends(client);
	close(client);
	proxy_stop();
}

/* ---- limits ---- */

static void
more_clients_than_allowed_wait(void **state)
{
	int first, second, fd, other;

	(void)state;
	proxy_start_with_one("--max-clients=1", NULL);
	first = program_client();
	fd = backend_accept(0);
	second = program_client();
	proxy_send(second, "second");
	proxy_send(first, "first");
	assert_comes(fd, "first");
	close(first);
	assert_ends(fd);
	close(fd);
	other = backend_accept(0);
	assert_comes(other, "second");
	close(second);
	close(other);
	proxy_stop();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		program_test(equal_backends_take_turns),
		program_test(the_backend_with_fewer_connections_is_chosen),
		program_test(a_client_of_a_backend_that_refuses_gets_another),
		program_test(
			a_client_of_a_backend_that_is_too_slow_gets_another),
		program_test(a_client_without_a_backend_is_closed),
		program_test(
			a_backend_that_failed_is_left_out_until_a_check_succeeds),
		program_test(a_check_brings_a_backend_back),
		program_test(a_backend_that_closes_before_a_byte_is_replaced),
		program_test(
			a_request_that_was_not_answered_goes_to_another_backend),
		program_test(a_request_and_a_half_close_go_to_another_backend),
		program_test(a_request_that_changes_something_is_not_repeated),
		program_test(
			a_request_is_not_repeated_after_a_byte_of_its_answer),
		program_test(no_request_is_repeated_if_that_is_off),
		program_test(a_client_survives_its_backend_between_requests),
		program_test(an_end_that_belongs_to_an_answer_is_passed_on),
		program_test(after_a_pipelined_request_nothing_is_repeated),
		program_test(more_clients_than_allowed_wait),
	};
	return run_tests(tests);
}
