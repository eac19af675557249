/*
 * The common part of the servers that are compared: arguments, listener, first
 * line of output and, for those that read and write by themselves, the echo.
 */
#ifndef BENCH_SERVER_H
#define BENCH_SERVER_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { READ_SIZE = 16384, BACKLOG = 4096 };
enum { TIMERS = 10000 };     /* --timers: each fires every second */
enum { FILE_REQUEST = 'F' }; /* first byte of a request for the --file */

struct options {
	size_t message;      /* --message=N: each N bytes get their answer */
	double timeout;      /* --timeout=S: idle connections are closed */
	bool queue;          /* --queue: answers by uv_write() (libuv) */
	int levels;          /* --levels=N: that many classes deep (socle) */
	const char *profile; /* --profile=wall or cpu (socle) */
	bool timers;         /* --timers: TIMERS of them, evenly spread */
	const char *file;    /* --file=PATH: sent to clients that request it */
};

static inline struct options
options(int argc, char **argv)
{
	struct options o = {.levels = 1};
	int i;

	for (i = 1; i < argc; i++) {
		if (strncmp(argv[i], "--message=", 10) == 0) {
			o.message = strtoul(argv[i] + 10, NULL, 10);
		} else if (strncmp(argv[i], "--timeout=", 10) == 0) {
			o.timeout = strtod(argv[i] + 10, NULL);
		} else if (strcmp(argv[i], "--queue") == 0) {
			o.queue = true;
		} else if (strncmp(argv[i], "--levels=", 9) == 0) {
			o.levels = (int)strtol(argv[i] + 9, NULL, 10);
		} else if (strncmp(argv[i], "--profile=", 10) == 0) {
			o.profile = argv[i] + 10;
		} else if (strcmp(argv[i], "--timers") == 0) {
			o.timers = true;
		} else if (strncmp(argv[i], "--file=", 7) == 0) {
			o.file = argv[i] + 7;
		} else {
			fprintf(stderr, "%s: what is %s?\n", argv[0], argv[i]);
			exit(2);
		}
	}
	return o;
}

static inline void
die(const char *what)
{
	perror(what);
	exit(1);
}

/* The load generator waits for this line. */
static inline void
ready(int port)
{
	printf("%d %ld\n", port, (long)getpid());
	fflush(stdout);
}

/* A TCP listener on a port of the kernel's choice; clients inherit NODELAY. */
static inline int
listener(void)
{
	struct sockaddr_in here = {.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(here);
	struct sockaddr *addr = (struct sockaddr *)&here;
	int on = 1;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, addr, len) < 0 || listen(fd, BACKLOG) < 0 ||
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) < 0 ||
		getsockname(fd, addr, &len) < 0)
		die("listener");
	ready(ntohs(here.sin_port));
	return fd;
}

/*
 * One read, one write.  Where each message has its own answer, the answers are
 * gathered by hand, as the author of a bare loop would do.  There is no queue: a
 * partial write aborts the run, so that it cannot spoil the result unnoticed.
 * False: the connection has ended.
 */
static inline bool
echo(int fd, size_t message)
{
	static char out[READ_SIZE];
	char in[READ_SIZE];
	const char *from = in;
	ssize_t n = read(fd, in, sizeof(in));
	size_t i;

	if (n <= 0)
		return n < 0 && errno == EAGAIN;
	if (message > 0) {
		for (i = 0; i + message <= (size_t)n; i += message)
			memcpy(out + i, in + i, message);
		memcpy(out + i, in + i, (size_t)n - i);
		from = out;
	}
	if (write(fd, from, (size_t)n) != n)
		die("write");
	return true;
}

#endif
