/* Protocols by name. */
#ifndef SOCLE_SOCKETS_NAMES_PROTOCOL_H
#define SOCLE_SOCKETS_NAMES_PROTOCOL_H

/*
 * Returns the number of a protocol, given by name or in digits; 0 for NULL and
 * ""; -EPROTONOSUPPORT.  If *type is 0 and the protocol implies a socket type,
 * *type is set to it.
 */
int socle__protocol(const char *text, int *type);

#endif
