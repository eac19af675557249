/* Files in the write queue. */
#ifndef SOCLE_SOCKETS_WRITE_FILE_H
#define SOCLE_SOCKETS_WRITE_FILE_H

#include "sockets/write/queue.h"
#include "sockets/write/sendfile.h"
#include "sockets/write/transmit.h"

/*
 * Makes a file of what is open as `fd'; 0 or -errno.  The fd stays the
 * caller's until the file is in a queue.
 */
int socle__file_new(
	const struct socle_sendfile *what, int fd, struct socle__file **ret);

/*
 * Sends of the file that is next in the queue.  When it has failed or all of
 * it is sent, its item is finished.  requires: SOCLE__FILE
 */
enum socle__flush_end socle__file_flush(struct socle_socket *s,
	struct socle__item *item, struct socle__flush *f);

/*
 * Calls `done' for a file that has left the queue, and frees it; one that was
 * neither sent nor failed was dropped.
 */
void socle__file_end(struct socle_socket *s, struct socle__file *file);

#endif
