/*
 * For the tests of socle_connect(): an address to connect to, and the result.
 */
#ifndef SOCLE_TESTS_REACHING_H
#define SOCLE_TESTS_REACHING_H

#include "tests/support/making.h"

extern struct socle_factory *server;
extern char where[SOCLE_ADDR_TEXT_MAX];

/* From now on connecting to `where' succeeds; is refused; hangs. */
void serve(void);
void refuse_connections(void);
void hang_connections(void);

/* A connecting object that has received no event yet. */
struct probe *reach(void);
struct probe *reach_at(const char *at, double timeout);

void turn_until_gone(struct probe *p);

/*
 * The server's end of the connection, once accepted; and the bytes that it
 * receives.
 */
int reached(void);
void assert_gets(int fd, const char *text);

#endif
