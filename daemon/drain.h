/* The end of a daemon: it accepts nothing more and serves what it has. */
#ifndef SOCLE_DAEMON_DRAIN_H
#define SOCLE_DAEMON_DRAIN_H

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/*
 * Frees all listeners of this thread's loop, tells the service manager
 * (socle_service_stopping(), unless a restarted program has taken over), and
 * calls `ask(arg)', unless `ask' is NULL: the application closes there what is
 * idle.  From then on the loop ends after a tick in which no object of the
 * application is left; clients of a console do not count, nor do timers, other
 * fds, and factories that connect.  After `seconds' every loop on the stack is
 * stopped, whatever is left; INFINITY waits without limit, NaN is 0.
 * A nested loop ends in the same way as the outer one.
 *
 * May be called from anywhere, also outside a loop, for the next one.  A second
 * call frees the listeners that were made since, makes the deadline earlier if
 * its own is, and does not call `ask'.  The drain lasts until socle_reset(): a
 * loop that runs again ends as described.
 *
 * Clients that the kernel has connected but the listener has not accepted get a
 * reset, unless another process has the same listening socket.
 *
 * 0; -ENOMEM; -ECHILD in a forked child before socle_after_fork().
 */
int socle_drain(double seconds, void (*ask)(void *arg), void *arg);

/* Whether it was called: answer what was asked, and close. */
bool socle_draining(void);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
