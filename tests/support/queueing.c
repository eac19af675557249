/* queueing.h describes the functions. */
#include "tests/support/queueing.h"

struct probe *object;
int peer;

static size_t junk; /* in the kernel's buffers */

void
open_pair(void)
{
	int fds[2];

	pair_unix(fds);
	object = probe_new(fds[0], NULL);
	peer = fds[1];
}

void
open_stuck_pair(void)
{
	open_pair();
	junk = stuff_fd(socle_fd(&object->sock));
}

void
unstick(void)
{
	static char buf[65536];

	while (junk > 0) {
		ssize_t n = drain_fd(
			peer, buf, junk < sizeof(buf) ? junk : sizeof(buf));

		assert_true(n > 0);
		junk -= (size_t)n;
	}
}

void
block_next(void)
{
	seam_fail(CALL_send, 1, EAGAIN, 1);
}

void
note_peer(void)
{
	char buf[64];
	ssize_t n = drain_fd(peer, buf, sizeof(buf) - 1);

	buf[n < 0 ? 0 : n] = '\0';
	note("[%s]", buf);
}

void
note_it(struct socle_socket *s, void *arg)
{
	(void)s;
	note("%s", (const char *)arg);
}

void
drop_it(void *arg)
{
	note("-%s", (const char *)arg);
}

void
release_it(bool sent, void *arg)
{
	note("%s%s", sent ? "+" : "-", (const char *)arg);
}

void
queue_call(void *arg)
{
	assert_int_equal(
		0, socle_write_func(&object->sock, note_it, drop_it, arg));
}
