/* client.h describes the functions. */
#include "client.h"
#include "case.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PER_ADDRESS = 4096, ADDRESSES = 250 };

static struct sockaddr_in
own_address(void)
{
	static uint32_t opened;
	struct sockaddr_in a = {.sin_family = AF_INET};

	if (opened == 0)
		opened = (uint32_t)getpid() % ADDRESSES * PER_ADDRESS;
	a.sin_addr.s_addr = htonl(
		INADDR_LOOPBACK + 256 + opened++ / PER_ADDRESS % ADDRESSES);
	return a;
}

static int
connect_with(int port, int buffer)
{
	struct sockaddr_in from = own_address();
	struct sockaddr_in to = {.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons((uint16_t)port)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	if (fd < 0)
		fail_case("socket: %s", strerror(errno));
	must(setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on,
		     sizeof(on)) == 0);
	must(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == 0);
	must(!buffer ||
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer,
			sizeof(buffer)) == 0);
	must(bind(fd, (struct sockaddr *)&from, sizeof(from)) == 0);
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0)
		fail_case("connect: %s", strerror(errno));
	return fd;
}

int
client_connect(int port)
{
	return connect_with(port, 0);
}

int
client_connect_small(int port, int buffer)
{
	return connect_with(port, buffer);
}

void
client_send(int fd, const void *data, size_t len)
{
	ssize_t n = send(fd, data, len, MSG_NOSIGNAL);

	if (n != (ssize_t)len)
		fail_case("send: %zd of %zu: %s", n, len, strerror(errno));
}

void
client_expect(int fd, const void *data, size_t len)
{
	unsigned char got[65536];
	ssize_t n;

	must(len <= sizeof(got));
	n = recv(fd, got, len, MSG_WAITALL);
	if (n != (ssize_t)len)
		fail_case("recv: %zd of %zu: %s", n, len,
			n < 0 ? strerror(errno) : "end of stream");
	must(memcmp(got, data, len) == 0);
}

void
client_echo(int fd, const void *data, size_t len)
{
	client_send(fd, data, len);
	client_expect(fd, data, len);
}

bool
client_ends(int fd, size_t *received)
{
	unsigned char got[65536];
	ssize_t n;

	while ((n = recv(fd, got, sizeof(got), 0)) > 0) {
		if (received)
			*received += (size_t)n;
	}
	return n == 0;
}

void
client_drain(int fd)
{
	must(client_ends(fd, NULL));
}

void
client_reset(int fd)
{
	struct linger hard = {.l_onoff = 1};

	must(setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard)) == 0);
	close(fd);
}

bool
client_readable(int fd, int ms)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, ms) == 1;
}

unsigned char
pattern(size_t offset)
{
	return (unsigned char)((uint32_t)offset * 2654435761u >> 24);
}

void
pattern_fill(unsigned char *data, size_t offset, size_t len)
{
	for (size_t i = 0; i < len; i++)
		data[i] = pattern(offset + i);
}

bool
pattern_holds(const unsigned char *data, size_t offset, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (data[i] != pattern(offset + i))
			return false;
	}
	return true;
}
