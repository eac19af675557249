/*
 * The locks that are held, by name.  Each is also in the list of its holder, so
 * that a connection that ends releases its locks without a search.
 */
#ifndef DDLOCKD_LOCKS_H
#define DDLOCKD_LOCKS_H

#include <stdbool.h>
#include <stddef.h>

struct lock;
struct socle_socket;

enum { LOCKS_MOST = 256 * 1024 };

/* NULL if it is free. */
struct lock *locks_find(const char *name, size_t len);

/*
 * Takes a free lock for `holder', into its list `held'.  Returns false if there
 * is no memory, or LOCKS_MOST are held.
 */
bool locks_take(struct lock **held, struct socle_socket *holder,
	const char *name, size_t len);

void locks_release(struct lock *l);
struct socle_socket *lock_holder(const struct lock *l);

/*
 * The answer to `locks', sorted by name, to be freed with free(); NULL if there
 * is no memory.
 */
struct locks_text {
	size_t len;
	char text[];
};
struct locks_text *locks_list(void);

#endif
