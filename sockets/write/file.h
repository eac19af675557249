/* Files in the write queue. */
#ifndef SOCLE_SOCKETS_WRITE_FILE_H
#define SOCLE_SOCKETS_WRITE_FILE_H

#include "sockets/write/queue.h"
#include "sockets/write/sendfile.h"
#include "sockets/write/transmit.h"

/*
 * Makes a queue item's file from `fd'; 0 or -errno.  The caller owns the fd
 * until the item is queued.
 */
int socle__file_new(
	const struct socle_sendfile *what, int fd, struct socle__file **ret);

/*
 * Sends from the file of the next item.  Once all of it is sent, or it fails,
 * the item is finished.  requires: SOCLE__FILE
 */
enum socle__flush_end socle__file_flush(struct socle_socket *s,
	struct socle__item *item, struct socle__flush *f);

/*
 * Calls `done' for a file that has left the queue, and frees it.  A file that
 * was neither sent nor failed is reported as dropped (-ECANCELED).
 */
void socle__file_end(struct socle_socket *s, struct socle__file *file);

#endif
