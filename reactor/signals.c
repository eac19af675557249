/*
 * Signals: an edge becomes state.  The handler, which may run on any thread,
 * marks the signal pending in its owner's mailbox and wakes that loop, which
 * calls the function in its tick.
 */
#include "reactor/core.h"
#include "reactor/mailbox.h"

#include "seam.h"

#include <sched.h>

struct watched_signal {
	struct socle_loop *_Atomic owner;
	void (*fn)(int signo, void *arg);
	void *arg;
	const char *arguments;
	struct sigaction before;
};

/* The process's, not a loop's: a signal belongs to one loop at most. */
static struct watched_signal watched[SOCLE__SIGNALS];
static atomic_int in_handler;
static atomic_bool sigpipe_seen_to;

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

void
socle__signals_run(struct socle_loop *m)
{
	struct socle__loop *l = socle__loop;

	for (int signo = 1; signo < SOCLE__SIGNALS; signo++) {
		struct watched_signal *w = &watched[signo];
		struct socle__call call;
		bool counted;

		if (!atomic_exchange(&m->pending[signo], false) ||
			atomic_load(&w->owner) != m)
			continue;
		counted = socle__call_begin(&l->profile, &call, NULL,
			SOCLE__ITEM_SIGNAL, w->arguments, NULL);
		w->fn(signo, w->arg);
		socle__call_end(&l->profile, &call, counted);
		if (l->mailbox != m)
			return; /* the call was a reset */
	}
}

/*
 * After this no handler, on whatever thread, holds a pointer to the mailbox.
 */
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

void
socle__signals_clear(struct socle_loop *m)
{
	for (int signo = 1; signo < SOCLE__SIGNALS; signo++)
		if (atomic_load(&watched[signo].owner) == m)
			unwatch(signo);
}

/* Pending signals are not inherited, nor are other threads' handlers. */
void
socle__signals_forked(void)
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

static int
watch(struct socle_loop *m, const struct watched_signal *new, int signo)
{
	struct watched_signal *w = &watched[signo];
	struct sigaction action = {.sa_handler = handler};
	struct socle_loop *nobody = NULL;

	if (!atomic_compare_exchange_strong(&w->owner, &nobody, m) &&
		nobody != m)
		return -EBUSY;
	w->fn = new->fn;
	w->arg = new->arg;
	w->arguments = new->arguments;
	if (nobody == m)
		return 0; /* it was ours already: only replaced */
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
	struct socle__loop *l = socle__loop_get();
	struct watched_signal new = {
		.fn = fn, .arg = arg, .arguments = arguments};
	struct socle_loop *m;

	if (signo < 1 || signo >= SOCLE__SIGNALS)
		return -EINVAL;
	m = l ? socle__mailbox_get(l) : NULL;
	if (!m)
		return -ENOMEM;
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

/*
 * write(2) on a pipe has no MSG_NOSIGNAL.  Once per process, and only if
 * nobody has an opinion on SIGPIPE.
 */
void
socle__ignore_sigpipe(void)
{
	struct sigaction now;
	struct sigaction ignore = {.sa_handler = SIG_IGN};

	if (atomic_exchange(&sigpipe_seen_to, true))
		return;
	if (sys_sigaction(SIGPIPE, NULL, &now) == 0 &&
		now.sa_handler == SIG_DFL)
		sys_sigaction(SIGPIPE, &ignore, NULL);
}
