/* The order in which addresses are tried. */
#ifndef SOCLE_SOCKETS_FACTORY_INTERLEAVE_H
#define SOCLE_SOCKETS_FACTORY_INTERLEAVE_H

#include "sockets/names/addr.h"

/*
 * Sorts the addresses so that the families alternate, starting with that of
 * the first; within a family the order is kept.
 */
void socle__interleave(struct socle_addr *addrs, size_t n);

#endif
