/* The classes of the objects of a cell. */
#ifndef SOCLE_TESTS_REENTRANCY_ACTORS_H
#define SOCLE_TESTS_REENTRANCY_ACTORS_H

#include "tests/support/fixture.h"

/* Streams: E, X and L; H; and what the operations make of E, X and L. */
extern const struct socle_class actor_class, healthy_class, sub_class;

/* The same for an X with datagrams. */
extern const struct socle_dgram_class dgram_actor_class, dgram_sub_class;

#endif
