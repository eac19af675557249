/* answering.h describes the functions. */
#include "tests/support/answering.h"

int asker;
struct socle_addr server_addr;

struct recorder *
server_at(const char *address, const char *asked,
	const struct socle_dgram_params *params, int questions,
	void (*on_recv)(struct recorder *t, const struct socle_packet *p))
{
	struct socle_dgram *d;
	struct recorder *t;
	char text[2] = "0";

	assert_int_equal(0,
		socle_dgram_open(address, true, &recorder_class, params, &d));
	assert_int_equal(0,
		socle_addr_parse(&server_addr, asked,
			(uint16_t)socle_local_port(&d->sock)));
	t = recorder_of(d);
	t->quiet = true;
	t->on_recv = on_recv;
	asker = udp_to(&server_addr);
	for (int i = 0; i < questions; i++) {
		text[0]++;
		datagram(asker, text);
	}
	all_arrived();
	return t;
}

struct recorder *
server_with(int questions,
	void (*on_recv)(struct recorder *t, const struct socle_packet *p))
{
	const struct socle_dgram_params batch = {.recv_batch = 8};

	return server_at(
		"127.0.0.1:0", "127.0.0.1", &batch, questions, on_recv);
}

void
server_end(void)
{
	notes_clear();
	close(asker);
}

void
all_arrived(void)
{
	struct socle_addr a;
	int fd = udp_bound(&a);

	datagram_to(fd, &a, "the last");
	assert_receives(fd, "the last");
	close(fd);
}

void
answer_all(struct recorder *t, int questions)
{
	seam_count_reset();
	turn_until_received(t, questions);
	turn(1);
}

void
assert_answers(const char *texts)
{
	char text[2] = "0";

	for (; (text[0] = *texts); texts++)
		assert_receives(asker, text);
	assert_receives_nothing(asker);
}

void
echo(struct recorder *t, const struct socle_packet *p)
{
	assert_int_equal(0, socle_dgram_reply(&t->dgram, p, p->data, p->len));
}

void
block_sends(void)
{
	seam_fail(CALL_sendto, 1, ENOBUFS, 1000);
	seam_fail(CALL_sendmsg, 1, ENOBUFS, 1000);
	seam_fail(CALL_sendmmsg, 1, ENOBUFS, 1000);
}
