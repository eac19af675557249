/* Creating a socket: the one call of socket(2). */
#ifndef SOCLE_SOCKETS_NAMES_NEW_SOCKET_H
#define SOCLE_SOCKETS_NAMES_NEW_SOCKET_H

#include <stdbool.h>

/* Close-on-exec, and without SIGPIPE where that is an option: fd or -errno. */
int socle__new_socket(int domain, int type, int protocol, bool nonblocking);

#endif
