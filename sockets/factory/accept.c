/*
 * Listeners.
 *
 * When the listener becomes readable, one client is accepted, so that clients
 * that arrive one at a time cost no accept(2) that finds none.  While each
 * following wait reports the listener again, the number doubles up to the
 * batch limit.
 *
 * A listener that someone has shut down is readable for ever on some systems,
 * where accept(2) finds no client (NetBSD) or says ECONNABORTED each time
 * (OpenBSD).  After VAIN_AT_MOST waits in a row without a client it is looked at
 * ten times a second.
 */
#include "sockets/factory/accept.h"

#include "reactor/interest.h"
#include "reactor/map.h"
#include "reactor/probes.h"
#include "reactor/reactor.h"
#include "reactor/turns.h"
#include "sockets/factory/bind.h"
#include "sockets/factory/count.h"
#include "sockets/factory/deliver.h"
#include "sockets/factory/report.h"

#include "seam.h"

#include <string.h>

enum { BATCH_AT_MOST = 64, LOOK_AGAIN_NS = 100 * 1000 * 1000 };
enum { REPORT_NS = 1000 * 1000 * 1000, VAIN_AT_MOST = 64 };

/* ---- shortage ---- */

/* Not the listener's fault: this client is lost, the next may be fine. */
static bool
is_transient(int err)
{
	static const int errors[] = {EINTR, ECONNABORTED, EPROTO, EPERM,
		ENETDOWN, ENOPROTOOPT, EHOSTDOWN, EHOSTUNREACH, EOPNOTSUPP,
		ENETUNREACH, ENONET, ETIMEDOUT, ECONNRESET, EPROTONOSUPPORT,
		ESOCKTNOSUPPORT};

	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		if (err == -errors[i])
			return true;
	return false;
}

static bool
is_shortage(int err)
{
	return err == -EMFILE || err == -ENFILE || err == -ENOBUFS ||
		err == -ENOMEM;
}

/* Reports a shortage once, and at most once a second. */
static void
report_shortage(struct socle_factory *f, int err)
{
	int64_t now = socle__now_read(socle__reactor);

	if (f->shortage || (f->reported_at && now - f->reported_at < REPORT_NS))
		return;
	f->shortage = true;
	f->reported_at = now;
	socle__factory_report(f, "accept", err);
}

/* Stops accepting until LOOK_AGAIN_NS have passed. */
static void
rest(struct socle_factory *f)
{
	f->starved = true;
	socle__listener_interest(f);
	socle__timers_add(&socle__reactor->timers, &f->again.node,
		socle__add_ns(socle__now_read(socle__reactor), LOOK_AGAIN_NS));
}

/* ... or until an fd is freed. */
static void
starve(struct socle_factory *f, int err)
{
	rest(f);
	socle__turn_ask(&f->d, SOCLE__TURN_FD_FREED);
	report_shortage(f, err);
}

static void
reserve_take(struct socle_factory *f)
{
	if (f->p.emfile == SOCLE_EMFILE_SHED && f->reserve < 0)
		f->reserve = sys_open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void
end_shortage(struct socle_factory *f)
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
	end_shortage(socle_container_of(t, struct socle_factory, again));
}

/* ---- accepting ---- */

static int
accept_fd(struct socle_factory *f, struct socle_addr *peer)
{
	struct sockaddr *sa = peer ? &peer->u.sa : NULL;
	socklen_t *len = peer ? &peer->len : NULL;
	int fd =
		sys_accept4(f->d.fd, sa, len, SOCLE__NONBLOCK | SOCLE__CLOEXEC);

	if (fd >= 0)
		SOCLE__PROBE2(accept, f->d.fd, fd);
	return fd < 0 ? -errno : fd;
}

static bool
is_none(int err)
{
	return err == -EAGAIN || err == -EWOULDBLOCK;
}

/*
 * Accepts a client on the reserved fd and closes the connection, so that the
 * client does not wait.  1: one was shed; 0: there is none; -errno.  Where the
 * kernel has dropped the client already, the next one is left alone.
 */
static int
shed_one(struct socle_factory *f)
{
	int fd;

	if (sys_accept_drops)
		return 1;
	sys_close(f->reserve);
	f->reserve = -1;
	fd = accept_fd(f, NULL);
	if (fd >= 0)
		sys_close(fd);
	reserve_take(f);
	if (is_none(fd))
		return 0;
	return fd >= 0 || is_transient(fd) ? 1 : fd;
}

/* An AF_UNIX client whose socket is not bound has no name. */
static bool
has_name(const struct socle_addr *a)
{
	if (a->len <= offsetof(struct sockaddr, sa_data))
		return false;
	return SOCLE__HAVE_ABSTRACT || a->u.sa.sa_family != AF_UNIX ||
		a->u.un.sun_path[0];
}

static SOCLE__NOINLINE int
accept_with_peer(struct socle_factory *f)
{
	struct socle_addr peer = {.len = sizeof(peer.u)};
	int fd = accept_fd(f, &peer);

	return fd < 0
		? fd
		: socle__factory_deliver(f, fd, has_name(&peer) ? &peer : NULL);
}

/* No client after all, which `result' says. */
static SOCLE__COLD bool
go_on_in_vain(struct socle_factory *f, int result)
{
	uint64_t waits = socle__reactor->waits;

	if (f->vain_at != waits && f->vain <= VAIN_AT_MOST)
		f->vain++;
	f->vain_at = waits;
	if (f->vain <= VAIN_AT_MOST)
		return result < 0;
	rest(f);
	if (result < 0)
		report_shortage(f, result);
	return false;
}

/* Whether to accept another client after this failure. */
static SOCLE__COLD bool
go_on_after(struct socle_factory *f, int result)
{
	int shed;

	if (is_none(result) || is_transient(result))
		return go_on_in_vain(f, is_none(result) ? 0 : result);
	socle__reactor->counts.fd_shortages += is_shortage(result);
	if ((result == -EMFILE || result == -ENFILE) && f->reserve >= 0) {
		shed = shed_one(f);
		if (shed > 0)
			report_shortage(f, result);
		if (shed >= 0)
			return shed > 0;
	}
	if (is_shortage(result)) {
		starve(f, result);
		return false;
	}
	f->paused = true;
	socle__listener_interest(f);
	socle__factory_report(f, "accept", result);
	return false;
}

static bool
accept_one(struct socle_factory *f)
{
	int err;

	if (!socle__factory_makes_objects(f))
		err = accept_with_peer(f);
	else if ((err = accept_fd(f, NULL)) >= 0)
		err = socle__factory_deliver_object(f, err);
	if (err < 0)
		return go_on_after(f, err) && !socle__is_forked(socle__reactor);
	SOCLE__COUNT(socle__reactor->counts.accepted, 1);
	return !socle__is_forked(socle__reactor);
}

static void
accept_some(struct socle_factory *f)
{
	int most = f->p.accept_batch > 0 ? f->p.accept_batch : BATCH_AT_MOST;
	uint64_t waits = socle__reactor->waits;
	int left;

	if (waits != f->full_at + 1)
		f->batch = 1;
	else if (f->batch < most)
		f->batch = 2 * f->batch < most ? 2 * f->batch : most;
	left = f->batch;
	while (left > 0 && f->d.wanted & SOCLE_READ && accept_one(f))
		left--;
	if (left == 0)
		f->full_at = waits;
}

void
socle__listener_ready(struct socle_descriptor *d, unsigned ready, int err)
{
	struct socle_factory *f = (struct socle_factory *)(void *)d;

	if (!(ready & SOCLE_READ))
		d->bits |= SOCLE__END_REPORTED; /* the listener was shut down */
	if (err == 0)
		accept_some(f);
	else if (err != -EBADF)
		starve(f, err); /* the poller refused it: try again later */
	else
		(void)go_on_after(f, err);
}

void
socle__listener_read(struct socle_descriptor *d)
{
	accept_some((struct socle_factory *)(void *)d);
}

void
socle__listener_turn(struct socle_descriptor *d, unsigned turn)
{
	(void)turn; /* that of a freed fd */
	end_shortage((struct socle_factory *)(void *)d);
}

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
	if (sys_listen(fd, queue) < 0)
		return -errno;
	*operation = "bind";
	return socle__factory_check_file(f);
}

int
socle__listener_register(struct socle_factory *f, int fd)
{
	return socle__descriptor_add(
		socle__reactor, &f->d, &socle__factory_ops, fd, 0, false);
}

void
socle__listener_begin(struct socle_factory *f)
{
	f->batch = 1;
	f->full_at = UINT64_MAX; /* never */
	reserve_take(f);
	socle__listener_interest(f);
}

int
socle__listener_start(struct socle_factory *f, const char **operation)
{
	int fd, err;

	socle__factory_unlink_stale(f);
	fd = socle__factory_socket(f, f->p.socket_domain, operation);
	err = fd < 0 ? fd : listen_at(f, fd, operation);
	if (err == 0) {
		*operation = "listen";
		err = socle__listener_register(f, fd);
	}
	if (err < 0) {
		f->d.fd = -1;
		socle__factory_unlink(f);
		if (fd >= 0)
			sys_close(fd);
		return err;
	}
	socle__listener_begin(f);
	return 0;
}

void
socle__listener_stop(struct socle_factory *f)
{
	socle_timer_cancel(&f->again);
	if (f->p.unlink_on_close && !socle__is_forked(socle__reactor))
		socle__factory_unlink(f);
	if (f->reserve >= 0)
		sys_close(f->reserve);
	f->reserve = -1;
}
