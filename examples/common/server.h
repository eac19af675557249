/*
 * What every server here does around its loop: it takes its options, listens,
 * ends on SIGTERM or SIGINT, and is replaced by a new process on SIGUSR2.  It
 * tells a service manager that it is ready and alive, and reports handlers that
 * hold up the others on standard error.
 */
#ifndef EXAMPLES_SERVER_H
#define EXAMPLES_SERVER_H

#include <socle/socle.h>

#include <stdbool.h>

/* "--name=value": `take' gets the value and says whether it is one. */
struct server_option {
	const char *name,
		*value; /* "listen", "ADDR:PORT": for the usage text */
	bool (*take)(const char *value);
	bool needed;
};

/*
 * Takes the options, up to one without a name.  Returns false, with the usage
 * on standard error, if one is unknown, wrong or missing.
 */
bool server_options(const char *server, const struct server_option *options,
	int argc, char **argv);

/*
 * For the option "console", "ADDR": server_run() opens a console there, and prints
 * where.
 */
bool server_take_console(const char *value);

/* A whole text that is a number from `least' to `most'. */
bool server_number(const char *text, double least, double most, double *ret);

/* The text of a port number: stores the address 127.0.0.1:N.  False: it is none. */
bool server_port(const char *text, char *address, size_t size);

/* Allows as many descriptors as the hard limit does: each client needs one. */
void server_raise_fd_limit(void);

/* Prints the reason, and returns 1 for main() to return. */
int server_fails(const char *server, const char *what, int err);

/*
 * Listens at an address, on the socket that a service manager or a predecessor
 * has passed for it if there is one, and prints the address, with the port that
 * it got.
 * Returns 0, or -errno.
 */
int server_listen(
	const char *server, const char *where, const struct socle_class *cls);

/* Stops all listeners from accepting, or lets them go on. */
void server_accept(bool on);

/*
 * Runs the loop until a signal.  The first one closes the listeners and calls
 * `end' (NULL: none) with true, which ends all clients that have nothing to
 * finish; the loop goes on until no client is left, but at most STOP_SECONDS.  A
 * second signal ends it at once.
 *
 * SIGUSR2 starts the program again, with the options that server_options() got.
 * When the new process serves, this one closes its listeners and calls `end' with
 * false, which ends what is not a client.  Idle clients stay until they have
 * their next answer: a request may be on its way.  The loop goes on for
 * HAND_OVER_SECONDS at most.
 *
 * Frees the loop.  Returns 0, or -errno.
 */
int server_run(void (*end)(bool idle));

/* Whether the first signal has come: answer what was asked, and close. */
bool server_is_draining(void);

#endif
