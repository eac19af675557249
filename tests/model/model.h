/*
 * A model of what the library promises, and random programs that are held
 * against it.
 *
 * A run makes objects, and lets the dice choose what to do next: any public
 * operation on any of them, something at the far end of a connection, or a tick
 * of the loop.  Every handler may do the same, nested loops and forks included.
 * The model keeps what must be true: which bytes were accepted and in which
 * order they have to arrive, which callbacks are owed, what is closed.  Whatever
 * does not agree ends the program with the seed.
 *
 * The programs run on the simulated kernel of tests/sim.  A run is decided by
 * its seed alone; the backend, the kernel that is imitated, the troubles and the
 * operations that may happen are chosen from it, unless they are given.
 */
#ifndef SOCLE_TESTS_MODEL_MODEL_H
#define SOCLE_TESTS_MODEL_MODEL_H

#include "tests/sim/sim.h"

#include "socle.h"

enum { MODEL_SETTINGS = 11 };
enum { STREAMS = 8, TOKENS = 200, TIMERS = 24, OTHERS = 3, DGRAMS = 3 };

/* ---- the run ---- */

/* Each of them can be left out of a run. */
#define MODEL_OPERATIONS(X)                                                    \
	X(make, 30)                                                            \
	X(write, 60)                                                           \
	X(writev, 20)                                                          \
	X(ref, 30)                                                             \
	X(call, 30)                                                            \
	X(kick, 10)                                                            \
	X(file, 15)                                                            \
	X(read, 50)                                                            \
	X(unread, 15)                                                          \
	X(watch, 40)                                                           \
	X(close, 12)                                                           \
	X(close_after_flush, 8)                                                \
	X(steal, 4)                                                            \
	X(set_class, 8)                                                        \
	X(marks, 10)                                                           \
	X(cap, 6)                                                              \
	X(autoflush, 10)                                                       \
	X(timeouts, 10)                                                        \
	X(reader, 6)                                                           \
	X(writer, 6)                                                           \
	X(post_loop, 6)                                                        \
	X(linger, 4)                                                           \
	X(cork, 4)                                                             \
	X(far_write, 60)                                                       \
	X(far_read, 60)                                                        \
	X(far_shut, 6)                                                         \
	X(far_close, 5)                                                        \
	X(far_reset, 3)                                                        \
	X(timer, 30)                                                           \
	X(cancel, 15)                                                          \
	X(defer, 15)                                                           \
	X(post, 10)                                                            \
	X(signal, 6)                                                           \
	X(other, 40)                                                           \
	X(nest, 6)                                                             \
	X(stop, 2)                                                             \
	X(reset, 1)                                                            \
	X(profile, 3)                                                          \
	X(pass, 10)                                                            \
	X(fork, 1)                                                             \
	X(dgram, 30)                                                           \
	X(listen, 6)                                                           \
	X(client, 15)                                                          \
	X(connect, 20)

#define MODEL_OPERATION(name, weight) OPERATION_##name,
enum operation { MODEL_OPERATIONS(MODEL_OPERATION) OPERATIONS };
extern const char *const operation_names[OPERATIONS];

struct run {
	uint64_t seed, without; /* operations that do not happen */
	unsigned troubles;
	const char *setting; /* "epoll", "kqueue.macos", ... */
	uint64_t steps;      /* of the program */
	bool trace;          /* to be printed */
};

struct model {
	struct run run;
	uint64_t dice, operations;
	int depth;       /* callbacks on the stack */
	int nested;      /* loops on the stack */
	int queue_depth; /* callbacks of a write queue on the stack */
	bool calm;       /* the end: handlers only read */
	bool child;      /* of a fork, before socle_after_fork() */
	bool is_child;
	bool was_reset; /* in the tick that runs */
	int resetting;
	uint64_t serial;
	int fds; /* open at first */
	bool input_ended;
	int64_t tick_began;
};
extern struct model model;
/* Told how many operations there were, for a run that does not end. */
extern uint64_t *model_progress;

/*
 * A fuzzer's input, of which the program makes its choices until none is left;
 * then it ends.
 */
extern const uint8_t *model_input;
extern size_t model_input_left;

/* A number below n, from the program's share of the seed. */
uint64_t choose(uint64_t n);
/* Once in n times. */
bool sometimes(uint64_t n);

/* One operation, chosen by the dice; and from inside a handler, perhaps one. */
void act(void);
void act_inside(void);

/* To be put around whatever a callback does. */
void callback_begin(void);
void callback_end(void);

#define expect(condition, ...)                                                 \
	do {                                                                   \
		if (!(condition))                                              \
			sim_fail(__VA_ARGS__);                                 \
	} while (0)

/* ---- streams ---- */

/* What the library owes a call for: a release, a call or drop, a done. */
enum token_kind { TOKEN_REF, TOKEN_CALL, TOKEN_FILE };
struct token {
	bool live;
	enum token_kind kind;
	struct stream *s;
	uint64_t from, end; /* positions in the stream */
	uint64_t serial;
	int fd; /* of a file */
	bool carry_on;
	uint8_t data[600];
};

struct node {
	struct socle_socket sock;
	struct stream *s;
};

struct stream {
	struct node *node;
	bool used;     /* from its creation to its destroy */
	bool ours;     /* the memory of the node */
	bool ended;    /* closed, stolen or broken: nothing more is promised */
	bool stolen;   /* its fd may be another's */
	bool dropped;  /* its queue was dropped, the object may be open */
	bool flushing; /* socle_close_after_flush() was called */
	bool vetoes;   /* its class does not let it close */
	bool connecting;
	bool closing; /* its close is running */
	int number, far, far_port;
	unsigned seed;
	bool is_tcp;

	/* what it sends */
	uint64_t accepted, arrived, taken_before;
	int n_calls, n_files;
	bool loose;      /* bytes beyond `accepted' may arrive */
	bool armed;      /* something was written: there may be a drain */
	bool owes_drain; /* something was queued: there must be one */
	bool above;      /* the last mark that was reported */
	bool has_marks;
	uint64_t last_serial;

	/* what it receives */
	uint64_t far_sent, got;
	bool far_shut, far_gone;
	uint8_t last[64]; /* the bytes that were read last */
	size_t n_last;
	bool reading, writing; /* watched */
	bool got_end, broke;
	bool read_through; /* has a reader function */
	bool read_inside;
	bool writes_through;

	bool discards; /* lingers: what it reads is lost */
	int64_t read_event_at;
	int64_t begun, idle_ns, stall_ns;
	int64_t idle_at, far_at; /* of the last timeout, and change beside */
	int64_t heard_at;        /* at the latest: something was read */
	bool had_input;          /* and was watched, when the tick began */
	int64_t moved_at;        /* at the earliest: the last bytes were sent */
	uint64_t taken_seen;
	size_t cap;
	int fd;              /* also when it is closed */
	bool holds;          /* autoflush is off */
	uint64_t held_at;    /* the wait before bytes were held back, or 0 */
	uint64_t held_tried; /* the writes to the fd before that */
	uint64_t made_at;    /* the wait before it was made */
	bool wants_post_loop;
};
extern struct stream streams[STREAMS];

/* A stream that is there, or NULL. */
struct stream *some_stream(void);
/* The slot for a new one, or NULL. */
struct stream *new_stream(void);
/* Its object is made: what holds at first. */
void stream_begin(struct stream *s, int fd, int far, bool is_tcp);
struct stream *stream_of(struct socle_socket *sock);

/* A loop has returned: it flushes what was held back. */
void streams_were_flushed(void);
void operate_make(void);
/* clang-format off */
#define MODEL_ON_STREAMS(X) \
	X(watch) X(close) X(close_after_flush) X(steal) X(set_class) X(marks) \
	X(cap) X(autoflush) X(timeouts) X(writer) X(post_loop) X(linger) \
	X(cork) X(far_write) X(far_read) X(far_shut) X(far_close) X(far_reset)
/* clang-format on */
#define MODEL_DECLARE(name) void operate_##name(struct stream *s);
MODEL_ON_STREAMS(MODEL_DECLARE)

/* ---- queue.c: what streams send ---- */

void operate_write(struct stream *s);
void operate_writev(struct stream *s);
void operate_ref(struct stream *s);
void operate_call(struct stream *s);
void operate_kick(struct stream *s);
void operate_file(struct stream *s);
/* Everything arrives at the far end that may, as far as it reads now. */
void far_read(struct stream *s, size_t most);
/* The size of the queue is what was accepted and not handed over. */
void check_queue(struct stream *s);
/* Nothing is owed any more. */
void check_tokens(const struct stream *s);
int tokens_live(void);

/* ---- reading.c: what streams receive ---- */

void operate_read(struct stream *s);
void operate_unread(struct stream *s);
void operate_reader(struct stream *s);
void far_write(struct stream *s, size_t n);

/* ---- events.c ---- */

extern const struct socle_class model_class, model_subclass;

/* ---- calls.c: timers, deferred calls and the like ---- */

void operate_timer(void);
void operate_cancel(void);
void operate_defer(void);
void operate_post(void);
void operate_signal(void);
void operate_other(void);
void operate_nest(void);
void calls_begin(void);
/* A reset has forgotten timers and the rest. */
void calls_forget(void);
void calls_tick(void);
void calls_sleep(int64_t ns);
/* Nothing is overdue. */
void calls_settled(void);
void calls_end(void);

/* ---- dgrams.c ---- */

void operate_dgram(void);
void dgrams_begin(void);
void dgrams_forget(void);
void dgrams_settle(void);
void dgrams_end(void);

/* ---- factories.c ---- */

void operate_listen(void);
void operate_client(void);
void operate_connect(void);
void factories_begin(void);
void factories_settle(void);
void factories_settled(void);
/* The library has freed them. */
void factories_forgotten(void);
void stream_accepted(struct socle_socket *sock, struct socle_factory *by);
void factories_forget(void);
void factories_end(void);

/* ---- forks.c ---- */

void operate_fork(void);
/* In the child, back at the bottom of the stack: does not return. */
void child_continue(void) __attribute__((noreturn));

/* ---- ends.c ---- */

/* Calms everything down, and looks at what must have happened by then. */
void settle(void);
void check_all_gone(void);

/* ---- run.c ---- */

extern const char *const model_settings[MODEL_SETTINGS];

void run_once(const struct run *r);

#endif
