/* What is counted for an object's writes; reactor/counts.h. */
#ifndef SOCLE_SOCKETS_COUNTS_H
#define SOCLE_SOCKETS_COUNTS_H

#include "sockets/object.h"

/*
 * A write of `len' bytes: the kernel took `sent' of them, or said -errno; and
 * whether it is to be tried again.
 */
void socle__count_sent(
	struct socle_socket *s, ssize_t sent, size_t len, bool is_blocked);

#endif
