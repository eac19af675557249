/*
 * Datagram sockets of the simulated kernel: UDP over loopback, where a full
 * receiver loses datagrams and a missing one refuses them, and AF_UNIX, where a
 * full receiver makes the sender wait.
 */
#include "tests/sim/private.h"

enum { QUEUE = 8, LONGEST = 65507 };

bool
sim_dgram_has_room(const struct sim_file *f)
{
	return f->domain != AF_UNIX || !f->peer || f->peer->n_datagrams < QUEUE;
}

static struct sim_file *
receiver(struct sim_file *f, const struct sockaddr *to, socklen_t len)
{
	if (to && len > 0)
		return sim_named(SIM_DGRAM, f->domain, to, len);
	if (f->domain == AF_UNIX)
		return f->peer && f->peer->refs > 0 ? f->peer : NULL;
	return sim_named(
		SIM_DGRAM, f->domain, &f->peer_name.u.sa, f->peer_name.len);
}

/* A connected UDP socket takes datagrams of its peer alone. */
static bool
takes_from(const struct sim_file *f, const struct sim_file *from)
{
	return f->domain == AF_UNIX || f->peer_name.len == 0 ||
		(f->peer_name.len == from->name.len &&
			memcmp(&f->peer_name.u, &from->name.u,
				from->name.len) == 0);
}

static void
append(struct sim_file *to, const struct sim_file *from, const struct iovec *v,
	size_t n, size_t whole)
{
	struct sim_datagram *g = malloc(sizeof(*g) + whole);
	size_t at = 0;

	if (!g)
		abort();
	g->next = NULL;
	g->from = from->name;
	g->n = whole;
	for (size_t i = 0; i < n; i++) {
		if (v[i].iov_len > 0)
			memcpy(g->data + at, v[i].iov_base, v[i].iov_len);
		at += v[i].iov_len;
	}
	if (to->last)
		to->last->next = g;
	else
		to->first = g;
	to->last = g;
	to->n_datagrams++;
	sim_wake(to);
}

static ssize_t
unreceived(struct sim_file *f, size_t whole, bool connected)
{
	if (f->domain == AF_UNIX)
		return sim_error(f->peer ? ECONNREFUSED : ENOTCONN);
	if (connected) {
		f->err = ECONNREFUSED;
		sim_wake(f);
	}
	return (ssize_t)whole;
}

ssize_t
sim_dgram_send(struct sim_file *f, const struct iovec *v, size_t n,
	const struct sockaddr *to, socklen_t len)
{
	struct sim_file *other;
	size_t whole = 0;

	for (size_t i = 0; i < n; i++)
		whole += v[i].iov_len;
	if (whole > LONGEST)
		return sim_error(EMSGSIZE);
	if (!to && f->peer_name.len == 0 && !f->peer)
		return sim_error(
			f->domain == AF_UNIX ? ENOTCONN : EDESTADDRREQ);
	if (f->err) {
		int err = f->err;

		f->err = 0;
		return sim_error(err);
	}
	if (sim_trouble(SIM_BUFFERS, 20))
		return sim_error(ENOBUFS);
	if (f->name.len == 0 && f->domain != AF_UNIX && sim_name_any(f) < 0)
		return -1;
	other = receiver(f, to, len);
	if (!other)
		return unreceived(f, whole, !to);
	if (other->n_datagrams >= QUEUE) {
		if (f->domain == AF_UNIX)
			return sim_error(EAGAIN);
		return (ssize_t)whole;
	}
	if (takes_from(other, f))
		append(other, f, v, n, whole);
	f->taken += whole;
	return (ssize_t)whole;
}

static void
take_first(struct sim_file *f)
{
	struct sim_datagram *g = f->first;

	f->first = g->next;
	if (!f->first)
		f->last = NULL;
	f->n_datagrams--;
	free(g);
	if (f->peer)
		sim_wake(f->peer);
}

ssize_t
sim_dgram_receive(struct sim_file *f, struct msghdr *m, int flags)
{
	const struct sim_datagram *g = f->first;
	size_t done = 0, whole;

	if (flags & MSG_ERRQUEUE)
		return sim_error(EAGAIN);
	if (f->err) {
		int err = f->err;

		f->err = 0;
		return sim_error(err);
	}
	if (!g)
		return sim_error(EAGAIN);
	whole = g->n;
	for (size_t i = 0; i < m->msg_iovlen && done < whole; i++) {
		size_t left = whole - done;
		size_t k = m->msg_iov[i].iov_len < left ? m->msg_iov[i].iov_len
							: left;

		memcpy(m->msg_iov[i].iov_base, g->data + done, k);
		done += k;
	}
	m->msg_flags = done < whole ? MSG_TRUNC : 0;
	m->msg_controllen = 0;
	if (m->msg_name)
		sim_copy_name(&g->from, m->msg_name, &m->msg_namelen);
	if (!(flags & MSG_PEEK))
		take_first(f);
	return (ssize_t)(flags & MSG_TRUNC ? whole : done);
}

void
sim_dgram_close(struct sim_file *f)
{
	while (f->first)
		take_first(f);
	if (f->peer && f->peer->refs == 0)
		f->peer = f->peer->peer = NULL;
	else if (f->peer)
		sim_wake(f->peer);
}
