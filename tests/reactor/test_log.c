/* The log: its hook, its levels, and the messages of objects. */
#include "tests/support/fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

static const char *program;

/* A hook that collects the messages, as "level:message|". */
static char logged[8192];
static size_t logged_len;

static void
collect(int level, const char *message, void *arg)
{
	assert_ptr_equal(logged, arg);
	logged_len += (size_t)snprintf(logged + logged_len,
		sizeof(logged) - logged_len, "%d:%s|", level, message);
}

static void
collecting(void)
{
	logged_len = 0;
	logged[0] = '\0';
	socle_set_log(collect, logged);
}

#define assert_logged(text)                                                    \
	do {                                                                   \
		assert_string_equal(text, logged);                             \
		collecting();                                                  \
	} while (0)

/* The output of `fn' on stderr. */
static const char *
stderr_of(void (*fn)(void))
{
	static char text[16384];
	int fds[2], keep = dup(STDERR_FILENO);
	ssize_t n;

	pair_pipe(fds);
	fflush(stderr);
	dup2(fds[1], STDERR_FILENO);
	fn();
	dup2(keep, STDERR_FILENO);
	close(keep);
	close(fds[1]);
	n = read(fds[0], text, sizeof(text) - 1);
	close(fds[0]);
	text[n < 0 ? 0 : n] = '\0';
	return text;
}

static int ends[2];

static struct probe *
made(void)
{
	pair_pipe(ends);
	return probe_new(ends[0], NULL);
}

static void
the_hook_gets_level_and_message(void **state)
{
	(void)state;
	collecting();
	socle_debug_msg("%d of %s", 7, "nine");
	assert_logged("0:7 of nine|");
}

static void
a_trailing_newline_is_removed(void **state)
{
	(void)state;
	collecting();
	socle_debug_msg("one\n");
	socle_debug_msg("two\n\n");
	socle_debug_msg("in\nside");
	socle_debug_msg("\n");
	socle_debug_msg("%s", "");
	assert_logged("0:one|0:two\n|0:in\nside|0:|0:|");
}

static void
say_two(void)
{
	socle_debug_msg("one\n");
	socle_debug_msg("two");
}

static void
without_a_hook_messages_are_written_to_stderr(void **state)
{
	(void)state;
	assert_string_equal(">>> one\n>>> two\n", stderr_of(say_two));
}

static void
removing_the_hook_restores_stderr(void **state)
{
	(void)state;
	collecting();
	assert_string_equal("", stderr_of(say_two));
	assert_logged("0:one|0:two|");
	socle_set_log(NULL, NULL);
	assert_string_equal(">>> one\n>>> two\n", stderr_of(say_two));
	assert_logged("");
}

static void
say_at_length(void)
{
	char text[5000];

	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	socle_debug_msg("%s", text);
}

static void
a_long_message_is_truncated_and_ends_with_a_newline(void **state)
{
	const char *text = stderr_of(say_at_length);
	size_t n = strlen(text);

	(void)state;
	assert_true(n > 1000 && n < 5000);
	assert_memory_equal(">>> xxx", text, 7);
	assert_int_equal('\n', text[n - 1]);
}

static void
log_again(int level, const char *message, void *arg)
{
	(void)level;
	note("%s", message);
	socle_debug_msg("inner");
	socle_set_log(NULL, arg);
	socle_debug_msg("last");
}

static void
log_outer(void)
{
	socle_debug_msg("outer");
}

static void
what_the_hook_logs_goes_to_stderr(void **state)
{
	(void)state;
	socle_set_log(log_again, NULL);
	assert_string_equal(">>> inner\n>>> last\n", stderr_of(log_outer));
	assert_notes("outer");
}

static void
a_level_is_silent_until_it_is_set(void **state)
{
	struct probe *p = made();
	struct probe *q;
	char text[64];

	(void)state;
	collecting();
	close(ends[1]);
	socle_close(&p->sock, "quiet");
	turn(1);
	assert_logged("");
	q = made();
	close(ends[1]);
	socle_set_debug_level(1);
	snprintf(text, sizeof(text), "1:Closing #%d (loud)|",
		socle_fd(&q->sock));
	socle_close(&q->sock, "loud");
	turn(1);
	assert_logged(text);
	socle_set_debug_level(-1);
	socle_debug_msg("always");
	assert_logged("0:always|");
}

static void
a_close_without_a_reason_is_logged_too(void **state)
{
	struct probe *p = made();

	(void)state;
	close(ends[1]);
	collecting();
	socle_set_debug_level(1);
	socle_close(&p->sock, NULL);
	turn(1);
	assert_non_null(strstr(logged, "1:Closing #"));
}

static void
an_object_can_log_debug_messages(void **state)
{
	struct probe *p = made();

	(void)state;
	collecting();
	socle_socket_debug_msg(&p->sock, "lock %s taken\n", "foo");
	assert_non_null(strstr(logged, "lock foo taken|"));
	assert_int_equal('0', logged[0]);
	close(ends[1]);
}

/* case 36 */
static void
a_class_without_event_read_is_logged_and_closed(void **state)
{
	struct socle_socket *s;

	(void)state;
	pair_unix(ends);
	assert_int_equal(0, socle_socket_new(&socle_socket_class, ends[0], &s));
	collecting();
	socle_watch_read(s, true);
	send_all(ends[1], "x", 1);
	turn(1);
	assert_int_equal(0, socle_watched_sockets());
	assert_logged("0:event_read not implemented by class Socket|");
	close(ends[1]);
}

static void
an_error_is_dumped_with_the_object(void **state)
{
	struct probe *p = made();
	char text[128];

	(void)state;
	collecting();
	socle_dump_error(&p->sock, "something is wrong");
	snprintf(text, sizeof(text),
		"0:ERROR: something is wrong|0:\t%p = Probe(): open|",
		(void *)&p->sock);
	assert_int_equal(0, strncmp(text, logged, strlen(text)));
	close(ends[1]);
}

/*
 * Where libc provides backtraces: a line for each frame, indented, with file
 * and function.
 */
static void
an_error_is_dumped_with_a_backtrace(void **state)
{
#ifdef __GLIBC__
	struct probe *p = made();
	const char *line;
	int lines = 0;

	(void)state;
	collecting();
	socle_dump_error(&p->sock, "where");
	line = strchr(strstr(logged, " = Probe"), '|') + 1;
	for (; *line; line = strchr(line, '|') + 1, lines++)
		assert_int_equal(0, strncmp(line, "0:\t", 3));
	assert_in_range(lines, 2, 32);
	assert_non_null(strstr(logged, "called"));
	assert_non_null(strstr(logged, "libc"));
	close(ends[1]);
#else
	(void)state;
	skip_because("no backtrace in this libc");
#endif
}

static void
a_closed_object_can_be_dumped(void **state)
{
	struct probe *p = made();

	(void)state;
	socle_close(&p->sock, NULL);
	collecting();
	socle_dump_error(&p->sock, "late");
	assert_non_null(strstr(logged, "Probe(): closed|"));
	close(ends[1]);
}

/* The thread has no loop any more whose tick could deliver it. */
static void
a_message_about_an_object_after_a_reset_is_delivered_at_once(void **state)
{
	static struct socle_socket held;

	(void)state;
	pair_pipe(ends);
	assert_int_equal(
		0, socle_socket_init(&held, &socle_socket_class, ends[0]));
	collecting();
	socle_set_debug_level(1);
	socle_reset();
	assert_null(socle_peer_ip_string(&held));
	socle_set_debug_level(0);
	assert_logged("1:peer_ip_string undef: no sock|");
	close(ends[1]);
}

/* ---- the environment, in a process that has not read it yet ---- */

static void
take_one(struct socle_socket *self)
{
	char c;

	(void)!socle_read(self, &c, 1);
}

static const struct socle_class reader_class = {
	.name = "Reader",
	.super = &socle_socket_class,
	.event_read = take_one,
};

static int
as_child(void)
{
	struct socle_socket *s;

	if (pipe(ends) < 0 || write(ends[1], "x", 1) != 1 ||
		socle_socket_new(&reader_class, ends[0], &s) < 0)
		return 1;
	socle_watch_read(s, true);
	if (socle_event_loop_once(0) < 0)
		return 1;
	socle_debug_msg("level 0");
	socle_close(s, "level 1");
	socle_reset();
	return 0;
}

/* The output on stderr of a new process with this SOCLE_DEBUG; NULL: unset. */
static const char *
said_with(const char *value)
{
	static char text[4096];
	ssize_t n;
	pid_t pid;
	int status;

	pair_pipe(ends);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (value)
			setenv("SOCLE_DEBUG", value, 1);
		else
			unsetenv("SOCLE_DEBUG");
		dup2(ends[1], STDERR_FILENO);
		execl("/bin/sh", "sh", "-c",
			"[ \"$UNDER\" != valgrind ] || UNDER=\n"
			"exec $UNDER \"$0\" --child",
			program, (char *)NULL);
		_exit(127);
	}
	close(ends[1]);
	assert_int_equal(pid, waitpid(pid, &status, 0));
	n = read(ends[0], text, sizeof(text) - 1);
	close(ends[0]);
	text[n < 0 ? 0 : n] = '\0';
	assert_int_equal(0, status);
	return text;
}

/* case 131 */
static void
the_environment_sets_the_level_at_the_start(void **state)
{
	static const char *const off[] = {NULL, "", "0"};
	static const char *const on[] = {"1", "2", "yes"};

	(void)state;
	for (int i = 0; i < 3; i++)
		assert_string_equal(">>> level 0\n", said_with(off[i]));
	for (int i = 0; i < 3; i++) {
		const char *text = said_with(on[i]);

		assert_int_equal(0, strncmp(text, ">>> Event: fd=", 14));
		assert_non_null(strstr(text, "\n>>> level 0\n"));
		assert_non_null(strstr(text, "\n>>> Closing #"));
		assert_non_null(strstr(text, " (level 1)\n"));
	}
}

static void
a_write_error_is_logged(void **state)
{
	struct probe *p;

	(void)state;
	pair_unix(ends);
	p = probe_new(ends[0], NULL);
	collecting();
	socle_set_debug_level(1);
	seam_fail(CALL_send, 1, EIO, 1);
	assert_int_equal(-EIO, socle_write(&p->sock, "x", 1));
	turn(1);
	assert_non_null(strstr(logged, "due to write error: "));
	close(ends[1]);
}

/* ---- more messages than are kept ---- */

static struct probe *closed_one;
static int counted;

static void
count_undefined(int level, const char *message, void *arg)
{
	(void)arg;
	counted += level == 1 && strstr(message, "undef");
}

static void
log_much(void *arg)
{
	(void)arg;
	for (int i = 0; i < 300; i++)
		assert_null(socle_local_ip_string(&closed_one->sock));
}

static void
log_much_in_a_tick(void)
{
	assert_int_equal(0, socle_defer(log_much, NULL));
	turn(1);
}

static void
what_a_handler_logs_in_excess_goes_to_stderr(void **state)
{
	const char *text, *at;
	int lines = 0;

	(void)state;
	closed_one = made();
	counted = 0;
	socle_set_log(count_undefined, NULL);
	socle_set_debug_level(1);
	socle_close(&closed_one->sock, NULL);
	text = stderr_of(log_much_in_a_tick);
	for (at = text; (at = strstr(at, "undef")); at++)
		lines++;
	assert_in_range(counted, 256, 299);
	assert_int_equal(300, counted + lines);
	close(ends[1]);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		test(the_hook_gets_level_and_message),
		test(a_trailing_newline_is_removed),
		test(without_a_hook_messages_are_written_to_stderr),
		test(removing_the_hook_restores_stderr),
		test(a_long_message_is_truncated_and_ends_with_a_newline),
		test(what_the_hook_logs_goes_to_stderr),
		test(a_level_is_silent_until_it_is_set),
		test(a_close_without_a_reason_is_logged_too),
		test(an_object_can_log_debug_messages),
		test(a_class_without_event_read_is_logged_and_closed),
		test(a_write_error_is_logged),
		test(what_a_handler_logs_in_excess_goes_to_stderr),
		test(an_error_is_dumped_with_the_object),
		test(an_error_is_dumped_with_a_backtrace),
		test(a_closed_object_can_be_dumped),
		test(a_message_about_an_object_after_a_reset_is_delivered_at_once),
		test(the_environment_sets_the_level_at_the_start),
	};

	program = argv[0];
	if (argc > 1 && strcmp(argv[1], "--child") == 0)
		return as_child();
	return run_tests(tests);
}
