/* The class of the console's clients: lines of commands, and HTTP requests. */
#ifndef SOCLE_DAEMON_CLIENT_H
#define SOCLE_DAEMON_CLIENT_H

#include "daemon/console_state.h"

extern const struct socle_class socle__console_class;

#endif
