/* Starting another program with some of this process's fds. */
#ifndef SOCLE_REACTOR_SPAWN_H
#define SOCLE_REACTOR_SPAWN_H

#include <sys/types.h>

enum { SOCLE__FIRST_PASSED = 3, SOCLE__PIDS_MOST = 3 };

struct socle__spawn {
	char *const *argv; /* argv[0] is found as by execvp(3) */
	char **env;
	/*
	 * They become the new program's fds from 3 on; they must be
	 * close-on-exec.  The last one is a stream, which gets the errno (an
	 * int) if the child cannot become the program.
	 */
	int *fds;
	int n;
	/* Texts of `env' that the child completes with its pid, or NULL. */
	char *pids[SOCLE__PIDS_MOST];
};

/*
 * Forks a child that becomes the program; all its other fds above 2 are closed.
 * Signals with a handler get their default action, and those that this thread
 * blocks stay blocked.  The pid, or -errno.
 */
pid_t socle__spawn(const struct socle__spawn *what);

#endif
