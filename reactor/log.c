/*
 * The log of the process: one hook, one level.  The default hook is the only
 * place where the library writes to a file that it does not own.
 *
 * A hook is application code and may call anything.  The library logs in the
 * middle of its operations, so its own messages are kept, in the reactor, until
 * a point where it may call a callback.  The turn that is open meanwhile makes
 * the tick look for them.  The application's messages are delivered at once,
 * after those that were kept before.  Standard error, and a thread that has no
 * reactor, get each message at once.
 *
 * Messages that a hook logs, and those of the library inside the hook, go to
 * standard error: otherwise the hook could be called without end.
 */
#include "reactor/log.h"

#include "reactor/callback.h"
#include "reactor/loop.h"

#include "seam.h"

#include <sched.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

enum { LONGEST = SOCLE__LOG_LONGEST, LEVEL_UNSET = -1, MOST_KEPT = 256 };

typedef void log_fn(int level, const char *message, void *arg);

/*
 * Function and argument are read as one: a new hook is written to the slot
 * that is not in use, and then `hook_turn' moves on.  No lock: a child of
 * fork(2) may log while a thread that it does not have sets the hook.
 */
static struct hook {
	log_fn *_Atomic fn; /* NULL: standard error */
	void *_Atomic arg;
} hooks[2];
static atomic_uint hook_turn;
static atomic_bool hook_is_set_now;

static _Thread_local bool in_hook;
_Atomic int socle__debug_level = LEVEL_UNSET;

void
socle__log_level_read(void)
{
	const char *text;

	if (socle__debug_level != LEVEL_UNSET)
		return;
	text = getenv("SOCLE_DEBUG");
	socle__debug_level = text && *text ? (int)strtol(text, NULL, 10) : 0;
	if (text && *text && socle__debug_level <= 0)
		socle__debug_level = strcmp(text, "0") == 0 ? 0 : 1;
}

static void
log_to_stderr(const char *message)
{
	char line[LONGEST + 8];
	int n = snprintf(line, sizeof(line), ">>> %s\n", message);

	(void)!sys_write(STDERR_FILENO, line, (size_t)n);
}

static void
hook_get(log_fn **fn, void **arg)
{
	unsigned turn;

	do {
		turn = atomic_load(&hook_turn);
		*fn = atomic_load(&hooks[turn & 1].fn);
		*arg = atomic_load(&hooks[turn & 1].arg);
	} while (turn != atomic_load(&hook_turn));
}

static void
deliver(int level, const char *message)
{
	struct socle__reactor *r = socle__reactor;
	struct socle__callback c;
	log_fn *fn;
	void *arg;

	hook_get(&fn, &arg);
	if (!fn || in_hook) {
		log_to_stderr(message);
		return;
	}
	if (r)
		socle__callback_begin_plain(r, &c);
	in_hook = true;
	fn(level, message, arg);
	in_hook = false;
	if (!r)
		return;
	socle__callback_end(r, &c);
	socle__profile_unowned(&r->profile);
}

/* ---- messages that are kept ---- */

static const struct socle__descriptor_ops no_ops;

/*
 * False: too many messages wait, or there is no memory.  The reactor itself has
 * space for one of the latter, so that the hook learns that memory ran out.
 */
static bool
keep(struct socle__reactor *r, int level, const char *message)
{
	size_t size = strlen(message) + 1;
	struct socle__log_message *m =
		r->n_kept < MOST_KEPT ? sys_malloc(sizeof(*m) + size) : NULL;

	if (m) {
		m->text = (char *)(m + 1);
	} else if (!r->log_spare.text) {
		m = &r->log_spare;
		m->text = r->log_spare_text;
	} else {
		return false;
	}
	m->next = NULL;
	m->level = level;
	memcpy(m->text, message, size);
	if (r->n_kept++ == 0)
		r->kept_end = &r->kept;
	*r->kept_end = m;
	r->kept_end = &m->next;
	r->log_turn.fd = -1;
	r->log_turn.ops = &no_ops;
	socle__turn_ask(&r->log_turn, SOCLE__TURN_LOG);
	return true;
}

/* requires: some are kept */
static struct socle__log_message *
take(struct socle__reactor *r)
{
	struct socle__log_message *m = r->kept;

	r->kept = m->next;
	if (--r->n_kept == 0)
		socle__turn_drop(&r->log_turn, SOCLE__TURN_LOG);
	return m;
}

static void
done_with(struct socle__reactor *r, struct socle__log_message *m)
{
	if (m == &r->log_spare)
		m->text = NULL;
	else
		sys_free(m);
}

void
socle__log_deliver_kept(void)
{
	struct socle__reactor *r = socle__reactor;

	if (!r || in_hook)
		return;
	/* Plainly a callback: a reset in the hook must not free the reactor. */
	r->in_callback++;
	while (r->n_kept > 0) {
		struct socle__log_message *m = take(r);

		deliver(m->level, m->text);
		done_with(r, m);
	}
	r->in_callback--;
}

void
socle__log_forked(struct socle__reactor *r)
{
	atomic_store(&hook_is_set_now, false);
	while (r && r->n_kept > 0)
		done_with(r, take(r));
}

/* ---- logging ---- */

__attribute__((format(printf, 2, 0))) static void
format(char message[LONGEST], const char *fmt, va_list ap)
{
	size_t n;

	vsnprintf(message, LONGEST, fmt, ap);
	n = strlen(message);
	if (n > 0 && message[n - 1] == '\n')
		message[n - 1] = '\0';
}

void
socle__vlog(int level, const char *fmt, va_list ap)
{
	char message[LONGEST];

	format(message, fmt, ap);
	socle__log_deliver_kept();
	deliver(level, message);
}

void
socle__log_keep(int level, const char *fmt, ...)
{
	char message[LONGEST];
	log_fn *fn;
	void *arg;
	va_list ap;

	va_start(ap, fmt);
	format(message, fmt, ap);
	va_end(ap);
	hook_get(&fn, &arg);
	if (!fn || in_hook)
		log_to_stderr(message);
	else if (!socle__reactor)
		deliver(level, message);
	else if (!keep(socle__reactor, level, message))
		log_to_stderr(message);
}

void
socle_debug_msg(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	socle__vlog(0, fmt, ap);
	va_end(ap);
}

void
socle_set_log(void (*fn)(int level, const char *message, void *arg), void *arg)
{
	struct hook *h;

	socle__log_deliver_kept();
	while (atomic_exchange(&hook_is_set_now, true))
		sched_yield(); /* another thread sets it */
	h = &hooks[(atomic_load(&hook_turn) + 1) & 1];
	atomic_store(&h->fn, fn);
	atomic_store(&h->arg, arg);
	atomic_fetch_add(&hook_turn, 1);
	atomic_store(&hook_is_set_now, false);
}

void
socle_set_debug_level(int level)
{
	socle__debug_level = level < 0 ? 0 : level;
	if (socle__reactor)
		socle__reactor->straight = 0; /* counts for the next event */
}
