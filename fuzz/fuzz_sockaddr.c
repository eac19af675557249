/*
 * An address that the kernel returned, whatever its bytes: a peer chooses its own
 * path.  No text of it is too long, none for people has control characters, and
 * parsing turns it back into the address, except where addr.h says otherwise.
 */
#include "fuzz/fuzz.h"

#include "sockets/names/addr.h"
#include "sockets/names/addr_string.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { PATH = offsetof(struct sockaddr_un, sun_path) };

static void
is_printable(const struct socle_addr *a, bool with_port)
{
	char text[SOCLE_ADDR_TEXT_MAX];
	int n = socle__addr_string(a, with_port, text, sizeof(text));

	HOLDS(n > 0 && (size_t)n < sizeof(text));
	HOLDS(strlen(text) == (size_t)n);
	for (int i = 0; i < n; i++)
		HOLDS((unsigned char)text[i] >= ' ' && text[i] != 0x7f);
}

/* What parsing does not bring back. */
static void
forget(struct socle_addr *a)
{
	size_t n = a->len - PATH;

	if (a->u.sa.sa_family == AF_INET) {
		memset(a->u.in.sin_zero, 0, sizeof(a->u.in.sin_zero));
		a->len = sizeof(a->u.in);
	} else if (a->u.sa.sa_family == AF_INET6) {
		a->u.in6.sin6_flowinfo = 0;
		a->len = sizeof(a->u.in6);
	} else if (a->u.un.sun_path[0] != '\0') { /* counted with one NUL */
		size_t path = strnlen(a->u.room + PATH, n);

		memset(a->u.room + PATH + path, 0, sizeof(a->u) - PATH - path);
		if (path < sizeof(a->u.un.sun_path))
			path++;
		a->len = (socklen_t)(PATH + path);
	}
}

/* A relative path that starts with @ is written with "./" before it. */
static bool
starts_with_at(const struct socle_addr *a)
{
	return a->u.sa.sa_family == AF_UNIX && a->u.un.sun_path[0] == '@';
}

static void
comes_back(struct socle_addr a, const char *text)
{
	struct socle_addr again;
	int err = socle_addr_parse(&again, text, 1);

	if (strcmp(text, "unix:") == 0 || strcmp(text, "unix:@") == 0) {
		HOLDS(err == -EINVAL);
		return;
	}
	if (starts_with_at(&a)) {
		HOLDS(strncmp(text, "unix:./@", 8) == 0);
		HOLDS(err == 0 || err == -ENAMETOOLONG);
		return;
	}
	HOLDS(err == 0);
	forget(&a);
	HOLDS(a.len == again.len);
	HOLDS(memcmp(&a.u, &again.u, a.len) == 0);
}

/* The first byte is the length; the family follows, and then the rest. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const sa_family_t families[] = {AF_INET, AF_INET6, AF_UNIX, 77};
	struct socle_addr a;
	char text[SOCLE_ADDR_TEXT_MAX], host[SOCLE_ADDR_TEXT_MAX];
	int n;

	if (size < 2)
		return 0;
	memset(&a, 0, sizeof(a));
	a.len = data[0];
	size -= 2;
	if (size > sizeof(a.u) - sizeof(a.u.sa.sa_family))
		size = sizeof(a.u) - sizeof(a.u.sa.sa_family);
	memcpy(a.u.sa.sa_data, data + 2, size);
	a.u.sa.sa_family = families[data[1] % 4];
	n = socle_addr_format(&a, text, sizeof(text));
	HOLDS(n > 0 || n == -EINVAL || n == -EAFNOSUPPORT);
	HOLDS((socle_addr_host(&a, host, sizeof(host)) < 0) == (n < 0));
	if (n < 0) {
		HOLDS(n == -EAFNOSUPPORT || socle_addr_port(&a) == n);
		return 0;
	}
	HOLDS((size_t)n < sizeof(text) && strlen(text) == (size_t)n);
	is_printable(&a, true);
	is_printable(&a, false);
	comes_back(a, text);
	return 0;
}
