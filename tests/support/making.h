/*
 * For the tests of factories and connecting: callbacks that record their
 * arguments, and addresses at which connecting fails or hangs.
 */
#ifndef SOCLE_TESTS_MAKING_H
#define SOCLE_TESTS_MAKING_H

#include "tests/support/fixture.h"

/*
 * The reports since making_setup(); the end of the test closes the fds
 * not taken out.
 */
extern struct recorded {
	int successes, accepts, failures, attempts;
	int fds[128]; /* of the success callback, in order */
	bool has_peer;
	struct socle_addr peer; /* the last one's */
	struct socle_socket *object;
	struct socle_failure why; /* the last one */
	/* if set, called after recording */
	void (*on_success)(struct socle_factory *f);
	void (*on_accepted)(struct socle_factory *f);
	void (*on_failure)(struct socle_factory *f);
	void (*on_attempt)(struct socle_factory *f);
} recorded;

int making_setup(void **state);
int making_teardown(void **state);
#define making_test(name)                                                      \
	cmocka_unit_test_setup_teardown(name, making_setup, making_teardown)

/* The same, with the resolver of resolver.h. */
int names_setup(void **state);
int names_teardown(void **state);
#define names_test(name)                                                       \
	cmocka_unit_test_setup_teardown(name, names_setup, names_teardown)

void record_success(struct socle_factory *f, int fd,
	const struct socle_addr *peer, void *arg);
void record_accepted(
	struct socle_factory *f, struct socle_socket *s, void *arg);
void record_failure(
	struct socle_factory *f, const struct socle_failure *why, void *arg);
/* Also notes "4:<err>" or "6:<err>". */
void record_attempt(struct socle_factory *f, const struct socle_addr *to,
	int err, void *arg);

/*
 * A factory with these callbacks where `p' has none; making it must succeed and
 * report nothing.
 */
struct socle_factory *make(struct socle_factory_params p);

/*
 * Runs ticks until one more failure, which must be this one; no other event may
 * follow.
 */
void assert_fails(struct socle_factory *f, const char *operation, int err);

/* The port of a listener as text, "80"; the last four texts stay valid. */
const char *port_of(const struct socle_factory *f);
const char *port_text(int port);

/* A blocking client of a listener. */
int client_of(const struct socle_factory *f);

/*
 * A port to which connecting is refused, and an fd to close in the end: on Linux
 * a bound socket that does not listen. Some systems do not answer for one, so
 * that elsewhere the port is free again.
 */
int refusing(int family, int *port);

/*
 * A listener with a full backlog: connecting hangs. The end of the test closes
 * its sockets.
 */
int full_listener(int family);

void assert_exchange(int a, int b); /* a byte in each direction */
int fds_open(void);

/*
 * A path "dir/name" in a directory for unix sockets, which must be empty at the
 * end.
 */
const char *in_dir(const char *name);
bool is_there(const char *path);

/* Lets virtual time pass. */
void pass_time(double seconds);
#endif
