/* What a client of the console is answered; the rest is public. */
#ifndef SOCLE_DAEMON_OUTPUT_H
#define SOCLE_DAEMON_OUTPUT_H

#include "daemon/console_state.h"
#include "profiling/text.h"

/* An HTTP answer goes on. */
void socle__console_put(struct socle_console *c, const char *data, size_t len);

/* Writes the lines of a text, and frees it. */
void socle__console_lines(struct socle_console *c, struct socle__text *t);

/* The arguments of the command are wrong. */
void socle__console_invalid(struct socle_console *c, char **argv);

/* Thousandths as a number with one decimal, whatever the locale. */
struct socle__decimal {
	char text[24];
};
struct socle__decimal socle__decimal(uint64_t thousandths);

#endif
