/*
 * Timers, deferred and posted calls, signals, other fds and nested loops: what
 * the loop calls apart from objects.
 */
#include "tests/model/model.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

enum { SIGNO = SIGUSR1 };

/* ---- timers ---- */

struct clocked {
	struct socle_timer timer; /* of those in a struct */
	socle_timer_id id;
	bool pending;
	int64_t soonest, latest; /* its deadline lies between */
	uint64_t tick;           /* in which it was started */
};

static struct clocked timers[TIMERS];
static uint64_t tick;

static bool
is_struct(const struct clocked *t)
{
	return (t - timers) % 2 == 0;
}

static void
fire(struct clocked *t)
{
	callback_begin();
	expect(t->pending, "a timer that is not pending fired");
	expect(sim_now() >= t->soonest, "a timer fired %d ns early",
		(int)(t->soonest - sim_now()));
	for (int i = 0; i < TIMERS; i++)
		expect(!timers[i].pending || timers[i].tick == tick ||
				timers[i].latest >= t->soonest,
			"a timer fired before an earlier one");
	t->pending = false;
	act_inside();
	callback_end();
}

static void
struct_fires(struct socle_timer *timer)
{
	fire(socle_container_of(timer, struct clocked, timer));
}

static void
id_fires(void *arg)
{
	fire(arg);
}

static void
cancel(struct clocked *t)
{
	if (is_struct(t)) {
		expect(socle_timer_pending(&t->timer) == t->pending,
			"pending is %d", !t->pending);
		socle_timer_cancel(&t->timer);
	} else {
		expect(socle_cancel_timer(t->id) == t->pending,
			"cancel said %d", !t->pending);
	}
	t->pending = false;
}

void
operate_timer(void)
{
	struct clocked *t = &timers[choose(TIMERS)];
	int64_t ns =
		sometimes(4) ? 0 : (int64_t)choose(UINT64_C(1) << choose(34));
	int64_t before = sim_now();

	if (!is_struct(t) && t->pending)
		cancel(t);
	if (is_struct(t)) {
		if (socle_timer_start(&t->timer, (double)ns / 1e9) < 0)
			return;
	} else {
		t->id = socle_add_timer((double)ns / 1e9, id_fires, t);
		if (t->id == 0)
			return;
	}
	t->pending = true;
	t->soonest = before + ns - 1000;
	t->latest = sim_now() + ns + 1000;
	t->tick = tick;
}

void
operate_cancel(void)
{
	cancel(&timers[choose(TIMERS)]);
}

/* ---- deferred and posted calls ---- */

static uint64_t made[2], run[2]; /* deferred, posted */

static void
called_back(void *arg, int which)
{
	callback_begin();
	expect((uint64_t)(uintptr_t)arg == run[which] + 1,
		"call %d came after %d", (int)(uintptr_t)arg, (int)run[which]);
	run[which]++;
	act_inside();
	callback_end();
}

static void
deferred(void *arg)
{
	called_back(arg, 0);
}

static void
posted(void *arg)
{
	called_back(arg, 1);
}

void
operate_defer(void)
{
	void *arg = (void *)(uintptr_t)(made[0] + 1);
	int result = socle_defer_or_drop(deferred, deferred, arg);

	expect(result == 0 || result == -ENOMEM, "defer said %d", result);
	made[0] += result == 0;
}

void
operate_post(void)
{
	struct socle_loop *loop = socle_loop_self();
	void *arg = (void *)(uintptr_t)(made[1] + 1);
	int result;

	if (!loop)
		return;
	result = socle_post_or_drop(loop, posted, posted, arg);
	expect(result == 0 || result == -ENOMEM || result == -EMFILE,
		"post said %d", result);
	made[1] += result == 0;
	socle_loop_release(loop);
}

/* ---- signals ---- */

static bool signalled, has_signal;

static void
signal_comes(int signo, void *arg)
{
	(void)arg;
	callback_begin();
	expect(signo == SIGNO && has_signal, "signal %d came", signo);
	expect(signalled, "a signal that was not sent");
	signalled = false;
	act_inside();
	callback_end();
}

void
operate_signal(void)
{
	bool on = choose(4) > 0;

	if (has_signal && on) {
		signalled = true;
		sim_signal(SIGNO);
		return;
	}
	if (socle_signal(SIGNO, on ? signal_comes : NULL, NULL) < 0)
		return;
	has_signal = on;
	signalled = false;
}

/* ---- other fds ---- */

static struct other {
	int near, far;
	bool there;
	size_t sent, got;
	bool ended, refused;
	int unserved; /* ticks with input, and without a call */
} others[OTHERS];

static void
other_is_ready(int fd, unsigned ready, void *arg)
{
	struct other *o = arg;
	char data[100];
	ssize_t n;

	callback_begin();
	expect(o->there && o->near == fd, "an other fd that was removed");
	expect(ready != 0, "nothing is ready");
	o->unserved = 0;
	sim_outside_begin();
	n = read(fd, data, sizeof(data));
	sim_outside_end();
	if (n > 0)
		o->got += (size_t)n;
	if (ready & SOCLE_ERR) /* it is not watched any more */
		o->refused = true;
	if (!model.calm && !(model.run.without >> OPERATION_nest & 1) &&
		model.depth < 6 && sometimes(4))
		operate_nest(); /* edges must not be lost */
	act_inside();
	callback_end();
}

static void
other_open(struct other *o)
{
	int fds[2];

	sim_outside_begin();
	if (pipe2(fds, O_NONBLOCK | O_CLOEXEC) == 0)
		*o = (struct other){.near = fds[0], .far = fds[1]};
	sim_outside_end();
	if (o->far < 0)
		return;
	if (socle_add_other_fd(o->near, SOCLE_READ, other_is_ready, o) == 0) {
		o->there = true;
		return;
	}
	sim_outside_begin();
	close(o->near);
	close(o->far);
	sim_outside_end();
	o->near = o->far = -1;
}

static void
other_close(struct other *o)
{
	int result = socle_remove_other_fd(o->near);

	expect(result == 0, "remove_other_fd said %d", result);
	o->there = false;
	sim_outside_begin();
	close(o->near);
	if (!o->ended)
		close(o->far);
	sim_outside_end();
	o->near = o->far = -1;
}

/* poll(2) does not tell of a new writer. */
static void
other_goes_on(struct other *o)
{
	int fd = -1;

	sim_outside_begin();
	if (strncmp(model.run.setting, "poll", 4) != 0)
		fd = sim_writer(o->near);
	sim_outside_end();
	if (fd < 0)
		return;
	o->far = fd;
	o->ended = false;
	sim_outside_begin();
	if (write(fd, "some bytes", 10) == 10)
		o->sent += 10;
	sim_outside_end();
}

void
operate_other(void)
{
	struct other *o = &others[choose(OTHERS)];
	ssize_t n;

	if (!o->there) {
		other_open(o);
	} else if (sometimes(6)) {
		other_close(o);
	} else if (o->ended) {
		other_goes_on(o);
	} else {
		sim_outside_begin();
		n = sometimes(4) ? 0 : write(o->far, "some bytes", 10);
		if (n == 0)
			close(o->far);
		sim_outside_end();
		o->ended = n == 0;
		o->sent += n > 0 ? (size_t)n : 0;
	}
}

/* ---- nested loops ---- */

static bool
enough(void *arg)
{
	int *left = arg;
	bool done;

	callback_begin();
	act_inside();
	done = --*left <= 0 || model.calm;
	callback_end();
	return done;
}

void
operate_nest(void)
{
	int left = 1 + (int)choose(4);

	if (model.nested >= 3)
		return;
	model.nested++;
	socle_set_loop_timeout((int)choose(50));
	if (sometimes(2))
		(void)socle_run_until(enough, &left);
	else
		(void)socle_event_loop_once((int)choose(20));
	streams_were_flushed();
	model.nested--;
}

/* ---- the whole ---- */

void
calls_begin(void)
{
	for (int i = 0; i < TIMERS; i++) {
		timers[i].pending = false;
		socle_timer_init(&timers[i].timer, struct_fires);
	}
	for (int i = 0; i < OTHERS; i++)
		others[i] = (struct other){.near = -1, .far = -1};
	signalled = has_signal = false;
}

/* Ten waits that report all that is ready have reported it. */
static void
check_served(struct other *o)
{
	if (!o->there || o->refused || sim_unread(o->near) == 0 ||
		model.run.troubles & 1U << SIM_FEW)
		o->unserved = 0;
	else
		o->unserved++;
	expect(o->unserved < 10, "an other fd has input, and is not called");
}

void
calls_tick(void)
{
	tick++;
	for (int i = 0; i < OTHERS; i++)
		check_served(&others[i]);
}

/* The loop is about to sleep: a timer must end that. */
void
calls_sleep(int64_t ns)
{
	int64_t end = ns < 0 ? INT64_MAX : sim_now() + ns;

	if (model.run.troubles & 1U << SIM_STOPPED)
		return; /* perhaps since the loop looked at the clock */
	for (int i = 0; i < TIMERS; i++)
		expect(!timers[i].pending || timers[i].latest > end - 5000000,
			"the loop sleeps for %d us beyond a timer",
			(int)((end - timers[i].latest) / 1000));
}

void
calls_forget(void)
{
	for (int i = 0; i < TIMERS; i++) {
		timers[i].pending = false;
		timers[i].id = 0;
	}
	signalled = has_signal = false;
	sim_outside_begin();
	for (int i = 0; i < OTHERS; i++) {
		if (others[i].near >= 0)
			close(others[i].near);
		if (others[i].near >= 0 && !others[i].ended)
			close(others[i].far);
		others[i] = (struct other){.near = -1, .far = -1};
	}
	sim_outside_end();
}

void
calls_settled(void)
{
	int64_t now = sim_now();

	for (int i = 0; i < TIMERS; i++)
		expect(!timers[i].pending || timers[i].latest > now - 1000000,
			"a timer is overdue by %d ns",
			(int)(now - timers[i].latest));
	expect(made[0] == run[0], "%d of %d deferred calls ran", (int)run[0],
		(int)made[0]);
	expect(made[1] == run[1], "%d of %d posted calls ran", (int)run[1],
		(int)made[1]);
	expect(!signalled, "a signal was lost");
	for (int i = 0; i < OTHERS; i++)
		expect(!others[i].there || others[i].refused ||
				others[i].got == others[i].sent,
			"an other fd heard of %d of %d bytes",
			(int)others[i].got, (int)others[i].sent);
}

void
calls_end(void)
{
	calls_forget();
	expect(made[0] == run[0] && made[1] == run[1],
		"calls are owed after a reset");
}
