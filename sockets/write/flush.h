/* Moving bytes from the queue to the kernel. */
#ifndef SOCLE_SOCKETS_WRITE_FLUSH_H
#define SOCLE_SOCKETS_WRITE_FLUSH_H

#include "sockets/write/transmit.h"

/*
 * Moves queued bytes and files to the kernel or the writer function, until one
 * of the cases of enum socle__flush_end.  Finished items stay in the queue
 * until the pump runs their callbacks.  Runs no callback but the writer
 * function, and closes nothing.
 */
enum socle__flush_end socle__flush_queue(
	struct socle_socket *s, struct socle__flush *f);

#endif
