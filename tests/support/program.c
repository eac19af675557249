/* program.h describes the functions. */
#include "tests/support/program.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>

enum { PATIENCE_MS = 30 * 1000 };

static pid_t running;
static bool stop_requested; /* the program was asked to stop */
static int its_port;
static int its_output = -1; /* open: it may say more */

static void
path_of(char *path, size_t size, const char *name)
{
	const char *dir = getenv("EXAMPLES");

	snprintf(path, size, "%s/%s", dir ? dir : "build/plain/examples", name);
}

bool
program_is_built(const char *name)
{
	char path[1024];

	path_of(path, sizeof(path), name);
	return access(path, X_OK) == 0;
}

static void
become(const char *name, const char *const *arguments, int out)
{
	char path[1024];
	char *argv[16] = {path};

	for (int i = 0; i < 14 && arguments[i]; i++)
		argv[i + 1] = strdup(arguments[i]);
	path_of(path, sizeof(path), name);
	dup2(out, STDOUT_FILENO);
	alarm(0);
	execv(path, argv);
	perror(path);
	_exit(127);
}

void
program_start_with(const char *name, const char *const *arguments)
{
	char line[256], *port;
	int fds[2];

	assert_int_equal(0, pipe(fds));
	assert_int_not_equal(-1, fcntl(fds[0], F_SETFD, FD_CLOEXEC));
	assert_int_not_equal(-1, fcntl(fds[1], F_SETFD, FD_CLOEXEC));
	stop_requested = false;
	running = fork();
	if (running == 0)
		become(name, arguments, fds[1]);
	close(fds[1]);
	its_output = fds[0];
	receive(its_output, line, sizeof(line), "\n");
	port = strrchr(line, ':');
	assert_non_null(port);
	its_port = atoi(port + 1);
	assert_true(its_port > 0);
}

void
program_start(const char *name, const char *argument, const char *another)
{
	program_start_with(name,
		(const char *const[]){"--port=0", argument, another, NULL});
}

void
program_signal(int signo)
{
	assert_int_equal(0, kill(running, signo));
}

void
program_ask_to_stop(void)
{
	if (!stop_requested)
		kill(running, SIGTERM);
	stop_requested = true;
}

static void
output_close(void)
{
	if (its_output >= 0)
		close(its_output);
	its_output = -1;
}

void
program_stop(void)
{
	pid_t pid = running;
	int status;

	program_ask_to_stop();
	assert_int_equal(pid, waitpid(pid, &status, 0));
	running = 0;
	output_close();
	assert_true(WIFEXITED(status));
	assert_int_equal(0, WEXITSTATUS(status));
}

int
program_teardown(void **state)
{
	if (running > 0) {
		kill(running, SIGKILL);
		waitpid(running, NULL, 0);
		running = 0;
	}
	output_close();
	return fixture_teardown(state);
}

int
program_port(void)
{
	return its_port;
}

int
program_client(void)
{
	int fd = tcp_connect(its_port), on = 1;

	assert_int_equal(
		0, setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)));
	return fd;
}

static bool
ends_with(const char *text, size_t len, const char *end)
{
	size_t n = strlen(end);

	return len >= n && memcmp(text + len - n, end, n) == 0;
}

static ssize_t
receive_some(int fd, void *buf, size_t size)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	assert_int_equal(1, poll(&p, 1, PATIENCE_MS));
	return read(fd, buf, size);
}

size_t
receive(int fd, char *buf, size_t size, const char *until)
{
	size_t len = 0;
	ssize_t n;

	while (len < size - 1 && !(until && ends_with(buf, len, until))) {
		/* must not consume bytes after it */
		n = receive_some(fd, buf + len, until ? 1 : size - 1 - len);
		if (n <= 0)
			break;
		len += (size_t)n;
	}
	buf[len] = '\0';
	return len;
}

void
assert_ends(int fd)
{
	char c;

	assert_int_equal(0, receive_some(fd, &c, 1));
}
