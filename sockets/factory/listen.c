/*
 * Listeners: accepting.
 *
 * A readiness is one accept, so that one client at a time costs one, with none
 * that finds nothing; while the very next wait says that there is more, the
 * count doubles, and a rush is taken in batches.
 */
#include "sockets/factory/private.h"

#include "seam.h"

#include <string.h>

enum { BATCH_AT_MOST = 64, LOOK_AGAIN_NS = 100 * 1000 * 1000 };
enum { COMPLAIN_NS = 1000 * 1000 * 1000 };

static bool
is_full(const struct socle_factory *f)
{
	return f->p.max_connections > 0 && f->live >= f->p.max_connections;
}

void
socle__listener_interest(struct socle_factory *f)
{
	bool on = !f->paused && !f->starved && !is_full(f);

	if (f->d.fd < 0 || socle__factory_is_over(f))
		return;
	f->d.bits &= ~(uint32_t)SOCLE__DIRECT;
	if (on)
		f->d.bits |= SOCLE__DIRECT;
	socle__descriptor_want(&f->d, on ? SOCLE_READ : 0);
}

/* ---- shortage ---- */

/* Not the listener's fault: this client is lost, the next may be fine. */
static bool
is_transient(int err)
{
	switch (-err) {
	case EINTR:
	case ECONNABORTED:
	case EPROTO:
	case EPERM:
	case ENETDOWN:
	case ENOPROTOOPT:
	case EHOSTDOWN:
	case EHOSTUNREACH:
	case EOPNOTSUPP:
	case ENETUNREACH:
	case ENONET:
		return true;
	default:
		return false;
	}
}

static bool
is_shortage(int err)
{
	return err == -EMFILE || err == -ENFILE || err == -ENOBUFS ||
		err == -ENOMEM;
}

/* Once for a shortage, and once a second at most. */
static void
complain(struct socle_factory *f, int err)
{
	int64_t now = socle__now_read(socle__loop);

	if (f->short_of || (f->complained && now - f->complained < COMPLAIN_NS))
		return;
	f->short_of = true;
	f->complained = now;
	socle__factory_tell(f, "accept", err);
}

/* The client waits in the backlog until there is room for it. */
static void
starve(struct socle_factory *f, int err)
{
	f->starved = true;
	socle__listener_interest(f);
	socle__turn_ask(&f->d, SOCLE__TURN_FD_FREED);
	socle__timers_add(&socle__loop->timers, &f->again,
		socle__add_ns(socle__now_read(socle__loop), LOOK_AGAIN_NS));
	complain(f, err);
}

static void
reserve_take(struct socle_factory *f)
{
	if (f->p.emfile == SOCLE_EMFILE_SHED && f->reserve < 0)
		f->reserve = sys_open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void
feed(struct socle_factory *f)
{
	f->starved = false;
	reserve_take(f);
	socle__descriptor_touch(&f->d);
	socle_timer_cancel(&f->again);
	socle__turn_drop(&f->d, SOCLE__TURN_FD_FREED);
	socle__listener_interest(f);
}

void
socle__listener_again_fired(struct socle_timer *t)
{
	feed(socle_container_of(t, struct socle_factory, again));
}

/* ---- accepting ---- */

static int
accept_fd(struct socle_factory *f, struct socle_addr *peer)
{
	struct sockaddr *sa = peer ? &peer->u.sa : NULL;
	socklen_t *len = peer ? &peer->len : NULL;
	int fd =
		sys_accept4(f->d.fd, sa, len, SOCLE__NONBLOCK | SOCLE__CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static bool
is_nobody(int err)
{
	return err == -EAGAIN || err == -EWOULDBLOCK;
}

/*
 * The reserve is given up for a client that is told by a close.  1: for one;
 * 0: there is none; -errno.
 */
static int
shed_one(struct socle_factory *f)
{
	int fd;

	sys_close(f->reserve);
	f->reserve = -1;
	fd = accept_fd(f, NULL);
	if (fd >= 0)
		sys_close(fd);
	reserve_take(f);
	if (is_nobody(fd))
		return 0;
	return fd >= 0 || is_transient(fd) ? 1 : fd;
}

/* An AF_UNIX client that is not bound has none. */
static bool
has_name(const struct socle_addr *a)
{
	if (a->len <= offsetof(struct sockaddr, sa_data))
		return false;
	return SOCLE__HAVE_ABSTRACT || a->u.sa.sa_family != AF_UNIX ||
		a->u.un.sun_path[0];
}

/* 1: a client more; 0: none is there; -errno. */
static int
accept_one(struct socle_factory *f)
{
	struct socle_addr peer;
	bool asks = !socle__factory_makes_objects(f);
	int fd, err;

	peer.len = sizeof(peer.u);
	fd = accept_fd(f, asks ? &peer : NULL);
	if (fd < 0)
		return is_nobody(fd) ? 0 : fd;
	err = socle__factory_deliver(
		f, fd, asks && has_name(&peer) ? &peer : NULL);
	return err < 0 ? err : 1;
}

/* False: that is all for now. */
static bool
go_on_after(struct socle_factory *f, int r)
{
	int shed;

	if (r >= 0 || is_transient(r))
		return r != 0;
	if ((r == -EMFILE || r == -ENFILE) && f->reserve >= 0) {
		shed = shed_one(f);
		if (shed > 0)
			complain(f, r);
		if (shed >= 0)
			return shed > 0;
	}
	if (is_shortage(r)) {
		starve(f, r);
		return false;
	}
	socle_pause_accept(f);
	socle__factory_tell(f, "accept", r);
	return false;
}

static void
accept_some(struct socle_factory *f)
{
	uint64_t waits = socle__loop->waits;
	int most = f->p.accept_batch > 0 ? f->p.accept_batch : BATCH_AT_MOST;
	int taken = 0;

	if (waits != f->full_at + 1)
		f->batch = 1;
	else if (f->batch < most)
		f->batch = 2 * f->batch < most ? 2 * f->batch : most;
	while (taken < f->batch && f->d.wanted & SOCLE_READ &&
		go_on_after(f, accept_one(f)))
		taken++;
	if (taken == f->batch)
		f->full_at = waits;
}

static void
listener_ready(struct socle_descriptor *d, unsigned ready, int err)
{
	struct socle_factory *f = (struct socle_factory *)(void *)d;

	if (!(ready & SOCLE_READ) || err < 0)
		d->bits |= SOCLE__END_TOLD; /* shut down by somebody */
	if (err == 0)
		accept_some(f);
	else if (err != -EBADF)
		starve(f, err); /* not watched: looks again by itself */
	else
		(void)go_on_after(f, err);
}

static void
listener_read(struct socle_descriptor *d)
{
	accept_some((struct socle_factory *)(void *)d);
}

static bool
listener_turn(struct socle_descriptor *d, unsigned turn)
{
	if (turn == SOCLE__TURN_FD_FREED)
		feed((struct socle_factory *)(void *)d);
	return true;
}

static void
factory_reset(struct socle_descriptor *d)
{
	socle_factory_free((struct socle_factory *)(void *)d);
}

static void
factory_forked(struct socle_descriptor *d)
{
	/* The file is the parent's to remove. */
	((struct socle_factory *)(void *)d)->path[0] = '\0';
}

const struct socle__descriptor_ops socle__factory_ops = {
	.ready = listener_ready,
	.read = listener_read,
	.turn = listener_turn,
	.reap = socle__factory_reap,
	.reset = factory_reset,
	.forked = factory_forked,
};

static int
listen_at(struct socle_factory *f, int fd, const char **operation)
{
	int queue = f->p.listen_queue;
	int err;

	*operation = "bind";
	if ((err = socle__factory_bind(f, fd)) < 0)
		return err;
	*operation = "listen";
	if (queue <= 0 || queue > SOCLE__BACKLOG_MOST)
		queue = SOCLE__BACKLOG_MOST;
	return sys_listen(fd, queue) < 0 ? -errno : 0;
}

int
socle__listener_start(struct socle_factory *f, const char **operation)
{
	int fd, err;

	socle__factory_clear(f);
	fd = socle__factory_socket(f, f->p.socket_domain, operation);
	err = fd < 0 ? fd : listen_at(f, fd, operation);
	f->batch = 1;
	f->full_at = UINT64_MAX; /* never */
	if (err == 0) {
		*operation = "listen";
		err = socle__descriptor_add(
			socle__loop, &f->d, &socle__factory_ops, fd, 0, false);
	}
	if (err < 0) {
		f->d.fd = -1;
		socle__factory_unlink(f);
		if (fd >= 0)
			sys_close(fd);
		return err;
	}
	reserve_take(f);
	socle__listener_interest(f);
	return 0;
}

void
socle__listener_stop(struct socle_factory *f)
{
	socle_timer_cancel(&f->again);
	if (f->p.unlink_on_close && !socle__loop->forked)
		socle__factory_unlink(f);
	if (f->reserve >= 0)
		sys_close(f->reserve);
	f->reserve = -1;
}

void
socle_pause_accept(struct socle_factory *f)
{
	f->paused = true;
	socle__listener_interest(f);
}

void
socle_resume_accept(struct socle_factory *f)
{
	f->paused = false;
	if (f->d.fd >= 0)
		socle__descriptor_touch(&f->d);
	socle__listener_interest(f);
}
