/*
 * An object as text: addresses, as_string, log messages.
 *
 * An address is read from the kernel once, when it is first asked for.  The
 * text stays with the object until it is destroyed.
 */
#include "sockets/strings.h"

#include "reactor/log.h"
#include "sockets/names/addr_string.h"

#include "seam.h"

#include <stdio.h>
#include <string.h>
#if SOCLE__HAVE_BACKTRACE
#include <dlfcn.h>
#include <execinfo.h>
#endif

enum { FRAMES = 32 };

struct socle__name {
	struct socle__name *older; /* its text stays valid */
	bool final;                /* else the kernel is asked again */
	int port;
	char *full; /* follows `ip' in the same memory */
	char ip[];
};

static struct socle__name *
name_make(const struct socle_addr *a)
{
	int ip = socle__addr_string(a, false, NULL, 0);
	int full = socle__addr_string(a, true, NULL, 0);
	struct socle__name *name;

	if (ip < 0)
		return NULL; /* nor is there a full one */
	name = sys_malloc(sizeof(*name) + (size_t)ip + (size_t)full + 2);
	if (!name)
		return NULL;
	name->port = socle_addr_port(a);
	name->full = name->ip + ip + 1;
	(void)socle__addr_string(a, false, name->ip, (size_t)ip + 1);
	(void)socle__addr_string(a, true, name->full, (size_t)full + 1);
	return name;
}

/* Whether the address is not the last one: a socket not bound or connected. */
static bool
may_change(const struct socle_addr *a)
{
	static const struct in6_addr any = IN6ADDR_ANY_INIT;

	if (a->u.sa.sa_family == AF_INET)
		return a->u.in.sin_port == 0 ||
			a->u.in.sin_addr.s_addr == htonl(INADDR_ANY);
	if (a->u.sa.sa_family == AF_INET6)
		return a->u.in6.sin6_port == 0 ||
			memcmp(&a->u.in6.sin6_addr, &any, sizeof(any)) == 0;
	return a->len <= offsetof(struct sockaddr_un, sun_path);
}

/* The same text again is the same pointer. */
static void
name_add(struct socle__name **at, const struct socle_addr *a, bool is_peer)
{
	struct socle__name *name = name_make(a);

	if (!name)
		return;
	if (*at && strcmp((*at)->full, name->full) == 0) {
		sys_free(name);
		return;
	}
	name->final = is_peer || !may_change(a);
	name->older = *at;
	*at = name;
}

void
socle__names_free(struct socle__name *name)
{
	while (name) {
		struct socle__name *older = name->older;

		sys_free(name);
		name = older;
	}
}

static struct socle__name *
name_of(struct socle_socket *s, bool peer)
{
	struct socle__extra *x = s->extra;
	struct socle__name **at, *known = NULL;
	struct socle_addr a;
	int r;

	if (x)
		known = peer ? x->peer : x->local;
	if (known && (known->final || socle__is_closed(s)))
		return known;
	if (socle__is_closed(s))
		socle__log(1, "%s_ip_string undef: no sock",
			peer ? "peer" : "local");
	if (socle__is_closed(s) || socle__has(s, SOCLE__CONNECTING) ||
		!(x = socle__extra_get(s)))
		return NULL;
	at = peer ? &x->peer : &x->local;
	a.len = sizeof(a.u);
	r = peer ? sys_getpeername(s->d.fd, &a.u.sa, &a.len)
		 : sys_getsockname(s->d.fd, &a.u.sa, &a.len);
	if (r == 0)
		name_add(at, &a, peer);
	else
		socle__log(1, "%s_ip_string undef: %s", peer ? "peer" : "local",
			peer ? "getpeername" : "getsockname");
	return *at;
}

/* X(function, is it the peer's, field of struct socle__name) */
#define ADDRESS_STRINGS(X)                                                     \
	X(socle_peer_ip_string, true, ip)                                      \
	X(socle_peer_addr_string, true, full)                                  \
	X(socle_local_ip_string, false, ip)                                    \
	X(socle_local_addr_string, false, full)

#define ADDRESS_STRING(function, peer, text)                                   \
	const char *function(struct socle_socket *s)                           \
	{                                                                      \
		struct socle__name *name = name_of(s, peer);                   \
                                                                               \
		return name ? name->text : NULL;                               \
	}

ADDRESS_STRINGS(ADDRESS_STRING)

static int
port_of(struct socle_socket *s, bool peer)
{
	struct socle__name *name = name_of(s, peer);

	return name ? name->port : -ENOTCONN;
}

int
socle_peer_port(struct socle_socket *s)
{
	return port_of(s, true);
}

int
socle_local_port(struct socle_socket *s)
{
	return port_of(s, false);
}

int
socle_as_string(const struct socle_socket *s, char *buf, size_t size)
{
	return socle__class_of(s)->flat.as_string(s, buf, size);
}

int
socle__socket_as_string(const struct socle_socket *s, char *buf, size_t size)
{
	/* Not const: the address strings are cached in the object. */
	struct socle_socket *self =
		socle_container_of(&s->d, struct socle_socket, d);
	const char *peer = NULL;

	if (!socle__is_closed(s))
		peer = socle_peer_addr_string(self);
	return snprintf(buf, size, "%s(%s%s): %s%s%s",
		socle__class_of(s)->flat.name,
		socle__has(s, SOCLE__READING) ? "R" : "",
		socle__has(s, SOCLE__WRITING) ? "W" : "",
		socle__is_closed(s) ? "closed" : "open", peer ? " to " : "",
		peer ? peer : "");
}

static void
log_backtrace(void)
{
#if SOCLE__HAVE_BACKTRACE
	void *frames[FRAMES];
	int n = backtrace(frames, FRAMES);

	for (int i = 1; i < n; i++) {
		Dl_info info;

		if (dladdr(frames[i], &info) && info.dli_sname)
			socle__log(0, "\t%s called %s", info.dli_fname,
				info.dli_sname);
		else
			socle__log(0, "\t%p", frames[i]);
	}
#endif
}

void
socle_dump_error(struct socle_socket *s, const char *message)
{
	char text[256];

	(void)socle_as_string(s, text, sizeof(text));
	socle__log(0, "ERROR: %s", message);
	socle__log(0, "\t%p = %s", (void *)s, text);
	log_backtrace();
	socle__log_deliver_kept();
}

void
socle_socket_debug_msg(struct socle_socket *s, const char *fmt, ...)
{
	va_list ap;

	(void)s;
	va_start(ap, fmt);
	socle__vlog(0, fmt, ap);
	va_end(ap);
}
