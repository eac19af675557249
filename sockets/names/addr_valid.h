/* Whether an address that the application passed can be given to the kernel. */
#ifndef SOCLE_SOCKETS_NAMES_ADDR_VALID_H
#define SOCLE_SOCKETS_NAMES_ADDR_VALID_H

#include "sockets/names/addr.h"

#include <errno.h>
#include <stdbool.h>

/* False for NULL and for a `len' that does not fit the family. */
static inline bool
socle__addr_is_valid(const struct socle_addr *a)
{
	return socle_addr_port(a) != -EINVAL;
}

/* Whether it is an IP address with port 0, which is no peer. */
static inline bool
socle__addr_is_port_0(const struct socle_addr *a)
{
	return socle_addr_port(a) == 0;
}

#endif
