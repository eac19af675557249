/*
 * The mailbox: what other threads and signal handlers know of a loop.
 *
 * It is apart from the loop because it may outlive it: a thread that holds a
 * reference may post to a loop that is gone, and is told so.  Posts are a
 * stack that grows by compare-and-swap (a lock held at fork would hang the
 * child) and is taken whole; a special top means that the loop is gone.  The
 * wake-up fd, an eventfd or a pipe, stays open for as long as anybody could
 * write to it.
 */
#include "reactor/mailbox.h"
#include "reactor/core.h"

#include "seam.h"

#include <unistd.h>

static struct socle__later gone; /* its address says: shut */

static void
wake_ready(struct socle_descriptor *d, unsigned ready, int err)
{
	struct socle_loop *m = (struct socle_loop *)(void *)((char *)d -
		offsetof(struct socle_loop, wake));
	uint64_t one = 1;
	char buf[64];

	(void)ready;
	if (err < 0)
		socle__descriptor_unpark(d); /* refused: ask again */
	/*
	 * First open for the next, then empty: a wake-up in between may have
	 * been eaten, and is said again for whoever it was.
	 */
	atomic_store(&m->awake, false);
	while (sys_read(d->fd, buf, sizeof(buf)) == sizeof(buf))
		;
	if (atomic_load(&m->awake))
		(void)!sys_write(m->wake_fds[1], &one, sizeof(one));
	socle__signals_run(m);
}

static bool
wake_turn(struct socle_descriptor *d, unsigned turn)
{
	(void)d;
	(void)turn;
	return true;
}

/* It is in the mailbox, which has its own life. */
static void
wake_reap(struct socle_descriptor *d)
{
	struct socle_loop *m = (struct socle_loop *)(void *)((char *)d -
		offsetof(struct socle_loop, wake));

	socle_loop_release(m);
}

static void
wake_reset(struct socle_descriptor *d)
{
	socle__descriptor_close(d);
}

static const struct socle__descriptor_ops wake_ops = {
	.ready = wake_ready,
	.turn = wake_turn,
	.reap = wake_reap,
	.reset = wake_reset,
};

static void
wake_fds_close(struct socle_loop *m)
{
	sys_close(m->wake_fds[0]);
	if (m->wake_fds[1] != m->wake_fds[0])
		sys_close(m->wake_fds[1]);
}

struct socle_loop *
socle__mailbox_get(struct socle__loop *l)
{
	struct socle_loop *m = l->mailbox;

	if (m)
		return m;
	m = sys_calloc(1, sizeof(*m));
	if (!m)
		return NULL;
	if (sys_wake_fds(m->wake_fds) < 0) {
		sys_free(m);
		return NULL;
	}
	if (socle__descriptor_add(l, &m->wake, &wake_ops, m->wake_fds[0],
		    SOCLE__KEEP_FD, true) < 0) {
		wake_fds_close(m);
		sys_free(m);
		return NULL;
	}
	socle__descriptor_want(&m->wake, SOCLE_READ);
	/* One reference is the loop's, one the wake descriptor's. */
	atomic_store(&m->references, 2);
	l->mailbox = m;
	return m;
}

struct socle_loop *
socle_loop_self(void)
{
	struct socle__loop *l = socle__loop_get();
	struct socle_loop *m = l ? socle__mailbox_get(l) : NULL;

	if (m)
		atomic_fetch_add(&m->references, 1);
	return m;
}

void
socle_loop_release(struct socle_loop *m)
{
	if (!m || atomic_fetch_sub(&m->references, 1) != 1)
		return;
	wake_fds_close(m);
	sys_free(m);
}

/* Called in signal handlers: nothing but atomics and one write. */
void
socle_wakeup(struct socle_loop *m)
{
	uint64_t one = 1;
	int saved = errno;

	if (!atomic_load(&m->detached) && !atomic_exchange(&m->awake, true))
		while (sys_write(m->wake_fds[1], &one, sizeof(one)) < 0 &&
			errno == EINTR)
			;
	errno = saved;
}

int
socle__mailbox_put(struct socle_loop *m, struct socle__later *call)
{
	struct socle__later *top = atomic_load(&m->posts);

	do {
		if (top == &gone)
			return -ESHUTDOWN;
		call->next = top;
	} while (!atomic_compare_exchange_weak(&m->posts, &top, call));
	if (!top)
		socle_wakeup(m);
	return 0;
}

static int
post(const char *arguments, struct socle_loop *m, void (*fn)(void *arg),
	void (*drop)(void *arg), void *arg)
{
	struct socle__later *call = sys_malloc(sizeof(*call));
	int err;

	if (!call)
		return -ENOMEM;
	*call = (struct socle__later){.kind = SOCLE__ITEM_POSTED,
		.fn = fn,
		.drop = drop,
		.arg = arg,
		.arguments = arguments};
	err = socle__mailbox_put(m, call);
	if (err < 0)
		sys_free(call);
	return err;
}

#undef socle_post
int
socle_post(struct socle_loop *to, void (*fn)(void *arg), void *arg)
{
	return post(NULL, to, fn, NULL, arg);
}

int
socle_post_named(const char *arguments, struct socle_loop *to,
	void (*fn)(void *arg), void *arg)
{
	return post(arguments, to, fn, NULL, arg);
}

int
socle_post_or_drop(struct socle_loop *to, void (*fn)(void *arg),
	void (*drop)(void *arg), void *arg)
{
	return post(NULL, to, fn, drop, arg);
}

static void
posts_to_later(struct socle__loop *l, struct socle__later *top)
{
	struct socle__later *oldest = NULL;

	while (top) {
		struct socle__later *next = top->next;

		top->next = oldest;
		oldest = top;
		top = next;
	}
	while (oldest) {
		struct socle__later *next = oldest->next;

		socle__later_add(l, oldest);
		oldest = next;
	}
}

void
socle__mailbox_collect(struct socle__loop *l)
{
	if (socle__mailbox_waiting(l))
		posts_to_later(l, atomic_exchange(&l->mailbox->posts, NULL));
}

bool
socle__mailbox_has_posts(const struct socle_loop *m)
{
	return atomic_load(&m->posts) != NULL;
}

/* What was posted joins what was deferred, to be dropped with it. */
void
socle__mailbox_shut(struct socle__loop *l)
{
	struct socle_loop *m = l->mailbox;

	if (!m)
		return;
	socle__signals_clear(m);
	posts_to_later(l, atomic_exchange(&m->posts, &gone));
	l->mailbox = NULL;
	socle_loop_release(m);
}

void
socle__mailbox_detach(struct socle__loop *l)
{
	if (l->mailbox)
		atomic_store(&l->mailbox->detached, true);
}

static int
replace_fd(int from, int to)
{
	int r;

	do
		r = sys_dup2(from, to);
	while (r < 0 && errno == EINTR);
	if (r < 0 || sys_fcntl(to, F_SETFD, FD_CLOEXEC) < 0)
		return -errno;
	return 0;
}

/* A wake-up fd of the child's own, under the number of the old one. */
int
socle__mailbox_reopen(struct socle__loop *l)
{
	struct socle_loop *m = l->mailbox;
	int fds[2], err = 0;

	if (!m)
		return 0;
	if (sys_wake_fds(fds) < 0)
		return -errno;
	for (int i = 0; i < 2 && err == 0; i++)
		err = replace_fd(fds[i], m->wake_fds[i]);
	sys_close(fds[0]);
	if (fds[1] != fds[0])
		sys_close(fds[1]);
	if (err < 0)
		return err;
	atomic_store(&m->detached, false);
	atomic_store(&m->awake, false);
	socle_wakeup(m); /* a signal may have come since the fork */
	return 0;
}
