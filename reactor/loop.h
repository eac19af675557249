/*
 * The loop: Danga::Socket's class methods.
 *
 * There is one loop per thread, and no function takes it as an argument.  It is
 * created when the thread first uses it.  Unless stated otherwise a function may
 * be called anywhere on the thread, from inside any callback too, and never from
 * another thread or from a signal handler.  Results are >= 0, or -errno; the
 * variable errno has no meaning.  Every function that returns an int may return
 * -ENOMEM, which changes nothing, and every function that runs the loop returns
 * -ECHILD in a forked child that has not called socle_after_fork().
 *
 * A callback reports its own errors by storing them where the application finds
 * them and ending the loop: socle_stop(), or the `done' of socle_run_until().
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
/* A function and a struct share a name, of which g++ -Wshadow warns. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"

/* ---- running ---- */

/*
 * Runs until a post-loop callback returns false or socle_stop() is called
 * (Danga::Socket's EventLoop).  At least one whole tick runs.  Objects stay
 * registered, and the loop may be run again.  A handler may call it: the nested
 * loop closes fds but destroys no object.
 * Returns 0, or -errno if the kernel's poller cannot be created or fails.
 * Closing the library's own fds, as closefrom(2) does, breaks the loop: where
 * the kernel reports it, the functions that run the loop return -EBADF.
 */
int socle_event_loop(void);

/*
 * Runs one tick, which waits at most `timeout_ms'; < 0: without limit.  The loop
 * timeout does not apply.
 * Returns 1: go on; 0: a post-loop callback or a stop ended the loop; -errno.
 */
int socle_event_loop_once(int timeout_ms);

/*
 * Runs ticks until `done(arg)' returns true.  It is called first before the
 * first tick, then after each one.
 * Returns 1: it returned true; 0: a stop ended the loop; -errno.
 */
int socle_run_until(bool (*done)(void *arg), void *arg);
int socle_run_until_named(
	const char *arguments, bool (*done)(void *arg), void *arg);
#define socle_run_until(...) socle_run_until_named(#__VA_ARGS__, __VA_ARGS__)

/*
 * Ends every loop on the stack, each after its tick.  Does nothing outside a
 * loop.
 */
void socle_stop(void);

/*
 * For embedding in another event loop: an fd that polls readable when an fd, a
 * post or a deferred call has work for socle_event_loop_once(0).  The library
 * owns it; it is valid until socle_reset() or socle_after_fork().
 * -ENOTSUP on the poll backend; -errno if the fds that wake the loop cannot be
 * created.  On kqueue it may be readable once more after an event was taken,
 * when there is nothing to do.
 */
int socle_loop_fd(void);

/*
 * How long the next tick would wait, in ms: 0 if there is work now, -1 without
 * limit.  The call also tells the kernel what is watched, so make it right
 * before each wait of the outer loop.
 */
int socle_loop_timeout_ms(void);

/*
 * Sets the longest wait of a tick, in ms: < 0 waits without limit (the start
 * value), 0 does not wait.  (Danga::Socket's SetLoopTimeout.  Its manual has the
 * two the wrong way round; its code does the same as here.)
 */
void socle_set_loop_timeout(int ms);

/*
 * Returns the loop to its first state.  Objects are closed without their `close'
 * and without a flush; queued writes are dropped with their callbacks.  Other
 * fds are removed and stay open.  Factories are freed.  Timers and post-loop
 * callbacks are removed; no function of theirs is called.  Deferred and posted
 * calls get their `drop'.  Signals get back the action that they had before.
 * Profiling and the slow handler are switched off, the counters cleared, the
 * loop timeout is -1, and the backend may be chosen again.  Posts through
 * references of socle_loop_self() return -ESHUTDOWN from now on.
 *
 * Outside handlers the objects are destroyed at once.  Inside one they are
 * destroyed at the end of the tick, and the loops on the stack end;
 * objects and timers that the handler makes after the reset stay.  The end of a
 * thread resets its loop.
 */
void socle_reset(void);

/* ---- backends ---- */

/* Whether that backend is in use.  The call starts it, as Danga::Socket's do. */
bool socle_have_epoll(void);
bool socle_have_kqueue(void);

/* "epoll", "kqueue" or "poll"; NULL if none can be started.  Static storage. */
const char *socle_backend(void);

/*
 * Selects the backend: "epoll" on Linux, "kqueue" on the BSDs and macOS, "poll"
 * anywhere.  Without this call the environment variable SOCLE_BACKEND selects
 * it, otherwise it is the best one of the system.  -EBUSY once the loop is in
 * use; -ENOTSUP for a name that this system does not have.
 */
int socle_set_backend(const char *name);

/* ---- the descriptor map ---- */

/*
 * The number of the application's objects, closed ones until their fd is closed
 * at the end of the tick.  Other fds, listeners and the library's own
 * descriptors do not count.
 */
size_t socle_watched_sockets(void);

struct socle_socket;

/* The object on this fd, or NULL.  One that was closed in this tick counts. */
struct socle_socket *socle_descriptor(int fd);

/*
 * Calls `fn' for each object, in ascending order of fd.  It may close and make
 * any object; one that it makes at a higher fd is included.
 */
void socle_each_descriptor(
	void (*fn)(struct socle_socket *s, void *arg), void *arg);

/* The closed objects whose fd has not been closed yet, and their number. */
size_t socle_to_close(void);
void socle_each_to_close(
	void (*fn)(struct socle_socket *s, void *arg), void *arg);

/* ---- other fds ---- */

/*
 * Watches an fd that has no object (Danga::Socket's OtherFds, here at any time
 * and on every backend).  `fn' gets what is ready: SOCLE_READ and SOCLE_WRITE as
 * far as `events' names them, SOCLE_ERR and SOCLE_HUP always, also if `events'
 * is 0.  ERR and HUP without input are reported once, until the fd is added
 * again.  A FIFO or terminal that has lost its writers reports its next writer's
 * input on epoll and kqueue.  For poll, open a FIFO with O_RDWR, so that it always
 * has a writer.  On macOS a FIFO never reports that its writers have left.
 * There is no event for urgent data (POLLPRI).
 *
 * The application owns the fd: the library never closes it.  If the fd is an
 * other fd already, events and fn are replaced.  -EEXIST: it is an object's;
 * -EBADF; -EPERM: a regular file or directory; -EINVAL: no `fn', or another bit
 * in `events'.  If the kernel refuses it later, `fn' gets SOCLE_ERR.
 */
int socle_add_other_fd(int fd, unsigned events,
	void (*fn)(int fd, unsigned ready, void *arg), void *arg);
int socle_add_other_fd_named(const char *arguments, int fd, unsigned events,
	void (*fn)(int fd, unsigned ready, void *arg), void *arg);
#define socle_add_other_fd(...)                                                \
	socle_add_other_fd_named(#__VA_ARGS__, __VA_ARGS__)

/*
 * The same; `drop(arg)' is called once when `fn' will never run again: when the
 * fd is removed, added again, or the loop is reset, which the end of its thread
 * does too.  If `fn' is running then, `drop' is called when it returns.  `drop'
 * must not call the library.  A call that fails takes nothing.
 */
int socle_add_other_fd_or_drop(int fd, unsigned events,
	void (*fn)(int fd, unsigned ready, void *arg), void (*drop)(void *arg),
	void *arg);

/*
 * What an other fd was added with; a NULL pointer is not filled in.  -ENOENT: it
 * is not an other fd.
 */
int socle_other_fd(int fd, unsigned *events,
	void (**fn)(int fd, unsigned ready, void *arg), void **arg);

/* Call it before you close the fd.  -ENOENT: it is not an other fd. */
int socle_remove_other_fd(int fd);
void socle_clear_other_fds(void);

/* Calls `fn' for each, in ascending order; it may add and remove any. */
void socle_each_other_fd(
	void (*fn)(int fd, unsigned events, void *arg), void *arg);

/* ---- timers by identifier; timers/timer.h has those in a struct ---- */

typedef uint64_t socle_timer_id;

/*
 * Calls `fn(arg)' once, `seconds' from now (Danga::Socket's AddTimer), under the
 * rules of socle_timer_start().  Returns an identifier, which no other timer of
 * the process ever has, so that it is safe to cancel even after the timer has
 * fired; 0 if there is no memory.
 */
socle_timer_id socle_add_timer(
	double seconds, void (*fn)(void *arg), void *arg);
socle_timer_id socle_add_timer_named(const char *arguments, double seconds,
	void (*fn)(void *arg), void *arg);
#define socle_add_timer(...) socle_add_timer_named(#__VA_ARGS__, __VA_ARGS__)

/*
 * The same; `drop(arg)' is called once when `fn' will never run again: after it
 * has returned, or when the timer is cancelled or the loop is reset, which the
 * end of its thread does too.  `drop' must not call the library.  If the result
 * is 0 it is not called.
 */
socle_timer_id socle_add_timer_or_drop(double seconds, void (*fn)(void *arg),
	void (*drop)(void *arg), void *arg);

/* Whether the timer was pending; it will not fire. */
bool socle_cancel_timer(socle_timer_id id);

/*
 * The tick's monotonic time, in seconds, for socle_timer_start_at().  The clock
 * is read after the wait, on first need, and again before timers are looked at
 * if handlers have run since.  It does not count the time that the system was
 * suspended.
 */
double socle_now(void);

/* ---- post-loop callbacks ---- */

/*
 * `fn' is called at the end of each tick, after fds were closed; false ends the
 * loop.  There is one for the loop, and one for each object, set by
 * socle_set_socket_post_loop_callback().  All of them run in every tick, those
 * of objects first, in the order in which they were set.  NULL removes it.
 */
void socle_set_post_loop_callback(bool (*fn)(void *arg), void *arg);
void socle_set_post_loop_callback_named(
	const char *arguments, bool (*fn)(void *arg), void *arg);
#define socle_set_post_loop_callback(...)                                      \
	socle_set_post_loop_callback_named(#__VA_ARGS__, __VA_ARGS__)

/*
 * The same for the loop's; `drop(arg)' is called once when `fn' will never run
 * again: when another is set, NULL included, or the loop is reset, which the end
 * of its thread does too.  If `fn' is running then, `drop' is called when it
 * returns.  `drop' must not call the library.
 */
void socle_set_post_loop_callback_or_drop(
	bool (*fn)(void *arg), void (*drop)(void *arg), void *arg);

/* ---- deferred and posted calls ---- */

/*
 * Calls `fn(arg)' in the next tick, in the order of the calls; a call that `fn'
 * defers waits for the tick after that.  With the second form `drop(arg)' is
 * called instead if a reset or the end of the thread comes first; `drop' must
 * not call the library.
 */
int socle_defer(void (*fn)(void *arg), void *arg);
int socle_defer_named(const char *arguments, void (*fn)(void *arg), void *arg);
#define socle_defer(...) socle_defer_named(#__VA_ARGS__, __VA_ARGS__)
int socle_defer_or_drop(
	void (*fn)(void *arg), void (*drop)(void *arg), void *arg);

struct socle_loop;

/*
 * A reference to this thread's loop, for other threads to post to.  Release it
 * with socle_loop_release(), from any thread; NULL is allowed there.  It may
 * outlive the loop.  NULL: out of memory or of fds.
 */
struct socle_loop *socle_loop_self(void);
void socle_loop_release(struct socle_loop *l);

/*
 * Calls `fn(arg)' on the thread of `to', in a tick soon; posts of one thread
 * keep their order.  May be called from any thread; it never blocks and takes no
 * lock.  Nothing limits the memory of posts that the loop has not run yet.
 * -ESHUTDOWN: that loop is gone, or this is a forked child and the loop ran on
 * another thread of the parent; -ENOMEM.  `drop' is called as that of a deferred
 * call, on the thread of `to'.
 */
int socle_post(struct socle_loop *to, void (*fn)(void *arg), void *arg);
int socle_post_named(const char *arguments, struct socle_loop *to,
	void (*fn)(void *arg), void *arg);
#define socle_post(...) socle_post_named(#__VA_ARGS__, __VA_ARGS__)
int socle_post_or_drop(struct socle_loop *to, void (*fn)(void *arg),
	void (*drop)(void *arg), void *arg);

/*
 * Ends the wait of `to', or keeps its next one from sleeping.  May be called
 * from any thread and from signal handlers.  In a forked child it never wakes
 * the parent.
 */
void socle_wakeup(struct socle_loop *to);

/*
 * `fn' is called in a tick after the signal arrived; several signals of one
 * number may become one call.  The handler is installed with SA_RESTART.  NULL
 * restores the action that was set before, unless the application has installed
 * another handler since.  A signal belongs to one loop of the process: -EBUSY if
 * another one has it, for NULL too.  A forked child has only the loop of the
 * thread that forked; the signals of the others get their old action back.
 * -EINVAL: no such signal, one that cannot be caught, or one of SIGSEGV, SIGBUS,
 * SIGFPE and SIGILL, which a handler cannot put off.  -errno if the fds that wake
 * the loop cannot be created.  (kqueue's filter and signalfd would need the
 * signal blocked; this installs a handler, as Danga::Socket's users do.)
 */
int socle_signal(int signo, void (*fn)(int signo, void *arg), void *arg);
int socle_signal_named(const char *arguments, int signo,
	void (*fn)(int signo, void *arg), void *arg);
#define socle_signal(...) socle_signal_named(#__VA_ARGS__, __VA_ARGS__)

/*
 * Call it in a forked child before the child uses the loop.  It keeps every
 * object, timer and other fd, on a poller of the child's own, and drops, with
 * their callbacks, the bytes that were queued before the fork, which the parent
 * sends.  Until then the library makes no call in the child that could affect
 * the parent, and runs none of the parent's callbacks.  Afterwards parent and
 * child share each connection: data that one of them reads is lost to the other,
 * and a shutdown(2), such as that of socle_close_after_flush(), ends it for both.
 * socle_close() closes the child's fd only.  A child that wants none of the
 * objects calls socle_reset().  0, also outside a child; -errno if fds cannot be
 * created, and the call may be made again.  -ECHILD in a child that one of the
 * callbacks forks: it calls this function itself before it uses the loop.
 */
int socle_after_fork(void);

/* Whether this is a forked child that has not called socle_after_fork(). */
bool socle_forked(void);

/* ---- profiling; profiling/profile.h has the shapes ---- */

/*
 * Clears the counters and counts every callback from now on: `what' is
 * SOCLE_PROFILE_CPU, SOCLE_PROFILE_WALL, or 0 for both.  Returns 1 as
 * Danga::Socket's does; -EINVAL for other bits.
 */
int socle_enable_profiling(unsigned what);

/* Stops counting and keeps the data. */
void socle_disable_profiling(void);

/* Calls `fn' for each item, sorted by name; `item' is valid for the call. */
void socle_profiling_data(
	void (*fn)(const struct socle_profile_item *item, void *arg),
	void *arg);

/*
 * Writes a report in pieces through `out'; a result < 0 of `out' stops it and is
 * returned.  0, or -EINVAL for an unknown form.
 */
int socle_profile_report(enum socle_report form,
	int (*out)(const char *text, size_t len, void *arg), void *arg);

/*
 * `fn' is called right after each callback that took `seconds' or longer, whether
 * profiling is on or not.  NULL or 0 switches it off.
 */
void socle_set_slow_handler(double seconds,
	void (*fn)(const struct socle_slow *what, void *arg), void *arg);

/* ---- log ---- */

/*
 * The log of the process.  Level 0 is for messages that are always logged, 1 and
 * 2 are Danga::Socket's debug messages, logged if the debug level is that high.
 * The environment variable SOCLE_DEBUG sets the level at start.
 *
 * The default hook writes ">>> message" to standard error; `fn' NULL restores it.
 * It may be set at any time, on any thread; a call that another thread has begun
 * still goes to the old hook.
 *
 * A hook is called on the thread that logs, several threads at a time if several
 * have loops.  A message has at most 1023 bytes and no newline at its end, and is
 * valid for the call.  The application's messages are delivered at once.  Those
 * of the library are delivered where it can call the application: in the tick,
 * before the next message of the application, and before a loop returns.  So a
 * hook may call anything, as any callback may.  Messages that arise inside a hook
 * go to standard error, and so do those of the library when too many are waiting or
 * there is no memory.
 */
void socle_set_log(
	void (*fn)(int level, const char *message, void *arg), void *arg);
void socle_set_debug_level(int level);
void socle_debug_msg(const char *fmt, ...)
	__attribute__((format(printf, 1, 2)));

#pragma GCC diagnostic pop
#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
