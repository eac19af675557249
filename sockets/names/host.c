/* Numeric hosts. */
#include "sockets/names/host.h"

#include <arpa/inet.h>
#include <string.h>

/* Some systems' inet_pton(3) ignores what follows white space. */
bool
socle__host_parse(int family, const char *host, void *ret)
{
	return strpbrk(host, SOCLE__SPACE) == NULL &&
		inet_pton(family, host, ret) == 1;
}
