/* Callbacks of a datagram object. */
#include "tests/reentrancy/kinds.h"

#include "tests/reentrancy/actors.h"
#include "tests/support/dgrams.h"

static struct socle_dgram *
dgram(void)
{
	return socle_container_of(w.sock[X], struct socle_dgram, sock);
}

static void
prepare_dgram(void)
{
	struct socle_dgram_params p = {
		.send_all = true, .recv_all = true, .recv_batch = 4};
	struct socle_dgram *d = NULL;
	int fds[2];

	if (kind_is(&in_recv_error))
		p.recv_batch = 0;
	pair_dgram(fds);
	w.peer[X] = fds[1];
	expect(socle_dgram_new(&dgram_actor_class, fds[0], &p, &d) == 0);
	object_is(X, &d->sock);
}

static void
queue(const char *text)
{
	w.taken++;
	expect(socle_dgram_send(dgram(), text, strlen(text), 0, NULL) == 0);
}

/* ---- on_recv ---- */

/* The second one is received with the first. */
static void
arrange_recv(void)
{
	send_to(X, "x");
	send_to(X, "z");
}

static void
cancel_recv(void)
{
	socle_watch_read(w.sock[X], false);
	send_to(X, "y");
}

static void
again_recv(void)
{
	send_to(X, "y");
}

const struct kind in_recv = {
	.name = "on_recv",
	.traits = DATAGRAMS | MAKES_ITSELF,
	.prepare = prepare_dgram,
	.arrange = arrange_recv,
	.cancel = cancel_recv,
	.again = again_recv,
};

/* ---- on_recv_error ---- */

static void
fail_to_receive(void)
{
	seam_fail(CALL_recvmsg, 1, ECONNREFUSED, 1);
	send_to(X, "y");
}

static void
ignore_recv_error(struct socle_dgram *self, int err)
{
	(void)self;
	(void)err;
}

static void
cancel_recv_error(void)
{
	struct socle_dgram_params p = {.on_recv_error = ignore_recv_error};

	expect(socle_dgram_configure(dgram(), &p, SOCLE_DGRAM_ON_RECV_ERROR) ==
		0);
	fail_to_receive();
}

const struct kind in_recv_error = {
	.name = "on_recv_error",
	.traits = DATAGRAMS | MAKES_ITSELF,
	.prepare = prepare_dgram,
	.arrange = fail_to_receive,
	.cancel = cancel_recv_error,
	.again = fail_to_receive,
};

/* ---- on_send_error ---- */

static void
fail_to_send(void)
{
	seam_fail(the_send_of_many(), 1, EHOSTUNREACH, 1);
	queue("f");
	queue("g");
}

static void
count_send_error(
	struct socle_dgram *self, int err, const struct socle_packet *p)
{
	(void)self;
	(void)err;
	(void)p;
	w.failed++;
}

static void
cancel_send_error(void)
{
	struct socle_dgram_params p = {.on_send_error = count_send_error};

	expect(socle_dgram_configure(dgram(), &p, SOCLE_DGRAM_ON_SEND_ERROR) ==
		0);
	fail_to_send();
}

const struct kind in_send_error = {
	.name = "on_send_error",
	.traits = DATAGRAMS | MAKES_ITSELF,
	.prepare = prepare_dgram,
	.arrange = fail_to_send,
	.cancel = cancel_send_error,
	.again = fail_to_send,
};

static void
close_with_a_queue(void *arg)
{
	queue("f");
	queue("g");
	close_x(arg);
}

static void
arrange_send_cancelled(void)
{
	defer_call(close_with_a_queue);
}

const struct kind in_send_cancelled = {
	.name = "on_send_error of a closed object",
	.traits = DATAGRAMS | MAKES_ITSELF | CLOSED | ENDS,
	.prepare = prepare_dgram,
	.arrange = arrange_send_cancelled,
};

/* ---- on_outgoing_empty ---- */

static void
send_one(void)
{
	queue("s");
}

static void
ignore_empty(struct socle_dgram *self)
{
	(void)self;
}

static void
cancel_outgoing_empty(void)
{
	struct socle_dgram_params p = {.on_outgoing_empty = ignore_empty};

	expect(socle_dgram_configure(
		       dgram(), &p, SOCLE_DGRAM_ON_OUTGOING_EMPTY) == 0);
	queue("s");
}

const struct kind in_outgoing_empty = {
	.name = "on_outgoing_empty",
	.traits = DATAGRAMS | MAKES_ITSELF,
	.prepare = prepare_dgram,
	.arrange = send_one,
	.cancel = cancel_outgoing_empty,
	.again = send_one,
};
