/*
 * socle_split_hostport(): the parts make up the text, a service has neither a
 * colon nor white space, and a part that does not fit is refused as a whole.
 */
#include "fuzz/fuzz.h"

#include "sockets/names/addr.h"
#include "sockets/names/host.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* host:service, host:, [host]:service, [host], or all is host */
static void
makes_up(const char *text, const char *host, const char *service)
{
	size_t h = strlen(host), s = strlen(service), n = strlen(text);
	bool brackets = text[0] == '[' && h + 2 <= n && text[h + 1] == ']' &&
		memcmp(text + 1, host, h) == 0;
	const char *rest = brackets ? text + h + 2 : text + h;

	if (!brackets)
		HOLDS(h <= n && memcmp(text, host, h) == 0);
	if (*rest == '\0') {
		HOLDS(s == 0);
		return;
	}
	HOLDS(*rest == ':');
	HOLDS(strcmp(rest + 1, service) == 0);
	HOLDS(strpbrk(service, SOCLE__SPACE ":") == NULL);
	HOLDS(brackets || strpbrk(host, SOCLE__SPACE ":") == NULL);
}

static void
fits_or_is_refused(const char *text, const char *host, const char *service)
{
	size_t h = strlen(host), s = strlen(service);
	char *small = fuzz_text(host, h), *other = fuzz_text(service, s);

	HOLDS(socle_split_hostport(text, small, h + 1, other, s + 1) == 0);
	HOLDS(strcmp(small, host) == 0 && strcmp(other, service) == 0);
	memset(small, 'x', h + 1);
	memset(other, 'y', s + 1);
	HOLDS(socle_split_hostport(text, small, h, other, s + 1) ==
		-ENAMETOOLONG);
	HOLDS(socle_split_hostport(text, small, h + 1, other, s) ==
		-ENAMETOOLONG);
	for (size_t i = 0; i <= h; i++)
		HOLDS(small[i] == 'x');
	for (size_t i = 0; i <= s; i++)
		HOLDS(other[i] == 'y');
	free(small);
	free(other);
}

/* The parts of an address's text are its host and its port. */
static void
agrees_with_parse(const char *text, const char *host, const char *service)
{
	struct socle_addr a;
	char wanted[SOCLE_ADDR_TEXT_MAX], port[16];

	if (*service == '\0' || socle_addr_parse(&a, text, 0) < 0 ||
		a.u.sa.sa_family == AF_UNIX)
		return;
	snprintf(port, sizeof(port), "%d", socle_addr_port(&a));
	HOLDS(strcmp(port, service) == 0);
	HOLDS(socle_addr_host(&a, wanted, sizeof(wanted)) > 0);
	if (a.u.sa.sa_family == AF_INET)
		HOLDS(strcmp(host, wanted) == 0 || strcmp(host, "*") == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size);
	char *host = fuzz_text(data, size), *service = fuzz_text(data, size);

	HOLDS(socle_split_hostport(text, host, size + 1, service, size + 1) ==
		0);
	makes_up(text, host, service);
	fits_or_is_refused(text, host, service);
	agrees_with_parse(text, host, service);
	free(text);
	free(host);
	free(service);
	return 0;
}
