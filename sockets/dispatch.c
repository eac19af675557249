/*
 * Dispatch: from what is ready to the methods of the class.
 *
 * READ, WRITE, ERR and HUP are handed over in this order, each only if the
 * object is open and watches it at that moment; ERR and HUP wait until no
 * unread input is left, so that a peer's last bytes are not lost to a handler
 * that closes on HUP.
 */
#include "sockets/private.h"

#include "seam.h"

static void
call_counted(struct socle_socket *s, enum socle__item_kind kind,
	void (*method)(struct socle_socket *self))
{
	struct socle__profile *p = &socle__loop->profile;
	struct socle__call c;
	bool counted =
		socle__call_begin(p, &c, &socle__class_of(s)->counters[kind],
			kind, socle__class_of(s)->flat.name, &s->d);

	method(s);
	socle__call_end(p, &c, counted);
}

/* Without profiling there is nothing around a call, nor behind it. */
static inline void
call(struct socle_socket *s, enum socle__item_kind kind,
	void (*method)(struct socle_socket *self))
{
	if (socle__likely(!socle__loop->profile.on))
		method(s);
	else
		call_counted(s, kind, method);
}

static void
call_err(struct socle_socket *s, int err)
{
	struct socle__profile *p = &socle__loop->profile;
	struct socle__call c;
	bool counted = socle__call_begin(p, &c,
		&socle__class_of(s)->counters[SOCLE__ITEM_ERR], SOCLE__ITEM_ERR,
		socle__class_of(s)->flat.name, &s->d);

	socle__class_of(s)->flat.event_err(s, err);
	socle__call_end(p, &c, counted);
}

/* An event_write that leaves the queue untried is followed by a flush. */
static void
call_write(struct socle_socket *s)
{
	s->d.bits &= ~(uint32_t)SOCLE__TRIED;
	call(s, SOCLE__ITEM_WRITE, socle__class_of(s)->flat.event_write);
	if (!socle__is_closed(s) && s->queued && !socle__has(s, SOCLE__TRIED))
		socle__flush_anew(s);
}

void
socle__connect_told(struct socle_socket *s, int err)
{
	if (err < 0)
		call_err(s, err);
	else
		call_write(s);
}

static void
readable(struct socle_socket *s)
{
	if (socle__has(s, SOCLE__WRITER_READ)) {
		socle__flush_anew(s);
		if (socle__is_closed(s))
			return;
	}
	if (socle__has(s, SOCLE__USER_READ) &&
		!socle__has(s, SOCLE__READER_WRITE))
		call(s, SOCLE__ITEM_READ, socle__class_of(s)->flat.event_read);
}

static void
writable(struct socle_socket *s)
{
	if (socle__has(s, SOCLE__READER_WRITE)) {
		s->d.bits &= ~(uint32_t)SOCLE__READER_WRITE;
		socle__socket_interest(s);
		if (socle__has(s, SOCLE__USER_READ))
			call(s, SOCLE__ITEM_READ,
				socle__class_of(s)->flat.event_read);
	}
	if (!socle__has(s, SOCLE__USER_WRITE | SOCLE__QUEUE_WRITE) ||
		socle__is_closed(s))
		return;
	call_write(s);
}

static bool
has_unread(const struct socle_socket *s)
{
	int n = 0;

	if (socle__has_pushed(s))
		return true;
	if (socle__has(s, SOCLE__READ_ENDED | SOCLE__WRITE_ONLY))
		return false;
	return sys_unread(s->d.fd, &n) == 0 && n > 0;
}

/* What the kernel has to say, else what a read got instead of it. */
static int
pending_error(struct socle_socket *s)
{
	int err = 0;
	socklen_t len = sizeof(err);

	if (sys_getsockopt(s->d.fd, SOL_SOCKET, SO_ERROR, &err, &len) < 0)
		err = 0;
	if (err == 0)
		err = s->read_error;
	s->read_error = 0;
	return -err;
}

static void
ended(struct socle_socket *s, unsigned ready, int err)
{
	if (err == 0 && has_unread(s)) {
		/* Held back.  Nobody will read it: silence until somebody. */
		if (!(s->d.wanted & SOCLE_READ))
			s->d.bits |= SOCLE__END_TOLD;
		return;
	}
	s->d.bits |= SOCLE__END_TOLD;
	if (ready & SOCLE_ERR)
		call_err(s, err ? err : pending_error(s));
	if (ready & SOCLE_HUP && !socle__is_closed(s))
		call(s, SOCLE__ITEM_HUP, socle__class_of(s)->flat.event_hup);
}

void
socle__socket_ready(struct socle_descriptor *d, unsigned ready, int err)
{
	struct socle_socket *s = socle__socket_of(d);

	if (ready & SOCLE_READ)
		readable(s);
	if (ready & SOCLE_WRITE && s->d.wanted & SOCLE_WRITE)
		writable(s);
	if (ready & (SOCLE_ERR | SOCLE_HUP) && !socle__is_closed(s))
		ended(s, ready, err);
}

void
socle__socket_read(struct socle_descriptor *d)
{
	struct socle_socket *s = socle__socket_of(d);

	socle__class_of(s)->flat.event_read(s);
}

/* Served once a tick; what is left asks for the next one. */
static void
read_pushed_back(struct socle_socket *s)
{
	call(s, SOCLE__ITEM_READ, socle__class_of(s)->flat.event_read);
	if (socle__pushed_wanted(s))
		socle__turn_ask(&s->d, SOCLE__TURN_PUSHED_BACK);
}

static bool
run_post_loop(struct socle_socket *s)
{
	struct socle__profile *p = &socle__loop->profile;
	struct socle__call c;
	bool counted = socle__call_begin(p, &c,
		&socle__class_of(s)->counters[SOCLE__ITEM_POST_LOOP],
		SOCLE__ITEM_POST_LOOP, socle__class_of(s)->flat.name, &s->d);
	bool go_on = s->extra->post_loop(s, s->extra->post_loop_arg);

	socle__call_end(p, &c, counted);
	return go_on;
}

bool
socle__socket_turn(struct socle_descriptor *d, unsigned turn)
{
	struct socle_socket *s = socle__socket_of(d);

	if (turn == SOCLE__TURN_FLUSH)
		socle__flush_anew(s);
	else if (turn == SOCLE__TURN_PUSHED_BACK)
		read_pushed_back(s);
	else if (turn == SOCLE__TURN_POST_LOOP)
		return run_post_loop(s);
	return true;
}
