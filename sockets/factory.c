/*
 * The factory as an object: what it was asked for, what it tells, its end.
 *
 * Nothing is told inside socle_factory_new(): a timer that is due at once
 * tells a failure that was found there, and lets what needs callbacks begin.
 */
#include "sockets/factory_private.h"

#include "seam.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static _Atomic uint64_t last_id;

/* ---- telling ---- */

struct told {
	struct socle__call call;
	bool counted;
};

static void
told_begin(struct told *t, struct socle_factory *f)
{
	struct socle__loop *l = socle__loop;

	l->in_call++;
	t->counted = !f->library &&
		socle__call_begin(&l->profile, &t->call, NULL,
			SOCLE__ITEM_ACCEPTED, "Factory",
			f->d.fd < 0 ? NULL : &f->d);
}

static void
told_end(struct told *t)
{
	struct socle__loop *l = socle__loop;

	socle__call_end(&l->profile, &t->call, t->counted);
	l->in_call--;
}

void
socle__factory_tell(struct socle_factory *f, const char *operation, int err)
{
	struct socle_failure why = {
		.operation = operation, .err = err, .id = f->id};
	struct told t;

	snprintf(why.errstr, sizeof(why.errstr), "%s", strerror(-err));
	if (!f->p.failure || socle__factory_is_over(f))
		return;
	told_begin(&t, f);
	f->p.failure(f, &why, f->p.arg);
	told_end(&t);
}

void
socle__factory_tell_attempt(
	struct socle_factory *f, const struct socle_addr *to, int err)
{
	struct told t;

	if (!f->p.attempt || socle__factory_is_over(f))
		return;
	told_begin(&t, f);
	f->p.attempt(f, to, err, f->p.arg);
	told_end(&t);
}

void
socle__factory_fail(struct socle_factory *f, const char *operation, int err)
{
	f->operation = operation;
	f->err = err;
	socle__timers_add(&socle__loop->timers, &f->event, 0);
}

/* ---- delivering ---- */

static int
deliver_object(struct socle_factory *f, int fd)
{
	struct socle__held_call call;
	struct socle_socket *s;
	struct told t;
	int err;

	err = socle__socket_new(f->p.accept_class, fd, SOCLE__KNOWN_SOCKET, &s);
	if (err < 0)
		return err;
	if (f->p.max_connections > 0) {
		if (!socle__extra_get(s)) {
			(void)socle__socket_unmake(s);
			return -ENOMEM;
		}
		s->extra->maker = f;
		f->references++;
		f->live++;
		socle__listener_interest(f);
	}
	f->short_of = false;
	socle_watch_read(s, true);
	socle__held_begin(s, &call, SOCLE__ITEM_ACCEPTED);
	s->cls->flat.event_accepted(s, f);
	socle__held_end(&call);
	if (!f->p.accepted || socle__factory_is_over(f))
		return 0;
	told_begin(&t, f);
	f->p.accepted(f, s, f->p.arg);
	told_end(&t);
	return 0;
}

/* The fd finds an owner or is closed. */
int
socle__factory_deliver(
	struct socle_factory *f, int fd, const struct socle_addr *peer)
{
	struct told t;
	int err;

	if (f->p.accept_class && f->p.accepted) {
		if ((err = deliver_object(f, fd)) < 0)
			sys_close(fd);
		return err;
	}
	if (!f->p.success) {
		sys_close(fd);
		return 0;
	}
	f->short_of = false;
	if (f->p.max_connections > 0) {
		f->live++;
		socle__listener_interest(f);
	}
	told_begin(&t, f);
	f->p.success(f, fd, peer, f->p.arg);
	told_end(&t);
	return 0;
}

void
socle_factory_release(struct socle_factory *f)
{
	if (f->live > 0)
		f->live--;
	socle__listener_interest(f);
}

void
socle__factory_lost(struct socle_factory *f)
{
	socle_factory_release(f);
	if (--f->references == 0)
		sys_free(f);
}

/* ---- what it was asked for ---- */

static int
protocol_number(const char *name, int *type)
{
	static const struct {
		const char *name;
		int number, type;
	} known[] = {{"tcp", IPPROTO_TCP, SOCK_STREAM},
		{"udp", IPPROTO_UDP, SOCK_DGRAM},
		{"icmp", IPPROTO_ICMP, SOCK_RAW},
		{"ipv6-icmp", IPPROTO_ICMPV6, SOCK_RAW},
		{"sctp", 132, SOCK_STREAM}, {"udplite", 136, SOCK_DGRAM}};
	size_t n = sizeof(known) / sizeof(known[0]);
	char *end;
	long number;

	if (!name)
		return 0;
	number = strtol(name, &end, 10);
	if (!*name || *end || number < 0 || number > 255)
		number = -1;
	for (size_t i = 0; i < n; i++)
		if (known[i].number == number ||
			(number < 0 && strcmp(known[i].name, name) == 0)) {
			*type = known[i].type;
			return known[i].number;
		}
	return number < 0 ? -EPROTONOSUPPORT : (int)number;
}

static bool
is_text(const char *text)
{
	return text && *text;
}

static bool
is_stream(int type)
{
	return type == SOCK_STREAM || type == SOCK_SEQPACKET;
}

static int
params_check(const struct socle_factory_params *p, int type)
{
	bool to = p->remote_addr || is_text(p->remote_address);
	bool at = p->bind_addr || is_text(p->bind_address);
	bool unix_domain = p->socket_domain == AF_UNIX;

	if (!p->failure || !(p->success || (p->accepted && p->accept_class)))
		return -EINVAL;
	if (p->bind_addr && (p->bind_address || p->bind_port))
		return -EINVAL;
	if (p->remote_addr && (p->remote_address || p->remote_port))
		return -EINVAL;
	if (is_text(p->remote_address) && !unix_domain &&
		!is_text(p->remote_port))
		return -EINVAL;
	if (unix_domain && !to && !at && is_stream(type))
		return -EINVAL;
	return 0;
}

/* All texts in one piece of memory, NULL ones left so. */
static int
texts_copy(struct socle_factory *f)
{
	const char **texts[] = {&f->p.bind_address, &f->p.bind_port,
		&f->p.remote_address, &f->p.remote_port};
	size_t size = 1;
	char *at;

	for (size_t i = 0; i < 4; i++)
		size += *texts[i] ? strlen(*texts[i]) + 1 : 0;
	if (!(f->texts = at = sys_malloc(size)))
		return -ENOMEM;
	for (size_t i = 0; i < 4; i++) {
		if (!*texts[i])
			continue;
		size = strlen(*texts[i]) + 1;
		*texts[i] = memcpy(at, *texts[i], size);
		at += size;
	}
	f->p.socket_protocol = NULL;
	if (f->p.bind_addr)
		f->bind = *f->p.bind_addr;
	if (f->p.remote_addr)
		f->remote = *f->p.remote_addr;
	f->has_bind = f->p.bind_addr != NULL;
	f->p.bind_addr = f->p.remote_addr = NULL;
	return 0;
}

static void event_fired(struct socle_timer *t);

static void
factory_init(struct socle_factory *f, const struct socle_factory_params *p)
{
	struct socle__loop *l = socle__loop;

	f->d.ops = &socle__factory_ops;
	f->d.fd = f->fd = f->reserve = -1;
	f->references = 1;
	f->id = ++last_id;
	f->p = *p;
	if (f->p.socket_domain == 0)
		f->p.socket_domain = p->bind_addr ? p->bind_addr->u.sa.sa_family
			: p->remote_addr ? p->remote_addr->u.sa.sa_family
					 : AF_INET;
	socle_timer_init_named(socle__own_timer, &f->event, event_fired);
	socle__connector_init(f);
	f->next = l->factories;
	f->link = &l->factories;
	if (f->next)
		f->next->link = &f->next;
	l->factories = f;
	l->free_factory = socle_factory_free;
}

int
socle__factory_make(
	const struct socle_factory_params *p, struct socle_factory **ret)
{
	struct socle__loop *l = socle__loop_get();
	bool to = p->remote_addr || is_text(p->remote_address);
	struct socle__class *cls;
	struct socle_factory *f;
	int type = p->socket_type, protocol, err;

	protocol = protocol_number(p->socket_protocol, &type);
	if (p->socket_type)
		type = p->socket_type;
	else if (type == 0)
		type = SOCK_STREAM;
	if (!l)
		return -ENOMEM;
	if ((err = params_check(p, type)) < 0)
		return err;
	if (p->accept_class &&
		(err = socle__class_resolve(l, p->accept_class, &cls)) < 0)
		return err;
	if (!(f = sys_calloc(1, sizeof(*f))))
		return -ENOMEM;
	f->p = *p;
	f->type = type;
	f->protocol = protocol;
	f->kind = is_stream(type) ? to ? SOCLE__CONNECTOR : SOCLE__LISTENER
				  : SOCLE__PEER;
	factory_init(f, p);
	if ((err = texts_copy(f)) < 0) {
		socle_factory_free(f);
		return err;
	}
	*ret = f;
	return 0;
}

/* ---- its way: addresses, then the socket ---- */

/*
 * 1: `ret' is it; 0: there is a name in it, which somebody must look up;
 * -errno.
 */
static int
address_numeric(int domain, const char *host, const char *service,
	struct socle_addr *ret)
{
	char text[SOCLE_ADDR_TEXT_MAX];
	const char *digits = service ? service : "0";
	int n, err;

	if (domain == AF_UNIX) {
		n = snprintf(text, sizeof(text), "unix:%s", host);
		if (n < 0 || (size_t)n >= sizeof(text))
			return -ENAMETOOLONG;
		return (err = socle_addr_parse(ret, text, 0)) < 0 ? err : 1;
	}
	if (digits[strspn(digits, "0123456789")] || strlen(digits) > 5)
		return 0;
	if (!is_text(host))
		host = domain == AF_INET6 ? "::" : "0.0.0.0";
	n = snprintf(text, sizeof(text),
		domain == AF_INET6 ? "[%s]:%s" : "%s:%s", host, digits);
	if (n < 0 || (size_t)n >= sizeof(text) ||
		socle_addr_parse(ret, text, 0) < 0)
		return 0;
	return ret->u.sa.sa_family == domain ? 1 : 0;
}

static void factory_go_on(struct socle_factory *f);

static void
bind_resolved(int err, const struct socle_addr *addrs, size_t n, void *arg)
{
	struct socle_factory *f = arg;

	f->resolving = NULL;
	if (err < 0 || n == 0) {
		socle__connector_stop(f);
		socle__factory_tell(f, "getaddrinfo", err < 0 ? err : -ENOENT);
		return;
	}
	f->bind = addrs[0];
	f->has_bind = true;
	factory_go_on(f);
}

static int
candidates_set(
	struct socle_factory *f, const struct socle_addr *addrs, size_t n)
{
	f->candidates = sys_malloc(n * sizeof(*addrs));
	if (!f->candidates)
		return -ENOMEM;
	memcpy(f->candidates, addrs, n * sizeof(*addrs));
	f->n_candidates = n;
	return 0;
}

static void
remote_resolved(int err, const struct socle_addr *addrs, size_t n, void *arg)
{
	struct socle_factory *f = arg;

	f->resolving = NULL;
	if (err == 0)
		err = n == 0 ? -ENOENT : candidates_set(f, addrs, n);
	if (err < 0) {
		socle__connector_stop(f);
		socle__factory_tell(f, "getaddrinfo", err);
		return;
	}
	factory_go_on(f);
}

static void
look_up(struct socle_factory *f, const char *host, const char *service,
	int family,
	void (*fn)(
		int err, const struct socle_addr *addrs, size_t n, void *arg))
{
	int err = socle_resolve(
		host, service, family, f->type, fn, f, &f->resolving);

	if (err < 0)
		socle__factory_fail(f, "getaddrinfo", err);
}

/* False: it waits for a name, or failed. */
static bool
bind_found(struct socle_factory *f)
{
	const struct socle_factory_params *p = &f->p;
	int r;

	if (f->has_bind ||
		(!is_text(p->bind_address) && !is_text(p->bind_port)))
		return true;
	r = address_numeric(
		p->socket_domain, p->bind_address, p->bind_port, &f->bind);
	if (r < 0)
		socle__factory_fail(f, "bind", r);
	else if (r == 0)
		look_up(f, p->bind_address, p->bind_port, p->socket_domain,
			bind_resolved);
	f->has_bind = r > 0;
	return r > 0;
}

static bool
remote_found(struct socle_factory *f)
{
	const struct socle_factory_params *p = &f->p;
	int r = 1;

	if (f->candidates)
		return true;
	if (f->remote.len == 0)
		r = address_numeric(p->socket_domain, p->remote_address,
			p->remote_port, &f->remote);
	if (r > 0)
		r = candidates_set(f, &f->remote, 1) < 0 ? -ENOMEM : 1;
	if (r < 0)
		socle__factory_fail(f, "connect", r);
	else if (r == 0)
		look_up(f, p->remote_address, p->remote_port,
			f->any_family ? AF_UNSPEC : p->socket_domain,
			remote_resolved);
	return r > 0;
}

/* A datagram socket is there when it is bound and has its peer. */
static void
peer_start(struct socle_factory *f, bool to)
{
	const struct socle_addr *peer = to ? f->candidates : NULL;
	const char *operation;
	int fd, err;

	socle__factory_clear(f);
	fd = socle__factory_socket(f, f->p.socket_domain, &operation);
	err = fd < 0 ? fd : 0;
	if (err == 0) {
		operation = "bind";
		err = socle__factory_bind(f, fd);
	}
	if (err == 0 && peer) {
		operation = "connect";
		if (sys_connect(fd, &peer->u.sa, peer->len) < 0)
			err = -errno;
	}
	if (err == 0) {
		f->fd = fd;
		socle__timers_add(&socle__loop->timers, &f->event, 0);
		return;
	}
	if (fd >= 0)
		sys_close(fd);
	socle__factory_unlink(f);
	socle__factory_fail(f, operation, err);
}

static void
factory_go_on(struct socle_factory *f)
{
	bool to = f->remote.len > 0 || is_text(f->p.remote_address);
	const char *operation;
	int err;

	if (!bind_found(f) || (to && !remote_found(f)))
		return;
	switch (f->kind) {
	case SOCLE__LISTENER:
		if ((err = socle__listener_start(f, &operation)) < 0)
			socle__factory_fail(f, operation, err);
		break;
	case SOCLE__PEER:
		peer_start(f, to);
		break;
	case SOCLE__CONNECTOR:
		socle__timers_add(&socle__loop->timers, &f->event, 0);
		break;
	}
}

/* What could not be told, or begun, inside a call of the user's. */
static void
event_fired(struct socle_timer *t)
{
	struct socle_factory *f =
		socle_container_of(t, struct socle_factory, event);
	int fd = f->fd;

	if (f->err < 0) {
		socle__connector_stop(f);
		socle__factory_tell(f, f->operation, f->err);
	} else if (fd >= 0) {
		f->fd = -1;
		socle__connector_stop(f);
		(void)socle__factory_deliver(
			f, fd, f->n_candidates > 0 ? f->candidates : NULL);
	} else if (f->kind == SOCLE__CONNECTOR) {
		socle__connector_start(f);
	}
}

void
socle__factory_begin(struct socle_factory *f)
{
	int domain = f->p.socket_domain;

	if (domain != AF_INET && domain != AF_INET6 && domain != AF_UNIX)
		socle__factory_fail(f, "domain", -EAFNOSUPPORT);
	else if (f->protocol < 0)
		socle__factory_fail(f, "socket", f->protocol);
	else
		factory_go_on(f);
}

int
socle_factory_new(
	const struct socle_factory_params *p, struct socle_factory **ret)
{
	struct socle_factory *f;
	int err = socle__factory_make(p, &f);

	if (err < 0)
		return err;
	if (f->kind != SOCLE__LISTENER)
		socle__connector_patience(f);
	socle__factory_begin(f);
	*ret = f;
	return 0;
}

/* ---- the rest ---- */

void
socle_factory_set_events(
	struct socle_factory *f, const struct socle_factory_params *events)
{
	f->p.success = events->success;
	f->p.accepted = events->accepted;
	f->p.failure = events->failure;
	f->p.arg = events->arg;
}

int
socle_factory_getsockname(const struct socle_factory *f, struct socle_addr *ret)
{
	struct socle_addr a = {.len = sizeof(a.u)};

	if (socle__factory_is_over(f) || f->d.fd < 0)
		return -EBADF;
	if (sys_getsockname(f->d.fd, &a.u.sa, &a.len) < 0)
		return -errno;
	*ret = a;
	return 0;
}

uint64_t
socle_factory_id(const struct socle_factory *f)
{
	return f->id;
}

void
socle__factory_reap(struct socle_descriptor *d)
{
	struct socle_factory *f = (struct socle_factory *)(void *)d;

	if (--f->references == 0)
		sys_free(f);
}

void
socle_factory_free(struct socle_factory *f)
{
	if (!f || socle__factory_is_over(f))
		return;
	*f->link = f->next;
	if (f->next)
		f->next->link = f->link;
	socle_timer_cancel(&f->event);
	socle__connector_stop(f);
	if (f->kind == SOCLE__LISTENER)
		socle__listener_stop(f);
	if (f->fd >= 0)
		sys_close(f->fd);
	sys_free(f->candidates);
	sys_free(f->texts);
	f->candidates = NULL;
	f->texts = NULL;
	if (f->d.fd >= 0) {
		socle__descriptor_close(&f->d);
		return;
	}
	f->d.state |= SOCLE__CLOSED;
	socle__turn_ask(&f->d, SOCLE__TURN_DESTROY);
}
