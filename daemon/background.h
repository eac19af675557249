/* Objects that no drain waits for. */
#ifndef SOCLE_DAEMON_BACKGROUND_H
#define SOCLE_DAEMON_BACKGROUND_H

/*
 * Adds to their number in this thread's loop: 1 when one was made, -1 in its
 * `closing_fd', when it leaves the descriptor map.  requires: there is a loop
 */
void socle__background_add(int n);

#endif
