/*
 * Creating a datagram object for an fd, and setting its parameters.
 */
#include "sockets/dgram/dgram.h"

#include "reactor/reactor.h"
#include "sockets/dgram/call.h"
#include "sockets/dgram/later.h"
#include "sockets/dgram/options.h"
#include "sockets/dgram/state.h"
#include "sockets/init.h"
#include "sockets/memory.h"

#include "seam.h"

#include <limits.h>
#include <string.h>

static int
check(const struct socle_dgram_params *p)
{
	return p->recv_len > INT_MAX ? -EINVAL : 0;
}

static void
normalize(struct socle_dgram_params *p)
{
	if (p->recv_len == 0)
		p->recv_len = 65536;
	if (p->recv_batch > SOCLE__DGRAM_BATCH)
		p->recv_batch = SOCLE__DGRAM_BATCH;
	if (p->recv_batch == 0)
		p->recv_batch = 1;
}

static void
flag_set(struct socle_dgram *d, uint32_t flag, bool on)
{
	d->flags &= ~flag;
	if (on)
		d->flags |= flag;
}

static int
make(struct socle_dgram *d, struct socle__class *c, int fd, unsigned how,
	const struct socle_dgram_params *p)
{
	struct socle_dgram_params params = {.arg = NULL};
	uint32_t flags = 0;
	int err;

	if (p)
		params = *p;
	if ((err = check(&params)) < 0 ||
		(err = socle__dgram_type(fd, &flags)) < 0)
		return err;
	if (socle__descriptor_at(socle__reactor, fd))
		return -EEXIST;
	if (params.pktinfo && (err = socle__dgram_pktinfo(fd, true)) < 0)
		return err;
	err = socle__socket_init(&d->sock, c, fd, how);
	if (err < 0) {
		if (params.pktinfo)
			(void)socle__dgram_pktinfo(fd, false);
		return err;
	}
	socle__dgram_clear(d);
	normalize(&params);
	d->p = params;
	d->flags = flags;
	flag_set(d, SOCLE__DGRAM_PKT, params.pktinfo);
	flag_set(d, SOCLE__DGRAM_JOINED_IN,
		params.gro && socle__dgram_join_in(fd, true));
	flag_set(d, SOCLE__DGRAM_JOINED_OUT,
		params.gso && socle__dgram_join_out(fd));
	if (socle__dgram_has_on_recv(d))
		socle_watch_read(&d->sock, true);
	return 0;
}

static int
class_resolve(const struct socle_dgram_class *cls, struct socle__class **ret)
{
	struct socle__reactor *r = socle__reactor_get();
	struct socle__class *c;
	int err;

	if (!r)
		return -ENOMEM;
	err = socle__class_resolve(r, cls ? &cls->cls : NULL, &c);
	if (err < 0)
		return err;
	if (c->transport != &socle__dgram_transport)
		return -EINVAL;
	*ret = c;
	return 0;
}

int
socle_dgram_init(struct socle_dgram *d, const struct socle_dgram_class *cls,
	int fd, const struct socle_dgram_params *p)
{
	struct socle__class *c;
	int err = class_resolve(cls, &c);

	return err < 0 ? err : make(d, c, fd, 0, p);
}

SOCLE__CONSTRUCTOR int
socle_dgram_new(const struct socle_dgram_class *cls, int fd,
	const struct socle_dgram_params *p, struct socle_dgram **ret)
{
	struct socle__class *c;
	struct socle_dgram *d;
	int err = class_resolve(cls, &c);

	if (err < 0)
		return err;
	if (!(d = socle__memory_take(socle__reactor, c->flat.size)))
		return -ENOMEM;
	memset(d, 0, c->flat.size);
	if ((err = make(d, c, fd, SOCLE__ALLOCATED, p)) < 0) {
		socle__memory_give(socle__reactor, d, c->flat.size);
		return err;
	}
	*ret = d;
	return 0;
}

/* X(bit, field) for each parameter */
#define STORED(X)                                                              \
	X(ON_RECV, on_recv)                                                    \
	X(ON_RECV_ERROR, on_recv_error)                                        \
	X(ON_SEND_ERROR, on_send_error)                                        \
	X(ON_OUTGOING_EMPTY, on_outgoing_empty)                                \
	X(AUTOFLUSH, autoflush)                                                \
	X(RECV_LEN, recv_len)                                                  \
	X(RECV_ALL, recv_all)                                                  \
	X(SEND_ALL, send_all)                                                  \
	X(RECV_BATCH, recv_batch)                                              \
	X(MAX_QUEUE_BYTES, max_queue_bytes)                                    \
	X(MAX_QUEUE_ITEMS, max_queue_items)                                    \
	X(PKTINFO, pktinfo)                                                    \
	X(GRO, gro)                                                            \
	X(GSO, gso)                                                            \
	X(ARG, arg)

#define STORE(bit, field)                                                      \
	if (which & SOCLE_DGRAM_##bit)                                         \
		to.field = p->field;

/* Sets the socket options that the new parameters need; 0 or -errno. */
static int
options_follow(struct socle_dgram *d, const struct socle_dgram_params *to,
	unsigned which)
{
	int err;

	if (to->pktinfo != d->p.pktinfo) {
		err = socle__dgram_pktinfo(d->sock.d.fd, to->pktinfo);
		if (err < 0)
			return err;
		flag_set(d, SOCLE__DGRAM_PKT, to->pktinfo);
	}
	if (to->gro && !d->p.gro)
		flag_set(d, SOCLE__DGRAM_JOINED_IN,
			socle__dgram_join_in(d->sock.d.fd, true));
	else if (!to->gro && d->flags & SOCLE__DGRAM_JOINED_IN &&
		socle__dgram_join_in_end(d->sock.d.fd))
		flag_set(d, SOCLE__DGRAM_JOINED_IN, false);
	if (which & SOCLE_DGRAM_GSO)
		flag_set(d, SOCLE__DGRAM_JOINED_OUT,
			to->gso &&
				socle__dgram_join_out(socle__dgram_out_fd(d)));
	return 0;
}

int
socle_dgram_configure(struct socle_dgram *d, const struct socle_dgram_params *p,
	unsigned which)
{
	struct socle_dgram_params to = d->p;
	bool had = socle__dgram_has_on_recv(d);
	int err;

	if (socle__is_closed(&d->sock))
		return -EBADF;
	STORED(STORE)
	if ((err = check(&to)) < 0 || (err = options_follow(d, &to, which)) < 0)
		return err;
	normalize(&to);
	d->p = to;
	if (socle__dgram_has_on_recv(d) != had)
		socle_watch_read(&d->sock, !had);
	return 0;
}
