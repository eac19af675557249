/*
 * The real kernel under the names of tests/sim/sim.h, for the same random
 * programs.  Nothing goes wrong on it that the programs do not cause, but what
 * it answers is not what somebody thought that it answers.  Time is virtual.
 */
#include "tests/model/real/libc.h"

#undef send

#include "tests/sim/sim.h"
#include "tests/support/faults.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

enum { FDS = 1024 };

struct sim_counts sim_counts;
bool (*sim_idle)(void);
void (*sim_sleeps)(int64_t ns); /* not called */

static uint64_t random_state;
static uint64_t taken[FDS], tried[FDS];
static long blocks_before;
static int64_t passed; /* by sim_pass() */

/* ---- what is sent is counted by fd ---- */

static struct socle__seam below;

static ssize_t
count_taken(int fd, ssize_t n)
{
	if (fd < FDS) {
		taken[fd] += n > 0 ? (uint64_t)n : 0;
		tried[fd]++;
		sim_counts.tried++;
	}
	return n;
}

static ssize_t
counted_write(int fd, const void *p, size_t n)
{
	return count_taken(fd, below.write(fd, p, n));
}

static ssize_t
counted_writev(int fd, const struct iovec *v, int n)
{
	return count_taken(fd, below.writev(fd, v, n));
}

static ssize_t
counted_send(int fd, const void *p, size_t n, int flags)
{
	return count_taken(fd, below.send(fd, p, n, flags));
}

static ssize_t
counted_sendmsg(int fd, const struct msghdr *m, int flags)
{
	return count_taken(fd, below.sendmsg(fd, m, flags));
}

static ssize_t
counted_sendfile(int to, int from, off_t *at, size_t n)
{
	return count_taken(to, below.sendfile(to, from, at, n));
}

ssize_t
counted_send_of(int fd, const void *p, size_t n, int flags)
{
	return count_taken(fd, send(fd, p, n, flags));
}

/* After the calls of other kernels, which are put there before main(). */
static void
seam_put(void)
{
	if (below.write)
		return;
	below = socle__seam;
	socle__seam.write = counted_write;
	socle__seam.writev = counted_writev;
	socle__seam.send = counted_send;
	socle__seam.sendmsg = counted_sendmsg;
	socle__seam.sendfile = counted_sendfile;
}

/* ---- the run ---- */

void
sim_begin(uint64_t seed, unsigned troubles)
{
	(void)troubles;
	seam_put();
	seam_reset();
	seam_time_virtual();
	random_state = seed;
	blocks_before = seam_live_blocks();
	passed = 0;
}

void
sim_calm(void)
{
}

/* TCP may hold a small segment back for a moment. */
bool
sim_rest(void)
{
	return poll(NULL, 0, 20) == 0;
}

uint64_t
sim_choose(uint64_t n)
{
	random_state =
		random_state * 6364136223846793005u + 1442695040888963407u;
	return n < 2 ? 0 : (random_state >> 33) % n;
}

int64_t
sim_now(void)
{
	return (int64_t)(seam_time() * 1e9);
}

int64_t
sim_awake(void)
{
	return sim_now() - passed;
}

void
sim_pass(int64_t ns)
{
	seam_time_add((double)ns / 1e9);
	passed += ns;
}

void
sim_outside_begin(void)
{
}

void
sim_outside_end(void)
{
}

void
sim_give(int fd)
{
	(void)fd;
}

void
sim_take(int fd)
{
	(void)fd;
}

void
sim_forked(void)
{
}

void
sim_fork_continued(void)
{
}

bool
sim_child_is_alone(void)
{
	return false;
}

void
sim_signal(int signo)
{
	raise(signo);
}

/* ---- what the kernel knows ---- */

uint64_t
sim_taken(int fd)
{
	return fd >= 0 && fd < FDS ? taken[fd] : 0;
}

uint64_t
sim_tried(int fd)
{
	return fd >= 0 && fd < FDS ? tried[fd] : 0;
}

size_t
sim_unread(int fd)
{
	int n = 0;

	return ioctl(fd, FIONREAD, &n) < 0 ? 0 : (size_t)n;
}

unsigned
sim_state(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN | POLLOUT};

	return poll(&p, 1, 0) > 0 ? (unsigned)p.revents : 0;
}

bool
sim_has_room(int fd)
{
	return sim_state(fd) & POLLOUT;
}

int
sim_writer(int fd)
{
	char path[40];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
}

bool
sim_closed_unasked(void)
{
	return false; /* not known */
}

int
sim_open_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = -3; /* the directory's, "." and ".." */

	while (dir && readdir(dir))
		n++;
	if (dir)
		closedir(dir);
	return n;
}

long
sim_blocks(void)
{
	return seam_live_blocks() - blocks_before;
}

/* ---- what the programs use ---- */

static int
non_blocking(int fd)
{
	(void)fcntl(fd, F_SETFL, O_NONBLOCK);
	return fd;
}

int
sim_client(int port)
{
	struct sockaddr_in in = {.sin_family = AF_INET,
		.sin_port = htons((in_port_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	if (fd < 0)
		return -1;
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (connect(non_blocking(fd), (struct sockaddr *)&in, sizeof(in)) ==
			0 ||
		errno == EINPROGRESS)
		return fd;
	close(fd);
	return -1;
}

/* A connection over loopback. */
static bool
tcp_pair(int fds[2])
{
	struct sockaddr_in in = {.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(in);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	fds[0] = fds[1] = -1;
	if (bind(listener, (struct sockaddr *)&in, len) == 0 &&
		listen(listener, 1) == 0 &&
		getsockname(listener, (struct sockaddr *)&in, &len) == 0)
		fds[0] = sim_client(ntohs(in.sin_port));
	if (fds[0] >= 0)
		fds[1] = accept4(
			listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	close(listener);
	return fds[1] >= 0;
}

bool
sim_stream_pair(bool is_tcp, int fds[2])
{
	int size = 4096;

	if (is_tcp ? !tcp_pair(fds)
		   : socketpair(AF_UNIX,
			     SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0,
			     fds) < 0)
		return false;
	/* TCP waits long for a small receive buffer. */
	for (int i = 0; i < 2; i++)
		(void)setsockopt(
			fds[i], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	return true;
}

void
sim_reset(int fd)
{
	struct linger at_once = {.l_onoff = 1};

	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	close(fd);
}

int
sim_file(size_t size, unsigned seed, uint64_t base)
{
	int fd = memfd_create("model", MFD_CLOEXEC);
	uint8_t some[256];

	for (size_t at = 0; fd >= 0 && at < size; at += sizeof(some)) {
		size_t n = size - at < sizeof(some) ? size - at : sizeof(some);

		for (size_t i = 0; i < n; i++)
			some[i] = sim_byte(seed, base + at + i);
		if (pwrite(fd, some, n, (off_t)at) != (ssize_t)n)
			abort();
	}
	return fd;
}

void
sim_file_resize(int fd, size_t size)
{
	if (ftruncate(fd, (off_t)size) < 0)
		abort();
}
