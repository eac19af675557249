/* Callbacks of an object's write queue: what it says of itself. */
#include "tests/reentrancy/kinds.h"

/* ---- event_drain ---- */

static void
arrange_drain(void)
{
	hold_back("q");
}

const struct kind in_drain = {
	.name = "event_drain",
	.traits = QUEUES,
	.arrange = arrange_drain,
	.again = arrange_drain,
};

/* ---- incomplete_write ---- */

static void
arrange_incomplete_write(void)
{
	object_stuff(X);
	hold_back("q");
}

static void
write_x(void *arg)
{
	(void)arg;
	if (w.sock[X])
		(void)socle_write_kick(w.sock[X]);
}

static void
again_incomplete_write(void)
{
	defer_call(write_x);
}

const struct kind in_incomplete_write = {
	.name = "incomplete_write",
	.arrange = arrange_incomplete_write,
	.again = again_incomplete_write,
};

/* ---- water marks ---- */

static void
mark(struct socle_socket *s, bool above, void *arg)
{
	(void)arg;
	(void)event_of(s, "a mark");
	expect(above == (socle_write_buf_size(s) > 2));
	expect(above == (w.marks++ % 2 == 0));
	act_in(above ? &in_above : &in_below);
}

static void
write_above(void *arg)
{
	int r;

	(void)arg;
	if (!is_open(X))
		return;
	socle_set_autoflush(w.sock[X], false);
	r = socle_write(w.sock[X], "qqqq", 4);
	expect(is_open(X) ? r >= 0 : r == -EBADF);
}

static void
arrange_marks(void)
{
	expect(socle_set_water_marks(w.sock[X], 0, 2, mark, NULL) == 0);
	defer_call(write_above);
}

static void
cancel_marks(void)
{
	expect(socle_set_water_marks(w.sock[X], 0, 2, NULL, NULL) == 0);
	defer_call(write_above);
}

static void
again_marks(void)
{
	defer_call(write_above);
}

const struct kind in_above = {
	.name = "the mark above",
	.traits = QUEUES,
	.arrange = arrange_marks,
	.cancel = cancel_marks,
	.again = again_marks,
};

const struct kind in_below = {
	.name = "the mark below",
	.traits = QUEUES,
	.arrange = arrange_marks,
	.cancel = cancel_marks,
	.again = again_marks,
};
