/*
 * What the files of sockets/ share.
 *
 * The flags live in the descriptor's `bits'.  What most objects never
 * use (push-back, marks, functions, address strings, the post-loop callback)
 * hangs behind one pointer that is NULL until something of it is asked for.
 */
#ifndef SOCLE_SOCKETS_PRIVATE_H
#define SOCLE_SOCKETS_PRIVATE_H

#include "reactor/core.h"
#include "sockets/class.h"
#include "sockets/names/addr.h"
#include "sockets/names/addr_string.h"
#include "sockets/socket.h"

#include <string.h>

/*
 * Who wants what watched:
 *
 *	READ	USER_READ: event_read;  WRITER_READ: the writer function
 *	WRITE	USER_WRITE: event_write;  QUEUE_WRITE: the queue;
 *		READER_WRITE: the reader function
 */
enum {
	SOCLE__USER_READ = 1 << SOCLE__OWNERS,
	SOCLE__USER_WRITE = 1 << 7,
	SOCLE__QUEUE_WRITE = 1 << 8,
	SOCLE__WRITER_READ = 1 << 9,
	SOCLE__READER_WRITE = 1 << 10, /* ... and no reading meanwhile */
	SOCLE__READING = SOCLE__USER_READ | SOCLE__WRITER_READ,
	SOCLE__WRITING =
		SOCLE__USER_WRITE | SOCLE__QUEUE_WRITE | SOCLE__READER_WRITE,
	SOCLE__OURS = 1 << 11,       /* made by socle_socket_new() */
	SOCLE__IS_SOCKET = 1 << 12,  /* not a pipe or terminal */
	SOCLE__CLOSING = 1 << 13,    /* the class's close is on the stack */
	SOCLE__ENDING = 1 << 14,     /* close_after_flush was called */
	SOCLE__READ_ENDED = 1 << 15, /* the last read was 0 or an error */
	SOCLE__HOLD = 1 << 16,       /* autoflush is off */
	SOCLE__FLUSHING = 1 << 17,   /* a flush or its callbacks run */
	SOCLE__IN_CLOSURE = 1 << 18, /* ... namely a closure: bytes may go */
	SOCLE__TRIED = 1 << 19,      /* a flush was tried in this event */
	SOCLE__BLOCKED = 1 << 20, /* the kernel, or the writer, took no more */
	SOCLE__RETRY = 1 << 21,   /* the timer is to try the write again */
	SOCLE__ABOVE = 1 << 22,   /* the queue is above its high mark */
	SOCLE__CORKED = 1 << 23,
	SOCLE__WRITE_ONLY = 1 << 24, /* what it holds is for another to read */
	SOCLE__IN_WRITER = 1 << 25,  /* the writer function is on the stack */
	SOCLE__CONNECTING = 1 << 26, /* nothing leaves before it is done */
	SOCLE__OF_FAMILY = 1 << 27,  /* the class is of a family */
	SOCLE__READ_HELD = 1 << 28,  /* no reading for a while */
	/* Broken or with an extra part: no straight way for bytes. */
	SOCLE__SPECIAL = 1 << 29,
	SOCLE__IDLES = 1 << 30 /* idle_ms is set: traffic is noted */
};

/*
 * A family of classes has a root of its own below socle_socket_class, whose
 * objects are no streams: they keep what they send and receive themselves.
 */
struct socle__class;
struct socle__family {
	size_t class_size; /* of what begins with a struct socle__class */
	/* The class's further slots, when its own are filled. */
	void (*resolve)(struct socle__class *c);
	void (*forget)(struct socle__class *c);
	void (*flush)(struct socle_socket *s);
	/* What is queued goes; all else too, if the object is closed. */
	void (*drop)(struct socle_socket *s);
	/* Whether something was received and not handed over. */
	bool (*has_unread)(const struct socle_socket *s);
};
extern const struct socle__family socle__dgram_family;

struct socle__class {
	struct socle__descriptor_ops ops;   /* first: how an object knows it */
	struct socle_class flat;            /* every slot filled */
	const struct socle__family *family; /* NULL: streams */
	const struct socle_class *source;
	bool drains; /* somebody wants to know */
	struct socle__class *next;
	size_t live;
	struct socle__profile_counter *counters[SOCLE__ITEM_POST_LOOP + 1];
};

struct socle__pushed {
	struct socle__pushed *next;
	size_t at, len; /* data[at .. len) is unread */
	char data[];
};

struct socle__name {
	int port;
	char *full; /* behind `ip', in the same memory */
	char ip[];
};

struct socle__extra {
	struct socle__pushed *pushed;
	struct socle__name *peer, *local;
	bool (*post_loop)(struct socle_socket *s, void *arg);
	void *post_loop_arg;
	ssize_t (*writer)(struct socle_socket *s, const void *data, size_t len,
		void *arg);
	void *writer_arg;
	ssize_t (*reader)(
		struct socle_socket *s, void *data, size_t len, void *arg);
	void *reader_arg;
	void (*mark)(struct socle_socket *s, bool above, void *arg);
	void *mark_arg;
	size_t low, high, cap;
	int64_t stall_ns; /* 0: none */
	int64_t moved;    /* ns: when queued bytes moved last, or began */
	const char *close_reason;        /* socle_close_after_flush()'s */
	struct socle_factory *connector; /* while connecting */
	struct socle_factory *maker;     /* that counts this object */
};

/* ---- class.c ---- */

/* The class, one of streams, as this loop knows it; -EINVAL, -ENOMEM. */
int socle__class_resolve(struct socle__loop *l, const struct socle_class *cls,
	struct socle__class **ret);
/* The same for one of a family. */
int socle__class_resolve_of(struct socle__loop *l,
	const struct socle_class *cls, const struct socle__family *family,
	struct socle__class **ret);

/* ---- socket.c ---- */

/*
 * As the public ones.  `how': SOCLE__OURS; SOCLE__KNOWN_SOCKET for one that
 * is known to be a socket, non-blocking and close-on-exec; SOCLE__CONNECTING,
 * SOCLE__OF_FAMILY.
 */
enum { SOCLE__KNOWN_SOCKET = SOCLE__IS_SOCKET };
extern const struct socle__descriptor_ops socle__socket_ops;

int socle__socket_make(struct socle_socket *self, struct socle__class *cls,
	int fd, unsigned how);
int socle__socket_new(const struct socle_class *cls, int fd, unsigned how,
	struct socle_socket **ret);

/* The extra part, made on first use; NULL: no memory. */
struct socle__extra *socle__extra_get(struct socle_socket *s);

/* Tells the reactor what the flags ask for. */
void socle__socket_interest(struct socle_socket *s);

/* What says that nobody wants to know. */
void socle__root_drain(struct socle_socket *self);

/* Undoes a make that nobody has seen: the fd is the caller's again. */
int socle__socket_unmake(struct socle_socket *s);

/* dispatch.c: the descriptor's ops */
void socle__socket_ready(struct socle_descriptor *d, unsigned ready, int err);
void socle__socket_read(struct socle_descriptor *d);
bool socle__socket_turn(struct socle_descriptor *d, unsigned turn);

static inline struct socle_socket *
socle__socket_of(struct socle_descriptor *d)
{
	return (struct socle_socket *)(void *)d;
}

static inline struct socle__class *
socle__class_of(const struct socle_socket *s)
{
	return (struct socle__class *)(uintptr_t)s->d.ops;
}

/* Closes without a flush: something is broken. */
void socle__close_broken(struct socle_socket *s, const char *reason);

static inline bool
socle__is_closed(const struct socle_socket *s)
{
	return (s->d.bits & SOCLE__CLOSED) != 0;
}

static inline bool
socle__has(const struct socle_socket *s, uint32_t flag)
{
	return (s->d.bits & flag) != 0;
}

/*
 * Around a user's function that no tick called: nothing is destroyed while
 * one is on the stack.
 */
struct socle__held_call {
	struct socle__call call;
	bool counted;
};

static inline void
socle__held_begin(struct socle_socket *s, struct socle__held_call *h,
	enum socle__item_kind kind)
{
	struct socle__loop *l = socle__loop;

	socle__user_begins(l);
	h->counted = socle__call_begin(&l->profile, &h->call,
		&socle__class_of(s)->counters[kind], kind,
		socle__class_of(s)->flat.name, &s->d);
}

static inline void
socle__held_end(struct socle__held_call *h)
{
	struct socle__loop *l = socle__loop;

	socle__call_end(&l->profile, &h->call, h->counted);
	socle__user_ends(l);
}

/* ---- limits.c ---- */

/*
 * Whether a reader or writer function may be set, or taken away: 1, and there
 * is a place; 0: there is none to take; -EBADF, -EINVAL, -ENOMEM.
 */
int socle__may_set_func(struct socle_socket *s, bool some);

/* ---- read.c ---- */

/* Whether something is to be read that the kernel does not know of. */
bool socle__has_pushed(const struct socle_socket *s);
bool socle__pushed_wanted(const struct socle_socket *s);
void socle__pushed_drop(struct socle__extra *x);

/* ---- queue.c, flush.c, write.c ---- */

enum socle__item_type {
	SOCLE__BYTES,
	SOCLE__BORROWED,
	SOCLE__CLOSURE,
	SOCLE__FILE
};

/*
 * One item of a write queue.  The queue is a ring, known by its last item.
 */
struct socle__item {
	struct socle__item *next;
	enum socle__item_type type;
	size_t len;     /* unsent bytes; 1 for a closure or file */
	const char *at; /* the first of them */
	union {
		size_t room; /* BYTES: free bytes behind them */
		void (*release)(bool sent, void *arg);
		struct {
			void (*fn)(struct socle_socket *s, void *arg);
			void (*drop)(void *arg);
		} closure;
		struct socle__file *file;
	} u;
	void *arg;
	char data[];
};

/* queue.c: the structure alone; it calls nobody but release and drop */
int socle__queue_copy(struct socle_socket *s, const struct iovec *iov, int n,
	size_t skip, size_t len);
int socle__queue_item(struct socle_socket *s, const struct socle__item *item);
struct socle__item *socle__queue_take(struct socle_socket *s);
int socle__queue_gather(
	const struct socle_socket *s, struct iovec *iov, int room, size_t most);
void socle__queue_sent(struct socle_socket *s, size_t n);
void socle__queue_free_head(struct socle_socket *s);
void socle__queue_drop(struct socle_socket *s);
void socle__queue_check(const struct socle_socket *s);

static inline struct socle__item *
socle__queue_head(const struct socle_socket *s)
{
	return s->queue ? s->queue->next : NULL;
}

/* requires: of bytes, with that much room */
static inline void
socle__block_fill(struct socle__item *item, const void *from, size_t n)
{
	memcpy(item->data + (item->at - item->data) + item->len, from, n);
	item->len += n;
	item->u.room -= n;
}

/* Small bytes behind small bytes: whether there was room. */
static inline bool
socle__queue_append(struct socle_socket *s, const void *data, size_t len)
{
	struct socle__item *last = s->queue;

	if (!last || last->type != SOCLE__BYTES || last->u.room < len)
		return false;
	socle__block_fill(last, data, len);
	s->queued += len;
	return true;
}

/*
 * Around a callback whose writes are to be queued.  requires: open; what
 * begins returns goes to ends
 */
static inline uint32_t
socle__callback_begins(struct socle_socket *s)
{
	uint32_t before = s->d.bits;

	s->d.bits |= SOCLE__FLUSHING;
	s->d.bits &= ~(uint32_t)SOCLE__IN_CLOSURE;
	socle__user_begins(socle__loop);
	return before & (SOCLE__FLUSHING | SOCLE__IN_CLOSURE);
}

static inline void
socle__callback_ends(struct socle_socket *s, uint32_t before)
{
	socle__user_ends(socle__loop);
	if (socle__is_closed(s))
		return;
	s->d.bits &= ~(uint32_t)SOCLE__FLUSHING;
	s->d.bits |= before;
}

/* flush.c */
void socle__flush(struct socle_socket *s);
/*
 * A flush by the tick or a close, inside one of this object too: a callback of
 * that may close, or run a loop of its own.  Not under the writer function,
 * which has the head of the queue in hand.
 */
void socle__flush_anew(struct socle_socket *s);
/* Hands bytes to the kernel or the writer: how many, or -errno. */
ssize_t socle__transmit(struct socle_socket *s, const struct iovec *iov, int n);
/* A write found no room: `err' says why; it waits. */
void socle__write_blocked(struct socle_socket *s, int err);
/* From now on nothing is written any more: `err' says why. */
void socle__write_error_set(struct socle_socket *s, int err);
/* A write failed: closes; returns err. */
int socle__write_failed(struct socle_socket *s, int err);
/* The same when write_error is set; `reason' is told to the class. */
void socle__write_broken(struct socle_socket *s, const char *reason);
/* Whether an error only means: try later. */
bool socle__try_later(ssize_t err);
void socle__marks_tell(struct socle_socket *s);
void socle__run_closure(struct socle_socket *s,
	void (*fn)(struct socle_socket *s, void *arg), void *arg);

/* For sending: iov_base is no const for the sake of those who receive. */
static inline struct iovec
socle__iovec(const void *data, size_t len)
{
	union {
		const void *from;
		void *base;
	} v = {data};

	return (struct iovec){.iov_base = v.base, .iov_len = len};
}

/* ---- write.c, sendfile.c ---- */

/* 0, or why nothing of this length may be queued now. */
int socle__write_refusal(const struct socle_socket *s, size_t len);
/* Something was queued: it goes as autoflush says.  What a write returns. */
int socle__write_queued(struct socle_socket *s, bool was_empty);

/* Sends of the file that heads the queue: how many bytes. */
size_t socle__flush_file(
	struct socle_socket *s, struct socle__file *f, size_t budget);
/* The queue lets it go unsent. */
void socle__file_drop(struct socle_socket *s, struct socle__file *f);

/* ---- timeouts.c ---- */

void socle__socket_timer(struct socle_timer *t);
void socle__timeouts_rearm(struct socle_socket *s);
void socle__write_retry_later(struct socle_socket *s);
void socle__stall_begins(struct socle_socket *s);

static inline void
socle__active(struct socle_socket *s)
{
	if (socle__has(s, SOCLE__IDLES))
		s->active = socle__now(socle__loop);
}

/* Queued bytes moved, or begin to wait. */
static inline void
socle__moved(struct socle_socket *s)
{
	socle__active(s);
	if (s->extra && s->extra->stall_ns)
		s->extra->moved = socle__now(socle__loop);
}

/* ---- factory.c, connect.c, dispatch.c ---- */

/* An object that a factory counts is gone. */
void socle__factory_lost(struct socle_factory *f);
/* The object closes, or is stolen, before it is connected. */
void socle__connect_cancel(struct socle_socket *s);
/* It is connected (0), or not (-errno): the class is told. */
void socle__connect_told(struct socle_socket *s, int err);

/* ---- strings.c, cork.c ---- */

int socle__socket_as_string(
	const struct socle_socket *s, char *buf, size_t size);

#endif
