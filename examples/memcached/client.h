/* A client, and what it is answered. */
#ifndef MEMCACHED_CLIENT_H
#define MEMCACHED_CLIENT_H

#include "common/line.h"
#include "memcached/store.h"

#include <stdbool.h>
#include <stdint.h>

enum verb { SET, ADD, REPLACE, APPEND, PREPEND, CAS };

struct client {
	struct socle_socket sock; /* the base, first */
	struct line_reader reader;
	bool noreply; /* the command asked for no answer */

	/* a command of which the data is coming */
	struct item *filling; /* NULL: the data is discarded */
	enum verb verb;
	uint64_t cas;

	/* a `get' of which the rest of the line waits for the next turn */
	bool is_getting;
	bool gets_cas, touches;
	double expires;
};

struct client *to_client(struct socle_socket *s);

/* An answer, if one is wanted. */
void say(struct client *c, const char *text);
void say_bytes(struct client *c, const char *text, size_t n);

/* The item as `get' shows it, or with its cas as `gets' does. */
void say_item(struct client *c, struct item *it, bool with_cas);

/* The words of a time, on socle_now()'s scale: 0 for 0, which is never. */
double expiry(int64_t seconds);

#endif
