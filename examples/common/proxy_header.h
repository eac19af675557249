/*
 * The header of the PROXY protocol, versions 1 and 2: with it a proxy tells a
 * server whom it speaks for.  Pure functions: no system call, no memory.
 * https://www.haproxy.org/download/2.8/doc/proxy-protocol.txt
 *
 * A header is believed, so it may be read only from peers that are trusted.
 */
#ifndef EXAMPLES_PROXY_HEADER_H
#define EXAMPLES_PROXY_HEADER_H

#include <socle/socle.h>

#include <stdbool.h>
#include <stddef.h>

enum {
	PROXY_HEADER_MOST = 2048, /* longer ones are refused */
	PROXY_HEADER_ROOM = 107   /* what proxy_header_write() needs at most */
};

struct proxy_header {
	int version; /* 1 or 2 */
	/*
	 * The connection is the proxy's own, such as a health check.  Version 1
	 * has no word for it.
	 */
	bool local;
	/*
	 * The client, and what it connected to: both IPv4 or both IPv6.  Their
	 * `len' is 0 if the header names none (LOCAL, UNKNOWN, other families):
	 * then the addresses of the connection itself count.
	 */
	struct socle_addr from, to;
};

/*
 * Parses the first `len' bytes of a connection.  Returns the length of the
 * header, whose TLVs are skipped; 0 if more bytes are needed; -EPROTO if these
 * bytes begin no header; -EMSGSIZE if it is too long.  The result is the same
 * however many bytes follow the header, and however the bytes arrived.
 */
int proxy_header_parse(struct proxy_header *ret, const char *data, size_t len);

/*
 * Writes the header and returns its length.  IPv4 addresses in the form of IPv6
 * (::ffff:1.2.3.4) are written as IPv4.  If the two addresses are not of one
 * family, or of a third, they are left out.
 */
int proxy_header_write(
	char buf[PROXY_HEADER_ROOM], const struct proxy_header *h);

#endif
