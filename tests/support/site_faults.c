/* site_faults.h describes the functions. */
#include "tests/support/site_faults.h"
#include "tests/support/faults_private.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

enum { MOST = 512, FAULTS = 2 };

/* In memory that children of fork() share. */
static struct shared {
	_Atomic unsigned long calls[MOST];
	_Atomic unsigned long all, struck;
	_Atomic int64_t began, ended; /* in virtual time */
} * shared;

static struct fault {
	int number; /* of its place */
	unsigned long nth;
	long times;
	int err;
} faults[FAULTS];

static atomic_bool watching;
static atomic_int armed; /* how many are */
static unsigned long limit;
static enum call call_of[MOST];
static _Thread_local bool is_short;
static _Thread_local enum call just_struck = CALLS;

#ifdef __APPLE__
extern struct socle__site *start[] __asm("section$start$__DATA$socle_sites");
extern struct socle__site *stop[] __asm("section$end$__DATA$socle_sites");
#else
/* Weak: a program may have no place at all. */
extern struct socle__site *start[] __asm__("__start_socle_sites")
	__attribute__((weak));
extern struct socle__site *stop[] __asm__("__stop_socle_sites")
	__attribute__((weak));
#endif

struct socle__site **
sites_list(size_t *n)
{
	*n = ((uintptr_t)stop - (uintptr_t)start) / sizeof(*start);
	return start;
}

enum call
site_call(const struct socle__site *s)
{
	return call_of[s->number];
}

static void
prepare(void)
{
	size_t n;
	struct socle__site **list = sites_list(&n);

	if (n > MOST)
		abort();
	for (size_t i = 0; i < n; i++) {
		list[i]->number = (int)i;
		for (enum call c = 0; c < CALLS; c++)
			if (strcmp(call_names[c], list[i]->call) == 0)
				call_of[i] = c;
	}
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		abort();
}

void
sites_watch(void)
{
	if (!shared)
		prepare();
	memset(shared, 0, sizeof(*shared));
	shared->began = virtual_ns;
	watching = true;
	armed = 0;
	limit = (unsigned long)-1;
}

void
sites_heal(void)
{
	if (watching)
		shared->ended = virtual_ns;
	watching = false;
	armed = 0;
}

void
sites_limit(unsigned long most)
{
	limit = most;
}

double
sites_seconds(void)
{
	return (double)(shared->ended - shared->began) / 1e9;
}

unsigned long
sites_calls(void)
{
	return shared->all;
}

unsigned long
site_calls(const struct socle__site *s)
{
	return shared->calls[s->number];
}

void
site_fail(const struct socle__site *s, unsigned long nth, int err, long times)
{
	if (armed == FAULTS)
		abort();
	faults[armed++] = (struct fault){.number = s->number,
		.nth = shared->calls[s->number] + nth,
		.times = times,
		.err = err};
}

unsigned long
sites_struck(void)
{
	return shared->struck;
}

static void
count_all(void)
{
	if (++shared->all <= limit)
		return;
	fprintf(stderr, "the library spins: %lu calls\n", limit);
	abort();
}

static const struct fault *
due(int number, unsigned long nth)
{
	for (int i = 0; i < armed; i++) {
		const struct fault *f = &faults[i];

		if (f->number == number && nth >= f->nth &&
			(f->times < 0 ||
				nth - f->nth < (unsigned long)f->times))
			return f;
	}
	return NULL;
}

bool
site_fails(enum call which)
{
	struct socle__site *s = socle__site;
	const struct fault *f;

	if (!s || !watching || call_of[s->number] != which)
		return false;
	socle__site = NULL;
	is_short = false;
	just_struck = CALLS;
	f = due(s->number, ++shared->calls[s->number]);
	count_all();
	if (!f)
		return false;
	shared->struck++;
	is_short = f->err == SHORT;
	if (is_short)
		return false;
	just_struck = which;
	errno = f->err;
	return true;
}

bool
site_is_short(void)
{
	bool was = is_short;

	is_short = false;
	return was;
}

bool
site_struck(enum call which)
{
	bool was = just_struck == which;

	just_struck = CALLS;
	return was;
}

/* ---- calls that fail and have an effect nevertheless ---- */

static int (*close_below)(int fd);
static int (*connect_below)(int fd, const struct sockaddr *a, socklen_t n);

static int
close_and_complain(int fd)
{
	int err, r = close_below(fd);

	if (r < 0 && site_struck(CALL_close)) {
		err = errno;
		(void)close(fd);
		errno = err;
	}
	return r;
}

static int
connect_later(int fd, const struct sockaddr *a, socklen_t n)
{
	int err, r = connect_below(fd, a, n);

	if (r == 0 || !site_struck(CALL_connect))
		return r;
	err = errno;
	if (err != EINTR && err != EINPROGRESS)
		return r;
	(void)connect(fd, a, n);
	errno = err;
	return r;
}

static __attribute__((constructor)) void
effects_put(void)
{
	close_below = socle__seam.close;
	connect_below = socle__seam.connect;
	socle__seam.close = close_and_complain;
	socle__seam.connect = connect_later;
}
