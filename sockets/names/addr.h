/*
 * Addresses of sockets, and their texts.
 *
 * Everything here is a pure function of its arguments: no system call, no
 * name server, no allocation, no state; any thread may call it at any time.
 * Names are looked up by socle_resolve().  Every function borrows its
 * pointers for the call only, and a failed one has written nothing.
 *
 * The texts:
 *
 *	1.2.3.4:80          IPv4
 *	[::1]:80            IPv6; [fe80::1%2]:80 with a scope id
 *	unix:/run/x.sock    AF_UNIX, a path; unix:x.sock a relative one
 *	unix:@name          AF_UNIX, Linux's abstract name space
 *	unix:               AF_UNIX without a name; only ever written, not read
 *
 * A path stands as it is, whatever its bytes.  A name may have any bytes, NUL
 * included: in its text those outside printable ASCII are \xNN and a
 * backslash is \\.
 */
#ifndef SOCLE_SOCKETS_ADDR_H
#define SOCLE_SOCKETS_ADDR_H

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

/*
 * An address and its exact length, as the kernel counts it.  Compare two by
 * `len' bytes of `u'.  To have one filled in, pass &u.sa and a length of
 * sizeof(u): Linux answers 111 bytes, one more than a sockaddr_un, for a
 * path that fills sun_path to the last byte.
 */
struct socle_addr {
	socklen_t len;
	union {
		struct sockaddr sa;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
		struct sockaddr_un un;
		char room[112];
	} u;
};

/* Room for any text of this file, its NUL included. */
enum { SOCLE_ADDR_TEXT_MAX = 448 };

/*
 * Reads a numeric address in any of the texts above, and also "1.2.3.4",
 * "[::1]" and "::1", which get `default_port' (host byte order), a bare
 * "/path" and "@name", and "*" for 0.0.0.0.  AF_UNIX ignores the port.
 *
 * Hosts are as strict as inet_pton(3): four decimal numbers, no octal, no
 * leading zeros.  Ports and scope ids are the same, 0 .. 65535 and
 * 0 .. 4294967295; interface names are for socle_resolve().  A colon wants a
 * port behind it.  Of backslashes in a name only the two escapes above are
 * understood; a byte that could have been escaped may stand as itself.
 *
 * A path gets a NUL behind it, counted in `len', if it leaves room for one:
 * one that fills sun_path (108 bytes on Linux) is legal without.  A name is
 * counted exactly, without any NUL; it has up to 107 bytes.
 *
 * Returns 0; -EINVAL when the text is none of these, or empty, or a path or
 * name in it is, or a pointer is NULL; -ENAMETOOLONG for a path or name too
 * long for sun_path (IO::Socket cuts it short and binds there);
 * -EAFNOSUPPORT for a name where there is no abstract name space.
 */
int socle_addr_parse(
	struct socle_addr *ret, const char *text, uint16_t default_port);

/*
 * Writes the text of `a' in the manner of snprintf(3): at most `size' bytes,
 * the NUL among them, and returns the length the whole text has without it:
 * a result >= size says that it was cut.  `buf' may be NULL if size is 0.
 *
 * socle_addr_parse() of the text gives `a' back, except of the two that it
 * refuses, AF_UNIX without a name ("unix:") and the name of no bytes
 * ("unix:@"), and of a relative path that begins with @, which is written
 * "unix:./@...".  An IPv6 flow label has no text, nor has the NUL that Linux
 * counts behind a path that fills sun_path.
 *
 * Errors: -EAFNOSUPPORT for any other family; -EINVAL when `len' is too short
 * or too long for the family, or for a NULL pointer.
 */
int socle_addr_format(const struct socle_addr *a, char *buf, size_t size);

/*
 * Writes the host part alone: "1.2.3.4", "::1", "fe80::1%2"; for AF_UNIX the
 * path, "@name", or nothing.  (IO::Socket's sockhost, peerhost, hostpath and
 * peerpath.)  Results as of socle_addr_format().
 */
int socle_addr_host(const struct socle_addr *a, char *buf, size_t size);

/*
 * The port, 0 .. 65535, in host byte order; -EAFNOSUPPORT for a family that
 * has none; -EINVAL as of socle_addr_format().
 */
int socle_addr_port(const struct socle_addr *a);

/*
 * Splits "host:service" as IO::Socket::IP's split_addr does, names included;
 * nothing is looked up: "[::1]:80" is ("::1", "80"), "localhost:http" is
 * ("localhost", "http"), "localhost:" and "localhost" are ("localhost", ""),
 * ":80" is ("", "80").  The host in brackets has to be an IPv6 address, and
 * beyond Perl's may have a zone, "[fe80::1%eth0]:80".  A text that is not of
 * these forms, a bare "::1" or one with white space, is all host.  A service
 * with a port to fall back on, "zyxxyblarg(80)", stays as it is.
 *
 * The parts are written to `host' and `service', which must not overlap
 * `text', with a NUL; an absent one is "".  Nothing is ever cut short.
 * Returns 0; -ENAMETOOLONG if either part does not fit its buffer; -EINVAL
 * for a NULL pointer.
 */
int socle_split_hostport(const char *text, char *host, size_t host_size,
	char *service, size_t service_size);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif
