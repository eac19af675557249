/* reaching.h describes the functions. */
#include "tests/support/reaching.h"

#include <stdio.h>

struct socle_factory *server;
char where[SOCLE_ADDR_TEXT_MAX];

void
serve(void)
{
	struct socle_addr a;

	server = make((struct socle_factory_params){
		.bind_address = "127.0.0.1", .bind_port = "0"});
	assert_int_equal(0, socle_factory_getsockname(server, &a));
	assert_true(socle_addr_format(&a, where, sizeof(where)) > 0);
}

void
refuse_connections(void)
{
	int port, fd = refusing(AF_INET, &port);

	close(fd);
	snprintf(where, sizeof(where), "127.0.0.1:%d", port);
}

void
hang_connections(void)
{
	snprintf(where, sizeof(where), "127.0.0.1:%d", full_listener(AF_INET));
}

struct probe *
reach_at(const char *at, double timeout)
{
	struct socle_socket *s = NULL;

	assert_int_equal(0, socle_connect(at, &probe_class, timeout, &s));
	assert_non_null(s);
	assert_notes("");
	return probe_of(s);
}

struct probe *
reach(void)
{
	return reach_at(where, 0);
}

void
turn_until_gone(struct probe *p)
{
	static bool gone;

	gone = false;
	p->destroyed = &gone;
	turn_until(&gone);
}

int
reached(void)
{
	turn_until_count(&recorded.successes, 1);
	return recorded.fds[0];
}

void
assert_gets(int fd, const char *text)
{
	char buf[256];
	size_t n = 0;

	for (int i = 0; i < 100 && n < strlen(text); i++) {
		ssize_t got = drain_fd(fd, buf + n, sizeof(buf) - n);

		n += got > 0 ? (size_t)got : 0;
		turn(1);
	}
	buf[n] = '\0';
	assert_string_equal(text, buf);
}
