/*
 * The texts of struct socle_io_params: an address or "host:service(port)", a port
 * and a protocol, each ended by a NUL.  Names are not looked up: the system knows
 * "localhost" and numbers only.
 */
#include "fuzz/fuzz.h"

#include "sockets/io/resolve.h"
#include "sockets/names/addr_valid.h"
#include "sockets/names/lookup.h"

#include "seam.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int
numbers_only(const char *host, const char *service,
	const struct addrinfo *hints, struct addrinfo **ret)
{
	struct addrinfo numeric = *hints;

	numeric.ai_flags |= AI_NUMERICHOST | AI_NUMERICSERV;
	numeric.ai_flags &= ~AI_ADDRCONFIG;
	if (host && strcmp(host, "localhost") == 0)
		host = hints->ai_family == AF_INET6 ? "::1" : "127.0.0.1";
	return getaddrinfo(host, service, &numeric, ret);
}

/* An int: no system's files are read for a protocol. */
static int
no_protocol(const char *name)
{
	(void)name;
	errno = ENOENT;
	return -1;
}

static bool
same_list(const struct socle__io_list *a, const struct socle__io_list *b)
{
	for (size_t i = 0; i < a->n && a->n == b->n; i++)
		if (a->at[i].len != b->at[i].len ||
			memcmp(&a->at[i].u, &b->at[i].u, a->at[i].len) != 0)
			return false;
	return a->n == b->n;
}

struct outcome {
	int err, type;
	struct socle__io_list list;
};

static struct outcome
resolve(const char *addr, const char *port, int domain, bool local)
{
	struct socle_io io = {0};
	struct outcome o = {.type = SOCK_STREAM};
	struct socle__io_side side = {.operation = local ? "bind" : "connect",
		.addr = addr,
		.port = port,
		.domain = domain,
		.type = &o.type,
		.local = local};

	o.err = socle__io_resolve(&io, &side, &o.list);
	HOLDS(o.err <= 0);
	HOLDS((o.err == 0) == (o.list.n > 0));
	HOLDS((o.err == 0) == (io.errstr[0] == '\0'));
	HOLDS(memchr(io.errstr, '\0', sizeof(io.errstr)) != NULL);
	for (size_t i = 0; i < o.list.n; i++) {
		HOLDS(socle__addr_is_valid(&o.list.at[i]));
		HOLDS(domain == 0 || o.list.at[i].u.sa.sa_family == domain);
	}
	return o;
}

/* An address in full, which needs no look-up, is what the parser makes of it. */
static void
agrees_with_parse(const char *addr, const struct outcome *o)
{
	struct socle_addr a;
	int port, err = socle_addr_parse(&a, addr, 0);

	if (err < 0 || strchr(addr, '*') || o->err == -ENAMETOOLONG)
		return;
	port = socle_addr_port(&a);
	if (port == 0) /* of the other text, or refused */
		return;
	HOLDS(o->err == 0 && o->list.n == 1);
	HOLDS(o->list.at[0].len == a.len);
	HOLDS(memcmp(&o->list.at[0].u, &a.u, a.len) == 0);
}

/* "host:service" is "host" and "service". */
static void
parts_are_the_whole(const char *addr, int domain, const struct outcome *whole)
{
	size_t n = strlen(addr) + 1;
	char *host = malloc(n), *service = malloc(n);
	struct outcome parts;

	HOLDS(host && service);
	HOLDS(socle_split_hostport(addr, host, n, service, n) == 0);
	if (*host && *service && !strchr(host, ':') &&
		!socle__is_unix_text(addr) && !socle__is_unix_text(host) &&
		domain != AF_UNIX) {
		parts = resolve(host, service, domain, false);
		HOLDS(parts.err == whole->err);
		HOLDS(same_list(&parts.list, &whole->list));
		free(parts.list.at);
	}
	free(host);
	free(service);
}

static void
protocol_is_a_byte(const char *name, int domain)
{
	struct socle_io io = {0};
	int type = 0, n = socle__io_protocol(&io, name, domain, &type);

	HOLDS(n == -EINVAL || (n >= 0 && n <= UINT8_MAX));
	HOLDS((n < 0) == (io.errstr[0] != '\0'));
	HOLDS(type == 0 || type == SOCK_STREAM || type == SOCK_DGRAM ||
		type == SOCK_RAW);
}

static void
run(const char *addr, const char *port, const char *protocol)
{
	static const int domains[] = {0, AF_INET, AF_INET6, AF_UNIX};

	for (int i = 0; i < 4; i++) {
		struct outcome o = resolve(addr, port, domains[i], false);

		if (domains[i] == 0)
			agrees_with_parse(addr, &o);
		if (*port == '\0')
			parts_are_the_whole(addr, domains[i], &o);
		free(o.list.at);
		o = resolve(addr, port, domains[i], true);
		free(o.list.at);
		protocol_is_a_byte(protocol, domains[i]);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size);
	const char *fields[3], *at = text;
	struct socle__seam seam = socle__seam;

	for (int i = 0; i < 3; i++) {
		fields[i] = at;
		at += strlen(at);
		if (at < text + size)
			at++;
	}
	socle__seam.getaddrinfo = numbers_only;
	socle__seam.freeaddrinfo = freeaddrinfo;
	socle__seam.protocol = no_protocol;
	socle__seam.malloc = malloc;
	socle__seam.calloc = calloc;
	socle__seam.free = free;
	run(fields[0], fields[1], fields[2]);
	socle__seam = seam;
	free(text);
	return 0;
}
