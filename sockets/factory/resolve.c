/*
 * Resolving a factory's names and starting its work.
 *
 * go_on() is called again after each name that has been resolved, and repeats
 * all steps until nothing is missing.  Only a listener starts inside
 * socle_factory_new(), so that the application can ask for its port at once.
 */
#include "sockets/factory/resolve.h"

#include "reactor/reactor.h"
#include "sockets/factory/accept.h"
#include "sockets/factory/bind.h"
#include "sockets/factory/connector.h"
#include "sockets/factory/deliver.h"
#include "sockets/names/zone.h"

#include "seam.h"

#include <stdio.h>
#include <string.h>

static int go_on(struct socle_factory *f);

/* ---- names ---- */

static int
unix_address(const char *path, struct socle_addr *ret)
{
	char text[SOCLE_ADDR_TEXT_MAX];
	int n = snprintf(text, sizeof(text), "unix:%s", path);
	int err;

	if ((size_t)n >= sizeof(text))
		return -ENAMETOOLONG;
	return (err = socle_addr_parse(ret, text, 0)) < 0 ? err : 1;
}

/* 1: *ret is the address; 0: it has a name that must be resolved; -errno. */
static int
address_numeric(int domain, const char *host, const char *service,
	struct socle_addr *ret)
{
	char text[SOCLE_ADDR_TEXT_MAX];
	int n;

	if (domain == AF_UNIX)
		return unix_address(host, ret);
	if (!socle__is_text(service))
		service = "0";
	if (!socle__is_text(host))
		host = domain == AF_INET6 ? "::" : "0.0.0.0";
	n = snprintf(text, sizeof(text),
		domain == AF_INET6 ? "[%s]:%s" : "%s:%s", host, service);
	if ((size_t)n >= sizeof(text) ||
		socle__addr_parse_zone(ret, text, 0) < 0)
		return 0;
	return ret->u.sa.sa_family == domain ? 1 : 0;
}

static void
go_on_or_fail(struct socle_factory *f, int err)
{
	if (err == 0)
		err = go_on(f);
	if (err < 0)
		socle__factory_fail(f, f->operation, err);
	else if (f->late && f->resolving &&
		!socle__connector_waits_for_answer(f))
		socle__factory_fail(f, "connect", -ETIMEDOUT);
}

static void
bind_resolved(int err, const struct socle_addr *addrs, size_t n, void *arg)
{
	struct socle_factory *f = arg;

	(void)n;
	f->resolving = NULL;
	f->operation = "getaddrinfo";
	if (err == 0) {
		f->bind = addrs[0];
		f->has_bind = true;
	}
	go_on_or_fail(f, err);
}

static void
remote_resolved(int err, const struct socle_addr *addrs, size_t n, void *arg)
{
	struct socle_factory *f = arg;

	f->resolving = NULL;
	f->operation = "getaddrinfo";
	if (err == 0) {
		f->candidates = sys_malloc(n * sizeof(*addrs));
		err = f->candidates ? 0 : -ENOMEM;
	}
	if (err == 0) {
		memcpy(f->candidates, addrs, n * sizeof(*addrs));
		f->n_candidates = n;
	}
	go_on_or_fail(f, err);
}

/* 1: the address is known; 0: it is being looked up; -errno. */
static int
bind_find(struct socle_factory *f)
{
	const struct socle_factory_params *p = &f->p;
	bool asked = socle__is_text(p->bind_address) ||
		(p->socket_domain != AF_UNIX && socle__is_text(p->bind_port));
	int r;

	if (f->has_bind || !asked)
		return 1;
	f->operation = "bind";
	r = address_numeric(
		p->socket_domain, p->bind_address, p->bind_port, &f->bind);
	f->has_bind = r > 0;
	if (r != 0)
		return r;
	f->operation = "getaddrinfo";
	return socle_resolve(p->bind_address, p->bind_port, p->socket_domain,
		f->type, bind_resolved, f, &f->resolving);
}

static int
remote_find(struct socle_factory *f)
{
	const struct socle_factory_params *p = &f->p;
	int r = 1;

	if (f->candidates || f->kind != SOCLE__CONNECTOR)
		return 1;
	f->operation = "connect";
	if (!f->has_remote)
		r = address_numeric(p->socket_domain, p->remote_address,
			p->remote_port, &f->remote);
	if (r > 0) {
		f->candidates = &f->remote;
		f->n_candidates = 1;
	}
	if (r != 0)
		return r;
	f->operation = "getaddrinfo";
	return socle_resolve(p->remote_address, p->remote_port,
		f->any_family ? AF_UNSPEC : p->socket_domain, f->type,
		remote_resolved, f, &f->resolving);
}

/* ---- sockets ---- */

/* A datagram socket without a peer: complete once it is bound. */
static int
peer_make(struct socle_factory *f)
{
	int fd, err;

	socle__factory_unlink_stale(f);
	fd = socle__factory_socket(f, f->p.socket_domain, &f->operation);
	if (fd < 0)
		return fd;
	f->operation = "bind";
	if ((err = socle__factory_bind(f, fd)) < 0) {
		sys_close(fd);
		return err;
	}
	f->operation = "socket";
	socle__connector_stop(f);
	return socle__factory_deliver(f, fd, NULL);
}

/* 0: done, or waiting for a name; -errno of f->operation. */
static int
go_on(struct socle_factory *f)
{
	int domain = f->p.socket_domain;
	int r;

	f->operation = "domain";
	if (domain != AF_INET && domain != AF_INET6 && domain != AF_UNIX)
		return -EAFNOSUPPORT;
	f->operation = "socket";
	if (f->protocol < 0)
		return f->protocol;
	if ((r = bind_find(f)) <= 0 || (r = remote_find(f)) <= 0)
		return r;
	if (f->kind == SOCLE__LISTENER)
		return socle__listener_start(f, &f->operation);
	if (f->kind == SOCLE__PEER)
		return peer_make(f);
	socle__connector_start(f);
	return 0;
}

/* Starts, or reports the failure that socle_factory_new() met. */
void
socle__factory_event_fired(struct socle_timer *t)
{
	struct socle_factory *f =
		socle_container_of(t, struct socle_factory, event);

	if (f->kind != SOCLE__LISTENER && f->p.connect_timeout > 0)
		(void)socle_timer_start(&f->deadline, f->p.connect_timeout);
	go_on_or_fail(f, f->err);
}

int
socle__factory_start(struct socle_factory *f)
{
	if (f->kind == SOCLE__LISTENER)
		return go_on(f);
	socle__timers_add(&socle__reactor->timers, &f->event.node, 0);
	return 0;
}
