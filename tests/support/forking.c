/* forking.h describes the functions. */
#include "tests/support/forking.h"

#include <sys/wait.h>

pid_t
child_start(int (*fn)(struct probe *p), struct probe *p)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid > 0)
		return pid;
	alarm(60);
	_exit(fn(p));
}

void
child_wait(pid_t pid)
{
	int status;

	assert_int_equal(pid, waitpid(pid, &status, 0));
	assert_true(WIFEXITED(status));
	assert_int_equal(0, WEXITSTATUS(status));
}

void
child_run(int (*fn)(struct probe *p), struct probe *p)
{
	child_wait(child_start(fn, p));
}

struct probe *
reader_of(int fds[2])
{
	struct probe *p;

	pair_unix(fds);
	p = probe_new(fds[0], NULL);
	socle_watch_read(&p->sock, true);
	turn(1);
	return p;
}

void
assert_serves(struct probe *p, int peer)
{
	size_t before = p->got_len;

	send_all(peer, "x", 1);
	assert_int_equal(1, socle_event_loop_once(5000));
	assert_int_equal(before + 1, p->got_len);
}

void
note_signal(int signo, void *arg)
{
	(void)signo;
	(void)arg;
	note("signal");
}
