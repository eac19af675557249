/* Timers of libevent. */
#include "timing.h"

#include <event2/event.h>
#include <event2/event_struct.h>

static struct event_base *base;
static struct event *all;
static struct event task;
static void (*task_body)(void);

static void
fire(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	timers.fired++;
}

static void
run_task(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	task_body();
}

void
setup(int n)
{
	int i;

	base = event_base_new();
	all = calloc((size_t)n, sizeof(*all));
	if (!base || !all)
		abort();
	for (i = 0; i < n; i++)
		evtimer_assign(&all[i], base, fire, NULL);
	evtimer_assign(&task, base, run_task, NULL);
}

/* In a callback it reads no clock. */
void
inside(void (*body)(void))
{
	task_body = body;
	event_active(&task, EV_TIMEOUT, 1);
	event_base_loop(base, EVLOOP_NONBLOCK | EVLOOP_ONCE);
}

void
add(int i, double seconds)
{
	struct timeval t = {.tv_sec = (time_t)seconds};

	t.tv_usec = (suseconds_t)((seconds - (double)t.tv_sec) * 1e6);
	evtimer_add(&all[i], &t);
}

void
rearm(int i, double seconds)
{
	add(i, seconds);
}

void
refresh(int i, double seconds)
{
	add(i, seconds);
}

void
cancel(int i)
{
	evtimer_del(&all[i]);
}

void
expire(void)
{
	event_base_loop(base, EVLOOP_NONBLOCK);
}

size_t
size(void)
{
	return sizeof(struct event) + sizeof(struct event *);
}
