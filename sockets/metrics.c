/* The counters as the application sees them. */
#include "reactor/metrics.h"
#include "reactor/measure.h"
#include "sockets/object.h"

#include <string.h>

/* The bytes of an object that has ended are in the counts already. */
static void
add_object(struct socle_metrics_data *m, const struct socle_socket *s)
{
	m->queued += s->queued;
	if (socle__is_closed(s))
		return;
	m->bytes_in += s->in;
	m->bytes_out += s->out;
}

static void
add_objects(struct socle_metrics_data *m, const struct socle__reactor *r)
{
	for (size_t fd = 0; fd < r->map_size; fd++) {
		const struct socle_socket *s = socle__object_at((int)fd);

		if (s)
			add_object(m, s);
	}
}

static void
add_counts(struct socle_metrics_data *m, const struct socle__reactor *r)
{
	const struct socle__counts *c = &r->counts;

	m->ticks = r->waits - c->ticks_before;
	m->events = c->events;
	m->bytes_in = c->bytes_in;
	m->bytes_out = c->bytes_out;
	m->accepted = c->accepted;
	m->connected = c->connected;
	m->fd_shortages = c->fd_shortages;
	m->blocked_reads = c->blocked_reads;
	m->blocked_writes = c->blocked_writes;
	m->partial_writes = c->partial_writes;
	m->reasons = c->reasons;
	memcpy(m->closed_by, c->closed_by, sizeof(m->closed_by));
	for (unsigned i = 0; i < c->reasons; i++)
		m->closed += c->closed_by[i].closed;
}

void
socle_metrics(struct socle_metrics_data *ret)
{
	const struct socle__reactor *r = socle__reactor;

	memset(ret, 0, sizeof(*ret));
	if (!r)
		return;
	add_counts(ret, r);
	ret->active = r->watched - r->to_close;
	add_objects(ret, r);
	if (r->measure) {
		ret->tick = r->measure->tick;
		ret->lag = r->measure->lag;
		ret->events_per_tick = r->measure->events;
	}
}

uint64_t
socle_bytes_in(const struct socle_socket *s)
{
	return s->in;
}

uint64_t
socle_bytes_out(const struct socle_socket *s)
{
	return s->out;
}
