/* client.h describes the functions. */
#include "proxy/client.h"

#include "common/server.h"
#include "proxy/headers.h"
#include "proxy/link.h"
#include "proxy/settings.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

static int n_clients;

struct client *
client_of(struct end *e)
{
	return socle_container_of(e, struct client, end);
}

/* ---- coming ---- */

static void
client_event_accepted(struct socle_socket *self, struct socle_factory *by)
{
	struct client *c = client_of(end_of(self));

	(void)by;
	c->end.is_client = true;
	if (++n_clients >= settings.max_clients)
		server_accept(false); /* the others wait in the backlog */
	if (settings.proxy_in) {
		c->reader = header_expect(self);
		if (!c->reader)
			socle_close(self, "not trusted");
	} else if (socle_set_idle_timeout(self, settings.idle_timeout) < 0) {
		socle_close(self, "no memory");
	} else {
		link_make(c);
	}
}

/* The reader is large, and what it has found is seldom needed. */
static void
header_came(struct client *c)
{
	int r = header_read(c->reader, &c->end.sock);

	if (r == 0)
		return;
	if (r > 0 && settings.proxy_out) {
		c->header = malloc(sizeof(*c->header));
		if (c->header)
			*c->header = c->reader->header;
		else
			r = -ENOMEM;
	}
	free(c->reader);
	c->reader = NULL;
	if (r > 0)
		link_make(c);
	else
		socle_close(&c->end.sock, "no PROXY header");
}

/* ---- its bytes ---- */

static bool
is_at_end(struct socle_socket *s)
{
	char c;

	return recv(socle_fd(s), &c, 1, MSG_PEEK) == 0;
}

/* What was sent stays with the kernel, so nothing must be kept here. */
static void
wait_for_link(struct client *c)
{
	if (!c->connecting && is_at_end(&c->end.sock)) {
		end_of_reading(&c->end, 0);
		return;
	}
	c->input_waits = true;
	socle_watch_read(&c->end.sock, false);
	if (!c->connecting)
		link_make(c); /* the last one ended between requests */
}

static ssize_t
client_read(struct client *c)
{
	ssize_t n = socle_read(&c->end.sock, end_buffer, END_BUFFER);

	if (n > 0) {
		replay_ask(&c->replay, end_buffer, (size_t)n,
			(size_t)settings.replay);
		end_forward(&c->end, end_buffer, (size_t)n);
	} else if (n != -EAGAIN) {
		end_of_reading(&c->end, (int)n);
	}
	return n;
}

static void
client_event_read(struct socle_socket *self)
{
	struct client *c = client_of(end_of(self));
	int reads = 0;

	if (c->reader) {
		header_came(c);
	} else if (!c->end.other) {
		wait_for_link(c);
	} else {
		while (end_goes_on(&c->end, client_read(c)))
			if (++reads == END_READS)
				break;
	}
}

static void
client_event_err(struct socle_socket *self, int err)
{
	end_of_reading(end_of(self), err < 0 ? err : -EIO);
}

/* Both directions are shut down, and no input is left. */
static void
client_event_hup(struct socle_socket *self)
{
	struct end *e = end_of(self);

	end_of_reading(e, e->read_ended ? -EPIPE : 0);
}

/* ---- going ---- */

static void
client_close(struct socle_socket *self, const char *reason)
{
	link_stop_making(client_of(end_of(self)));
	socle_super_close(&client_class, self, reason);
}

/* Called once for each client: the place to count and to free. */
static void
client_destroy(struct socle_socket *self)
{
	struct client *c = client_of(end_of(self));

	replay_free(&c->replay);
	free(c->reader);
	free(c->header);
	if (n_clients-- >= settings.max_clients)
		server_accept(true);
}

const struct socle_class client_class = {
	.name = "Client",
	.super = &end_class,
	.size = sizeof(struct client),
	.event_accepted = client_event_accepted,
	.event_read = client_event_read,
	.event_err = client_event_err,
	.event_hup = client_event_hup,
	.close = client_close,
	.destroy = client_destroy,
};

void
client_dismiss(struct client *c)
{
	struct end *link = c->end.other;

	end_untie(&c->end); /* or closing the link would reset the client */
	if (link)
		socle_close(&link->sock, "finished");
	end_leave(&c->end);
}

static void
drain(struct socle_socket *s, void *arg)
{
	struct end *e = end_of(s);

	(void)arg;
	if (e->is_client && client_of(e)->replay.state == REPLAY_ANSWERED)
		client_dismiss(client_of(e));
}

/* Every object of this program is an end. */
void
clients_drain(bool idle)
{
	if (idle)
		socle_each_descriptor(drain, NULL);
}
