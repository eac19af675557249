/* headers.h describes the functions. */
#include "proxy/headers.h"

#include "proxy/settings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { HEADER_SECONDS = 5 };

static bool
is_listed(const char *list, const char *address)
{
	size_t n = strlen(address);

	for (const char *at = list; at; at = strchr(at, ',')) {
		at += *at == ',';
		if (strncmp(at, address, n) == 0 &&
			(at[n] == ',' || at[n] == '\0'))
			return true;
	}
	return false;
}

static bool
is_trusted(struct socle_socket *client)
{
	const char *address = socle_peer_ip_string(client);

	if (address && strncmp(address, "::ffff:", 7) == 0)
		address += 7; /* an IPv4 client of "[::]:80" */
	return !settings.trusted ||
		(address && is_listed(settings.trusted, address));
}

/* Silence and a trickle are both too slow. */
struct header_reader *
header_expect(struct socle_socket *client)
{
	struct header_reader *r =
		is_trusted(client) ? malloc(sizeof(*r)) : NULL;

	if (!r || socle_set_idle_timeout(client, HEADER_SECONDS) < 0) {
		free(r);
		return NULL;
	}
	r->deadline = socle_now() + HEADER_SECONDS;
	r->len = 0;
	return r;
}

int
header_read(struct header_reader *r, struct socle_socket *client)
{
	ssize_t got =
		socle_read(client, r->data + r->len, sizeof(r->data) - r->len);
	int n;

	if (got <= 0)
		return got == -EAGAIN ? 0 : -EPROTO;
	r->len += (size_t)got;
	n = proxy_header_parse(&r->header, r->data, r->len);
	if (n == 0)
		return socle_now() < r->deadline ? 0 : -ETIMEDOUT;
	if (n < 0 ||
		(n = socle_unread(client, r->data + n, r->len - (size_t)n)) < 0)
		return n;
	n = socle_set_idle_timeout(client, settings.idle_timeout);
	return n < 0 ? n : 1;
}

/* The client as this machine sees it, and the address that it connected to. */
static void
addresses_ask(struct proxy_header *h, int fd)
{
	h->from.len = h->to.len = sizeof(h->from.u);
	if (getpeername(fd, &h->from.u.sa, &h->from.len) < 0 ||
		getsockname(fd, &h->to.u.sa, &h->to.len) < 0)
		h->from.len = h->to.len = 0;
}

int
header_write(struct socle_socket *backend, struct socle_socket *client,
	const struct proxy_header *known)
{
	struct proxy_header h = {0};
	char text[PROXY_HEADER_ROOM];
	int n;

	if (known)
		h = *known;
	h.version = settings.proxy_out;
	if (h.from.len == 0)
		addresses_ask(&h, socle_fd(client));
	n = proxy_header_write(text, &h);
	socle_set_autoflush(backend, false);
	n = socle_write(backend, text, (size_t)n);
	socle_set_autoflush(backend, true);
	return n;
}
