/*
 * Strings to addresses and protocols.
 *
 * Numbers need no look-up.  Names do, and the call blocks.  A name that
 * getaddrinfo does not know is EINVAL, as in Perl, unless the system failed.
 */
#include "sockets/io/resolve.h"

#include "sockets/io/fail.h"
#include "sockets/names/lookup.h"
#include "sockets/names/protocol.h"
#include "sockets/names/zone.h"

#include "seam.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { HOST_MAX = 1025, SERVICE_MAX = 64 };

int
socle__io_protocol(struct socle_io *io, const char *name, int domain, int *type)
{
	bool is_name = socle__io_is_text(name) &&
		socle__number(name, UINT8_MAX) == -EINVAL;
	int found = socle__protocol(name, type);

	if (found < 0)
		return socle__io_fail_as(
			io, "socket", -EINVAL, "Bad protocol '%s'", name);
	if (domain == AF_UNIX)
		return 0;
	return domain == 0 || domain == AF_INET || domain == AF_INET6 ||
			!is_name
		? found
		: 0;
}

/* ---- addresses ---- */

struct request {
	const struct socle__io_side *side;
	char host[HOST_MAX], service[SERVICE_MAX];
	int port; /* of a service that is a number, or its number; -1: none */
};

static int
list_of_one(const struct socle_addr *a, struct socle__io_list *ret)
{
	ret->at = sys_malloc(sizeof(*a));
	if (!ret->at)
		return -ENOMEM;
	ret->at[0] = *a;
	ret->n = 1;
	return 0;
}

static bool
is_unix(const struct socle__io_side *s)
{
	if (s->domain != 0)
		return s->domain == AF_UNIX;
	return s->addr && socle__is_unix_text(s->addr);
}

/* With domain AF_UNIX any text is a path; for "" the kernel chooses one. */
static int
resolve_unix(const struct socle__io_side *s, struct socle__io_list *ret)
{
	struct socle_addr a;
	const char *path = s->addr ? s->addr : "";
	char text[SOCLE_ADDR_TEXT_MAX];
	int err;

	memset(&a, 0, sizeof(a));
	a.u.sa.sa_family = AF_UNIX;
	a.len = offsetof(struct sockaddr_un, sun_path);
	if (s->local && *path == '\0')
		return list_of_one(&a, ret);
	if (strncmp(path, "unix:", strlen("unix:")) == 0)
		path += strlen("unix:");
	if ((size_t)snprintf(text, sizeof(text), "unix:%s", path) >=
		sizeof(text))
		return -ENAMETOOLONG;
	err = socle_addr_parse(&a, text, 0);
	return err < 0 ? err : list_of_one(&a, ret);
}

/* Sets the port of a numeric service; splits "name(port)" and "(port)". */
static void
split_fallback(struct request *r)
{
	size_t n = strlen(r->service);
	char *paren = strrchr(r->service, '(');

	r->port = socle__number(r->service, UINT16_MAX);
	if (r->port >= 0 || !paren || r->service[n - 1] != ')')
		return;
	r->service[n - 1] = '\0';
	r->port = socle__number(paren + 1, UINT16_MAX);
	if (r->port < 0)
		r->service[n - 1] = ')';
	else if (paren > r->service)
		*paren = '\0';
	else
		memmove(r->service, paren + 1, n - 1);
}

static int
request_make(struct request *r, const struct socle__io_side *s)
{
	size_t n;
	int err;

	r->side = s;
	err = socle_split_hostport(s->addr ? s->addr : "", r->host,
		sizeof(r->host), r->service, sizeof(r->service));
	if (err < 0)
		return err;
	n = s->port ? strlen(s->port) : 0;
	if (n >= sizeof(r->service))
		return -ENAMETOOLONG;
	if (r->service[0] == '\0' && n > 0)
		memcpy(r->service, s->port, n + 1);
	if (s->local && strcmp(r->host, "*") == 0)
		r->host[0] = '\0';
	split_fallback(r);
	return 0;
}

/* Whether host and service are numeric, so that no look-up is needed. */
static bool
is_numeric(const struct request *r, struct socle_addr *a)
{
	int port = r->service[0] == '\0'
		? 0
		: socle__number(r->service, UINT16_MAX);
	int domain = r->side->domain;

	if (port < 0 || r->host[0] == '\0' || r->host[0] == '*' ||
		socle__is_unix_text(r->host) ||
		socle__addr_parse_zone(a, r->host, (uint16_t)port) < 0)
		return false;
	return domain == 0 || domain == a->u.sa.sa_family;
}

/* Without a host the service is looked up alone; never NULL and NULL. */
static int
look_up(const struct request *r, const char *service, struct addrinfo **ret)
{
	const struct socle__io_side *s = r->side;
	struct addrinfo hints = {.ai_family = s->domain,
		.ai_socktype = *s->type == SOCK_DGRAM || *s->type == SOCK_RAW
			? *s->type
			: SOCK_STREAM,
		.ai_flags = s->local ? AI_PASSIVE : 0};
	int said;

	/* AI_ADDRCONFIG ignores loopback addresses */
	if (s->domain == 0 && r->host[0] && strcmp(r->host, "localhost") != 0)
		hints.ai_flags |= AI_ADDRCONFIG;
	if (*service == '\0')
		service = r->host[0] ? NULL : "0";
	else if (socle__number(service, UINT16_MAX) == -ERANGE)
		return EAI_SERVICE; /* libc would cut it to 16 bits */
	do
		said = sys_getaddrinfo(
			r->host[0] ? r->host : NULL, service, &hints, ret);
	while (said == EAI_SYSTEM && errno == EINTR);
	return said;
}

/*
 * The service decides the type if nothing else does: that of a stream if there
 * is such a service, else that of datagrams.
 */
static int
look_up_typed(const struct request *r, struct addrinfo **ret)
{
	int *type = r->side->type;
	bool decides = *type == 0 && r->service[0] &&
		socle__number(r->service, UINT16_MAX) == -EINVAL;
	int said = look_up(r, r->service, ret);

	if (!decides || (said != 0 && said != EAI_SERVICE))
		return said;
	*type = said == 0 ? SOCK_STREAM : SOCK_DGRAM;
	if (said == 0 || look_up(r, r->service, ret) == 0)
		return 0;
	*type = 0;
	return said;
}

/* Notes a result of getaddrinfo(3) as the operation's failure. */
static int
look_up_failed(struct socle_io *io, const struct request *r, int said)
{
	static const char operation[] = "getaddrinfo";

	switch (said) {
	case EAI_SYSTEM:
	case EAI_MEMORY:
		return socle__io_fail(io, operation, socle__lookup_error(said));
	case EAI_ADDRFAMILY:
	case EAI_FAMILY:
		return socle__io_fail(io, operation, -EAFNOSUPPORT);
	case EAI_AGAIN:
		return socle__io_fail_as(
			io, operation, -ETIMEDOUT, "%s", gai_strerror(said));
	case EAI_SERVICE:
		return socle__io_fail_as(
			io, operation, -EINVAL, "Bad service '%s'", r->service);
	default:
		return socle__io_fail_as(
			io, operation, -EINVAL, "Bad hostname '%s'", r->host);
	}
}

static int
resolve_ip(struct socle_io *io, const struct request *r,
	struct socle__io_list *ret)
{
	struct addrinfo *found = NULL;
	struct socle_addr a;
	char port[12];
	int said, err;

	if (!socle__is_host_text(r->host))
		return look_up_failed(io, r, EAI_NONAME);
	if (is_numeric(r, &a)) {
		err = list_of_one(&a, ret);
		return err < 0 ? socle__io_fail(io, "getaddrinfo", err) : 0;
	}
	said = look_up_typed(r, &found);
	if ((said == EAI_SERVICE || said == EAI_NONAME) && r->port > 0) {
		(void)snprintf(port, sizeof(port), "%d", r->port);
		said = look_up(r, port, &found);
	}
	if (said != 0)
		return look_up_failed(io, r, said);
	err = socle__lookup_addresses(found, false, &ret->at, &ret->n);
	sys_freeaddrinfo(found);
	return err < 0 ? socle__io_fail(io, "getaddrinfo", err) : 0;
}

int
socle__io_resolve(struct socle_io *io, const struct socle__io_side *side,
	struct socle__io_list *ret)
{
	struct request r;
	int err;

	if (is_unix(side)) {
		err = resolve_unix(side, ret);
		return err < 0 ? socle__io_fail(io, side->operation, err) : 0;
	}
	err = request_make(&r, side);
	if (err < 0)
		return socle__io_fail(io, "getaddrinfo", err);
	if (!side->local && *side->type != SOCK_RAW &&
		(r.service[0] == '\0' ||
			socle__number(r.service, UINT16_MAX) == 0))
		return socle__io_fail_as(io, side->operation, -EINVAL,
			"Cannot determine remote port");
	return resolve_ip(io, &r, ret);
}
