/* Callbacks at the end of an object. */
#include "tests/reentrancy/kinds.h"

static void
arrange_close(void)
{
	defer_call(close_x);
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
	defer_call(close_x);
}

const struct kind in_close = {
	.name = "close",
	.traits = CLOSING | ENDS,
	.arrange = arrange_close,
	.cancel = veto,
	.again = veto_and_close_again,
};

static void
arrange_nothing(void)
{
}

static void
close_outside(void)
{
	close_x(NULL);
}

const struct kind in_close_outside = {
	.name = "close outside the loop",
	.traits = CLOSING | ENDS,
	.arrange = arrange_nothing,
	.cancel = veto,
	.again = veto_and_close_again,
	.outside = close_outside,
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
	defer_call(close_and_visit);
}

const struct kind in_each_to_close = {
	.name = "a function of socle_each_to_close()",
	.traits = CLOSED | ENDS,
	.arrange = arrange_each_to_close,
};
