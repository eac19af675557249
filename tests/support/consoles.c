/* consoles.h describes the functions. */
#include "tests/support/consoles.h"

#include "daemon/console_state.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>

enum { TICKS = 20000, IDLE_TICKS = 100 };

struct socle_addr console_addr;
char said[1 << 21];
static size_t len;

int
console_client(void)
{
	int fd = socket(console_addr.u.sa.sa_family, SOCK_STREAM, 0);

	assert_true(fd >= 0);
	assert_int_equal(0, connect(fd, &console_addr.u.sa, console_addr.len));
	return fd;
}

int
console_start_at(const char *where)
{
	struct socle__console_state *st;

	len = 0;
	assert_int_equal(0, socle_console_listen(where));
	st = socle__console();
	assert_int_equal(0,
		socle_factory_getsockname(
			st->listeners[st->n_listeners - 1], &console_addr));
	return console_client();
}

int
console_start(void)
{
	return console_start_at("127.0.0.1:0");
}

/*
 * Whether the stream goes on.  On a busy machine the kernel delivers what was sent
 * some time later, so after many ticks without anything this waits for it.
 */
static bool
receive_more(int fd)
{
	struct pollfd more = {.fd = fd, .events = POLLIN};
	static int idle;
	ssize_t n;

	turn(1);
	n = drain_fd(fd, said + len, sizeof(said) - 1 - len);
	idle = n == 0 ? idle + 1 : 0;
	if (idle > IDLE_TICKS)
		(void)poll(&more, 1, 1);
	if (n < 0)
		return false;
	len += (size_t)n;
	said[len] = '\0';
	return true;
}

static bool
ends_with(const char *end)
{
	size_t n = strlen(end);

	return len >= n && memcmp(said + len - n, end, n) == 0;
}

/* The last line of an answer. */
static bool
is_whole(void)
{
	const char *last = said;

	if (!ends_with("\r\n"))
		return false;
	for (size_t i = 0; i + 2 < len; i++)
		if (said[i] == '\n')
			last = said + i + 1;
	return strcmp(last, ".\r\n") == 0 || strcmp(last, "OK\r\n") == 0 ||
		strncmp(last, "ERROR: ", 7) == 0;
}

static void
start(int fd, const char *text)
{
	len = 0;
	said[0] = '\0';
	send_all(fd, text, strlen(text));
}

const char *
console_ask(int fd, const char *command)
{
	char line[8192];

	snprintf(line, sizeof(line), "%s\n", command);
	start(fd, line);
	for (int i = 0; i < TICKS && !is_whole(); i++)
		assert_true(receive_more(fd));
	assert_true(is_whole());
	return said;
}

const char *
console_send(int fd, const char *text)
{
	int i;

	start(fd, text);
	for (i = 0; i < TICKS && receive_more(fd); i++)
		;
	assert_in_range(i, 0, TICKS - 1);
	return said;
}

const char *
console_wait(int fd, const char *end)
{
	for (int i = 0; i < TICKS && !ends_with(end); i++)
		assert_true(receive_more(fd));
	assert_true(ends_with(end));
	return said;
}

void
assert_answer(int fd, const char *command, const char *expected)
{
	char text[4096];
	size_t n = 0;

	for (; *expected; expected++) {
		if (*expected == '\n')
			text[n++] = '\r';
		text[n++] = *expected;
	}
	text[n] = '\0';
	assert_string_equal(text, console_ask(fd, command));
}
