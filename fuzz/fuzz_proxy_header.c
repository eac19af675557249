/*
 * PROXY headers: the result does not depend on how the bytes were split nor on
 * what follows, and what was parsed is written so that it is parsed again.
 */
#include "fuzz/fuzz.h"

#include "examples/common/proxy_header.h"

#include <stdlib.h>
#include <string.h>

static bool
same_addr(const struct socle_addr *a, const struct socle_addr *b)
{
	return a->len == b->len && memcmp(&a->u, &b->u, a->len) == 0;
}

static int
parse_first(struct proxy_header *h, const char *data, size_t len)
{
	char *copy = fuzz_copy(data, len);
	int n = proxy_header_parse(h, copy, len);

	free(copy);
	return n;
}

/* Byte by byte, or in two pieces, the first result that is not 0 is the same. */
static void
splits_parse_the_same(const char *data, size_t len, int wanted)
{
	struct proxy_header h;
	int n;

	for (size_t at = 0; at <= len; at = fuzz_next_split(at, len)) {
		n = parse_first(&h, data, at);
		HOLDS(n == 0 || n == wanted);
		HOLDS(n <= 0 || (size_t)n <= at);
	}
	if (wanted <= 0)
		return;
	HOLDS(parse_first(&h, data, (size_t)wanted) == wanted);
	HOLDS(parse_first(&h, data, (size_t)wanted - 1) == 0);
}

static bool
is_mapped(const struct socle_addr *a)
{
	return a->len > 0 && a->u.sa.sa_family == AF_INET6 &&
		IN6_IS_ADDR_V4MAPPED(&a->u.in6.sin6_addr);
}

static void
comes_back(struct proxy_header h, int version)
{
	char buf[PROXY_HEADER_ROOM];
	struct proxy_header again;
	int n;

	h.version = version;
	n = proxy_header_write(buf, &h);
	HOLDS(n > 0 && n <= PROXY_HEADER_ROOM);
	HOLDS(parse_first(&again, buf, (size_t)n) == n);
	HOLDS(again.version == version);
	HOLDS(again.local == (h.local && version == 2));
	if (is_mapped(&h.from) || is_mapped(&h.to))
		return; /* as IPv4, or not at all */
	HOLDS(same_addr(&h.from, &again.from));
	HOLDS(same_addr(&h.to, &again.to));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_copy(data, size);
	struct proxy_header h;
	int n = proxy_header_parse(&h, text, size);

	if (n > 0) {
		HOLDS((size_t)n <= size && n <= PROXY_HEADER_MOST);
		HOLDS(h.from.len == h.to.len);
		HOLDS(h.from.len == 0 ||
			h.from.u.sa.sa_family == h.to.u.sa.sa_family);
		HOLDS(!h.local || h.from.len == 0);
		comes_back(h, 1);
		comes_back(h, 2);
	}
	splits_parse_the_same(text, size, n);
	free(text);
	return 0;
}
