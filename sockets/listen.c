/*
 * Listeners.
 *
 * A readiness is one accept, so that one client at a time costs one, with none
 * that finds nothing; while the very next wait says that there is more, the
 * count doubles, and a rush is taken in batches.
 */
#include "sockets/factory.h"
#include "sockets/private.h"

#include "seam.h"

#include <stdatomic.h>
#include <string.h>

enum { BATCH_AT_MOST = 64, LOOK_AGAIN_NS = 100 * 1000 * 1000 };

struct socle_factory {
	struct socle_descriptor d; /* first */
	const struct socle_class *cls;
	struct socle_timer again; /* while starved of fds */
	uint64_t id;
	int batch;        /* clients to take at a readiness */
	uint64_t full_at; /* the wait after which a batch was full */
	bool paused;      /* by the user */
	bool starved;     /* of fds or memory */
	bool complained;  /* of it */
	dev_t dev;        /* of the unix socket's file, if it is ours */
	ino_t ino;
	char path[]; /* of it, or "" */
};

static _Atomic uint64_t last_id;

static struct socle_factory *
factory_of(struct socle_descriptor *d)
{
	return (struct socle_factory *)(void *)d;
}

static void
factory_interest(struct socle_factory *f)
{
	if (!(f->d.state & SOCLE__CLOSED))
		socle__descriptor_want(
			&f->d, f->paused || f->starved ? 0 : SOCLE_READ);
}

/* ---- accepting ---- */

static int
accept_one(struct socle_factory *f)
{
#ifdef __linux__
	int fd = sys_accept4(f->d.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	return fd < 0 ? -errno : fd;
#else
	int fd = sys_accept(f->d.fd, NULL, NULL);

	if (fd < 0)
		return -errno;
	(void)sys_fcntl(fd, F_SETFL, O_NONBLOCK);
	(void)sys_fcntl(fd, F_SETFD, FD_CLOEXEC);
	return fd;
#endif
}

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
#ifdef ENONET
	case ENONET:
#endif
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

/* The client waits in the backlog until there is room for it. */
static void
starve(struct socle_factory *f, int err)
{
	struct socle__loop *l = socle__loop;

	if (!f->complained)
		socle__log(0, "accept: %s; pausing", strerror(-err));
	f->complained = f->starved = true;
	factory_interest(f);
	socle__turn_ask(&f->d, SOCLE__TURN_FD_FREED);
	socle__timers_add(&l->timers, &f->again,
		socle__add_ns(socle__now_read(l), LOOK_AGAIN_NS));
}

static void
feed(struct socle_factory *f)
{
	f->starved = false;
	socle__descriptor_touch(&f->d);
	socle_timer_cancel(&f->again);
	socle__turn_drop(&f->d, SOCLE__TURN_FD_FREED);
	factory_interest(f);
}

static void
again_fired(struct socle_timer *t)
{
	feed(socle_container_of(t, struct socle_factory, again));
}

/* 0, or why no object could be made: then the client is let go. */
static int
adopt(struct socle_factory *f, int fd)
{
	struct socle__held_call call;
	struct socle_socket *s;
	int err = socle__socket_new(f->cls, fd, SOCLE__KNOWN_SOCKET, &s);

	if (err < 0) {
		sys_close(fd);
		return err;
	}
	f->complained = false;
	socle_watch_read(s, true);
	socle__held_begin(s, &call, SOCLE__ITEM_ACCEPTED);
	s->cls->flat.event_accepted(s, f);
	socle__held_end(&call);
	return 0;
}

static void
listener_ready(struct socle_descriptor *d, unsigned ready, int err)
{
	struct socle_factory *f = factory_of(d);
	uint64_t waits = socle__loop->waits;
	int taken = 0;

	if (!(ready & SOCLE_READ))
		d->state |= SOCLE__END_TOLD; /* shut down by somebody */
	if (err < 0) {
		starve(f, err); /* not watched: looks again by itself */
		return;
	}
	if (waits != f->full_at + 1)
		f->batch = 1;
	else if (f->batch < BATCH_AT_MOST)
		f->batch *= 2;
	while (taken < f->batch && d->wanted & SOCLE_READ) {
		int fd = accept_one(f);

		err = fd < 0 ? fd : adopt(f, fd);
		if (is_shortage(err))
			starve(f, err);
		if (err < 0 && !is_transient(err))
			break;
		taken++;
	}
	if (taken == f->batch)
		f->full_at = waits;
	if (err < 0 && !is_transient(err) && !is_shortage(err) &&
		err != -EAGAIN && err != -EWOULDBLOCK) {
		socle__log(0, "accept: %s; paused", strerror(-err));
		socle_pause_accept(f);
	}
}

/* ---- its life ---- */

static bool
listener_turn(struct socle_descriptor *d, unsigned turn)
{
	if (turn == SOCLE__TURN_FD_FREED)
		feed(factory_of(d));
	return true;
}

static void
listener_reap(struct socle_descriptor *d)
{
	sys_free(factory_of(d));
}

static void
listener_close(struct socle_descriptor *d)
{
	struct socle_factory *f = factory_of(d);
	struct stat st;

	socle_timer_cancel(&f->again);
	if (f->path[0] && !socle__loop->forked &&
		sys_lstat(f->path, &st) == 0 && st.st_dev == f->dev &&
		st.st_ino == f->ino)
		(void)sys_unlink(f->path);
	socle__descriptor_close(d);
}

static void
listener_forked(struct socle_descriptor *d)
{
	/* The file is the parent's to remove. */
	factory_of(d)->path[0] = '\0';
}

static const struct socle__descriptor_ops listener_ops = {
	.ready = listener_ready,
	.turn = listener_turn,
	.reap = listener_reap,
	.reset = listener_close,
	.forked = listener_forked,
};

static struct socle_factory *
factory_make(const struct socle_class *cls, const char *path)
{
	struct socle_factory *f = sys_calloc(1, sizeof(*f) + strlen(path) + 1);
	struct stat st;

	if (!f)
		return NULL;
	f->cls = cls;
	f->id = ++last_id;
	f->batch = 1;
	f->full_at = UINT64_MAX; /* never */
	socle_timer_init_named(socle__own_timer, &f->again, again_fired);
	if (*path && sys_lstat(path, &st) == 0) {
		f->dev = st.st_dev;
		f->ino = st.st_ino;
		memcpy(f->path, path, strlen(path) + 1);
	}
	return f;
}

int
socle_listen(const char *where, const struct socle_class *cls,
	struct socle_factory **ret)
{
	struct socle__loop *l = socle__loop_get();
	struct socle__class *resolved;
	struct socle_factory *f;
	struct socle_addr a;
	char path[sizeof(a.u) + 1];
	int fd, err;

	err = l ? socle_addr_parse(&a, where, 0) : -ENOMEM;
	if (err == 0)
		err = socle__class_resolve(l, cls, &resolved);
	if (err < 0)
		return err;
	fd = socle__listening_socket(&a);
	if (fd < 0)
		return fd;
	f = factory_make(cls, socle__unix_path(&a, path, sizeof(path)));
	err = f ? socle__descriptor_add(l, &f->d, &listener_ops, fd, 0, false)
		: -ENOMEM;
	if (err < 0) {
		if (*path)
			(void)sys_unlink(path);
		sys_close(fd);
		sys_free(f);
		return err;
	}
	factory_interest(f);
	*ret = f;
	return 0;
}

void
socle_pause_accept(struct socle_factory *f)
{
	f->paused = true;
	factory_interest(f);
}

void
socle_resume_accept(struct socle_factory *f)
{
	f->paused = false;
	factory_interest(f);
}

int
socle_factory_getsockname(const struct socle_factory *f, struct socle_addr *ret)
{
	struct socle_addr a;

	if (f->d.state & SOCLE__CLOSED)
		return -EBADF;
	a.len = sizeof(a.u);
	if (sys_getsockname(f->d.fd, &a.u.sa, &a.len) < 0)
		return -errno;
	*ret = a;
	return 0;
}

uint64_t
socle_factory_id(const struct socle_factory *f)
{
	return f->id;
}

void
socle_factory_free(struct socle_factory *f)
{
	if (f && !(f->d.state & SOCLE__CLOSED))
		listener_close(&f->d);
}
