/*
 * A request of ddlockd: a command, blanks, and arguments as in a URL,
 * "name=value&name=value".
 */
#ifndef DDLOCKD_ARGS_H
#define DDLOCKD_ARGS_H

#include <stdbool.h>
#include <stddef.h>

enum { COMMAND_SIZE = 16, NAME_MOST = 512 };

/* A decoded value; it may have NUL bytes. */
struct name {
	char text[NAME_MOST];
	size_t len;
	bool too_long;
};

struct args {
	char command[COMMAND_SIZE]; /* in lower case; "" if it is too long */
	struct name name;           /* the value of `lock' */
};

void args_parse(struct args *ret, const char *line, size_t len);

#endif
