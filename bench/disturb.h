/*
 * Another client of a server, from which the latencies of the others may suffer:
 * one that reads nothing, or one that is sent a file.
 */
#ifndef BENCH_DISTURB_H
#define BENCH_DISTURB_H

#include "driver.h"

#include <fcntl.h>
#include <sys/stat.h>

enum { NS_PER_MS = 1000000, QUIET_PER_MS = 16384, FILL = 8 << 20 };
enum { A_READ = 65536 };

static struct {
	int fd;
	int64_t sent_until; /* quiet: ns */
	int64_t size, left; /* file: bytes */
	double got;
} other = {.fd = -1};

static inline int64_t
now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static inline int
open_other(void)
{
	struct client c;

	client_open(&c);
	if (fcntl(c.fd, F_SETFL, O_NONBLOCK) < 0)
		die("fcntl");
	return c.fd;
}

static inline void
quiet_send(size_t len)
{
	ssize_t n;

	while (len > 0) {
		n = send(other.fd, out, len < sizeof(out) ? len : sizeof(out),
			MSG_NOSIGNAL);
		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0)
			die("send");
		len -= (size_t)n;
	}
}

/* First what the kernel holds; from then on it is the server that does. */
static inline void
quiet_open(void)
{
	const struct timespec ms = {.tv_nsec = NS_PER_MS};
	size_t sent;

	other.fd = open_other();
	for (sent = 0; sent < FILL; sent += QUIET_PER_MS) {
		quiet_send(QUIET_PER_MS);
		nanosleep(&ms, NULL);
	}
	other.sent_until = now_ns();
}

static inline void
quiet_turn(void)
{
	for (; other.sent_until < now_ns(); other.sent_until += NS_PER_MS)
		quiet_send(QUIET_PER_MS);
}

static inline void
file_request(void)
{
	char request[64] = {FILE_REQUEST};

	other.left = other.size;
	if (send(other.fd, request, sizeof(request), MSG_NOSIGNAL) !=
		(ssize_t)sizeof(request))
		die("send");
}

static inline void
file_open(const char *file)
{
	struct stat st;

	if (stat(file, &st) < 0 || st.st_size == 0)
		die(file);
	other.size = st.st_size;
	other.fd = open_other();
	file_request();
}

/* Discards without copying. */
static inline void
file_turn(void)
{
	ssize_t n = recv(other.fd, in, A_READ, MSG_TRUNC);

	if (n == 0 || (n < 0 && errno != EAGAIN))
		die("recv");
	if (n < 0)
		return;
	other.got += (double)n;
	other.left -= n;
	if (other.left == 0)
		file_request();
}

#endif
