/* One run: the dice, the operations, and what is looked at after each. */
#include "tests/model/model.h"

#include "tests/kqueue/kernels.h"
#include "tests/support/faults.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct model model;
uint64_t *model_progress;

#define MODEL_NAME(name, weight) #name,
const char *const operation_names[OPERATIONS] = {MODEL_OPERATIONS(MODEL_NAME)};
#define MODEL_WEIGHT(name, weight) weight,
static const unsigned weights[OPERATIONS] = {MODEL_OPERATIONS(MODEL_WEIGHT)};

const char *const model_settings[MODEL_SETTINGS] = {"epoll", "poll", "kqueue",
	"kqueue.freebsd", "kqueue.netbsd", "kqueue.openbsd", "kqueue.macos",
	"poll.freebsd", "poll.netbsd", "poll.openbsd", "poll.macos"};

/* ---- the dice ---- */

const uint8_t *model_input;
size_t model_input_left;

/* The input of a fuzzer comes before the seed. */
static uint64_t
choose_from_input(uint64_t n)
{
	uint64_t value = *model_input++;

	if (--model_input_left > 0 && n > 256) {
		value = value << 8 | *model_input++;
		model_input_left--;
	}
	return value % n;
}

uint64_t
choose(uint64_t n)
{
	uint64_t z = model.dice += 0x9e3779b97f4a7c15;

	if (model_input_left > 0 && n > 1)
		return choose_from_input(n);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	z ^= z >> 31;
	return n < 2 ? 0 : (z >> 32) * n >> 32;
}

bool
sometimes(uint64_t n)
{
	return choose(n) == 0;
}

/* ---- operations ---- */

static void
operate_stop(void)
{
	if (model.depth > 0)
		socle_stop();
}

static void
forget_all(void)
{
	calls_forget();
	dgrams_forget();
	factories_forgotten();
}

static void
operate_reset(void)
{
	model.was_reset = true;
	model.resetting++;
	forget_all();
	socle_reset();
	model.resetting--;
}

static void
operate_profile(void)
{
	if (sometimes(2))
		socle_disable_profiling();
	else
		(void)socle_enable_profiling(
			sometimes(2) ? SOCLE_PROFILE_WALL : SOCLE_PROFILE_CPU);
}

static void
operate_pass(void)
{
	sim_pass((int64_t)choose(UINT64_C(1) << choose(31)));
}

static struct stream *
stream_with_object(void)
{
	struct stream *s = some_stream();

	return s && s->node ? s : NULL;
}

#define MODEL_CASE(name)                                                       \
	case OPERATION_##name:                                                 \
		operate_##name(s);                                             \
		break;

static void
operate_on(enum operation which, struct stream *s)
{
	switch ((int)which) {
		MODEL_CASE(write)
		MODEL_CASE(writev)
		MODEL_CASE(ref)
		MODEL_CASE(call)
		MODEL_CASE(kick)
		MODEL_CASE(file)
		MODEL_CASE(read)
		MODEL_CASE(unread)
		MODEL_CASE(reader)
		MODEL_ON_STREAMS(MODEL_CASE)
	}
	if (model.run.trace)
		fprintf(stderr,
			"%*sstream %d: read %llu of %llu, sent %llu of %llu\n",
			model.depth * 2, "", s->number,
			(unsigned long long)s->got,
			(unsigned long long)s->far_sent,
			(unsigned long long)s->arrived,
			(unsigned long long)s->accepted);
	if (s->used && s->node)
		check_queue(s);
}

/* clang-format off */
#define MODEL_ALONE(X) \
	X(make) X(timer) X(cancel) X(defer) X(post) X(signal) X(other) X(nest) \
	X(stop) X(reset) X(profile) X(pass) X(fork) X(dgram) X(listen) \
	X(client) X(connect)
/* clang-format on */
#define MODEL_ALONE_CASE(name)                                                 \
	case OPERATION_##name:                                                 \
		operate_##name();                                              \
		return;

static void
operate(enum operation which)
{
	struct stream *s;

	switch ((int)which) {
		MODEL_ALONE(MODEL_ALONE_CASE)
	default:
		s = stream_with_object();
		if (s)
			operate_on(which, s);
	}
}

static unsigned
sum_of_weights(void)
{
	unsigned sum = 0;

	for (int i = 0; i < OPERATIONS; i++)
		if (!(model.run.without >> i & 1))
			sum += weights[i];
	return sum;
}

void
act(void)
{
	static uint64_t without = UINT64_MAX;
	static unsigned sum;
	unsigned at;

	if (without != model.run.without)
		sum = sum_of_weights();
	without = model.run.without;
	if (sum == 0 || model.child)
		return;
	at = (unsigned)choose(sum);
	for (int i = 0; i < OPERATIONS; i++) {
		if (model.run.without >> i & 1)
			continue;
		if (at < weights[i]) {
			model.operations++;
			if (model_progress)
				*model_progress = model.operations;
			if (model.run.trace)
				fprintf(stderr, "%*s%s\n", model.depth * 2, "",
					operation_names[i]);
			operate((enum operation)i);
			return;
		}
		at -= weights[i];
	}
}

void
act_inside(void)
{
	if (model.calm || model.resetting > 0 || model.depth > 6)
		return;
	for (uint64_t n = choose(3); n > 0 && !model.calm; n--)
		act();
}

void
callback_begin(void)
{
	expect(!model.child, "a callback in a child");
	model.depth++;
}

void
callback_end(void)
{
	model.depth--;
}

/* ---- the run ---- */

/* While the library waits: another process does something. */
static bool
idle(void)
{
	static const enum operation far[] = {OPERATION_far_write,
		OPERATION_far_read, OPERATION_far_shut, OPERATION_far_close,
		OPERATION_client};
	enum operation which = far[choose(sizeof(far) / sizeof(*far))];

	if (model.calm || sometimes(3) || model.run.without >> which & 1 ||
		model.depth > 6)
		return false;
	model.operations++;
	operate(which);
	return true;
}

static void
setting_use(const char *name)
{
	static const char *const kernel_names[] = {
		"manual", "freebsd", "netbsd", "openbsd", "macos"};
	const char *dot = strchr(name, '.');
	char backend[16];
	int result;

	snprintf(backend, sizeof(backend), "%.*s",
		(int)(dot ? dot - name : (long)strlen(name)), name);
	kernel_becomes(MANUAL);
	for (int i = 0; dot && i < 5; i++)
		if (strcmp(dot + 1, kernel_names[i]) == 0)
			kernel_becomes((enum kernel_id)i);
	socle__seam.unix_full =
		kernel()->full_backlog_refuses ? ECONNREFUSED : EAGAIN;
	socle__seam.accept_drops = kernel()->accept_takes_client;
	socle__seam.send_hides_error = kernel()->dead_send_is_epipe;
	while ((result = socle_set_backend(backend)) < 0)
		expect(result == -ENOMEM, "backend %s: %d", backend, result);
}

/* What moved since the last tick did so after that had begun. */
static void
note_output(struct stream *s)
{
	uint64_t taken = s->used && s->node ? sim_taken(s->fd) : 0;

	if (taken != s->taken_seen)
		s->moved_at = model.tick_began;
	s->taken_seen = taken;
}

/* Before an idle timeout it has to be read. */
static void
note_input(struct stream *s)
{
	s->had_input = s->used && s->node && s->reading && !s->connecting &&
		!s->read_through && !s->writes_through && !s->broke &&
		!(model.run.troubles & 1U << SIM_WATCHES) &&
		!socle_closed(&s->node->sock) &&
		socle_watching(&s->node->sock) & SOCLE_READ &&
		sim_unread(s->fd) > 0;
}

static void
tick(void)
{
	int result;

	calls_tick();
	for (int i = 0; i < STREAMS; i++)
		note_output(&streams[i]);
	model.tick_began = sim_now();
	for (int i = 0; i < STREAMS; i++)
		note_input(&streams[i]);
	model.was_reset = false;
	if (model.run.trace)
		fprintf(stderr, "tick at %lld ms\n",
			(long long)(sim_now() / 1000000));
	result = socle_event_loop_once((int)choose(sometimes(4) ? 200 : 2));
	streams_were_flushed();
	if (model.child)
		child_continue();
	expect(result == 0 || result == 1 || result == -ENOMEM ||
			result == -EMFILE || result == -ENOSPC,
		"the loop said %d", result);
}

static void
note_log(int level, const char *message, void *arg)
{
	(void)level;
	(void)message;
	(void)arg;
}

static void
run_begin(const struct run *r)
{
	model = (struct model){.run = *r, .dice = r->seed ^ 0x6d6f64656c};
	sim_begin(r->seed, r->troubles);
	model.fds = sim_open_fds();
	sim_idle = idle;
	sim_sleeps = calls_sleep;
	setting_use(r->setting);
	socle_set_log(note_log, NULL);
	for (int i = 0; i < STREAMS; i++)
		streams[i] = (struct stream){.far = -1};
	calls_begin();
	dgrams_begin();
	factories_begin();
}

static void
run_end(void)
{
	if (!model.was_reset)
		settle();
	model.was_reset = true;
	forget_all();
	socle_reset();
	check_all_gone();
	factories_end();
	calls_end();
	expect(sim_blocks() == 0, "%ld blocks of memory leak", sim_blocks());
	sim_outside_begin();
	for (int i = 0; i < STREAMS; i++)
		if (streams[i].far >= 0)
			close(streams[i].far);
	sim_outside_end();
	expect(sim_open_fds() == model.fds, "%d fds leak",
		sim_open_fds() - model.fds);
}

void
run_once(const struct run *r)
{
	run_begin(r);
	for (uint64_t i = 0; i < r->steps && !model.input_ended; i++) {
		if (sometimes(3))
			tick();
		else
			act();
		if (model.child)
			child_continue();
		model.input_ended = model_input && model_input_left == 0;
	}
	model.was_reset = false;
	run_end();
}
