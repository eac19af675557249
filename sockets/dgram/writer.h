/* A second fd for sending. */
#ifndef SOCLE_SOCKETS_DGRAM_WRITER_H
#define SOCLE_SOCKETS_DGRAM_WRITER_H

#include "sockets/dgram/state.h"

/* Closes it; the object sends through the fd it reads from again. */
void socle__dgram_writer_end(struct socle_dgram *d);

#endif
