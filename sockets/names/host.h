/* Numeric hosts. */
#ifndef SOCLE_SOCKETS_NAMES_HOST_H
#define SOCLE_SOCKETS_NAMES_HOST_H

#include <stdbool.h>

#define SOCLE__SPACE " \t\n\v\f\r" /* Perl's \s */

/* As inet_pton(3), but white space is part of no host.  Whether it is one. */
bool socle__host_parse(int family, const char *host, void *ret);

#endif
