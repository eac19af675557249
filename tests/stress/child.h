/*
 * Servers under stress as processes of their own, and what is asked of them
 * over a socket beside their work.
 */
#ifndef STRESS_CHILD_H
#define STRESS_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* What a server has counted. */
struct tally {
	int port;
	long accepted, destroyed; /* objects */
	long timeouts;            /* idle and stall */
	long closed;              /* by its own rules: a cap, a header's time */
	long refused;             /* writes over the cap */
	long failures;            /* errors of accept(2) that were reported */
	long log_lines;
	long ticks;
	size_t heap;    /* bytes of malloc(3) in use */
	uint64_t bytes; /* received */
	double seconds; /* a time that was asked for */
};

struct question {
	int what; /* 0: the tally as it is; OBSERVE; or the server's own, > 0 */
	long argument;
};
enum { OBSERVE = -1 };

struct child {
	pid_t pid;
	int control;
	struct tally tally; /* of the last answer */
};

/* Forks; `body' has the server's end of the socket, and does not return. */
struct child child_start(void (*body)(int control));

/* Asks, and waits for the answer, which it leaves in c->tally. */
void child_ask(struct child *c, int what, long argument);

/*
 * Leaves the server alone for that long.  Returns the ticks that it made, and the
 * processor time that it used, in ms.
 */
long child_observe(struct child *c, long seconds, long *cpu);

/* Asks until the server has as few objects as that. */
void child_await_objects(struct child *c, long objects);

/* Waits for its end: the exit status, or -signal. */
int child_wait(struct child *c);

/* SIGSTOP, until it has stopped; the waiting alone; and SIGCONT. */
void child_pause(struct child *c);
void child_await_stop(struct child *c);
void child_resume(struct child *c);

/* SIGTERM, and status 0. */
void child_stop(struct child *c);

/* SIGKILL. */
void child_kill(struct child *c);

#endif
