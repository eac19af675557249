/*
 * A socket that receives and sends many datagrams with one system call each.
 *
 * What one call has received is delivered in one turn of the loop.  The answers
 * wait for its end, so that those for one client can follow each other: of
 * several that are equally long the kernel makes one way through the network,
 * which is half of the work (gso).
 */
#include "udp.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum { BATCH = 64, KERNEL_BUFFER = 4 << 20, QUEUE_MOST = 4 << 20 };

struct reply {
	struct socle_packet to; /* what it is the answer to, without its data */
	size_t size;            /* 0: it was sent */
	uint8_t bytes[UDP_MOST];
};

struct udp {
	struct socle_dgram dgram; /* the base, first */
	const struct zone *zone;
	unsigned n;
	struct reply replies[BATCH];
};

static bool
are_alike(const struct reply *a, const struct reply *b)
{
	const struct socle_addr *to = &a->to.from;

	return a->size == b->size && to->len == b->to.from.len &&
		memcmp(&to->u, &b->to.from.u, to->len) == 0;
}

/*
 * An answer that cannot be sent, or finds the queue full, is lost as datagrams
 * are: the client asks again.  The library sends none to port 0, which a client
 * cannot have.
 */
static void
reply_send(struct udp *u, struct reply *r)
{
	(void)socle_dgram_reply(&u->dgram, &r->to, r->bytes, r->size);
	r->size = 0;
}

static void
replies_send(struct udp *u)
{
	struct reply *end = u->replies + u->n;

	for (struct reply *r = u->replies; r < end; r++) {
		for (struct reply *next = r + 1; r->size > 0 && next < end;
			next++)
			if (are_alike(r, next))
				reply_send(u, next);
		if (r->size > 0)
			reply_send(u, r);
	}
	u->n = 0;
}

static bool
udp_turn_ends(struct socle_socket *s, void *arg)
{
	(void)s;
	replies_send(arg);
	return true;
}

static void
udp_on_recv(struct socle_dgram *self, const struct socle_packet *p)
{
	struct udp *u = socle_container_of(self, struct udp, dgram);
	struct reply *r = &u->replies[u->n];

	r->size = answer_udp(u->zone, p->data, p->len, r->bytes);
	if (r->size == 0)
		return;
	r->to = *p;
	if (++u->n == BATCH)
		replies_send(u);
}

static const struct socle_dgram_class udp_class = {
	.cls = {.name = "DnsUdp",
		.super = &socle_dgram_class.cls,
		.size = sizeof(struct udp)},
	.on_recv = udp_on_recv,
};

/*
 * At a wildcard address an answer must come from the address that was asked:
 * only with `pktinfo' is that known.
 */
static int
options_set(struct socle_dgram *d)
{
	struct socle_dgram_params p = {.pktinfo = true};
	const char *ip = socle_local_ip_string(&d->sock);
	int size = KERNEL_BUFFER;

	/* Bursts wait there.  The kernel may allow less, which is no error. */
	(void)setsockopt(
		socle_fd(&d->sock), SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	if (!ip)
		return -ENOMEM;
	if (strcmp(ip, "0.0.0.0") != 0 && strcmp(ip, "::") != 0)
		return 0;
	return socle_dgram_configure(d, &p, SOCLE_DGRAM_PKTINFO);
}

/* The socket that a service manager or a predecessor has passed, or a new one. */
static int
socket_open(const char *where, const struct socle_dgram_params *p,
	struct socle_dgram **ret)
{
	int err, fd = socle_service_datagram(where);

	if (fd == -ENOENT)
		return socle_dgram_open(where, true, &udp_class, p, ret);
	if (fd < 0)
		return fd;
	if ((err = socle_dgram_new(&udp_class, fd, p, ret)) < 0)
		close(fd);
	return err;
}

int
udp_open(const char *where, const struct zone *zone, struct socle_dgram **ret)
{
	static const struct socle_dgram_params p = {
		.recv_len = UDP_MOST,
		.recv_batch = BATCH,
		.max_queue_bytes = QUEUE_MOST,
		.gso = true,
	};
	struct socle_dgram *d;
	struct udp *u;
	int err = socket_open(where, &p, &d);

	if (err < 0)
		return err;
	u = socle_container_of(d, struct udp, dgram);
	u->zone = zone;
	err = options_set(d);
	if (err == 0)
		err = socle_set_socket_post_loop_callback(
			&d->sock, udp_turn_ends, u);
	if (err < 0)
		socle_close(&d->sock, "no memory");
	else
		*ret = d;
	return err;
}

void
udp_drain(struct socle_dgram *d)
{
	replies_send(socle_container_of(d, struct udp, dgram));
	socle_dgram_close_when_empty(d);
}
