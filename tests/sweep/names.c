/* names.h describes the functions. */
#include "tests/sweep/names.h"

#include "seam.h"

#include <sched.h>
#include <stdatomic.h>

static int (*look_up)(const char *host, const char *service,
	const struct addrinfo *hints, struct addrinfo **ret);
static int (*thread_create)(size_t stack, void *(*fn)(void *arg), void *arg);
static void *(*_Atomic helper)(void *arg);
static atomic_int threads;
static const char *second;

static void *
run_helper(void *arg)
{
	void *r = atomic_load(&helper)(arg);

	threads--;
	return r;
}

static int
start_helper(size_t stack, void *(*fn)(void *arg), void *arg)
{
	helper = fn;
	threads++;
	if (thread_create(stack, run_helper, arg) == 0)
		return 0;
	threads--;
	return -1;
}

void
names_wait(void)
{
	while (threads > 0)
		sched_yield();
}

static int
look_up_here(const char *host, const char *service,
	const struct addrinfo *hints, struct addrinfo **ret)
{
	struct addrinfo here = *hints;
	int r;

	here.ai_family = AF_INET;
	here.ai_flags = AI_NUMERICHOST | (hints->ai_flags & AI_PASSIVE);
	r = look_up(host ? "127.0.0.1" : NULL, service, &here, ret);
#ifdef __GLIBC__ /* each entry is a block of its own */
	if (r == 0 && second)
		(void)getaddrinfo(second, service, &here, &(*ret)->ai_next);
#endif
	return r;
}

void
names_replace(const char *address)
{
	look_up = socle__seam.getaddrinfo;
	second = address;
	socle__seam.getaddrinfo = look_up_here;
	thread_create = socle__seam.thread_create;
	socle__seam.thread_create = start_helper;
}

void
names_restore(void)
{
	socle__seam.getaddrinfo = look_up;
	socle__seam.thread_create = thread_create;
}
