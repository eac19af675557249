/*
 * Counting the calls of application functions.
 *
 * Invariants: `top' heads the list of calls under way, innermost first.  The
 * time up to `last' has been accounted for.  The time since then belongs to the
 * top, or to no item if there is none or if it is of an older era.  `all' is
 * sorted by name without duplicates.  A counter stays in place until
 * socle__profile_free().
 *
 * The text that names an item may be in memory that is reused for another text.
 * So each pair (kind, text) is stored, and looked up by content.
 */
#include "profiling/calls.h"

#include "seam.h"

#include <string.h>

/* The counter of that name, created if it does not exist. */
static struct socle__profile_counter *
counter_of(
	struct socle__profile *p, enum socle__item_kind kind, const char *text)
{
	struct socle__profile_counter *c = sys_calloc(1, sizeof(*c));
	struct socle__profile_counter *found, **at = &p->all;
	int order = -1;

	if (!c)
		return NULL;
	c->split = (unsigned char)socle__item_name(kind, text, c->name);
	while ((found = *at) && (order = strcmp(found->name, c->name)) < 0)
		at = &found->next;
	if (found && order == 0) {
		sys_free(c);
		return found;
	}
	c->next = found;
	return *at = c;
}

/* FNV-1a of the start of a text, which differs enough. */
static size_t
bucket_of(const struct socle__profile *p, const char *text)
{
	uint32_t h = 2166136261u;
	int n;

	for (n = 0; n < 64 && *text; n++)
		h = (h ^ (unsigned char)*text++) * 16777619u;
	return (h ^ h >> 16) % (sizeof(p->asked) / sizeof(p->asked[0]));
}

struct socle__profile_counter *
socle__profile_counter(
	struct socle__profile *p, enum socle__item_kind kind, const char *text)
{
	struct socle__profile_counter *c;
	struct socle__profile_asked *a, **bucket;

	if (!text)
		text = "";
	bucket = &p->asked[bucket_of(p, text)];
	for (a = *bucket; a; a = a->next)
		if (a->kind == kind && strcmp(a->text, text) == 0)
			return a->counter;
	c = counter_of(p, kind, text);
	a = c ? sys_malloc(sizeof(*a) + strlen(text) + 1) : NULL;
	if (!a)
		return c;
	a->next = *bucket;
	a->counter = c;
	a->kind = kind;
	memcpy(a->text, text, strlen(text) + 1);
	*bucket = a;
	return c;
}

void
socle__profile_free(struct socle__profile *p)
{
	struct socle__profile_counter *c;
	struct socle__profile_asked *a;
	size_t i;

	for (i = 0; i < sizeof(p->asked) / sizeof(p->asked[0]); i++)
		while ((a = p->asked[i])) {
			p->asked[i] = a->next;
			sys_free(a);
		}
	while ((c = p->all)) {
		p->all = c->next;
		sys_free(c);
	}
}

void
socle__profile_clear(struct socle__profile *p)
{
	struct socle__profile_counter *c;

	for (c = p->all; c; c = c->next) {
		c->calls = 0;
		c->utime = c->stime = c->wall = c->longest = c->whole = 0;
		memset(c->histogram, 0, sizeof(c->histogram));
	}
	p->era++;
	p->unchained = true;
}

/*
 * The usage of this thread: other threads burn CPU too, whether they have a loop
 * or not.  Linux brings it up to date with the scheduler's tick only, unless the
 * thread's clock is read just before.
 */
static struct socle__stamp
stamp(const struct socle__profile *p)
{
	struct socle__stamp now = {.wall = -1};
	struct timespec t = {.tv_sec = 0};
	struct rusage u = {.ru_maxrss = 0};

	if (p->on & (SOCLE_PROFILE_WALL | SOCLE__PROFILE_SLOW)) {
		sys_clock_gettime((clockid_t)CLOCK_MONOTONIC, &t);
		now.wall = 1000000000 * (int64_t)t.tv_sec + t.tv_nsec;
	}
	if (p->on & SOCLE_PROFILE_CPU) {
		sys_clock_gettime((clockid_t)CLOCK_THREAD_CPUTIME_ID, &t);
		sys_getrusage(RUSAGE_THREAD, &u);
	}
	now.utime = 1000000 * (int64_t)u.ru_utime.tv_sec + u.ru_utime.tv_usec;
	now.stime = 1000000 * (int64_t)u.ru_stime.tv_sec + u.ru_stime.tv_usec;
	return now;
}

/* A clock that went back must not reduce an account. */
static void
add(int64_t *sum, int64_t from, int64_t to)
{
	if (to > from)
		*sum += to - from;
}

void
socle__profile_account(struct socle__profile *p, const struct socle__call *c)
{
	struct socle__stamp now = stamp(p);
	struct socle__profile_counter *to = NULL;

	if (c && c->era == p->era)
		to = c->counter;
	if (to && p->on & SOCLE_PROFILE_WALL)
		add(&to->wall, p->last.wall, now.wall);
	if (to && p->on & SOCLE_PROFILE_CPU) {
		add(&to->utime, p->last.utime, now.utime);
		add(&to->stime, p->last.stime, now.stime);
	}
	p->last = now;
}

static void
count(const struct socle__profile *p, const struct socle__call *c, int64_t ns)
{
	struct socle__profile_counter *to = c->counter;
	int i = 0;

	if (!to || c->era != p->era ||
		!(p->on & (SOCLE_PROFILE_WALL | SOCLE_PROFILE_CPU)))
		return;
	to->calls++;
	if (!(p->on & SOCLE_PROFILE_WALL))
		return;
	to->whole += ns;
	if (ns > to->longest)
		to->longest = ns;
	while (i < SOCLE_PROFILE_BUCKETS - 1 && ns >> (i + 1) > 0)
		i++;
	to->histogram[i]++;
}

/* The hook may do anything, freeing the counters included. */
static void
tell_slow(struct socle__profile *p, const struct socle__call *c, int64_t ns)
{
	char item[SOCLE__ITEM_NAME + 1] = "(unnamed)";

	if (c->counter)
		memcpy(item, c->counter->name, sizeof(item));
	p->slow(item, ns, c->who);
	socle__profile_account(p, NULL);
}

void
socle__call_enter(struct socle__profile *p, struct socle__call *c,
	struct socle__profile_counter **cache, enum socle__item_kind kind,
	const char *text, const void *who)
{
	struct socle__profile_counter *counter = cache ? *cache : NULL;

	if (!counter)
		counter = socle__profile_counter(p, kind, text);
	if (cache)
		*cache = counter;
	if (p->top || p->unchained)
		socle__profile_account(p, p->top);
	c->outer = p->top;
	c->counter = counter;
	c->who = who;
	c->began = p->last.wall;
	c->era = p->era;
	p->top = c;
}

void
socle__call_leave(struct socle__profile *p, struct socle__call *c)
{
	int64_t ns = -1;

	socle__profile_account(p, c);
	p->top = c->outer;
	if (!p->on)
		return;
	if (c->began >= 0 && p->last.wall >= 0)
		ns = p->last.wall - c->began;
	count(p, c, ns);
	if (p->on & SOCLE__PROFILE_SLOW && ns >= p->slow_ns)
		tell_slow(p, c, ns);
}
