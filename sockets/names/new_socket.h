/* Creating a socket: the only call of socket(2). */
#ifndef SOCLE_SOCKETS_NAMES_NEW_SOCKET_H
#define SOCLE_SOCKETS_NAMES_NEW_SOCKET_H

#include <stdbool.h>

/* Returns a close-on-exec fd, with SO_NOSIGPIPE where that exists; -errno. */
int socle__new_socket(int domain, int type, int protocol, bool nonblocking);

#endif
