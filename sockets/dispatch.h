/* Calling the event methods of an object. */
#ifndef SOCLE_SOCKETS_DISPATCH_H
#define SOCLE_SOCKETS_DISPATCH_H

#include "sockets/object.h"

/* Calls event_write, and flushes the queue if event_write did not try. */
void socle__call_write(struct socle_socket *s);

void socle__call_err(struct socle_socket *s, int err);
void socle__call_hup(struct socle_socket *s);

#endif
