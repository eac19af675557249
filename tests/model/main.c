/*
 * model [--seed=N] [--runs=N] [--seconds=N] [--jobs=N] [--stop]
 *       [--setting=NAME] [--steps=N] [--troubles=NAME,...] [--without=OP,...]
 *       [--before=N] [--trace] [--minimise]
 *
 * Runs random programs on the simulated kernel; see model.h.  Without --seed it
 * begins with seed 1.  A failure prints how to repeat it, and --minimise looks
 * for the shortest run with the fewest operations and troubles that fails too.
 */
#include "tests/model/model.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#ifdef __GLIBC__
#include <execinfo.h>
#endif

enum { STEPS = 400 };

static const char *const trouble_names[SIM_TROUBLES] = {
	[SIM_SHORT] = "short",
	[SIM_LATE] = "late",
	[SIM_INTERRUPT] = "interrupt",
	[SIM_SPURIOUS] = "spurious",
	[SIM_MEMORY] = "memory",
	[SIM_BUFFERS] = "buffers",
	[SIM_WATCHES] = "watches",
	[SIM_DESCRIPTORS] = "descriptors",
	[SIM_STOPPED] = "stopped",
	[SIM_FEW] = "few",
};

/* What the command line fixes. */
static struct asked {
	struct run run;
	bool troubles, without, stop;
} asked = {.run = {.steps = STEPS}};
static bool quiet;
static uint64_t before;

static void
print_run(const struct run *r)
{
	const char *comma = "";

	fprintf(stderr,
		"model --seed=%llu --steps=%llu --setting=%s --troubles=",
		(unsigned long long)r->seed, (unsigned long long)r->steps,
		r->setting);
	for (int i = 0; i < SIM_TROUBLES; i++)
		if (r->troubles >> i & 1) {
			fprintf(stderr, "%s%s", comma, trouble_names[i]);
			comma = ",";
		}
	fprintf(stderr, " --without=");
	comma = "";
	for (int i = 0; i < OPERATIONS; i++)
		if (r->without >> i & 1) {
			fprintf(stderr, "%s%s", comma, operation_names[i]);
			comma = ",";
		}
	fprintf(stderr, "\n");
}

/* Minimising must not end at another failure. */
static int
kind_of_failure(const char *fmt)
{
	unsigned sum = 0;

	while (*fmt)
		sum = sum * 31 + (unsigned char)*fmt++;
	return 3 + (int)(sum % 250);
}

void
sim_fail(const char *fmt, ...)
{
	va_list args;

	if (!quiet) {
		fprintf(stderr, "seed %llu, operation %llu, %s: ",
			(unsigned long long)model.run.seed,
			(unsigned long long)model.operations,
			model.is_child ? "child" : "failed");
		va_start(args, fmt);
		vfprintf(stderr, fmt, args);
		va_end(args);
		fprintf(stderr, "\n");
		print_run(&model.run);
	}
#ifdef __GLIBC__
	if (model.run.trace) {
		void *frames[40];

		backtrace_symbols_fd(frames, backtrace(frames, 40), 2);
	}
#endif
	_exit(quiet ? kind_of_failure(fmt) : 1);
}

/* ---- what a seed decides ---- */

/* Each trouble and each operation is there in most runs, and not in some. */
static struct run
run_of(uint64_t seed, const struct asked *a)
{
	struct run r = a->run;

	model.dice = seed * 0x2545f4914f6cdd1d + 7;
	r.seed = seed;
	if (!r.setting)
		r.setting = model_settings[choose(MODEL_SETTINGS)];
	for (int i = 0; !a->troubles && i < SIM_TROUBLES; i++)
		r.troubles |= (unsigned)sometimes(2) << i;
	for (int i = 0; !a->without && i < OPERATIONS; i++)
		r.without |= (uint64_t)sometimes(5) << i;
	if (!a->without)
		r.without &= ~((uint64_t)1 << OPERATION_make);
	return r;
}

/* What a worker has run before it; a failure must not depend on it. */
static void
run_before(uint64_t seed)
{
	const struct asked nothing = {.run = {.steps = STEPS}};

	for (uint64_t i = before; i > 0; i--) {
		struct run r = run_of(seed - i, &nothing);

		run_once(&r);
	}
}

/* ---- minimising ---- */

/* How the run fails, in a process of its own; 0: it does not. */
static int
failure_of(const struct run *r)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		quiet = true;
		alarm(20);
		if (!freopen("/dev/null", "w", stderr))
			_exit(2);
		run_before(r->seed);
		run_once(r);
		_exit(0);
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		continue;
	return status;
}

static bool
try_run(struct run *best, struct run candidate, int failure)
{
	if (failure_of(&candidate) != failure)
		return false;
	*best = candidate;
	return true;
}

static void
minimise(struct run r)
{
	int failure = failure_of(&r);
	uint64_t step;

	if (failure == 0) {
		fprintf(stderr, "seed %llu does not fail\n",
			(unsigned long long)r.seed);
		return;
	}
	for (int round = 0; round < 3; round++) {
		for (step = r.steps / 2; step > 0; step /= 2)
			while (r.steps > step) {
				struct run c = r;

				c.steps -= step;
				if (!try_run(&r, c, failure))
					break;
			}
		for (int i = 0; i < SIM_TROUBLES; i++) {
			struct run c = r;

			c.troubles &= ~(1U << i);
			if (c.troubles != r.troubles)
				(void)try_run(&r, c, failure);
		}
		for (int i = 0; i < OPERATIONS; i++) {
			struct run c = r;

			c.without |= (uint64_t)1 << i;
			if (c.without != r.without)
				(void)try_run(&r, c, failure);
		}
	}
	run_before(r.seed);
	run_once(&r);
}

/* ---- the command line ---- */

static uint64_t
names_to_bits(const char *text, const char *const *names, int n)
{
	uint64_t bits = 0;

	while (*text) {
		size_t len = strcspn(text, ",");
		int i = 0;

		while (i < n &&
			(strlen(names[i]) != len ||
				strncmp(names[i], text, len) != 0))
			i++;
		if (i == n) {
			fprintf(stderr, "there is no %.*s\n", (int)len, text);
			exit(2);
		}
		bits |= (uint64_t)1 << i;
		text += len + (text[len] == ',');
	}
	return bits;
}

static const char *
value_of(const char *arg, const char *name)
{
	size_t n = strlen(name);

	return strncmp(arg, name, n) == 0 && arg[n] == '=' ? arg + n + 1 : NULL;
}

struct campaign {
	uint64_t first, runs;
	time_t seconds;
	bool minimise;
	int jobs;
};

static void
argument(const char *arg, struct campaign *c)
{
	const char *v;

	if ((v = value_of(arg, "--seed")))
		c->first = strtoull(v, NULL, 10);
	else if ((v = value_of(arg, "--runs")))
		c->runs = strtoull(v, NULL, 10);
	else if ((v = value_of(arg, "--seconds")))
		c->seconds = (time_t)strtoll(v, NULL, 10);
	else if ((v = value_of(arg, "--before")))
		before = strtoull(v, NULL, 10);
	else if ((v = value_of(arg, "--jobs")))
		c->jobs = atoi(v);
	else if ((v = value_of(arg, "--steps")))
		asked.run.steps = strtoull(v, NULL, 10);
	else if ((v = value_of(arg, "--setting")))
		asked.run.setting = v;
	else if ((v = value_of(arg, "--troubles"))) {
		asked.run.troubles =
			(unsigned)names_to_bits(v, trouble_names, SIM_TROUBLES);
		asked.troubles = true;
	} else if ((v = value_of(arg, "--without"))) {
		asked.run.without =
			names_to_bits(v, operation_names, OPERATIONS);
		asked.without = true;
	} else if (strcmp(arg, "--stop") == 0)
		asked.stop = true;
	else if (strcmp(arg, "--trace") == 0)
		asked.run.trace = true;
	else if (strcmp(arg, "--minimise") == 0)
		c->minimise = true;
	else {
		fprintf(stderr, "model: %s is not known\n", arg);
		exit(2);
	}
}

/* ---- workers ---- */

/* What a worker has done, also when it has died. */
struct worker {
	pid_t pid;
	uint64_t seed, left, done, operations, calls, failed;
	uint64_t now; /* operations of the run that it is at */
};

static void
work(struct worker *w, uint64_t stride, time_t end)
{
	for (; w->left > 0 && (end == 0 || time(NULL) < end);
		w->seed += stride, w->left--) {
		struct run r = run_of(w->seed, &asked);

		alarm(60);
		model_progress = &w->now;
		w->now = 0;
		run_once(&r);
		w->done++;
		w->operations += model.operations;
		w->calls += sim_counts.calls;
	}
	_exit(0);
}

static void
worker_start(struct worker *w, uint64_t stride, time_t end)
{
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid == 0)
		work(w, stride, end);
	w->pid = pid; /* the memory is shared: the child must not set it */
}

/* One that has died is started again behind the seed that it failed. */
static bool
worker_ended(struct worker *w, int status, uint64_t stride, time_t end)
{
	if (status == 0)
		return true;
	if (WIFSIGNALED(status)) {
		struct run r = run_of(w->seed, &asked);

		fprintf(stderr, "seed %llu: killed by signal %d\n",
			(unsigned long long)w->seed, WTERMSIG(status));
		print_run(&r);
	}
	w->failed++;
	w->operations += w->now;
	w->seed += stride;
	w->left--;
	if (w->left == 0 || asked.stop)
		return true;
	worker_start(w, stride, end);
	return false;
}

static struct worker *
campaign(const struct campaign *c)
{
	size_t size = (size_t)c->jobs * sizeof(struct worker);
	struct worker *w = mmap(NULL, size, PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	time_t end = c->seconds ? time(NULL) + c->seconds : 0;
	uint64_t jobs = (uint64_t)c->jobs;

	if (w == MAP_FAILED)
		abort();
	for (uint64_t i = 0; i < jobs; i++) {
		w[i].seed = c->first + i;
		w[i].left = c->runs / jobs + (i < c->runs % jobs);
		worker_start(&w[i], jobs, end);
	}
	for (int running = c->jobs; running > 0;) {
		int status = 0;
		pid_t pid = wait(&status);

		for (uint64_t i = 0; i < jobs; i++)
			if (w[i].pid == pid)
				running -=
					worker_ended(&w[i], status, jobs, end);
	}
	return w;
}

int
main(int argc, char **argv)
{
	struct campaign c = {.first = 1, .runs = UINT64_MAX, .jobs = 1};
	struct worker sum = {.done = 0}, *w;

	for (int i = 1; i < argc; i++)
		argument(argv[i], &c);
	if (c.runs == UINT64_MAX && c.seconds == 0)
		c.runs = 1;
	if (c.minimise || asked.run.trace) {
		struct run r = run_of(c.first, &asked);

		if (c.minimise)
			minimise(r);
		else {
			run_before(r.seed);
			run_once(&r);
		}
		return 0;
	}
	w = campaign(&c);
	for (int i = 0; i < c.jobs; i++) {
		sum.done += w[i].done;
		sum.operations += w[i].operations;
		sum.calls += w[i].calls;
		sum.failed += w[i].failed;
	}
	printf("%llu runs, %llu operations, %llu system calls, %llu failed\n",
		(unsigned long long)(sum.done + sum.failed),
		(unsigned long long)sum.operations,
		(unsigned long long)sum.calls, (unsigned long long)sum.failed);
	return sum.failed > 0;
}
