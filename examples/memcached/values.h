/* The commands that store, and those that read items. */
#ifndef MEMCACHED_VALUES_H
#define MEMCACHED_VALUES_H

#include "memcached/client.h"
#include "memcached/words.h"

/* set, add, replace, append, prepend, cas; their data follows the line. */
void do_store(struct client *c, const struct words *w, int verb);
void store_data(struct client *c);

/* get, gets, gat, gats: the words from `at' on. */
void do_get(struct client *c, const char *at, const char *end);

/* The rest of such a line. */
void get_rest(struct client *c, const char *at, const char *end);

/* incr and decr */
enum { UP, DOWN };
void do_count(struct client *c, const struct words *w, int way);

#endif
