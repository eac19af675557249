/* The calls of the simulated kernel that move bytes, for any file. */
#include "tests/sim/private.h"

/* Whether the call fails before it begins: true, and errno. */
static bool
spoiled(enum sim_trouble late, unsigned rarity)
{
	if (sim_trouble(SIM_INTERRUPT, 12)) {
		errno = EINTR;
		return true;
	}
	if (sim_trouble(late, rarity)) {
		errno = late == SIM_SPURIOUS ? EAGAIN : ENOBUFS;
		return true;
	}
	return false;
}

/* ---- reading ---- */

static ssize_t
read_event(struct sim_file *f, void *p, size_t n)
{
	if (n < sizeof(f->value))
		return sim_error(EINVAL);
	if (f->value == 0)
		return sim_error(EAGAIN);
	memcpy(p, &f->value, sizeof(f->value));
	f->value = 0;
	return sizeof(f->value);
}

ssize_t
sim_recvmsg(int fd, struct msghdr *m, int flags)
{
	struct sim_file *f = sim_get(fd);

	sim_call();
	if (!f)
		return -1;
	sim_untouched(f, "recvmsg");
	if (flags & MSG_ERRQUEUE)
		return sim_error(EAGAIN);
	if (spoiled(SIM_SPURIOUS, 20))
		return -1;
	if (f->kind == SIM_DGRAM)
		return sim_dgram_receive(f, m, flags);
	m->msg_namelen = 0;
	m->msg_flags = 0;
	m->msg_controllen = 0;
	return sim_stream_read(
		f, m->msg_iov->iov_base, sim_part(m->msg_iov->iov_len));
}

ssize_t
sim_read(int fd, void *p, size_t n)
{
	struct sim_file *f = sim_get(fd);
	struct iovec v = {.iov_base = p, .iov_len = n};
	struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};

	if (!f || f->kind == SIM_DGRAM)
		return sim_recvmsg(fd, &m, 0);
	sim_call();
	sim_untouched(f, "read");
	switch (f->kind) {
	case SIM_EVENTFD:
		return read_event(f, p, n);
	case SIM_STREAM:
	case SIM_PIPE_READ:
		return spoiled(SIM_SPURIOUS, 20)
			? -1
			: sim_stream_read(f, p, sim_part(n));
	case SIM_NULL:
		return 0;
	case SIM_NONE:
	case SIM_DGRAM:
	case SIM_PIPE_WRITE:
	case SIM_REGULAR:
	case SIM_EPOLL:
		break;
	}
	return sim_error(EBADF);
}

ssize_t
sim_recvfrom(int fd, void *p, size_t n, int flags, struct sockaddr *from,
	socklen_t *len)
{
	struct iovec v = {.iov_base = p, .iov_len = n};
	struct msghdr m = {.msg_iov = &v,
		.msg_iovlen = 1,
		.msg_name = from,
		.msg_namelen = len ? *len : 0};
	ssize_t got = sim_recvmsg(fd, &m, flags);

	if (len)
		*len = m.msg_namelen;
	return got;
}

int
sim_recvmmsg(int fd, struct mmsghdr *m, unsigned n, int flags,
	struct timespec *timeout)
{
	unsigned i;

	(void)timeout;
	for (i = 0; i < n; i++) {
		ssize_t got = sim_recvmsg(fd, &m[i].msg_hdr, flags);

		if (got < 0)
			break;
		m[i].msg_len = (unsigned)got;
	}
	return i > 0 ? (int)i : -1;
}

/* ---- writing ---- */

static ssize_t
write_event(struct sim_file *f, const void *p, size_t n)
{
	uint64_t add = 0;

	memcpy(&add, p, n < sizeof(add) ? n : sizeof(add));
	f->value += add;
	sim_wake(f);
	return (ssize_t)n;
}

static void
tried(struct sim_file *f)
{
	if (sim.outside > 0)
		return;
	f->tried++;
	sim_counts.tried++;
}

static ssize_t
put(struct sim_file *f, const struct iovec *v, size_t n,
	const struct sockaddr *to, socklen_t len, bool signals)
{
	sim_call();
	sim_untouched(f, "write");
	if (v->iov_len > 0)
		tried(f);
	switch (f->kind) {
	case SIM_EVENTFD:
		return write_event(f, v->iov_base, v->iov_len);
	case SIM_STREAM:
	case SIM_PIPE_WRITE:
		return spoiled(SIM_SPURIOUS, 20)
			? -1
			: sim_stream_write(f, v, n, signals);
	case SIM_DGRAM:
		return spoiled(SIM_SPURIOUS, 20)
			? -1
			: sim_dgram_send(f, v, n, to, len);
	case SIM_NULL:
		return (ssize_t)v->iov_len;
	case SIM_NONE:
	case SIM_PIPE_READ:
	case SIM_REGULAR:
	case SIM_EPOLL:
		break;
	}
	return sim_error(EBADF);
}

ssize_t
sim_writev(int fd, const struct iovec *v, int n)
{
	struct sim_file *f = sim_get(fd);

	return f ? put(f, v, (size_t)n, NULL, 0, true) : -1;
}

ssize_t
sim_write(int fd, const void *p, size_t n)
{
	const union {
		const void *from;
		void *to;
	} u = {.from = p};
	struct iovec v = {.iov_base = u.to, .iov_len = n};

	return sim_writev(fd, &v, 1);
}

ssize_t
sim_sendmsg(int fd, const struct msghdr *m, int flags)
{
	struct sim_file *f = sim_socket_of(fd);

	return f ? put(f, m->msg_iov, m->msg_iovlen, m->msg_name,
			   m->msg_namelen, !(flags & MSG_NOSIGNAL))
		 : -1;
}

ssize_t
sim_sendto(int fd, const void *p, size_t n, int flags,
	const struct sockaddr *to, socklen_t len)
{
	const union {
		const void *from;
		void *to;
	} u = {.from = p}, name = {.from = to};
	struct iovec v = {.iov_base = u.to, .iov_len = n};
	struct msghdr m = {.msg_iov = &v,
		.msg_iovlen = 1,
		.msg_name = name.to,
		.msg_namelen = len};

	return sim_sendmsg(fd, &m, flags);
}

ssize_t
sim_send(int fd, const void *p, size_t n, int flags)
{
	return sim_sendto(fd, p, n, flags, NULL, 0);
}

int
sim_sendmmsg(int fd, struct mmsghdr *m, unsigned n, int flags)
{
	unsigned i;

	for (i = 0; i < n; i++) {
		ssize_t sent = sim_sendmsg(fd, &m[i].msg_hdr, flags);

		if (sent < 0)
			break;
		m[i].msg_len = (unsigned)sent;
	}
	return i > 0 ? (int)i : -1;
}

ssize_t
sim_sendfile(int to, int from, off_t *at, size_t n)
{
	struct sim_file *f = sim_get(to);
	const struct sim_file *file = sim_get(from);
	uint8_t some[4096];
	struct iovec v = {.iov_base = some};
	size_t left;
	ssize_t sent;

	if (!f || !file)
		return -1;
	if (file->kind != SIM_REGULAR || f->kind == SIM_DGRAM)
		return sim_error(EINVAL);
	tried(f);
	if (sim_trouble(SIM_BUFFERS, 60))
		return sim_error(EIO);
	left = (size_t)*at < file->size ? file->size - (size_t)*at : 0;
	if (n > left)
		n = left;
	v.iov_len = n < sizeof(some) ? n : sizeof(some);
	if (n == 0)
		return 0;
	for (size_t i = 0; i < v.iov_len; i++)
		some[i] = sim_byte(file->seed, file->base + (uint64_t)*at + i);
	sent = put(f, &v, 1, NULL, 0, true);
	if (sent > 0)
		*at += sent;
	return sent;
}
