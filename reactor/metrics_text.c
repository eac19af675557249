/* metrics_text.h describes the functions. */
#include "reactor/metrics_text.h"

#include "reactor/loop.h"
#include "reactor/metrics.h"
#include "reactor/state.h"

#include <string.h>

/*
 * Of histograms: buckets below a microsecond and above a minute need no line, as
 * in reports of the profile.
 */
enum { FIRST = 9, LAST = 35 };

static void
each_number(struct socle__text *t, const struct socle_metrics_data *m,
	void (*put)(struct socle__text *t, const char *name, const char *help,
		unsigned long long value))
{
	put(t, "ticks_total", "Waits for the kernel", m->ticks);
	put(t, "events_total", "Events that the kernel reported", m->events);
	put(t, "objects", "Open objects of the application", m->active);
	put(t, "accepted_total", "Clients accepted", m->accepted);
	put(t, "connected_total", "Connections made", m->connected);
	put(t, "fd_shortages_total", "Times that accept had no fd or memory",
		m->fd_shortages);
	put(t, "read_bytes_total", "Bytes from the kernel", m->bytes_in);
	put(t, "written_bytes_total", "Bytes to the kernel", m->bytes_out);
	put(t, "blocked_reads_total", "Reads without data", m->blocked_reads);
	put(t, "blocked_writes_total", "Writes without room",
		m->blocked_writes);
	put(t, "partial_writes_total", "Writes that were taken in part",
		m->partial_writes);
	put(t, "queued_bytes", "Unsent bytes of all objects", m->queued);
	put(t, "timers", "Pending timers",
		socle__reactor ? socle__reactor->timers.pending : 0);
}

/* ---- Prometheus ---- */

static void
put_head(struct socle__text *t, const char *name, const char *help,
	const char *type)
{
	socle__text_print(t, "# HELP socle_%s %s.\n# TYPE socle_%s %s\n", name,
		help, name, type);
}

static void
put_number(struct socle__text *t, const char *name, const char *help,
	unsigned long long value)
{
	put_head(t, name, help, strstr(name, "_total") ? "counter" : "gauge");
	socle__text_print(t, "socle_%s %llu\n", name, value);
}

/* Bounds are inclusive, so each is one less; `ns': they are times. */
static void
put_buckets(struct socle__text *t, const char *name, const char *help,
	const struct socle_histogram *h, bool ns)
{
	uint64_t sum = 0;

	put_head(t, name, help, "histogram");
	for (int i = 0; i < SOCLE_METRICS_BUCKETS; i++) {
		uint64_t bound = ((uint64_t)2 << i) - 1;

		sum += h->bucket[i];
		if (ns ? i < FIRST || i > LAST : i > 2 * FIRST)
			continue;
		socle__text_print(t, "socle_%s_bucket{le=\"", name);
		socle__text_seconds(t, ns ? bound : bound * 1000000000);
		socle__text_print(t, "\"} %llu\n", (unsigned long long)sum);
	}
	socle__text_print(t, "socle_%s_bucket{le=\"+Inf\"} %llu\nsocle_%s_sum ",
		name, (unsigned long long)sum, name);
	socle__text_seconds(t, (uint64_t)(h->sum * 1e9));
	socle__text_print(
		t, "\nsocle_%s_count %llu\n", name, (unsigned long long)sum);
}

void
socle__metrics_prometheus(struct socle__text *t)
{
	struct socle_metrics_data m;

	socle_metrics(&m);
	each_number(t, &m, put_number);
	put_head(t, "closed_total", "Objects closed, by reason", "counter");
	for (unsigned i = 0; i < m.reasons; i++) {
		socle__text_print(t, "socle_closed_total{reason=");
		socle__text_quote(t, m.closed_by[i].reason);
		socle__text_print(t, "} %llu\n",
			(unsigned long long)m.closed_by[i].closed);
	}
	put_buckets(t, "tick_duration_seconds", "Work between two waits",
		&m.tick, true);
	put_buckets(t, "timer_lag_seconds", "Timers behind their deadlines",
		&m.lag, true);
	put_buckets(t, "events_per_tick", "Events of ticks that had some",
		&m.events_per_tick, false);
	(void)socle_profile_report(SOCLE_REPORT_PROMETHEUS, socle__text_add, t);
}

/* ---- JSON ---- */

static void
put_member(struct socle__text *t, const char *name, const char *help,
	unsigned long long value)
{
	(void)help;
	socle__text_print(t, "\"%s\":%llu,", name, value);
}

static void
put_histogram(struct socle__text *t, const char *name,
	const struct socle_histogram *h)
{
	socle__text_print(t, "\"%s\":{\"sum\":", name);
	socle__text_seconds(t, (uint64_t)(h->sum * 1e9));
	for (int i = 0; i < SOCLE_METRICS_BUCKETS; i++)
		socle__text_print(t, i ? ",%llu" : ",\"bucket\":[%llu",
			(unsigned long long)h->bucket[i]);
	socle__text_print(t, "]},");
}

void
socle__metrics_json(struct socle__text *t)
{
	struct socle_metrics_data m;

	socle_metrics(&m);
	socle__text_print(t, "{");
	each_number(t, &m, put_member);
	put_histogram(t, "tick", &m.tick);
	put_histogram(t, "lag", &m.lag);
	socle__text_print(t, "\"closed\":{");
	for (unsigned i = 0; i < m.reasons; i++) {
		socle__text_print(t, i ? "," : "");
		socle__text_quote(t, m.closed_by[i].reason);
		socle__text_print(
			t, ":%llu", (unsigned long long)m.closed_by[i].closed);
	}
	socle__text_print(t, "}}");
}
