/*
 * The reactor's inside: the loop's state, and what sockets/ may use of it.
 *
 * Who owns what: the reactor owns generation, interest and parking of a
 * descriptor; who embeds the descriptor owns the meaning of its events.  The
 * reactor calls upwards only through struct socle__descriptor_ops.
 */
#ifndef SOCLE_REACTOR_CORE_H
#define SOCLE_REACTOR_CORE_H

#include "profiling/calls.h"
#include "reactor/descriptor.h"
#include "reactor/loop.h"
#include "timers/clock.h"
#include "timers/store.h"

#include <errno.h>
#include <stdarg.h>

#define socle__likely(x) __builtin_expect(!!(x), 1)
#define socle__unlikely(x) __builtin_expect(!!(x), 0)
/* Off the straight way: kept out of the functions that are on it. */
#define socle__aside __attribute__((noinline, cold))
/* The same, for what is often done all the same. */
#define socle__apart __attribute__((noinline))
/*
 * What only the unusual outcome of a call needs waits better on the stack than
 * in a register that must be saved for it.
 */
#define socle__on_stack(variable) __asm__ volatile("" : "+m"(variable))
/* ... which looks like an array to the stack's protector. */
#if defined(__has_attribute)
#if __has_attribute(no_stack_protector)
#define socle__no_arrays __attribute__((no_stack_protector))
#endif
#endif
#ifndef socle__no_arrays
#define socle__no_arrays
#endif

/* In `armed': the kernel knows this fd, and reports ERR and HUP of it. */
enum { SOCLE__PRESENT = 0x80 };

/* struct socle_descriptor.bits: the reactor's, and then the embedding struct's */
enum {
	SOCLE__APPLICATION = 1 << 0, /* counts as a watched socket */
	SOCLE__CLOSED = 1 << 1,      /* no further event, whatever comes */
	SOCLE__KEEP_FD = 1 << 2,     /* the fd is not ours to close */
	SOCLE__END_TOLD = 1 << 3,    /* ERR or HUP was told, untouched since */
	SOCLE__PARKED = 1 << 4,      /* taken out of the poller until touched */
	SOCLE__DIRECT = 1 << 5,      /* READ alone goes to the ops' `read' */
	SOCLE__REACTORS = (1 << 6) - 1,
	SOCLE__OWNERS = 6 /* the embedding struct's begin here */
};

/*
 * Turns that a descriptor may ask for.  Each is a phase of the tick; POST_LOOP
 * is standing, the others are used up by being taken.
 */
enum {
	SOCLE__TURN_FLUSH = 1,       /* held-back or budgeted writes */
	SOCLE__TURN_INTEREST = 2,    /* the kernel is to be told */
	SOCLE__TURN_PUSHED_BACK = 4, /* pushed-back data to be read */
	SOCLE__TURN_CLOSE = 8,       /* the fd is to be closed */
	SOCLE__TURN_DESTROY = 16,    /* the memory is to be let go */
	SOCLE__TURN_POST_LOOP = 32,
	SOCLE__TURN_FD_FREED = 64, /* told when the library closed an fd */
	SOCLE__TURN_MARK = 128     /* not a turn: a place in the list */
};
enum { SOCLE__TURNS = 7 };

struct socle__descriptor_ops {
	/*
	 * Something is ready; `err' is -errno when the poller itself named an
	 * error with SOCLE_ERR, else 0.
	 */
	void (*ready)(struct socle_descriptor *d, unsigned ready, int err);
	/* READ alone, of one with SOCLE__DIRECT and while nobody profiles. */
	void (*read)(struct socle_descriptor *d);
	/* Your turn; only POST_LOOP's result counts: false ends the loop. */
	bool (*turn)(struct socle_descriptor *d, unsigned turn);
	/* Nothing of the library refers to it any more. */
	void (*reap)(struct socle_descriptor *d);
	/* In a reset: close yourself without a flush, quietly. */
	void (*reset)(struct socle_descriptor *d);
	/* The peer's address for the slow hook; NULL: has none. */
	const char *(*peer)(struct socle_descriptor *d);
	/* In a forked child that goes on: what is queued is the parent's. */
	void (*forked)(struct socle_descriptor *d);
};

/*
 * What a backend translates the kernel's events into.  The layout is that of
 * Linux's struct epoll_event, for which there is nothing left to translate.
 */
struct socle__event {
	uint32_t ready;  /* SOCLE_ bits; above them, errno of a refusal */
	uint64_t cookie; /* the generation above the fd */
}
#ifdef __x86_64__
__attribute__((packed))
#endif
;

enum {
	SOCLE__READY = SOCLE_READ | SOCLE_WRITE | SOCLE_ERR | SOCLE_HUP,
	SOCLE__REFUSAL = 16 /* bits below it */
};

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

struct socle__loop;

/* A backend: one file, this table.  None of them calls a method. */
struct socle__backend {
	const char *name;
	/* Sets up l->poller; 0 or -errno. */
	int (*open)(struct socle__loop *l);
	/*
	 * Makes the kernel watch `target' (PRESENT and READ, WRITE, or 0)
	 * instead of d->armed.  0 or -errno; taking out never fails but to
	 * say -ENOENT or -EBADF: the fd is no longer what it was.  In a tick a
	 * refusal may come later, in the batch; nothing is watched then.
	 */
	int (*set)(struct socle__loop *l, struct socle_descriptor *d,
		unsigned target);
	/* Waits, fills l->batch; 0 or -errno, an interruption is 0. */
	int (*wait)(struct socle__loop *l, int timeout_ms);
	/*
	 * Tells the kernel what set() has kept for the next wait; how much it
	 * refused, with l->batch filled anew.  NULL: set() keeps nothing.
	 */
	int (*submit)(struct socle__loop *l);
	/*
	 * An event came for a registration of `fd' that nobody has: no such
	 * comes again.  NULL: only a reopened poller can forget.
	 */
	void (*forget)(struct socle__loop *l, int fd);
	/* A fresh, empty poller. */
	int (*reopen)(struct socle__loop *l);
	void (*close)(struct socle__loop *l);
};

extern const struct socle__backend socle__epoll_backend;
extern const struct socle__backend socle__kqueue_backend;
extern const struct socle__backend socle__poll_backend;

/* A call for later: deferred, or posted by another thread. */
struct socle__later {
	struct socle__later *next;
	uint64_t serial;
	enum socle__item_kind kind;
	void (*fn)(void *arg);
	void (*drop)(void *arg);
	void *arg;
	const char *arguments;
};

struct socle_factory;

struct socle__loop {
	/* what a tick touches, together */
	const struct socle__backend *backend; /* NULL until started */
	struct socle_descriptor **map;        /* by fd */
	size_t map_size;
	struct socle__event *batch;
	size_t batch_n, batch_room;
	struct socle__event *next, *end; /* of the batch, when dispatched */
	int depth;                       /* loops on the stack */
	int stop_depth;                  /* those up to this depth are to end */
	int in_call;    /* user functions on the stack, ticks apart */
	unsigned calls; /* of such, so far */
	int timeout_ms;
	unsigned open[SOCLE__TURNS]; /* descriptors with each turn open */
	int64_t now;
	bool now_known;    /* read since the last wait */
	bool now_stale;    /* ... but handlers ran since */
	bool removed;      /* a descriptor left since the last wait */
	bool forked;       /* in a child, before socle_after_fork() */
	bool fd_asked_for; /* embedded: loop_fd must tell of deferred calls */
	int poller_fd;
	void *poller; /* the backend's own */
	struct socle__later *later, **later_end;
	uint64_t later_serial;
	uint64_t waits;                    /* so far */
	struct socle_loop *mailbox;        /* NULL until somebody needs it */
	struct socle_descriptor attention; /* head of the list */
	struct socle__profile profile;
	bool (*post_loop)(void *arg);
	void *post_loop_arg;
	const char *post_loop_name;
	void (*slow)(const struct socle_slow *what, void *arg);
	void *slow_arg;
	uint32_t generation; /* of the newest registration */
	size_t watched;      /* APPLICATION descriptors in the map */
	size_t to_close;     /* of them, closed and waiting for the close */
	const struct socle__backend *chosen;
	struct socle__timer_ids *timer_ids;
	void *classes; /* of sockets/: the classes resolved so far */
	void (*free_classes)(void *classes);
	void *spares; /* of sockets/: blocks for the next queues */
	unsigned n_spares;
	void (*free_spares)(struct socle__loop *l);
	struct socle_factory *factories; /* of sockets/: a reset frees them */
	void (*free_factory)(struct socle_factory *f);
	struct socle__timer_store timers;
};

/* ---- the thread's loop: run.c, life.c ---- */

extern _Thread_local struct socle__loop *socle__loop
	__attribute__((tls_model("initial-exec")));

struct socle__loop *socle__loop_make(void);

/* This thread's loop, made on first use; NULL when there is no memory. */
static inline struct socle__loop *
socle__loop_get(void)
{
	return socle__likely(socle__loop != NULL) ? socle__loop
						  : socle__loop_make();
}

/* Whether no other thread of the process has a loop. */
bool socle__loop_is_alone(void);

/* Opens the poller if that has not been done; 0 or -errno. */
int socle__loop_start(struct socle__loop *l);

/* The tick's time: read after the wait, on first need. */
int64_t socle__now_read(struct socle__loop *l);

static inline int64_t
socle__now(struct socle__loop *l)
{
	return socle__likely(l->now_known && l->depth > 0) ? l->now
							   : socle__now_read(l);
}

/*
 * Around a user's function that no step of the tick calls by itself: nothing
 * is destroyed while one is on the stack, and a wait after it is none.
 */
static inline void
socle__user_begins(struct socle__loop *l)
{
	l->in_call++;
	l->calls++;
}

static inline void
socle__user_ends(struct socle__loop *l)
{
	l->in_call--;
}

/* ---- loop.c ---- */

/* One tick.  1: go on; 0: a callback or a stop ended it; -errno. */
int socle__tick(struct socle__loop *l, int limit_ms);
/* What is left to do before a loop returns. */
void socle__settle(struct socle__loop *l);
/* Whether a wait would keep somebody waiting. */
bool socle__has_work(const struct socle__loop *l);
/* Tells the kernel of all changed interest now, without a wait. */
void socle__interest_tell(struct socle__loop *l);
/* How long a wait may be now, at most `limit'; -1: for ever. */
int socle__wait_ms(struct socle__loop *l, int limit);

/* ---- descriptors and their turns: descriptor.c ---- */

/*
 * Registers `fd' with the loop under a new generation, watching nothing.
 * `eager' tells the kernel at once, to have its verdict.  0, or -errno with
 * nothing changed: -EBADF, -EEXIST, -ENOMEM, what the poller said.
 */
int socle__descriptor_add(struct socle__loop *l, struct socle_descriptor *d,
	const struct socle__descriptor_ops *ops, int fd, unsigned state,
	bool eager);

/* What the owner wants watched; the kernel hears of it before the next wait. */
void socle__descriptor_want(struct socle_descriptor *d, unsigned wanted);

/* Tells the kernel now, for what is wanted will hardly change in this tick. */
void socle__descriptor_tell(struct socle_descriptor *d);

/* Something about it changed: ERR and HUP may be told again. */
void socle__descriptor_unpark(struct socle_descriptor *d);

static inline void
socle__descriptor_touch(struct socle_descriptor *d)
{
	if (socle__unlikely(d->bits & SOCLE__END_TOLD))
		socle__descriptor_unpark(d);
}

/* No further event; the fd is closed at the end of the tick, then reaped. */
void socle__descriptor_close(struct socle_descriptor *d);

/* The same, but the fd leaves the loop now and is the caller's. */
int socle__descriptor_detach(struct socle_descriptor *d);

void socle__turn_open(struct socle_descriptor *d, unsigned turn);
void socle__turn_shut(struct socle_descriptor *d, unsigned turn);

static inline void
socle__turn_ask(struct socle_descriptor *d, unsigned turn)
{
	if (!(d->turns & turn))
		socle__turn_open(d, turn);
}

static inline void
socle__turn_drop(struct socle_descriptor *d, unsigned turn)
{
	if (d->turns & turn)
		socle__turn_shut(d, turn);
}

/* requires: one at least is open */
bool socle__turns_take(struct socle__loop *l, unsigned turn);

/* Moves to the end of the list: its place is the order of the asking. */
void socle__turn_to_end(struct socle_descriptor *d);

static inline unsigned
socle__turns_open(const struct socle__loop *l, unsigned turn)
{
	return l->open[__builtin_ctz(turn)];
}

/* Takes the turns open now; false if a POST_LOOP turn said so. */
static inline bool
socle__turns_walk(struct socle__loop *l, unsigned turn)
{
	return socle__turns_open(l, turn) == 0 || socle__turns_take(l, turn);
}

static inline struct socle_descriptor *
socle__descriptor_at(const struct socle__loop *l, int fd)
{
	return fd >= 0 && (size_t)fd < l->map_size ? l->map[fd] : NULL;
}

/* Takes `d' out of kernel and map, closes its fd if it is ours. */
void socle__descriptor_close_now(
	struct socle__loop *l, struct socle_descriptor *d);

/*
 * The kernel refused what was wanted: the object's error.  Parked, it is not
 * tried again until somebody touches it.
 */
void socle__interest_failed(struct socle_descriptor *d, int err);

/* Everything is to be told to a poller that knows nothing. */
void socle__interest_rearm_all(struct socle__loop *l);

/* Where something of an fd is in an array of its own. */
struct socle__places {
	size_t *of; /* by fd; 0 until somebody sets it */
	size_t n;
};

/* Room for `fd'; 0 or -ENOMEM. */
int socle__places_reserve(struct socle__places *p, int fd);

/* Room for `n' events in the batch; 0 or -ENOMEM. */
int socle__batch_reserve(struct socle__loop *l, size_t n);

/* What is left of the batch is dropped. */
static inline void
socle__batch_drop(struct socle__loop *l)
{
	l->batch_n = 0;
	l->next = l->end = l->batch;
}

static inline void
socle__batch_add(struct socle__loop *l, uint64_t cookie, unsigned ready)
{
	l->batch[l->batch_n++] =
		(struct socle__event){.ready = ready, .cookie = cookie};
}

/* A change was refused, or the fd is bad: `err' is an errno. */
static inline void
socle__batch_refusal(struct socle__loop *l, uint64_t cookie, int err)
{
	socle__batch_add(
		l, cookie, SOCLE_ERR | (unsigned)err << SOCLE__REFUSAL);
}

/* ---- the rest of the reactor ---- */

/* later.c */
void socle__later_add(struct socle__loop *l, struct socle__later *call);
bool socle__later_run(struct socle__loop *l);
void socle__later_clear(struct socle__loop *l);

/* mailbox.c */
struct socle_loop *socle__mailbox_get(struct socle__loop *l);
/*
 * Posts a call whose memory is there already, from any thread; 0, or
 * -ESHUTDOWN and it is still the caller's.
 */
int socle__mailbox_put(struct socle_loop *m, struct socle__later *call);
void socle__mailbox_collect(struct socle__loop *l);
bool socle__mailbox_has_posts(const struct socle_loop *m);
static inline bool
socle__mailbox_waiting(const struct socle__loop *l)
{
	return l->mailbox && socle__mailbox_has_posts(l->mailbox);
}
void socle__mailbox_shut(struct socle__loop *l);
void socle__mailbox_detach(struct socle__loop *l);
int socle__mailbox_reopen(struct socle__loop *l);

/* signals.c */
void socle__signals_run(struct socle_loop *m);
void socle__signals_clear(struct socle_loop *m);
void socle__signals_forked(void);
void socle__ignore_sigpipe(void);

/* timing.c */
void socle__timer_ids_clear(struct socle__loop *l);

/* log.c */
void socle__log_now(int level, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void socle__vlog(int level, const char *fmt, va_list ap)
	__attribute__((format(printf, 2, 0)));
bool socle__log_wanted(int level);
extern _Atomic int socle__debug_level; /* known once a loop was made */
/* Nothing is evaluated when nobody wants to know. */
#define socle__log(level, ...)                                                 \
	do {                                                                   \
		if (socle__unlikely(socle__debug_level >= (level)))            \
			socle__log_now(level, __VA_ARGS__);                    \
	} while (0)

/* check.c: asserts what must hold between ticks */
void socle__loop_check(const struct socle__loop *l);

#endif
