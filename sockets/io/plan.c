/*
 * The plan: every local address with every peer address of the same family, in
 * order.
 *
 * With a blocking socket the constructor carries the plan out to its end.  With
 * a non-blocking one the plan waits until the connect under way has ended, and
 * is dropped once there is a connection or nothing left to try.
 *
 * Each further attempt puts its new socket under the fd of the one before,
 * because the application may have stored that number.
 */
#include "sockets/io/plan.h"

#include "sockets/io/connect.h"
#include "sockets/io/fail.h"
#include "sockets/names/new_socket.h"

#include "seam.h"

#include <netinet/in.h>
#include <string.h>

/* ---- one attempt ---- */

static int
option_set(struct socle_io *io, int fd, int level, int opt, int value)
{
	if (sys_setsockopt(fd, level, opt, &value, sizeof(value)) < 0)
		return socle__io_fail(io, "setsockopt", -errno);
	return 0;
}

static int
options_set(struct socle_io *io, const struct socle_io_params *p, int domain,
	int fd)
{
	int err = 0;

	if (p->reuse_addr)
		err = option_set(io, fd, SOL_SOCKET, SO_REUSEADDR, 1);
	if (err == 0 && p->reuse_port)
		err = option_set(io, fd, SOL_SOCKET, SO_REUSEPORT, 1);
	if (err == 0 && p->broadcast)
		err = option_set(io, fd, SOL_SOCKET, SO_BROADCAST, 1);
	if (err == 0 && domain == AF_INET6 && p->v6only > 0)
		err = option_set(io, fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
	if (domain == AF_INET6 && p->v6only == 0) /* OpenBSD's is always 1 */
		(void)sys_setsockopt(
			fd, IPPROTO_IPV6, IPV6_V6ONLY, &(int){0}, sizeof(int));
	for (size_t i = 0; err == 0 && i < p->n_sockopts; i++) {
		const struct socle_io_sockopt *o = &p->sockopts[i];

		if (!o->data)
			err = option_set(io, fd, o->level, o->opt, o->value);
		else if (sys_setsockopt(fd, o->level, o->opt, o->data, o->len) <
			0)
			err = socle__io_fail(io, "setsockopt", -errno);
	}
	return err;
}

static bool
takes_number(int fd, int number)
{
	int got;

	do
		got = sys_dup3(fd, number, O_CLOEXEC);
	while (got < 0 && errno == EINTR);
	return got >= 0;
}

/* Makes it the object's socket, under the number of the one before. */
static void
fd_replace(struct socle_io *io, int fd)
{
	int before = io->handle - 1;

	if (before >= 0 && takes_number(fd, before)) {
		sys_close(fd);
		return;
	}
	io->handle = fd + 1;
	if (before >= 0)
		sys_close(before);
}

static int
socket_make(struct socle_io *io, const struct socle__io_plan *plan, int domain,
	enum socle__io_stage *stage)
{
	int protocol = domain == AF_UNIX ? 0 : plan->protocol;
	int fd = socle__new_socket(
		domain, plan->p.type, protocol, plan->p.nonblocking);
	int err;

	*stage = SOCLE__IO_AT_SOCKET;
	if (fd < 0)
		return socle__io_fail(io, "socket", fd);
	*stage = SOCLE__IO_AT_OPTION;
	err = options_set(io, &plan->p, domain, fd);
	if (err < 0)
		sys_close(fd);
	else
		fd_replace(io, fd);
	return err;
}

static int
attempt(struct socle_io *io, const struct socle__io_plan *plan,
	const struct socle_addr *local, const struct socle_addr *peer,
	enum socle__io_stage *stage)
{
	const struct socle_io_params *p = &plan->p;
	int domain = local ? local->u.sa.sa_family
		: peer     ? peer->u.sa.sa_family
			   : p->domain;
	int err = socket_make(io, plan, domain, stage);

	if (err < 0)
		return err;
	*stage = SOCLE__IO_AT_BIND;
	if (local)
		err = socle_io_bind(io, local);
	if (err == 0 && p->listen != 0 &&
		!(domain == AF_UNIX && p->type == SOCK_DGRAM))
		err = socle_io_listen(io, p->listen);
	if (err < 0 || !peer)
		return err;
	*stage = SOCLE__IO_AT_CONNECT;
	err = socle__io_connect_to(io, peer);
	if (err == -EINPROGRESS && !p->nonblocking) /* SO_SNDTIMEO */
		err = socle__io_fail_as(io, "connect", -ETIMEDOUT, "timeout");
	return err;
}

/* ---- the plan ---- */

/* The next pair of the same family; NULL: that side has no addresses. */
static bool
next_pair(struct socle__io_plan *plan, const struct socle_addr **local,
	const struct socle_addr **peer)
{
	size_t peers = plan->peer.n ? plan->peer.n : 1;
	size_t pairs = plan->local.n ? plan->local.n * peers : peers;

	while (plan->next < pairs) {
		size_t i = plan->next++;

		*local = plan->local.n ? &plan->local.at[i / peers] : NULL;
		*peer = plan->peer.n ? &plan->peer.at[i % peers] : NULL;
		if (!*local || !*peer ||
			(*local)->u.sa.sa_family == (*peer)->u.sa.sa_family)
			return true;
	}
	return false;
}

void
socle__io_plan_failed(struct socle__io_plan *plan, struct socle_io *io,
	enum socle__io_stage stage, int err)
{
	if (stage < plan->stage)
		return;
	if (err == -EAGAIN) /* which here is one */
		socle__io_fail_as(io, "connect", err, "%s", strerror(-err));
	plan->stage = stage;
	plan->err = err;
	memcpy(plan->errstr, io->errstr, sizeof(plan->errstr));
}

int
socle__io_plan_run(struct socle__io_plan *plan, struct socle_io *io)
{
	const struct socle_addr *local, *peer;
	enum socle__io_stage stage = SOCLE__IO_AT_NOTHING;
	int err;

	while (stage != SOCLE__IO_AT_OPTION && next_pair(plan, &local, &peer)) {
		err = attempt(io, plan, local, peer, &stage);
		if (err == 0 || err == -EINPROGRESS)
			return err;
		socle__io_plan_failed(plan, io, stage, err);
	}
	memcpy(io->errstr, plan->errstr, sizeof(plan->errstr));
	return plan->err;
}

static void
plan_free(struct socle__io_plan *plan)
{
	sys_free(plan->local.at);
	sys_free(plan->peer.at);
	sys_free(plan);
}

void
socle__io_plan_drop(struct socle_io *io)
{
	if (io->plan)
		plan_free(io->plan);
	io->plan = NULL;
}

int
socle__io_plan_go_on(struct socle_io *io, int err)
{
	if (!io->plan)
		return err;
	socle__io_plan_failed(io->plan, io, SOCLE__IO_AT_CONNECT, err);
	return socle__io_plan_run(io->plan, io);
}
