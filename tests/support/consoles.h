/* For the tests of the console: one that is open, and its clients. */
#ifndef SOCLE_TESTS_CONSOLES_H
#define SOCLE_TESTS_CONSOLES_H

#include "tests/support/fixture.h"

/* The address of the last console that was opened. */
extern struct socle_addr console_addr;

/* Opens one at a port that the kernel chooses, with a connected client. */
int console_start(void);

/* Opens one at `where', and connects a blocking client to it. */
int console_start_at(const char *where);
int console_client(void);

/*
 * What a client has received, up to the last call: of a command, its whole answer;
 * of a text, all that comes until the connection ends.
 */
extern char said[1 << 21];
const char *console_ask(int fd, const char *command);
const char *console_send(int fd, const char *text);

/* Runs ticks until the answer ends with this text. */
const char *console_wait(int fd, const char *end);

/* The answer to the command is this text; each LF stands for CRLF. */
void assert_answer(int fd, const char *command, const char *expected);

#endif
