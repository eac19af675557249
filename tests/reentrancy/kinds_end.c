/* Callbacks at the end of an object. */
#include "tests/reentrancy/kinds.h"

static void
arrange_close(void)
{
	expect(socle_defer(close_x, NULL) == 0);
}

static void
veto(void)
{
	w.keep = true;
}

static void
veto_and_close_again(void)
{
	veto();
	expect(socle_defer(close_x, NULL) == 0);
}

const struct kind in_close = {
	.name = "close",
	.traits = CLOSING | ENDS,
	.arrange = arrange_close,
	.cancel = veto,
	.again = veto_and_close_again,
};

const struct kind in_closing_fd = {
	.name = "closing_fd",
	.traits = CLOSED | ENDS,
	.arrange = arrange_close,
};

static void
arrange_destroy(void)
{
	socle_close(w.sock[X], "kind");
}

const struct kind in_destroy = {
	.name = "destroy",
	.traits = CLOSED | ENDS,
	.arrange = arrange_destroy,
};

static void
visit(struct socle_socket *s, void *arg)
{
	(void)arg;
	if (role_of(s) == X)
		act_in(&in_each_to_close);
}

static void
close_and_visit(void *arg)
{
	close_x(arg);
	expect(socle_to_close() == 1);
	socle_each_to_close(visit, arg);
}

static void
arrange_each_to_close(void)
{
	expect(socle_defer(close_and_visit, NULL) == 0);
}

const struct kind in_each_to_close = {
	.name = "a function of socle_each_to_close()",
	.traits = CLOSED | ENDS,
	.arrange = arrange_each_to_close,
};
