/* Moving bytes from the queue to the kernel. */
#ifndef SOCLE_SOCKETS_WRITE_FLUSH_H
#define SOCLE_SOCKETS_WRITE_FLUSH_H

#include "sockets/write/transmit.h"

/*
 * Moves bytes from the queue to the kernel, from a file, or to the writer
 * function, until one of the ends of enum socle__flush_end.  Finished items
 * stay in the queue until their callbacks have run.  Runs no callback but the
 * writer function, and closes nothing.
 */
enum socle__flush_end socle__flush_queue(
	struct socle_socket *s, struct socle__flush *f);

#endif
