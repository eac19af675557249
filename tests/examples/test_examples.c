/* The small examples, run as programs. */
/* backends: all */
#include "tests/support/program.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>

enum { ROOM = 1 << 20 };
static char received[ROOM + 1];

static void
send_text(int fd, const char *text)
{
	send_all(fd, text, strlen(text));
}

/* The next bytes to arrive are `text'. */
static void
assert_receives(int fd, const char *text)
{
	assert_int_equal(
		strlen(text), receive(fd, received, strlen(text) + 1, NULL));
	assert_string_equal(text, received);
}

static char *
example(char *path, size_t size, const char *name)
{
	const char *dir = getenv("EXAMPLES");

	snprintf(path, size, "%s/%s", dir ? dir : "build/plain/examples", name);
	return path;
}

/* ---- a program that exits by itself ---- */

static struct {
	pid_t pid;
	FILE *out, *err;
	int status;
	char output[ROOM + 1]; /* on standard output */
	size_t said_len;
	char errors[1024]; /* on standard error */
} run;

/* The name, then its arguments, then NULL. */
static void
run_argv(const char *const *words)
{
	char path[1024];
	char *argv[8] = {example(path, sizeof(path), words[0])};

	for (int i = 1; words[i]; i++) {
		assert_in_range(i, 1, 6);
		argv[i] = strdup(words[i]);
	}
	run.out = tmpfile();
	run.err = tmpfile();
	assert_true(run.out && run.err);
	run.pid = fork();
	if (run.pid == 0) {
		dup2(fileno(run.out), STDOUT_FILENO);
		dup2(fileno(run.err), STDERR_FILENO);
		alarm(0);
		execv(path, argv);
		_exit(127);
	}
	for (int i = 1; argv[i]; i++)
		free(argv[i]);
}

#define run_start(...) run_argv((const char *const[]){__VA_ARGS__, NULL})

static size_t
take_back(FILE *f, char *buf, size_t size)
{
	size_t n;

	rewind(f);
	n = fread(buf, 1, size - 1, f);
	buf[n] = '\0';
	fclose(f);
	return n;
}

static void
run_end(void)
{
	int status;

	assert_int_equal(run.pid, waitpid(run.pid, &status, 0));
	run.pid = 0;
	assert_true(WIFEXITED(status));
	run.status = WEXITSTATUS(status);
	run.said_len = take_back(run.out, run.output, sizeof(run.output));
	(void)take_back(run.err, run.errors, sizeof(run.errors));
}

static int
run_teardown(void **state)
{
	if (run.pid > 0) {
		kill(run.pid, SIGKILL);
		waitpid(run.pid, NULL, 0);
		run.pid = 0;
		fclose(run.out);
		fclose(run.err);
	}
	return program_teardown(state);
}

#define ending_test(name)                                                      \
	cmocka_unit_test_setup_teardown(name, fixture_setup, run_teardown)

static void
assert_failed(const char *errors)
{
	run_end();
	assert_string_equal(errors, run.errors);
	assert_int_equal(1, run.status);
}

/* The error text of this libc. */
static const char *
words_of(const char *program, int err)
{
	static char text[128];

	snprintf(text, sizeof(text), "%s: %s\n", program, strerror(err));
	return text;
}

/* ---- echo, udp-echo ---- */

static void
echo_sends_back_what_it_gets(void **state)
{
	int fd, other;

	(void)state;
	program_start("echo", NULL, NULL);
	fd = program_client();
	other = program_client();
	send_text(fd, "one");
	send_text(other, "two\n");
	assert_receives(other, "two\n");
	assert_receives(fd, "one");
	send_text(fd, "three");
	shutdown(fd, SHUT_WR);
	assert_receives(fd, "three");
	assert_ends(fd);
	close(fd);
	close(other);
	program_stop();
}

/* 64 MiB are more than the kernel's buffers and the queue may hold. */
static void
echo_keeps_little_for_a_client_that_does_not_read(void **state)
{
	static char chunk[64 << 10];
	size_t sent = 0, back = 0;
	struct pollfd p = {.events = POLLOUT};
	ssize_t n;

	(void)state;
	program_start("echo", NULL, NULL);
	p.fd = program_client();
	while (sent < 64u << 20 && poll(&p, 1, 500) == 1) {
		n = send(p.fd, chunk, sizeof(chunk), MSG_DONTWAIT);
		sent += n > 0 ? (size_t)n : 0;
	}
	assert_true(sent < 64u << 20);
	shutdown(p.fd, SHUT_WR);
	while ((n = recv(p.fd, chunk, sizeof(chunk), 0)) > 0)
		back += (size_t)n;
	assert_int_equal(sent, back);
	close(p.fd);
	program_stop();
}

static void
sendfile_sends_its_file_to_each_client(void **state)
{
	char path[] = "/tmp/socle-example-XXXXXX";
	int file = mkstemp(path);

	(void)state;
	assert_int_equal(8, write(file, "the file", 8));
	close(file);
	program_start("sendfile", path, NULL);
	for (int i = 0; i < 2; i++) {
		int fd = program_client();

		assert_receives(fd, "the file");
		assert_ends(fd);
		close(fd);
	}
	unlink(path);
	program_stop();
}

/* A UDP socket connected to the program. */
static int
udp_client(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
		.sin_port = htons((uint16_t)program_port()),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	assert_true(fd >= 0);
	assert_int_equal(0, connect(fd, (struct sockaddr *)&a, sizeof(a)));
	return fd;
}

static void
assert_echoed(int fd, const char *text)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	ssize_t len = (ssize_t)strlen(text);

	assert_int_equal(len, send(fd, text, strlen(text), 0));
	assert_int_equal(1, poll(&p, 1, 30 * 1000));
	assert_int_equal(len, recv(fd, received, ROOM, 0));
	assert_memory_equal(text, received, strlen(text));
}

static void
udp_echo_sends_back_each_datagram(void **state)
{
	char path[1024];
	int fd, other;

	(void)state;
	if (access(example(path, sizeof(path), "udp-echo"), X_OK) != 0)
		skip_because("udp-echo is not built");
	program_start("udp-echo", NULL, NULL);
	fd = udp_client();
	other = udp_client();
	assert_echoed(fd, "one");
	assert_echoed(other, "two");
	assert_echoed(fd, "");
	assert_echoed(fd, "three");
	close(fd);
	close(other);
	program_stop();
}

/* ---- rot13 ---- */

static int
rot13_client(void)
{
	program_start("rot13", NULL, NULL);
	return program_client();
}

static void
rot13_turns_letters_and_nothing_else(void **state)
{
	int fd = rot13_client();

	(void)state;
	send_text(fd, "Hello, World 13!\n\nabcxyzABCXYZ@[`{\r\n");
	assert_receives(fd, "Uryyb, Jbeyq 13!\n\nnopklmNOPKLM@[`{\r\n");
	close(fd);
	program_stop();
}

static void
rot13_answers_only_complete_lines(void **state)
{
	int fd = rot13_client(), other = program_client();

	(void)state;
	send_text(fd, "up and ");
	send_text(other, "a\n");
	assert_receives(other, "n\n");
	send_text(fd, "down\nunfinished");
	assert_receives(fd, "hc naq qbja\n");
	shutdown(fd, SHUT_WR);
	assert_ends(fd);
	close(fd);
	close(other);
	program_stop();
}

static void
rot13_closes_a_client_whose_line_is_too_long(void **state)
{
	int fd = rot13_client();
	char line[1000];

	(void)state;
	memset(line, 'x', sizeof(line));
	line[999] = '\n';
	send_all(fd, line, 1000);
	assert_int_equal(1000, receive(fd, received, 1001, NULL));
	line[999] = 'x';
	send_all(fd, line, 1000);
	assert_ends(fd);
	close(fd);
	program_stop();
}

/* Sends lines until the other side stops reading for a while. */
static size_t
send_until_blocked(int fd, size_t max)
{
	struct pollfd p = {.fd = fd, .events = POLLOUT};
	char lines[1000];
	size_t sent = 0;

	memset(lines, 'a', sizeof(lines));
	for (size_t i = 99; i < sizeof(lines); i += 100)
		lines[i] = '\n';
	fcntl(fd, F_SETFL, O_NONBLOCK);
	while (sent < max && poll(&p, 1, 200) == 1) {
		size_t at = sent % sizeof(lines);
		ssize_t n = write(fd, lines + at, sizeof(lines) - at);

		assert_true(n > 0 || errno == EAGAIN);
		sent += n > 0 ? (size_t)n : 0;
	}
	return sent;
}

static void
rot13_does_not_read_from_a_client_that_does_not_read(void **state)
{
	enum { MOST = 64 << 20 };
	int fd = rot13_client();
	size_t sent = send_until_blocked(fd, MOST), got = 0, n;

	(void)state;
	assert_in_range(sent, 1, MOST - 1);
	shutdown(fd, SHUT_WR);
	while ((n = receive(fd, received, sizeof(received), NULL)) > 0)
		got += n;
	assert_int_equal(sent / 100 * 100, got);
	close(fd);
	program_stop();
}

static void
rot13_says_why_it_cannot_listen(void **state)
{
	int port, listener = tcp_listener(&port);
	char option[32];

	(void)state;
	snprintf(option, sizeof(option), "--port=%d", port);
	run_start("rot13", option);
	assert_failed(words_of("rot13: bind", EADDRINUSE));
	assert_string_equal("", run.output);
	close(listener);
}

/* ---- get ---- */

static int server, server_port;

/*
 * Starts get with a server inside the test, and with `option' if it is not
 * NULL.
 */
static void
get_start(const char *host, const char *path, const char *option)
{
	char port[8];

	server = tcp_listener(&server_port);
	snprintf(port, sizeof(port), "%d", server_port);
	if (option)
		run_start("get", option, host, port, path);
	else
		run_start("get", host, port, path);
}

/* Leaves the request in `received'. */
static int
get_request(void)
{
	struct pollfd p = {.fd = server, .events = POLLIN};
	int fd;

	assert_int_equal(1, poll(&p, 1, 30 * 1000));
	fd = accept(server, NULL, NULL);
	assert_true(fd >= 0);
	receive(fd, received, sizeof(received), "\r\n\r\n");
	return fd;
}

static void
get_answer(const char *text)
{
	int fd = get_request();

	send_text(fd, text);
	close(fd);
	close(server);
}

static void
get_connects_by_name_and_sends_an_http_1_0_request(void **state)
{
	char request[256];

	(void)state;
	if (!localhost_is_known())
		skip_because("localhost is not in /etc/hosts");
	get_start("localhost", "/a/b?c", NULL);
	get_answer("HTTP/1.0 200 OK\r\n\r\nhello\n");
	snprintf(request, sizeof(request),
		"GET /a/b?c HTTP/1.0\r\nHost: localhost:%d\r\n"
		"Connection: close\r\n\r\n",
		server_port);
	assert_string_equal(request, received);
	run_end();
	assert_string_equal("hello\n", run.output);
	assert_string_equal("", run.errors);
	assert_int_equal(0, run.status);
}

static void
get_writes_a_large_body_unchanged(void **state)
{
	static char body[ROOM];
	int fd;

	(void)state;
	get_start("127.0.0.1", "/large", NULL);
	fd = get_request();
	pattern_fill(body, sizeof(body), 0, 5);
	send_text(fd,
		"HTTP/1.1 200 OK\r\nServer: x\r\ncontent-length: 1048576\r\n");
	send_text(fd, "\r\n");
	send_all(fd, body, sizeof(body));
	run_end(); /* Content-Length is enough: the stream has not ended yet */
	close(fd);
	close(server);
	assert_int_equal(0, run.status);
	assert_int_equal(sizeof(body), run.said_len);
	assert_pattern(run.output, run.said_len, 0, 5);
}

static void
get_accepts_a_header_in_pieces(void **state)
{
	const char *answer = "HTTP/1.0 201 Made\r\nA: b\r\n\r\nbody";
	int fd;

	(void)state;
	get_start("127.0.0.1", "/", NULL);
	fd = get_request();
	for (size_t i = 0; answer[i]; i++)
		send_all(fd, answer + i, 1);
	close(fd);
	close(server);
	run_end();
	assert_string_equal("body", run.output);
	assert_int_equal(0, run.status);
}

static void
get_of_a_missing_page_exits_with_1(void **state)
{
	(void)state;
	get_start("127.0.0.1", "/", NULL);
	get_answer("HTTP/1.0 404 Not Found\r\nA: b\r\n\r\nno such page\n");
	assert_failed("get: HTTP/1.0 404 Not Found\n");
	assert_string_equal("no such page\n", run.output);
}

static void
get_of_a_truncated_response_exits_with_1(void **state)
{
	(void)state;
	get_start("127.0.0.1", "/", NULL);
	get_answer("HTTP/1.0 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
	assert_failed("get: the answer ended early\n");
}

static void
get_without_an_http_response_exits_with_1(void **state)
{
	(void)state;
	get_start("127.0.0.1", "/", NULL);
	get_answer("");
	assert_failed("get: no answer\n");
	get_start("127.0.0.1", "/", NULL);
	get_answer("220 mail.example.org\r\n\r\n");
	assert_failed("get: no answer in HTTP\n");
}

static void
get_gives_up_when_no_response_arrives(void **state)
{
	int fd;

	(void)state;
	get_start("127.0.0.1", "/", "--timeout=0.1");
	fd = get_request();
	assert_failed(words_of("get", ETIMEDOUT));
	close(fd);
	close(server);
}

static void
get_reports_a_refused_connection(void **state)
{
	char text[8];
	int port;

	(void)state;
	close(tcp_listener(&port));
	snprintf(text, sizeof(text), "%d", port);
	run_start("get", "127.0.0.1", text, "/");
	assert_failed(words_of("get", ECONNREFUSED));
}

static void
get_prints_its_usage_for_wrong_arguments(void **state)
{
	(void)state;
	run_start("get", "127.0.0.1");
	assert_failed("get [--timeout=SECONDS] HOST PORT /PATH\n");
	run_start("get", "127.0.0.1", "80", "/a\r\nHost: other");
	assert_failed("get [--timeout=SECONDS] HOST PORT /PATH\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		program_test(echo_sends_back_what_it_gets),
		program_test(echo_keeps_little_for_a_client_that_does_not_read),
		program_test(sendfile_sends_its_file_to_each_client),
		program_test(udp_echo_sends_back_each_datagram),
		program_test(rot13_turns_letters_and_nothing_else),
		program_test(rot13_answers_only_complete_lines),
		program_test(rot13_closes_a_client_whose_line_is_too_long),
		program_test(
			rot13_does_not_read_from_a_client_that_does_not_read),
		ending_test(rot13_says_why_it_cannot_listen),
		ending_test(get_connects_by_name_and_sends_an_http_1_0_request),
		ending_test(get_writes_a_large_body_unchanged),
		ending_test(get_accepts_a_header_in_pieces),
		ending_test(get_of_a_missing_page_exits_with_1),
		ending_test(get_of_a_truncated_response_exits_with_1),
		ending_test(get_without_an_http_response_exits_with_1),
		ending_test(get_gives_up_when_no_response_arrives),
		ending_test(get_reports_a_refused_connection),
		ending_test(get_prints_its_usage_for_wrong_arguments),
	};
	return run_tests(tests);
}
