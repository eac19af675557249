/* Restarting a daemon, by a new binary, without a refused connection. */
#ifndef SOCLE_DAEMON_RESTART_H
#define SOCLE_DAEMON_RESTART_H

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/*
 * Starts the program argv[0], found as by execvp(3), with the sockets of this
 * thread's loop: all that listen, and the datagram sockets that are bound and not
 * connected.  The new program takes them by socle_service_listen() and
 * socle_service_datagram(), or as sd_listen_fds(3) does, and calls
 * socle_service_ready() when it serves.  Until then this process goes on as
 * before.  Then `ended(0, arg)' is called in a tick, where the application calls
 * socle_drain(); the library names the new main process to the service manager.
 * From then on the files of unix sockets are the new program's.
 *
 * `ended(-errno, arg)' if it failed, and the new process no longer exists:
 * -ETIMEDOUT after `timeout' seconds (0: no limit); -EPIPE if it ended, or closed
 * its fds, before it was ready; the error of execve(2), such as -ENOENT; -EMFILE.
 * The application goes on, and may try again.
 *
 * The new program gets the environment, and of the fds 0, 1, 2 and those sockets;
 * fd 3 is the first.  Signals with a handler have their default action there, and
 * those that are ignored or blocked stay so, as after any execve(2).  It must not
 * fork itself into the background.  Its parent is this process: once it is ready,
 * the application may wait for it with waitpid(2), and if it ends before, the
 * library waits for this one process.
 *
 * Returns the pid of the new process; -EBUSY: a restart of this loop is under
 * way; -ESHUTDOWN: the loop drains; -EINVAL: argv is empty, or the timeout is
 * negative or NaN; -ECHILD in a forked child before socle_after_fork();
 * -ENOMEM; the errors of socketpair(2) and fork(2).  socle_reset() kills a new
 * program that is not ready yet; `ended' is not called then.
 */
int socle_restart(char *const argv[], double timeout,
	void (*ended)(int err, void *arg), void *arg);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
