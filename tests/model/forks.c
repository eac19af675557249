/*
 * Forks.  The child is held to what it must not do before socle_after_fork(),
 * and then to what it must have: no debts of its parent's, and a loop that works.
 */
#include "tests/model/model.h"

#include <errno.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

void
operate_fork(void)
{
	int status = 0;
	pid_t pid;

	if (model.is_child || model.calm)
		return;
	fflush(NULL);
	pid = fork();
	if (pid < 0)
		return;
	if (pid == 0) {
		sim_forked();
		model.child = model.is_child = model.calm = true;
		return;
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		continue;
	expect(WIFEXITED(status) && WEXITSTATUS(status) == 0,
		"the child of a fork failed");
}

/* What is for a child to do before it goes on: the parent must not notice. */
static void
child_acts(struct stream *s)
{
	struct socle_socket *sock = &s->node->sock;

	switch (choose(4)) {
	case 0:
		operate_watch(s);
		break;
	case 1:
		model.child = false; /* its callbacks are called */
		socle_close(sock, "child");
		model.child = true;
		break;
	default:
		break;
	}
}

void
child_continue(void)
{
	int result;

	for (int i = 0; i < STREAMS; i++)
		if (streams[i].used && streams[i].node)
			child_acts(&streams[i]);
	expect(socle_forked() || socle_watched_sockets() == 0,
		"the child does not know that it was forked");
	for (int i = 0; i < 3; i++) {
		result = socle_event_loop_once(0);
		expect(result == -ECHILD || !socle_forked(),
			"a child's loop said %d", result);
	}
	model.child = false;
	sim_fork_continued();
	while ((result = socle_after_fork()) < 0)
		expect(result == -EMFILE || result == -ENOMEM ||
				result == -ENFILE || result == -ENOSPC,
			"after_fork said %d", result);
	for (int i = 0; i < STREAMS; i++)
		if (streams[i].used && streams[i].node)
			expect(socle_write_buf_size(&streams[i].node->sock) ==
					0,
				"a child has a queue of its parent's");
	for (int i = 0; i < 5 && sim_child_is_alone(); i++) {
		result = socle_event_loop_once(0);
		expect(result != -ECHILD, "the child's loop does not go on");
	}
	expect(tokens_live() == 0 || !sim_child_is_alone(),
		"a child owes what its parent owes");
	model.was_reset = true;
	socle_reset();
	check_all_gone();
	_exit(0);
}
