/*
 * A resolver for tests: the test decides what it answers and when. It also
 * counts the library's helper threads.
 *
 * The name "hN" is 10.0.0.N; any other name has the addresses of
 * resolver_says(). A service that is a name has port 4242.
 */
#ifndef SOCLE_TESTS_RESOLVER_H
#define SOCLE_TESTS_RESOLVER_H

#include "tests/support/fixture.h"

int resolver_setup(void **state);
int resolver_teardown(void **state);
#define resolver_test(name)                                                    \
	cmocka_unit_test_setup_teardown(name, resolver_setup, resolver_teardown)

/* From now on names are the system's to look up. */
void resolver_real(void);

/* Numeric addresses with blanks between; or a code of getaddrinfo and errno. */
void resolver_says(const char *addresses);
void resolver_fails(int code, int err);

/* Look-ups wait from now on; `n' more of them may end; all may. */
void resolver_hold(void);
void resolver_let(int n);
void resolver_let_all(void);

/* Waits until that many look-ups have begun; how many there were. */
void resolver_wait_asked(int n);
int resolver_asked(void);

/* The last one: "host service family type", "-" for NULL. */
const char *resolver_question(void);

/* Helper threads there are, and the most there were. */
int resolver_threads(void);
int resolver_most_threads(void);
void resolver_wait_idle(void);

/* ---- the callback of the tests ---- */

/* Notes "tag=address,address" or "tag!", and counts. */
void answered(int err, const struct socle_addr *addrs, size_t n, void *arg);
extern int answers, last_err;

/* A name, tagged with itself, which has to be taken. */
struct socle_resolve *resolver_ask(const char *host);

#endif
