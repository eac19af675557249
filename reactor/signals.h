/* Signals. */
#ifndef SOCLE_REACTOR_SIGNALS_H
#define SOCLE_REACTOR_SIGNALS_H

/*
 * Ignores SIGPIPE if it has its default action, for fds whose writes have no
 * MSG_NOSIGNAL.
 */
void socle__ignore_sigpipe(void);

#endif
