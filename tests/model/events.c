/*
 * The classes of the model's streams: each event is looked at, and then anything
 * may happen.
 */
#include "tests/model/model.h"

#include <errno.h>
#include <poll.h>

struct stream *
stream_of(struct socle_socket *sock)
{
	return socle_container_of(sock, struct node, sock)->s;
}

/* What holds whenever an event is delivered. */
static struct stream *
event_begin(struct socle_socket *sock, const char *event)
{
	struct stream *s = stream_of(sock);

	callback_begin();
	expect(s && s->used &&
			s->node == socle_container_of(sock, struct node, sock),
		"%s of an object that was destroyed", event);
	expect(!socle_closed(sock), "stream %d: %s after its close", s->number,
		event);
	return s;
}

static void
event_read(struct socle_socket *sock)
{
	struct stream *s = event_begin(sock, "event_read");

	expect(s->reading && !s->flushing, "stream %d: event_read unwatched",
		s->number);
	expect(s->made_at < sim_counts.waits || sim_counts.waits == 0 ||
			socle_pending(sock) > 0,
		"stream %d: event_read before a wait", s->number);
	s->read_event_at = sim_now();
	if (model.calm || choose(5) > 0)
		do
			operate_read(s);
		while (!model.child && s->n_last > 0 && !s->ended &&
			!socle_closed(sock) && (model.calm || sometimes(2)));
	if (s->got_end)
		s->reading = false;
	act_inside();
	callback_end();
}

static void
event_write(struct socle_socket *sock)
{
	(void)event_begin(sock, "event_write");
	act_inside();
	if (!model.child && sometimes(2) && !socle_closed(sock))
		socle_super_event_write(&model_class, sock);
	callback_end();
}

static void
event_err(struct socle_socket *sock, int err)
{
	struct stream *s = event_begin(sock, "event_err");

	expect(err <= 0, "event_err with %d", err);
	expect(err != -ETIMEDOUT || !s->connecting || !sim_closed_unasked(),
		"stream %d: its connect is too late, and has succeeded",
		s->number);
	s->broke = true;
	act_inside();
	if (!model.child && !socle_closed(sock) && choose(8) > 0)
		socle_super_event_err(&model_class, sock, err);
	callback_end();
}

static void
event_hup(struct socle_socket *sock)
{
	struct stream *s = event_begin(sock, "event_hup");

	expect(s->far_gone || s->connecting || s->broke ||
			(s->far_shut && s->discards), /* both ends shut */
		"stream %d: event_hup, and the far end is there", s->number);
	expect(s->broke || s->got_end || sim_unread(s->fd) == 0,
		"stream %d: event_hup, and input is unread", s->number);
	s->broke = true;
	act_inside();
	if (!model.child && !socle_closed(sock) && choose(8) > 0)
		socle_super_event_hup(&model_class, sock);
	callback_end();
}

static void
event_drain(struct socle_socket *sock)
{
	struct stream *s = event_begin(sock, "event_drain");

	model.queue_depth++;
	expect(s->armed, "stream %d: a drain, and nothing was queued",
		s->number);
	expect(socle_write_buf_size(sock) == 0, "a drain of a queue with %d",
		(int)socle_write_buf_size(sock));
	s->armed = s->owes_drain = false;
	act_inside();
	model.queue_depth--;
	callback_end();
}

/* In the same tick: the kernel has been asked before it. */
static bool
just_now(int64_t at)
{
	return sim_awake() - at < 100000;
}

static void
event_timeout(struct socle_socket *sock, int which)
{
	struct stream *s = event_begin(sock, "event_timeout");
	int64_t ns = which == SOCLE_IDLE ? s->idle_ns : s->stall_ns;

	expect(ns > 0, "stream %d: timeout %d was not set", s->number, which);
	expect(sim_now() - s->begun >= ns - 1000000,
		"stream %d: timeout %d came early", s->number, which);
	expect(which == SOCLE_IDLE || sim_now() - s->moved_at >= ns - 1000000,
		"stream %d: stalled, and something was sent", s->number);
	if (which == SOCLE_IDLE)
		expect(sim_now() - s->heard_at >= ns - 1000000,
			"stream %d: idle, and something was read", s->number);
	if (which == SOCLE_IDLE)
		expect(!(socle_watching(sock) & SOCLE_READ) || s->broke ||
				sim_unread(socle_fd(sock)) == 0 ||
				sim_now() - s->read_event_at < ns ||
				just_now(s->far_at),
			"stream %d: idle, and there is input", s->number);
	if (which == SOCLE_IDLE)
		expect(!s->had_input || s->read_event_at >= model.tick_began ||
				s->heard_at >= model.tick_began || s->broke ||
				!s->reading || sim_unread(s->fd) == 0,
			"stream %d: idle, and there was input", s->number);
	else if (!(model.run.troubles &
			 (1U << SIM_SPURIOUS | 1U << SIM_BUFFERS)) &&
		!s->writes_through && !s->broke && !just_now(s->idle_at) &&
		!just_now(s->far_at))
		expect(!sim_has_room(socle_fd(sock)),
			"stream %d: stalled, and there is room", s->number);
	if (which == SOCLE_IDLE) /* both may be reported at once */
		s->idle_at = sim_awake();
	act_inside();
	if (!model.child && !socle_closed(sock) && sometimes(3))
		socle_super_event_timeout(&model_class, sock, which);
	callback_end();
}

static void
incomplete_write(struct socle_socket *sock)
{
	struct stream *s = event_begin(sock, "incomplete_write");

	model.queue_depth++;
	expect(socle_write_buf_size(sock) > 0, "incomplete, with nothing left");
	s->armed = true;
	act_inside();
	model.queue_depth--;
	callback_end();
}

static void
close_it(struct socle_socket *sock, const char *reason)
{
	struct stream *s = event_begin(sock, "close");

	expect(!s->closing, "stream %d: closed inside its close", s->number);
	s->closing = true;
	act_inside();
	s->closing = false;
	if (model.child || (s->vetoes && !model.calm)) {
		s->loose = s->dropped = true;
		s->flushing = false;
	} else if (!socle_closed(sock)) {
		socle_super_close(&model_class, sock, reason);
		s->ended = true;
		expect(socle_closed(sock), "super's close did not close");
	}
	callback_end();
}

static void
destroy(struct socle_socket *sock)
{
	struct node *node = socle_container_of(sock, struct node, sock);
	struct stream *s = node->s;

	expect(s && s->used && s->node == node, "an object destroyed twice");
	expect(socle_closed(sock), "an open object was destroyed");
	expect(model.depth == 0 || model.was_reset,
		"stream %d: destroyed inside a callback", s->number);
	check_tokens(s);
	callback_begin();
	s->used = false;
	s->node = NULL;
	if (s->ours)
		free(node);
	callback_end();
}

static void
closing_fd(struct socle_socket *sock, int fd)
{
	struct stream *s = stream_of(sock);

	callback_begin();
	expect(socle_closed(sock), "closing_fd of an open object");
	expect(sim_state(fd) != POLLNVAL, "closing_fd of a closed fd");
	expect(s->used, "closing_fd after destroy");
	s->ended = true;
	act_inside();
	callback_end();
}

const struct socle_class model_class = {
	.name = "Model",
	.super = &socle_socket_class,
	.size = sizeof(struct node),
	.event_read = event_read,
	.event_write = event_write,
	.event_err = event_err,
	.event_hup = event_hup,
	.event_drain = event_drain,
	.event_timeout = event_timeout,
	.incomplete_write = incomplete_write,
	.close = close_it,
	.destroy = destroy,
	.closing_fd = closing_fd,
	.event_accepted = stream_accepted,
};

const struct socle_class model_subclass = {
	.name = "Model::Sub",
	.super = &model_class,
};
