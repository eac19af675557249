/* scenario.h describes it. */
#include "tests/support/scenario_private.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/un.h>
#include <sys/wait.h>

/* Many times more than it needs. */
enum { TICKS = 3000 };

static bool without_profile;

struct scenario scenario;
char scenario_bytes[MOST];
char scenario_path[64], scenario_file[64];

const char *const scenario_part_names[PARTS] = {"a refused call", "the loop",
	"the timer", "the timer with an id", "the other fd",
	"the deferred call", "the posted call", "the signal", "the nested loop",
	"the pipe's writer", "the pipe's reader", "the idle object",
	"the stalled object", "the broken object", "the held-back end",
	"the stolen socket", "the filtered object", "the files",
	"the filtered file", "the ghost"};

/* ---- mistakes found ---- */

void
wrong(const char *fmt, ...)
{
	va_list ap;

	if (scenario.problem[0])
		return;
	va_start(ap, fmt);
	vsnprintf(scenario.problem, sizeof(scenario.problem), fmt, ap);
	va_end(ap);
}

void
part_erred(enum part p)
{
	scenario.erred[p] = 1;
}

void
part_done(enum part p)
{
	scenario.done[p] = true;
}

/* Counts a refused call, which the program makes again. */
bool
refused(long result)
{
	if (result >= 0)
		return false;
	if (result == -EINTR)
		wrong("EINTR was returned");
	scenario.erred[CALL_REFUSED]++;
	return true;
}

static void
message(int level, const char *text, void *arg)
{
	(void)level;
	(void)text;
	(void)arg;
	scenario.messages++;
}

static int
open_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = -3; /* its own fd, "." and ".." */

	if (!d)
		return 0;
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

void
raw_keep(int fd)
{
	if (scenario.raw_n ==
		(int)(sizeof(scenario.raw) / sizeof(scenario.raw[0])))
		abort();
	scenario.raw[scenario.raw_n++] = fd;
}

void
raw_forget(int fd)
{
	for (int i = 0; i < scenario.raw_n; i++)
		if (scenario.raw[i] == fd)
			scenario.raw[i] = scenario.raw[--scenario.raw_n];
}

void
check_pattern(const char *data, size_t n, size_t at, const char *where)
{
	if (at + n > sizeof(scenario_bytes) ||
		memcmp(data, scenario_bytes + at, n) != 0)
		wrong("%s: bytes %zu to %zu are wrong", where, at, at + n);
}

/* ---- the run ---- */
static bool
continue_run(void *arg)
{
	(void)arg;
	return true;
}

static void
was_slow(const struct socle_slow *what, void *arg)
{
	(void)what;
	(void)arg;
	scenario.slow++;
}

/* Leaves the socket file of a process that has exited. */
static void
stale_file_make(void)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(scenario_path, sizeof(scenario_path), "/tmp/socle-scenario-%d",
		(int)getpid());
	memcpy(a.sun_path, scenario_path, strlen(scenario_path) + 1);
	(void)unlink(scenario_path);
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) != 0)
		abort();
	close(fd);
}

static void
loop_start(void)
{
	const char *backend = getenv("SOCLE_BACKEND");
	int r = 0;

#ifdef __linux__
	if (!backend)
		backend = "epoll";
#endif
	if (backend)
		UNTIL_TAKEN(r = socle_set_backend(backend));
	UNTIL_TAKEN(socle_backend() ? 0 : -1);
	socle_set_loop_timeout(5);
	if (!without_profile) {
		UNTIL_TAKEN(r = socle_enable_profiling(0));
		socle_set_slow_handler(0.001, was_slow, NULL);
	}
	socle_set_post_loop_callback(continue_run, NULL);
}

static void
listeners_start(void)
{
	char where[80];
	int r = 0;

	UNTIL_TAKEN(
		r = socle_listen("127.0.0.1:0", &worker_class, &scenario.tcp));
	stale_file_make();
	snprintf(where, sizeof(where), "unix:%s", scenario_path);
	UNTIL_TAKEN(r = socle_listen(where, &worker_class, &scenario.local));
	line_open(&scenario.lines[0], scenario.tcp, 20000);
	line_open(&scenario.lines[1], scenario.tcp, 3000);
	line_open(&scenario.lines[2], scenario.local, 30000);
}

static bool
finished(void)
{
	for (int i = 0; i <= LINES; i++)
		if (!scenario.lines[i].ended && scenario.lines[i].total)
			return false;
	for (int i = EMBEDDED_TIMER; i < PARTS; i++)
		if (!scenario.done[i] && !scenario.erred[i])
			return false;
	return true;
}

/* Runs until all parts are finished, or the loop only fails. */
static void
loop_run(void)
{
	int failed = 0;

	for (int i = 1; i < TICKS && failed < 30 && !finished(); i++) {
		if (socle_event_loop_once(5) < 0) {
			scenario.erred[LOOP]++;
			failed++;
		} else {
			failed = 0;
		}
		/* Without memory some parts never finish. */
		if (scenario.lasting && i > 300)
			return;
		lines_pump();
		filtered_pump();
		files_pump();
	}
}

static int
discard(const char *text, size_t len, void *arg)
{
	(void)text;
	(void)len;
	(void)arg;
	return 0;
}

static void
item_seen(const struct socle_profile_item *item, void *arg)
{
	(void)item;
	(void)arg;
}

/* If the loop cannot even wait, the signal has not come. */
static void
signals_end(void)
{
	(void)socle_signal(SIGUSR1, NULL, NULL);
	if (scenario.erred[LOOP] && !scenario.done[SIGNALLED])
		part_erred(SIGNALLED);
}

/* The calls that a program makes at its end. */
static void
wind_up(void)
{
	int r = 0;

	if (socle_loop_fd() == -ENOMEM)
		scenario.erred[CALL_REFUSED]++;
	(void)refused(socle_loop_timeout_ms() < -1 ? -1 : 0);
	socle_profiling_data(item_seen, NULL);
	UNTIL_TAKEN(r = socle_profile_report(SOCLE_REPORT_TEXT, discard, NULL));
	signals_end();
	socle_factory_free(scenario.local);
	scenario.local = NULL;
	if (socle_event_loop_once(0) < 0)
		scenario.erred[LOOP]++;
	ghost_end();
}

static int
erred_sum(void)
{
	int sum = 0;

	for (int i = 0; i < PARTS; i++)
		sum += scenario.erred[i];
	/* The writer of a pipe without a reader receives an error, too. */
	if (scenario.erred[SINK] && scenario.erred[SOURCE])
		sum--;
	for (int i = 0; i < LINES; i++)
		sum += scenario.lines[i].erred ||
			(!scenario.lines[i].served && scenario.lines[i].total);
	return sum;
}

static void
parts_check(void)
{
	for (int i = EMBEDDED_TIMER; i < PARTS; i++)
		if (!scenario.done[i] && !scenario.erred[i])
			wrong("%s: nothing came of it", scenario_part_names[i]);
	if (scenario.piped && !scenario.erred[SOURCE] &&
		!scenario.erred[SINK] && scenario.sunk != PIPE_BYTES)
		wrong("the pipe: %zu bytes came", scenario.sunk);
	files_check();
	for (int i = 0; i < LINES; i++)
		line_check(&scenario.lines[i],
			(const char *[]){"the TCP client",
				"the other TCP client", "the unix client"}[i]);
}

/* Whether nothing is ready: a tick waits for its whole timeout. */
static bool
is_quiet(void)
{
	for (int i = 0; i < 20; i++) {
		double before = seam_time();

		if (socle_event_loop_once(20) < 0)
			wrong("the healed loop fails");
		if (seam_time() - before > 0.0199)
			return true;
	}
	return false;
}

static void
wake_check(void)
{
	struct socle_loop *l = socle_loop_self();
	double before;

	if (!is_quiet())
		wrong("the loop spins");
	socle_wakeup(l);
	before = seam_time();
	if (socle_event_loop_once(20) < 0 || seam_time() != before)
		wrong("a wake-up did not end the wait");
	socle_loop_release(l);
}

/* After all faults: a new client on the same listener. */
static void
healed_check(void)
{
	struct line *c = &scenario.lines[NEW_LINE];
	bool lasting = scenario.lasting;

	if (!scenario.tcp &&
		socle_listen("127.0.0.1:0", &worker_class, &scenario.tcp) != 0)
		wrong("the healed loop cannot listen");
	line_open(c, scenario.tcp, 5000);
	scenario.lasting = false;
	loop_run();
	scenario.lasting = lasting;
	parts_check();
	line_check(c, "the client that came last");
	if (!c->served || c->erred || c->got != c->total)
		wrong("the client that came last was not served");
	wake_check();
}

static void
dropped(void *arg)
{
	++*(int *)arg;
}

static void
reset_check(int fds_before, long blocks_before)
{
	int drops = 0;

	if (socle_defer_or_drop(never, dropped, &drops) == 0)
		drops--;
	socle_loop_release(scenario.self);
	socle_reset();
	while (scenario.raw_n > 0)
		close(scenario.raw[--scenario.raw_n]);
	for (int i = 0; i < scenario.refs; i++) {
		if (scenario.borrowed[i]->released != 1)
			wrong("borrowed bytes were released %d times",
				scenario.borrowed[i]->released);
		free(scenario.borrowed[i]);
	}
	if (drops != 0)
		wrong("a deferred call was not dropped");
	if (scenario.closures != scenario.closures_done)
		wrong("%d closures, %d calls", scenario.closures,
			scenario.closures_done);
	if (scenario.files != scenario.files_done)
		wrong("%d files, %d completions", scenario.files,
			scenario.files_done);
	if (scenario.objects != 0)
		wrong("%d objects are left", scenario.objects);
	if (open_fds() != fds_before)
		wrong("%d fds before, %d after", fds_before, open_fds());
	if (seam_live_blocks() != blocks_before)
		wrong("%ld blocks are left",
			seam_live_blocks() - blocks_before);
	/*
	 * The file stays if its inode could not be read, or the file not
	 * removed.
	 */
	(void)unlink(scenario_path);
	(void)unlink(scenario_file);
}

static void
run_begin(bool lasting)
{
	memset(&scenario, 0, sizeof(scenario));
	scenario.lasting = lasting;
	scenario.ghost = -1;
	scenario.file_peers[0] = scenario.file_peers[1] = -1;
	for (int i = 0; i <= LINES; i++)
		scenario.lines[i].fd = -1;
	if (!scenario_bytes[1])
		pattern_fill(scenario_bytes, sizeof(scenario_bytes), 0, 7);
	socle_set_log(message, NULL);
	seam_time_virtual();
}

static void
calls_note(unsigned long *to)
{
	for (int i = 0; i < CALLS; i++)
		to[i] = seam_count((enum call)i);
}

const char *
scenario_run(int strikes)
{
	int fds_before = open_fds();
	long blocks_before = seam_live_blocks();

	run_begin(strikes < 0);
	loop_start();
	listeners_start();
	idle_start();
	stalled_start();
	broken_start();
	held_back_start();
	stolen_start();
	filtered_start();
	file_make();
	files_start();
	filtered_file_start();
	pipe_start();
	timers_start();
	other_fd_start();
	calls_start();
	ghost_start();
	loop_run();
	wind_up();
	calls_note(scenario.calls);
	scenario.struck = seam_struck();
	seam_heal();
	scenario.heard = erred_sum();
	if (!scenario.lasting && scenario.heard > strikes)
		wrong("%d received an error", scenario.heard);
	healed_check();
	reset_check(fds_before, blocks_before);
	return scenario.problem[0] ? scenario.problem : NULL;
}

/* ---- a child ---- */
struct child_report {
	unsigned long calls[CALLS], struck;
	int heard;
	char problem[sizeof(scenario.problem)];
};

static void
leave(struct socle_socket *s, void *arg)
{
	(void)arg;
	socle_close(s, "the parent's");
}

/* The parent's open work does not belong to the child. */
static void
child_begin(void)
{
	int r = 0;

	UNTIL_TAKEN(r = socle_after_fork());
	if (r < 0 && scenario.lasting) {
		seam_heal();
		r = socle_after_fork();
	}
	if (r < 0)
		wrong("the child cannot go on");
	socle_each_descriptor(leave, NULL);
	close(scenario.lines[0].fd);
	scenario.lines[0] = (struct line){.fd = -1};
	scenario.done[SOURCE] = scenario.done[SINK] = scenario.done[SIGNALLED] =
		false;
	scenario.done[POSTED] = false;
}

static void
child_run(int strikes, struct child_report *report)
{
	struct line *c = &scenario.lines[NEW_LINE];
	int r = 0;

	child_begin();
	raise(SIGUSR1);
	UNTIL_TAKEN(r = socle_post(scenario.self, done_by_arg,
			    (void *)(intptr_t)POSTED));
	if (r < 0)
		part_erred(POSTED);
	pipe_start();
	line_open(c, scenario.tcp, 5000);
	loop_run();
	signals_end();
	calls_note(report->calls);
	report->struck = seam_struck();
	seam_heal();
	report->heard = erred_sum() + (c->erred || !c->served);
	if (!scenario.lasting && report->heard > strikes)
		wrong("%d received an error", report->heard);
	scenario.lasting = false;
	if (strikes < 0)
		loop_run();
	parts_check();
	scenario.lasting = strikes < 0;
	line_check(c, "the child's client");
	if (!strikes && c->got != c->total)
		wrong("the child's client was not served");
	wake_check();
	socle_loop_release(scenario.self);
	socle_reset();
	if (scenario.closures != scenario.closures_done)
		wrong("in the child: %d closures, %d calls", scenario.closures,
			scenario.closures_done);
	if (scenario.objects != 0)
		wrong("in the child: %d objects are left", scenario.objects);
	memcpy(report->problem, scenario.problem, sizeof(scenario.problem));
}

static void
fork_setup(void)
{
	loop_start();
	UNTIL_TAKEN(socle_listen("127.0.0.1:0", &worker_class, &scenario.tcp));
	for (int i = 0; i < PARTS; i++)
		part_done((enum part)i);
	calls_start();
	line_open(&scenario.lines[0], scenario.tcp, 20000);
	scenario.lines[0].is_unix = true; /* it reads late */
	for (int i = 0; i < 4; i++) {
		(void)socle_event_loop_once(0);
		line_send(&scenario.lines[0]);
	}
}

const char *
scenario_fork_run(int strikes, void (*arm)(void))
{
	int fds_before = open_fds(), status = 0;
	long blocks_before = seam_live_blocks();
	struct child_report *report = mmap(NULL, sizeof(*report),
		PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t child;

	run_begin(strikes < 0);
	fork_setup();
	child = fork();
	if (child == 0) {
		alarm(60); /* not inherited */
		seam_count_reset();
		arm();
		child_run(strikes, report);
		_exit(0);
	}
	if (waitpid(child, &status, 0) != child || status != 0)
		wrong("the child ended with %d", status);
	if (report->problem[0])
		wrong("%s", report->problem);
	memcpy(scenario.calls, report->calls, sizeof(scenario.calls));
	scenario.struck = report->struck;
	scenario.heard = report->heard;
	munmap(report, sizeof(*report));
	loop_run();
	parts_check();
	if (scenario.lines[0].erred ||
		scenario.lines[0].got != scenario.lines[0].total)
		wrong("the parent's client was not served");
	(void)socle_signal(SIGUSR1, NULL, NULL);
	wake_check();
	reset_check(fds_before, blocks_before);
	return scenario.problem[0] ? scenario.problem : NULL;
}

void
scenario_profile(bool on)
{
	without_profile = !on;
}

unsigned long
scenario_struck(void)
{
	return scenario.struck;
}

int
scenario_heard(void)
{
	return scenario.heard;
}

unsigned long
scenario_calls(enum call which)
{
	return scenario.calls[which];
}
