/*
 * Service managers: sockets that one has opened for this program, and what it
 * wants to hear.  The protocols are systemd's (sd_listen_fds(3), sd_notify(3)),
 * which other managers speak too; its library is not needed.
 *
 * The passed sockets belong to the process.  The environment is read and changed,
 * so make the first call before there are other threads, and the later ones on
 * the same thread.  socle_reset() changes nothing about them, except that
 * it frees the listeners that were made of them.
 */
#ifndef SOCLE_DAEMON_SERVICE_H
#define SOCLE_DAEMON_SERVICE_H

#include "../sockets/factory/factory.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* ---- passed sockets ---- */

/*
 * The number of fds that the manager, or a predecessor that restarts itself, has
 * passed to this process; 0: none.  The first call makes them close-on-exec and
 * removes LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES from the environment; each
 * later one returns the same.  Every function below makes the first call itself.
 * -EINVAL: one of the variables is malformed, or the names are not as many as the
 * fds; -EBADF: one of the fds is not open; -ENOMEM, and the call may be repeated.
 */
int socle_service_fds(void);

/*
 * The fd with this index, from 0, and, unless `name' is NULL, its name: that of
 * LISTEN_FDNAMES, or "unknown".  The text stays valid.  The caller may use the
 * fd, which is as it was passed.  -ENOENT: there is none, or a function below has
 * taken it; and the errors of socle_service_fds().
 */
int socle_service_fd(int i, const char **name);

/*
 * Listens at `where', as socle_listen() does, on the passed socket that is bound
 * to this address, or else on a new one.  A program that listens by this call
 * runs alone, activated, and after a restart.  Port 0 is any port.  A
 * text "fd:NAME" is the passed listening socket with this name, and, if called
 * again, the next one: -ENOENT if there is none (any more).  TCP_NODELAY is set
 * in either case.  The file of a unix socket is removed at the end by the process
 * that listens last, unless the manager made it.
 * The errors are those of socle_listen(), socle_listen_on() and
 * socle_service_fds().
 */
int socle_service_listen(const char *where, const struct socle_class *cls,
	struct socle_factory **ret);

/*
 * The passed datagram socket that is bound to this address, or has this name:
 * the fd, for socle_dgram_new(), which the caller owns.  -ENOENT: there is none,
 * so open one; -EINVAL or -ENAMETOOLONG: no such address; and the errors of
 * socle_service_fds().
 */
int socle_service_datagram(const char *where);

/* ---- telling the manager ---- */

/*
 * Sends a text such as "READY=1", or several lines, to the socket that the
 * environment names (NOTIFY_SOCKET).  A manager that does not read its messages
 * is waited for, but no longer than a second: a message that is sent once in a
 * program's life must not be lost.
 * 1: sent; 0: there is no manager; or -errno: -EINVAL if the socket's name is
 * neither a path nor "@name", -ENAMETOOLONG, -EAGAIN or -ENOBUFS if the manager
 * did not read, the errors of socket(2) and sendmsg(2).
 */
int socle_service_notify(const char *state);

/*
 * The same for one state: the program serves (READY=1), reloads its settings
 * (RELOADING=1 with the time; socle_service_ready() ends it), is about to end
 * (STOPPING=1).  socle_service_ready() also tells a predecessor that restarts
 * itself (daemon/restart.h), which counts as sent, and closes those of its
 * sockets that no function here was asked for.
 */
int socle_service_ready(void);
int socle_service_reloading(void);
int socle_service_stopping(void);

/*
 * Sends a line of text for people (STATUS=), as from printf(3), and does not
 * wait.  Each line feed becomes a blank; the text is cut after 1000 bytes.
 */
int socle_service_status(const char *fmt, ...)
	__attribute__((format(printf, 1, 2)));

/*
 * If the manager wants signs of life from this process (WATCHDOG_USEC and
 * WATCHDOG_PID), a timer of this thread's loop sends one each half of that time.
 * A handler that hangs holds up the timer, and the manager restarts the program.
 * A forked child sends none.  socle_reset() ends it.
 * 1: started, or started again; 0: none are wanted, or there is no manager;
 * -EINVAL: malformed; -ENOMEM.
 */
int socle_service_watchdog(void);

/*
 * Has the manager keep a copy of `fd' under this name, which it passes to the
 * program's next life (FDSTORE=1); or drop all copies of this name
 * (FDSTOREREMOVE=1).  Results are those of socle_service_notify().  -EINVAL: a
 * name of more than 255 bytes, an empty one, or one with a colon or a byte that
 * is not printable ASCII; -EBADF.
 */
int socle_service_store(int fd, const char *name);
int socle_service_unstore(const char *name);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
