/*
 * Restarting.
 *
 * The new process holds one end of a stream, whose other end is a descriptor of
 * this loop.  An int arrives on it: 0 when the new program is ready, or the errno
 * that kept the child from becoming it.  An end of stream without either means
 * that the process is gone.
 */
#include "daemon/restart.h"

#include "daemon/service.h"
#include "reactor/callback.h"
#include "reactor/interest.h"
#include "reactor/map.h"
#include "reactor/own_fd.h"
#include "reactor/reactor.h"
#include "reactor/spawn.h"
#include "sockets/dgram/state.h"
#include "sockets/factory/passed.h"
#include "sockets/factory/state.h"

#include "seam.h"

#include <stdio.h>

struct socle__restart {
	struct socle_descriptor d; /* first: the stream */
	struct socle_timer timer;
	pid_t pid;       /* 0: none */
	unsigned forks;  /* socle__forks when it was started */
	uint64_t passed; /* the id of the newest factory then */
	void (*ended)(int err, void *arg);
	void *arg;
};

/* Ends the process if it is still a child of this one, and waits for it. */
static void
child_end(const struct socle__restart *s)
{
	if (s->pid == 0 || s->forks != socle__forks ||
		sys_waitpid(s->pid, NULL, WNOHANG) != 0)
		return;
	if (sys_kill(s->pid, SIGKILL) == 0) /* not a program of another user */
		while (sys_waitpid(s->pid, NULL, 0) < 0 && errno == EINTR)
			;
}

/* The listeners are the new program's: their mode, and files of unix sockets. */
static void
hand_over(struct socle__reactor *r, const struct socle__restart *s)
{
	char text[64];

	for (struct socle_factory *f = r->factories; f; f = f->next)
		if (f->kind == SOCLE__LISTENER && f->id <= s->passed) {
			f->path[0] = '\0';
			f->was_blocking = false;
		}
	r->replaced = true;
	snprintf(text, sizeof(text), "MAINPID=%ld", (long)s->pid);
	(void)socle_service_notify(text);
}

/* Its memory is freed once no handler is on the stack. */
static void
leave(struct socle__restart *s)
{
	int fd = socle__descriptor_detach(&s->d);

	sys_close(fd);
	socle__reactor->restart = NULL;
	socle_timer_cancel(&s->timer);
}

static void
finish(struct socle__restart *s, int err)
{
	struct socle__reactor *r = socle__reactor;
	void (*ended)(int err, void *arg) = s->ended;
	void *arg = s->arg;
	struct socle__callback c;

	if (err == 0)
		hand_over(r, s);
	else
		child_end(s);
	leave(s);
	socle__callback_begin_plain(r, &c);
	ended(err, arg);
	socle__callback_end(r, &c);
}

/* What the new process has said; `none' if it has said nothing. */
static int
listen_to(const struct socle__restart *s, int none)
{
	int said = 0;
	ssize_t n = sys_read(s->d.fd, &said, sizeof(said));

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return none;
	return n == sizeof(said) && said >= 0 && said < 4096 ? -said : -EPIPE;
}

static void
stream_ready(struct socle_descriptor *d, unsigned ready, int err)
{
	struct socle__restart *s = (struct socle__restart *)(void *)d;

	(void)ready;
	if (err == 0)
		err = listen_to(s, -EAGAIN);
	if (err != -EAGAIN)
		finish(s, err);
}

static void
timed_out(struct socle_timer *t)
{
	struct socle__restart *s =
		socle_container_of(t, struct socle__restart, timer);

	finish(s, listen_to(s, -ETIMEDOUT));
}

static void
stream_reset(struct socle_descriptor *d)
{
	struct socle__restart *s = (struct socle__restart *)(void *)d;

	child_end(s);
	leave(s);
}

static void
stream_reap(struct socle_descriptor *d)
{
	sys_free(d);
}

/* ended() is called in the parent alone. */
static void
stream_forked(struct socle_descriptor *d)
{
	leave((struct socle__restart *)(void *)d);
}

static const struct socle__descriptor_ops stream_ops = {
	.ready = stream_ready,
	.reset = stream_reset,
	.reap = stream_reap,
	.forked = stream_forked,
};

/* ---- what the new program gets ---- */

/* What a descriptor's socket is called there; NULL: it is not passed. */
static const char *
name_of(struct socle_descriptor *d)
{
	struct socle_factory *f = (struct socle_factory *)(void *)d;
	struct socle_addr a = {.len = sizeof(a.u)};
	const char *name;

	if (d->bits & SOCLE__CLOSED)
		return NULL;
	if (d->ops == &socle__factory_ops) {
		if (f->kind != SOCLE__LISTENER)
			return NULL;
		name = socle__passed_name_of(f->id);
		if (name)
			return name;
		return f->path[0] ? SOCLE__OWN_FILE : SOCLE__OWN;
	}
	if (!(d->bits & SOCLE__APPLICATION) ||
		socle__class_of(socle__socket_of(d))->transport !=
			&socle__dgram_transport ||
		sys_getpeername(d->fd, &a.u.sa, &a.len) == 0)
		return NULL;
	a.len = sizeof(a.u);
	if (sys_getsockname(d->fd, &a.u.sa, &a.len) < 0 ||
		socle_addr_port(&a) == 0 ||
		a.len <= offsetof(struct sockaddr, sa_data))
		return NULL;
	return SOCLE__OWN;
}

/* How many sockets it gets; their fds and names in `w', unless that is NULL. */
static int
collect(const struct socle__reactor *r, struct socle__spawn *w)
{
	char *names = w ? w->names : NULL;
	const char *name;
	int n = 0;

	for (size_t fd = 0; fd < r->map_size; fd++) {
		if (!r->map[fd] || !(name = name_of(r->map[fd])))
			continue;
		if (w) {
			w->fds[n] = (int)fd;
			names += snprintf(names, SOCLE__PASSED_NAME_MOST + 2,
				"%s%.*s", n > 0 ? ":" : "",
				SOCLE__PASSED_NAME_MOST, name);
		}
		n++;
	}
	return n;
}

/* A stream: *ret is the new process's end.  0 or -errno. */
static int
stream_open(struct socle__reactor *r, struct socle__restart *s, int *ret)
{
	int made[2], own, other, err;

	if (sys_socketpair(AF_UNIX,
		    SOCK_STREAM | SOCLE__CLOEXEC | SOCLE__NONBLOCK, 0,
		    made) < 0)
		return -errno;
	own = socle__own_fd(made[0]);
	other = socle__own_fd(made[1]);
	err = own < 0 ? own : other;
	if (err >= 0)
		err = socle__descriptor_add(
			r, &s->d, &stream_ops, own, 0, true);
	if (err == 0) {
		socle__descriptor_want(&s->d, SOCLE_READ);
		*ret = other;
		return 0;
	}
	if (own >= 0)
		sys_close(own);
	if (other >= 0)
		sys_close(other);
	return err;
}

/* The pid; or -errno, and `s' is freed, or will be by the loop. */
static int
start(struct socle__reactor *r, struct socle__restart *s, char *const argv[])
{
	struct socle__spawn *w = socle__spawn_new(collect(r, NULL));
	int result = w ? 0 : -ENOMEM;

	if (result == 0) {
		collect(r, w);
		result = stream_open(r, s, &w->fds[w->n]);
	}
	if (result < 0) {
		sys_free(s);
	} else {
		int stream = w->fds[w->n];

		result = socle__spawn(w, argv);
		sys_close(stream);
		if (result < 0)
			leave(s);
	}
	sys_free(w);
	return result;
}

int
socle_restart(char *const argv[], double timeout,
	void (*ended)(int err, void *arg), void *arg)
{
	struct socle__reactor *r = socle__reactor_get();
	struct socle__restart *s;
	int pid;

	if (!argv[0] || !(timeout >= 0))
		return -EINVAL;
	if (r && socle__is_forked(r))
		return -ECHILD;
	if (r && r->restart)
		return -EBUSY;
	if (r && r->draining)
		return -ESHUTDOWN;
	if (!r || !(s = sys_calloc(1, sizeof(*s))))
		return -ENOMEM;
	s->ended = ended;
	s->arg = arg;
	s->forks = socle__forks;
	for (struct socle_factory *f = r->factories; f; f = f->next)
		if (f->id > s->passed)
			s->passed = f->id;
	if ((pid = start(r, s, argv)) < 0)
		return pid;
	s->pid = pid;
	r->restart = s;
	socle__own_timer_init(&s->timer, timed_out);
	if (timeout > 0)
		socle__timers_add(&r->timers, &s->timer.node,
			socle__add_ns(socle__now_read(r),
				socle__seconds_to_ns(timeout)));
	return pid;
}
