/*
 * The base object: its flags, its rarely used state, and calling its class.
 *
 * The flags are in the descriptor's `bits'.  State that most objects never use
 * (pushed-back data, marks, reader and writer functions, address strings, the
 * post-loop callback) is behind one pointer, which is NULL until it is needed.
 */
#ifndef SOCLE_SOCKETS_OBJECT_H
#define SOCLE_SOCKETS_OBJECT_H

#include "reactor/callback.h"
#include "reactor/descriptor_ops.h"
#include "reactor/state.h"
#include "sockets/class_cache.h"
#include "sockets/socket.h"

/*
 * Which flag watches an event, and on whose behalf:
 *
 *	READ	USER_READ: the application
 *		WRITER_READ: the writer function
 *	WRITE	USER_WRITE: the application
 *		QUEUE_WRITE: the write queue
 *		READER_WRITE: the reader function; reading pauses meanwhile
 */
enum {
	SOCLE__USER_READ = 1 << SOCLE__OWNER_SHIFT,
	SOCLE__USER_WRITE = 1 << 8,
	SOCLE__QUEUE_WRITE = 1 << 9,
	SOCLE__WRITER_READ = 1 << 10,
	SOCLE__READER_WRITE = 1 << 11,
	SOCLE__READING = SOCLE__USER_READ | SOCLE__WRITER_READ,
	SOCLE__WRITING =
		SOCLE__USER_WRITE | SOCLE__QUEUE_WRITE | SOCLE__READER_WRITE,
	SOCLE__ALLOCATED = 1 << 12,  /* by socle_socket_new() */
	SOCLE__IS_SOCKET = 1 << 13,  /* not a pipe or terminal */
	SOCLE__CLOSING = 1 << 14,    /* the class's close is on the stack */
	SOCLE__ENDING = 1 << 15,     /* socle_close_after_flush() was called */
	SOCLE__READ_ENDED = 1 << 16, /* the last read was 0 or an error */
	SOCLE__HOLD = 1 << 17,       /* autoflush is off */
	SOCLE__PUMPING = 1 << 18,    /* a pump is on the stack */
	SOCLE__BLOCKED = 1 << 19,   /* the kernel or the writer takes no more */
	SOCLE__RETRY = 1 << 20,     /* the timer will retry the write */
	SOCLE__ABOVE = 1 << 21,     /* the queue is above its high mark */
	SOCLE__LINGERING = 1 << 22, /* ENDING, and input is discarded */
	SOCLE__IN_WRITER = 1 << 23, /* the writer function is on the stack */
	SOCLE__CONNECTING = 1 << 24, /* writes wait for the connection */
	SOCLE__READ_HELD = 1 << 25,  /* receiving pauses: out of memory */
	/* No direct path: an extra part, a write error, or no stream. */
	SOCLE__SPECIAL = 1 << 26,
	SOCLE__IDLES = 1 << 27,     /* idle_ms is set: traffic is recorded */
	SOCLE__UNDRAINED = 1 << 28, /* call event_drain when it is empty */
	SOCLE__IN_INCOMPLETE = 1 << 29, /* incomplete_write is on the stack */
	SOCLE__REPORTING = 1 << 30 /* in a callback whose writes are queued */
};

/* struct socle_descriptor.fd_flags */
enum {
	SOCLE__FD_MESSAGES = 1,     /* each write is one message */
	SOCLE__FD_WAS_BLOCKING = 2, /* to be blocking again when it is closed */
	SOCLE__FD_CORKED = 4,
	SOCLE__FD_KEPT = 8 /* the library never closes it */
};

struct socle__extra {
	struct socle_socket *owner;
	struct socle__pushed *pushed;
	struct socle__name *peer, *local;
	struct socle__post_loop post_loop;
	bool (*post_loop_fn)(struct socle_socket *s, void *arg);
	void *post_loop_arg;
	ssize_t (*writer)(struct socle_socket *s, const void *data, size_t len,
		void *arg);
	void *writer_arg;
	ssize_t (*reader)(
		struct socle_socket *s, void *data, size_t len, void *arg);
	void *reader_arg;
	bool reader_holds; /* the reader may hold more: the last result was > 0 */
	void (*mark)(struct socle_socket *s, bool above, void *arg);
	void *mark_arg;
	size_t low, high, cap;
	int64_t stall_ns; /* 0: none */
	int64_t moved;    /* ns: when bytes were last sent, or first queued */
	const char *close_reason;            /* socle_close_after_flush()'s */
	int64_t linger_silence, linger_most; /* ns */
	int64_t linger_end;                  /* LINGERING: the time */
	size_t capacity; /* size of the object, if larger than its class's */
	/* The factory that connects or counts this object; leaving it. */
	struct socle_factory *factory;
	void (*leave_factory)(struct socle_socket *s);
	void (*ask_factory)(struct socle_socket *s); /* CONNECTING: is it? */
};

static inline struct socle_socket *
socle__socket_of(struct socle_descriptor *d)
{
	return (struct socle_socket *)(void *)d;
}

/* requires: the fd is a socket object's */
static inline struct socle_socket *
socle__socket_at(int fd)
{
	return socle__socket_of(socle__reactor->map[fd]);
}

/* The object of an fd, a hidden one too; NULL: there is none. */
static inline struct socle_socket *
socle__object_at(int fd)
{
	struct socle_descriptor *d = socle__descriptor_at(socle__reactor, fd);

	return d && d->ops->ready == socle__socket_ops.ready
		? socle__socket_of(d)
		: NULL;
}

static inline struct socle__class *
socle__class_of(const struct socle_socket *s)
{
	return (struct socle__class *)(uintptr_t)s->d.ops;
}

static inline bool
socle__has(const struct socle_socket *s, uint32_t flag)
{
	return (s->d.bits & flag) != 0;
}

static inline bool
socle__fd_is(const struct socle_socket *s, unsigned flag)
{
	return (s->d.fd_flags & flag) != 0;
}

/* The bytes of the object, which its class may have been changed to use less of. */
static inline size_t
socle__object_size(const struct socle_socket *s)
{
	return s->extra && s->extra->capacity ? s->extra->capacity
					      : socle__class_of(s)->flat.size;
}

static inline bool
socle__is_closed(const struct socle_socket *s)
{
	return socle__has(s, SOCLE__CLOSED);
}

/*
 * Whether a callback has closed the object, or forked and this is the child.  The
 * operation under way then ends.
 */
static inline bool
socle__is_gone(const struct socle_socket *s)
{
	return socle__is_closed(s) || socle__is_forked(socle__reactor);
}

/* 0; -EBADF if the object is closed; -EINVAL if it is not a stream. */
static inline int
socle__stream_refusal(const struct socle_socket *s)
{
	if (socle__is_closed(s))
		return -EBADF;
	return socle__class_of(s)->transport->is_stream ? 0 : -EINVAL;
}

static inline void
socle__flush(struct socle_socket *s)
{
	socle__class_of(s)->transport->flush(s);
}

/* Precedes a call of a method or closure; socle__callback_end() follows it. */
static inline void
socle__object_callback_begin(struct socle_socket *s, struct socle__callback *c,
	enum socle__item_kind kind)
{
	struct socle__class *cls = socle__class_of(s);

	socle__callback_begin(socle__reactor, c, &cls->counters[kind], kind,
		cls->flat.name, &s->d);
}

/* The extra part, allocated on first use; NULL if memory ran out. */
struct socle__extra *socle__extra_get(struct socle_socket *s);

/* Derives from the flags what the kernel should watch. */
void socle__socket_interest(struct socle_socket *s);

enum { SOCLE__LINGER_SILENCE_S = 2, SOCLE__LINGER_MOST_S = 30 };

/*
 * Prepares for setting (`is_set') or removing a reader or writer function.
 * 1: there is an extra part; 0: there is nothing to remove; -EBADF, -EINVAL,
 * -ENOMEM.
 */
int socle__may_set_func(struct socle_socket *s, bool is_set);

#endif
