/*
 * A supervisor as a service manager is one: it starts a daemon, hears its signs
 * of life, and replaces it when they stop.  The daemon is this program as another
 * process; a client can make its handler slow, or hang.
 */
/* backends: all */
#include "tests/support/managing.h"
#include "tests/support/program.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

/* A busy machine may delay a sign of life; a daemon that lives sends another. */
enum { WATCHDOG_MS = 1000, PATIENCE_MS = 30 * 1000 };

static char program[1024];
static pid_t running;
static int errors = -1; /* the daemon's standard error */

/* ---- the daemon ---- */

static void
obedient_event_read(struct socle_socket *self)
{
	char command[16];
	ssize_t n = socle_read(self, command, sizeof(command));

	if (n <= 0)
		return;
	if (*command == 's')
		poll(NULL, 0, 200);
	while (*command == 'h')
		pause();
	socle_write(self, command, (size_t)n);
}

static const struct socle_class obedient_class = {
	.name = "Obedient",
	.super = &socle_socket_class,
	.event_read = obedient_event_read,
};

static void
report_slow(const struct socle_slow *what, void *arg)
{
	(void)arg;
	fprintf(stderr, "slow: %s\n", what->item);
}

static int
daemon_main(void)
{
	struct socle_factory *f;
	struct socle_addr a;

	socle_set_slow_handler(0.1, report_slow, NULL);
	if (socle_service_listen("127.0.0.1:0", &obedient_class, &f) < 0 ||
		socle_factory_getsockname(f, &a) < 0 ||
		socle_service_status("%d", socle_addr_port(&a)) != 1 ||
		socle_service_watchdog() != 1 || socle_service_ready() != 1)
		return 1;
	return socle_event_loop() < 0;
}

/* ---- the supervisor ---- */

/* Waits for a message, or for WATCHDOG_MS without one. */
static const char *
next_message(int ms)
{
	struct pollfd p = {.fd = manager_fd(), .events = POLLIN};

	return poll(&p, 1, ms) > 0 ? heard() : "";
}

static void
become_daemon(int err)
{
	char pid[32], usec[32];

	snprintf(pid, sizeof(pid), "%ld", (long)getpid());
	snprintf(usec, sizeof(usec), "%d", 1000 * WATCHDOG_MS);
	setenv("WATCHDOG_PID", pid, 1);
	setenv("WATCHDOG_USEC", usec, 1);
	dup2(err, STDERR_FILENO);
	execl(program, program, "daemon", (char *)NULL);
	_exit(127);
}

/* Starts the daemon; returns a client of it once it is ready. */
static int
daemon_start(void)
{
	int fds[2], port;

	assert_int_equal(0, pipe(fds));
	fcntl(fds[0], F_SETFD, FD_CLOEXEC);
	fcntl(fds[1], F_SETFD, FD_CLOEXEC);
	running = fork();
	assert_true(running >= 0);
	if (running == 0)
		become_daemon(fds[1]);
	close(fds[1]);
	errors = fds[0];
	assert_int_equal(
		1, sscanf(next_message(PATIENCE_MS), "STATUS=%d", &port));
	assert_string_equal("READY=1", next_message(PATIENCE_MS));
	return tcp_connect(port);
}

static void
daemon_end(void)
{
	int status;

	assert_int_equal(0, kill(running, SIGKILL));
	assert_int_equal(running, waitpid(running, &status, 0));
	assert_true(WIFSIGNALED(status));
	running = 0;
	close(errors);
}

static int
supervisor_teardown(void **state)
{
	if (running > 0) {
		kill(running, SIGKILL);
		waitpid(running, NULL, 0);
		running = 0;
	}
	return managing_teardown(state);
}

static void
assert_answers(int client, const char *command)
{
	char buf[16];

	send_all(client, command, strlen(command));
	assert_int_equal(strlen(command),
		recv(client, buf, strlen(command), MSG_WAITALL));
}

static void
assert_lives(void)
{
	assert_string_equal("WATCHDOG=1", next_message(PATIENCE_MS));
}

static void
a_daemon_whose_handler_hangs_is_named_and_replaced(void **state)
{
	char name[64], line[64];
	int client;

	(void)state;
	snprintf(name, sizeof(name), "/tmp/socle-test-supervisor.%ld",
		(long)getpid());
	manager_open(name);
	client = daemon_start();
	assert_lives();
	assert_lives();
	assert_answers(client, "slow");
	receive(errors, line, sizeof(line), "\n");
	assert_string_equal("slow: Obedient-read\n", line);
	send_all(client, "hang", 4);
	for (int i = 0; *next_message(WATCHDOG_MS) != '\0'; i++)
		assert_true(i < 30);
	close(client);
	daemon_end();

	client = daemon_start();
	assert_answers(client, "quick");
	assert_lives();
	close(client);
	daemon_end();
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_daemon_whose_handler_hangs_is_named_and_replaced,
			managing_setup, supervisor_teardown),
	};

	if (argc > 1)
		return daemon_main();
	if (!realpath(argv[0], program))
		return 1;
	return run_tests(tests);
}
