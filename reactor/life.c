/*
 * The life of a loop: its making on first use, the choice of its backend,
 * reset, the end of its thread, and fork.
 *
 * In a forked child the loop is marked before the child runs a line of its
 * own.  From then on nothing is called that the parent could feel: the poller
 * is shared with it, and so is the wake-up fd.
 */
#include "reactor/core.h"

#include "seam.h"

#include <pthread.h>
#include <string.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t thread_end;
static int once_error;
static _Atomic int loops; /* of the process, for the choice of a CPU clock */

static const struct socle__backend *const backends[] = {
#ifdef __linux__
	&socle__epoll_backend,
#endif
#if SOCLE__HAVE_KQUEUE
	&socle__kqueue_backend,
#endif
	&socle__poll_backend,
};

static void
at_fork_in_child(void)
{
	socle__signals_forked();
	loops = socle__loop ? 1 : 0;
	if (!socle__loop)
		return;
	socle__loop->forked = true;
	socle__batch_drop(socle__loop);
	socle__mailbox_detach(socle__loop);
}

static void
at_thread_end(void *loop)
{
	socle__loop = loop;
	socle__loop->depth = socle__loop->in_call = 0; /* they are gone */
	for (int rounds = 4; socle__loop && rounds > 0; rounds--)
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
loop_clear(struct socle__loop *l)
{
	l->later_end = &l->later;
	l->timeout_ms = -1;
	l->poller_fd = -1;
	socle__timers_init(&l->timers, 0);
}

struct socle__loop *
socle__loop_make(void)
{
	struct socle__loop *l;

	pthread_once(&once, once_only);
	(void)socle__log_wanted(0); /* reads the environment */
	l = once_error ? NULL : sys_calloc(1, sizeof(*l));
	if (!l)
		return NULL;
	if (pthread_setspecific(thread_end, l) != 0) {
		sys_free(l);
		return NULL;
	}
	loop_clear(l);
	l->attention.next = l->attention.prev = &l->attention;
	l->attention.turns = SOCLE__TURN_MARK;
	loops++;
	socle__loop = l;
	return l;
}

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
	struct socle__loop *l = socle__loop_get();
	const struct socle__backend *b = backend_named(name);

	if (!l)
		return -ENOMEM;
	if (!b)
		return -ENOTSUP;
	if (l->backend)
		return -EBUSY;
	l->chosen = b;
	return 0;
}

int
socle__loop_start(struct socle__loop *l)
{
	const struct socle__backend *b = l->chosen;
	const char *wanted;
	int err;

	if (socle__likely(l->backend != NULL))
		return 0;
	wanted = getenv("SOCLE_BACKEND");
	if (!b)
		b = wanted && *wanted ? backend_named(wanted) : backends[0];
	if (!b)
		return -ENOTSUP;
	if ((err = b->open(l)) < 0) {
		b->close(l);
		l->poller_fd = -1;
		l->poller = NULL;
		return err;
	}
	l->backend = b;
	return 0;
}

const char *
socle_backend(void)
{
	struct socle__loop *l = socle__loop_get();

	return l && socle__loop_start(l) == 0 ? l->backend->name : NULL;
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

/* Whether there were any: what they drop may make new ones behind us. */
static bool
drop_descriptors(struct socle__loop *l)
{
	bool any = false;

	for (size_t fd = 0; fd < l->map_size; fd++) {
		struct socle_descriptor *d = l->map[fd];

		if (!d)
			continue;
		any = true;
		if (!(d->bits & SOCLE__CLOSED))
			d->ops->reset(d);
		if (l->map[fd] == d) {
			socle__turn_drop(d, SOCLE__TURN_CLOSE);
			socle__descriptor_close_now(l, d);
		}
	}
	return any;
}

static void
loop_free(struct socle__loop *l)
{
	if (l->free_classes)
		l->free_classes(l->classes);
	socle__profile_free(&l->profile);
	if (l->free_spares)
		l->free_spares(l);
	sys_free(l->map);
	sys_free(l->batch);
	loops--;
	socle__loop = NULL;
	pthread_setspecific(thread_end, NULL);
	sys_free(l);
}

/* A destroy may have moved into the new life already. */
static bool
is_lived_in(const struct socle__loop *l)
{
	return l->backend || l->timers.pending > 0 || l->later || l->mailbox;
}

/*
 * In a handler the loop's memory stays, and so do the objects', until the
 * outermost tick is over; all else goes at once, so that what the handler
 * makes after this belongs to the new life.
 */
void
socle_reset(void)
{
	struct socle__loop *l = socle__loop;
	int rounds = 4;

	if (!l)
		return;
	l->post_loop = NULL;
	while (drop_descriptors(l) && --rounds > 0)
		;
	while (l->factories)
		l->free_factory(l->factories);
	socle__timers_clear(&l->timers);
	socle__timer_ids_clear(l);
	socle__mailbox_shut(l);
	socle__later_clear(l);
	if (l->backend)
		l->backend->close(l);
	l->backend = l->chosen = NULL;
	l->poller = NULL;
	socle__batch_drop(l);
	l->forked = l->fd_asked_for = false;
	l->slow = NULL;
	loop_clear(l);
	socle__profile_disable(&l->profile);
	socle__profile_set_slow(&l->profile, 0, NULL);
	socle__profile_clear(&l->profile);
	socle_stop();
	if (l->depth > 0 || l->in_call > 0)
		return;
	socle__turns_walk(l, SOCLE__TURN_DESTROY);
	if (!is_lived_in(l))
		loop_free(l);
}

int
socle_after_fork(void)
{
	struct socle__loop *l = socle__loop;
	int err;

	if (!l || !l->forked)
		return 0;
	if ((err = socle__mailbox_reopen(l)) < 0)
		return err;
	if (l->backend && (err = l->backend->reopen(l)) < 0)
		return err;
	l->forked = false;
	socle__batch_drop(l);
	if (l->backend)
		socle__interest_rearm_all(l);
	for (size_t fd = 0; fd < l->map_size; fd++) {
		struct socle_descriptor *d = l->map[fd];

		if (d && !(d->bits & SOCLE__CLOSED) && d->ops->forked)
			d->ops->forked(d);
	}
	return 0;
}

bool
socle__loop_is_alone(void)
{
	return loops <= 1;
}
