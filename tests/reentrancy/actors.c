/* actors.h describes the classes. */
#include "tests/reentrancy/actors.h"

#include "tests/reentrancy/kinds.h"

/* ---- what both classes do ---- */

static void
closing(struct socle_socket *self)
{
	enum role role = role_of(self);

	if (role < ROLES)
		w.closes[role]++;
	if (role == X)
		act_in(w.kind->outside ? &in_close_outside : &in_close);
}

static void
destroyed(struct socle_socket *self)
{
	enum role role = role_of(self);

	if (w.on_stack)
		mistake("destroyed under a callback");
	if (w.silent)
		mistake("destroyed in a child before socle_after_fork()");
	if (role == X)
		act_in(&in_destroy);
	if (role < ROLES) {
		w.destroyed[role]++;
		w.sock[role] = NULL;
	}
	if (role == E) {
		memset(self, 0xdd, sizeof(*self));
		free(self);
	}
}

/* ---- streams ---- */

static void
actor_event_read(struct socle_socket *self)
{
	enum role role = event_of(self, "event_read");
	ssize_t n;
	char c;

	if (w.unwatched && (role == E || role == L))
		mistake("event_read while reading is not watched");
	n = socle_read(self, &c, 1);
	if (n == 1)
		got_add(role, c);
	if (role != X || !w.has_reader) /* which may hold more */
		w.stale += n == -EAGAIN;
	if (role != X)
		return;
	act_in(&in_event_read);
	act_in(&in_first_read);
	act_in(&in_pushed_back_read);
	(void)socle_class_of(self); /* its memory is valid */
}

/* X goes on watching for one event. */
static void
actor_event_write(struct socle_socket *self)
{
	if (event_of(self, "event_write") == X) {
		act_in(&in_event_write);
		act_in(&in_connected);
		if (w.runs > 1 || kind_is(&in_connected))
			socle_watch_write(self, false);
	}
	if (!w.silent)
		socle_super_event_write(&actor_class, self);
}

static void
actor_event_hup(struct socle_socket *self)
{
	if (event_of(self, "event_hup") == X)
		act_in(&in_event_hup);
	if (!w.silent)
		socle_super_event_hup(&actor_class, self);
}

static void
actor_event_err(struct socle_socket *self, int err)
{
	if (event_of(self, "event_err") == X) {
		act_in(&in_event_err);
		act_in(&in_refused);
	}
	if (!w.silent)
		socle_super_event_err(&actor_class, self, err);
}

static void
actor_event_drain(struct socle_socket *self)
{
	if (event_of(self, "event_drain") == X)
		act_in(&in_drain);
}

static void
actor_event_timeout(struct socle_socket *self, int which)
{
	if (event_of(self, "event_timeout") == X)
		act_in(which == SOCLE_IDLE ? &in_idle : &in_stall);
	if (!w.silent && !w.keep)
		socle_super_event_timeout(&actor_class, self, which);
}

static void
actor_incomplete_write(struct socle_socket *self)
{
	if (event_of(self, "incomplete_write") != X)
		return;
	if (++w.depth != 1)
		mistake("incomplete_write inside itself");
	act_in(&in_incomplete_write);
	w.depth--;
}

static void
actor_close(struct socle_socket *self, const char *reason)
{
	closing(self);
	if (!(w.keep && role_of(self) == X && has(CLOSING)))
		socle_super_close(&actor_class, self, reason);
}

static void
actor_closing_fd(struct socle_socket *self, int fd)
{
	expect(fcntl(fd, F_GETFD) >= 0 && !w.silent);
	if (role_of(self) == X)
		act_in(&in_closing_fd);
}

static int
actor_as_string(const struct socle_socket *self, char *buf, size_t size)
{
	if (role_of(self) == X)
		act_in(&in_as_string);
	return socle_super_as_string(&actor_class, self, buf, size);
}

/* The first one of the cell's tick is X; others are not needed. */
static void
actor_event_accepted(struct socle_socket *self, struct socle_factory *by)
{
	if (w.silent)
		mistake("a client of the parent in its child");
	w.accepted++;
	if (by == w.bystander && w.bystander) {
		w.by_bystander++;
		socle_close(self, "not needed");
		return;
	}
	if (!w.made[X] && (w.arranged || kind_is(&in_factory_each)))
		object_is(X, self);
	act_in(&in_event_accepted);
	if (role_of(self) == ROLES && !kind_is(&in_factory_each))
		socle_close(self, "not needed");
}

const struct socle_class actor_class = {
	.name = "Actor",
	.super = &socle_socket_class,
	.event_read = actor_event_read,
	.event_write = actor_event_write,
	.event_hup = actor_event_hup,
	.event_err = actor_event_err,
	.event_drain = actor_event_drain,
	.event_timeout = actor_event_timeout,
	.incomplete_write = actor_incomplete_write,
	.close = actor_close,
	.closing_fd = actor_closing_fd,
	.destroy = destroyed,
	.as_string = actor_as_string,
	.event_accepted = actor_event_accepted,
};

const struct socle_class healthy_class = {
	.name = "Healthy",
	.super = &actor_class,
};

static void
sub_event_read(struct socle_socket *self)
{
	w.sub_reads++;
	socle_super_event_read(&sub_class, self);
}

const struct socle_class sub_class = {
	.name = "Sub",
	.super = &actor_class,
	.event_read = sub_event_read,
};

/* ---- datagrams ---- */

static void
dgram_on_recv(struct socle_dgram *self, const struct socle_packet *p)
{
	enum role role = event_of(&self->sock, "on_recv");

	if (p->len > 0)
		got_add(role, *(const char *)p->data);
	act_in(&in_recv);
	(void)socle_class_of(&self->sock);
}

static void
dgram_on_recv_error(struct socle_dgram *self, int err)
{
	(void)event_of(&self->sock, "on_recv_error");
	expect(err == -ECONNREFUSED);
	act_in(&in_recv_error);
}

static void
dgram_on_send_error(
	struct socle_dgram *self, int err, const struct socle_packet *p)
{
	(void)self;
	(void)p;
	w.failed++;
	act_in(err == -ECANCELED ? &in_send_cancelled : &in_send_error);
}

static void
dgram_on_outgoing_empty(struct socle_dgram *self)
{
	(void)event_of(&self->sock, "on_outgoing_empty");
	act_in(&in_outgoing_empty);
}

static void
dgram_close(struct socle_socket *self, const char *reason)
{
	closing(self);
	socle_super_close(&dgram_actor_class.cls, self, reason);
}

const struct socle_dgram_class dgram_actor_class = {
	.cls =
		{
			.name = "DgramActor",
			.super = &socle_dgram_class.cls,
			.close = dgram_close,
			.destroy = destroyed,
		},
	.on_recv = dgram_on_recv,
	.on_recv_error = dgram_on_recv_error,
	.on_send_error = dgram_on_send_error,
	.on_outgoing_empty = dgram_on_outgoing_empty,
};

const struct socle_dgram_class dgram_sub_class = {
	.cls =
		{
			.name = "DgramSub",
			.super = &dgram_actor_class.cls,
		},
};
