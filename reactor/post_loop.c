/*
 * Post-loop callbacks.
 *
 * The list is walked with two marks in it, as the attention list is: a
 * callback may add and remove any of them.  One that is added during a walk
 * waits for the next tick.
 */
#include "reactor/post_loop.h"

#include "reactor/owned_arg.h"
#include "reactor/reactor.h"

static SOCLE__NOINLINE void
link_before(struct socle__post_loop *at, struct socle__post_loop *p)
{
	p->prev = at->prev;
	p->next = at;
	at->prev->next = p;
	at->prev = p;
}

static void
unlink_it(struct socle__post_loop *p)
{
	p->prev->next = p->next;
	p->next->prev = p->prev;
	p->next = p->prev = NULL;
}

void
socle__post_loop_add(struct socle__reactor *r, struct socle__post_loop *p)
{
	r->post_loop_runs = true;
	if (!p->next)
		link_before(&r->post_loops, p);
}

void
socle__post_loop_remove(struct socle__post_loop *p)
{
	if (p->next)
		unlink_it(p);
}

static bool
run_objects(struct socle__reactor *r)
{
	struct socle__post_loop at = {.run = NULL}, end = {.run = NULL};
	struct socle__post_loop *p;
	bool go_on = true;

	link_before(&r->post_loops, &end);
	link_before(r->post_loops.next, &at);
	while ((p = at.next) != &end && !socle__is_abandoned(r)) {
		unlink_it(&at);
		link_before(p->next, &at);
		if (p->run)
			go_on = p->run(p) && go_on;
	}
	unlink_it(&at);
	unlink_it(&end);
	return go_on;
}

bool
socle__post_loop_run(struct socle__reactor *r)
{
	struct socle__callback c;
	struct socle__arg_use use;
	bool go_on = run_objects(r);

	r->post_loop_runs =
		r->post_loop || r->post_loops.next != &r->post_loops;
	if (!r->post_loop || socle__is_abandoned(r))
		return go_on;
	socle__callback_begin(r, &c, NULL, SOCLE__ITEM_GLOBAL_POST_LOOP,
		r->post_loop_name, NULL);
	socle__arg_use_begin(&r->post_loop_arg, &use);
	go_on = r->post_loop(use.arg) && go_on;
	socle__callback_end(r, &c);
	socle__arg_use_end(r, &r->post_loop_arg, &use);
	return go_on;
}

static void
post_loop_set(const char *arguments, bool (*fn)(void *arg),
	void (*drop)(void *arg), void *arg)
{
	struct socle__reactor *r = socle__reactor_get();
	struct socle__owned_arg old, new = {.arg = arg, .drop = drop};

	if (!r)
		return;
	old = r->post_loop_arg;
	r->post_loop = fn;
	r->post_loop_runs = true;
	r->post_loop_arg = new;
	r->post_loop_name = arguments;
	socle__arg_end(r, &old);
}

void
socle_set_post_loop_callback_named(
	const char *arguments, bool (*fn)(void *arg), void *arg)
{
	post_loop_set(arguments, fn, NULL, arg);
}

void
socle_set_post_loop_callback_or_drop(
	bool (*fn)(void *arg), void (*drop)(void *arg), void *arg)
{
	post_loop_set(NULL, fn, fn ? drop : NULL, arg);
}

#undef socle_set_post_loop_callback
void
socle_set_post_loop_callback(bool (*fn)(void *arg), void *arg)
{
	socle_set_post_loop_callback_named(NULL, fn, arg);
}
