/* child.h describes the functions. */
#include "child.h"
#include "case.h"
#include "usage.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static void
receive_tally(struct child *c)
{
	ssize_t n = recv(c->control, &c->tally, sizeof(c->tally), 0);

	if (n != (ssize_t)sizeof(c->tally))
		fail_case("the server does not answer (%zd)", n);
}

struct child
child_start(void (*body)(int control))
{
	struct child c = {0};
	int ends[2];

	must(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0);
	c.pid = fork();
	must(c.pid >= 0);
	if (c.pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		signal(SIGPIPE, SIG_DFL);
		close(ends[0]);
		body(ends[1]);
		abort();
	}
	close(ends[1]);
	c.control = ends[0];
	receive_tally(&c);
	return c;
}

void
child_ask(struct child *c, int what, long argument)
{
	struct question q = {.what = what, .argument = argument};

	must(send(c->control, &q, sizeof(q), MSG_NOSIGNAL) ==
		(ssize_t)sizeof(q));
	receive_tally(c);
}

void
child_await_objects(struct child *c, long objects)
{
	do
		child_ask(c, 0, 0);
	while (c->tally.accepted - c->tally.destroyed > objects);
	must_equal("objects", c->tally.accepted - c->tally.destroyed, objects);
}

long
child_observe(struct child *c, long seconds, long *cpu)
{
	long ticks, used = usage_cpu(c->pid);

	/* what there is to report is reported first */
	child_ask(c, OBSERVE, 0);
	ticks = c->tally.ticks;
	child_ask(c, OBSERVE, seconds);
	*cpu = (usage_cpu(c->pid) - used) * 1000 / sysconf(_SC_CLK_TCK);
	return c->tally.ticks - ticks;
}

int
child_wait(struct child *c)
{
	int status;

	must(waitpid(c->pid, &status, 0) == c->pid);
	close(c->control);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

void
child_await_stop(struct child *c)
{
	int status;

	must(waitpid(c->pid, &status, WUNTRACED) == c->pid);
	must(WIFSTOPPED(status));
}

void
child_pause(struct child *c)
{
	must(kill(c->pid, SIGSTOP) == 0);
	child_await_stop(c);
}

void
child_resume(struct child *c)
{
	must(kill(c->pid, SIGCONT) == 0);
}

void
child_stop(struct child *c)
{
	must(kill(c->pid, SIGTERM) == 0);
	must_equal("exit status of the server", child_wait(c), 0);
}

void
child_kill(struct child *c)
{
	must(kill(c->pid, SIGKILL) == 0);
	must_equal("how the server ended", child_wait(c), -SIGKILL);
}
