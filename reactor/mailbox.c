/*
 * The mailbox.
 *
 * It is a separate allocation because it may outlive the reactor: a thread that
 * holds a reference may post to a loop that is gone, and gets -ESHUTDOWN.
 * Posts are a stack that grows by compare-and-swap (a mutex held at fork would
 * deadlock the child) and is taken whole; a special top means that the loop is
 * gone.  The wake-up fd, an eventfd or a pipe, stays open as long as a
 * reference exists, because any holder may write to it.
 */
#include "reactor/mailbox.h"

#include "reactor/interest.h"
#include "reactor/map.h"
#include "reactor/own_fd.h"
#include "reactor/reactor.h"

#include "seam.h"

#include <unistd.h>

enum { ASK_AGAIN_NS = 10 * 1000 * 1000 };

static struct socle__deferred gone; /* its address means: shut */

static struct socle_loop *
mailbox_of(struct socle_descriptor *d)
{
	return (struct socle_loop *)(void *)((char *)d -
		offsetof(struct socle_loop, wake));
}

/* Called in signal handlers: one write, which a signal may interrupt. */
static void
wake_write(struct socle_loop *m)
{
	uint64_t one = 1;

	while (sys_write(m->wake_fds[1], &one, sizeof(one)) < 0 &&
		errno == EINTR)
		;
}

/*
 * The poller refused the fd: until it takes it, wake-ups are found by a timer.
 * With -EBADF someone closed the fd, and each tick must say so.
 */
static SOCLE__COLD void
wake_refused(struct socle_loop *m, int err)
{
	struct socle__reactor *r = socle__reactor;

	if (err == -EBADF) {
		r->interrupted |= SOCLE__BROKEN;
		socle__descriptor_unpark(&m->wake);
	} else if (!socle_timer_pending(&m->again)) {
		socle__timers_add(&r->timers, &m->again.node,
			socle__add_ns(socle__now_read(r), ASK_AGAIN_NS));
	}
}

static void
again_fired(struct socle_timer *t)
{
	struct socle_loop *m = (struct socle_loop *)(void *)((char *)t -
		offsetof(struct socle_loop, again));

	socle__descriptor_unpark(&m->wake);
}

static void
wake_ready(struct socle_descriptor *d, unsigned ready, int err)
{
	struct socle_loop *m = mailbox_of(d);
	char buf[64];

	(void)ready;
	if (err < 0)
		wake_refused(m, err);
	/*
	 * Accept the next wake-up first, then empty the fd.  One that comes in
	 * between may be read away here, and so is sent again.
	 */
	atomic_store(&m->awake, false);
	while (sys_read(d->fd, buf, sizeof(buf)) == sizeof(buf))
		;
	if (atomic_load(&m->awake))
		wake_write(m);
	if (m->signals)
		m->signals(m);
}

static void
wake_reap(struct socle_descriptor *d)
{
	socle_loop_release(mailbox_of(d));
}

static void
wake_reset(struct socle_descriptor *d)
{
	socle__descriptor_close(d);
}

static const struct socle__descriptor_ops wake_ops = {
	.ready = wake_ready,
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

static void
posts_to_deferred(struct socle__reactor *r, struct socle__deferred *top)
{
	struct socle__deferred *oldest = NULL;

	while (top) {
		struct socle__deferred *next = top->next;

		top->next = oldest;
		oldest = top;
		top = next;
	}
	while (oldest) {
		struct socle__deferred *next = oldest->next;

		socle__deferred_add(r, oldest);
		oldest = next;
	}
}

/* Moves the posts to the deferred calls, to be dropped with them. */
static void
mailbox_reset(struct socle__reactor *r)
{
	struct socle_loop *m = r->mailbox;

	if (!m)
		return;
	posts_to_deferred(r, atomic_exchange(&m->posts, &gone));
	socle_timer_cancel(&m->again);
	r->mailbox = NULL;
	socle_loop_release(m);
}

static void
mailbox_forked(struct socle__reactor *r)
{
	if (!r->mailbox)
		return;
	atomic_store(&r->mailbox->detached, true);
	atomic_store(&r->mailbox->forks, atomic_load(&socle__forks));
}

static int mailbox_reopen(struct socle__reactor *r);

static const struct socle__part mailbox_part = {
	.reset = mailbox_reset,
	.forked = mailbox_forked,
	.reopen = mailbox_reopen,
};

static int
wake_fds_open(int fds[2])
{
	int made[2];

	if (sys_wake_fds(made) < 0)
		return -errno;
	fds[0] = socle__own_fd(made[0]);
	fds[1] = made[1] == made[0] ? fds[0] : socle__own_fd(made[1]);
	if (fds[0] >= 0 && fds[1] >= 0)
		return 0;
	if (fds[0] >= 0)
		sys_close(fds[0]);
	if (fds[1] >= 0)
		sys_close(fds[1]);
	return fds[0] < 0 ? fds[0] : fds[1];
}

static int
wake_open(struct socle__reactor *r, struct socle_loop *m)
{
	int err = wake_fds_open(m->wake_fds);

	if (err < 0)
		return err;
	err = socle__descriptor_add(
		r, &m->wake, &wake_ops, m->wake_fds[0], SOCLE__KEEP_FD, true);
	if (err < 0) {
		wake_fds_close(m);
		return err;
	}
	socle__descriptor_want(&m->wake, SOCLE_READ);
	return 0;
}

int
socle__mailbox_open(struct socle__reactor *r)
{
	struct socle_loop *m;
	int err;

	if (r->mailbox)
		return 0;
	if (!(m = sys_calloc(1, sizeof(*m))))
		return -ENOMEM;
	if ((err = wake_open(r, m)) < 0) {
		sys_free(m);
		return err;
	}
	socle__own_timer_init(&m->again, again_fired);
	socle__part_register(r, SOCLE__PART_MAILBOX, &mailbox_part);
	/* The reactor holds one reference, the wake descriptor another. */
	atomic_store(&m->references, 2);
	atomic_store(&m->forks, atomic_load(&socle__forks));
	r->mailbox = m;
	return 0;
}

struct socle_loop *
socle_loop_self(void)
{
	struct socle__reactor *r = socle__reactor_get();

	if (!r || socle__mailbox_open(r) < 0)
		return NULL;
	atomic_fetch_add(&r->mailbox->references, 1);
	return r->mailbox;
}

void
socle_loop_release(struct socle_loop *m)
{
	if (!m || atomic_fetch_sub(&m->references, 1) != 1)
		return;
	wake_fds_close(m);
	sys_free(m);
}

/* Its loop ran on another thread of the parent, which this child has not. */
static bool
is_of_the_parent(struct socle_loop *m)
{
	return atomic_load(&m->forks) != atomic_load(&socle__forks);
}

/* Called in signal handlers: nothing but atomics and one write. */
void
socle_wakeup(struct socle_loop *m)
{
	int saved = errno;

	if (!atomic_load(&m->detached) && !is_of_the_parent(m) &&
		!atomic_exchange(&m->awake, true))
		wake_write(m);
	errno = saved;
}

int
socle__mailbox_put(struct socle_loop *m, struct socle__deferred *call)
{
	struct socle__deferred *top = atomic_load(&m->posts);

	if (is_of_the_parent(m))
		return -ESHUTDOWN;
	do {
		if (top == &gone)
			return -ESHUTDOWN;
		call->next = top;
	} while (!atomic_compare_exchange_weak(&m->posts, &top, call));
	if (!top)
		socle_wakeup(m);
	return 0;
}

void
socle__mailbox_collect(struct socle__reactor *r)
{
	if (socle__mailbox_has_posts(r))
		posts_to_deferred(r, atomic_exchange(&r->mailbox->posts, NULL));
}

static int
replace_fd(int from, int to)
{
	int fd;

	do
		fd = sys_dup2(from, to);
	while (fd < 0 && errno == EINTR);
	if (fd < 0 || sys_fcntl(to, F_SETFD, FD_CLOEXEC) < 0)
		return -errno;
	return 0;
}

/* A wake-up fd of the child's own, under the number of the old one. */
static int
mailbox_reopen(struct socle__reactor *r)
{
	struct socle_loop *m = r->mailbox;
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
