/* The TLS example, with the clients that are installed. */
/* backends: all */
#include "tests/support/certificate.h"
#include "tests/support/program.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

enum { LARGE = 8 << 20, PATIENCE_MS = 30 * 1000 };

static char folder[] = "/tmp/socle-tls-XXXXXX";
static char pem[64]; /* a key and its certificate; "" if there are none */
static char file[64];
static char sent[LARGE], received[LARGE + 1];

/* ---- the client, a program ---- */

static struct {
	pid_t pid;
	int in, out; /* its standard input and output */
} client;

static void
client_become(const char *command, int in, int out)
{
	int null = open("/dev/null", O_WRONLY);

	dup2(in, STDIN_FILENO);
	dup2(out, STDOUT_FILENO);
	dup2(null, STDERR_FILENO);
	alarm(0);
	execl("/bin/sh", "sh", "-c", command, (char *)NULL);
	_exit(127);
}

/* A command for sh, in which PORT stands for the server's port. */
static void
client_start(const char *format)
{
	char command[512], *at;
	int in[2], out[2];

	at = strstr(format, "PORT");
	assert_non_null(at);
	snprintf(command, sizeof(command), "exec %.*s%d%s", (int)(at - format),
		format, program_port(), at + 4);
	assert_int_equal(0, pipe(in));
	assert_int_equal(0, pipe(out));
	fcntl(in[1], F_SETFD, FD_CLOEXEC);
	fcntl(out[0], F_SETFD, FD_CLOEXEC);
	client.pid = fork();
	if (client.pid == 0)
		client_become(command, in[0], out[1]);
	close(in[0]);
	close(out[1]);
	client.in = in[1];
	client.out = out[0];
	fcntl(client.in, F_SETFL, O_NONBLOCK);
}

/* The status with which the client ends. */
static int
client_status(void)
{
	int status;

	close(client.in);
	close(client.out);
	assert_int_equal(client.pid, waitpid(client.pid, &status, 0));
	client.pid = 0;
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void
client_end(int expected)
{
	assert_int_equal(expected, client_status());
}

static void
client_kill(void)
{
	kill(client.pid, SIGKILL);
	waitpid(client.pid, NULL, 0);
	client.pid = 0;
	close(client.in);
	close(client.out);
}

static int
teardown(void **state)
{
	if (client.pid > 0)
		client_kill();
	return program_teardown(state);
}

#define tls_test(name)                                                         \
	cmocka_unit_test_setup_teardown(name, fixture_setup, teardown)

/* Writes until the client takes nothing for a while, but at most this much. */
static size_t
write_until_blocked(size_t most)
{
	struct pollfd p = {.fd = client.in, .events = POLLOUT};
	size_t at = 0;

	while (at < most && poll(&p, 1, 500) == 1) {
		size_t from = at % LARGE;
		ssize_t n = write(client.in, sent + from, LARGE - from);

		assert_true(n > 0 || errno == EAGAIN);
		at += n > 0 ? (size_t)n : 0;
	}
	return at;
}

/*
 * Writes the rest of `sent', and reads as much as that; false: the client ended
 * before.
 */
static bool
has_exchanged(size_t at)
{
	size_t got = 0;

	while (got < LARGE) {
		struct pollfd p[] = {{.fd = client.out, .events = POLLIN},
			{.fd = at < LARGE ? client.in : -1, .events = POLLOUT}};
		ssize_t n = 0;

		assert_true(poll(p, 2, PATIENCE_MS) > 0);
		if (p[0].revents) {
			n = read(client.out, received + got, LARGE - got);
			if (n <= 0)
				return false;
			got += (size_t)n;
		}
		if (p[1].revents) {
			n = write(client.in, sent + at, LARGE - at);
			if (n < 0 && errno == EPIPE)
				return false;
			assert_true(n > 0 || errno == EAGAIN);
			at += n > 0 ? (size_t)n : 0;
		}
	}
	assert_memory_equal(sent, received, LARGE);
	return true;
}

static void
exchange(size_t at)
{
	assert_true(has_exchanged(at));
}

static void
assert_client_reads_the_end(void)
{
	struct pollfd p = {.fd = client.out, .events = POLLIN};
	char c;

	assert_int_equal(1, poll(&p, 1, PATIENCE_MS));
	assert_int_equal(0, read(client.out, &c, 1));
}

/* A handler, which exec(2) resets: the programs get the signal. */
static void
ignore_sigpipe(int signo)
{
	(void)signo;
}

/* ---- requirements ---- */

/* One key for all tests: making one takes a while. */
static void
make_files(void)
{
	FILE *f;

	pattern_fill(sent, sizeof(sent), 0, 5);
	if (!mkdtemp(folder))
		exit(1);
	snprintf(file, sizeof(file), "%s/file", folder);
	f = fopen(file, "w");
	if (!f || fwrite(sent, 1, LARGE, f) != LARGE || fclose(f) != 0)
		exit(1);
	setenv("FOLDER", folder, 1);
	if (certificate_make(folder))
		snprintf(pem, sizeof(pem), "%s/pem", folder);
}

#define check_tls()                                                            \
	do {                                                                   \
		if (!program_is_built("tls-echo"))                             \
			skip_because("tls-echo is not built: no OpenSSL");     \
		if (!pem[0])                                                   \
			skip_because("openssl cannot make a certificate");     \
	} while (0)

#define serve(option)                                                          \
	do {                                                                   \
		check_tls();                                                   \
		program_start("tls-echo", option, pem);                        \
	} while (0)

#define S_CLIENT "openssl s_client -quiet -connect 127.0.0.1:PORT"

/* ---- the tests ---- */

static void
s_client_gets_back_8_mib_though_it_pauses_reading(void **state)
{
	(void)state;
	serve("--idle=60");
	client_start(S_CLIENT);
	/* the kernel's buffers may hold all of it */
	exchange(write_until_blocked(LARGE));
	client_kill();
	program_stop();
}

/* 64 MiB are more than the kernel's buffers and the queue may hold. */
static void
a_client_that_does_not_read_is_not_read_from(void **state)
{
	enum { MOST = 64 << 20 };

	(void)state;
	serve("--idle=60");
	client_start(S_CLIENT);
	assert_in_range(write_until_blocked(MOST), 1, MOST - 1);
	client_kill();
	program_stop();
}

static void
curl_gets_back_8_mib(void **state)
{
	char command[512];

	(void)state;
	if (system("command -v curl >/dev/null") != 0)
		skip_because("curl is not installed");
	serve("--idle=60");
	/* With this method the echo is a valid HTTP answer. */
	snprintf(command, sizeof(command),
		"curl -sk --limit-rate 64M -X 'HTTP/1.0 200 OK' -H Expect: "
		"--data-binary @%s https://127.0.0.1:PORT/",
		file);
	client_start(command);
	exchange(LARGE);
	assert_client_reads_the_end();
	client_end(0);
	program_stop();
}

/*
 * On a busy machine a client may seem idle while it works: it then gets twice
 * the time, and so on.  What must happen happens once the time suffices.
 */
static void
with_enough_time(bool (*succeeds)(void))
{
	bool done = false;

	for (double idle = 0.1; !done; idle *= 2) {
		char option[32];

		assert_true(idle < 30);
		snprintf(option, sizeof(option), "--idle=%.1f", idle);
		program_start("tls-echo", option, pem);
		client_start(S_CLIENT);
		done = succeeds();
		program_stop();
	}
}

static bool
is_told_goodbye(void)
{
	assert_client_reads_the_end();
	return client_status() == 0; /* without a goodbye it is an error */
}

static void
an_idle_client_gets_a_goodbye(void **state)
{
	(void)state;
	check_tls();
	with_enough_time(is_told_goodbye);
}

static bool
gets_all_and_then_goodbye(void)
{
	if (!has_exchanged(0)) {
		client_kill();
		return false;
	}
	assert_client_reads_the_end();
	client_end(0);
	return true;
}

static void
the_last_bytes_arrive_before_the_goodbye(void **state)
{
	(void)state;
	check_tls();
	with_enough_time(gets_all_and_then_goodbye);
}

static void
stopping_says_goodbye_to_all_clients(void **state)
{
	(void)state;
	serve("--idle=60");
	client_start(S_CLIENT);
	exchange(0); /* the handshake is complete */
	program_ask_to_stop();
	assert_client_reads_the_end();
	client_end(0);
	program_stop();
}

/* Skips s_client's own messages. */
static void
assert_says(const char *text, const char *line)
{
	assert_int_equal(strlen(text), write(client.in, text, strlen(text)));
	do
		assert_int_not_equal(
			0, receive(client.out, received, 1000, "\n"));
	while (strcmp(received, line) != 0);
}

static void
new_keys_in_the_middle_change_nothing(void **state)
{
	(void)state;
	serve("--idle=60");
	client_start("openssl s_client -tls1_3 -connect 127.0.0.1:PORT 2>&1");
	assert_says("one\n", "one\n");
	assert_says("K\n", "KEYUPDATE\n");
	assert_says("two\n", "two\n");
	client_kill();
	program_stop();
}

/* More clients than the server may have fds. */
static void
clients_that_vanish_in_the_handshake_leave_nothing(void **state)
{
	struct rlimit few, limit;

	(void)state;
	assert_int_equal(0, getrlimit(RLIMIT_NOFILE, &limit));
	few = limit;
	few.rlim_cur = 24;
	assert_int_equal(0, setrlimit(RLIMIT_NOFILE, &few));
	serve("--idle=60");
	assert_int_equal(0, setrlimit(RLIMIT_NOFILE, &limit));
	for (size_t i = 0; i < 40; i++) {
		int fd = program_client();

		/* the start of a client's hello */
		send_all(fd, "\x16\x03\x01\x02\x00\x01\x00\x01", i % 8);
		shutdown(fd, SHUT_WR);
		receive(fd, received, sizeof(received), NULL);
		close(fd);
	}
	client_start(S_CLIENT);
	exchange(0);
	client_kill();
	program_stop();
}

static void
a_client_that_does_not_finish_its_handshake_is_closed(void **state)
{
	int fd;

	(void)state;
	serve("--idle=0.1");
	fd = program_client();
	send_all(fd, "\x16\x03\x01", 3);
	/* reset, if it was closed before that arrived */
	assert_int_equal(0, receive(fd, received, sizeof(received), NULL));
	close(fd);
	program_stop();
}

static void
a_client_that_breaks_the_protocol_gets_an_alert(void **state)
{
	int fd;

	(void)state;
	serve("--idle=60");
	fd = program_client();
	/* a handshake that starts with its end */
	send_all(fd, "\x16\x03\x01\x00\x04\x14\x00\x00\x00", 9);
	assert_int_equal(7, receive(fd, received, sizeof(received), NULL));
	assert_int_equal(0x15, received[0]);
	close(fd);
	program_stop();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		tls_test(s_client_gets_back_8_mib_though_it_pauses_reading),
		tls_test(a_client_that_does_not_read_is_not_read_from),
		tls_test(curl_gets_back_8_mib),
		tls_test(an_idle_client_gets_a_goodbye),
		tls_test(the_last_bytes_arrive_before_the_goodbye),
		tls_test(stopping_says_goodbye_to_all_clients),
		tls_test(new_keys_in_the_middle_change_nothing),
		tls_test(clients_that_vanish_in_the_handshake_leave_nothing),
		tls_test(a_client_that_does_not_finish_its_handshake_is_closed),
		tls_test(a_client_that_breaks_the_protocol_gets_an_alert),
	};
	int failed;

	make_files();
	signal(SIGPIPE, ignore_sigpipe);
	failed = run_tests(tests);
	if (system("rm -r $FOLDER") != 0)
		failed++;
	return failed;
}
