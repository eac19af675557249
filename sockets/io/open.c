/* The constructor: makes a plan of the parameters, and carries it out. */
#include "sockets/io/fail.h"
#include "sockets/io/plan.h"

#include "seam.h"

#include <string.h>

static bool
wants_peer(const struct socle_io_params *p)
{
	return socle__io_is_text(p->peer_addr) ||
		socle__io_is_text(p->peer_port);
}

static bool
wants_local(const struct socle_io_params *p)
{
	return socle__io_is_text(p->local_addr) ||
		socle__io_is_text(p->local_port) || p->listen != 0 ||
		(p->domain == AF_UNIX && p->local_addr);
}

static bool
wants_fd(const struct socle_io_params *p)
{
	return p->domain || p->type || p->proto || wants_local(p) ||
		wants_peer(p) || p->nonblocking || p->reuse_addr ||
		p->reuse_port || p->broadcast || p->v6only || p->n_sockopts;
}

/* A copy of the parameters, their options included. */
static struct socle__io_plan *
plan_new(const struct socle_io_params *p)
{
	struct socle__io_plan *plan;
	size_t size = p->n_sockopts * sizeof(plan->sockopts[0]);
	char *at;

	for (size_t i = 0; i < p->n_sockopts; i++)
		size += p->sockopts[i].data ? p->sockopts[i].len : 0;
	plan = sys_calloc(1, sizeof(*plan) + size);
	if (!plan)
		return NULL;
	plan->p = *p;
	plan->p.sockopts = plan->sockopts;
	at = (char *)&plan->sockopts[p->n_sockopts];
	for (size_t i = 0; i < p->n_sockopts; i++) {
		struct socle_io_sockopt *o = &plan->sockopts[i];

		*o = p->sockopts[i];
		if (!o->data)
			continue;
		o->data = memcpy(at, o->data, o->len);
		at += o->len;
	}
	return plan;
}

static int
plan_fill(struct socle__io_plan *plan, struct socle_io *io)
{
	struct socle_io_params *p = &plan->p;
	struct socle__io_side local = {
		"bind", p->local_addr, p->local_port, 0, &p->type, true};
	struct socle__io_side peer = {
		"connect", p->peer_addr, p->peer_port, 0, &p->type, false};
	int err = socle__io_protocol(io, p->proto, p->domain, &p->type);

	if (err < 0)
		return err;
	plan->protocol = err;
	if (p->domain == 0 && !wants_peer(p) &&
		!socle__io_is_text(p->local_addr))
		p->domain = AF_INET;
	local.domain = peer.domain = p->domain;
	err = 0;
	if (wants_local(p))
		err = socle__io_resolve(io, &local, &plan->local);
	if (err == 0 && wants_peer(p))
		err = socle__io_resolve(io, &peer, &plan->peer);
	if (p->type == 0)
		p->type = SOCK_STREAM;
	return err;
}

static int
open_planned(struct socle_io *io, const struct socle_io_params *p)
{
	int err;

	if (p->listen != 0 && wants_peer(p))
		return socle__io_fail_as(io, "listen", -EINVAL,
			"Cannot Listen with a peer address");
	io->plan = plan_new(p);
	if (!io->plan)
		return socle__io_fail(io, "socket", -ENOMEM);
	err = plan_fill(io->plan, io);
	if (err < 0)
		return err;
	socle__io_plan_failed(io->plan, io, SOCLE__IO_AT_NOTHING,
		socle__io_fail(io, "socket", -EAFNOSUPPORT));
	return socle__io_plan_run(io->plan, io);
}

int
socle_io_open(struct socle_io *io, const struct socle_io_params *p)
{
	int err;

	memset(io, 0, sizeof(*io));
	if (!p)
		return 0;
	if (!(p->timeout >= 0)) /* nor NaN */
		return socle__io_fail(io, "timeout", -EINVAL);
	io->timeout = p->timeout;
	if (!wants_fd(p))
		return 0;
	err = open_planned(io, p);
	if (err < 0 && err != -EINPROGRESS) {
		socle_io_close(io);
		return err;
	}
	if (err == 0)
		socle__io_plan_drop(io);
	io->errstr[0] = '\0';
	return 0;
}
