/*
 * The text of an address: what socle_addr_parse() accepts comes back from
 * socle_addr_format(), and hosts are those of inet_pton(3) and getaddrinfo(3).
 */
#include "fuzz/fuzz.h"

#include "sockets/names/addr.h"
#include "sockets/names/host.h"
#include "sockets/names/lookup.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEFAULT_PORT = 4711 };

static bool
same(const struct socle_addr *a, const struct socle_addr *b)
{
	return a->len == b->len && memcmp(&a->u, &b->u, a->len) == 0;
}

static bool
is_ip(const struct socle_addr *a)
{
	return a->u.sa.sa_family == AF_INET || a->u.sa.sa_family == AF_INET6;
}

/* The text, cut at any length, is what snprintf(3) would have made of it. */
static void
is_cut_like_snprintf(const struct socle_addr *a, const char *text, size_t n)
{
	size_t sizes[] = {0, 1, n / 2, n, n + 1};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		size_t size = sizes[i];
		char *buf = malloc(size > 0 ? size : 1);

		HOLDS(buf != NULL);
		HOLDS(socle_addr_format(a, size ? buf : NULL, size) == (int)n);
		if (size > 0) {
			size_t kept = n < size ? n : size - 1;

			HOLDS(memcmp(buf, text, kept) == 0);
			HOLDS(buf[kept] == '\0');
		}
		free(buf);
	}
}

static void
comes_back(const struct socle_addr *a)
{
	struct socle_addr again;
	char text[SOCLE_ADDR_TEXT_MAX];
	int n = socle_addr_format(a, text, sizeof(text));

	HOLDS(n > 0 && (size_t)n < sizeof(text));
	HOLDS(strlen(text) == (size_t)n);
	HOLDS(socle_addr_parse(&again, text, DEFAULT_PORT + 1) == 0);
	HOLDS(same(a, &again));
	is_cut_like_snprintf(a, text, (size_t)n);
}

/* getaddrinfo(3) finds this one address for its host and port. */
static void
libc_agrees(const struct socle_addr *a)
{
	struct addrinfo *found = NULL,
			hints = {.ai_socktype = SOCK_STREAM,
				.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
	char host[SOCLE_ADDR_TEXT_MAX], port[16];
	int n = socle_addr_host(a, host, sizeof(host));

	HOLDS(n > 0 && (size_t)n < sizeof(host));
	snprintf(port, sizeof(port), "%d", socle_addr_port(a));
	HOLDS(getaddrinfo(host, port, &hints, &found) == 0);
	HOLDS(found->ai_next == NULL);
	HOLDS(found->ai_addrlen == a->len);
	HOLDS(memcmp(found->ai_addr, &a->u, a->len) == 0);
	freeaddrinfo(found);
}

/* A text without port, brackets and zone is an address if inet_pton(3) says so. */
static void
is_as_strict_as_inet_pton(const char *text, const struct socle_addr *a, int err)
{
	struct in_addr v4;
	struct in6_addr v6;

	if (strpbrk(text, SOCLE__SPACE) || strcmp(text, "*") == 0)
		return;
	if (inet_pton(AF_INET, text, &v4) == 1) {
		HOLDS(err == 0 && a->u.sa.sa_family == AF_INET);
		HOLDS(memcmp(&a->u.in.sin_addr, &v4, sizeof(v4)) == 0);
		HOLDS(socle_addr_port(a) == DEFAULT_PORT);
	} else if (inet_pton(AF_INET6, text, &v6) == 1) {
		HOLDS(err == 0 && a->u.sa.sa_family == AF_INET6);
		HOLDS(memcmp(&a->u.in6.sin6_addr, &v6, sizeof(v6)) == 0);
		HOLDS(socle_addr_port(a) == DEFAULT_PORT);
	} else if (!strpbrk(text, "[]%:") && !socle__is_unix_text(text)) {
		HOLDS(err == -EINVAL);
	}
}

/*
 * "127.1" and the like: libc knows them, no function of the library takes them.
 * libc also knows "::ffff:1.2.3.4" as an IPv4 address.
 */
static void
loose_numbers_are_no_hosts(const char *text)
{
	struct addrinfo *found = NULL,
			hints = {.ai_family = AF_INET,
				.ai_socktype = SOCK_STREAM,
				.ai_flags = AI_NUMERICHOST};
	struct in_addr strict;

	if (strchr(text, ':') || getaddrinfo(text, NULL, &hints, &found) != 0)
		return;
	freeaddrinfo(found);
	if (inet_pton(AF_INET, text, &strict) == 1 &&
		!strpbrk(text, SOCLE__SPACE))
		HOLDS(socle__is_host_text(text));
	else
		HOLDS(!socle__is_host_text(text));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size);
	struct socle_addr a, before;
	int err;

	memset(&a, 0x5a, sizeof(a));
	before = a;
	err = socle_addr_parse(&a, text, DEFAULT_PORT);
	HOLDS(err == 0 || err == -EINVAL || err == -ENAMETOOLONG ||
		err == -EAFNOSUPPORT);
	is_as_strict_as_inet_pton(text, &a, err);
	loose_numbers_are_no_hosts(text);
	if (err < 0) {
		HOLDS(memcmp(&a, &before, sizeof(a)) == 0);
	} else {
		comes_back(&a);
		if (is_ip(&a))
			libc_agrees(&a);
		else
			HOLDS(socle_addr_port(&a) == -EAFNOSUPPORT);
	}
	free(text);
	return 0;
}
