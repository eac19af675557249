/*
 * For the tests of factories and connecting: callbacks that record their
 * arguments, and addresses at which connecting fails or hangs.
 */
#ifndef SOCLE_TESTS_MAKING_H
#define SOCLE_TESTS_MAKING_H

#include "tests/support/fixture.h"

/* What was told since making_setup(); fds not taken out are closed at last. */
extern struct heard {
	int successes, accepts, failures, attempts;
	int fds[128]; /* of success, in their order */
	bool has_peer;
	struct socle_addr peer; /* the last one's */
	struct socle_socket *object;
	struct socle_failure why; /* the last one */
	/* called after the remembering, when set */
	void (*on_success)(struct socle_factory *f);
	void (*on_accepted)(struct socle_factory *f);
	void (*on_failure)(struct socle_factory *f);
	void (*on_attempt)(struct socle_factory *f);
} heard;

int making_setup(void **state);
int making_teardown(void **state);
#define making_test(name)                                                      \
	cmocka_unit_test_setup_teardown(name, making_setup, making_teardown)

/* The same with the resolver of resolver.h. */
int names_setup(void **state);
int names_teardown(void **state);
#define names_test(name)                                                       \
	cmocka_unit_test_setup_teardown(name, names_setup, names_teardown)

void hear_success(struct socle_factory *f, int fd,
	const struct socle_addr *peer, void *arg);
void hear_accepted(struct socle_factory *f, struct socle_socket *s, void *arg);
void hear_failure(
	struct socle_factory *f, const struct socle_failure *why, void *arg);
/* Notes "4:<err>" or "6:<err>" too. */
void hear_attempt(struct socle_factory *f, const struct socle_addr *to, int err,
	void *arg);

/*
 * A factory with these callbacks where `p' has none; it must be made, and
 * have told nothing when it is.
 */
struct socle_factory *make(struct socle_factory_params p);

/* Ticks until one more failure; it must say this, and nothing else come. */
void assert_fails(struct socle_factory *f, const char *operation, int err);

/* "80" of the address that a listener listens at; good for four calls. */
const char *port_of(const struct socle_factory *f);
const char *port_text(int port);

/* A blocking client of a listener. */
int client_of(const struct socle_factory *f);

/* A bound socket that nobody listens at: connecting is refused. */
int refusing(int family, int *port);

/*
 * A listener whose backlog is full: connecting does not end.  Its sockets are
 * closed at the end of the test.
 */
int busy(int family);

bool has_ipv6(void);
void assert_exchange(int a, int b); /* a byte each way */
int fds_open(void);

/* A folder for unix sockets, empty again at the end: "folder/name". */
const char *in_folder(const char *name);
bool is_there(const char *path);

/* Virtual time goes by. */
void pass(double seconds);
#endif
