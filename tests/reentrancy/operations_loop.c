/* Timers, calls, signals, fds and profiling inside a callback. */
#include "tests/reentrancy/operations.h"

#include "tests/reentrancy/kinds.h"

#include <signal.h>

/* ---- the callback's own registration ---- */

static void
cancel_itself(void)
{
	w.kind->cancel();
}

static void
check_ran_once(void)
{
	expect(w.runs == 1);
}

const struct operation cancelling_itself = {
	.name = "cancelling itself",
	.traits = NEEDS_CANCEL,
	.act = cancel_itself,
	.check = check_ran_once,
};

static void
arm_again(void)
{
	w.kind->again();
}

/* What starts itself again cannot keep the loop from its other work. */
static void
check_ran_again(void)
{
	expect(w.runs >= 2);
	if (kind_is(&in_timer) || kind_is(&in_timer_by_id) ||
		kind_is(&in_deferred) || kind_is(&in_posted))
		expect(w.ran_at > w.acted_at);
}

const struct operation arming_itself_again = {
	.name = "arming itself again",
	.traits = NEEDS_AGAIN,
	.act = arm_again,
	.check = check_ran_again,
};

/* ---- timers ---- */

static void
cancel_others(void)
{
	expect(socle_timer_pending(&w.doom));
	socle_timer_cancel(&w.doom);
	expect(!socle_timer_pending(&w.doom));
	expect(socle_cancel_timer(w.doomed_id));
	expect(!socle_cancel_timer(w.doomed_id));
	expect(socle_remove_other_fd(w.other) == 0);
	expect(socle_remove_other_fd(w.other) == -ENOENT);
	w.mark = w.other_calls;
}

static void
check_cancelled(void)
{
	expect(w.doomed == 0);
	expect(w.other_calls == w.mark);
}

const struct operation cancelling_others = {
	.name = "cancelling other timers and fds",
	.act = cancel_others,
	.check = check_cancelled,
};

static void
fire(void *arg)
{
	(void)arg;
	w.fired++;
}

static void
fire_timer(struct socle_timer *t)
{
	(void)t;
	w.fired++;
}

static void
arrange_timers(void)
{
	socle_timer_init(&w.more, fire_timer);
}

static void
start_timers(void)
{
	expect(socle_timer_start(&w.more, 0) == 0);
	expect(socle_add_timer(0, fire, NULL) != 0);
	expect(socle_timer_start(&w.doom, 50) == 0);
	expect(w.fired == 0);
}

static void
check_fired(void)
{
	expect(w.fired == 2);
}

const struct operation starting_timers = {
	.name = "starting timers",
	.arrange = arrange_timers,
	.act = start_timers,
	.check = check_fired,
};

/* ---- deferred and posted calls ---- */

static void
count(void *arg)
{
	(void)arg;
	w.counted++;
}

static void
defer_and_post(void)
{
	if (!w.self)
		w.self = socle_loop_self();
	expect(socle_defer(count, NULL) == 0);
	expect(w.self && socle_post(w.self, count, NULL) == 0);
	expect(w.counted == 0);
}

static void
check_counted_both(void)
{
	expect(w.counted == 2);
}

const struct operation deferring_and_posting = {
	.name = "deferring and posting calls",
	.act = defer_and_post,
	.check = check_counted_both,
};

/* ---- signals and other fds ---- */

static void
on_signal(int signo, void *arg)
{
	expect(signo == SIGUSR2);
	count(arg);
}

static void
handle_and_raise(void)
{
	expect(socle_signal(SIGUSR2, on_signal, NULL) == 0);
	raise(SIGUSR2);
	expect(w.counted == 0);
}

static void
check_counted(void)
{
	expect(w.counted == 1);
}

const struct operation raising_a_signal = {
	.name = "raising a signal",
	.act = handle_and_raise,
	.check = check_counted,
};

static void
on_fd(int fd, unsigned ready, void *arg)
{
	expect(ready & SOCLE_READ);
	expect(socle_remove_other_fd(fd) == 0);
	count(arg);
}

static void
add_fd(void)
{
	int fds[2];

	pair_pipe(fds);
	hold_fd(fds[0]);
	hold_fd(fds[1]);
	send_all(fds[1], "p", 1);
	expect(socle_add_other_fd(fds[0], SOCLE_READ, on_fd, NULL) == 0);
}

const struct operation adding_an_other_fd = {
	.name = "adding another fd",
	.act = add_fd,
	.check = check_counted,
};

static void
make_an_object(void)
{
	object_new(NEW);
	socle_watch_read(w.sock[NEW], true);
	send_to(NEW, "n");
}

static void
check_made(void)
{
	expect(is_open(NEW) && strchr(w.got[NEW], 'n'));
}

const struct operation making_an_object = {
	.name = "making an object",
	.act = make_an_object,
	.check = check_made,
};

/* ---- profiling ---- */

static void
count_healthy_reads(const struct socle_profile_item *item, void *arg)
{
	if (strcmp(item->item, "Healthy-read") == 0)
		*(uint64_t *)arg += item->calls;
}

static uint64_t
healthy_reads(void)
{
	uint64_t n = 0;

	socle_profiling_data(count_healthy_reads, &n);
	return n;
}

static void
profile(void)
{
	w.mark = (int)strlen(w.got[H]);
	socle_disable_profiling();
	expect(socle_enable_profiling(SOCLE_PROFILE_WALL) == 1);
}

static void
check_profiled(void)
{
	expect(healthy_reads() == strlen(w.got[H]) - (size_t)w.mark);
}

const struct operation profiling_on = {
	.name = "turning profiling on",
	.act = profile,
	.check = check_profiled,
};

static void
arrange_profile(void)
{
	expect(socle_enable_profiling(0) == 1);
}

static void
profile_no_more(void)
{
	socle_disable_profiling();
}

static void
check_not_profiled(void)
{
	expect(strlen(w.got[H]) > 0);
	expect(healthy_reads() < strlen(w.got[H]));
}

const struct operation profiling_off = {
	.name = "turning profiling off",
	.arrange = arrange_profile,
	.act = profile_no_more,
	.check = check_not_profiled,
};
