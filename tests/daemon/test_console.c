/*
 * The console's commands.  Where Perlbal has a command, the expected text is what
 * Perlbal 1.80 writes, with its own class names.
 */
#include "tests/support/consoles.h"

#include "daemon/console_state.h"
#include "reactor/state.h"
#include "tests/support/looping.h"
#include "tests/support/making.h"

#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>

static struct probe *
probe_on(int fds[2])
{
	struct probe *p;

	pair_tcp(fds);
	p = probe_new(fds[0], "p");
	socle_watch_read(&p->sock, true);
	return p;
}

/* Replaces each run of digits, with a sign and a point in it, by N. */
static const char *
numbers_hidden(const char *text)
{
	static char to[4096];
	size_t n = 0;

	while (*text && n < sizeof(to) - 1) {
		size_t digits = strspn(text, "0123456789.");

		if (digits == 0 || *text == '.')
			to[n++] = *text++;
		else {
			to[n++] = 'N';
			text += digits;
		}
	}
	to[n] = '\0';
	return to;
}

/* ---- sockets ---- */

static void
socks_lists_every_object_by_fd(void **state)
{
	int fd = console_start(), fds[2];
	struct probe *p = probe_on(fds);
	char expected[512];
	int shown;

	(void)state;
	turn(2);
	shown = socle_fd(&p->sock);
	snprintf(expected, sizeof(expected),
		"%5d     0s Probe(R): open to %s\r\n", shown,
		socle_peer_addr_string(&p->sock));
	assert_non_null(strstr(console_ask(fd, "socks"), expected));
	assert_memory_equal("   fd    age\r\n", said, 14);
	assert_non_null(strstr(said, " Console(R): open to 127.0.0.1:"));
	assert_memory_equal("\r\n.\r\n", said + strlen(said) - 5, 5);
	close(fds[1]);
	close(fd);
}

static void
socks_takes_a_class_or_an_fd(void **state)
{
	int fd = console_start(), fds[2];
	struct probe *p = probe_on(fds);
	char command[32], expected[512];

	(void)state;
	snprintf(expected, sizeof(expected),
		"   fd    age\n%5d     0s Probe(R): open to %s\n.\n", fds[0],
		socle_peer_addr_string(&p->sock));
	assert_answer(fd, "socks class Probe", expected);
	assert_answer(fd, "SOCKS CLASS probe", expected);
	snprintf(command, sizeof(command), "socks fd %d", fds[0]);
	assert_answer(fd, command, expected);
	assert_answer(fd, "socks class nosuch", "ERROR: Class not found.\n");
	assert_answer(fd, "socks fd 100000", "ERROR: no such socket\n");
	assert_answer(fd, "socks fd -1", "ERROR: no such socket\n");
	assert_answer(
		fd, "socks fd 99999999999999999999", "ERROR: no such socket\n");
	close(fds[1]);
	close(fd);
}

static void
socks_answers_other_words_as_perlbal_does(void **state)
{
	int fd = console_start();

	(void)state;
	assert_answer(fd, "socks foo", ".\n");
	assert_answer(fd, "socks foo bar",
		"ERROR: Invalid syntax to 'socks' command\n");
	close(fd);
}

static void
the_summary_counts_classes_and_unsent_bytes(void **state)
{
	int fd = console_start(), fds[2], more[2];
	struct probe *p = probe_on(fds);
	char data[3072] = {0};

	(void)state;
	probe_on(more);
	socle_set_autoflush(&p->sock, false);
	stuff_fd(fds[0]);
	socle_write(&p->sock, data, sizeof(data));
	assert_answer(fd, "socks summary",
		"    1 Console\n    2 Probe\nAggregate write buffer: 3.0k\n"
		"            Open files: 0\n.\n");
	close(fds[1]);
	close(more[1]);
	close(fd);
}

static void
the_summary_counts_a_file_that_is_being_sent(void **state)
{
	int fd = console_start(), fds[2], file = open("/dev/zero", O_RDONLY);
	struct probe *p = probe_on(fds);
	char path[] = "/tmp/test_console.XXXXXX";

	(void)state;
	close(file);
	file = mkstemp(path);
	unlink(path);
	assert_int_equal(0, ftruncate(file, 100));
	stuff_fd(fds[0]);
	assert_int_equal(0,
		socle_sendfile(&p->sock,
			&(struct socle_sendfile){.fd = file,
				.close_fd = true,
				.length = SOCLE_TO_END}));
	console_ask(fd, "socks summary");
	assert_non_null(strstr(said, "            Open files: 1\r\n"));
	close(fds[1]);
	close(fd);
}

static void
states_counts_what_the_objects_of_a_class_do(void **state)
{
	int fd = console_start(), fds[2], more[2];
	struct probe *p = probe_on(fds);

	(void)state;
	probe_on(more);
	stuff_fd(fds[0]);
	socle_write(&p->sock, "x", 1);
	assert_answer(
		fd, "states Probe", "Probe reading 1\nProbe writing 1\n.\n");
	socle_watch_read(&probe_of(socle_descriptor(more[0]))->sock, false);
	socle_close_after_flush(&p->sock, "end");
	assert_answer(
		fd, "states probe", "Probe ending 1\nProbe paused 1\n.\n");
	console_ask(fd, "states");
	assert_non_null(strstr(said, "Console reading 1\r\n"));
	assert_answer(fd, "states nope", "ERROR: Class not found.\n");
	close(fds[1]);
	close(more[1]);
	close(fd);
}

static void
queues_have_an_age_and_a_count(void **state)
{
	int fd = console_start(), fds[2];
	struct probe *p = probe_on(fds);

	(void)state;
	start_virtual_time();
	socle_set_write_timeout(&p->sock, 100);
	stuff_fd(fds[0]);
	socle_write(&p->sock, "12345", 5);
	seam_time_add(7);
	console_ask(fd, "queues");
	assert_non_null(strstr(said,
		"Probe-write.age 7\r\nProbe-write.count 1\r\n"
		"Probe-write.bytes 5\r\nProbe-write.max 5\r\n.\r\n"));
	assert_answer(fd, "queues now",
		"ERROR: The 'queues' command takes no arguments\n");
	close(fds[1]);
	close(fd);
}

static void
pass_seconds(int n)
{
	while (n-- > 0) {
		seam_time_add(1);
		turn(1);
	}
}

/* As the listing shows it to a new client: the old one may have been closed. */
static int
age_of(const char *class)
{
	char command[64];
	int fd = console_client(), age;

	turn(3);
	snprintf(command, sizeof(command), "socks class %s", class);
	age = atoi(strchr(console_ask(fd, command), '\n') + 6);
	close(fd);
	turn(3);
	return age;
}

static void
an_object_is_as_old_as_it_is(void **state)
{
	int fds[2];

	(void)state;
	start_virtual_time();
	close(console_start());
	pass_seconds(70);
	probe_on(fds);
	assert_int_equal(0, age_of("Probe"));
	pass_seconds(30);
	assert_in_range(age_of("Probe"), 29, 30);
	pass_seconds(60);
	assert_in_range(age_of("Probe"), 59, 90);
	pass_seconds(3600);
	assert_in_range(age_of("Probe"), 3600 - 60, 3690);
	close(fds[1]);
}

/* ---- the process ---- */

static void
uptime_and_version_say_the_same(void **state)
{
	int fd = console_start();

	(void)state;
	console_ask(fd, "uptime");
	assert_string_equal("starttime N\r\nuptime N\r\nversion N\r\n.\r\n",
		numbers_hidden(said));
	assert_true(labs(atol(said + 10) - (long)time(NULL)) < 100);
	assert_non_null(strstr(said, "\r\nversion " SOCLE_VERSION "\r\n"));
	console_ask(fd, "version");
	assert_string_equal("starttime N\r\nuptime N\r\nversion N\r\n.\r\n",
		numbers_hidden(said));
	assert_answer(fd, "uptime 1",
		"ERROR: The 'uptime' command takes no arguments\n");
	assert_answer(fd, "uptime;x",
		"ERROR: The 'uptime' command takes no arguments\n");
	close(fd);
}

static int
some_usage(int who, struct rusage *ret)
{
	static int calls;

	(void)who;
	memset(ret, 0, sizeof(*ret));
	ret->ru_utime.tv_sec = 1 + calls;
	ret->ru_utime.tv_usec = 250000;
	ret->ru_stime.tv_usec = 18994 * ++calls;
	return 0;
}

static void
proc_shows_times_as_perl_writes_them(void **state)
{
	int (*before)(int who, struct rusage *ret) = socle__seam.getrusage;
	int fd = console_start();

	(void)state;
	socle__seam.getrusage = some_usage;
	console_ask(fd, "proc");
	assert_non_null(strstr(said,
		"\r\nutime: 1.25 (+1.25)\r\nstime: 0.018994 (+0.018994)\r\n"
		"reqs: "));
	assert_int_equal(getpid(), atoi(strstr(said, "pid: ") + 5));
	console_ask(fd, "proc");
	assert_non_null(strstr(said,
		"\r\nutime: 2.25 (+1)\r\nstime: 0.037988 (+0.018994)\r\n"));
	socle__seam.getrusage = before;
	close(fd);
}

static void
fd_counts_what_is_open(void **state)
{
	int fd = console_start(), before, after;

	(void)state;
	before = atoi(strstr(console_ask(fd, "fd"), "cur ") + 4);
	assert_string_equal("max N\r\ncur N\r\n.\r\n", numbers_hidden(said));
	assert_int_equal(fds_open() - 3, before);
	after = dup(fd);
	assert_int_equal(
		before + 1, atoi(strstr(console_ask(fd, "fd"), "cur ") + 4));
	close(after);
	close(fd);
}

static void
limits_shows_those_of_the_console_too(void **state)
{
	int fd = console_start();

	(void)state;
	console_ask(fd, "limits");
	assert_string_equal("fds N\r\nfds.hard N\r\nconsole.clients N\r\n"
			    "console.line N\r\nconsole.idle N\r\n.\r\n",
		numbers_hidden(said));
	close(fd);
}

static void
loop_shows_what_the_loop_has_done(void **state)
{
	int fd = console_start();

	(void)state;
	start_virtual_time();
	seam_time_add(2);
	turn(2);
	console_ask(fd, "loop");
	assert_null(strstr(said, "lag.count 0"));
	assert_string_equal("ticks N\r\nevents N\r\nobjects N\r\n"
			    "tick.count N\r\ntick.seconds N\r\n"
			    "lag.count N\r\nlag.seconds N\r\n.\r\n",
		numbers_hidden(strchr(said, '\n') + 1));
	assert_memory_equal("backend ", said, 8);
	close(fd);
}

static void
metrics_are_those_of_prometheus(void **state)
{
	int fd = console_start();

	(void)state;
	console_ask(fd, "metrics");
	assert_memory_equal("# HELP socle_ticks_total ", said, 25);
	assert_non_null(strstr(said, "\r\nsocle_objects 0\r\n"));
	assert_non_null(strstr(said, "\r\nsocle_accepted_total 1\r\n"));
	assert_non_null(strstr(
		said, "\r\nsocle_tick_duration_seconds_bucket{le=\"+Inf\"} "));
	assert_non_null(strstr(said, "\r\nsocle_timer_lag_seconds_sum 0."));
	close(fd);
}

/* ---- the profile ---- */

static void
prof_counts_between_on_and_off(void **state)
{
	int fd = console_start();
	unsigned long calls;

	(void)state;
	assert_answer(fd, "prof on", "OK\n");
	console_ask(fd, "uptime");
	assert_answer(fd, "PROF off", "OK\n");
	console_ask(fd, "prof data");
	assert_non_null(
		strstr(numbers_hidden(said), "Console-closure N N N N N\r\n"));
	assert_memory_equal("\r\n.\r\n", said + strlen(said) - 5, 5);
	calls = seam_count(CALL_malloc);
	(void)calls;
	console_ask(fd, "prof folded");
	assert_non_null(strstr(said, "socle;Console;closure "));
	assert_answer(fd, "prof reset", "OK\n");
	assert_answer(fd, "prof data", ".\n");
	close(fd);
}

static void
prof_wants_to_know_what(void **state)
{
	int fd = console_start();

	(void)state;
	assert_answer(fd, "prof", "ERROR: Invalid syntax to 'prof' command\n");
	assert_answer(
		fd, "prof up", "ERROR: Invalid syntax to 'prof' command\n");
	assert_answer(
		fd, "prof on off", "ERROR: Invalid syntax to 'prof' command\n");
	close(fd);
}

static void
the_profile_keeps_its_clocks(void **state)
{
	int fd = console_start();

	(void)state;
	socle_enable_profiling(SOCLE_PROFILE_WALL);
	assert_answer(fd, "prof off", "OK\n");
	assert_answer(fd, "prof on", "OK\n");
	assert_int_equal(SOCLE_PROFILE_WALL, socle__reactor->profile.what);
	close(fd);
}

/* ---- slow handlers ---- */

static void
be_slow(void *arg)
{
	seam_time_add(*(double *)arg);
}

static void
note_slow(const struct socle_slow *what, void *arg)
{
	(void)arg;
	note("%s", what->item);
}

static void
slow_lists_the_calls_that_took_long(void **state)
{
	static double long_time = 0.25, short_time = 0.01;
	int fd = console_start();

	(void)state;
	start_virtual_time();
	assert_answer(fd, "slow", ".\n");
	assert_answer(fd, "slow 100", "OK\n");
	socle_defer(be_slow, &long_time);
	socle_defer(be_slow, &short_time);
	turn(2);
	assert_answer(fd, "slow list",
		"    0s 250.0ms deferred:be_slow fd -1 -\n.\n");
	assert_answer(fd, "slow off", "OK\n");
	socle_defer(be_slow, &long_time);
	turn(2);
	assert_answer(
		fd, "slow", "    0s 250.0ms deferred:be_slow fd -1 -\n.\n");
	assert_answer(
		fd, "slow 0", "ERROR: usage: SLOW [milliseconds|off|list]\n");
	close(fd);
}

static void
slow_keeps_the_last_ones(void **state)
{
	static double time = 0.25;
	int fd = console_start(), lines = 0;

	(void)state;
	start_virtual_time();
	console_ask(fd, "slow 100");
	for (int i = 0; i < 100; i++) {
		socle_defer(be_slow, &time);
		turn(2);
	}
	console_ask(fd, "slow");
	for (const char *at = said; (at = strchr(at, '\n')); at++)
		lines++;
	assert_int_equal(SOCLE__SLOW_KEPT + 1, lines);
	close(fd);
}

static void
the_slow_handler_of_the_application_goes_on(void **state)
{
	static double times[] = {0.05, 0.25};
	int fd = console_start();

	(void)state;
	start_virtual_time();
	socle_set_slow_handler(0.04, note_slow, NULL);
	assert_answer(fd, "slow 100", "OK\n");
	socle_defer(be_slow, &times[0]);
	turn(2);
	socle_defer(be_slow, &times[1]);
	turn(2);
	assert_notes("deferred:be_slow deferred:be_slow");
	assert_answer(
		fd, "slow", "    0s 250.0ms deferred:be_slow fd -1 -\n.\n");
	assert_answer(fd, "slow off", "OK\n");
	socle_defer(be_slow, &times[0]);
	turn(2);
	assert_notes("deferred:be_slow");
	close(fd);
}

/* ---- timers, closing, levels ---- */

static void
timers_names_those_that_come_next(void **state)
{
	int fd = console_start();
	const char *first, *second;

	(void)state;
	start_virtual_time();
	socle_add_timer(20, stop, NULL);
	socle_add_timer(10, set_flag, NULL);
	socle_add_timer(10.00001, stop, NULL); /* in the same slot */
	console_ask(fd, "timers");
	assert_true(atoi(said + 6) >= 4);
	console_ask(fd, "timers next");
	first = strstr(said, "10.0s timer:set_flag\r\n");
	second = strstr(said, "20.0s timer:stop\r\n");
	assert_true(first && second && first < second);
	assert_non_null(strstr(said, "s (library)\r\n"));
	assert_answer(fd, "timers next 0",
		"ERROR: Invalid syntax to 'timers' command\n");
	console_ask(fd, "timers next 1");
	assert_null(strstr(said, "set_flag"));
	close(fd);
}

static void
close_closes_the_object_on_an_fd(void **state)
{
	int fd = console_start(), fds[2];
	char command[32];

	(void)state;
	probe_on(fds);
	snprintf(command, sizeof(command), "close %d", fds[0]);
	assert_answer(fd, command, "OK\n");
	assert_notes("p:close(console) p:destroy");
	assert_answer(fd, command, "ERROR: no such socket\n");
	assert_answer(fd, "close", "ERROR: usage: CLOSE fd\n");
	assert_answer(fd, "close x", "ERROR: no such socket\n");
	close(fds[1]);
	close(fd);
}

static void
close_may_close_its_own_client(void **state)
{
	int fd = console_start();
	char command[32];

	(void)state;
	console_ask(fd, "socks class console");
	snprintf(command, sizeof(command), "close %d\nuptime\n",
		atoi(strchr(said, '\n')));
	assert_string_equal("OK\r\n", console_send(fd, command));
	close(fd);
}

static void
loglevel_shows_and_sets_the_level(void **state)
{
	int fd = console_start();

	(void)state;
	assert_answer(fd, "loglevel", "loglevel 0\n.\n");
	assert_answer(fd, "loglevel 0", "OK\n");
	assert_answer(fd, "loglevel 10", "ERROR: usage: LOGLEVEL [0-9]\n");
	close(fd);
}

/* ---- the end ---- */

static void
note_shutdown(double seconds, void *arg)
{
	(void)arg;
	note(isinf(seconds) ? "for ever" : "%.0f", seconds);
}

static void
shutdown_stops_the_loop(void **state)
{
	int fd = console_start();

	(void)state;
	send_all(fd, "shutdown\n", 9);
	assert_int_equal(0, socle_event_loop());
	close(fd);
}

static void
shutdown_graceful_drains_the_loop(void **state)
{
	int fd = console_start(), fds[2];
	struct probe *p = probe_on(fds);

	(void)state;
	assert_answer(fd, "shutdown graceful", "OK\n");
	assert_true(socle_draining());
	assert_answer(fd, "prof off", "OK\n");
	assert_int_equal(1, socle_event_loop_once(0));
	socle_close(&p->sock, NULL);
	assert_int_equal(0, socle_event_loop());
	close(fds[1]);
	close(fd);
}

static void
shutdown_can_be_the_applications(void **state)
{
	int fd = console_start();

	(void)state;
	socle_console_set_shutdown(note_shutdown, NULL);
	assert_answer(fd, "shutdown graceful", "OK\n");
	assert_answer(fd, "shutdown graceful 5", "OK\n");
	send_all(fd, "shutdown\nshutdown 7\n", 20);
	console_ask(fd, "uptime");
	assert_notes("for ever 5 -1 -1");
	assert_answer(fd, "shutdown x",
		"ERROR: Invalid syntax to 'shutdown' command\n");
	assert_answer(fd, "shutdown graceful 1 2",
		"ERROR: Invalid syntax to 'shutdown' command\n");
	close(fd);
}

static void
quit_and_exit_end_the_connection(void **state)
{
	static const char *const words[] = {"quit\n", "EXIT\r\n", "Quit\n"};
	int fd = console_start();

	(void)state;
	for (int i = 0; i < 3; i++) {
		assert_string_equal("", console_send(fd, words[i]));
		close(fd);
		fd = console_client();
	}
	assert_memory_equal(
		"starttime ", console_send(fd, "uptime\nquit\nuptime\n"), 10);
	assert_null(strstr(said + 1, "starttime"));
	close(fd);
}

/* ---- lines ---- */

static void
an_unknown_command_is_named(void **state)
{
	int fd = console_start();

	(void)state;
	assert_answer(fd, "bogus", "ERROR: unknown command: bogus\n");
	assert_answer(fd, "BOGUS more", "ERROR: unknown command: bogus\n");
	assert_answer(fd, "!x", "ERROR: invalid command\n");
	close(fd);
}

static void
blank_lines_and_comments_are_nothing(void **state)
{
	int fd = console_start();

	(void)state;
	assert_answer(fd, "\r\n\n  \t \n# comment\nuptime 1 # comment",
		"ERROR: The 'uptime' command takes no arguments\n");
	assert_answer(fd, "  prof   off  # yes", "OK\n");
	close(fd);
}

static void
verbose_off_leaves_out_ok(void **state)
{
	int fd = console_start();

	(void)state;
	assert_answer(fd, "verbose off\nprof off\nverbose on", "OK\n");
	assert_answer(fd, "verbose", "ERROR: usage: VERBOSE {on|off}\n");
	close(fd);
}

static void
help_lists_the_commands(void **state)
{
	int fd = console_start();

	(void)state;
	console_ask(fd, "help");
	assert_memory_equal("close\r\nexit\r\nfd\r\nhelp\r\n", said, 23);
	assert_memory_equal("version\r\n.\r\n", said + strlen(said) - 12, 12);
	console_ask(fd, "help SOCKS");
	assert_memory_equal("SOCKS [all|", said, 11);
	assert_answer(fd, "help nope", "ERROR: no help for: nope\n");
	close(fd);
}

static void
a_line_in_pieces_is_one_line(void **state)
{
	int fd = console_start();

	(void)state;
	for (const char *at = "uptime x"; *at; at++) {
		send_all(fd, at, 1);
		turn(3);
	}
	assert_answer(
		fd, "\r", "ERROR: The 'uptime' command takes no arguments\n");
	close(fd);
}

static void
a_line_that_is_too_long_ends_the_connection(void **state)
{
	int fd = console_start();
	char line[SOCLE__CONSOLE_LINE + 1];

	(void)state;
	memset(line, 'x', sizeof(line));
	line[SOCLE__CONSOLE_LINE] = '\0';
	line[SOCLE__CONSOLE_LINE - 1] = '\n';
	send_all(fd, line, sizeof(line) - 1);
	line[SOCLE__CONSOLE_LINE - 1] = 'x';
	console_send(fd, line);
	assert_memory_equal("ERROR: unknown command: xxx", said, 27);
	assert_non_null(strstr(said, "\r\nERROR: line too long\r\n"));
	close(fd);
}

static void
lines_sent_together_are_answered_in_order(void **state)
{
	int fd = console_start();
	char expected[32];
	const char *at = said;

	(void)state;
	for (int i = 0; i < 100; i++) {
		snprintf(expected, sizeof(expected), "c%d\n", i);
		send_all(fd, expected, strlen(expected));
	}
	console_send(fd, "quit\n");
	for (int i = 0; i < 100; i++) {
		snprintf(expected, sizeof(expected), "command: c%d\r\n", i);
		at = strstr(at, expected);
		assert_non_null(at);
	}
	close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test(socks_lists_every_object_by_fd),
		test(socks_takes_a_class_or_an_fd),
		test(socks_answers_other_words_as_perlbal_does),
		test(the_summary_counts_classes_and_unsent_bytes),
		test(the_summary_counts_a_file_that_is_being_sent),
		test(states_counts_what_the_objects_of_a_class_do),
		test(queues_have_an_age_and_a_count),
		test(an_object_is_as_old_as_it_is),
		test(uptime_and_version_say_the_same),
		test(proc_shows_times_as_perl_writes_them),
		test(fd_counts_what_is_open),
		test(limits_shows_those_of_the_console_too),
		test(loop_shows_what_the_loop_has_done),
		test(metrics_are_those_of_prometheus),
		test(prof_counts_between_on_and_off),
		test(prof_wants_to_know_what),
		test(the_profile_keeps_its_clocks),
		test(slow_lists_the_calls_that_took_long),
		test(slow_keeps_the_last_ones),
		test(the_slow_handler_of_the_application_goes_on),
		test(timers_names_those_that_come_next),
		test(close_closes_the_object_on_an_fd),
		test(close_may_close_its_own_client),
		test(loglevel_shows_and_sets_the_level),
		test(shutdown_stops_the_loop),
		test(shutdown_graceful_drains_the_loop),
		test(shutdown_can_be_the_applications),
		test(quit_and_exit_end_the_connection),
		test(an_unknown_command_is_named),
		test(blank_lines_and_comments_are_nothing),
		test(verbose_off_leaves_out_ok),
		test(help_lists_the_commands),
		test(a_line_in_pieces_is_one_line),
		test(a_line_that_is_too_long_ends_the_connection),
		test(lines_sent_together_are_answered_in_order),
	};
	return run_tests(tests);
}
