/*
 * A file sent to a client, TIMES times, by one of
 *
 *	sendfile  a bare loop of sendfile(2)
 *	read      read(2) and write(2), 64 KiB at a time
 *	mmap      mmap(2) and write(2)
 *	socle     socle_sendfile()
 *
 *	files MODE FILE TIMES
 *
 * Prints the GB sent per second of the sender's CPU time.  The client is a process
 * on another processor and discards its input.
 */
#include "server.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <socle/socle.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

enum { PIECE = 65536, SINK = 1 << 20 };

static int file, times;
static size_t size;

static void
pin(bool last)
{
	cpu_set_t set, mine;
	int i, cpu = -1;

	sched_getaffinity(0, sizeof(set), &set);
	for (i = 0; i < CPU_SETSIZE; i++) {
		if (CPU_ISSET((unsigned)i, &set) && (cpu < 0 || last))
			cpu = i;
	}
	CPU_ZERO(&mine);
	CPU_SET((unsigned)cpu, &mine);
	sched_setaffinity(0, sizeof(mine), &mine);
}

/* A connected pair over TCP; the child has one end, and stays in here. */
static int
client(void)
{
	struct sockaddr_in addr = {.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(addr);
	struct sockaddr *at = (struct sockaddr *)&addr;
	int l = socket(AF_INET, SOCK_STREAM, 0);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	static char sink[SINK];
	int from;

	if (l < 0 || fd < 0 || bind(l, at, len) < 0 || listen(l, 1) < 0 ||
		getsockname(l, at, &len) < 0 || connect(fd, at, len) < 0 ||
		(from = accept(l, NULL, NULL)) < 0)
		die("socket");
	if (fork() == 0) {
		close(fd);
		pin(true);
		while (recv(from, sink, sizeof(sink), MSG_TRUNC) > 0)
			;
		_exit(0);
	}
	close(l);
	close(from);
	pin(false);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	return fd;
}

/* ---- bare ---- */

static void
wait_for_room(int fd, ssize_t n)
{
	struct pollfd p = {.fd = fd, .events = POLLOUT};

	if (n < 0 && errno != EAGAIN)
		die("send");
	if (n < 0)
		poll(&p, 1, -1);
}

static void
by_sendfile(int fd)
{
	off_t at = 0;

	while ((size_t)at < size)
		wait_for_room(fd, sendfile(fd, file, &at, size - (size_t)at));
}

static void
write_all(int fd, const char *data, size_t len)
{
	size_t i = 0;
	ssize_t n;

	while (i < len) {
		n = write(fd, data + i, len - i);
		wait_for_room(fd, n);
		i += n > 0 ? (size_t)n : 0;
	}
}

static void
by_read(int fd)
{
	static char data[PIECE];
	ssize_t n;
	off_t at;

	for (at = 0; (size_t)at < size; at += n) {
		n = pread(file, data, sizeof(data), at);
		if (n <= 0)
			die("read");
		write_all(fd, data, (size_t)n);
	}
}

static void
by_mmap(int fd)
{
	char *data = mmap(NULL, size, PROT_READ, MAP_SHARED, file, 0);

	if (data == MAP_FAILED)
		die("mmap");
	write_all(fd, data, size);
	munmap(data, size);
}

/* ---- socle ---- */

static void
sent(struct socle_socket *s, const struct socle_sent *how, void *arg)
{
	(void)arg;
	if (how->err < 0 || --times == 0)
		socle_stop();
	else
		socle_sendfile(s,
			&(struct socle_sendfile){.fd = file,
				.length = (int64_t)size,
				.done = sent});
	if (how->err < 0)
		fprintf(stderr, "files: %s\n", strerror(-how->err));
}

static void
by_socle(int fd)
{
	struct socle_socket *s;
	int err = socle_socket_new(&socle_socket_class, fd, &s);

	if (err == 0)
		err = socle_sendfile(s,
			&(struct socle_sendfile){.fd = file,
				.length = (int64_t)size,
				.done = sent});
	if (err < 0 || socle_event_loop() < 0 || times > 0)
		exit(1);
}

int
main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*send)(int fd);
	} modes[] = {{"sendfile", by_sendfile}, {"read", by_read},
		{"mmap", by_mmap}, {"socle", by_socle}};
	double gb, from;
	struct stat st;
	size_t i;
	int fd;

	if (argc != 4 || (file = open(argv[2], O_RDONLY)) < 0 ||
		fstat(file, &st) < 0)
		die("usage: files MODE FILE TIMES");
	size = (size_t)st.st_size;
	times = (int)strtol(argv[3], NULL, 10);
	gb = (double)size * times / 1e9;
	for (i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		if (strcmp(argv[1], modes[i].name) != 0)
			continue;
		fd = client();
		from = (double)clock();
		while (times > 0) {
			modes[i].send(fd);
			times -= modes[i].send != by_socle;
		}
		printf("gb %.4f\n",
			gb * CLOCKS_PER_SEC / ((double)clock() - from));
		return 0;
	}
	return 2;
}
