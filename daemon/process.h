/* What the console answers about the process and its loop. */
#ifndef SOCLE_DAEMON_PROCESS_H
#define SOCLE_DAEMON_PROCESS_H

#include "daemon/console_state.h"

/* Seconds since 1970. */
time_t socle__wall_time(void);

void socle__console_uptime(struct socle_console *c);
void socle__console_proc(struct socle_console *c);
void socle__console_fd(struct socle_console *c);
void socle__console_limits(struct socle_console *c);
void socle__console_loop(struct socle_console *c);

#endif
