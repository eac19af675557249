/*
 * Starting another program that gets some of this process's sockets, as a service
 * manager passes them: fds from 3 on, and variables that say what they are.
 */
#ifndef SOCLE_REACTOR_SPAWN_H
#define SOCLE_REACTOR_SPAWN_H

#include <sys/types.h>

enum { SOCLE__FIRST_PASSED = 3, SOCLE__PASSED_NAME_MOST = 255 };

#define SOCLE__LISTEN_PID "LISTEN_PID"
#define SOCLE__LISTEN_FDS "LISTEN_FDS"
#define SOCLE__LISTEN_FDNAMES "LISTEN_FDNAMES"
/* The program's pid: it is to answer on the fd that follows the sockets. */
#define SOCLE__PREDECESSOR "SOCLE_PREDECESSOR"

/*
 * Names of sockets that this process has made itself; that of the second has a
 * file, which the program removes when it ends.
 */
#define SOCLE__OWN "socle"
#define SOCLE__OWN_FILE "socle-file"

struct socle__spawn {
	int n;       /* sockets; all fds below are close-on-exec */
	int *fds;    /* n + 1 of them: the last is the stream to answer on */
	char *names; /* of the sockets, separated by colons */
};

/* Memory for so many sockets, for the caller to fill in and free; NULL: none. */
struct socle__spawn *socle__spawn_new(int n);

/*
 * Forks a child that becomes the program argv[0], found as by execvp(3).  It has
 * no other fds above 2.  Signals with a handler get their default action, and
 * those that this thread blocks stay blocked.  If the child cannot become the
 * program, it sends the errno, an int, on the stream.  The pid, or -errno.
 */
pid_t socle__spawn(struct socle__spawn *what, char *const argv[]);

#endif
