/* A second fd to send by. */
#ifndef SOCLE_SOCKETS_DGRAM_WRITER_H
#define SOCLE_SOCKETS_DGRAM_WRITER_H

#include "sockets/dgram/state.h"

/* Closes the fd, and sends by the first one again. */
void socle__dgram_writer_end(struct socle_dgram *d);

#endif
