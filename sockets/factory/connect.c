/*
 * socle_connect(): an object that connects.
 *
 * The object has an fd from the start: an unconnected socket that is not in
 * the poller (parked).  A factory of its own connects.  The connected socket
 * is moved to the object's fd with dup3(2), so that the number never changes.
 * Until then writes are queued (CONNECTING).
 */
#include "reactor/interest.h"
#include "reactor/reactor.h"
#include "reactor/turns.h"
#include "sockets/dispatch.h"
#include "sockets/factory/connector.h"
#include "sockets/factory/new.h"
#include "sockets/factory/resolve.h"
#include "sockets/init.h"
#include "sockets/names/lookup.h"
#include "sockets/names/new_socket.h"
#include "sockets/names/zone.h"
#include "sockets/write/await.h"
#include "sockets/write/pump.h"

#include "seam.h"

#include <netdb.h>
#include <string.h>

/* The connected socket replaces the one that reserved the fd number. */
static int
move_fd(int from, int to)
{
	int r;

	do
		r = sys_dup3(from, to, O_CLOEXEC);
	while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : 0;
}

/* Frees the object's factory, which calls nothing afterwards. */
static void
connecting_ends(struct socle_socket *s)
{
	struct socle_factory *f = s->extra->factory;

	s->extra->factory = NULL;
	socle_factory_free(f);
}

static void
connecting_asked(struct socle_socket *s)
{
	socle__connector_ask(s->extra->factory);
}

/*
 * An object whose connect failed never writes, even if its class does not
 * close it: writes return the error, and the queue is dropped.
 */
static void
connect_fails(struct socle_socket *s, int err)
{
	connecting_ends(s);
	socle__write_error_set(s, err);
	socle__call_err(s, err);
	if (socle__is_closed(s))
		return;
	s->d.bits &= ~(uint32_t)(SOCLE__CONNECTING | SOCLE__USER_WRITE);
	socle__socket_interest(s);
	socle__pump_drop(s);
	if (!socle__is_closed(s) && socle__has(s, SOCLE__ENDING))
		socle_close(s, s->extra->close_reason);
}

static void
connect_failed(
	struct socle_factory *f, const struct socle_failure *why, void *arg)
{
	(void)f;
	connect_fails(arg, why->err);
}

/* Sets the cork of the replaced socket on the new one. */
static void
restore_cork(struct socle_socket *s)
{
	if (!socle__fd_is(s, SOCLE__FD_CORKED))
		return;
	s->d.fd_flags &= (uint8_t)~SOCLE__FD_CORKED;
	(void)socle_tcp_cork(s, true);
}

static void
connect_done(struct socle_factory *f, int fd, const struct socle_addr *peer,
	void *arg)
{
	struct socle_socket *s = arg;
	int err = move_fd(fd, s->d.fd);

	(void)f;
	(void)peer;
	sys_close(fd);
	if (err < 0) {
		connect_fails(s, err);
		return;
	}
	connecting_ends(s);
	s->d.bits &= ~(uint32_t)SOCLE__CONNECTING;
	restore_cork(s);
	socle__descriptor_unpark(&s->d);
	socle__queue_await(s);
	socle__call_write(s);
	if (s->d.turns & SOCLE__TURN_FLUSH)
		socle__flush(s);
}

static int
connecting_object(const struct socle_class *cls,
	const struct socle_factory_params *p, struct socle_socket **ret)
{
	struct socle__reactor *r = socle__reactor_get();
	struct socle_factory *f;
	struct socle__class *c;
	struct socle_socket *s;
	int domain = p->socket_domain ? p->socket_domain : AF_INET;
	int err = r ? socle__class_resolve_stream(r, cls, &c) : -ENOMEM;
	int fd =
		err < 0 ? err : socle__new_socket(domain, SOCK_STREAM, 0, true);

	if (fd < 0)
		return fd;
	err = socle__socket_new_connecting(c, fd);
	if (err < 0) {
		sys_close(fd);
		return err;
	}
	s = socle__socket_at(fd);
	err = socle__extra_get(s) ? socle__factory_new(p, &f) : -ENOMEM;
	if (err < 0) {
		/* The application never had it: no method is called. */
		sys_close(socle__socket_undo_new(s));
		return err;
	}
	f->p.arg = s;
	f->nodelay = f->internal = true;
	s->extra->factory = f;
	s->extra->leave_factory = connecting_ends;
	s->extra->ask_factory = connecting_asked;
	(void)socle__factory_start(f);
	*ret = s;
	return 0;
}

SOCLE__CONSTRUCTOR int
socle_connect(const char *where, const struct socle_class *cls, double timeout,
	struct socle_socket **ret)
{
	char host[NI_MAXHOST], service[NI_MAXSERV];
	struct socle_addr a;
	struct socle_factory_params p = {.connect_timeout = timeout,
		.success = connect_done,
		.failure = connect_failed};
	int err;

	if (!where || !cls || !(timeout >= 0))
		return -EINVAL;
	err = socle__addr_parse_zone(&a, where, 0);
	if (err == 0) {
		p.remote_addr = &a;
		p.socket_domain = a.u.sa.sa_family;
		return connecting_object(cls, &p, ret);
	}
	if (err != -EINVAL || strchr(where, '/') || socle__is_unix_text(where))
		return err;
	err = socle_split_hostport(
		where, host, sizeof(host), service, sizeof(service));
	if (err < 0)
		return err;
	if (!*host || !*service || !socle__is_host_text(host))
		return -EINVAL;
	p.remote_address = host;
	p.remote_port = service;
	return connecting_object(cls, &p, ret);
}
