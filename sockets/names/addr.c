/*
 * Parsing and formatting addresses.
 *
 * Both build their result in a local variable first, so that a bad text leaves
 * the caller's address unchanged, and snprintf truncates a long one.  A path
 * returned by the kernel can be longer than sun_path, so it is accessed through
 * u.room.
 */
#include "sockets/names/addr_string.h"

#include "sockets/names/host.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "system.h"

enum {
	PATH_OFFSET = offsetof(struct sockaddr_un, sun_path),
	PATH_MAX_SIZE = sizeof(((struct sockaddr_un *)0)->sun_path)
};

/* What a text contains. */
enum {
	SHOW_FAMILY = 1, /* "unix:" */
	SHOW_PORT = 2,
	SHOW_SAFE = 4 /* no control characters; "unix" for an empty path */
};

_Static_assert(PATH_OFFSET <= offsetof(struct sockaddr, sa_data),
	"an address with a family has room for an empty path");

/*
 * 1 for an abstract name, 0 for a path, which is empty for an unnamed socket;
 * -EINVAL for a wrong len.  requires: len includes the family
 */
static int
local_name(const struct socle_addr *a, const char **ret, size_t *n)
{
	const char *path = a->u.room + PATH_OFFSET;
	size_t bytes = a->len - PATH_OFFSET;
	int abstract = SOCLE__HAVE_ABSTRACT && bytes > 0 && path[0] == '\0';

	*ret = path + abstract;
	*n = abstract ? bytes - 1 : strnlen(path, bytes);
	return *n + (size_t)abstract <= PATH_MAX_SIZE ? abstract : -EINVAL;
}

static int
addr_check(const struct socle_addr *a)
{
	const char *name;
	size_t n;

	if (a == NULL || a->len > sizeof(a->u) ||
		a->len < offsetof(struct sockaddr, sa_data))
		return -EINVAL;
	switch (a->u.sa.sa_family) {
	case AF_INET:
		return a->len >= sizeof(a->u.in) ? 0 : -EINVAL;
	case AF_INET6:
		return a->len >= sizeof(a->u.in6) ? 0 : -EINVAL;
	case AF_UNIX:
		return local_name(a, &name, &n) >= 0 ? 0 : -EINVAL;
	default:
		return -EAFNOSUPPORT;
	}
}

int
socle_addr_port(const struct socle_addr *a)
{
	int err = addr_check(a);

	if (err < 0)
		return err;
	if (a->u.sa.sa_family == AF_UNIX)
		return -EAFNOSUPPORT;
	return ntohs(a->u.sa.sa_family == AF_INET ? a->u.in.sin_port
						  : a->u.in6.sin6_port);
}

/* A name must survive parsing; in a path only control characters matter. */
static char *
write_escaped(char *out, const char *s, size_t n, bool name)
{
	for (; n > 0; s++, n--) {
		unsigned c = (unsigned char)*s;

		if (c < ' ' || c == 0x7f || (name && c > 0x7f))
			out += snprintf(out, sizeof("\\x00"), "\\x%02x", c);
		else if (name && c == '\\')
			out = stpcpy(out, "\\\\");
		else
			*out++ = *s;
	}
	return out;
}

static void
write_local(char *out, const struct socle_addr *a, unsigned show)
{
	const char *name = "";
	size_t n = 0;
	int abstract = local_name(a, &name, &n);

	if (show & SHOW_FAMILY)
		out = stpcpy(out, "unix:");
	if (abstract)
		out = stpcpy(out, "@");
	else if (n > 0 && name[0] == '@')
		out = stpcpy(out, "./"); /* parsed as a path again */
	else if (n == 0 && (show & SHOW_SAFE))
		out = stpcpy(out, "unix");
	if (abstract || (show & SHOW_SAFE))
		out = write_escaped(out, name, n, abstract);
	else
		out = (char *)memcpy(out, name, n) + n;
	*out = '\0';
}

static void
write_ip(char *out, size_t size, const struct socle_addr *a, unsigned show)
{
	bool v6 = a->u.sa.sa_family == AF_INET6;
	char host[INET6_ADDRSTRLEN] = "", scope[16] = "";

	(void)inet_ntop(a->u.sa.sa_family,
		v6 ? (const void *)&a->u.in6.sin6_addr : &a->u.in.sin_addr,
		host, sizeof(host));
	if (v6 && a->u.in6.sin6_scope_id != 0)
		(void)snprintf(scope, sizeof(scope), "%%%lu",
			(unsigned long)a->u.in6.sin6_scope_id);
	if (show & SHOW_PORT)
		(void)snprintf(out, size, v6 ? "[%s%s]:%d" : "%s%s:%d", host,
			scope, socle_addr_port(a));
	else
		(void)snprintf(out, size, "%s%s", host, scope);
}

static int
addr_text(const struct socle_addr *a, unsigned show, char *buf, size_t size)
{
	char text[SOCLE_ADDR_TEXT_MAX];
	int err = addr_check(a);

	if (err < 0)
		return err;
	if (buf == NULL && size > 0)
		return -EINVAL;
	if (a->u.sa.sa_family == AF_UNIX)
		write_local(text, a, show);
	else
		write_ip(text, sizeof(text), a, show);
	return snprintf(buf, size, "%s", text);
}

int
socle_addr_format(const struct socle_addr *a, char *buf, size_t size)
{
	return addr_text(a, SHOW_FAMILY | SHOW_PORT, buf, size);
}

int
socle_addr_host(const struct socle_addr *a, char *buf, size_t size)
{
	return addr_text(a, 0, buf, size);
}

int
socle__addr_string(
	const struct socle_addr *a, bool with_port, char *buf, size_t size)
{
	return addr_text(a, SHOW_SAFE | (with_port ? SHOW_PORT : 0), buf, size);
}

/* Stores one byte of a name; returns the characters used, or -EINVAL. */
static int
read_name_byte(char *ret, const char *s)
{
	*ret = *s;
	if (*s != '\\')
		return 1;
	if (s[1] == '\\')
		return 2;
	if (s[1] != 'x' || strspn(s + 2, "0123456789abcdefABCDEF") < 2)
		return -EINVAL;
	*ret = (char)strtoul((char[]){s[2], s[3], '\0'}, NULL, 16);
	return 4;
}

static int
read_name(struct socle_addr *a, const char *s)
{
	size_t n = 1; /* after the NUL that marks an abstract name */
	char byte;

	if (!SOCLE__HAVE_ABSTRACT || *s == '\0')
		return SOCLE__HAVE_ABSTRACT ? -EINVAL : -EAFNOSUPPORT;
	for (int used; *s != '\0'; s += used, n++) {
		used = read_name_byte(&byte, s);
		if (used < 0)
			return used;
		if (n < PATH_MAX_SIZE)
			a->u.room[PATH_OFFSET + n] = byte;
	}
	a->len = (socklen_t)(PATH_OFFSET + n);
	return n <= PATH_MAX_SIZE ? 0 : -ENAMETOOLONG;
}

static int
read_local(struct socle_addr *a, const char *s)
{
	size_t n = strlen(s);

	a->u.sa.sa_family = AF_UNIX;
	if (*s == '@')
		return read_name(a, s + 1);
	if (n == 0 || n > PATH_MAX_SIZE)
		return n == 0 ? -EINVAL : -ENAMETOOLONG;
	memcpy(a->u.room + PATH_OFFSET, s, n);
	a->len = (socklen_t)(PATH_OFFSET + n + (n < PATH_MAX_SIZE));
	return 0;
}

/* The length of the host in "[::1]" or "[::1]:service"; 0 for other texts. */
static size_t
bracketed_host(const char *text)
{
	size_t n = strcspn(text, SOCLE__SPACE "]"), bare = strcspn(text, "%]");
	char host[INET6_ADDRSTRLEN] = "";
	struct in6_addr unused;

	if (text[0] != '[' || text[n] != ']' || bare + 1 == n ||
		bare > sizeof(host))
		return 0;
	if (text[n + 1] != '\0' &&
		(text[n + 1] != ':' || strpbrk(text + n + 2, SOCLE__SPACE ":")))
		return 0;
	memcpy(host, text + 1, bare - 1);
	return socle__host_parse(AF_INET6, host, &unused) ? n - 1 : 0;
}

int
socle_split_hostport(const char *text, char *host, size_t host_size,
	char *service, size_t service_size)
{
	const char *rest;
	size_t n;

	if (text == NULL || host == NULL || service == NULL)
		return -EINVAL;
	if ((n = bracketed_host(text)) > 0) {
		text++;
		rest = text + n + 1;
	} else {
		n = strcspn(text, SOCLE__SPACE ":");
		if (text[n] != ':' || strpbrk(text + n + 1, SOCLE__SPACE ":"))
			n = strlen(text); /* all of it is host */
		rest = text + n;
	}
	rest += *rest == ':';
	if (n >= host_size || strlen(rest) >= service_size)
		return -ENAMETOOLONG;
	memcpy(host, text, n);
	host[n] = '\0';
	memcpy(service, rest, strlen(rest) + 1);
	return 0;
}

static bool
read_number(const char *s, uint32_t max, uint32_t *ret)
{
	uint64_t value = 0;

	if (*s == '\0' || (s[0] == '0' && s[1] != '\0'))
		return false;
	for (; *s != '\0'; s++) {
		if (*s < '0' || *s > '9' || value > max)
			return false;
		value = value * 10 + (uint64_t)(*s - '0');
	}
	*ret = (uint32_t)value;
	return value <= max;
}

static bool
read_ip6(struct socle_addr *a, char *host, uint32_t port)
{
	char *zone = strchr(host, '%');

	if (zone != NULL &&
		!read_number(zone + 1, UINT32_MAX, &a->u.in6.sin6_scope_id))
		return false;
	if (zone != NULL)
		*zone = '\0';
	a->len = sizeof(a->u.in6);
	a->u.in6.sin6_family = AF_INET6;
	a->u.in6.sin6_port = htons((uint16_t)port);
	return socle__host_parse(AF_INET6, host, &a->u.in6.sin6_addr);
}

static bool
read_ip(struct socle_addr *a, const char *text, uint32_t port)
{
	char host[64], service[8]; /* longer than any valid one */
	const char *colon = strrchr(text, ':');

	if (socle_split_hostport(
		    text, host, sizeof(host), service, sizeof(service)) < 0 ||
		(*service != '\0' && !read_number(service, UINT16_MAX, &port)))
		return false;
	if (colon != NULL && colon[1] == '\0' && strcmp(host, text) != 0)
		return false; /* no port after the colon */
	if (strchr(host, ':') != NULL)
		return read_ip6(a, host, port);
	a->len = sizeof(a->u.in);
	a->u.in.sin_family = AF_INET;
	a->u.in.sin_port = htons((uint16_t)port);
	return socle__host_parse(AF_INET,
		strcmp(host, "*") == 0 ? "0.0.0.0" : host, &a->u.in.sin_addr);
}

int
socle_addr_parse(
	struct socle_addr *ret, const char *text, uint16_t default_port)
{
	struct socle_addr a;
	int err;

	if (ret == NULL || text == NULL)
		return -EINVAL;
	memset(&a, 0, sizeof(a));
	if (*text == '/' || *text == '@')
		err = read_local(&a, text);
	else if (strncmp(text, "unix:", strlen("unix:")) == 0)
		err = read_local(&a, text + strlen("unix:"));
	else
		err = read_ip(&a, text, default_port) ? 0 : -EINVAL;
	if (err < 0)
		return err;
	socle__sockaddr_len(&a.u.sa, a.len);
	*ret = a;
	return 0;
}
