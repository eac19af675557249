/*
 * Listening and connecting in one call.
 *
 * An object that connects has an fd from the start, a socket that is not
 * connected and that the kernel is not asked about (parked).  A factory of its
 * own does the connecting; the socket that wins is moved to the object's fd,
 * so that the number is the same from beginning to end.  Writes are held
 * meanwhile (CONNECTING).
 */
#include "sockets/factory_private.h"

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
	socle__factory_begin(f);
	if (f->err < 0) {
		err = f->err;
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
		r = sys_dup2(from, to);
	while (r < 0 && errno == EINTR);
	if (r < 0 || sys_fcntl(to, F_SETFD, FD_CLOEXEC) < 0)
		return -errno;
	return 0;
}

static struct socle_factory *
connecting_ends(struct socle_socket *s)
{
	struct socle_factory *f = s->extra->connector;

	s->extra->connector = NULL;
	s->d.owner &= ~(uint32_t)SOCLE__CONNECTING;
	return f;
}

static void
connect_failed(
	struct socle_factory *f, const struct socle_failure *why, void *arg)
{
	struct socle_socket *s = arg;
	int err = why->err;

	(void)connecting_ends(s);
	socle_factory_free(f);
	socle__connect_told(s, err);
}

static void
connect_done(struct socle_factory *f, int fd, const struct socle_addr *peer,
	void *arg)
{
	struct socle_socket *s = arg;
	int err = move_fd(fd, s->d.fd);

	(void)peer;
	sys_close(fd);
	(void)connecting_ends(s);
	socle_factory_free(f);
	if (err == 0)
		socle__descriptor_unpark(&s->d);
	socle__connect_told(s, err);
}

void
socle__connect_cancel(struct socle_socket *s)
{
	if (s->extra && s->extra->connector)
		socle_factory_free(connecting_ends(s));
}

/* A socket of the right kind to begin with: the fd or -errno. */
static int
placeholder(int family)
{
	int fd = sys_socket(family, SOCK_STREAM, 0);

	if (fd < 0)
		return -errno;
	if (sys_fcntl(fd, F_SETFL, O_NONBLOCK) == 0 &&
		sys_fcntl(fd, F_SETFD, FD_CLOEXEC) == 0)
		return fd;
	family = -errno;
	sys_close(fd);
	return family;
}

static int
connecting_object(const struct socle_class *cls,
	const struct socle_factory_params *p, struct socle_socket **ret)
{
	struct socle_factory *f;
	struct socle_socket *s;
	int err,
		fd = placeholder(p->socket_domain ? p->socket_domain : AF_INET);

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
	f->nodelay = f->p.socket_domain != AF_UNIX;
	f->any_family = p->remote_addr == NULL;
	f->library = true;
	s->extra->connector = f;
	socle__connector_patience(f);
	socle__factory_begin(f);
	*ret = s;
	return 0;
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
		return connecting_object(cls, &p, ret);
	}
	if (err != -EINVAL || strchr(where, '/') || where[0] == '@')
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
