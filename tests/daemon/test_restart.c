/*
 * Restarting: the new program is this one, as another process, which does what
 * its first argument says.
 */
/* backends: all */
#include "tests/support/forking.h"
#include "tests/support/managing.h"

#include "sockets/factory/state.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>

static char program[1024];
static int result, ends;
static bool has_ended;

/* ---- the new program ---- */

static void
answer_new(struct socle_socket *self, struct socle_factory *by)
{
	(void)by;
	socle_write(self, "new", 3);
	socle_close_after_flush(self, "answered");
}

static const struct socle_class new_class = {
	.name = "New",
	.super = &socle_socket_class,
	.event_accepted = answer_new,
};

static void
stop_soon(int signo, void *arg)
{
	(void)signo;
	(void)arg;
	socle_drain(0, NULL, NULL);
}

/* Listens at each address, serves until SIGTERM, and leaves no fd. */
static int
serve(char **where)
{
	struct socle_factory *f;

	for (; *where; where++)
		CHECK(socle_service_listen(*where, &new_class, &f) == 0);
	CHECK(socle_signal(SIGTERM, stop_soon, NULL) == 0);
	CHECK(socle_service_ready() >= 0);
	alarm(60);
	CHECK(socle_event_loop() == 0);
	socle_reset();
	return 0;
}

/* Says what it got: "FD:NAME" for each passed socket, and other open fds. */
static int
show(char **unused)
{
	char text[4096] = "";
	const char *name;
	int n = socle_service_fds();
	sigset_t blocked;
	struct sigaction action;

	(void)unused;
	for (int i = 0; i < n; i++) {
		CHECK(socle_service_fd(i, &name) == 3 + i);
		snprintf(text + strlen(text), sizeof(text) - strlen(text),
			"%s ", name);
	}
	for (int fd = 3 + n + 1; fd < 256; fd++)
		CHECK(fcntl(fd, F_GETFD) < 0);
	sigprocmask(SIG_SETMASK, NULL, &blocked);
	for (int s = 1; s < 32; s++) {
		sigaction(s, NULL, &action);
		if (sigismember(&blocked, s) == 1)
			snprintf(text + strlen(text),
				sizeof(text) - strlen(text), "blocked%d ", s);
		if (action.sa_handler == SIG_IGN)
			snprintf(text + strlen(text),
				sizeof(text) - strlen(text), "ignored%d ", s);
	}
	if (getenv("WATCHDOG_PID") &&
		atol(getenv("WATCHDOG_PID")) == (long)getpid())
		strcat(text, "watchdog ");
	CHECK(write(STDOUT_FILENO, text, strlen(text)) ==
		(ssize_t)strlen(text));
	CHECK(socle_service_ready() == 1);
	CHECK(socle_service_ready() == 0);
	return 0;
}

/* It asks for one of its sockets only. */
static int
take_one(char **unused)
{
	(void)unused;
	CHECK(socle_service_fd(1, NULL) == 4);
	CHECK(socle_service_ready() == 1);
	CHECK(fcntl(3, F_GETFD) < 0);
	CHECK(fcntl(4, F_GETFD) == FD_CLOEXEC);
	CHECK(fcntl(5, F_GETFD) < 0);
	CHECK(fcntl(6, F_GETFD) < 0);
	return 0;
}

static int
take_none(char **unused)
{
	(void)unused;
	CHECK(socle_service_fds() == 0);
	CHECK(socle_service_ready() == 1);
	return 0;
}

static int
hang(char **unused)
{
	(void)unused;
	while (pause() < 0)
		;
	return 1;
}

static int
end_at_once(char **unused)
{
	(void)unused;
	return 0;
}

static int
close_and_hang(char **unused)
{
	for (int fd = 3; fd < 64; fd++)
		close(fd);
	return hang(unused);
}

static int
babble(char **unused)
{
	int n = socle_service_fds();

	(void)unused;
	CHECK(write(3 + n, "what is this?", 13) == 13);
	return 0;
}

static const struct {
	const char *name;
	int (*fn)(char **arguments);
} roles[] = {
	{"serve", serve},
	{"show", show},
	{"take-one", take_one},
	{"take-none", take_none},
	{"hang", hang},
	{"end", end_at_once},
	{"close", close_and_hang},
	{"babble", babble},
};

static int
play(char **argv)
{
	for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++)
		if (strcmp(argv[0], roles[i].name) == 0)
			return roles[i].fn(argv + 1);
	return 3;
}

/* ---- the old one ---- */

static void
ended(int err, void *arg)
{
	(void)arg;
	result = err;
	has_ended = true;
	ends++;
}

static int
restart_setup(void **state)
{
	has_ended = false;
	ends = 0;
	return managing_setup(state);
}
#define restart_test(name)                                                     \
	cmocka_unit_test_setup_teardown(name, restart_setup, managing_teardown)

static char *
copy_of(const char *text)
{
	static char copies[8][256];
	static int next;
	char *copy = copies[next++ % 8];

	snprintf(copy, sizeof(copies[0]), "%s", text);
	return copy;
}

static int
restart_as(const char *role, double timeout)
{
	char *argv[] = {program, copy_of(role), NULL};

	return socle_restart(argv, timeout, ended, NULL);
}

static void
fails_as(const char *role, double timeout, int err)
{
	int pid = restart_as(role, timeout);

	has_ended = false;
	assert_true(pid > 0);
	turn_until(&has_ended);
	assert_int_equal(err, result);
	assert_int_equal(-1, waitpid(pid, NULL, WNOHANG));
	assert_int_equal(ECHILD, errno);
	assert_int_equal(-1, kill(pid, 0));
}

/* The new program at these addresses. */
static int
restart_at(const char *where, const char *second)
{
	char *argv[] = {program, copy_of("serve"), copy_of(where),
		second ? copy_of(second) : NULL, NULL};
	int pid = socle_restart(argv, 30, ended, NULL);

	assert_true(pid > 0);
	turn_until(&has_ended);
	assert_int_equal(0, result);
	return pid;
}

static void
end_new(int pid)
{
	int status;

	assert_int_equal(0, kill(pid, SIGTERM));
	assert_int_equal(pid, waitpid(pid, &status, 0));
	assert_true(WIFEXITED(status));
	assert_int_equal(0, WEXITSTATUS(status));
}

static int
connect_to(const struct socle_addr *a)
{
	int fd = socket(a->u.sa.sa_family, SOCK_STREAM, 0);

	assert_true(fd >= 0);
	assert_int_equal(0, connect(fd, &a->u.sa, a->len));
	return fd;
}

static void
assert_new_serves(const struct socle_addr *a)
{
	int fd = connect_to(a);
	char buf[16];

	assert_int_equal(3, recv(fd, buf, sizeof(buf), MSG_WAITALL));
	assert_memory_equal("new", buf, 3);
	close(fd);
}

/* ---- success ---- */

static void
the_new_program_has_the_same_listening_socket(void **state)
{
	struct socle_addr a;
	int pid, early, late;

	(void)state;
	listen_at("127.0.0.1:0");
	assert_int_equal(0, socle_factory_getsockname(factory, &a));
	early = client();
	assert_served(early);
	pid = restart_at("127.0.0.1:0", NULL);
	assert_int_equal(0, socle_drain(INFINITY, NULL, NULL));
	late = connect_to(&a);
	assert_served(early); /* to the end */
	assert_int_equal(3, recv(late, (char[8]){0}, 8, MSG_WAITALL));
	assert_new_serves(&a);
	close(early);
	close(late);
	assert_int_equal(0, socle_event_loop());
	end_new(pid);
}

/* It is blocking after the old one has freed it only if it was given back. */
static void
a_passed_socket_stays_non_blocking(void **state)
{
	int fd = socket_at("127.0.0.1:0", SOCK_STREAM), pid;
	struct socle_addr a;

	(void)state;
	pass(&fd, 1, "web");
	assert_int_equal(
		0, socle_service_listen("fd:web", &client_class, &factory));
	assert_int_equal(0, socle_factory_getsockname(factory, &a));
	fd = dup(factory->d.fd);
	pid = restart_at("fd:web", NULL);
	assert_int_equal(0, socle_drain(INFINITY, NULL, NULL));
	assert_int_equal(0, socle_event_loop());
	assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
	close(fd);
	assert_new_serves(&a);
	end_new(pid);
}

static void
unix_sockets_keep_their_file_until_the_last_one_ends(void **state)
{
	char where[64], second[64];
	struct socle_factory *f;
	struct socle_addr a, b;
	int pid;

	(void)state;
	snprintf(where, sizeof(where), "unix:restart.%ld", (long)getpid());
	snprintf(second, sizeof(second), "unix:restart-2.%ld", (long)getpid());
	listen_at(where);
	assert_int_equal(0, socle_factory_getsockname(factory, &a));
	assert_int_equal(0, socle_listen(second, &client_class, &f));
	assert_int_equal(0, socle_factory_getsockname(f, &b));
	pid = restart_at(where, second);
	assert_int_equal(0, socle_drain(INFINITY, NULL, NULL));
	assert_int_equal(0, socle_event_loop());
	assert_new_serves(&a);
	assert_new_serves(&b);
	end_new(pid);
	assert_int_equal(-1, access(where + strlen("unix:"), F_OK));
	assert_int_equal(-1, access(second + strlen("unix:"), F_OK));
}

/* What the new program says on its standard output. */
static const char *
shown(void)
{
	static char text[4096];
	int fds[2], out = dup(STDOUT_FILENO), pid, status;
	ssize_t n;

	assert_int_equal(0, pipe(fds));
	assert_int_not_equal(-1, fcntl(fds[0], F_SETFD, FD_CLOEXEC));
	dup2(fds[1], STDOUT_FILENO);
	close(fds[1]);
	pid = restart_as("show", 30);
	dup2(out, STDOUT_FILENO);
	close(out);
	assert_true(pid > 0);
	turn_until(&has_ended);
	assert_int_equal(0, result);
	n = read(fds[0], text, sizeof(text) - 1);
	close(fds[0]);
	text[n < 0 ? 0 : n] = '\0';
	assert_int_equal(pid, waitpid(pid, &status, 0));
	assert_int_equal(0, status);
	return text;
}

static void
on_signal(int signo)
{
	(void)signo;
}

static void
only_sockets_that_listen_or_are_bound_are_passed(void **state)
{
	struct socle_dgram *bound, *sender;
	struct socle_socket *s;
	int fds[2], left[2], client_fd;
	char where[64];
	struct socle_addr a;

	(void)state;
	listen_at("127.0.0.1:0");
	assert_int_equal(0,
		socle_dgram_open(
			"127.0.0.1:0", true, &socle_dgram_class, NULL, &bound));
	snprintf(where, sizeof(where), "%s",
		socle_local_addr_string(&bound->sock));
	assert_int_equal(0,
		socle_dgram_open(
			where, false, &socle_dgram_class, NULL, &sender));
	assert_int_equal(0, socle_factory_getsockname(factory, &a));
	assert_int_equal(0, socle_addr_format(&a, where, sizeof(where)) < 0);
	assert_int_equal(0, socle_connect(where, &probe_class, 0, &s));
	client_fd = client();
	turn(3);
	pair_unix(fds);
	probe_new(fds[0], NULL);
	assert_int_equal(0, pipe(left)); /* not close-on-exec */
	assert_string_equal("socle socle ", shown());
	close(left[0]);
	close(left[1]);
	close(fds[1]);
	close(client_fd);
}

static void
passed_sockets_keep_their_names_and_their_order(void **state)
{
	struct socle_factory *f;
	bool opened = !fd_is_open(0) && open("/dev/null", O_RDONLY) == 0;
	int fds[3];

	(void)state;
	for (int i = 0; i < 3; i++)
		fds[i] = socket_at("127.0.0.1:0", SOCK_STREAM);
	pass(fds, 3, "a:b:c");
	for (int i = 0; i < 30; i++)
		assert_int_equal(
			0, socle_listen("127.0.0.1:0", &client_class, &f));
	assert_int_equal(0, socle_service_listen("fd:c", &client_class, &f));
	assert_int_equal(0, socle_service_listen("fd:a", &client_class, &f));
	assert_string_equal("a c socle socle socle socle socle socle socle "
			    "socle socle socle socle socle socle socle socle "
			    "socle socle socle socle socle socle socle socle "
			    "socle socle socle socle socle socle socle ",
		shown());
	if (opened)
		close(0);
}

static void
sockets_that_the_new_program_does_not_take_are_closed_there(void **state)
{
	struct socle_factory *f;
	int pid, status;

	(void)state;
	for (int i = 0; i < 3; i++)
		assert_int_equal(
			0, socle_listen("127.0.0.1:0", &client_class, &f));
	pid = restart_as("take-one", 30);
	assert_true(pid > 0);
	turn_until(&has_ended);
	assert_int_equal(0, result);
	assert_int_equal(pid, waitpid(pid, &status, 0));
	assert_int_equal(0, status);
}

static void
signals_are_as_after_any_exec(void **state)
{
	struct sigaction action = {.sa_handler = on_signal}, before[3];
	sigset_t block, mask;

	(void)state;
	sigaction(SIGUSR1, &action, &before[0]);
	action.sa_handler = SIG_IGN;
	sigaction(SIGHUP, &action, &before[1]);
	action.sa_handler = SIG_DFL;
	sigaction(SIGPIPE, &action, &before[2]);
	sigemptyset(&block);
	sigaddset(&block, SIGUSR2);
	sigprocmask(SIG_SETMASK, &block, &mask);
	assert_string_equal("ignored1 blocked12 ", shown());
	sigprocmask(SIG_SETMASK, &mask, NULL);
	sigaction(SIGUSR1, &before[0], NULL);
	sigaction(SIGHUP, &before[1], NULL);
	sigaction(SIGPIPE, &before[2], NULL);
}

static void
the_watchdog_is_the_new_programs(void **state)
{
	char pid[32];

	(void)state;
	snprintf(pid, sizeof(pid), "%ld", (long)getpid());
	setenv("WATCHDOG_PID", pid, 1);
	assert_string_equal("watchdog ", shown());
}

static void
the_manager_hears_of_the_new_main_process(void **state)
{
	char name[64], text[64];
	int pid;

	(void)state;
	snprintf(name, sizeof(name), "/tmp/socle-test-restart.%ld",
		(long)getpid());
	manager_open(name);
	listen_at("127.0.0.1:0");
	pid = restart_at("127.0.0.1:0", NULL);
	assert_string_equal("READY=1", heard());
	snprintf(text, sizeof(text), "MAINPID=%d", pid);
	assert_string_equal(text, heard());
	assert_int_equal(0, socle_drain(1, NULL, NULL));
	assert_string_equal("", heard()); /* the service does not stop */
	end_new(pid);
}

static void
a_program_is_found_in_the_path(void **state)
{
	char *before = copy_of(getenv("PATH")), path[2048];
	char *argv[] = {strrchr(program, '/') + 1, copy_of("end"), NULL};

	(void)state;
	snprintf(path, sizeof(path), "/nowhere::/etc/passwd:%.*s:/bin",
		(int)(strrchr(program, '/') - program), program);
	setenv("PATH", path, 1);
	assert_true(socle_restart(argv, 30, ended, NULL) > 0);
	turn_until(&has_ended);
	assert_int_equal(-EPIPE, result);
	setenv("PATH", before, 1);
}

static void
an_empty_environment_is_passed_on_as_one(void **state)
{
	char **before = environ, *none[] = {NULL};
	char **environments[] = {NULL, none};
	int pid;

	(void)state;
	for (int i = 0; i < 2; i++) {
		environ = environments[i];
		pid = restart_as("take-none", 30);
		environ = before;
		assert_true(pid > 0);
		has_ended = false;
		turn_until(&has_ended);
		assert_int_equal(0, result);
		assert_int_equal(pid, waitpid(pid, NULL, 0));
	}
}

/* ---- failure ---- */

static void
a_new_process_that_fails_is_gone_and_the_old_one_goes_on(void **state)
{
	char *argv[] = {copy_of("/nowhere/at/all"), NULL};
	int c;

	(void)state;
	listen_at("127.0.0.1:0");
	fails_as("end", 30, -EPIPE);
	fails_as("close", 30, -EPIPE);
	fails_as("babble", 30, -EPIPE);
	fails_as("hang", 0.01, -ETIMEDOUT);
	has_ended = false;
	assert_true(socle_restart(argv, 30, ended, NULL) > 0);
	turn_until(&has_ended);
	assert_int_equal(-ENOENT, result);
	argv[0] = copy_of("no-such-program");
	has_ended = false;
	assert_true(socle_restart(argv, 30, ended, NULL) > 0);
	turn_until(&has_ended);
	assert_int_equal(-ENOENT, result);
	argv[0] = copy_of("/etc/passwd");
	has_ended = false;
	assert_true(socle_restart(argv, 30, ended, NULL) > 0);
	turn_until(&has_ended);
	assert_int_equal(-EACCES, result);
	c = client();
	assert_served(c);
	close(c);
}

static void
each_failing_call_of_the_child_is_reported(void **state)
{
	static const enum call calls[] = {CALL_fcntl, CALL_dup2, CALL_execve};

	(void)state;
	listen_at("127.0.0.1:0");
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		seam_fail(calls[i], 1, EMFILE, -1);
		fails_as("show", 30, -EMFILE);
		seam_heal();
	}
}

static void
each_failing_call_of_the_parent_changes_nothing(void **state)
{
	static const struct {
		enum call which;
		int err;
	} calls[] = {{CALL_calloc, ENOMEM}, {CALL_socketpair, EMFILE},
		{CALL_fork, EAGAIN}};

	(void)state;
	listen_at("127.0.0.1:0");
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		seam_fail(calls[i].which, 1, calls[i].err, 1);
		assert_int_equal(-calls[i].err, restart_as("show", 30));
	}
	seam_fail(CALL_calloc, 2, ENOMEM, 1);
	assert_int_equal(-ENOMEM, restart_as("show", 30));
	turn(2);
	assert_int_equal(0, ends);
	assert_true(restart_as("show", 30) > 0);
	turn_until(&has_ended);
	assert_int_equal(0, result);
	while (waitpid(-1, NULL, 0) < 0 && errno == EINTR)
		;
}

static void
a_restart_that_is_no_use_is_refused(void **state)
{
	char *none[] = {NULL};
	int pid;

	(void)state;
	assert_int_equal(-EINVAL, socle_restart(none, 1, ended, NULL));
	assert_int_equal(-EINVAL, restart_as("end", -1));
	assert_int_equal(-EINVAL, restart_as("end", NAN));
	pid = restart_as("hang", 0);
	assert_true(pid > 0);
	assert_int_equal(-EBUSY, restart_as("end", 1));
	socle_reset();
	assert_int_equal(-1, kill(pid, 0));
	assert_int_equal(0, ends);
	assert_int_equal(0, socle_drain(1, NULL, NULL));
	assert_int_equal(-ESHUTDOWN, restart_as("end", 1));
}

static void
restart_again(int err, void *arg)
{
	char *argv[] = {program, arg, NULL};

	ended(err, arg);
	has_ended = false;
	if (ends == 1)
		assert_true(socle_restart(argv, 30, ended, NULL) > 0);
}

static void
the_application_may_restart_again_when_one_has_failed(void **state)
{
	char *argv[] = {program, copy_of("end"), NULL};

	(void)state;
	assert_true(socle_restart(argv, 30, restart_again, argv[1]) > 0);
	turn_until(&has_ended);
	assert_int_equal(2, ends);
}

static void
reset_it(int err, void *arg)
{
	ended(err, arg);
	socle_reset();
}

static void
the_application_may_reset_when_it_has_ended(void **state)
{
	char *argv[] = {program, copy_of("end"), NULL};

	(void)state;
	assert_true(socle_restart(argv, 30, reset_it, NULL) > 0);
	turn_until(&has_ended);
	assert_int_equal(1, ends);
}

static int
go_on(struct probe *p)
{
	(void)p;
	CHECK(socle_restart((char *[]){program, NULL}, 1, ended, NULL) ==
		-ECHILD);
	CHECK(socle_after_fork() == 0);
	for (int i = 0; i < 3; i++)
		CHECK(socle_event_loop_once(0) == 1);
	socle_reset();
	CHECK(ends == 0);
	return 0;
}

static void
a_forked_child_leaves_the_new_program_alone(void **state)
{
	int pid;

	(void)state;
	turn(1);
	pid = restart_as("hang", 0);
	assert_true(pid > 0);
	child_run(go_on, NULL);
	assert_int_equal(0, kill(pid, 0));
	assert_int_equal(0, waitpid(pid, NULL, WNOHANG));
	socle_reset();
}

/* Another wait(2) of the application has taken the status. */
static void
a_child_that_was_waited_for_is_not_killed(void **state)
{
	int pid = restart_as("end", 30);

	(void)state;
	assert_true(pid > 0);
	assert_int_equal(pid, waitpid(-1, NULL, 0));
	turn_until(&has_ended);
	assert_int_equal(-EPIPE, result);
	assert_int_equal(0, seam_count(CALL_kill));
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		restart_test(the_new_program_has_the_same_listening_socket),
		restart_test(a_passed_socket_stays_non_blocking),
		restart_test(
			unix_sockets_keep_their_file_until_the_last_one_ends),
		restart_test(only_sockets_that_listen_or_are_bound_are_passed),
		restart_test(passed_sockets_keep_their_names_and_their_order),
		restart_test(
			sockets_that_the_new_program_does_not_take_are_closed_there),
		restart_test(signals_are_as_after_any_exec),
		restart_test(the_watchdog_is_the_new_programs),
		restart_test(the_manager_hears_of_the_new_main_process),
		restart_test(a_program_is_found_in_the_path),
		restart_test(an_empty_environment_is_passed_on_as_one),
		restart_test(
			a_new_process_that_fails_is_gone_and_the_old_one_goes_on),
		restart_test(each_failing_call_of_the_child_is_reported),
		restart_test(each_failing_call_of_the_parent_changes_nothing),
		restart_test(a_restart_that_is_no_use_is_refused),
		restart_test(
			the_application_may_restart_again_when_one_has_failed),
		restart_test(the_application_may_reset_when_it_has_ended),
		restart_test(a_forked_child_leaves_the_new_program_alone),
		restart_test(a_child_that_was_waited_for_is_not_killed),
	};

	if (argc > 1)
		return play(argv + 1);
	if (!realpath(argv[0], program))
		return 1;
	return run_tests(tests);
}
