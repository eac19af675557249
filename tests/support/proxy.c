/* proxy.h describes the functions. */
#include "tests/support/proxy.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>

enum { PATIENCE_MS = 30 * 1000 };

static int listeners[BACKENDS] = {-1, -1};
static int ports[BACKENDS];

/* The program must not inherit it, and its port can be bound again at once. */
static void
backend_listens(int i, int fd)
{
	int on = 1;

	assert_int_not_equal(-1, fcntl(fd, F_SETFD, FD_CLOEXEC));
	assert_int_equal(
		0, setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)));
	listeners[i] = fd;
}

static void
backend_make(int i)
{
	backend_listens(i, tcp_listener(&ports[i]));
}

static void
start(int backends, const char *option, const char *another)
{
	char to[64];
	int n = snprintf(to, sizeof(to), "--to=127.0.0.1:%d", ports[0]);

	if (backends > 1)
		snprintf(to + n, sizeof(to) - (size_t)n, ",127.0.0.1:%d",
			ports[1]);
	program_start_with("proxy",
		(const char *const[]){"--listen=127.0.0.1:0", to,
			"--check-every=3600", option, option ? another : NULL,
			NULL});
	for (int i = 0; i < backends; i++)
		close(backend_accept(i));
}

void
proxy_start(const char *option, const char *another)
{
	backend_make(0);
	backend_make(1);
	start(2, option, another);
}

void
proxy_start_with_one(const char *option, const char *another)
{
	backend_make(0);
	start(1, option, another);
}

int
backends_accept(int *which)
{
	struct pollfd p[BACKENDS];
	int fd;

	for (int i = 0; i < BACKENDS; i++)
		p[i] = (struct pollfd){.fd = listeners[i], .events = POLLIN};
	assert_true(poll(p, BACKENDS, PATIENCE_MS) > 0);
	*which = p[0].revents ? 0 : 1;
	fd = accept(listeners[*which], NULL, NULL);
	assert_true(fd >= 0);
	return fd;
}

int
backend_accept(int backend)
{
	struct pollfd p = {.fd = listeners[backend], .events = POLLIN};
	int fd;

	assert_int_equal(1, poll(&p, 1, PATIENCE_MS));
	fd = accept(listeners[backend], NULL, NULL);
	assert_true(fd >= 0);
	return fd;
}

void
backend_close(int backend)
{
	if (listeners[backend] >= 0)
		close(listeners[backend]);
	listeners[backend] = -1;
}

void
backend_open(int backend)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
		.sin_port = htons((uint16_t)ports[backend]),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_true(fd >= 0);
	backend_listens(backend, fd);
	assert_int_equal(0, bind(fd, (struct sockaddr *)&a, sizeof(a)));
	assert_int_equal(0, listen(fd, 128));
}

void
backend_stuff(int backend, int fds[STUFFING])
{
	struct sockaddr_in a = {.sin_family = AF_INET,
		.sin_port = htons((uint16_t)ports[backend]),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

	assert_int_equal(0, listen(listeners[backend], 0));
	for (int i = 0; i < STUFFING; i++) {
		fds[i] = socket(AF_INET, SOCK_STREAM, 0);
		assert_true(fds[i] >= 0);
		assert_int_equal(0, fcntl(fds[i], F_SETFL, O_NONBLOCK));
		(void)connect(fds[i], (struct sockaddr *)&a, sizeof(a));
	}
}

struct session
session(void)
{
	struct session s = {.client = program_client()};

	s.backend = backend_accept(0);
	return s;
}

void
session_close(struct session s)
{
	close(s.client);
	close(s.backend);
}

void
proxy_stop(void)
{
	for (int i = 0; i < BACKENDS; i++)
		backend_close(i);
	program_stop();
}

void
proxy_send(int fd, const char *text)
{
	send_all(fd, text, strlen(text));
}

void
assert_comes(int fd, const char *text)
{
	char got[1024];

	assert_true(strlen(text) < sizeof(got));
	receive(fd, got, strlen(text) + 1, NULL);
	assert_string_equal(text, got);
}

void
assert_reset(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	char c;

	assert_int_equal(1, poll(&p, 1, PATIENCE_MS));
	assert_int_equal(-1, read(fd, &c, 1));
	assert_int_equal(ECONNRESET, errno);
}
