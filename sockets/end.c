/* Ends an object: its class closes it, or the application takes its fd. */
#include "sockets/end.h"

#include "reactor/log.h"
#include "reactor/map.h"
#include "reactor/post_loop.h"
#include "sockets/activity.h"
#include "sockets/read.h"

#include "timers/timer.h"

/* Releases everything but the fd and the queue. */
static inline void
release_all(struct socle_socket *s)
{
	struct socle__extra *x = s->extra;

	socle__timeouts_stop(s);
	SOCLE__COUNT(socle__reactor->counts.bytes_in, s->in);
	SOCLE__COUNT(socle__reactor->counts.bytes_out, s->out);
	if (x && x->factory)
		x->leave_factory(s);
	if (socle__fd_is(s, SOCLE__FD_CORKED) &&
		!socle__is_forked(socle__reactor))
		(void)socle_tcp_cork(s, false);
	/* The watched events stay visible in as_string. */
	s->d.bits &= SOCLE__REACTOR_BITS | SOCLE__ALLOCATED | SOCLE__IS_SOCKET |
		SOCLE__READING | SOCLE__WRITING | SOCLE__PUMPING |
		SOCLE__REPORTING | SOCLE__IN_WRITER | SOCLE__SPECIAL;
	if (!x)
		return;
	socle__post_loop_remove(&x->post_loop);
	socle__pushed_drop(s);
}

static void
queue_drop(struct socle_socket *s)
{
	const struct socle__transport *t = socle__class_of(s)->transport;

	if (s->queue || !t->is_stream)
		t->drop(s);
}

/* closing_fd is called for the object's own fd, not for a KEEP_FD one. */
static SOCLE__COLD void
closing_ask(struct socle_socket *s)
{
	if (s->d.bits & SOCLE__KEEP_FD)
		return;
	s->d.bits |= SOCLE__TELL_CLOSING;
	if (socle__fd_is(s, SOCLE__FD_KEPT))
		s->d.bits |= SOCLE__KEEP_FD;
}

static inline void
end(struct socle_socket *s)
{
	release_all(s);
	if (socle__unlikely(socle__class_of(s)->flat.closing_fd ||
		    socle__fd_is(s, SOCLE__FD_KEPT | SOCLE__FD_WAS_BLOCKING)))
		closing_ask(s);
	socle__descriptor_close(&s->d);
	queue_drop(s);
}

void
socle__socket_end(struct socle_socket *s)
{
	SOCLE__PROBE4(
		close, "reset", s->d.fd, socle__class_of(s)->flat.name, s);
	end(s);
}

int
socle__socket_let_go(struct socle_socket *s)
{
	const struct socle__transport *t = socle__class_of(s)->transport;
	int fd;

	release_all(s);
	if (t->let_go)
		t->let_go(s);
	fd = socle__descriptor_detach(&s->d);
	queue_drop(s);
	return fd;
}

/* ---- through the class ---- */

void
socle__root_close(struct socle_socket *self, const char *reason)
{
	if (socle__is_closed(self))
		return;
	socle__log(1, "Closing #%d (%s)", self->d.fd, reason ? reason : "");
	socle__count_closed(&socle__reactor->counts, reason);
	SOCLE__PROBE4(close, reason, self->d.fd,
		socle__class_of(self)->flat.name, self);
	end(self);
}

/* An override may close the object again, or veto. */
static SOCLE__NOINLINE void
close_by_override(struct socle_socket *s, const char *reason)
{
	struct socle__callback c;

	s->d.bits |= SOCLE__CLOSING;
	socle__callback_begin_plain(socle__reactor, &c);
	socle__class_of(s)->flat.close(s, reason);
	socle__callback_end(socle__reactor, &c);
	if (socle__is_closed(s))
		return;
	s->d.bits &= ~(uint32_t)SOCLE__CLOSING;
	if (s->write_error)
		s->d.bits &= ~(uint32_t)SOCLE__ENDING; /* nothing to flush */
}

void
socle__close_broken(struct socle_socket *s, const char *reason)
{
	if (socle__has(s, SOCLE__CLOSED | SOCLE__CLOSING))
		return;
	if (socle__class_of(s)->flat.close == socle__root_close)
		socle__root_close(s, reason);
	else if (socle__may_call(socle__reactor))
		close_by_override(s, reason);
}

void
socle__close_ending(struct socle_socket *s)
{
	if (socle__has(s, SOCLE__CLOSING))
		return; /* in a loop nested in its close */
	socle__close_broken(s, s->extra ? s->extra->close_reason : NULL);
	if (socle__is_closed(s))
		return;
	s->d.bits &= ~(uint32_t)(SOCLE__ENDING | SOCLE__LINGERING);
	socle__socket_interest(s);
}
