/*
 * A resolver for tests: the test decides what it answers and when. It also
 * counts the library's helper threads.
 *
 * The name "hN" is 10.0.0.N; any other name has the addresses of
 * resolver_set_answer(). A service that is a name has port 4242.
 */
#ifndef SOCLE_TESTS_RESOLVER_H
#define SOCLE_TESTS_RESOLVER_H

#include "tests/support/fixture.h"

int resolver_setup(void **state);
int resolver_teardown(void **state);
#define resolver_test(name)                                                    \
	cmocka_unit_test_setup_teardown(name, resolver_setup, resolver_teardown)

/* From now on the system resolves names. */
void resolver_real(void);

/*
 * Sets the answer: numeric addresses separated by blanks; or a code of
 * getaddrinfo and errno.
 */
void resolver_set_answer(const char *addresses);
void resolver_fails(int code, int err);

/* From now on lookups block; `n' more of them may end; all may. */
void resolver_hold(void);
void resolver_release(int n);
void resolver_release_all(void);

/* Waits until `n' lookups have started; the number started. */
void resolver_wait_started(int n);
int resolver_started(void);

/* The last lookup: "host service family type", "-" for NULL. */
const char *resolver_question(void);

/* The current number of helper threads, and the highest so far. */
int resolver_threads(void);
int resolver_max_threads(void);
void resolver_wait_idle(void);

/* ---- the callback of the tests ---- */

/* Notes "tag=address,address" or "tag!" (failure), and counts. */
void answered(int err, const struct socle_addr *addrs, size_t n, void *arg);
extern int answers, last_err;

/* Requests a name, which is also its tag; must be accepted. */
struct socle_resolve *resolver_request(const char *host);

#endif
