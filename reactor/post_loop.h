/* Post-loop callbacks: one for the loop, and one for each object. */
#ifndef SOCLE_REACTOR_POST_LOOP_H
#define SOCLE_REACTOR_POST_LOOP_H

#include "reactor/state.h"

/* At the end of the list; nothing if it is in it. */
void socle__post_loop_add(struct socle__reactor *r, struct socle__post_loop *p);

/* Nothing if it is not in the list. */
void socle__post_loop_remove(struct socle__post_loop *p);

/* Runs all of them; false if one returned false. */
bool socle__post_loop_run(struct socle__reactor *r);

#endif
