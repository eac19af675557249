/*
 * A client over TCP.
 *
 * Queries may follow each other without waiting for the answers.  All answers to
 * what one read has brought go out together, because autoflush is off.  A client
 * that does not read its answers is not read from either: above HIGH_WATER the
 * server leaves queries where they are.
 */
#include "tcp.h"

#include "common/server.h"
#include "frames.h"

#include <errno.h>

enum { CLIENTS_MOST = 1000, LOW_WATER = 16 << 10, HIGH_WATER = 64 << 10 };
enum { IDLE_SECONDS = 10, QUERY_SECONDS = 10, STALL_SECONDS = 10 };

struct tcp_client {
	struct socle_socket sock; /* the base, first */
	bool counted, waits;      /* waits: above HIGH_WATER */
	double begun;             /* when the first byte of a query came */
	struct frames in;
};

static const struct zone *zone;
static int n_clients;

void
tcp_set_zone(const struct zone *z)
{
	zone = z;
}

static struct tcp_client *
client_of(struct socle_socket *s)
{
	return socle_container_of(s, struct tcp_client, sock);
}

/* ---- queries ---- */

static void
query_answer(struct tcp_client *c, const uint8_t *query, size_t size)
{
	static uint8_t frame[FRAME_HEADER + MESSAGE_MOST];
	size_t n = answer_tcp(zone, query, size, frame + FRAME_HEADER);

	if (n == 0)
		return;
	frame[0] = (uint8_t)(n >> 8);
	frame[1] = (uint8_t)n;
	if (socle_write(&c->sock, frame, FRAME_HEADER + n) < 0)
		socle_close(&c->sock, "write failed"); /* such as no memory */
}

/*
 * The idle timeout does not end a client that sends a byte from time to time, so
 * a query has a time of its own.
 */
static void
queries_answer(struct tcp_client *c)
{
	const uint8_t *query;
	size_t size;

	while (!c->waits && !server_is_draining() && !socle_closed(&c->sock) &&
		(query = frames_next(&c->in, &size))) {
		query_answer(c, query, size);
		c->begun = 0;
	}
	if (c->waits)
		return;
	if (frames_begun(&c->in) && c->begun == 0)
		c->begun = socle_now();
	if (frames_too_long(&c->in))
		socle_close_after_flush(&c->sock, "query too long");
	else if (c->begun > 0 && socle_now() - c->begun > QUERY_SECONDS)
		socle_close_after_flush(&c->sock, "query too slow");
}

static void
tcp_event_read(struct socle_socket *self)
{
	struct tcp_client *c = client_of(self);
	size_t size;
	uint8_t *space = frames_space(&c->in, &size);
	ssize_t n = socle_read(self, space, size);

	if (n > 0) {
		frames_received(&c->in, (size_t)n);
		queries_answer(c);
		(void)socle_write_kick(self);
	} else if (n == 0) {
		socle_close_after_flush(self, "end of stream");
	} else if (n != -EAGAIN) {
		socle_close(self, "read failed");
	}
}

/* A water mark was crossed, possibly in the write of an answer. */
static void
tcp_waits(struct socle_socket *self, bool above, void *arg)
{
	struct tcp_client *c = client_of(self);

	(void)arg;
	c->waits = above;
	socle_watch_read(self, !above);
	if (!above)
		queries_answer(c); /* which no event would announce */
}

/* ---- the life of a client ---- */

static void
tcp_event_accepted(struct socle_socket *self, struct socle_factory *by)
{
	struct tcp_client *c = client_of(self);

	(void)by;
	c->counted = true;
	if (++n_clients > CLIENTS_MOST) {
		socle_close(self, "too many clients");
		return;
	}
	socle_set_autoflush(self, false);
	if (socle_set_idle_timeout(self, IDLE_SECONDS) < 0 ||
		socle_set_write_timeout(self, STALL_SECONDS) < 0 ||
		socle_set_water_marks(
			self, LOW_WATER, HIGH_WATER, tcp_waits, NULL) < 0)
		socle_close(self, "no memory");
}

static void
tcp_destroy(struct socle_socket *self)
{
	if (client_of(self)->counted)
		n_clients--;
}

const struct socle_class tcp_class = {
	.name = "DnsTcp",
	.super = &socle_socket_class,
	.size = sizeof(struct tcp_client),
	.event_read = tcp_event_read,
	.destroy = tcp_destroy,
	.event_accepted = tcp_event_accepted,
};

/* ---- the end ---- */

/* Without unread input there is nothing to linger for. */
static void
client_drain(struct socle_socket *s, void *arg)
{
	(void)arg;
	if (socle_class_of(s) != &tcp_class)
		return;
	if (socle_write_buf_size(s) == 0)
		socle_close(s, "the server stops");
	else
		socle_close_after_flush(s, "the server stops");
}

void
tcp_drain(bool idle)
{
	if (idle)
		socle_each_descriptor(client_drain, NULL);
}
