/* The choice of a backend, and the memory that backends share. */
#include "reactor/backend.h"

#include "reactor/reactor.h"

#include "seam.h"

#include <assert.h>
#include <string.h>

static const struct socle__backend *const backends[] = {
#ifdef __linux__
	&socle__epoll_backend,
#endif
#if SOCLE__HAVE_KQUEUE
	&socle__kqueue_backend,
#endif
	&socle__poll_backend,
};

static const struct socle__backend *
backend_named(const char *name)
{
	for (size_t i = 0; i < sizeof(backends) / sizeof(backends[0]); i++)
		if (strcmp(backends[i]->name, name) == 0)
			return backends[i];
	return NULL;
}

int
socle_set_backend(const char *name)
{
	struct socle__reactor *r = socle__reactor_get();
	const struct socle__backend *b = backend_named(name);

	if (!r)
		return -ENOMEM;
	if (!b)
		return -ENOTSUP;
	if (r->backend)
		return -EBUSY;
	r->chosen = b;
	return 0;
}

static void
backend_reset(struct socle__reactor *r)
{
	if (r->backend)
		r->backend->close(r);
	r->backend = r->chosen = NULL;
	r->poller = NULL;
}

static int
backend_reopen(struct socle__reactor *r)
{
	return r->backend ? r->backend->reopen(r) : 0;
}

static const struct socle__part backend_part = {
	.reset = backend_reset,
	.reopen = backend_reopen,
};

int
socle__backend_open(struct socle__reactor *r)
{
	const struct socle__backend *b = r->chosen;
	const char *wanted = getenv("SOCLE_BACKEND");
	int err;

	socle__part_register(r, SOCLE__PART_BACKEND, &backend_part);
	if (!b)
		b = wanted && *wanted ? backend_named(wanted) : backends[0];
	if (!b)
		return -ENOTSUP;
	if ((err = b->open(r)) < 0) {
		b->close(r);
		r->poller_fd = -1;
		r->poller = NULL;
		return err;
	}
	r->backend = b;
	return 0;
}

const char *
socle_backend(void)
{
	struct socle__reactor *r = socle__reactor_get();

	return r && socle__backend_start(r) == 0 ? r->backend->name : NULL;
}

static bool
in_use(const char *name)
{
	const char *used = socle_backend();

	return used && strcmp(used, name) == 0;
}

bool
socle_have_epoll(void)
{
	return in_use("epoll");
}

bool
socle_have_kqueue(void)
{
	return in_use("kqueue");
}

int
socle__places_reserve(struct socle__places *p, int fd)
{
	size_t n = p->n ? p->n : 64;
	size_t *of;

	if ((size_t)fd < p->n)
		return 0;
	while (n <= (size_t)fd)
		n *= 2;
	of = sys_realloc(p->of, n * sizeof(*of));
	if (!of)
		return -ENOMEM;
	memset(of + p->n, 0, (n - p->n) * sizeof(*of));
	p->of = of;
	p->n = n;
	return 0;
}

void
socle__places_shrink(struct socle__places *p, size_t end)
{
	size_t *of;

	if (end >= p->n || !(of = sys_realloc(p->of, end * sizeof(*of))))
		return;
	p->of = of;
	p->n = end;
}

int
socle__batch_reserve(struct socle__reactor *r, size_t n)
{
	size_t size = r->batch_size ? r->batch_size : 64;
	size_t next = (size_t)(r->next - r->batch);
	size_t end = (size_t)(r->end - r->batch);
	struct socle__event *batch;

	if (n <= r->batch_size)
		return 0;
	/* Without this gcc warns that the two point into freed memory. */
	assert(next <= end && end <= r->batch_size);
	while (size < n)
		size *= 2;
	batch = sys_realloc(r->batch, size * sizeof(*batch));
	if (!batch)
		return -ENOMEM;
	r->batch = batch;
	r->next = batch + next;
	r->end = batch + end;
	r->batch_size = size;
	return 0;
}

void
socle__batch_shrink(struct socle__reactor *r, size_t n)
{
	struct socle__event *batch;

	assert(r->next == r->end);
	if (n >= r->batch_size ||
		!(batch = sys_realloc(r->batch, n * sizeof(*batch))))
		return;
	r->batch = r->next = r->end = batch;
	r->batch_n = 0;
	r->batch_size = n;
}
