/* A command line: finds the command, and runs it. */
#ifndef MEMCACHED_COMMAND_H
#define MEMCACHED_COMMAND_H

#include "memcached/client.h"

void command(struct client *c, const char *line, size_t len);

#endif
