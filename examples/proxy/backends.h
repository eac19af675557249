/* The servers behind the proxy: which is next, and which of them work. */
#ifndef EXAMPLES_PROXY_BACKENDS_H
#define EXAMPLES_PROXY_BACKENDS_H

#include <socle/socle.h>

#include <stdbool.h>
#include <stdint.h>

enum { BACKENDS_MOST = 64 }; /* one bit each */

struct backend {
	struct socle_addr addr;
	char name[SOCLE_ADDR_TEXT_MAX];
	uint64_t bit;
	unsigned connections; /* those being made included */
	bool failed;          /* it is the last choice until a check succeeds */
	struct socle_factory *check; /* it runs; or NULL */
};

/* The value of --to.  False: no list of addresses, or too long. */
bool backends_take(const char *value);

/*
 * The one with the fewest connections, by turns if several have as few; not one
 * whose bit is in `tried'.  One that has failed only if no other is left: if all
 * have, the checks may be late.  NULL: none is left.
 */
struct backend *backends_choose(uint64_t tried);

/*
 * Report how a connection to the backend ended.  A local error, such as EMFILE,
 * does not count against the backend.
 */
void backend_works(struct backend *b);
void backend_fails(struct backend *b, int err);

/* Connects to each from time to time, from now on. */
void backends_check(void);

#endif
