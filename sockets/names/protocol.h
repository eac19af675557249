/* Protocols by name. */
#ifndef SOCLE_SOCKETS_NAMES_PROTOCOL_H
#define SOCLE_SOCKETS_NAMES_PROTOCOL_H

/*
 * The number of a protocol by its name or digits; 0 for NULL and "".  If *type
 * is 0 and the protocol implies a socket type, *type is set to it.
 * -EPROTONOSUPPORT.
 */
int socle__protocol(const char *text, int *type);

#endif
