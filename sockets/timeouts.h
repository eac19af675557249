/* Timeouts of an object: idle, stall, and the retry of a write. */
#ifndef SOCLE_SOCKETS_TIMEOUTS_H
#define SOCLE_SOCKETS_TIMEOUTS_H

#include "reactor/reactor.h"
#include "sockets/object.h"

/* Retries the write soon: the fd may be writable and still refuse. */
void socle__retry_start(struct socle_socket *s);

/* Starts the timer for the deadlines that the object has now. */
void socle__timeouts_restart(struct socle_socket *s);

/* Starts the write timeout: queued data cannot be sent now. */
void socle__stall_start(struct socle_socket *s);

#endif
