/*
 * The state of a thread's reactor.
 *
 * There is one for each thread that uses the library, reached by a
 * thread-local pointer.  struct socle_loop, which the public interface hands
 * to other threads, is only a handle for posting to it (reactor/mailbox.h).
 */
#ifndef SOCLE_REACTOR_STATE_H
#define SOCLE_REACTOR_STATE_H

#include "profiling/calls.h"
#include "reactor/counts.h"
#include "reactor/descriptor_ops.h"
#include "reactor/loop.h"
#include "timers/clock.h"
#include "timers/store.h"

#include "system.h"

#include <errno.h>

/* struct socle__reactor.interrupted */
enum {
	SOCLE__STOPPED = 1, /* every loop on the stack returns */
	SOCLE__RESET = 2,   /* ... and the tick under way does nothing more */
	SOCLE__FORKED = 4, /* in a child that has not called socle_after_fork */
	SOCLE__BROKEN = 8  /* the wake-up fd was closed: the loops fail */
};

/*
 * A part of the library that keeps something in the reactor.  It registers
 * itself when it first does, and these functions are called in the order of
 * enum socle__part_order.  NULL: nothing to do.
 */
struct socle__reactor;
struct socle__part {
	/* socle_reset(), or the end of the thread */
	void (*reset)(struct socle__reactor *r);
	/* After all were reset: drops arguments that `reset' has set aside. */
	void (*drop)(struct socle__reactor *r);
	/* The reactor is being freed. */
	void (*free)(struct socle__reactor *r);
	/* In a child, inside fork(2): must not affect the parent. */
	void (*forked)(struct socle__reactor *r);
	/* In a child, by socle_after_fork(): fds of its own; 0 or -errno. */
	int (*reopen)(struct socle__reactor *r);
};

enum socle__part_order {
	SOCLE__PART_DESCRIPTORS,
	SOCLE__PART_FACTORIES,
	SOCLE__PART_TIMERS,
	SOCLE__PART_TIMER_IDS,
	SOCLE__PART_SIGNALS,
	SOCLE__PART_CONSOLE,
	SOCLE__PART_DRAIN,
	SOCLE__PART_MAILBOX,
	SOCLE__PART_DEFERRED,
	SOCLE__PART_BACKEND,
	SOCLE__PART_MEASURE,
	SOCLE__PART_CLASSES,
	SOCLE__PART_SPARES,
	SOCLE__PART_SLABS,
	SOCLE__PARTS
};

/*
 * An event, as the backends translate it.  The layout is that of
 * Linux's struct epoll_event, so that epoll has nothing left to translate.
 */
struct socle__event {
	uint32_t ready;  /* SOCLE_ bits; above them, the errno of a refusal */
	uint64_t cookie; /* the generation above the fd */
}
#ifdef __x86_64__
__attribute__((packed))
#endif
;

/* A callback at the end of every tick, in a list of its own. */
struct socle__post_loop {
	struct socle__post_loop *next, *prev; /* NULL: not in the list */
	/* NULL in a mark; false ends the loop */
	bool (*run)(struct socle__post_loop *p);
};

/* The argument of a registered callback; reactor/owned_arg.h. */
struct socle__arg_use;
struct socle__owned_arg {
	void *arg;
	void (*drop)(void *arg);    /* NULL: nothing to release */
	struct socle__arg_use *use; /* the outermost call under way */
};

/* Memory of objects, by the number of lines of each; sockets/memory.h. */
struct socle__slab;
enum { SOCLE__SLAB_SIZES = 9 };

/* A message that waits for the log hook; reactor/log.c. */
enum { SOCLE__LOG_LONGEST = 1024 };
struct socle__log_message {
	struct socle__log_message *next;
	int level;
	char *text;
};

struct socle_factory;
struct socle__class;
struct socle__deferred;
struct socle__item;
struct socle__measure;

struct socle__reactor {
	/* fields that every tick touches, next to each other */
	const struct socle__backend *backend; /* NULL until started */
	struct socle_descriptor **map;        /* by fd */
	size_t map_size;                      /* a power of two */
	struct socle__event *batch;
	size_t batch_n, batch_size;
	struct socle__event *next, *end; /* of the batch, during dispatch */
	unsigned straight;    /* events that go to `read'; 0 while observed */
	int depth;            /* loops on the stack */
	unsigned interrupted; /* SOCLE__STOPPED and so on */
	unsigned in_callback; /* application functions on the stack */
	unsigned forked_in;   /* of them, when this child was forked */
	unsigned callbacks;   /* ... called so far */
	int timeout_ms;
	unsigned open[SOCLE__TURNS]; /* descriptors with each turn open */
	int64_t now;
	bool now_known;      /* `now' was read since the last wait */
	bool now_stale;      /* ... and handlers ran since */
	bool post_loop_runs; /* there are post-loop callbacks, or were */
	bool removed;        /* a descriptor was removed since the last wait */
	bool changed;        /* a nested loop has set interest since then */
	bool shrink;         /* the map may be larger than it has to be */
	bool fd_requested;   /* embedded: the fd has to report deferred calls */
	int poller_fd;
	void *poller; /* the backend's own */
	struct socle__deferred *deferred, **deferred_end, *to_drop;
	uint64_t deferred_serial;
	uint64_t waits;             /* so far */
	uint64_t began_wait;        /* the wait that `tick_began' followed */
	int64_t tick_began;         /* the clock when first read after a wait */
	struct socle_loop *mailbox; /* NULL until needed */
	struct socle_descriptor attention; /* heads the list of open turns */
	struct socle__profile profile;
	struct socle__post_loop post_loops; /* heads the list of the objects' */
	bool (*post_loop)(void *arg);
	struct socle__owned_arg post_loop_arg;
	const char *post_loop_name;
	void (*slow)(const struct socle_slow *what, void *arg);
	void *slow_arg;
	uint32_t generation; /* of the newest registration */
	uint32_t inherited;  /* ... of those that a parent process made */
	size_t watched;      /* APPLICATION descriptors in the map */
	size_t shrink_at;    /* so few of them that `shrink' is set */
	size_t to_close;     /* of them, closed with the fd still open */
	const struct socle__backend *chosen;
	struct socle__timer_ids *timer_ids, *ids_to_drop;
	uint64_t newest_timer;        /* the newest identifier */
	struct socle__class *classes; /* resolved so far */
	struct socle__item *spares;   /* blocks for the next write queues */
	unsigned n_spares;
	bool has_slabs;
	struct socle__slab *slabs[SOCLE__SLAB_SIZES]; /* those with room */
	struct socle_factory *factories;
	struct socle_descriptor log_turn;
	struct socle__log_message *kept, **kept_end; /* for the log hook */
	unsigned n_kept;
	struct socle__log_message log_spare; /* text NULL: not in use */
	char log_spare_text[SOCLE__LOG_LONGEST];
	const struct socle__part *parts[SOCLE__PARTS];
	void (*bare_timer)(struct socle__timer_node *t); /* fires such */
	struct socle__counts counts;
	struct socle__measure *measure; /* NULL: it was never on */
	struct socle__timer_store timers;
	/* what daemon/ keeps */
	struct socle_timer watchdog, drain_timer;
	int64_t watchdog_ns, drain_deadline;
	unsigned watchdog_forks; /* socle__forks when it was started */
	struct socle__post_loop drain;
	bool draining, replaced;        /* by a new program, which is ready */
	struct socle__restart *restart; /* under way, or NULL */
	struct socle__console_state *console; /* NULL until needed */
};

extern _Thread_local struct socle__reactor *socle__reactor
	__attribute__((tls_model("initial-exec")));

/* How many forks led to this process, counted from the first reactor on. */
extern _Atomic unsigned socle__forks;

static inline void
socle__part_register(struct socle__reactor *r, enum socle__part_order which,
	const struct socle__part *part)
{
	r->parts[which] = part;
}

static inline bool
socle__is_forked(const struct socle__reactor *r)
{
	return (r->interrupted & SOCLE__FORKED) != 0;
}

/*
 * False where a child comes back from the application function that forked it:
 * what the library was about to call is its parent's.
 */
static inline bool
socle__may_call(const struct socle__reactor *r)
{
	return !socle__is_forked(r) || r->in_callback >= r->forked_in;
}

/* Whether the tick under way has to return without doing anything more. */
static inline bool
socle__is_abandoned(const struct socle__reactor *r)
{
	return (r->interrupted & (SOCLE__RESET | SOCLE__FORKED)) != 0;
}

static inline uint64_t
socle__cookie(const struct socle_descriptor *d)
{
	return (uint64_t)d->generation << 32 | (uint32_t)d->fd;
}

static inline int
socle__cookie_fd(uint64_t cookie)
{
	return (int)(uint32_t)cookie;
}

static inline struct socle_descriptor *
socle__descriptor_at(const struct socle__reactor *r, int fd)
{
	return fd >= 0 && (size_t)fd < r->map_size ? r->map[fd] : NULL;
}

/* Drops the rest of the batch. */
static inline void
socle__batch_drop(struct socle__reactor *r)
{
	r->batch_n = 0;
	r->next = r->end = r->batch;
}

#endif
