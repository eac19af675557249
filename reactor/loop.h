/*
 * The loop: Danga::Socket's class methods.
 *
 * There is one loop per thread, and no function takes it as an argument; it
 * comes into being when the thread first uses it.  Unless said otherwise, a
 * function may be called from anywhere on the thread, from inside any
 * callback too, and never from another thread or a signal handler.  Results
 * are >= 0, or -errno; errno itself means nothing.  -ENOMEM is a possible
 * result of every call that returns an int, and changes nothing.
 */
#ifndef SOCLE_REACTOR_LOOP_H
#define SOCLE_REACTOR_LOOP_H

#include "../profiling/profile.h"
#include "../timers/timer.h"
#include "descriptor.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* ---- running ---- */

/*
 * Runs until a post-loop callback returns false or socle_stop() is called;
 * objects stay registered, and it may be run again (Danga::Socket's
 * EventLoop).  One whole tick runs at least.  May be called inside a handler:
 * the nested loop closes what is closed but destroys nothing.
 * Returns 0, or -errno when the kernel's poller cannot be had or fails.
 */
int socle_event_loop(void);

/*
 * One tick, for who owns the outer loop: waits at most `timeout_ms' (< 0: no
 * limit; the loop timeout does not count here).
 * Returns 1: go on; 0: a post-loop callback or a stop ended it; -errno.
 */
int socle_event_loop_once(int timeout_ms);

/*
 * Runs ticks until `done(arg)' returns true; it is asked first, then after
 * each tick.  Returns 1: done said so; 0: stopped; -errno.
 */
int socle_run_until(bool (*done)(void *arg), void *arg);

/*
 * Every loop on the stack ends, each after its tick; nothing outside one.
 */
void socle_stop(void);

/*
 * For embedding in another loop: an fd that polls readable when an fd, a post
 * or a deferred call has work for socle_event_loop_once(0).  It belongs to
 * the library, and is good until socle_reset() or socle_after_fork().
 * -ENOTSUP on the poll backend.
 */
int socle_loop_fd(void);

/*
 * What the next tick would wait, in ms: 0 when there is work at once, -1 for
 * ever.  It also brings the kernel up to date with what is watched, so ask it
 * right before each outer wait.
 */
int socle_loop_timeout_ms(void);

/*
 * The longest wait of a tick, in ms: < 0 waits for ever (the start value), 0
 * does not wait.  (Danga::Socket's SetLoopTimeout; its manual has the two the
 * wrong way round, its code as here.)
 */
void socle_set_loop_timeout(int ms);

/*
 * Back to the first state: every object and other fd is closed or let go
 * (objects without their `close'; queued writes are dropped with their
 * callbacks), timers and post-loop callbacks are gone, what was deferred or
 * posted gets its `drop', profiling is off and cleared, the loop timeout is
 * -1, the backend may be chosen anew.  Objects are destroyed at once outside
 * handlers, else at the end of the tick, and then the loops on the stack end.
 * References by socle_loop_self() go dead: posts get -ESHUTDOWN.
 */
void socle_reset(void);

/* ---- backends ---- */

/* Whether that backend is in use; starts the loop, as Danga::Socket's do. */
bool socle_have_epoll(void);
bool socle_have_kqueue(void);

/* Its name, "epoll", "kqueue" or "poll"; NULL when none can be started. */
const char *socle_backend(void);

/*
 * Chooses the backend by name: "epoll" on Linux, "kqueue" on the BSDs and
 * macOS, "poll" anywhere; else the environment variable SOCLE_BACKEND
 * does, else it is the platform's best.  -EBUSY after first use; -ENOTSUP for
 * an unknown name or one that this platform lacks.
 */
int socle_set_backend(const char *name);

/* ---- what is there ---- */

/*
 * How many objects of the application are registered, closed ones until their
 * fd is closed at the end of the tick; other fds, listeners and the library's
 * own descriptors do not count.
 */
size_t socle_watched_sockets(void);

struct socle_socket;

/* The object on this fd, or NULL.  An object closed in this tick counts. */
struct socle_socket *socle_descriptor(int fd);

/*
 * Calls `fn' for each object in ascending order of fd.  Anything may be
 * closed or made meanwhile; what is made at a higher fd is met.
 */
void socle_each_descriptor(
	void (*fn)(struct socle_socket *s, void *arg), void *arg);

/* Objects that are closed and whose fd is not closed yet, and how many. */
size_t socle_to_close(void);
void socle_each_to_close(
	void (*fn)(struct socle_socket *s, void *arg), void *arg);

/* ---- other fds ---- */

/*
 * Watches an fd that is no object: `fn' is told what is ready of `events'
 * (SOCLE_READ, SOCLE_WRITE), and SOCLE_ERR and SOCLE_HUP unasked.  The fd
 * stays yours.  Added again: events and fn are replaced.  -EEXIST when an
 * object has the fd; -EBADF; -EPERM for a file that cannot be polled; -EINVAL.
 * (Danga::Socket's OtherFds, at any time and on every backend.)
 */
int socle_add_other_fd(int fd, unsigned events,
	void (*fn)(int fd, unsigned ready, void *arg), void *arg);
int socle_add_other_fd_named(const char *arguments, int fd, unsigned events,
	void (*fn)(int fd, unsigned ready, void *arg), void *arg);
#define socle_add_other_fd(...)                                                \
	socle_add_other_fd_named(#__VA_ARGS__, __VA_ARGS__)

/* To be called before the fd is closed.  -ENOENT when it is not there. */
int socle_remove_other_fd(int fd);
void socle_clear_other_fds(void);

/* Calls `fn' for each, ascending; anything may change meanwhile. */
void socle_each_other_fd(
	void (*fn)(int fd, unsigned events, void *arg), void *arg);

/* ---- timers by identifier; timers/timer.h has those in your struct ---- */

typedef uint64_t socle_timer_id;

/*
 * Calls `fn(arg)' once, `seconds' from now (Danga::Socket's AddTimer), under
 * the rules of socle_timer_start().  Returns an identifier, never 0, that
 * stays safe to cancel after the timer fired; 0 when memory is short.
 */
socle_timer_id socle_add_timer(
	double seconds, void (*fn)(void *arg), void *arg);
socle_timer_id socle_add_timer_named(const char *arguments, double seconds,
	void (*fn)(void *arg), void *arg);
#define socle_add_timer(...) socle_add_timer_named(#__VA_ARGS__, __VA_ARGS__)

/* Whether it was still to fire. */
bool socle_cancel_timer(socle_timer_id id);

/*
 * The tick's monotonic time, in seconds, for socle_timer_start_at(): read
 * after the wait, when somebody asks, and again before timers are looked at
 * if handlers ran since.
 */
double socle_now(void);

/* ---- post-loop callbacks ---- */

/*
 * `fn' is called at the end of each tick, after the closes; false ends the
 * loop.  One for the loop (NULL removes it), and one per object by
 * socle_set_socket_post_loop_callback(): all of them run in every tick, those
 * of objects first, in the order they were set.
 */
void socle_set_post_loop_callback(bool (*fn)(void *arg), void *arg);
void socle_set_post_loop_callback_named(
	const char *arguments, bool (*fn)(void *arg), void *arg);
#define socle_set_post_loop_callback(...)                                      \
	socle_set_post_loop_callback_named(#__VA_ARGS__, __VA_ARGS__)

/* ---- calls for later, and from elsewhere ---- */

/*
 * Calls `fn(arg)' in the next tick, in the order of the calls; what it defers
 * itself waits for the tick after.  The second form has `drop(arg)' called
 * instead when a reset or the end of the thread comes first; `drop' must not
 * use the library.
 */
int socle_defer(void (*fn)(void *arg), void *arg);
int socle_defer_named(const char *arguments, void (*fn)(void *arg), void *arg);
#define socle_defer(...) socle_defer_named(#__VA_ARGS__, __VA_ARGS__)
int socle_defer_or_drop(
	void (*fn)(void *arg), void (*drop)(void *arg), void *arg);

struct socle_loop;

/*
 * A reference to this thread's loop, for other threads to post to; to be
 * given back by socle_loop_release(), from any thread.  NULL: out of memory
 * or of fds.
 */
struct socle_loop *socle_loop_self(void);
void socle_loop_release(struct socle_loop *l);

/*
 * Calls `fn(arg)' on the thread of `to', soon; posts of one thread keep their
 * order.  From any thread; it never blocks and takes no lock.  -ESHUTDOWN when
 * that loop is gone, -ENOMEM.  `drop' as above; it may run on either thread.
 */
int socle_post(struct socle_loop *to, void (*fn)(void *arg), void *arg);
int socle_post_named(const char *arguments, struct socle_loop *to,
	void (*fn)(void *arg), void *arg);
#define socle_post(...) socle_post_named(#__VA_ARGS__, __VA_ARGS__)
int socle_post_or_drop(struct socle_loop *to, void (*fn)(void *arg),
	void (*drop)(void *arg), void *arg);

/*
 * Ends the wait of `to', or lets its next one not wait.  From any thread and
 * from signal handlers.
 */
void socle_wakeup(struct socle_loop *to);

/*
 * `fn' is called in a tick after the signal came; several of one kind may
 * become one call.  NULL restores what was there before.  A signal belongs to
 * one loop of the process: -EBUSY when another has it.  -EINVAL for a signal
 * that cannot be caught.  (kqueue's and signalfd's way would need the signal
 * blocked; this one uses a handler, as Danga::Socket's users do.)
 */
int socle_signal(int signo, void (*fn)(int signo, void *arg), void *arg);
int socle_signal_named(const char *arguments, int signo,
	void (*fn)(int signo, void *arg), void *arg);
#define socle_signal(...) socle_signal_named(#__VA_ARGS__, __VA_ARGS__)

/*
 * In a forked child, before it uses the loop: keeps every object, timer and
 * other fd, on a poller of the child's own, and drops, with their callbacks,
 * the bytes queued before the fork, which are the parent's to send.  Until
 * then the child's library makes no call that the parent could feel.  A child
 * that wants none of it calls socle_reset() then.  0 outside a child.
 */
int socle_after_fork(void);

/* ---- profiling; profiling/profile.h has the shapes ---- */

/*
 * Counts every callback from now on, with cleared counters: `what' is
 * SOCLE_PROFILE_CPU, SOCLE_PROFILE_WALL or both (0).  Returns 1 as
 * Danga::Socket's does; -EINVAL for other bits.
 */
int socle_enable_profiling(unsigned what);

/* Stops counting; the data stay. */
void socle_disable_profiling(void);

/* Calls `fn' for each item, sorted by name; `item' lives for the call. */
void socle_profiling_data(
	void (*fn)(const struct socle_profile_item *item, void *arg),
	void *arg);

/*
 * Writes a report in pieces through `out', which stops it with a result < 0.
 * 0, that result, or -EINVAL for an unknown form.
 */
int socle_profile_report(enum socle_report form,
	int (*out)(const char *text, size_t len, void *arg), void *arg);

/*
 * `fn' is told of each callback that took `seconds' or longer, at once after
 * it, whether profiling is on or not.  NULL or 0 switches it off.
 */
void socle_set_slow_handler(double seconds,
	void (*fn)(const struct socle_slow *what, void *arg), void *arg);

/* ---- log ---- */

/*
 * The log of the process.  A message has a level: 0 is worth telling always,
 * 1 and 2 are Danga::Socket's debug messages, told when the debug level is
 * that high.  The environment variable SOCLE_DEBUG sets the level at start.
 * The default hook writes ">>> message" to stderr; `fn' NULL restores it.
 */
void socle_set_log(
	void (*fn)(int level, const char *message, void *arg), void *arg);
void socle_set_debug_level(int level);
void socle_debug_msg(const char *fmt, ...)
	__attribute__((format(printf, 1, 2)));

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
