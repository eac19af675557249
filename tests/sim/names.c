/*
 * Addresses of the simulated kernel: who has which, and how connections come
 * about.
 */
#include "tests/sim/private.h"

#include <arpa/inet.h>

enum { WAITING = 16 };

static in_port_t
port_of(const struct sim_address *a)
{
	return a->u.sa.sa_family == AF_INET6 ? a->u.in6.sin6_port
					     : a->u.in.sin_port;
}

/* Ports are enough: there is one host. */
static bool
same_name(const struct sim_address *a, const struct sim_address *b)
{
	if (a->len == 0 || a->u.sa.sa_family != b->u.sa.sa_family)
		return false;
	if (a->u.sa.sa_family == AF_UNIX)
		return a->len == b->len && memcmp(&a->u, &b->u, a->len) == 0;
	return port_of(a) == port_of(b);
}

static bool
copy_in(struct sim_address *to, const struct sockaddr *a, socklen_t len)
{
	*to = (struct sim_address){.len = 0};
	if (!a || len < sizeof(sa_family_t) || len > sizeof(to->u))
		return false;
	memcpy(&to->u, a, len);
	to->len = len;
	return true;
}

void
sim_copy_name(const struct sim_address *from, struct sockaddr *a, socklen_t *n)
{
	if (a)
		memcpy(a, &from->u, from->len < *n ? from->len : *n);
	*n = from->len;
}

struct sim_file *
sim_named(
	enum sim_kind kind, int domain, const struct sockaddr *a, socklen_t len)
{
	struct sim_address name;

	if (!copy_in(&name, a, len))
		return NULL;
	for (int i = 0; i < sim.top; i++) {
		struct sim_file *f = &sim.files[i];

		if (f->refs > 0 && f->kind == kind && f->domain == domain &&
			same_name(&f->name, &name) &&
			(kind == SIM_DGRAM || f->phase == SIM_LISTENING))
			return f;
	}
	return NULL;
}

int
sim_name_any(struct sim_file *f)
{
	if (f->domain == AF_INET6) {
		f->name.len = sizeof(f->name.u.in6);
		f->name.u.in6 = (struct sockaddr_in6){
			.sin6_family = AF_INET6,
			.sin6_port = htons((in_port_t)sim.next_port++),
			.sin6_addr = in6addr_loopback,
		};
		return 0;
	}
	f->name.len = sizeof(f->name.u.in);
	f->name.u.in = (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_port = htons((in_port_t)sim.next_port++),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	return 0;
}

static bool
name_is_taken(const struct sim_file *f, const struct sim_address *name)
{
	for (int i = 0; i < sim.top; i++) {
		const struct sim_file *other = &sim.files[i];

		if (other->refs > 0 && other->kind == f->kind &&
			other->phase != SIM_CONNECTED &&
			other->domain == f->domain &&
			same_name(&other->name, name))
			return true;
	}
	return false;
}

int
sim_bind(int fd, const struct sockaddr *a, socklen_t n)
{
	struct sim_file *f = sim_socket_of(fd);
	struct sim_address name;

	sim_call();
	if (!f)
		return -1;
	if (f->name.len > 0 || !copy_in(&name, a, n) ||
		a->sa_family != f->domain)
		return sim_error(EINVAL);
	if (sim_trouble(SIM_BUFFERS, 30))
		return sim_error(EADDRNOTAVAIL);
	if (f->domain != AF_UNIX && port_of(&name) == 0)
		return sim_name_any(f);
	if (name_is_taken(f, &name))
		return sim_error(EADDRINUSE);
	f->name = name;
	return 0;
}

int
sim_listen(int fd, int backlog)
{
	struct sim_file *f = sim_socket_of(fd);

	sim_call();
	if (!f)
		return -1;
	if (f->kind != SIM_STREAM)
		return sim_error(EOPNOTSUPP);
	if (f->phase != SIM_FRESH && f->phase != SIM_LISTENING)
		return sim_error(EINVAL);
	if (f->name.len == 0 && sim_name_any(f) < 0)
		return -1;
	f->phase = SIM_LISTENING;
	f->backlog = backlog < 1 ? 1 : backlog > WAITING ? WAITING : backlog;
	return 0;
}

/* ---- connections ---- */

bool
sim_listener_take(struct sim_file *client)
{
	struct sim_file *l = client->listener;

	client->listener = NULL;
	if (!l || l->refs == 0 || l->phase != SIM_LISTENING ||
		l->n_waiting == WAITING)
		return false;
	l->waiting[l->n_waiting++] = client->peer;
	sim_wake(l);
	return true;
}

/* Whoever still waits there is reset. */
void
sim_listener_close(struct sim_file *l)
{
	if (l->phase != SIM_LISTENING)
		return;
	for (int i = 0; i < l->n_waiting; i++) {
		struct sim_file *s = l->waiting[i];

		if (s->peer && s->peer->refs > 0)
			sim_stream_die(s->peer, ECONNRESET);
		sim_release(s);
	}
	l->n_waiting = 0;
	for (int i = 0; i < sim.top; i++)
		if (sim.files[i].listener == l)
			sim.files[i].listener = NULL;
}

static int
connect_stream(struct sim_file *f, struct sim_file *l)
{
	struct sim_file *s;

	if (f->phase == SIM_CONNECTING)
		return sim_error(EALREADY);
	if (f->phase != SIM_FRESH)
		return sim_error(f->phase == SIM_CONNECTED ? EISCONN : EINVAL);
	if (!l && f->domain == AF_UNIX)
		return sim_error(ECONNREFUSED);
	if (l && f->domain == AF_UNIX && l->n_waiting >= l->backlog)
		return sim_error(EAGAIN);
	if (f->name.len == 0 && f->domain != AF_UNIX && sim_name_any(f) < 0)
		return -1;
	f->phase = SIM_CONNECTING;
	f->refused = l ? 0 : ECONNREFUSED;
	if (l) {
		s = sim_new(SIM_STREAM, O_RDWR);
		if (!s)
			return -1;
		s->domain = f->domain;
		s->protocol = f->protocol;
		s->name = l->name;
		s->peer_name = f->name;
		s->outside = l->outside;
		s->refs = 1; /* the listener's */
		sim_pair(f, s);
		f->phase = SIM_CONNECTING;
		f->listener = l;
	}
	sim_set_off(f);
	if (f->phase == SIM_CONNECTED && f->domain == AF_UNIX)
		return 0;
	if (f->phase == SIM_CONNECTED && sim_choose(2) == 0)
		return 0;
	if (f->phase == SIM_DEAD && sim_choose(2) == 0) {
		f->err = 0;
		return sim_error(ECONNREFUSED);
	}
	return sim_error(EINPROGRESS);
}

int
sim_connect(int fd, const struct sockaddr *a, socklen_t n)
{
	struct sim_file *f = sim_socket_of(fd);

	sim_call();
	if (!f)
		return -1;
	if (sim_trouble(SIM_BUFFERS, 30))
		return sim_error(EADDRNOTAVAIL);
	if (f->kind == SIM_STREAM) {
		int result = connect_stream(
			f, sim_named(SIM_STREAM, f->domain, a, n));

		copy_in(&f->peer_name, a, n);
		return result;
	}
	if (f->domain == AF_UNIX) {
		f->peer = sim_named(SIM_DGRAM, f->domain, a, n);
		return f->peer ? 0 : sim_error(ECONNREFUSED);
	}
	if (f->name.len == 0 && sim_name_any(f) < 0)
		return -1;
	copy_in(&f->peer_name, a, n);
	return 0;
}

int
sim_accept4(int fd, struct sockaddr *a, socklen_t *n, int flags)
{
	struct sim_file *l = sim_socket_of(fd), *s;
	int client;

	sim_call();
	if (!l)
		return -1;
	if (l->phase != SIM_LISTENING)
		return sim_error(EINVAL);
	if (sim_trouble(SIM_INTERRUPT, 10))
		return sim_error(EINTR);
	if (l->n_waiting == 0 || sim_trouble(SIM_SPURIOUS, 10))
		return sim_error(EAGAIN);
	if (sim_trouble(SIM_BUFFERS, 20))
		return sim_error(ECONNABORTED);
	if (sim_trouble(SIM_DESCRIPTORS, 6))
		return sim_error(EMFILE);
	s = l->waiting[0];
	client = sim_install(s, 0, flags & SOCK_CLOEXEC);
	if (client < 0)
		return -1;
	s->refs--;
	s->outside = sim.outside > 0;
	memmove(l->waiting, l->waiting + 1,
		(size_t)--l->n_waiting * sizeof(l->waiting[0]));
	if (flags & SOCK_NONBLOCK)
		s->mode |= O_NONBLOCK;
	if (a)
		sim_copy_name(&s->peer_name, a, n);
	return client;
}

int
sim_accept(int fd, struct sockaddr *a, socklen_t *n)
{
	return sim_accept4(fd, a, n, 0);
}

int
sim_client(int port)
{
	struct sim_address a = {.len = 0};
	int fd = sim_socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -1;
	a.u.in = (struct sockaddr_in){.sin_family = AF_INET,
		.sin_port = htons((in_port_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	if (sim_connect(fd, &a.u.sa, sizeof(a.u.in)) == 0 ||
		errno == EINPROGRESS)
		return fd;
	sim_close(fd);
	return -1;
}

int
sim_getsockname(int fd, struct sockaddr *a, socklen_t *n)
{
	const struct sim_file *f = sim_socket_of(fd);
	struct sim_address none = {.len = sizeof(sa_family_t)};

	sim_call();
	if (!f)
		return -1;
	none.u.sa.sa_family = (sa_family_t)f->domain;
	if (f->name.len == 0 && f->domain != AF_UNIX)
		none.len = sizeof(none.u.in);
	sim_copy_name(f->name.len > 0 ? &f->name : &none, a, n);
	return 0;
}

int
sim_getpeername(int fd, struct sockaddr *a, socklen_t *n)
{
	struct sim_file *f = sim_socket_of(fd);
	struct sim_address none = {.len = sizeof(sa_family_t)};

	sim_call();
	if (!f)
		return -1;
	f->asked_at = sim_awake();
	if (f->kind == SIM_STREAM ? f->phase != SIM_CONNECTED
				  : f->peer_name.len == 0 && !f->peer)
		return sim_error(ENOTCONN);
	none.u.sa.sa_family = (sa_family_t)f->domain;
	sim_copy_name(f->peer_name.len > 0 ? &f->peer_name : &none, a, n);
	return 0;
}
