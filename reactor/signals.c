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
static atomic_bool sigpipe_caught;
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

/* Whether the action is the library's: the application may have replaced it. */
static bool
is_installed(int signo)
{
	struct sigaction now;

	return sys_sigaction(signo, NULL, &now) == 0 &&
		now.sa_handler == handler;
}

static void
action_restore(int signo)
{
	if (is_installed(signo))
		sys_sigaction(signo, &watched[signo].before, NULL);
}

/* After this no handler, on any thread, holds a pointer to the mailbox. */
static void
unwatch(int signo)
{
	struct watched_signal *w = &watched[signo];
	struct socle_loop *m = atomic_load(&w->owner);

	action_restore(signo);
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
 * A child inherits neither pending signals nor other threads' handlers.  Nor
 * has it the parent's other loops: their signals have no owner any more.
 */
static void
at_fork_in_child(void)
{
	const struct socle__reactor *r = socle__reactor;

	atomic_store(&in_handler, 0);
	for (int signo = 1; signo < SOCLE__SIGNALS; signo++) {
		struct socle_loop *m = atomic_load(&watched[signo].owner);

		if (!m)
			continue;
		atomic_store(&m->pending[signo], false);
		if (r && r->mailbox == m)
			continue;
		action_restore(signo);
		atomic_store(&watched[signo].owner, NULL);
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
	struct sigaction action = {
		.sa_handler = handler, .sa_flags = SA_RESTART};
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
	if (owner == m && is_installed(signo))
		return 0;
	sigfillset(&action.sa_mask);
	if (sys_sigaction(signo, &action, &w->before) < 0) {
		int err = -errno;

		atomic_store(&w->owner, NULL);
		return err;
	}
	return 0;
}

/*
 * The kernel does not let the first two be caught.  The others report a fault
 * of the instruction that they interrupt, which would only be repeated when a
 * handler that merely records them returns.
 */
static bool
can_be_watched(int signo)
{
	static const int not_these[] = {
		SIGKILL, SIGSTOP, SIGSEGV, SIGBUS, SIGFPE, SIGILL};

	for (size_t i = 0; i < sizeof(not_these) / sizeof(not_these[0]); i++)
		if (signo == not_these[i])
			return false;
	return signo >= 1 && signo < SOCLE__SIGNALS;
}

int
socle_signal_named(const char *arguments, int signo,
	void (*fn)(int signo, void *arg), void *arg)
{
	struct socle__reactor *r = socle__reactor_get();
	struct watched_signal new = {
		.fn = fn, .arg = arg, .arguments = arguments};
	struct socle_loop *owner;
	int err;

	if (!can_be_watched(signo))
		return -EINVAL;
	if (!r)
		return -ENOMEM;
	if (fn) {
		if ((err = socle__mailbox_open(r)) < 0)
			return err;
		socle__part_register(r, SOCLE__PART_SIGNALS, &signals_part);
		return watch(r->mailbox, &new, signo);
	}
	owner = atomic_load(&watched[signo].owner);
	if (owner && owner != r->mailbox)
		return -EBUSY;
	if (owner)
		unwatch(signo);
	return 0;
}

#undef socle_signal
int
socle_signal(int signo, void (*fn)(int signo, void *arg), void *arg)
{
	return socle_signal_named(NULL, signo, fn, arg);
}

static void
do_nothing(int signo)
{
	(void)signo;
}

/*
 * Once per process, and only if the application left SIGPIPE alone.  exec(2)
 * resets a handler, whereas it would pass SIG_IGN on to programs that rely on
 * the signal.
 */
void
socle__catch_sigpipe(void)
{
	struct sigaction now;
	struct sigaction catch = {
		.sa_handler = do_nothing, .sa_flags = SA_RESTART};

	if (atomic_exchange(&sigpipe_caught, true))
		return;
	if (sys_sigaction(SIGPIPE, NULL, &now) == 0 &&
		now.sa_handler == SIG_DFL)
		sys_sigaction(SIGPIPE, &catch, NULL);
}
