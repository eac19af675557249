/*
 * One cell of the re-entrancy table: a callback of one kind, which does one
 * operation.
 *
 * Each cell has an object X, whose callback acts once (or a callback without
 * an object), and bystanders: E, readable before X, and L, readable after it,
 * so that all three are in one batch; H, which no operation touches; D, which a
 * deferred call closes in the same tick; and an other fd.  The kernel takes no
 * more of what L writes, so that its queue holds borrowed bytes and a call.  Two
 * timers are far ahead.
 *
 * No callback fails a test itself, because that would leave the library in the
 * middle of a call: mistakes are recorded by mistake() and expect(), and the cell
 * fails at its end.
 */
#ifndef SOCLE_TESTS_REENTRANCY_CELL_H
#define SOCLE_TESTS_REENTRANCY_CELL_H

#include "tests/support/fixture.h"

enum role { E, X, L, H, D, NEW, ROLES };

/* What is true of a kind's object X when its callback is called. */
enum {
	NO_OBJECT = 1,     /* the callback belongs to no object */
	DATAGRAMS = 2,     /* X is a datagram object */
	CLOSED = 4,        /* X is closed already */
	CLOSING = 8,       /* the class's `close' of X is running */
	ENDS = 16,         /* X closes after the callback in any case */
	BROKEN = 32,       /* the connection of X is lost */
	MAKES_ITSELF = 64, /* prepare or arrange make X */
	/* The application's own call, which goes on in a child. */
	CALLED_FOR = 128,
	QUEUES = 256 /* what the callback writes to X is queued */
};

struct kind {
	const char *name;
	unsigned traits;
	/* Before a tick in which the loop gets to know the objects; or NULL. */
	void (*prepare)(void);
	/* Makes the callback run, in one of the next ticks. */
	void (*arrange)(void);
	/*
	 * Called in the callback.  cancel: it must not run again, although it
	 * would have.  again: it must run again.  NULL: a cell that cannot be.
	 */
	void (*cancel)(void);
	void (*again)(void);
	/* Called instead of the tick: the callback runs in it.  Or NULL. */
	void (*outside)(void);
};

/* What an operation needs and what it does to the loop. */
enum {
	NEEDS_OBJECT = 1,
	NEEDS_CANCEL = 2,
	NEEDS_AGAIN = 4,
	STOPS = 8 /* the loop ends */
};

struct operation {
	const char *name; /* "closing itself" */
	unsigned traits;
	void (*arrange)(void); /* before the kind's; or NULL */
	void (*act)(void);     /* inside the callback */
	void (*settle)(void);  /* after the loop; or NULL */
	void (*check)(void);   /* at the end; or NULL */
};

/* Something that the library has promised to call exactly once. */
struct promise {
	enum role role;
	bool refused; /* it has promised nothing */
	int kept, broken;
	/* the kinds whose callback this is, or NULL */
	const struct kind *in_kept, *in_broken;
};

enum { TEXT = 64, PROMISES = 64, HELD = 48 };

struct world {
	const struct kind *kind;
	const struct operation *op, *then; /* then: NULL, or a second one */
	bool arranged, acted, reset;
	int runs; /* of the kind's callback */
	int ticks, acted_at,
		ran_at; /* the tick of the operation, of the last run */
	int on_stack;   /* the callback acts */

	/* A forked child; it has yet to call socle_after_fork(); fork(2) was. */
	bool child, silent, forked;
	int fds_of_child; /* open before the cell, in a child */
	long blocks;

	struct socle_socket *sock[ROLES]; /* NULL: none, or destroyed */
	int peer[ROLES];
	bool made[ROLES], ended[ROLES]; /* no event may follow */
	bool ends_later[ROLES];
	int closes[ROLES], destroyed[ROLES], expected_closes[ROLES];
	char got[ROLES][TEXT], out[ROLES][TEXT]; /* read; sent to the peer */
	size_t junk[ROLES]; /* bytes before `out' in the kernel */
	bool keep;          /* X is not to close by itself */
	bool unwatched;     /* E and L are not watched */

	struct promise promise[PROMISES];
	int promises, last_resolved[ROLES];
	int taken, arrived, failed; /* datagrams of X */

	struct socle_timer timer, more, doom;
	socle_timer_id id, doomed_id;
	struct socle_timer due_timer;
	int due_timers, due_calls, ends_of_ticks; /* in the same tick */
	int fired, doomed, other_calls, sub_reads, above, below, counted;
	bool has_reader; /* X */
	int marks;       /* crossed by X */
	int depth;       /* of what must not be re-entered */
	int stale;       /* events of what has gone */
	int mark;        /* a count at the time of the operation */
	struct socle_factory *factory, *bystander;
	int accepted, by_bystander;
	size_t extras; /* objects without a role */
	struct socle_loop *self;
	int other, stolen;
	int held[HELD], n_held;

	char wrong[1024];
};
extern struct world w;

/*
 * Records a mistake; the first one is reported.  What expect() records is a mistake
 * only if the callback does one operation, and not another one after it.
 */
void mistake(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
#define expect(truth)                                                          \
	do {                                                                   \
		if (!(truth) && !w.then)                                       \
			mistake("%s:%d: %s", __FILE__, __LINE__, #truth);      \
	} while (0)

bool has(unsigned trait); /* of the kind */
bool kind_is(const struct kind *k);

/* The callback of a kind: acts if that is the cell's, and it is the first. */
void act_in(const struct kind *k);

/* ---- objects ---- */

enum role role_of(const struct socle_socket *s); /* ROLES: it is destroyed */

/* An event of an object, which must be allowed to have one; returns its role. */
enum role event_of(const struct socle_socket *s, const char *what);

void got_add(enum role role, char c);

/* Whether it exists and is open. */
bool is_open(enum role role);

/* Makes `s' the object of that role. */
void object_is(enum role role, struct socle_socket *s);
/*
 * An object with one end of a new pair, unless there is one; with that fd.
 */
void object_new(enum role role);
void object_wrap(enum role role, int fd);

/* The kernel takes no more from it until its peer reads. */
void object_stuff(enum role role);

/* It has ended by an operation: no event may follow, and `destroy' must. */
void object_ended(enum role role);

/* Sends it a byte from its peer, if both are there. */
void send_to(enum role role, const char *text);

/* The fd is closed at the end of the cell. */
int hold_fd(int fd);

/* ---- promises ---- */

struct promise *promise_new(enum role role);
/* Each returns the library's result; a refusal promises nothing. */
int promise_ref(struct promise *p, const char *text);
int promise_call(struct promise *p);
int promise_file(struct promise *p); /* of two bytes, "fi" */
/* Each promise to the object has been kept or broken, by now. */
bool all_resolved(enum role role);

/* X writes this in the tick, before the wait. */
void hold_back(const char *text);

/* ---- deferred calls, and functions for them ---- */

void defer_call(void (*fn)(void *arg));

void close_x(void *arg);
void nothing(void *arg);

#endif
