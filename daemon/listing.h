/* Listings of sockets, timers and slow handlers. */
#ifndef SOCLE_DAEMON_LISTING_H
#define SOCLE_DAEMON_LISTING_H

#include "daemon/console_state.h"

void socle__console_socks(struct socle_console *c, int argc, char **argv);
void socle__console_states(struct socle_console *c, int argc, char **argv);
void socle__console_queues(struct socle_console *c);
void socle__console_slow(struct socle_console *c, int argc, char **argv);
void socle__console_timers(struct socle_console *c, int argc, char **argv);

/* The object on the fd of that text, or NULL. */
struct socle_socket *socle__console_socket(const char *fd);

#endif
