/* hello.h describes the functions. */
#include "tests/support/hello.h"

#include <stdio.h>

/* More clients than chance needs to reach every process or thread. */
enum { CLIENTS_MOST = 10000 };

void
hello_begin(int fd)
{
	static const char request[] = "GET / HTTP/1.1\r\nHost: x\r\n\r";

	send_all(fd, request, sizeof(request) - 1);
}

void
hello_end(int fd)
{
	send_all(fd, "\n", 1);
}

const char *
hello_answer(int fd)
{
	static char text[HELLO_TEXT];
	char head[512];

	if (receive(fd, head, sizeof(head), "\r\n\r\n") == 0)
		return "";
	assert_memory_equal("HTTP/1.1 200 OK\r\n", head, 17);
	(void)receive(fd, text, sizeof(text), "\n");
	text[strcspn(text, "\n")] = '\0';
	return text;
}

const char *
hello_ask(void)
{
	int fd = program_client();
	const char *text;

	hello_begin(fd);
	hello_end(fd);
	text = hello_answer(fd);
	close(fd);
	return text;
}

static bool
is_among(const char *text, char texts[][HELLO_TEXT], int n)
{
	for (int i = 0; i < n; i++)
		if (strcmp(text, texts[i]) == 0)
			return true;
	return false;
}

void
hello_collect(
	char known[][HELLO_TEXT], int n_known, char ret[][HELLO_TEXT], int n)
{
	int found = 0;

	for (int i = 0; i < CLIENTS_MOST && found < n; i++) {
		const char *text = hello_ask();

		if (!is_among(text, known, n_known) &&
			!is_among(text, ret, found))
			snprintf(ret[found++], HELLO_TEXT, "%s", text);
	}
	assert_int_equal(n, found);
}
