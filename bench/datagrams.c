/*
 * A server that sends datagrams back, by the system calls that there are:
 *
 *	datagrams one    recvfrom and sendto, until nothing is left
 *	datagrams mmsg   recvmmsg and sendmmsg, 32 at a time
 *	datagrams gso    recvmsg with UDP_GRO, sendmsg with UDP_SEGMENT
 *
 * and by a socle_dgram: socle-one (as it comes, sent at once), socle-all
 * (receives until nothing is left), socle-batch (32 at a time), socle-gso.
 */
#include "server.h"

#include <netinet/udp.h>
#include <poll.h>
#include <socle/socle.h>

enum { BATCH = 32, ROOM = 65536, SMALL = 2048, RECEIVE = 1 << 20 };

static void
more_room(int fd)
{
	int size = RECEIVE;

	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
}

static int
bound(void)
{
	struct sockaddr_in here = {.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(here);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&here, len) < 0 ||
		getsockname(fd, (struct sockaddr *)&here, &len) < 0)
		die("socket");
	more_room(fd);
	ready(ntohs(here.sin_port));
	return fd;
}

/* ---- bare ---- */

static bool
one(int fd)
{
	static char data[ROOM];
	struct sockaddr_in from;
	socklen_t len = sizeof(from);
	ssize_t n = recvfrom(
		fd, data, sizeof(data), 0, (struct sockaddr *)&from, &len);

	if (n < 0)
		return false;
	sendto(fd, data, (size_t)n, 0, (struct sockaddr *)&from, len);
	return true;
}

static bool
mmsg(int fd)
{
	static char data[BATCH][SMALL];
	static struct sockaddr_in from[BATCH];
	static struct iovec iov[BATCH];
	static struct mmsghdr m[BATCH];
	int i, n;

	for (i = 0; i < BATCH; i++) {
		iov[i].iov_base = data[i];
		iov[i].iov_len = SMALL;
		m[i].msg_hdr = (struct msghdr){.msg_name = &from[i],
			.msg_namelen = sizeof(from[i]),
			.msg_iov = &iov[i],
			.msg_iovlen = 1};
	}
	n = recvmmsg(fd, m, BATCH, 0, NULL);
	for (i = 0; i < n; i++)
		iov[i].iov_len = m[i].msg_len;
	if (n > 0)
		sendmmsg(fd, m, (unsigned)n, 0);
	return n == BATCH;
}

union control {
	struct cmsghdr align;
	char room[CMSG_SPACE(sizeof(int))];
};

/* How long the datagrams are that came as one; 0: it is one. */
static uint16_t
segment(struct msghdr *m)
{
	struct cmsghdr *c;
	int size = 0;

	for (c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		if (c->cmsg_level == SOL_UDP && c->cmsg_type == UDP_GRO)
			memcpy(&size, CMSG_DATA(c), sizeof(size));
	}
	return (uint16_t)size;
}

static bool
gso(int fd)
{
	static char data[ROOM];
	union control control;
	struct sockaddr_in from;
	struct iovec iov = {data, sizeof(data)};
	struct msghdr m = {.msg_name = &from,
		.msg_namelen = sizeof(from),
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control)};
	ssize_t n = recvmsg(fd, &m, 0);
	struct cmsghdr *c;
	uint16_t size;

	if (n < 0)
		return false;
	size = segment(&m);
	iov.iov_len = (size_t)n;
	m.msg_control = size > 0 ? &control : NULL;
	m.msg_controllen = size > 0 ? CMSG_SPACE(sizeof(size)) : 0;
	c = CMSG_FIRSTHDR(&m);
	if (c) {
		c->cmsg_level = SOL_UDP;
		c->cmsg_type = UDP_SEGMENT;
		c->cmsg_len = CMSG_LEN(sizeof(size));
		memcpy(CMSG_DATA(c), &size, sizeof(size));
	}
	sendmsg(fd, &m, 0);
	return true;
}

static int
bare(bool (*turn)(int fd))
{
	struct pollfd p = {.fd = bound(), .events = POLLIN};
	int on = 1;

	if (turn == gso)
		setsockopt(p.fd, SOL_UDP, UDP_GRO, &on, sizeof(on));
	while (poll(&p, 1, -1) >= 0) {
		while (turn(p.fd))
			;
	}
	return 1;
}

/* ---- socle ---- */

static void
answer(struct socle_dgram *self, const struct socle_packet *p)
{
	socle_dgram_reply(self, p, p->data, p->len);
}

static int
by_socle(const struct socle_dgram_params *how)
{
	struct socle_dgram *d;
	int err = socle_dgram_open(
		"127.0.0.1:0", true, &socle_dgram_class, how, &d);

	if (err < 0) {
		fprintf(stderr, "datagrams: %s\n", strerror(-err));
		return 1;
	}
	more_room(socle_fd(&d->sock));
	ready(socle_local_port(&d->sock));
	return socle_event_loop() < 0;
}

int
main(int argc, char **argv)
{
	static const struct {
		const char *name;
		bool (*turn)(int fd);
		struct socle_dgram_params how;
	} modes[] = {
		{.name = "one", .turn = one},
		{.name = "mmsg", .turn = mmsg},
		{.name = "gso", .turn = gso},
		{"socle-one", NULL, {.on_recv = answer, .autoflush = true}},
		{"socle-all", NULL,
			{.on_recv = answer,
				.autoflush = true,
				.recv_all = true}},
		{"socle-batch", NULL, {.on_recv = answer, .recv_batch = BATCH}},
		{"socle-gso", NULL,
			{.on_recv = answer,
				.recv_batch = BATCH,
				.gro = true,
				.gso = true}},
	};
	size_t i;

	for (i = 0; argc == 2 && i < sizeof(modes) / sizeof(modes[0]); i++) {
		if (strcmp(argv[1], modes[i].name) == 0)
			return modes[i].turn ? bare(modes[i].turn)
					     : by_socle(&modes[i].how);
	}
	fprintf(stderr,
		"usage: datagrams one|mmsg|gso|socle-one|socle-all|"
		"socle-batch|socle-gso\n");
	return 2;
}
