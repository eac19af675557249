/* --console, which every server takes. */
/* backends: all */
#include "tests/support/program.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

static char path[64];

/* Tries until the server, which is about to listen, does. */
static int
console_client(void)
{
	struct socle_addr a;
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	assert_true(fd >= 0);
	assert_int_equal(0, socle_addr_parse(&a, path, 0));
	for (int i = 0; i < 3000 && connect(fd, &a.u.sa, a.len) < 0; i++)
		usleep(10000);
	return fd;
}

static void
assert_has_a_console(const char *name, const char *const *more)
{
	const char *arguments[8] = {NULL};
	char option[96], text[4096];
	int fd, other, n = 0;

	snprintf(path, sizeof(path), "/tmp/test_console.%ld", (long)getpid());
	snprintf(option, sizeof(option), "--console=unix:%s", path);
	arguments[n++] = option;
	while (*more)
		arguments[n++] = *more++;
	program_start_with(name, arguments);
	fd = console_client();
	send_all(fd, "uptime\nquit\n", 12);
	receive(fd, text, sizeof(text), NULL);
	assert_memory_equal("starttime ", text, 10);
	assert_non_null(strstr(text, "\r\nversion " SOCLE_VERSION "\r\n.\r\n"));
	close(fd);
	/* A server that drains must not take this one for a client of its own. */
	other = console_client();
	send_all(other, "socks\n", 6);
	receive(other, text, sizeof(text), "\r\n.\r\n");
	assert_non_null(strstr(text, " Console(R): open to unix\r\n"));
	program_stop();
	close(other);
	assert_int_not_equal(0, access(path, F_OK));
}

#define ARGUMENTS(...)                                                         \
	(const char *const[])                                                  \
	{                                                                      \
		__VA_ARGS__, NULL                                              \
	}

static void
every_server_has_a_console(void **state)
{
	(void)state;
	assert_has_a_console(
		"httpd", ARGUMENTS("--listen=127.0.0.1:0", "--root=docs"));
	assert_has_a_console(
		"memcached", ARGUMENTS("--listen=127.0.0.1:0", "--memory=1"));
	assert_has_a_console("ddlockd", ARGUMENTS("--port=0"));
	assert_has_a_console(
		"proxy", ARGUMENTS("--listen=127.0.0.1:0", "--to=127.0.0.1:1"));
	assert_has_a_console("dnsd",
		ARGUMENTS("--listen=127.0.0.1:0", "--zone=lan",
			"--hosts=/dev/null"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		program_test(every_server_has_a_console),
	};
	return run_tests(tests);
}
