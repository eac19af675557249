/*
 * What the files of dgrams share.
 *
 * Below the class: dgram_queue.c keeps the outgoing datagrams, dgram_call.c
 * hands them to the kernel, dgram_send.c says when; dgram_room.c is the memory
 * that datagrams are received in, dgram_receive.c hands them over.
 */
#ifndef SOCLE_SOCKETS_DGRAM_PRIVATE_H
#define SOCLE_SOCKETS_DGRAM_PRIVATE_H

#include "sockets/dgram/dgram.h"
#include "sockets/private.h"

#include "system.h"

#include <netinet/in.h>
#include <sys/socket.h>

struct socle__dgram_source;

/* struct socle_dgram.flags */
enum {
	SOCLE__DGRAM_ENDS = 1,     /* a read of 0 is the end */
	SOCLE__DGRAM_PIECES = 2,   /* a stream: a part of a send may go */
	SOCLE__DGRAM_IN_ONES = 4,  /* there is no recvmmsg */
	SOCLE__DGRAM_OUT_ONES = 8, /* there is no sendmmsg */
	SOCLE__DGRAM_PKT = 16,     /* these three: asked for and to be had */
	SOCLE__DGRAM_JOINED_IN = 32,
	SOCLE__DGRAM_JOINED_OUT = 64
};

enum { SOCLE__DGRAM_BATCH = 64 };

/* A class with the rest of its slots, and what its objects share. */
struct socle__dgram_resolved {
	struct socle__class c; /* first */
	void (*on_recv)(struct socle_dgram *self, const struct socle_packet *p);
	void (*on_recv_error)(struct socle_dgram *self, int err);
	void (*on_send_error)(struct socle_dgram *self, int err,
		const struct socle_packet *p);
	void (*on_outgoing_empty)(struct socle_dgram *self);
	struct socle__dgram_room *room;   /* of nobody now */
	struct socle__dgram_room *lent;   /* to a queue */
	struct socle__dgram_block *spare; /* an empty one */
};

static inline struct socle__dgram_resolved *
socle__dgram_class_of(const struct socle_dgram *d)
{
	return socle_container_of(
		socle__class_of(&d->sock), struct socle__dgram_resolved, c);
}

static inline struct socle_dgram *
socle__dgram_of(struct socle_socket *s)
{
	return socle_container_of(s, struct socle_dgram, sock);
}

static inline bool
socle__dgram_has_on_recv(const struct socle_dgram *d)
{
	return d->p.on_recv || socle__dgram_class_of(d)->on_recv;
}

/* ---- dgram.c: the handlers ---- */

void socle__dgram_recv_error(struct socle_dgram *d, int err);
void socle__dgram_send_error(
	struct socle_dgram *d, int err, const struct socle_packet *p);
void socle__dgram_emptied(struct socle_dgram *d);

/* Tries again later, if the timer does not say sooner. */
void socle__dgram_look_again(struct socle_dgram *d, unsigned ms);

/* All but its socket, empty. */
void socle__dgram_begin(struct socle_dgram *d);

/* ---- dgram_options.c ---- */

/* What kind of socket it is. */
int socle__dgram_type(int fd, uint32_t *flags);
int socle__dgram_pktinfo(int fd, bool on);
/* Whether datagrams can be received, or sent, joined. */
bool socle__dgram_join_in(int fd, bool on);
bool socle__dgram_join_out(int fd);
/* Room for what comes with a message. */
size_t socle__dgram_control_len(const struct socle_dgram *d);
/* Fills in `to' and `ifindex'; the length of each of joined ones, or 0. */
size_t socle__dgram_control_read(
	struct socle_dgram *d, struct msghdr *m, struct socle_packet *p);
/* requires: msg_control has room, msg_controllen of it is used */
void socle__dgram_control_source(
	struct msghdr *m, const struct socle__dgram_source *source);
void socle__dgram_control_segment(struct msghdr *m, size_t segment);
/* The next of what the kernel keeps: -errno; 1: no error; 0: no more. */
int socle__dgram_kept_error(int fd);

/* ---- dgram_room.c, dgram_receive.c ---- */

struct socle__dgram_room {
	unsigned users; /* calls of on_recv that look into it */
	unsigned lent;  /* items of a queue that have their data in it */
	struct socle__dgram_resolved *lender; /* whose `lent' it is then */
	unsigned n, next; /* messages in it; the first not handed over */
	size_t at;        /* of that one, the bytes that were */
	size_t segment;   /* of that one: the length of each; 0: it is one */
	int err;          /* what the kernel said behind them */
	unsigned slots;
	size_t len;     /* of a slot */
	size_t most;    /* of a datagram's data: recv_len */
	size_t control; /* bytes of a slot's control data */
	size_t bytes;   /* of memory, from `memory' on */
	struct socle__message *messages;
	struct iovec *iov;
	struct socle_packet *packets;
	char *controls;
	_Alignas(max_align_t) char memory[];
};

/* Empty and fit for what `d' is to receive, as d->room; NULL: no memory. */
struct socle__dgram_room *socle__dgram_room_get(struct socle_dgram *d);
/* The object does not need it any more. */
void socle__dgram_room_put(struct socle_dgram *d);
void socle__dgram_room_end(struct socle_dgram *d);
/* Nobody looks into it, and it is not the object's. */
void socle__dgram_room_leave(
	struct socle_dgram *d, struct socle__dgram_room *r);
/* Where `data' are, if they may stay there until they are sent, or NULL. */
struct socle__dgram_room *socle__dgram_room_to_lend(
	struct socle_dgram *d, const void *data);
void socle__dgram_room_lend(struct socle_dgram *d, struct socle__dgram_room *r);
void socle__dgram_room_give_back(
	struct socle_dgram *d, struct socle__dgram_room *r);
/* Ready for another call. */
void socle__dgram_room_clean(
	struct socle__dgram_room *r, unsigned from, unsigned to);

static inline bool
socle__dgram_has_unread(const struct socle_dgram *d)
{
	return d->room && d->room->next < d->room->n;
}

void socle__dgram_receive(struct socle_dgram *d);

/* ---- dgram_queue.c ---- */

/* Where a reply is to come from. */
struct socle__dgram_source {
	sa_family_t family;
	union {
		struct in_addr in;
		struct in6_addr in6;
	} u;
};

/* A datagram on its way out. */
struct socle__outgoing {
	const void *data;
	size_t len;
	int flags;
	const void *to;
	socklen_t to_len;
	const struct socle__dgram_source *source; /* or NULL */
};

/* The same in the queue, behind it its address, its source, and mostly data. */
struct socle__dgram_item {
	size_t size;                    /* of all of it */
	struct socle__dgram_room *room; /* that data are in; NULL: in none */
	struct socle__outgoing o;       /* what of it is not sent yet */
};

/* Items one behind another; those in [at, used) are to be sent. */
struct socle__dgram_block {
	struct socle__dgram_block *next;
	size_t at, used, room;
	unsigned pins; /* calls that look into it */
	bool left;     /* the queue, so that the last of them frees it */
	_Alignas(max_align_t) char data[];
};

struct socle__dgram_cursor {
	const struct socle__dgram_block *block;
	size_t at;
};

int socle__dgram_enqueue(
	struct socle_dgram *d, const struct socle__outgoing *o);
/* requires: not empty */
struct socle__dgram_item *socle__dgram_head(const struct socle_dgram *d);
void socle__dgram_pop(struct socle_dgram *d);
/* `n' bytes of the head went; requires: more than those are left of it */
void socle__dgram_shorten(struct socle_dgram *d, size_t n);
/* All of it is told to have been cancelled, in order. */
void socle__dgram_queue_drop(struct socle_dgram *d);
/* The head fails: it leaves the queue, and is told. */
void socle__dgram_queue_fail(struct socle_dgram *d, int err);
void socle__dgram_queue_check(const struct socle_dgram *d);

static inline struct socle__dgram_cursor
socle__dgram_cursor(const struct socle_dgram *d)
{
	struct socle__dgram_cursor c = {d->first, d->first ? d->first->at : 0};

	return c;
}

/* The next item to be sent, or NULL. */
static inline const struct socle__dgram_item *
socle__dgram_next(struct socle__dgram_cursor *c)
{
	const void *p;

	while (c->block && c->at == c->block->used) {
		c->block = c->block->next;
		c->at = c->block ? c->block->at : 0;
	}
	if (!c->block)
		return NULL;
	p = c->block->data + c->at;
	c->at += ((const struct socle__dgram_item *)p)->size;
	return p;
}

/* ---- dgram_call.c ---- */

/* The fd that it sends by. */
int socle__dgram_out_fd(const struct socle_dgram *d);
/* Bytes, or -errno. */
ssize_t socle__dgram_transmit(
	struct socle_dgram *d, const struct socle__outgoing *o);
/*
 * Sends of the queue by one call, at most `most' messages, and takes off what
 * went: how many datagrams; 0: a part of one; -errno, which is the head's.
 */
int socle__dgram_transmit_queue(struct socle_dgram *d, unsigned most);

/* ---- dgram_send.c, dgram_writer.c ---- */

void socle__dgram_flush(struct socle_socket *s);
/* Wants to hear of writability of the fd that it sends by. */
void socle__dgram_want_write(struct socle_dgram *d, bool on);
/* Closes the fd of its own for sending. */
void socle__dgram_writer_end(struct socle_dgram *d);

struct socle__dgram_writer {
	struct socle_descriptor d; /* first */
	struct socle_dgram *owner; /* NULL: let go */
	uint32_t flags;            /* the owner's, for its reading fd */
};

#endif
