/* Whether a name look-up has ended. */
#ifndef SOCLE_SOCKETS_NAMES_ANSWERED_H
#define SOCLE_SOCKETS_NAMES_ANSWERED_H

#include "sockets/names/resolve.h"

#include <stdbool.h>

/*
 * Whether the answer has been sent to the loop, which is about to call `fn'.
 * requires: the request has not been cancelled, nor has `fn' been called
 */
bool socle__resolve_is_answered(const struct socle_resolve *r);

#endif
