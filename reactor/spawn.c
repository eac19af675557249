/*
 * Starting another program that gets some of this process's sockets.
 *
 * Between fork(2) and execve(2) only async-signal-safe functions are called, and
 * no signal handler of the parent runs.  All memory is prepared before; what the
 * child changes in it is its own copy.
 */
#include "reactor/spawn.h"

#include "seam.h"

#include <stdio.h>
#include <string.h>

enum { PIDS = 3 }; /* variables with the child's pid, the last only if needed */

struct child {
	struct socle__spawn *what;
	char *const *argv;
	char **env;
	const char *path;
	char pids[PIDS][48];
	char count[48];
	sigset_t blocked; /* before */
};

/* ---- in the child ---- */

/* It blocks all signals until then. */
static void
signals_restore(const sigset_t *blocked)
{
	struct sigaction action, none = {.sa_handler = SIG_DFL};

	for (int s = 1; s < SOCLE__SIGNALS; s++)
		if (sys_sigaction(s, NULL, &action) == 0 &&
			(action.sa_flags & SA_SIGINFO ||
				action.sa_handler != SIG_IGN))
			(void)sys_sigaction(s, &none, NULL);
	(void)sys_signals_block(blocked, NULL);
}

static bool
is_passed(const struct socle__spawn *w, int fd)
{
	for (int i = 0; i <= w->n; i++)
		if (w->fds[i] == fd)
			return true;
	return false;
}

static void
others_close(const struct socle__spawn *w)
{
	int fd, last = STDERR_FILENO;

	for (int i = 0; i <= w->n; i++)
		if (w->fds[i] > last)
			last = w->fds[i];
	for (fd = STDERR_FILENO + 1; fd < last; fd++)
		if (!is_passed(w, fd))
			(void)sys_close(fd);
	(void)sys_close_above(last);
}

/* First out of each other's way, then into their places. */
static int
fds_move(const struct socle__spawn *w)
{
	others_close(w);
	for (int i = 0; i <= w->n; i++) {
		int fd = sys_fcntl(w->fds[i], F_DUPFD_CLOEXEC,
			SOCLE__FIRST_PASSED + w->n + 1);

		if (fd < 0)
			return -errno;
		w->fds[i] = fd;
	}
	for (int i = 0; i <= w->n; i++)
		while (sys_dup2(w->fds[i], SOCLE__FIRST_PASSED + i) < 0)
			if (errno != EINTR)
				return -errno;
	return 0;
}

static void
pids_write(struct child *c, pid_t pid)
{
	char digits[20], *first = digits + sizeof(digits) - 1;

	*first = '\0';
	for (; pid > 0; pid /= 10)
		*--first = (char)('0' + pid % 10);
	for (int i = 0; i < PIDS; i++)
		memcpy(c->pids[i] + strlen(c->pids[i]), first,
			strlen(first) + 1);
}

/* Tries the folders of PATH; returns why none worked. */
static int
become(const struct child *c)
{
	const char *name = c->argv[0], *path = c->path;
	size_t len, n = strlen(name) + 1;
	char file[PATH_MAX];
	int err = -ENOENT;

	if (strchr(name, '/')) {
		(void)sys_execve(name, c->argv, c->env);
		return -errno;
	}
	for (; n > 1 && path; path = path[len] ? path + len + 1 : NULL) {
		len = strcspn(path, ":");
		if (len + 1 + n > sizeof(file))
			continue;
		memcpy(file, path, len);
		file[len] = '/';
		memcpy(file + len + (len > 0), name, n);
		(void)sys_execve(file, c->argv, c->env);
		if (errno == EACCES)
			err = -EACCES;
		else if (errno != ENOENT && errno != ENOTDIR)
			return -errno;
	}
	return err;
}

static _Noreturn void
run(struct child *c)
{
	const struct socle__spawn *w = c->what;
	int err;

	pids_write(c, getpid());
	err = fds_move(w);
	signals_restore(&c->blocked);
	if (err == 0)
		err = become(c);
	err = -err;
	(void)sys_write(w->fds[w->n], &err, sizeof(err));
	_exit(127);
}

/* ---- in the parent ---- */

struct socle__spawn *
socle__spawn_new(int n)
{
	size_t fds = (size_t)n + 1;
	size_t names = sizeof(SOCLE__LISTEN_FDNAMES) +
		(size_t)n * (SOCLE__PASSED_NAME_MOST + 1);
	struct socle__spawn *w =
		sys_calloc(1, sizeof(*w) + fds * sizeof(*w->fds) + names + 1);

	if (!w)
		return NULL;
	w->n = n;
	w->fds = (int *)(void *)(w + 1);
	w->names = strcpy((char *)(w->fds + fds), SOCLE__LISTEN_FDNAMES "=") +
		sizeof(SOCLE__LISTEN_FDNAMES);
	return w;
}

/* Whether the manager's watchdog is for this process: the program takes its place. */
static bool
is_watched(void)
{
	const char *pid = getenv("WATCHDOG_PID");

	return pid && strtol(pid, NULL, 10) == (long)getpid();
}

static bool
is_replaced(const char *variable)
{
	static const char *const names[] = {SOCLE__LISTEN_PID "=",
		SOCLE__LISTEN_FDS "=", SOCLE__LISTEN_FDNAMES "=",
		SOCLE__PREDECESSOR "=", "WATCHDOG_PID="};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strncmp(variable, names[i], strlen(names[i])) == 0)
			return true;
	return false;
}

/* This process's environment, and what the program is to find there. */
static int
env_make(struct child *c)
{
	size_t at = 0, n = 0;

	while (environ && environ[n]) /* clearenv(3) leaves none */
		n++;
	c->env = sys_calloc(n + PIDS + 3, sizeof(*c->env));
	if (!c->env)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		if (!is_replaced(environ[i]))
			c->env[at++] = environ[i];
	strcpy(c->pids[0], SOCLE__LISTEN_PID "=");
	strcpy(c->pids[1], SOCLE__PREDECESSOR "=");
	strcpy(c->pids[2], "WATCHDOG_PID=");
	for (int i = 0; i < (is_watched() ? PIDS : PIDS - 1); i++)
		c->env[at++] = c->pids[i];
	snprintf(c->count, sizeof(c->count), SOCLE__LISTEN_FDS "=%d",
		c->what->n);
	c->env[at++] = c->count;
	if (c->what->n > 0)
		c->env[at] = c->what->names - sizeof(SOCLE__LISTEN_FDNAMES);
	return 0;
}

static pid_t
fork_blocked(struct child *c)
{
	sigset_t all;
	pid_t pid;

	sigfillset(&all);
	(void)sys_signals_block(&all, &c->blocked);
	pid = sys_fork();
	if (pid == 0)
		run(c);
	if (pid < 0)
		pid = -errno;
	(void)sys_signals_block(&c->blocked, NULL);
	return pid;
}

pid_t
socle__spawn(struct socle__spawn *what, char *const argv[])
{
	const char *path = getenv("PATH");
	struct child c = {.what = what,
		.argv = argv,
		.path = path ? path : "/bin:/usr/bin"};
	pid_t result = env_make(&c);

	if (result == 0)
		result = fork_blocked(&c);
	sys_free(c.env);
	return result;
}
