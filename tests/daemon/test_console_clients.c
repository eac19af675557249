/*
 * The console's clients: who may be one, what they may cost, and what a command
 * may do to them.
 */
/* backends: all */
#include "tests/support/consoles.h"

#include "daemon/console_state.h"
#include "sockets/object.h"
#include "tests/support/forking.h"
#include "tests/support/listening.h"
#include "tests/support/looping.h"
#include "tests/support/making.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* ---- where and who ---- */

static void
only_loopback_addresses_are_allowed(void **state)
{
	static const char *const others[] = {
		"0.0.0.0:0", "[::]:0", "192.0.2.1:1", "[::ffff:192.0.2.1]:1"};

	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_int_equal(-EACCES, socle_console_listen(others[i]));
	assert_int_equal(-EINVAL, socle_console_listen("somewhere"));
	assert_int_equal(0, socle_console_listen("127.0.0.1:0"));
	if (has_ipv6())
		assert_int_equal(0, socle_console_listen("[::1]:0"));
}

static void
no_more_than_eight_consoles_are_open(void **state)
{
	(void)state;
	for (int i = 0; i < SOCLE__CONSOLES; i++)
		assert_int_equal(0, socle_console_listen("127.0.0.1:0"));
	assert_int_equal(-ENOSPC, socle_console_listen("127.0.0.1:0"));
	socle_console_close();
	assert_int_equal(0, socle_console_listen("127.0.0.1:0"));
}

static void
the_file_of_a_unix_socket_is_the_users_alone(void **state)
{
	char where[128];
	mode_t mask = umask(022);
	struct stat st;
	int fd;

	(void)state;
	snprintf(where, sizeof(where), "unix:%s", in_dir("c"));
	fd = console_start_at(where);
	assert_int_equal(0, stat(where + 5, &st));
	assert_int_equal(0600, st.st_mode & 0777);
	assert_int_equal(022, umask(mask));
	console_ask(fd, "socks class console");
	assert_non_null(strstr(said, " Console(R): open to unix\r\n"));
	close(fd);
	socle_console_close();
	assert_false(is_there(where + 5));
}

/* Of all consoles.  The application does not see them. */
static size_t
clients_there(void)
{
	size_t n = 0;

	for (size_t fd = 0; fd < socle__reactor->map_size; fd++)
		n += socle__object_at((int)fd) && !socle_descriptor((int)fd);
	return n;
}

static void
never_called(struct socle_socket *s, void *arg)
{
	(void)s;
	(void)arg;
	fail();
}

static void
a_client_is_no_object_of_the_application(void **state)
{
	int fd = console_start();

	(void)state;
	turn(2);
	assert_int_equal(1, clients_there());
	assert_int_equal(0, socle_watched_sockets());
	socle_each_descriptor(never_called, NULL);
	console_ask(fd, "socks");
	assert_non_null(strstr(said, " Console(R): open to 127.0.0.1:"));
	assert_int_equal(0, socle_drain(1000, NULL, NULL));
	assert_int_equal(0, socle_event_loop());
	close(fd);
}

static int peer_uid_errno;
static uid_t its_uid;

static int
some_peer(int fd, uid_t *ret)
{
	(void)fd;
	errno = peer_uid_errno;
	*ret = its_uid;
	return peer_uid_errno ? -1 : 0;
}

static bool
is_served(uid_t uid, int err)
{
	int fd = console_client();
	bool is_heard;

	its_uid = uid;
	peer_uid_errno = err;
	is_heard = strstr(console_send(fd, "uptime\nquit\n"), "starttime");
	close(fd);
	turn(2);
	return is_heard;
}

static void
a_unix_socket_serves_its_user_and_root(void **state)
{
	int (*before)(int fd, uid_t *ret) = socle__seam.peer_uid;
	char where[128];

	(void)state;
	snprintf(where, sizeof(where), "unix:%s", in_dir("c"));
	close(console_start_at(where));
	turn(3);
	assert_true(is_served(geteuid(), 0));
	socle__seam.peer_uid = some_peer;
	assert_true(is_served(geteuid(), 0));
	assert_true(is_served(0, 0));
	assert_false(is_served(geteuid() + 12345, 0));
	assert_false(is_served(geteuid(), ENOTCONN));
	socle__seam.peer_uid = before;
}

static void
the_ninth_client_is_turned_away(void **state)
{
	int fds[SOCLE__CONSOLE_CLIENTS + 1];

	(void)state;
	fds[0] = console_start();
	for (int i = 0; i <= SOCLE__CONSOLE_CLIENTS; i++) {
		if (i > 0)
			fds[i] = console_client();
		turn(3);
	}
	assert_string_equal("ERROR: too many clients\r\n",
		console_send(fds[SOCLE__CONSOLE_CLIENTS], ""));
	assert_answer(fds[0], "prof off", "OK\n");
	close_all(fds, SOCLE__CONSOLE_CLIENTS + 1);
	turn(5);
	fds[0] = console_client();
	assert_answer(fds[0], "prof off", "OK\n");
	close(fds[0]);
}

/* ---- patience ---- */

static void
pass_seconds(int n)
{
	while (n-- > 0) {
		seam_time_add(1);
		turn(2);
	}
}

static void
a_silent_client_is_closed_after_a_minute(void **state)
{
	int fd;

	(void)state;
	start_virtual_time();
	fd = console_start();
	assert_answer(fd, "prof off", "OK\n");
	pass_seconds(58);
	assert_answer(fd, "prof off", "OK\n");
	pass_seconds(62);
	assert_true(at_end(fd));
	close(fd);
}

/* Small objects, to have many. */
static int formatted;

static int
small_as_string(const struct socle_socket *self, char *buf, size_t size)
{
	(void)self;
	formatted++;
	return snprintf(buf, size, "Small with a name of some length");
}

static const struct socle_class small_class = {
	.name = "Small",
	.super = &socle_socket_class,
	.as_string = small_as_string,
};

static struct socle_socket *
small_new(int fd)
{
	struct socle_socket *s;

	assert_int_equal(0, socle_socket_new(&small_class, fd, &s));
	return s;
}

/* Twice n objects. */
static void
many_small(int n)
{
	int fds[2];

	while (n-- > 0) {
		assert_int_equal(0, socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
		small_new(fds[0]);
		small_new(fds[1]);
	}
}

static int
small_pairs(void)
{
	int n = scaled(5000, 100);

	while (n > 100 && !fds_may_be((unsigned)n * 2 + 100))
		n /= 2;
	return n;
}

static void
a_client_that_does_not_read_costs_little_and_is_closed(void **state)
{
	int fd, size = 4096;
	long before;

	(void)state;
	start_virtual_time();
	close(console_start());
	many_small(small_pairs());
	fd = console_client();
	assert_int_equal(
		0, setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)));
	turn(3);
	before = seam_live_bytes();
	for (int i = 0; i < 500; i++)
		(void)send(fd, "socks\n", 6, MSG_DONTWAIT);
	turn(500);
	assert_in_range(seam_live_bytes() - before, 0, 128 * 1024);
	pass_seconds(125);
	turn(5);
	assert_int_equal(0, clients_there());
	close(fd);
}

static void
a_long_listing_takes_many_ticks(void **state)
{
	int fd = console_start(), n = 2 * small_pairs(), most = 0, before;

	(void)state;
	many_small(n / 2);
	formatted = 0;
	send_all(fd, "socks\nuptime\n", 13);
	while (formatted < n) {
		before = formatted;
		turn(1);
		if (formatted - before > most)
			most = formatted - before;
		drain_fd(fd, said, sizeof(said));
	}
	assert_in_range(most, 1, 256);
	console_wait(fd, "\r\n.\r\n");
	close(fd);
}

/* Closes, steals and makes objects, each tick, while the listing goes on. */
static void
churn(int n)
{
	int fds[2];

	for (int i = 0; i < 20; i++) {
		struct socle_socket *s =
			socle_descriptor(20 + (n * 37 + i * 101) % 8000);

		if (!s || socle_closed(s) || socle_class_of(s) != &small_class)
			continue;
		if (i % 3 == 0)
			close(socle_steal_socket(s));
		else
			socle_close(s, NULL);
	}
	assert_int_equal(0, socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
	small_new(fds[0]);
	small_new(fds[1]);
}

static void
objects_come_and_go_during_a_listing(void **state)
{
	static char listed[1 << 21];
	int fd = console_start(), last = -1, n = 0;
	size_t len = 0;

	(void)state;
	many_small(small_pairs());
	send_all(fd, "socks\n", 6);
	for (int i = 0; i < 20000; i++) {
		ssize_t more;

		churn(i);
		turn(1);
		more = drain_fd(fd, listed + len, sizeof(listed) - 1 - len);
		assert_true(more >= 0);
		len += (size_t)more;
		if (len > 5 && memcmp(listed + len - 5, "\r\n.\r\n", 5) == 0)
			break;
	}
	listed[len] = '\0';
	for (char *at = strchr(listed, '\n') + 1; *at != '.'; n++) {
		assert_true(atoi(at) > last);
		last = atoi(at);
		at = strchr(at, '\n') + 1;
	}
	assert_true(n > small_pairs() / 2);
	close(fd);
}

/* ---- the application's commands ---- */

static void
say_words(struct socle_console *c, int argc, char **argv, void *arg)
{
	for (int i = 0; i < argc; i++)
		socle_console_print(c, "%s%s", (const char *)arg, argv[i]);
	assert_null(argv[argc]);
	socle_console_end(c);
}

static void
the_application_has_commands_of_its_own(void **state)
{
	static char one[] = "1 ", two[] = "2 ";
	int fd;

	(void)state;
	assert_int_equal(
		0, socle_console_command("say", "WORD...", say_words, one));
	fd = console_start();
	assert_answer(
		fd, "Say  Hello, world # no", "1 say\n1 Hello,\n1 world\n.\n");
	assert_answer(fd, "help say", "say WORD...\n.\n");
	assert_non_null(strstr(console_ask(fd, "help"), "\r\nsay\r\n"));
	assert_int_equal(0, socle_console_command("say", NULL, say_words, two));
	assert_answer(fd, "say", "2 say\n.\n");
	assert_int_equal(
		0, socle_console_command("uptime", NULL, say_words, one));
	assert_answer(fd, "uptime", "1 uptime\n.\n");
	assert_int_equal(0, socle_console_command("say", NULL, NULL, NULL));
	assert_int_equal(0, socle_console_command("uptime", NULL, NULL, NULL));
	assert_answer(fd, "say", "ERROR: unknown command: say\n");
	assert_answer(fd, "uptime 1",
		"ERROR: The 'uptime' command takes no arguments\n");
	close(fd);
}

static void
the_name_of_a_command_is_a_word(void **state)
{
	static const char *const names[] = {"", "a b", "A", "a-b", "\xc3\xa9"};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_int_equal(-EINVAL,
			socle_console_command(names[i], NULL, say_words, NULL));
	assert_int_equal(
		-EINVAL, socle_console_command(NULL, NULL, say_words, NULL));
	assert_int_equal(0, socle_console_command("none", NULL, NULL, NULL));
}

static void
bytes_that_are_not_printable_are_escaped(void **state)
{
	static char odd[] = "\x1b[2J\xc3\xa9\r\n.\r\n\x7f";
	int fd = console_start();

	(void)state;
	socle_console_command("say", NULL, say_words, odd);
	assert_answer(fd, "say",
		"\\x1b[2J\\xc3\\xa9\\x0d\\x0a.\\x0d\\x0a\\x7fsay\n.\n");
	close(fd);
}

static void
say_more_than_fits(struct socle_console *c, int argc, char **argv, void *arg)
{
	(void)argc;
	(void)argv;
	(void)arg;
	for (int i = 0; i < 3000; i++)
		socle_console_print(c, "%0999d", i);
	socle_console_end(c);
}

static void
an_answer_that_is_too_long_at_once_ends_the_connection(void **state)
{
	int fd = console_start();

	(void)state;
	socle_console_command("say", NULL, say_more_than_fits, NULL);
	turn(2);
	assert_int_equal(1, clients_there());
	send_all(fd, "say\n", 4);
	turn(2);
	assert_int_equal(0, clients_there());
	close(fd);
}

/* ---- rows ---- */

static int rows_left;

static bool
print_row(struct socle_console *c, void *arg)
{
	(void)arg;
	socle_console_print(c, "%d", rows_left);
	return --rows_left > 0;
}

static void
note_drop(void *arg)
{
	note("drop %s", (const char *)arg);
}

static void
say_rows(struct socle_console *c, int argc, char **argv, void *arg)
{
	(void)argc;
	rows_left = atoi(argv[1]);
	socle_console_rows(c, print_row, note_drop, arg);
}

static void
rows_are_printed_until_there_are_no_more(void **state)
{
	static char name[] = "it";
	int fd = console_start();

	(void)state;
	socle_console_command("rows", NULL, say_rows, name);
	assert_answer(fd, "rows 3", "3\n2\n1\n.\n");
	assert_notes("drop it");
	console_ask(fd, "rows 1000");
	assert_memory_equal(
		"\r\n2\r\n1\r\n.\r\n", said + strlen(said) - 11, 11);
	assert_notes("drop it");
	close(fd);
}

static void
the_argument_of_rows_is_dropped_with_the_client(void **state)
{
	static char name[] = "it";
	int fd = console_start();

	(void)state;
	socle_console_command("rows", NULL, say_rows, name);
	send_all(fd, "rows 1000000\n", 13);
	turn(4);
	close(fd);
	turn(10);
	assert_notes("drop it");
	assert_int_equal(0, clients_there());
}

/* ---- what a command may do ---- */

static void
close_consoles(struct socle_console *c, int argc, char **argv, void *arg)
{
	(void)argc;
	(void)argv;
	(void)arg;
	socle_console_print(c, "before");
	socle_console_close();
	socle_console_print(c, "after");
	socle_console_ok(c);
}

static void
a_command_may_close_all_consoles(void **state)
{
	int fd = console_start();

	(void)state;
	socle_console_command("end", NULL, close_consoles, NULL);
	assert_string_equal("before\r\n", console_send(fd, "end\nuptime\n"));
	close(fd);
}

static void
reset_loop(struct socle_console *c, int argc, char **argv, void *arg)
{
	(void)argc;
	(void)argv;
	(void)arg;
	socle_reset();
	socle_console_ok(c);
	socle_console_rows(c, print_row, NULL, NULL);
}

static void
a_command_may_reset_the_loop(void **state)
{
	int fd = console_start();

	(void)state;
	socle_console_command("reset", NULL, reset_loop, NULL);
	send_all(fd, "reset\nuptime\n", 13);
	turn(5);
	assert_true(at_end(fd));
	close(fd);
	fd = console_start();
	assert_answer(fd, "reset", "ERROR: unknown command: reset\n");
	close(fd);
}

static void
run_nested(struct socle_console *c, int argc, char **argv, void *arg)
{
	(void)argc;
	(void)argv;
	(void)arg;
	note("in");
	turn(5);
	note("out");
	socle_console_ok(c);
}

static void
the_next_line_waits_for_a_nested_loop(void **state)
{
	int fd = console_start();

	(void)state;
	socle_console_command("nest", NULL, run_nested, NULL);
	send_all(fd, "nest\nnest\nuptime 1\n", 19);
	console_wait(fd,
		"OK\r\nOK\r\n"
		"ERROR: The 'uptime' command takes no arguments\r\n");
	assert_notes("in out in out");
	close(fd);
}

static void
close_in_nested(struct socle_console *c, int argc, char **argv, void *arg)
{
	(void)argc;
	(void)argv;
	(void)arg;
	socle_console_close();
	turn(5);
	socle_console_ok(c);
}

static void
a_client_may_be_closed_in_a_nested_loop_of_its_command(void **state)
{
	int fd = console_start();

	(void)state;
	socle_console_command("nest", NULL, close_in_nested, NULL);
	assert_string_equal("", console_send(fd, "nest\nuptime\n"));
	close(fd);
}

static pid_t child;

static void
fork_in_command(struct socle_console *c, int argc, char **argv, void *arg)
{
	(void)argc;
	(void)argv;
	(void)arg;
	child = fork();
	socle_console_print(c, child ? "parent" : "child");
	socle_console_ok(c);
}

static void
a_child_that_a_command_forks_says_nothing(void **state)
{
	int fd = console_start();

	(void)state;
	socle_console_command("fork", NULL, fork_in_command, NULL);
	send_all(fd, "fork\nuptime 1\n", 14);
	for (int i = 0; i < 10 && socle_event_loop_once(0) >= 0; i++)
		;
	if (child == 0)
		_exit(socle_event_loop_once(0) == -ECHILD ? 0 : 1);
	child_wait(child);
	console_wait(fd, "takes no arguments\r\n");
	assert_string_equal(
		"parent\r\nOK\r\n"
		"ERROR: The 'uptime' command takes no arguments\r\n",
		said);
	close(fd);
}

/* ---- errors ---- */

static bool
any_call(enum call which)
{
	return which == CALL_malloc || which == CALL_calloc ||
		which == CALL_realloc || which == CALL_fd_limit ||
		which == CALL_getrusage || which == CALL_peer_uid ||
		which == CALL_getsockname || which == CALL_getpeername ||
		which == CALL_setsockopt || which == CALL_poll;
}

static void
ask_everything(void)
{
	static const char text[] =
		"socks\nsocks summary\nstates\nqueues\nprof on\nprof data\n"
		"prof folded\nslow 1\nslow\ntimers next\nproc\nfd\nlimits\n"
		"help\nquit\n";
	static const char request[] = "GET /profile.json HTTP/1.1\r\n\r\n";
	int fd;

	if (socle_console_command("x", NULL, say_words, NULL) < 0 ||
		socle_console_listen("127.0.0.1:0") < 0)
		return;
	console_addr.len = sizeof(console_addr.u);
	assert_int_equal(0,
		getsockname(((struct socle_descriptor *)(void *)socle__console()
					    ->listeners[0])
				    ->fd,
			&console_addr.u.sa, &console_addr.len));
	fd = console_client();
	send_all(fd, text, sizeof(text) - 1);
	for (int i = 0; i < 60; i++) {
		(void)socle_event_loop_once(0);
		drain_fd(fd, said, sizeof(said));
	}
	close(fd);
	fd = console_client();
	send_all(fd, request, sizeof(request) - 1);
	for (int i = 0; i < 10; i++) {
		(void)socle_event_loop_once(0);
		drain_fd(fd, said, sizeof(said));
	}
	close(fd);
}

static void
any_call_may_fail(void **state)
{
	(void)state;
	for (unsigned long n = 1;; n++) {
		seam_watch_any(any_call);
		seam_fail_any(n, ENOMEM);
		ask_everything();
		socle_reset();
		if (seam_any_struck() == CALLS)
			break;
		seam_heal();
	}
	seam_heal();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test(a_client_is_no_object_of_the_application),
		test(only_loopback_addresses_are_allowed),
		test(no_more_than_eight_consoles_are_open),
		making_test(the_file_of_a_unix_socket_is_the_users_alone),
		making_test(a_unix_socket_serves_its_user_and_root),
		test(the_ninth_client_is_turned_away),
		test(a_silent_client_is_closed_after_a_minute),
		test(a_client_that_does_not_read_costs_little_and_is_closed),
		test(a_long_listing_takes_many_ticks),
		test(objects_come_and_go_during_a_listing),
		test(the_application_has_commands_of_its_own),
		test(the_name_of_a_command_is_a_word),
		test(bytes_that_are_not_printable_are_escaped),
		test(an_answer_that_is_too_long_at_once_ends_the_connection),
		test(rows_are_printed_until_there_are_no_more),
		test(the_argument_of_rows_is_dropped_with_the_client),
		test(a_command_may_close_all_consoles),
		test(a_command_may_reset_the_loop),
		test(the_next_line_waits_for_a_nested_loop),
		test(a_client_may_be_closed_in_a_nested_loop_of_its_command),
		test(a_child_that_a_command_forks_says_nothing),
		test(any_call_may_fail),
	};
	return run_tests(tests);
}
