/*
 * Signals: an edge becomes state.  The handler, which may run on any thread,
 * marks the signal pending in its owner's mailbox and wakes that loop, which
 * calls the function in its tick.
 */
#include "reactor/signals.h"

#include "reactor/callback.h"
#include "reactor/mailbox.h"
#include "reactor/reactor.h"

#include "seam.h"

#include <pthread.h>
#include <sched.h>

struct watched_signal {
	struct socle_loop *_Atomic owner;
	void (*fn)(int signo, void *arg);
	void *arg;
	const char *arguments;
	struct sigaction before;
};

/* One table for the process: a signal belongs to at most one loop. */
static struct watched_signal watched[SOCLE__SIGNALS];
static atomic_int in_handler;
static atomic_bool sigpipe_handled;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static int once_error;

static void
handler(int signo)
{
	struct socle_loop *m;

	atomic_fetch_add(&in_handler, 1);
	m = atomic_load(&watched[signo].owner);
	if (m) {
		atomic_store(&m->pending[signo], true);
		socle_wakeup(m);
	}
	atomic_fetch_sub(&in_handler, 1);
}

static void
run_pending(struct socle_loop *m)
{
	struct socle__reactor *r = socle__reactor;

	for (int signo = 1; signo < SOCLE__SIGNALS; signo++) {
		struct watched_signal *w = &watched[signo];
		struct socle__callback c;

		if (!atomic_exchange(&m->pending[signo], false) ||
			atomic_load(&w->owner) != m)
			continue;
		socle__callback_begin(
			r, &c, NULL, SOCLE__ITEM_SIGNAL, w->arguments, NULL);
		w->fn(signo, w->arg);
		socle__callback_end(r, &c);
		if (r->mailbox != m || socle__is_forked(r))
			return; /* reset or forked by the call */
	}
}

/* After this no handler, on any thread, holds a pointer to the mailbox. */
static void
unwatch(int signo)
{
	struct watched_signal *w = &watched[signo];
	struct socle_loop *m = atomic_load(&w->owner);

	sys_sigaction(signo, &w->before, NULL);
	atomic_store(&w->owner, NULL);
	while (atomic_load(&in_handler) > 0)
		sched_yield();
	atomic_store(&m->pending[signo], false);
}

static void
signals_reset(struct socle__reactor *r)
{
	for (int signo = 1; signo < SOCLE__SIGNALS; signo++)
		if (r->mailbox &&
			atomic_load(&watched[signo].owner) == r->mailbox)
			unwatch(signo);
}

static const struct socle__part signals_part = {.reset = signals_reset};

/*
 * A child inherits neither pending signals nor other threads' handlers.  The
 * mailboxes of the parent's other loops are detached as well: a handler here
 * must not write to their fds.
 */
static void
at_fork_in_child(void)
{
	atomic_store(&in_handler, 0);
	for (int signo = 1; signo < SOCLE__SIGNALS; signo++) {
		struct socle_loop *m = atomic_load(&watched[signo].owner);

		if (!m)
			continue;
		atomic_store(&m->detached, true);
		atomic_store(&m->pending[signo], false);
	}
}

static void
once_only(void)
{
	once_error = pthread_atfork(NULL, NULL, at_fork_in_child);
}

static int
watch(struct socle_loop *m, const struct watched_signal *new, int signo)
{
	struct watched_signal *w = &watched[signo];
	struct sigaction action = {.sa_handler = handler};
	struct socle_loop *owner = NULL;

	pthread_once(&once, once_only);
	if (once_error != 0)
		return -once_error;
	if (!atomic_compare_exchange_strong(&w->owner, &owner, m) && owner != m)
		return -EBUSY;
	m->signals = run_pending;
	w->fn = new->fn;
	w->arg = new->arg;
	w->arguments = new->arguments;
	if (owner == m)
		return 0; /* the handler is installed already */
	sigfillset(&action.sa_mask);
	if (sys_sigaction(signo, &action, &w->before) < 0) {
		int err = -errno;

		atomic_store(&w->owner, NULL);
		return err;
	}
	return 0;
}

int
socle_signal_named(const char *arguments, int signo,
	void (*fn)(int signo, void *arg), void *arg)
{
	struct socle__reactor *r = socle__reactor_get();
	struct watched_signal new = {
		.fn = fn, .arg = arg, .arguments = arguments};
	struct socle_loop *m;

	if (signo < 1 || signo >= SOCLE__SIGNALS)
		return -EINVAL;
	m = r ? socle__mailbox_get(r) : NULL;
	if (!m)
		return -ENOMEM;
	socle__part_register(r, SOCLE__PART_SIGNALS, &signals_part);
	if (fn)
		return watch(m, &new, signo);
	if (atomic_load(&watched[signo].owner) == m)
		unwatch(signo);
	return 0;
}

#undef socle_signal
int
socle_signal(int signo, void (*fn)(int signo, void *arg), void *arg)
{
	return socle_signal_named(NULL, signo, fn, arg);
}

/* Once per process, and only if the application left SIGPIPE alone. */
void
socle__ignore_sigpipe(void)
{
	struct sigaction now;
	struct sigaction ignore = {.sa_handler = SIG_IGN};

	if (atomic_exchange(&sigpipe_handled, true))
		return;
	if (sys_sigaction(SIGPIPE, NULL, &now) == 0 &&
		now.sa_handler == SIG_DFL)
		sys_sigaction(SIGPIPE, &ignore, NULL);
}
