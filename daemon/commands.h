/* The commands of the console. */
#ifndef SOCLE_DAEMON_COMMANDS_H
#define SOCLE_DAEMON_COMMANDS_H

#include "daemon/console_state.h"

/*
 * Runs the command of a line, which it cuts into words.  The function of a command
 * may close the client or reset the loop.
 */
void socle__console_run(struct socle_console *c, char *line);

/* The application's command of that name, or NULL. */
struct socle__console_command *socle__console_find(const char *name);

/* Switches the profile "on", "off", or clears it ("reset"); false: none of them. */
bool socle__console_profile(const char *how);

#endif
