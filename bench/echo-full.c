/*
 * The echo server on a loop of its own, with what it takes to serve clients that
 * do not read (a queue for each), to send a --file, and to have --timers.
 */
#include "server.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <time.h>

enum { EVENTS = 1024, CLIENTS = 1024, A_TURN = 1 << 18 };

/* One for each descriptor. */
static struct client {
	char *queue;
	size_t from, until, room;
	off_t at, size; /* the file's part that is not sent */
	bool watches_write;
} clients[CLIENTS];

static struct options opt;
static int epoll, file;
static off_t file_size;

static void
watch(int fd, int op, unsigned events)
{
	struct epoll_event e = {.events = events, .data.fd = fd};

	if (epoll_ctl(epoll, op, fd, &e) < 0)
		die("epoll_ctl");
}

static void
client_open(int fd)
{
	if (fd >= CLIENTS)
		die("too many clients");
	free(clients[fd].queue);
	clients[fd] = (struct client){0};
	watch(fd, EPOLL_CTL_ADD, EPOLLIN);
}

static void
client_append(struct client *c, const char *data, size_t len)
{
	if (c->from == c->until)
		c->from = c->until = 0;
	if (c->until + len > c->room) {
		c->room = (c->room + len) * 2;
		c->queue = realloc(c->queue, c->room);
		if (!c->queue)
			die("realloc");
	}
	memcpy(c->queue + c->until, data, len);
	c->until += len;
}

/* Sends what the kernel takes, of a file no more than one turn's share. */
static void
client_flush(int fd)
{
	struct client *c = &clients[fd];
	bool left;
	ssize_t n = 0;

	if (c->from < c->until) {
		n = write(fd, c->queue + c->from, c->until - c->from);
		c->from += n > 0 ? (size_t)n : 0;
	} else if (c->at < c->size) {
		n = sendfile(fd, file, &c->at, A_TURN);
	}
	if (n < 0 && errno != EAGAIN)
		die("write");
	left = c->from < c->until || c->at < c->size;
	if (left != c->watches_write)
		watch(fd, EPOLL_CTL_MOD, left ? EPOLLIN | EPOLLOUT : EPOLLIN);
	c->watches_write = left;
}

/* False: the connection has ended. */
static bool
client_read(int fd)
{
	struct client *c = &clients[fd];
	char in[READ_SIZE];
	ssize_t n = read(fd, in, sizeof(in)), done = 0;

	if (n <= 0)
		return n < 0 && errno == EAGAIN;
	if (opt.file && in[0] == FILE_REQUEST) {
		c->at = 0;
		c->size = file_size;
		client_flush(fd);
		return true;
	}
	if (c->from == c->until && c->at == c->size) {
		done = write(fd, in, (size_t)n);
		if (done < 0 && errno != EAGAIN)
			die("write");
		done = done < 0 ? 0 : done;
	}
	if (done == n)
		return true;
	client_append(c, in + done, (size_t)(n - done));
	if (!c->watches_write)
		client_flush(fd);
	return true;
}

static void
client_event(int fd, unsigned events)
{
	if (events & EPOLLOUT)
		client_flush(fd);
	if ((events & ~(unsigned)EPOLLOUT) && !client_read(fd))
		close(fd);
}

/* All have one period, so that their order is that of their start. */
static int
fire_timers(void)
{
	static int64_t due;
	static volatile long fired;
	struct timespec t;
	int64_t now;

	clock_gettime(CLOCK_MONOTONIC, &t);
	now = (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
	if (due == 0)
		due = now;
	for (; due <= now; due += 1000000000 / TIMERS)
		fired++;
	return 1; /* ms to the next, rounded up */
}

static void
open_file(void)
{
	struct stat st;

	file = open(opt.file, O_RDONLY | O_CLOEXEC);
	if (file < 0 || fstat(file, &st) < 0)
		die(opt.file);
	file_size = st.st_size;
}

int
main(int argc, char **argv)
{
	static struct epoll_event events[EVENTS];
	int listening, i, n, fd, timeout = -1;

	opt = options(argc, argv);
	if (opt.file)
		open_file();
	epoll = epoll_create1(EPOLL_CLOEXEC);
	listening = listener();
	watch(listening, EPOLL_CTL_ADD, EPOLLIN);
	for (;;) {
		if (opt.timers)
			timeout = fire_timers();
		n = epoll_wait(epoll, events, EVENTS, timeout);
		if (n < 0)
			die("epoll_wait");
		for (i = 0; i < n; i++) {
			fd = events[i].data.fd;
			if (fd != listening)
				client_event(fd, events[i].events);
			else if ((fd = accept4(listening, NULL, NULL,
					  SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0)
				client_open(fd);
		}
	}
}
