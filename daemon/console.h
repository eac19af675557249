/*
 * The console: a port on which operators and monitoring look into a running
 * daemon, after Perlbal's management service.
 *
 * A client sends commands, one a line, and reads lines that end in CRLF.  An
 * answer of several lines ends with a line "."; an action answers "OK"; a failure
 * is "ERROR: " and a reason.  Where Perlbal has the same command, the format is
 * Perlbal's.  `help' lists the commands, socle_console(3) describes them.  The
 * name of a command is case-insensitive.
 *
 * A browser or a monitoring system asks the same port by HTTP, with GET or HEAD:
 *
 *	/		the live page: sockets, queues, loop, profile
 *	/socks		`socks summary' and `socks'
 *	/metrics	for Prometheus
 *	/prof.folded	the profile as folded stacks, for flame graphs
 *	/profile.json	what the live page shows
 *	/healthz	200; 503 once the loop drains (socle_drain())
 *
 * and switches the profile by POST to /prof/on, /prof/off and /prof/reset.
 *
 * Who may ask.  The file of a unix socket has mode 0600, and its clients must run
 * as the daemon's user or as root; so must those of an abstract name.  TCP is for
 * loopback addresses only, which every user of the machine reaches.  A request
 * that names another host than localhost, 127.0.0.1 or [::1] is refused (421), and
 * so is a POST that was caused by a page of another origin (403).  Bytes that are
 * not printable ASCII are shown as \xNN.
 *
 * What it costs.  While a console is open the ticks of the loop are measured
 * (socle_measure_ticks()), and a timer wakes the loop once a second.  A long answer
 * is written in slices, one a tick, each when the kernel has taken the one
 * before.  There are at most 8 clients.  A line has at most 4 KB.  A client is
 * closed when it has been silent for 60 s, or has not read for 60 s.
 *
 * Clients are the library's own objects, of the class "Console": `socks' shows
 * them, but socle_watched_sockets() does not count them, socle_each_descriptor() and
 * socle_descriptor() do not find them, and no drain waits for them.  The listeners of
 * consoles stay open while the loop drains, unless a restarted program has taken
 * them over.  socle_reset() closes
 * everything here and forgets the commands.  After socle_after_fork() parent and
 * child share the listeners; a child that does not want them calls
 * socle_console_close().
 *
 * Results are 0 or -errno.  Every function may be called from inside any callback,
 * the function of a command included.
 */
#ifndef SOCLE_DAEMON_CONSOLE_H
#define SOCLE_DAEMON_CONSOLE_H

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* A client that has given a command.  Valid until the command's function returns. */
struct socle_console;

/*
 * Opens a console at "unix:/run/x.sock", "unix:@name", "127.0.0.1:8081" or
 * "[::1]:8081", as socle_service_listen() does; several may be open.  -EACCES: the
 * address is not a loopback one.  The other errors are those of
 * socle_service_listen().  While the file of a unix socket is made, the file
 * mode mask of the process (umask(2)) is 0177, for other threads too.
 */
int socle_console_listen(const char *where);

/* Closes all consoles of this thread, with their clients.  Commands stay. */
void socle_console_close(void);

/*
 * Adds a command of the application, or replaces one of that name, a built-in one
 * too; `fn' NULL removes it.  `name' has letters, digits and underscores, and is
 * lower case.  `help' follows the name in the list; it may be NULL.  Neither text
 * is copied.
 *
 * `fn' gets the words of the line: argv[0] is the name, argv[argc] is NULL.  The
 * words are valid until it returns.  It answers with the functions below.
 * -EINVAL for another name; -ENOMEM.
 */
int socle_console_command(const char *name, const char *help,
	void (*fn)(struct socle_console *c, int argc, char **argv, void *arg),
	void *arg);

/*
 * What `shutdown' does: `fn' gets the seconds of `shutdown graceful SECONDS',
 * INFINITY if there were none, and -1 for `shutdown' alone.  NULL, and at first:
 * socle_drain() with those seconds, and socle_stop().
 */
void socle_console_set_shutdown(
	void (*fn)(double seconds, void *arg), void *arg);

/* ---- answers; on a client that has been closed they do nothing ---- */

/* One line, of at most 1000 bytes, as from printf(3). */
void socle_console_print(struct socle_console *c, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* "." ends an answer of several lines. */
void socle_console_end(struct socle_console *c);

/* "OK", unless the client has said `verbose off'. */
void socle_console_ok(struct socle_console *c);

/* "ERROR: " and the text. */
void socle_console_error(struct socle_console *c, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * A long answer, after `fn' has returned: `row(c, arg)' is called again and again,
 * over several ticks, and prints a line or a few each time, until it returns
 * false; then "." is written.  What it shows may change meanwhile.  `drop(arg)',
 * which may be NULL, is called once afterwards, or when the client closes before.
 * A second call in the same command replaces the first.
 */
void socle_console_rows(struct socle_console *c,
	bool (*row)(struct socle_console *c, void *arg),
	void (*drop)(void *arg), void *arg);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
