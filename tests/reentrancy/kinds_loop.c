/* Callbacks of the loop, which belong to no object. */
#include "tests/reentrancy/kinds.h"

#include <signal.h>

/* ---- timers ---- */

static void
timer_fires(struct socle_timer *t)
{
	(void)t;
	act_in(&in_timer);
}

static void
start_timer(void)
{
	expect(socle_timer_start(&w.timer, 0) == 0);
}

static void
arrange_timer(void)
{
	socle_timer_init(&w.timer, timer_fires);
	start_timer();
}

/* It was started again in its own callback. */
static void
cancel_timer(void)
{
	expect(!socle_timer_pending(&w.timer));
	start_timer();
	socle_timer_cancel(&w.timer);
	expect(!socle_timer_pending(&w.timer));
}

const struct kind in_timer = {
	.name = "a timer",
	.traits = NO_OBJECT,
	.arrange = arrange_timer,
	.cancel = cancel_timer,
	.again = start_timer,
};

static void
timer_by_id_fires(void *arg)
{
	(void)arg;
	act_in(&in_timer_by_id);
}

static void
add_timer(void)
{
	w.id = socle_add_timer(0, timer_by_id_fires, NULL);
	expect(w.id != 0);
}

static void
cancel_timer_by_id(void)
{
	expect(!socle_cancel_timer(w.id));
	add_timer();
	expect(socle_cancel_timer(w.id));
}

const struct kind in_timer_by_id = {
	.name = "a timer by identifier",
	.traits = NO_OBJECT,
	.arrange = add_timer,
	.cancel = cancel_timer_by_id,
	.again = add_timer,
};

/* ---- deferred and posted calls ---- */

static void
deferred(void *arg)
{
	(void)arg;
	act_in(&in_deferred);
}

static void
defer_it(void)
{
	defer_call(deferred);
}

static void
defer_two(void)
{
	defer_it();
	defer_it();
}

const struct kind in_deferred = {
	.name = "a deferred call",
	.traits = NO_OBJECT,
	.arrange = defer_two,
	.again = defer_it,
};

static void
posted(void *arg)
{
	(void)arg;
	act_in(&in_posted);
}

static void
post_it(void)
{
	if (!w.self)
		w.self = socle_loop_self();
	expect(w.self && socle_post(w.self, posted, NULL) == 0);
}

static void
post_two(void)
{
	post_it();
	post_it();
}

const struct kind in_posted = {
	.name = "a posted call",
	.traits = NO_OBJECT,
	.arrange = post_two,
	.again = post_it,
};

/* ---- signals ---- */

static void
on_signal(int signo, void *arg)
{
	(void)signo;
	(void)arg;
	act_in(&in_signal);
}

/* Without a handler it would end the process. */
static void
raise_it(void)
{
	struct sigaction now;

	if (sigaction(SIGUSR1, NULL, &now) == 0 && now.sa_handler != SIG_DFL)
		raise(SIGUSR1);
}

static void
arrange_signal(void)
{
	expect(socle_signal(SIGUSR1, on_signal, NULL) == 0);
	raise_it();
}

/* The action that it had before would end the process. */
static void
cancel_signal(void)
{
	raise_it();
	expect(socle_signal(SIGUSR1, NULL, NULL) == 0);
}

const struct kind in_signal = {
	.name = "a signal",
	.traits = NO_OBJECT,
	.arrange = arrange_signal,
	.cancel = cancel_signal,
	.again = raise_it,
};

/* ---- other fds ---- */

static int other_fds[2];

static void
other_fd(int fd, unsigned ready, void *arg)
{
	char c;

	(void)ready;
	(void)arg;
	if (read(fd, &c, 1) == 1)
		act_in(&in_other_fd);
}

static void
other_fd_again(void)
{
	send_all(other_fds[1], "o", 1);
}

static void
arrange_other_fd(void)
{
	pair_pipe(other_fds);
	hold_fd(other_fds[0]);
	hold_fd(other_fds[1]);
	expect(socle_add_other_fd(other_fds[0], SOCLE_READ, other_fd, NULL) ==
		0);
	other_fd_again();
}

static void
cancel_other_fd(void)
{
	other_fd_again();
	expect(socle_remove_other_fd(other_fds[0]) == 0);
}

const struct kind in_other_fd = {
	.name = "another fd",
	.traits = NO_OBJECT,
	.arrange = arrange_other_fd,
	.cancel = cancel_other_fd,
	.again = other_fd_again,
};

static void
visit(int fd, unsigned events, void *arg)
{
	(void)fd;
	(void)arg;
	expect(events == SOCLE_READ);
	act_in(&in_each_other_fd);
}

static void
visit_all(void *arg)
{
	socle_each_other_fd(visit, arg);
}

static void
arrange_each_other_fd(void)
{
	defer_call(visit_all);
}

const struct kind in_each_other_fd = {
	.name = "a function of socle_each_other_fd()",
	.traits = NO_OBJECT | CALLED_FOR,
	.arrange = arrange_each_other_fd,
	.again = arrange_each_other_fd,
};

/* ---- the loop's post-loop callback ---- */

static bool
post_loop(void *arg)
{
	(void)arg;
	act_in(&in_loop_post_loop);
	return true;
}

static void
arrange_loop_post_loop(void)
{
	socle_set_post_loop_callback(post_loop, NULL);
}

static void
cancel_loop_post_loop(void)
{
	socle_set_post_loop_callback(NULL, NULL);
}

const struct kind in_loop_post_loop = {
	.name = "the loop's post-loop callback",
	.traits = NO_OBJECT,
	.arrange = arrange_loop_post_loop,
	.cancel = cancel_loop_post_loop,
	.again = arrange_loop_post_loop,
};

/* ---- the done of socle_run_until() ---- */

static bool is_done;

/* Two ticks, so that what it does inside the loop is seen. */
bool
done(void *arg)
{
	(void)arg;
	act_in(&in_done);
	return is_done || w.runs > 2;
}

static void
arrange_done(void)
{
	is_done = false;
	socle_set_loop_timeout(0);
}

static void
cancel_done(void)
{
	is_done = true;
}

const struct kind in_done = {
	.name = "the done of socle_run_until()",
	.traits = NO_OBJECT,
	.arrange = arrange_done,
	.cancel = cancel_done,
	.again = arrange_done,
};
