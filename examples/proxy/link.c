/* link.h describes the functions. */
#include "proxy/link.h"

#include "common/server.h"
#include "proxy/backends.h"
#include "proxy/client.h"
#include "proxy/headers.h"
#include "proxy/settings.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>

struct link {
	struct end end;          /* the base, first */
	struct backend *backend; /* counts this link until its destroy */
};

static const struct socle_class link_class;

static struct link *
link_of(struct socle_socket *s)
{
	return socle_container_of(end_of(s), struct link, end);
}

/* ---- connecting ---- */

/* No callback of the factory is called after this. */
void
link_stop_making(struct client *c)
{
	if (!c->connecting)
		return;
	socle_factory_free(c->connecting);
	c->connecting = NULL;
	c->backend->connections--;
}

static void
connect_failed(
	struct socle_factory *f, const struct socle_failure *why, void *arg)
{
	struct client *c = arg;

	(void)f;
	backend_fails(c->backend, why->err);
	link_stop_making(c);
	link_make(c);
}

/* What the backend gets before anything that is read from now on. */
static int
begin(struct socle_socket *s, struct client *c)
{
	int r = 1, on = 1;

	(void)setsockopt(
		socle_fd(s), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (settings.proxy_out)
		r = header_write(s, &c->end.sock, c->header);
	if (r >= 0 && c->replay.len > 0)
		r = socle_write(s, c->replay.kept, c->replay.len);
	return r;
}

static void
connected(struct socle_factory *f, struct socle_socket *s, void *arg)
{
	struct client *c = arg;
	struct link *l = link_of(s);

	(void)f;
	l->backend = c->backend;
	l->backend->connections++;
	link_stop_making(c);
	backend_works(l->backend);
	end_tie(&c->end, &l->end);
	/* A write that failed keeps the link: reading it shows what to do. */
	if (begin(s, c) < 0 && !l->end.write_failed)
		socle_close(s, "no memory");
	else if (c->end.read_ended)
		end_of_reading(&c->end, 0);
	else if (c->input_waits)
		client_class.event_read(&c->end.sock);
	c->input_waits = false;
}

void
link_make(struct client *c)
{
	struct socle_factory_params p = {.accept_class = &link_class,
		.connect_timeout = settings.connect_timeout,
		.accepted = connected,
		.failure = connect_failed,
		.arg = c};
	const char *who;

	while ((c->backend = backends_choose(c->tried))) {
		c->tried |= c->backend->bit;
		p.remote_addr = &c->backend->addr;
		if (socle_factory_new(&p, &c->connecting) == 0) {
			c->backend->connections++;
			return;
		}
	}
	who = socle_peer_addr_string(&c->end.sock);
	fprintf(stderr, "proxy: no backend for %s\n", who ? who : "a client");
	socle_close(&c->end.sock, "no backend");
}

/* ---- its end ---- */

/* Whether the client goes on with another link. */
static bool
client_survives(const struct client *c)
{
	switch (c->replay.state) {
	case REPLAY_FRESH:
	case REPLAY_ANSWERED:
		return !c->end.read_ended;
	case REPLAY_ASKED:
		return true;
	case REPLAY_ASKING:
	case REPLAY_ANSWERING:
	case REPLAY_OFF:
	default:
		return false;
	}
}

static void
link_ends(struct link *l, int err)
{
	struct client *c = l->end.other ? client_of(l->end.other) : NULL;

	if (!c || !client_survives(c)) {
		end_of_reading(&l->end, err);
		return;
	}
	end_untie(&l->end); /* or closing it would reset the client */
	socle_close(&l->end.sock, "replaced");
	socle_watch_read(&c->end.sock, !c->end.read_ended);
	if (c->replay.state == REPLAY_ANSWERED)
		c->tried = 0; /* any may serve the next request */
	else
		link_make(c);
}

/* ---- events ---- */

static ssize_t
link_read(struct link *l)
{
	ssize_t n = socle_read(&l->end.sock, end_buffer, END_BUFFER);
	struct client *c = l->end.other ? client_of(l->end.other) : NULL;

	if (n > 0 && c) {
		c->tried = 0;
		replay_answer(&c->replay, end_buffer, (size_t)n);
		end_forward(&l->end, end_buffer, (size_t)n);
		if (server_is_draining() && c->replay.state == REPLAY_ANSWERED)
			client_dismiss(c);
	} else if (n <= 0 && n != -EAGAIN) {
		link_ends(l, (int)n);
	}
	return n;
}

static void
link_event_read(struct socle_socket *self)
{
	struct link *l = link_of(self);
	int reads = 0;

	while (end_goes_on(&l->end, link_read(l)))
		if (++reads == END_READS)
			break;
}

static void
link_event_err(struct socle_socket *self, int err)
{
	link_ends(link_of(self), err < 0 ? err : -EIO);
}

static void
link_event_hup(struct socle_socket *self)
{
	struct link *l = link_of(self);

	link_ends(l, l->end.read_ended ? -EPIPE : 0);
}

static void
link_destroy(struct socle_socket *self)
{
	struct link *l = link_of(self);

	if (l->backend)
		l->backend->connections--;
}

static const struct socle_class link_class = {
	.name = "Link",
	.super = &end_class,
	.size = sizeof(struct link),
	.event_read = link_event_read,
	.event_err = link_event_err,
	.event_hup = link_event_hup,
	.destroy = link_destroy,
};
