/*
 * Starting another program.
 *
 * Between fork(2) and execve(2) only async-signal-safe functions are called, and
 * no signal handler of the parent runs.  What the child changes in memory is its
 * own copy.
 */
#include "reactor/spawn.h"

#include "seam.h"

#include <string.h>

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
	for (int i = 0; i < w->n; i++)
		if (w->fds[i] == fd)
			return true;
	return false;
}

static void
others_close(const struct socle__spawn *w)
{
	int fd, last = STDERR_FILENO;

	for (int i = 0; i < w->n; i++)
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
	for (int i = 0; i < w->n; i++) {
		int fd = sys_fcntl(
			w->fds[i], F_DUPFD_CLOEXEC, SOCLE__FIRST_PASSED + w->n);

		if (fd < 0)
			return -errno;
		w->fds[i] = fd;
	}
	for (int i = 0; i < w->n; i++)
		if (sys_dup2(w->fds[i], SOCLE__FIRST_PASSED + i) < 0)
			return -errno;
	return 0;
}

static void
pids_write(const struct socle__spawn *w, pid_t pid)
{
	char digits[20], *first = digits + sizeof(digits) - 1;

	*first = '\0';
	for (; pid > 0; pid /= 10)
		*--first = (char)('0' + pid % 10);
	for (int i = 0; i < SOCLE__PIDS_MOST; i++)
		if (w->pids[i])
			memcpy(w->pids[i] + strlen(w->pids[i]), first,
				strlen(first) + 1);
}

/* Tries the folders of PATH; returns why none worked. */
static int
become(const struct socle__spawn *w, const char *path)
{
	const char *name = w->argv[0];
	size_t len, n = strlen(name) + 1;
	char file[PATH_MAX];
	int err = -ENOENT;

	if (strchr(name, '/')) {
		(void)sys_execve(name, w->argv, w->env);
		return -errno;
	}
	for (; n > 1 && path; path = path[len] ? path + len + 1 : NULL) {
		len = strcspn(path, ":");
		if (len + 1 + n > sizeof(file))
			continue;
		memcpy(file, path, len);
		file[len] = '/';
		memcpy(file + len + (len > 0), name, n);
		(void)sys_execve(file, w->argv, w->env);
		if (errno == EACCES)
			err = -EACCES;
		else if (errno != ENOENT && errno != ENOTDIR)
			return -errno;
	}
	return err;
}

static _Noreturn void
child(const struct socle__spawn *w, const char *path, const sigset_t *blocked)
{
	int err;

	pids_write(w, getpid());
	err = fds_move(w);
	signals_restore(blocked);
	if (err == 0)
		err = become(w, path);
	err = -err;
	(void)sys_write(w->fds[w->n - 1], &err, sizeof(err));
	_exit(127);
}

/* ---- in the parent ---- */

pid_t
socle__spawn(const struct socle__spawn *what)
{
	const char *path = getenv("PATH");
	sigset_t all, before;
	pid_t pid;

	sigfillset(&all);
	if (sys_signals_block(&all, &before) < 0)
		return -errno;
	pid = sys_fork();
	if (pid == 0)
		child(what, path ? path : "/bin:/usr/bin", &before);
	if (pid < 0)
		pid = -errno;
	(void)sys_signals_block(&before, NULL);
	return pid;
}
