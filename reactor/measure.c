/* measure.h describes the functions. */
#include "reactor/measure.h"

#include "reactor/reactor.h"

#include "seam.h"

static void
add(struct socle_histogram *h, int64_t value, double unit)
{
	uint64_t n = value > 0 ? (uint64_t)value : 0;
	unsigned i = n > 1 ? 63U - (unsigned)__builtin_clzll(n) : 0;

	if (i >= SOCLE_METRICS_BUCKETS)
		i = SOCLE_METRICS_BUCKETS - 1;
	h->count++;
	h->sum += (double)n * unit;
	h->bucket[i]++;
}

void
socle__measure_lag(struct socle__reactor *r, int64_t deadline)
{
	if (r->backend == &r->measure->table)
		add(&r->measure->lag, r->now - deadline, 1e-9);
}

void
socle__measure_begin(struct socle__reactor *r)
{
	if (r->measure && r->backend == &r->measure->table)
		r->measure->began = socle__clock_ns();
}

void
socle__measure_end(struct socle__reactor *r)
{
	struct socle__measure *m = r->measure;

	if (m && m->began)
		add(&m->tick, socle__clock_ns() - m->began, 1e-9);
	if (m)
		m->began = 0;
}

static int
wait_measured(struct socle__reactor *r, int timeout_ms)
{
	struct socle__measure *m = r->measure;
	int err;

	socle__measure_end(r);
	err = m->backend->wait(r, timeout_ms);
	m->began = socle__clock_ns();
	if (r->batch_n > 0)
		add(&m->events, (int64_t)r->batch_n, 1);
	return err;
}

static void
measure_reset(struct socle__reactor *r)
{
	sys_free(r->measure);
	r->measure = NULL;
}

static const struct socle__part measure_part = {.reset = measure_reset};

static int
start(struct socle__reactor *r)
{
	struct socle__measure *m = r->measure;
	int err = socle__backend_start(r);

	if (err < 0)
		return err;
	if (!m && !(m = sys_calloc(1, sizeof(*m))))
		return -ENOMEM;
	socle__part_register(r, SOCLE__PART_MEASURE, &measure_part);
	if (!r->measure) {
		m->table = *r->backend;
		m->table.wait = wait_measured;
		m->backend = r->backend;
		r->measure = m;
	}
	r->backend = &m->table;
	return 0;
}

int
socle_measure_ticks(bool on)
{
	struct socle__reactor *r = socle__reactor_get();

	if (!r)
		return -ENOMEM;
	if (on)
		return start(r);
	if (r->measure && r->backend)
		r->backend = r->measure->backend;
	if (r->measure)
		r->measure->began = 0;
	return 0;
}
