/* Signals. */
#ifndef SOCLE_REACTOR_SIGNALS_H
#define SOCLE_REACTOR_SIGNALS_H

/*
 * Catches SIGPIPE, with an empty handler, if it has its default action: for
 * writes that have no MSG_NOSIGNAL.
 */
void socle__catch_sigpipe(void);

#endif
