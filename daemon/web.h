/* HTTP on the console's port. */
#ifndef SOCLE_DAEMON_WEB_H
#define SOCLE_DAEMON_WEB_H

#include "daemon/console_state.h"

/* Whether a client's first bytes are a request. */
bool socle__web_is_request(const char *input);

/* Where the head of a request ends in the input, or NULL. */
char *socle__web_head_end(char *input);

/* Answers a request; NULL: its head is too long.  The client is then closed. */
void socle__web_answer(struct socle_console *c, char *head);

#endif
