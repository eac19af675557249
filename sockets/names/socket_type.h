/* The type of a socket. */
#ifndef SOCLE_SOCKETS_NAMES_SOCKET_TYPE_H
#define SOCLE_SOCKETS_NAMES_SOCKET_TYPE_H

/* SOCK_STREAM and so on, or -errno. */
int socle__socket_type(int fd);

#endif
