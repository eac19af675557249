/*
 * Listening and connecting in one call.
 *
 * An object that connects has an fd from the start, a socket that is not
 * connected and that the kernel is not asked about (parked).  A factory of its
 * own does the connecting; the socket that wins is moved to the object's fd,
 * so that the number is the same from beginning to end.  Writes are held
 * meanwhile (CONNECTING).
 */
#include "sockets/factory/private.h"
#include "sockets/names/new_socket.h"

#include "seam.h"

#include <netdb.h>
#include <string.h>

static void
log_failure(struct socle_factory *f, const struct socle_failure *why, void *arg)
{
	(void)f;
	(void)arg;
	socle__log(0, "%s: %s", why->operation, why->errstr);
}

static void
take_note(struct socle_factory *f, struct socle_socket *s, void *arg)
{
	(void)f;
	(void)s;
	(void)arg;
}

int
socle_listen(const char *where, const struct socle_class *cls,
	struct socle_factory **ret)
{
	struct socle_addr a;
	struct socle_factory_params p = {.reuse = true,
		.unlink_stale = true,
		.unlink_on_close = true,
		.bind_addr = &a,
		.accept_class = cls,
		.accepted = take_note,
		.failure = log_failure};
	struct socle_factory *f;
	int err = where && cls ? socle_addr_parse(&a, where, 0) : -EINVAL;

	if (err == 0)
		err = socle__factory_make(&p, &f);
	if (err < 0)
		return err;
	f->nodelay = f->library = true;
	if ((err = socle__factory_begin(f)) < 0) {
		socle_factory_free(f);
		return err;
	}
	*ret = f;
	return 0;
}

/* ---- an object that connects ---- */

/* The new socket takes the place of the one that was kept for it. */
static int
move_fd(int from, int to)
{
	int r;

	do
		r = sys_dup3(from, to, O_CLOEXEC);
	while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : 0;
}

/* Its factory is no longer needed, and tells nothing any more. */
static void
connecting_ends(struct socle_socket *s)
{
	struct socle_factory *f = s->extra->connector;

	s->extra->connector = NULL;
	socle_factory_free(f);
}

/*
 * Nothing leaves an object that failed, whatever its class does: writes say
 * why, and what waited is dropped unless the class closes.
 */
static void
connect_fails(struct socle_socket *s, int err)
{
	connecting_ends(s);
	socle__write_error_set(s, err);
	socle__connect_told(s, err);
	if (socle__is_closed(s))
		return;
	s->d.bits &= ~(uint32_t)(SOCLE__CONNECTING | SOCLE__USER_WRITE);
	socle__turn_drop(&s->d, SOCLE__TURN_FLUSH);
	socle__socket_interest(s);
	socle__queue_drop(s);
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

/* What was asked of the socket before this one. */
static void
cork_anew(struct socle_socket *s)
{
	if (!socle__has(s, SOCLE__CORKED))
		return;
	s->d.bits &= ~(uint32_t)SOCLE__CORKED;
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
	cork_anew(s);
	socle__descriptor_unpark(&s->d);
	socle__connect_told(s, 0);
}

void
socle__connect_cancel(struct socle_socket *s)
{
	if (s->extra && s->extra->connector)
		connecting_ends(s);
}

static int
connecting_object(const struct socle_class *cls,
	const struct socle_factory_params *p, struct socle_socket **ret)
{
	struct socle_factory *f;
	struct socle_socket *s;
	int domain = p->socket_domain ? p->socket_domain : AF_INET;
	int fd = socle__new_socket(domain, SOCK_STREAM, 0, true), err;

	if (fd < 0)
		return fd;
	err = socle__socket_new(
		cls, fd, SOCLE__KNOWN_SOCKET | SOCLE__CONNECTING, &s);
	if (err < 0) {
		sys_close(fd);
		return err;
	}
	err = socle__extra_get(s) ? socle__factory_make(p, &f) : -ENOMEM;
	if (err < 0) {
		/* Nobody has seen it; it goes without a word to its class. */
		sys_close(socle__socket_unmake(s));
		return err;
	}
	f->p.arg = s;
	f->nodelay = f->library = true;
	s->extra->connector = f;
	(void)socle__factory_begin(f);
	*ret = s;
	return 0;
}

static bool
has_port(const char *where, const struct socle_addr *a)
{
	struct socle_addr other;

	return a->u.sa.sa_family == AF_UNIX || socle_addr_port(a) != 0 ||
		(socle_addr_parse(&other, where, 1) == 0 &&
			socle_addr_port(&other) == 0);
}

static bool
is_path(const char *where)
{
	return strchr(where, '/') || where[0] == '@' ||
		strncmp(where, "unix:", 5) == 0;
}

int
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
	err = socle_addr_parse(&a, where, 0);
	if (err == 0) {
		p.remote_addr = &a;
		p.socket_domain = a.u.sa.sa_family;
		return has_port(where, &a) ? connecting_object(cls, &p, ret)
					   : -EINVAL;
	}
	if (err != -EINVAL || is_path(where))
		return err;
	err = socle_split_hostport(
		where, host, sizeof(host), service, sizeof(service));
	if (err < 0)
		return err;
	if (!*host || !*service)
		return -EINVAL;
	p.remote_address = host;
	p.remote_port = service;
	return connecting_object(cls, &p, ret);
}
