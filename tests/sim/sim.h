/*
 * How the simulated kernel is driven.
 *
 * One seed decides everything that a kernel decides: how many bytes a call
 * moves, when they arrive, in which order fds are reported, when a call fails,
 * when a signal comes and how much time passes.  Time is virtual: it moves while
 * the library waits, a little with each look at the clock, and when the process
 * is stopped.  A seed also chooses which of these things happen at all, so that
 * each of them is also met without the others.
 *
 * A kernel whose kqueue or poll is to be imitated is chosen with
 * kernel_becomes() of tests/kqueue/kernels.h.
 */
#ifndef SOCLE_TESTS_SIM_SIM_H
#define SOCLE_TESTS_SIM_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

/* What may happen beside what the program asks for. */
enum sim_trouble {
	SIM_SHORT,       /* a call moves less than it could */
	SIM_LATE,        /* bytes, ends and connections take time to arrive */
	SIM_INTERRUPT,   /* EINTR */
	SIM_SPURIOUS,    /* an fd is reported that is not ready, or EAGAIN */
	SIM_MEMORY,      /* malloc fails */
	SIM_BUFFERS,     /* ENOBUFS, ENOMEM of system calls */
	SIM_WATCHES,     /* a change of interest is refused */
	SIM_DESCRIPTORS, /* EMFILE, ENFILE */
	SIM_STOPPED,     /* the process stands still for a while */
	SIM_FEW,         /* waits report few of the fds that are ready */
	SIM_TROUBLES
};

/* An empty kernel.  `troubles' has a bit for each that may happen. */
void sim_begin(uint64_t seed, unsigned troubles);

/* From now on nothing of it happens, and everything arrives. */
void sim_calm(void);

/* Waits until more has arrived, after sim_calm(); false: nothing is on its way. */
bool sim_rest(void);

/* A number below n, from the kernel's share of the seed. */
uint64_t sim_choose(uint64_t n);

/* ns; of the virtual clock */
int64_t sim_now(void);
/* ... without what sim_pass() and a stopped process have added */
int64_t sim_awake(void);
void sim_pass(int64_t ns);

/*
 * Called when the library waits and nothing is ready: does something that may
 * make an fd ready, and returns whether it did.  NULL: nothing ever happens.
 */
extern bool (*sim_idle)(void);
/* Told for how long the library is about to sleep, in ns; -1: for ever. */
extern void (*sim_sleeps)(int64_t ns);

/*
 * Between these the program is another process: its calls do not fail, move
 * all that they can, and are not counted as the library's.
 */
void sim_outside_begin(void);
void sim_outside_end(void);

/* The fd passes from another process to the library, and back. */
void sim_give(int fd);
void sim_take(int fd);

/* ---- what only a kernel knows ---- */

/* Bytes that were written to this fd and taken, since it was made. */
uint64_t sim_taken(int fd);
/* How often a byte or more was written to it, taken or not. */
uint64_t sim_tried(int fd);
/* Unread bytes that a read would return now. */
size_t sim_unread(int fd);
/* Whether a write would take at least one byte. */
bool sim_has_room(int fd);
/* The POLL bits of the fd, as Linux reports them. */
unsigned sim_state(int fd);
/*
 * Whether the fd that the library closed last was connected to a peer, and the
 * library had not asked for that just before.
 */
bool sim_closed_unasked(void);
/* The fds that are open, and those that were opened outside. */
int sim_open_fds(void);
/* Blocks that the library has allocated. */
long sim_blocks(void);

/* Numbers of calls since sim_begin(). */
struct sim_counts {
	uint64_t calls, waits, changes, troubles;
	uint64_t tried; /* writes of at least a byte, by the library */
};
extern struct sim_counts sim_counts;

/* Two connected, non-blocking streams: the library's and the far end. */
bool sim_stream_pair(bool is_tcp, int fds[2]);
/* A connection to the listener on that port of this host: its fd, or -1. */
int sim_client(int port);
/* Closes the fd so that its peer is reset. */
void sim_reset(int fd);
/* Byte `at' of pattern `seed': what models and files send. */
static inline uint8_t
sim_byte(unsigned seed, uint64_t at)
{
	return (uint8_t)(at * 167 + (at >> 8) * 13 + seed * 71 + 5);
}
/* A new writer of a pipe that has lost its writer, from its read end; or -1. */
int sim_writer(int fd);
/* A regular file, whose byte i is sim_byte(seed, base + i). */
int sim_file(size_t size, unsigned seed, uint64_t base);
void sim_file_resize(int fd, size_t size);

/* Delivers the signal to the library's handler, if it has one. */
void sim_signal(int signo);
/* Runs in a child of fork(): calls that the parent would notice are faults. */
void sim_forked(void);
/* After socle_after_fork(): the child has a poller of its own. */
void sim_fork_continued(void);
/* Whether what the child does to its sockets is not seen by its parent. */
bool sim_child_is_alone(void);

/* Prints the reason and ends the program; the model supplies it. */
void sim_fail(const char *fmt, ...)
	__attribute__((format(printf, 1, 2), noreturn));

#endif
