/* proxy_header.h describes the functions. */
#include "common/proxy_header.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

enum {
	LINE_MOST = 107, /* of version 1, with its CR and LF */
	WORD_SIZE = INET6_ADDRSTRLEN,
	FIXED = 16, /* of version 2, before the addresses */
	BLOCK_4 = 12,
	BLOCK_6 = 36,
	BLOCK_UNIX = 216
};

static const char signature[12] = "\r\n\r\n\0\r\nQUIT\n";

/* ---- addresses ---- */

static void
addr_make(struct socle_addr *a, int family, const void *host, in_port_t port)
{
	memset(a, 0, sizeof(*a));
	if (family == AF_INET) {
		a->len = sizeof(a->u.in);
		a->u.in.sin_family = AF_INET;
		a->u.in.sin_port = port;
		memcpy(&a->u.in.sin_addr, host, sizeof(a->u.in.sin_addr));
	} else {
		a->len = sizeof(a->u.in6);
		a->u.in6.sin6_family = AF_INET6;
		a->u.in6.sin6_port = port;
		memcpy(&a->u.in6.sin6_addr, host, sizeof(a->u.in6.sin6_addr));
	}
}

/* A client of "[::]:80" may have an IPv4 address in the form of IPv6. */
static struct socle_addr
addr_unmapped(const struct socle_addr *a)
{
	struct socle_addr in = *a;

	if (a->len > 0 && a->u.sa.sa_family == AF_INET6 &&
		IN6_IS_ADDR_V4MAPPED(&a->u.in6.sin6_addr))
		addr_make(&in, AF_INET, &a->u.in6.sin6_addr.s6_addr[12],
			a->u.in6.sin6_port);
	return in;
}

/* AF_INET or AF_INET6 if both are; else AF_UNSPEC. */
static int
family_of(const struct socle_addr *from, const struct socle_addr *to)
{
	int family = from->len > 0 ? from->u.sa.sa_family : AF_UNSPEC;

	if (to->len == 0 || to->u.sa.sa_family != family)
		return AF_UNSPEC;
	return family == AF_INET || family == AF_INET6 ? family : AF_UNSPEC;
}

/* ---- version 1: a line of text ---- */

/* The next word, which one blank follows, or the end of the line. */
static bool
take_word(const char **at, const char *end, char word[WORD_SIZE])
{
	const char *from = *at,
		   *blank = memchr(from, ' ', (size_t)(end - from));
	size_t n = (size_t)((blank ? blank : end) - from);

	if (n == 0 || n >= WORD_SIZE || memchr(from, '\0', n))
		return false;
	memcpy(word, from, n);
	word[n] = '\0';
	*at = blank ? blank + 1 : end;
	return !blank || *at < end;
}

static bool
take_host(const char **at, const char *end, int family, void *host)
{
	char word[WORD_SIZE];

	return take_word(at, end, word) && inet_pton(family, word, host) == 1;
}

static bool
take_port(const char **at, const char *end, in_port_t *port)
{
	char word[WORD_SIZE];
	unsigned long n = 0;

	if (!take_word(at, end, word) || strlen(word) > 5 ||
		(word[0] == '0' && word[1]))
		return false;
	for (const char *c = word; *c; c++) {
		if (*c < '0' || *c > '9')
			return false;
		n = n * 10 + (unsigned long)(*c - '0');
	}
	*port = htons((uint16_t)n);
	return n <= 65535;
}

/* What follows "PROXY ", up to the CR. */
static bool
line_parse(struct proxy_header *h, const char *at, const char *end)
{
	char word[WORD_SIZE], from[16], to[16];
	in_port_t from_port, to_port;
	int family;

	if (end - at >= 7 && memcmp(at, "UNKNOWN", 7) == 0)
		return end - at == 7 || at[7] == ' '; /* the rest is ignored */
	if (!take_word(&at, end, word))
		return false;
	family = strcmp(word, "TCP4") == 0  ? AF_INET
		: strcmp(word, "TCP6") == 0 ? AF_INET6
					    : AF_UNSPEC;
	if (family == AF_UNSPEC || !take_host(&at, end, family, from) ||
		!take_host(&at, end, family, to) ||
		!take_port(&at, end, &from_port) ||
		!take_port(&at, end, &to_port) || at != end)
		return false;
	addr_make(&h->from, family, from, from_port);
	addr_make(&h->to, family, to, to_port);
	return true;
}

static int
parse_1(struct proxy_header *h, const char *data, size_t len)
{
	size_t most = len < LINE_MOST ? len : LINE_MOST;
	const char *cr = memchr(data, '\r', most);

	h->version = 1;
	if (!cr || cr + 1 == data + most)
		return most < LINE_MOST ? 0 : -EMSGSIZE;
	if (cr[1] != '\n' || !line_parse(h, data + strlen("PROXY "), cr))
		return -EPROTO;
	return (int)(cr + 2 - data);
}

/* ---- version 2: binary ---- */

/* How long a block of this family and protocol is; -1: there is none. */
static int
block_length(unsigned char family)
{
	switch (family) {
	case 0x00:
		return 0;
	case 0x11: /* the low half: 1 for streams, 2 for datagrams */
	case 0x12:
		return BLOCK_4;
	case 0x21:
	case 0x22:
		return BLOCK_6;
	case 0x31:
	case 0x32:
		return BLOCK_UNIX;
	default:
		return -1;
	}
}

static void
block_parse(struct proxy_header *h, unsigned char family, const char *at)
{
	int af = family == 0x11 ? AF_INET : AF_INET6;
	size_t n = family == 0x11 ? 4 : 16;
	in_port_t ports[2];

	if (family != 0x11 && family != 0x21)
		return;
	memcpy(ports, at + 2 * n, sizeof(ports));
	addr_make(&h->from, af, at, ports[0]);
	addr_make(&h->to, af, at + n, ports[1]);
}

static int
parse_2(struct proxy_header *h, const char *data, size_t len)
{
	unsigned char command, family;
	int rest, block;

	h->version = 2;
	if (len < FIXED)
		return 0;
	command = (unsigned char)data[12];
	family = (unsigned char)data[13];
	rest = (unsigned char)data[14] << 8 | (unsigned char)data[15];
	if (command != 0x20 && command != 0x21)
		return -EPROTO;
	h->local = command == 0x20;
	block = h->local ? 0 : block_length(family);
	if (block < 0 || rest < block)
		return -EPROTO;
	if (FIXED + rest > PROXY_HEADER_MOST)
		return -EMSGSIZE;
	if (len < (size_t)(FIXED + rest))
		return 0;
	if (!h->local)
		block_parse(h, family, data + FIXED);
	return FIXED + rest;
}

/* ---- both ---- */

static bool
begins(const char *data, size_t len, const char *with, size_t n)
{
	return memcmp(data, with, len < n ? len : n) == 0;
}

int
proxy_header_parse(struct proxy_header *ret, const char *data, size_t len)
{
	struct proxy_header h = {0};
	int n = -EPROTO;

	if (len == 0)
		return 0;
	if (begins(data, len, "PROXY ", 6))
		n = len < 6 ? 0 : parse_1(&h, data, len);
	else if (begins(data, len, signature, sizeof(signature)))
		n = parse_2(&h, data, len);
	if (n > 0)
		*ret = h;
	return n;
}

static void
host_text(const struct socle_addr *a, char text[WORD_SIZE])
{
	if (a->u.sa.sa_family == AF_INET)
		inet_ntop(AF_INET, &a->u.in.sin_addr, text, WORD_SIZE);
	else
		inet_ntop(AF_INET6, &a->u.in6.sin6_addr, text, WORD_SIZE);
}

static int
write_1(char *buf, int family, const struct socle_addr *from,
	const struct socle_addr *to)
{
	char f[WORD_SIZE], t[WORD_SIZE];
	char line[160] = "PROXY UNKNOWN\r\n"; /* more than LINE_MOST */

	if (family != AF_UNSPEC) {
		host_text(from, f);
		host_text(to, t);
		snprintf(line, sizeof(line), "PROXY TCP%d %s %s %d %d\r\n",
			family == AF_INET ? 4 : 6, f, t, socle_addr_port(from),
			socle_addr_port(to));
	}
	memcpy(buf, line, strlen(line));
	return (int)strlen(line);
}

static int
write_2(char *buf, bool local, int family, const struct socle_addr *from,
	const struct socle_addr *to)
{
	char *at = buf + FIXED;

	if (family == AF_INET) {
		memcpy(at, &from->u.in.sin_addr, 4);
		memcpy(at + 4, &to->u.in.sin_addr, 4);
		memcpy(at + 8, &from->u.in.sin_port, 2);
		memcpy(at + 10, &to->u.in.sin_port, 2);
		at += BLOCK_4;
	} else if (family == AF_INET6) {
		memcpy(at, &from->u.in6.sin6_addr, 16);
		memcpy(at + 16, &to->u.in6.sin6_addr, 16);
		memcpy(at + 32, &from->u.in6.sin6_port, 2);
		memcpy(at + 34, &to->u.in6.sin6_port, 2);
		at += BLOCK_6;
	}
	memcpy(buf, signature, sizeof(signature));
	buf[12] = local ? 0x20 : 0x21;
	buf[13] = family == AF_INET ? 0x11 : family == AF_INET6 ? 0x21 : 0;
	buf[14] = 0;
	buf[15] = (char)(at - buf - FIXED);
	return (int)(at - buf);
}

int
proxy_header_write(char buf[PROXY_HEADER_ROOM], const struct proxy_header *h)
{
	struct socle_addr from = addr_unmapped(&h->from);
	struct socle_addr to = addr_unmapped(&h->to);
	int family = h->local ? AF_UNSPEC : family_of(&from, &to);

	return h->version == 1 ? write_1(buf, family, &from, &to)
			       : write_2(buf, h->local, family, &from, &to);
}
