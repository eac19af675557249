/* Sockets that were passed to this process when it was started. */
#ifndef SOCLE_SOCKETS_FACTORY_PASSED_H
#define SOCLE_SOCKETS_FACTORY_PASSED_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* A text that is a number up to `most', in digits alone. */
bool socle__number_parse(const char *text, uint64_t most, uint64_t *ret);

/*
 * What the three variables (NULL: not set) say to the process `self': the number
 * of fds; 0: none, or they are another's; -EINVAL.
 */
int socle__passed_parse(
	const char *pid, const char *fds, const char *names, pid_t self);

/* socle_service_fds() and socle_service_fd() */
int socle__passed_fds(void);
int socle__passed_fd(int i, const char **name);

/*
 * The index of a free socket of this kind, listening or datagram, that is bound
 * to the address, or has the name of "fd:NAME"; -ENOENT: none; or -errno.
 */
int socle__passed_find(const char *where, bool listens);

/* It is not free any more: the socket of the factory with this id; 0: another's. */
void socle__passed_take(int i, uint64_t factory);

/* The name under which it was passed, and under which a factory's socket was. */
const char *socle__passed_name(int i);
const char *socle__passed_name_of(uint64_t factory); /* or NULL */

/* Tells the predecessor, if there is one, and closes the sockets that no call took. */
bool socle__passed_ready(void);

/* As if the environment had not been read yet; for tests. */
void socle__passed_forget(void);

#endif
