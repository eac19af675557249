/*
 * The life of a reactor: made on first use, reset, freed with its thread.
 *
 * The rest of the library keeps its state in parts of a reactor.  Each part has
 * its own functions for a reset and for the end, so this file depends on none.
 *
 * In a forked child the reactor is marked before the child runs a line of its
 * own.  From then on the library makes no call that could affect the parent:
 * the two share the poller and the wake-up fd.
 */
#include "reactor/reactor.h"

#include "reactor/log.h"
#include "reactor/owned_arg.h"
#include "reactor/turns.h"

#include "seam.h"

#include <pthread.h>

_Thread_local struct socle__reactor *socle__reactor;
_Atomic unsigned socle__forks;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t thread_end;
static int once_error;

/* The loops themselves return through the interrupted word. */
static void
at_fork_in_child(void)
{
	struct socle__reactor *r = socle__reactor;

	socle__forks++;
	socle__log_forked(r);
	if (!r)
		return;
	r->interrupted |= SOCLE__FORKED;
	r->forked_in = r->in_callback;
	r->inherited = r->generation;
	socle__batch_drop(r);
	for (unsigned i = 0; i < SOCLE__PARTS; i++)
		if (r->parts[i] && r->parts[i]->forked)
			r->parts[i]->forked(r);
}

static void
at_thread_end(void *reactor)
{
	socle__reactor = reactor;
	socle__reactor->depth = 0; /* its loops ended with the stack */
	socle__reactor->in_callback = 0;
	for (int rounds = 4; socle__reactor && rounds > 0; rounds--)
		socle_reset();
}

static void
once_only(void)
{
	once_error = pthread_key_create(&thread_end, at_thread_end);
	if (once_error == 0)
		once_error = pthread_atfork(NULL, NULL, at_fork_in_child);
}

static void
timers_reset(struct socle__reactor *r)
{
	socle__timers_clear(&r->timers);
	socle__timers_init(&r->timers, 0);
}

static const struct socle__part timers_part = {.reset = timers_reset};

static void
reactor_clear(struct socle__reactor *r)
{
	r->timeout_ms = -1;
	r->poller_fd = -1;
	r->fd_requested = false;
}

struct socle__reactor *
socle__reactor_make(void)
{
	struct socle__reactor *r;

	pthread_once(&once, once_only);
	socle__log_level_read();
	r = once_error ? NULL : sys_calloc(1, sizeof(*r));
	if (!r)
		return NULL;
	if (pthread_setspecific(thread_end, r) != 0) {
		sys_free(r);
		return NULL;
	}
	reactor_clear(r);
	socle__counts_clear(&r->counts, r->waits);
	socle__timers_init(&r->timers, 0);
	socle__part_register(r, SOCLE__PART_TIMERS, &timers_part);
	r->deferred_end = &r->deferred;
	r->attention.next = r->attention.prev = &r->attention;
	r->attention.turns = SOCLE__TURN_MARK;
	r->post_loops.next = r->post_loops.prev = &r->post_loops;
	socle__reactor = r;
	return r;
}

int64_t
socle__now_read(struct socle__reactor *r)
{
	r->now = socle__clock_ns();
	if (r->began_wait != r->waits) {
		r->began_wait = r->waits;
		r->tick_began = r->now;
	}
	r->now_known = true;
	r->now_stale = false;
	return r->now;
}

double
socle_now(void)
{
	struct socle__reactor *r = socle__reactor_get();

	return socle__ns_to_seconds(r ? socle__now(r) : socle__clock_ns());
}

void
socle_stop(void)
{
	struct socle__reactor *r = socle__reactor;

	if (r && r->depth > 0)
		r->interrupted |= SOCLE__STOPPED;
}

/* ---- reset ---- */

static void
reactor_free(struct socle__reactor *r)
{
	for (unsigned i = 0; i < SOCLE__PARTS; i++)
		if (r->parts[i] && r->parts[i]->free)
			r->parts[i]->free(r);
	socle__profile_free(&r->profile);
	sys_free(r->map);
	sys_free(r->batch);
	socle__reactor = NULL;
	pthread_setspecific(thread_end, NULL);
	sys_free(r);
}

static void
profile_reset(struct socle__reactor *r)
{
	socle__profile_disable(&r->profile);
	socle__profile_set_slow(&r->profile, 0, NULL);
	socle__profile_clear(&r->profile);
	r->slow = NULL;
}

/* A destroy method may have made objects or timers for the time after. */
static bool
is_in_use(const struct socle__reactor *r)
{
	return r->backend || r->timers.pending > 0 || r->deferred || r->mailbox;
}

/*
 * Inside a handler the memory of the reactor and of the objects stays until
 * the outermost tick ends.  Everything else is released at once, so that objects
 * that the handler makes after the reset survive it.  The arguments of timers and
 * deferred calls are dropped last; what `drop' makes survives as well.
 */
void
socle_reset(void)
{
	struct socle__reactor *r = socle__reactor;

	if (!r)
		return;
	socle__log_deliver(r);
	r->post_loop = NULL;
	socle__arg_end(r, &r->post_loop_arg);
	for (unsigned i = 0; i < SOCLE__PARTS; i++)
		if (r->parts[i] && r->parts[i]->reset)
			r->parts[i]->reset(r);
	socle__batch_drop(r);
	reactor_clear(r);
	profile_reset(r);
	socle__counts_clear(&r->counts, r->waits);
	r->interrupted &= ~(unsigned)SOCLE__FORKED;
	if (r->depth > 0)
		r->interrupted |= SOCLE__STOPPED | SOCLE__RESET;
	for (unsigned i = 0; i < SOCLE__PARTS; i++)
		if (r->parts[i] && r->parts[i]->drop)
			r->parts[i]->drop(r);
	if (r->depth > 0 || r->in_callback > 0)
		return;
	socle__turns_take(r, SOCLE__TURN_DESTROY, socle__turn_reap);
	socle__log_deliver(r);
	if (!is_in_use(r))
		reactor_free(r);
}
