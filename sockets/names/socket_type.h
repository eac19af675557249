/* The type of a socket. */
#ifndef SOCLE_SOCKETS_NAMES_SOCKET_TYPE_H
#define SOCLE_SOCKETS_NAMES_SOCKET_TYPE_H

#include <stdbool.h>

/* SOCK_STREAM and so on, or -errno. */
int socle__socket_type(int fd);

/* Whether its peers have ports: not those of raw and ICMP sockets. */
bool socle__socket_has_ports(int fd);

#endif
