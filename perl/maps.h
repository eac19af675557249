/* The maps of the library, for the tied hashes and lists of Perl. */
#ifndef SOCLE_PERL_MAPS_H
#define SOCLE_PERL_MAPS_H

#include "object.h"

/* The fd that is a hash's key; -1: it is no fd. */
int maps_fd(pTHX_ SV *key);

/* The object at a key, also one that was closed in this tick; or NULL. */
struct bound *maps_object(pTHX_ SV *key);

/* What was set at a key; the caller owns the references. */
SV *maps_object_ref(pTHX_ SV *key);
SV *maps_post_loop(pTHX_ SV *key);
SV *maps_other_fd(pTHX_ SV *key);

/* The fds of each map, as a mortal array. */
AV *maps_objects(pTHX);
AV *maps_post_loops(pTHX);
AV *maps_other_fds(pTHX);

/* The handles that are closed at the end of the tick, likewise. */
AV *maps_to_close(pTHX);

#endif
