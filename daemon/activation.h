/* Sockets that were passed to this process. */
#ifndef SOCLE_DAEMON_ACTIVATION_H
#define SOCLE_DAEMON_ACTIVATION_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * How a predecessor names its sockets that have no other name; with the second
 * name the successor removes the file of the unix socket at its end.
 */
#define SOCLE__PASSED "socle"
#define SOCLE__PASSED_FILE "socle-file"
/* Its variable: the successor's pid.  The fd to answer on follows the others. */
#define SOCLE__PREDECESSOR "SOCLE_PREDECESSOR"

/* A text that is a number up to `most', in digits alone. */
bool socle__number_parse(const char *text, uint64_t most, uint64_t *ret);

/*
 * What the three variables (NULL: not set) say to the process `self': the number
 * of fds; 0: none, or they are another's; -EINVAL.
 */
int socle__activation_parse(
	const char *pid, const char *fds, const char *names, pid_t self);

/* The name under which the factory's socket was passed, or NULL. */
const char *socle__activation_name(uint64_t factory);

/* Tells the predecessor, if there is one, and closes what nobody asked for. */
bool socle__activation_ready(void);

/* As if the environment had not been read yet; for tests. */
void socle__activation_forget(void);

#endif
