/* backends: all */
/*
 * Clocks that jump, by libfaketime.
 *
 * Shows that a wall clock that is set a day forth and back changes no timer and
 * no idle timeout, and that after a leap of the monotonic clock by a day every
 * timer fires once, in order, and a client that has sent something is served
 * and not taken for idle.  Prints how late the timers were.  Needs faketime(1).
 */
#include "case.h"
#include "client.h"
#include "usage.h"

#include <socle/socle.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { TIMERS = 100, DAY = 86400 };
static const double EVERY = 0.01, IDLE = 60; /* seconds */

/* ---- under libfaketime ---- */

static const char *setting; /* the file that sets the clocks */

/* libfaketime reads it at each call. */
static void
set_clocks(const char *offset)
{
	int fd = open(setting, O_WRONLY | O_TRUNC | O_CLOEXEC);
	ssize_t len = (ssize_t)strlen(offset);

	must(fd >= 0 && write(fd, offset, (size_t)len) == len);
	close(fd);
}

/* The kernel's own, which libfaketime does not see. */
static double
true_now(clockid_t clock)
{
	struct timespec t;

	must(syscall(SYS_clock_gettime, clock, &t) == 0);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static double
wall_offset(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (double)t.tv_sec - true_now(CLOCK_REALTIME);
}

static long idle, served, fired;
static double due, latest;

static void
client_event_timeout(struct socle_socket *self, int which)
{
	(void)self;
	(void)which;
	idle++;
}

static void
client_event_read(struct socle_socket *self)
{
	char c;

	must(socle_read(self, &c, 1) == 1);
	served++;
}

static const struct socle_class client_class = {
	.name = "Client",
	.super = &socle_socket_class,
	.event_read = client_event_read,
	.event_timeout = client_event_timeout,
};

static int
make_client(void)
{
	struct socle_socket *s;
	int ends[2];

	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
	must(socle_socket_new(&client_class, ends[0], &s) == 0);
	socle_watch_read(s, true);
	must(socle_set_idle_timeout(s, IDLE) == 0);
	return ends[1];
}

/* Each sets the wall clock before it starts again. */
static void
jump(struct socle_timer *t)
{
	static const char *const offsets[] = {"+1d", "-1d", "+0"};
	static const double days[] = {1, -1, 0};
	double late = true_now(CLOCK_MONOTONIC) - due;

	must(late >= 0);
	if (late > latest)
		latest = late;
	set_clocks(offsets[fired % 3]);
	/* so that the case tests something */
	must(wall_offset() > days[fired % 3] * DAY - DAY / 2 &&
		wall_offset() < days[fired % 3] * DAY + DAY / 2);
	if (++fired == TIMERS) {
		socle_stop();
		return;
	}
	due = true_now(CLOCK_MONOTONIC) + EVERY;
	socle_timer_start(t, EVERY);
}

static void
under_a_jumping_wall_clock(void)
{
	struct socle_timer t;
	int far = make_client();

	socle_timer_init(&t, jump);
	due = true_now(CLOCK_MONOTONIC) + EVERY;
	socle_timer_start(&t, EVERY);
	must(socle_event_loop() == 0);
	must_equal("idle timeouts", idle, 0);
	figure("%ld timers of 10 ms between jumps of a day: none early, %.1f "
	       "ms late at most",
		fired, latest * 1e3);
	close(far);
}

static struct socle_timer timers[TIMERS];

static void
in_order(struct socle_timer *t)
{
	must(t == &timers[fired]);
	if (++fired == TIMERS)
		socle_stop();
}

/* At the end of a tick: the next one begins with the timers, all of them due. */
static bool
leap(void *arg)
{
	static bool done;

	if (!done) {
		done = true;
		must(send(*(int *)arg, "x", 1, 0) == 1);
		set_clocks("+1d");
	}
	return true;
}

static void
under_a_leaping_monotonic_clock(void)
{
	int far = make_client();

	for (int i = 0; i < TIMERS; i++) {
		socle_timer_init(&timers[i], in_order);
		socle_timer_start(&timers[i], DAY / 2.0 + i);
	}
	socle_set_post_loop_callback(leap, &far);
	must(socle_event_loop_once(0) == 1);
	must(socle_event_loop() == 0);
	must_equal("timers", fired, TIMERS);
	must_equal("served", served, 1);
	must_equal("idle timeouts", idle, 0);
	figure("%ld timers and an idle timeout of a minute, in a leap of a "
	       "day: "
	       "each timer once and in order, the client served",
		fired);
	close(far);
}

/* ---- the cases, which start the program again ---- */

static char preload[256];

/* What faketime(1) would preload; it fixes the offset, so it is not used. */
static void
find_library(void)
{
	FILE *f = popen("faketime -f +0 printenv LD_PRELOAD 2>/dev/null", "r");

	if (!memory_counts())
		skip_case("libfaketime does not go with a sanitizer");
	must(f);
	if (!fgets(preload, sizeof(preload), f))
		preload[0] = '\0';
	pclose(f);
	preload[strcspn(preload, "\n")] = '\0';
	if (!preload[0])
		skip_case("needs faketime(1)");
}

static void
run_again(const char *name, const char *keeps_monotonic)
{
	char file[] = "/tmp/socle-stress-XXXXXX";
	int fd, status;
	pid_t pid;

	find_library();
	fd = mkstemp(file);
	must(fd >= 0 && write(fd, "+0", 2) == 2);
	close(fd);
	pid = fork();
	must(pid >= 0);
	if (pid == 0) {
		setenv("LD_PRELOAD", preload, 1);
		setenv("FAKETIME_TIMESTAMP_FILE", file, 1);
		setenv("FAKETIME_NO_CACHE", "1", 1);
		setenv("FAKETIME_DONT_FAKE_MONOTONIC", keeps_monotonic, 1);
		alarm(120);
		execl("/proc/self/exe", "stress_clock", name, file,
			(char *)NULL);
		_exit(1);
	}
	must(waitpid(pid, &status, 0) == pid);
	unlink(file);
	must_equal("status", status, 0);
}

static void
a_wall_clock_that_jumps_changes_no_timer(void)
{
	run_again(__func__, "1");
}

static void
a_monotonic_clock_that_leaps_disconnects_nobody(void)
{
	run_again(__func__, "0");
}

static const struct stress_case cases[] = {
	CASE(a_wall_clock_that_jumps_changes_no_timer),
	CASE(a_monotonic_clock_that_leaps_disconnects_nobody),
};

int
main(int argc, char **argv)
{
	if (argc == 1)
		return CASES_RUN(cases);
	case_name(argv[1]);
	setting = argv[2];
	if (strcmp(argv[1], cases[0].name) == 0)
		under_a_jumping_wall_clock();
	else
		under_a_leaping_monotonic_clock();
	socle_reset();
	return 0;
}
