/*
 * The control data of datagrams, on a kernel that refuses a message whose
 * control data is empty: a pointer to it, and a length of 0.
 */
/* backends: all */
#include "tests/support/dgrams.h"

static ssize_t (*real_sendmsg)(int, const struct msghdr *, int);
static int (*real_sendmmsg)(int, struct socle__message *, unsigned, int);
static bool without_mmsg;
static int sent, with_control;

static bool
is_refused(const struct msghdr *m)
{
	sent++;
	with_control += m->msg_controllen > 0;
	if (m->msg_control && m->msg_controllen < sizeof(struct cmsghdr)) {
		errno = EINVAL;
		return true;
	}
	return false;
}

static ssize_t
strict_sendmsg(int fd, const struct msghdr *m, int flags)
{
	return is_refused(m) ? -1 : real_sendmsg(fd, m, flags);
}

static int
strict_sendmmsg(int fd, struct socle__message *m, unsigned n, int flags)
{
	if (without_mmsg) {
		errno = ENOSYS;
		return -1;
	}
	for (unsigned i = 0; i < n; i++)
		if (is_refused(&m[i].msg_hdr))
			return i > 0 ? real_sendmmsg(fd, m, i, flags) : -1;
	return real_sendmmsg(fd, m, n, flags);
}

static int
setup(void **state)
{
	real_sendmsg = socle__seam.sendmsg;
	real_sendmmsg = socle__seam.sendmmsg;
	socle__seam.sendmsg = strict_sendmsg;
	socle__seam.sendmmsg = strict_sendmmsg;
	without_mmsg = false;
	sent = with_control = 0;
	return fixture_setup(state);
}

static int
teardown(void **state)
{
	socle__seam.sendmsg = real_sendmsg;
	socle__seam.sendmmsg = real_sendmmsg;
	return fixture_teardown(state);
}

static void
send_four(const struct socle_dgram_params *p)
{
	struct recorder *t;
	int fds[2];

	pair_udp(fds);
	t = recorder_new(fds[0], p);
	recorder_send(t, "1111");
	recorder_send(t, "2222");
	recorder_send(t, "333");
	recorder_send(t, "4");
	turn(1);
	assert_notes("empty");
	assert_receives(fds[1], "1111");
	assert_receives(fds[1], "2222");
	assert_receives(fds[1], "333");
	assert_receives(fds[1], "4");
	socle_close(&t->dgram.sock, NULL);
	turn(1);
	notes_clear();
	close(fds[1]);
}

static void
queued_datagrams_have_no_empty_control_data(void **state)
{
	(void)state;
	send_four(&(struct socle_dgram_params){.send_all = true});
	assert_int_equal(4, sent);
	assert_int_equal(0, with_control);
}

static void
datagrams_that_are_sent_joined_have_no_empty_control_data(void **state)
{
	(void)state;
	send_four(&(struct socle_dgram_params){.send_all = true, .gso = true});
	assert_in_range(with_control, joined_are_supported() ? 1 : 0, sent - 1);
}

static void
without_sendmmsg_there_is_no_empty_control_data_either(void **state)
{
	(void)state;
	without_mmsg = true;
	send_four(&(struct socle_dgram_params){.send_all = true});
	send_four(&(struct socle_dgram_params){.send_all = true, .gso = true});
}

static void
answer(struct recorder *t, const struct socle_packet *p)
{
	assert_true(socle_dgram_reply(&t->dgram, p, "answer", 6) >= 0);
}

static void
ask(bool pktinfo, bool autoflush, int n)
{
	const struct socle_dgram_params p = {
		.pktinfo = pktinfo, .autoflush = autoflush, .recv_batch = 4};
	struct socle_addr at;
	struct recorder *t;
	int fd = udp_bound(&at), asker = udp_to(&at);

	t = recorder_new(fd, &p);
	t->on_recv = answer;
	for (int i = 0; i < n; i++)
		datagram(asker, "question");
	turn_until_received(t, n);
	turn(1);
	for (int i = 0; i < n; i++)
		assert_receives(asker, "answer");
	socle_close(&t->dgram.sock, NULL);
	turn(1);
	notes_clear();
	close(asker);
}

static void
a_reply_without_a_source_has_no_empty_control_data(void **state)
{
	(void)state;
	ask(false, false, 1);
	ask(false, false, 3);
	assert_int_equal(0, with_control);
}

static void
a_reply_with_a_source_has_control_data(void **state)
{
	(void)state;
	ask(true, true, 1);
	ask(true, false, 3);
	/* a call with three that is refused has been made all the same */
	assert_int_equal(many_are_one_call() ? 4 : 4 + 3, with_control);
}

#define strict_test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		strict_test(queued_datagrams_have_no_empty_control_data),
		strict_test(
			datagrams_that_are_sent_joined_have_no_empty_control_data),
		strict_test(
			without_sendmmsg_there_is_no_empty_control_data_either),
		strict_test(a_reply_without_a_source_has_no_empty_control_data),
		strict_test(a_reply_with_a_source_has_control_data),
	};

	return run_tests(tests);
}
