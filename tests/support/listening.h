/*
 * For the tests of listeners: a listener whose objects echo, and clients.
 */
#ifndef SOCLE_TESTS_LISTENING_H
#define SOCLE_TESTS_LISTENING_H

#include "tests/support/fixture.h"

struct client {
	struct socle_socket sock;
	char beyond[40]; /* only the library has written here */
};
extern const struct socle_class client_class;

/* The listener and its events; reset for each listen_test. */
extern struct socle_factory *factory;
extern struct socle_socket *newest;
extern int accepted, served;
extern void (*on_accepted)(struct socle_socket *self, struct socle_factory *by);

/* The number of messages that the library logged since listen_at(). */
extern int messages;
extern char last_message[256];

int listening_setup(void **state);
#define listen_test(name)                                                      \
	cmocka_unit_test_setup_teardown(name, listening_setup, fixture_teardown)

void listen_at(const char *where);

/* Non-blocking clients of the factory; they enter its backlog at once. */
int client(void);
void clients(int *fds, int n);
void close_all(const int *fds, int n);

void assert_served(int fd);
/* The library has closed or reset the connection. */
void assert_disconnected(int fd);
/* The whole cycle: a client connects, is accepted and served. */
void serves_one_client(const char *where);

#endif
