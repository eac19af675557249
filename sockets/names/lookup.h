/* What the two users of getaddrinfo(3) have in common. */
#ifndef SOCLE_SOCKETS_NAMES_LOOKUP_H
#define SOCLE_SOCKETS_NAMES_LOOKUP_H

#include "sockets/names/addr.h"

#include <stdbool.h>

struct addrinfo;

/* The number that a text is: 0 .. max; -ERANGE above it; -EINVAL: no digits. */
int socle__number(const char *text, int max);

/* Whether a text is a path or name of AF_UNIX: "/path", "@name", "unix:...". */
bool socle__is_unix_text(const char *text);

/*
 * Whether a text can be the name or number of a host.  False for white space,
 * and for a number that getaddrinfo would complete ("127.1", "0x7f.1") but
 * socle_addr_parse() refuses.
 */
bool socle__is_host_text(const char *text);

/* What getaddrinfo returned, as -errno. */
int socle__lookup_error(int result);

/*
 * Copies what getaddrinfo found to allocated memory, with `once' without
 * repetitions; 0, -ENOMEM, or -EADDRNOTAVAIL if there is none.
 */
int socle__lookup_addresses(const struct addrinfo *found, bool once,
	struct socle_addr **ret, size_t *n);

#endif
