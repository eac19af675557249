/*
 * Socket addresses and their text forms.
 *
 * Every function here is a pure function of its arguments: it makes no system
 * call, asks no name server, allocates nothing and keeps no state.  Any thread
 * may call it at any time.  Names are resolved by socle_resolve().  Pointers
 * are used during the call only.  A function that fails writes nothing.
 *
 * The text forms:
 *
 *	1.2.3.4:80          IPv4
 *	[::1]:80            IPv6; [fe80::1%2]:80 with a scope id
 *	unix:/run/x.sock    AF_UNIX, a path; unix:x.sock is a relative path
 *	unix:@name          AF_UNIX, Linux's abstract namespace
 *	unix:               AF_UNIX without a name; written, but not parsed
 *
 * A path is written as it is, whatever its bytes; a relative path is relative
 * to the working directory at the time of bind(2) or connect(2).  An abstract
 * name may contain any byte, NUL included.  In its text form a byte that is not
 * printable ASCII is \xNN, and a backslash is \\.
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
 * An address and its exact length, as the kernel counts it.  Two addresses are
 * equal if `len' and the first `len' bytes of `u' are.  To have the kernel fill
 * one in, pass &u.sa and a length of sizeof(u): for a path that fills sun_path
 * to the last byte Linux returns 111 bytes, one more than a sockaddr_un.
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

/* A buffer of this size holds any text written here, with its NUL. */
enum { SOCLE_ADDR_TEXT_MAX = 448 };

/*
 * Parses a numeric address in any of the forms above.  Also accepted are
 * "1.2.3.4", "[::1]" and "::1", which get `default_port' (host byte order), a
 * bare "/path" and "@name", and "*" for 0.0.0.0.  AF_UNIX ignores the port.
 *
 * Hosts are parsed as strictly as by inet_pton(3): four decimal numbers, no
 * octal, no leading zeros.  Ports, 0 .. 65535, and scope ids, 0 .. 4294967295,
 * follow the same rule.  The name of an interface is no scope id here, because
 * only the system knows its number: socle_listen(), socle_connect(),
 * socle_dgram_open(), factories and socle_resolve() accept it.  A colon
 * must be followed by a port.  In an abstract name a backslash must start one
 * of the two escapes above; any other byte stands for itself.
 *
 * A path is followed by a NUL, which `len' counts, unless the path fills
 * sun_path (108 bytes on Linux), which is legal.  An abstract name has up to
 * 107 bytes and no NUL at its end.
 *
 * Returns 0; -EINVAL if the text has none of these forms, is empty, or names
 * an empty path or name, or if a pointer is NULL; -ENAMETOOLONG for a path or
 * name too long for sun_path (IO::Socket truncates it and binds there);
 * -EAFNOSUPPORT for an abstract name on a system without them.
 */
int socle_addr_parse(
	struct socle_addr *ret, const char *text, uint16_t default_port);

/*
 * Writes the text form of `a' as snprintf(3) would: at most `size' bytes with
 * the NUL.  Returns the length of the whole text without the NUL; a result
 * >= `size' means that the text was truncated.  `buf' may be NULL if `size' is
 * 0.
 *
 * socle_addr_parse() turns the text back into `a', with these exceptions.  It
 * refuses AF_UNIX without a name ("unix:") and the empty abstract name
 * ("unix:@").  A relative path that starts with @ is written "unix:./@...".
 * An IPv6 flow label is not written, nor is the NUL that Linux counts after a
 * path that fills sun_path.
 *
 * Errors: -EAFNOSUPPORT for any other family; -EINVAL if `len' does not fit
 * the family, or if a pointer is NULL.
 */
int socle_addr_format(const struct socle_addr *a, char *buf, size_t size);

/*
 * Writes the host part only: "1.2.3.4", "::1" or "fe80::1%2"; for AF_UNIX the
 * path, "@name", or an empty text.  (IO::Socket's sockhost, peerhost, hostpath
 * and peerpath.)  Arguments and results are those of socle_addr_format().
 */
int socle_addr_host(const struct socle_addr *a, char *buf, size_t size);

/*
 * Returns the port, 0 .. 65535, in host byte order; -EAFNOSUPPORT for a family
 * without ports; -EINVAL as socle_addr_format() does.
 */
int socle_addr_port(const struct socle_addr *a);

/*
 * Splits "host:service" as IO::Socket::IP's split_addr does.  Names are
 * accepted; nothing is resolved:
 *
 *	[::1]:80        "::1", "80"
 *	localhost:http  "localhost", "http"
 *	localhost:      "localhost", ""
 *	localhost       "localhost", ""
 *	:80             "", "80"
 *
 * A host in brackets must be an IPv6 address; unlike in Perl it may have a
 * zone, "[fe80::1%eth0]:80".  A text of any other form, such as a bare "::1" or
 * one with white space, is all host.  A service with a port to
 * fall back on, "zyxxyblarg(80)", is left as it is.
 *
 * Both parts are written with a NUL; a missing part is "".  The buffers must
 * not overlap `text'.  Nothing is truncated.  Returns 0; -ENAMETOOLONG if a
 * part does not fit its buffer; -EINVAL if a pointer is NULL.
 */
int socle_split_hostport(const char *text, char *host, size_t host_size,
	char *service, size_t service_size);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif
