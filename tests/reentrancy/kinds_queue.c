/* Callbacks of an object's write queue: of what is queued in it. */
#include "tests/reentrancy/kinds.h"

/* ---- calls of socle_write_func() ---- */

static void
again_call(void)
{
	struct promise *p = promise_new(X);

	p->in_kept = w.kind;
	expect(promise_call(p) >= 0);
}

static void
arrange_call(void)
{
	hold_back("q");
	again_call();
	again_call();
}

const struct kind in_call = {
	.name = "a queued call",
	.arrange = arrange_call,
	.again = again_call,
};

static void
call_at_once(void *arg)
{
	struct promise *p = promise_new(X);

	(void)arg;
	p->in_kept = w.kind;
	(void)promise_call(p);
	expect(p->kept == 1);
}

static void
arrange_call_at_once(void)
{
	defer_call(call_at_once);
}

const struct kind in_call_at_once = {
	.name = "a call on an empty queue",
	.arrange = arrange_call_at_once,
	.again = again_call,
};

/* The callback follows from a write that the loop did not cause. */
static void
arrange_nothing(void)
{
}

static void
call_outside(void)
{
	call_at_once(NULL);
}

const struct kind in_call_outside = {
	.name = "a call outside the loop",
	.arrange = arrange_nothing,
	.again = again_call,
	.outside = call_outside,
};

static void
again_release(void)
{
	struct promise *p = promise_new(X);

	p->in_kept = w.kind;
	expect(promise_ref(p, "q") >= 0);
}

static void
release_outside(void)
{
	struct promise *p = promise_new(X);

	p->in_kept = w.kind;
	(void)promise_ref(p, "q");
	expect(p->kept == 1);
}

const struct kind in_release_outside = {
	.name = "a release outside the loop",
	.traits = QUEUES,
	.arrange = arrange_nothing,
	.again = again_release,
	.outside = release_outside,
};

/* X is stuck and will be closed. */
static void
arrange_to_drop(void)
{
	object_stuff(X);
	expect(socle_write(w.sock[X], "q", 1) == 0);
	defer_call(close_x);
}

static struct promise *
to_be_dropped(void)
{
	struct promise *p = promise_new(X);

	p->in_broken = w.kind;
	return p;
}

static void
arrange_drop(void)
{
	arrange_to_drop();
	expect(promise_call(to_be_dropped()) == 0);
	expect(promise_call(to_be_dropped()) == 0);
}

const struct kind in_drop = {
	.name = "the drop of a queued call",
	.traits = CLOSED | ENDS,
	.arrange = arrange_drop,
};

/* ---- references ---- */

static void
arrange_release(void)
{
	hold_back("q");
	again_release();
	again_release();
}

const struct kind in_release = {
	.name = "the release of a reference that was sent",
	.traits = QUEUES,
	.arrange = arrange_release,
	.again = again_release,
};

static void
arrange_release_unsent(void)
{
	arrange_to_drop();
	expect(promise_ref(to_be_dropped(), "q") == 0);
	expect(promise_ref(to_be_dropped(), "q") == 0);
}

const struct kind in_release_unsent = {
	.name = "the release of a reference that was not sent",
	.traits = CLOSED | ENDS,
	.arrange = arrange_release_unsent,
};

/* ---- files ---- */

static void
again_sent(void)
{
	struct promise *p = promise_new(X);

	p->in_kept = w.kind;
	expect(promise_file(p) >= 0);
}

static void
arrange_sent(void)
{
	hold_back("q");
	again_sent();
	again_sent();
}

const struct kind in_sent = {
	.name = "the completion of a file",
	.traits = QUEUES,
	.arrange = arrange_sent,
	.again = again_sent,
};

static void
arrange_unsent(void)
{
	arrange_to_drop();
	expect(promise_file(to_be_dropped()) == 0);
	expect(promise_file(to_be_dropped()) == 0);
}

const struct kind in_unsent = {
	.name = "the completion of a file that was not sent",
	.traits = CLOSED | ENDS,
	.arrange = arrange_unsent,
};

/* ---- the writer function ---- */

static ssize_t
writer(struct socle_socket *s, const void *data, size_t len, void *arg)
{
	const char *text = data;
	char c = len > 0 ? text[0] : 0;

	(void)arg;
	(void)event_of(s, "the writer function");
	if (++w.depth != 1)
		mistake("the writer function inside itself");
	act_in(&in_writer);
	w.depth--;
	expect(len == 0 || text[0] == c); /* the bytes are still there */
	return (ssize_t)len;
}

static void
arrange_writer(void)
{
	expect(socle_set_writer_func(w.sock[X], writer, NULL) == 0);
	hold_back("q");
}

static void
cancel_writer(void)
{
	expect(socle_set_writer_func(w.sock[X], NULL, NULL) == 0);
	hold_back("y");
}

static void
again_writer(void)
{
	hold_back("y");
}

const struct kind in_writer = {
	.name = "the writer function",
	.arrange = arrange_writer,
	.cancel = cancel_writer,
	.again = again_writer,
};
