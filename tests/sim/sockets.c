/* Sockets, their options and their shutdown in the simulated kernel. */
#include "tests/sim/private.h"

struct sim_file *
sim_socket_of(int fd)
{
	struct sim_file *f = sim_get(fd);

	if (!f || f->kind == SIM_STREAM || f->kind == SIM_DGRAM)
		return f;
	errno = ENOTSOCK;
	return NULL;
}

static struct sim_file *
new_socket(int domain, int type, int protocol)
{
	int kind = type & ~(SOCK_CLOEXEC | SOCK_NONBLOCK);
	int mode = O_RDWR | (type & SOCK_NONBLOCK ? O_NONBLOCK : 0);
	struct sim_file *f =
		sim_new(kind == SOCK_DGRAM ? SIM_DGRAM : SIM_STREAM, mode);

	if (!f)
		return NULL;
	f->domain = domain;
	f->protocol = protocol       ? protocol
		: domain == AF_UNIX  ? 0
		: kind == SOCK_DGRAM ? IPPROTO_UDP
				     : IPPROTO_TCP;
	return f;
}

int
sim_socket(int domain, int type, int protocol)
{
	struct sim_file *f;

	sim_call();
	if (sim_trouble(SIM_DESCRIPTORS, 20))
		return sim_error(EMFILE);
	if (domain != AF_UNIX && domain != AF_INET && domain != AF_INET6)
		return sim_error(EAFNOSUPPORT);
	f = new_socket(domain, type, protocol);
	return f ? sim_install(f, 0, type & SOCK_CLOEXEC) : -1;
}

/* Both fds, or none. */
static int
install_pair(struct sim_file *a, struct sim_file *b, int *fds, bool cloexec)
{
	sim_pair(a, b);
	a->refs = b->refs = 1;
	fds[0] = sim_install(a, 0, cloexec);
	if (fds[0] < 0) {
		a->refs = b->refs = 0;
		a->peer = b->peer = NULL;
		return -1;
	}
	fds[1] = sim_install(b, 0, cloexec);
	a->refs--;
	b->refs--;
	if (fds[1] >= 0)
		return 0;
	b->refs = 0;
	sim_close(fds[0]);
	return sim_error(EMFILE);
}

int
sim_socketpair(int domain, int type, int protocol, int fds[2])
{
	struct sim_file *a, *b;

	sim_call();
	a = new_socket(domain, type, protocol);
	if (!a)
		return -1;
	a->refs = 1; /* not to be had twice */
	b = new_socket(domain, type, protocol);
	if (!b)
		return -1;
	return install_pair(a, b, fds, type & SOCK_CLOEXEC);
}

bool
sim_stream_pair(bool is_tcp, int fds[2])
{
	return sim_socketpair(is_tcp ? AF_INET : AF_UNIX,
		       SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0;
}

int
sim_pipe2(int *fds, int flags)
{
	struct sim_file *a, *b;

	sim_call();
	a = sim_new(SIM_PIPE_READ, O_RDONLY | (flags & O_NONBLOCK));
	if (!a)
		return -1;
	a->refs = 1;
	b = sim_new(SIM_PIPE_WRITE, O_WRONLY | (flags & O_NONBLOCK));
	if (!b)
		return -1;
	return install_pair(a, b, fds, flags & O_CLOEXEC);
}

int
sim_writer(int fd)
{
	struct sim_file *f = sim_get(fd);

	if (!f || f->kind != SIM_PIPE_READ || !f->peer || f->peer->refs > 0)
		return -1;
	f->got_end = f->shut_write = false;
	return sim_install(f->peer, 0, true);
}

int
sim_shutdown(int fd, int how)
{
	struct sim_file *f = sim_socket_of(fd);

	sim_call();
	if (!f)
		return -1;
	sim_untouched(f, "shutdown");
	if (f->kind != SIM_STREAM || f->phase != SIM_CONNECTED)
		return sim_error(ENOTCONN);
	sim_stream_shut(f, how);
	return 0;
}

int
sim_sockatmark(int fd)
{
	return sim_socket_of(fd) ? 0 : -1;
}

static int
tcp_info(const struct sim_file *f, void *p, socklen_t *n)
{
	struct tcp_info info = {.tcpi_rtt = 100};

	if (f->domain == AF_UNIX)
		return sim_error(EOPNOTSUPP);
	info.tcpi_state = f->phase == SIM_LISTENING          ? TCP_LISTEN
		: f->phase == SIM_CONNECTING                 ? TCP_SYN_SENT
		: f->phase == SIM_CONNECTED && f->shut_write ? TCP_FIN_WAIT2
		: f->phase == SIM_CONNECTED                  ? TCP_ESTABLISHED
							     : TCP_CLOSE;
	if (f->phase == SIM_CONNECTING || f->refused)
		info.tcpi_rtt = 0;
	if (*n > sizeof(info))
		*n = sizeof(info);
	memcpy(p, &info, *n);
	return 0;
}

static int
value_of(struct sim_file *f, int name)
{
	int err = f->err;

	switch (name) {
	case SO_TYPE:
		return f->kind == SIM_DGRAM ? SOCK_DGRAM : SOCK_STREAM;
	case SO_DOMAIN:
		return f->domain;
	case SO_PROTOCOL:
		return f->protocol;
	case SO_ACCEPTCONN:
		return f->phase == SIM_LISTENING;
	case SO_RCVBUF:
		return (int)f->in.size * 2;
	case SO_SNDBUF:
		return (int)(f->domain == AF_UNIX ? f->in.size : f->out.size);
	case SO_ERROR:
		f->err = 0;
		return err;
	default:
		return -1;
	}
}

int
sim_getsockopt(int fd, int level, int name, void *p, socklen_t *n)
{
	struct sim_file *f = sim_socket_of(fd);
	int value;

	sim_call();
	if (!f)
		return -1;
	if (level == IPPROTO_TCP && name == TCP_INFO)
		return tcp_info(f, p, n);
	if (level == IPPROTO_TCP && f->domain == AF_UNIX)
		return sim_error(EOPNOTSUPP);
	value = level == IPPROTO_TCP  ? 0
		: level == SOL_SOCKET ? value_of(f, name)
				      : -1;
	if (value < 0)
		return sim_error(ENOPROTOOPT);
	if (*n > sizeof(value))
		*n = sizeof(value);
	memcpy(p, &value, *n);
	return 0;
}

int
sim_setsockopt(int fd, int level, int name, const void *p, socklen_t n)
{
	const struct sim_file *f = sim_socket_of(fd);

	sim_call();
	(void)p;
	(void)n;
	if (!f)
		return -1;
	if (level == IPPROTO_UDP && name >= 103)
		return sim_error(ENOPROTOOPT);
	if (level == IPPROTO_TCP && f->domain == AF_UNIX)
		return sim_error(EOPNOTSUPP);
	return sim_trouble(SIM_BUFFERS, 50) ? sim_error(ENOBUFS) : 0;
}
