/*
 * The model's datagram objects: each datagram carries its number, so that one
 * that comes twice, out of turn or changed is seen.
 */
#include "tests/model/model.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

enum { LONGEST = 300, KEPT = 4096 };

struct dgram {
	struct socle_dgram *object;
	bool used, is_unix, loose;
	int far;
	struct socle_addr far_name;
	uint32_t sent, arrived; /* numbers to the far end, and there */
	uint32_t far_sent, got;
	uint32_t failed; /* that on_send_error has reported */
	bool overtaken;  /* a datagram, by one that was sent after it */
	uint32_t n_arrived;
};
static struct dgram dgrams[DGRAMS];

static struct dgram *
dgram_of(struct socle_dgram *object)
{
	return socle_dgram_arg(object);
}

static size_t
fill(uint8_t *data, uint32_t number)
{
	size_t n = sizeof(number) + number * 7 % (LONGEST - sizeof(number));

	memcpy(data, &number, sizeof(number));
	for (size_t i = sizeof(number); i < n; i++)
		data[i] = sim_byte(number, i);
	return n;
}

/* The number of a datagram that is whole. */
static uint32_t
number_of(const void *data, size_t n)
{
	uint8_t whole[LONGEST];
	uint32_t number = 0;

	expect(n >= sizeof(number) && n <= LONGEST, "a datagram of %d bytes",
		(int)n);
	memcpy(&number, data, sizeof(number));
	expect(fill(whole, number) == n && memcmp(whole, data, n) == 0,
		"datagram %d was changed", (int)number);
	return number;
}

static void
on_recv(struct socle_dgram *object, const struct socle_packet *p)
{
	struct dgram *g = dgram_of(object);
	uint32_t number;

	callback_begin();
	expect(g->used && g->object == object, "on_recv after destroy");
	expect(!socle_closed(&object->sock), "on_recv after close");
	expect(!p->truncated, "a datagram was cut");
	number = number_of(p->data, p->len);
	expect(number > g->got && number <= g->far_sent,
		"datagram %d of %d came after %d", (int)number,
		(int)g->far_sent, (int)g->got);
	expect(!g->is_unix || number == g->got + 1, "datagram %d was lost",
		(int)g->got + 1);
	g->got = number;
	act_inside();
	if (sometimes(4) && g->used && !g->is_unix &&
		!socle_closed(&object->sock) && !model.calm) {
		uint8_t data[LONGEST];
		size_t n = fill(data, g->sent + 1);
		int result = socle_dgram_reply(object, p, data, n);

		g->sent += result >= 0;
	}
	callback_end();
}

static void
on_recv_error(struct socle_dgram *object, int err)
{
	callback_begin();
	expect(dgram_of(object)->used && err < 0, "on_recv_error %d", err);
	act_inside();
	callback_end();
}

static void
on_send_error(struct socle_dgram *object, int err, const struct socle_packet *p)
{
	struct dgram *g = dgram_of(object);
	uint32_t number = number_of(p->data, p->len);

	callback_begin();
	expect(g->used && err < 0, "on_send_error %d", err);
	expect(number <= g->sent + 1 && (number > g->failed || g->overtaken),
		"datagram %d failed after %d", (int)number, (int)g->failed);
	g->failed = number;
	g->loose = true;
	act_inside();
	callback_end();
}

static void
on_outgoing_empty(struct socle_dgram *object)
{
	callback_begin();
	expect(dgram_of(object)->used, "outgoing_empty after destroy");
	expect(socle_write_buf_size(&object->sock) == 0,
		"outgoing_empty with %d left",
		(int)socle_write_buf_size(&object->sock));
	act_inside();
	callback_end();
}

static void
destroy(struct socle_socket *sock)
{
	struct dgram *g =
		dgram_of(socle_container_of(sock, struct socle_dgram, sock));

	expect(g->used, "a datagram object destroyed twice");
	expect(model.depth == 0 || model.was_reset,
		"a datagram object destroyed inside a callback");
	g->used = false;
	g->object = NULL;
}

static const struct socle_dgram_class dgram_class = {
	.cls = {.name = "Dgram",
		.super = &socle_dgram_class.cls,
		.size = sizeof(struct socle_dgram),
		.destroy = destroy},
	.on_recv = on_recv,
	.on_recv_error = on_recv_error,
	.on_send_error = on_send_error,
	.on_outgoing_empty = on_outgoing_empty,
};

/* ---- the far end ---- */

static void
far_receive(struct dgram *g)
{
	uint8_t data[LONGEST + 1];
	ssize_t n = 0;

	sim_outside_begin();
	while (g->far >= 0 && n >= 0) {
		uint32_t number;

		n = recv(g->far, data, sizeof(data), 0);
		if (n < 0)
			break;
		number = number_of(data, (size_t)n);
		expect((number > g->arrived || g->overtaken) &&
				number <= g->sent + 1,
			"datagram %d arrived after %d", (int)number,
			(int)g->arrived);
		g->arrived = number;
		g->n_arrived++;
	}
	sim_outside_end();
}

static void
far_send(struct dgram *g)
{
	uint8_t data[LONGEST];
	size_t n = fill(data, g->far_sent + 1);
	struct socle_addr name = {.len = sizeof(name.u)};
	ssize_t sent = -1;

	if (g->far < 0)
		return;
	sim_outside_begin();
	if (g->is_unix)
		sent = send(g->far, data, n, MSG_NOSIGNAL);
	else if (getsockname(socle_fd(&g->object->sock), &name.u.sa,
			 &name.len) == 0)
		sent = sendto(g->far, data, n, 0, &name.u.sa, name.len);
	sim_outside_end();
	g->far_sent += sent >= 0;
}

static void
far_close(struct dgram *g)
{
	if (g->far < 0)
		return;
	sim_outside_begin();
	close(g->far);
	sim_outside_end();
	g->far = -1;
	g->loose = true;
}

/* ---- the object ---- */

static void
some_params(struct socle_dgram_params *p, struct dgram *g)
{
	*p = (struct socle_dgram_params){
		.autoflush = sometimes(2),
		.recv_len = 0,
		.recv_all = sometimes(2),
		.send_all = sometimes(2),
		.recv_batch = sometimes(2) ? (unsigned)choose(20) : 0,
		.max_queue_items = sometimes(4) ? (size_t)choose(10) : 0,
		.max_queue_bytes = sometimes(6) ? (size_t)choose(2000) : 0,
		.pktinfo = sometimes(4),
		.arg = g,
	};
}

/* Two datagram sockets that know each other: the library's and the far one. */
static bool
open_ends(struct dgram *g, int fds[2])
{
	struct sockaddr_in any = {.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int type = SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC;

	if (g->is_unix)
		return socketpair(AF_UNIX, type, 0, fds) == 0;
	for (int i = 0; i < 2; i++) {
		fds[i] = socket(AF_INET, type, 0);
		if (fds[i] < 0 ||
			bind(fds[i], (struct sockaddr *)&any, sizeof(any)) < 0)
			return false;
	}
	g->far_name.len = sizeof(g->far_name.u);
	return getsockname(fds[1], &g->far_name.u.sa, &g->far_name.len) == 0;
}

static void
make(struct dgram *g)
{
	struct socle_dgram_params p;
	int fds[2], result;
	bool done;

	far_close(g);
	*g = (struct dgram){.far = -1, .is_unix = sometimes(2)};
	sim_outside_begin();
	done = open_ends(g, fds);
	sim_outside_end();
	if (!done)
		return;
	sim_give(fds[0]);
	some_params(&p, g);
	result = socle_dgram_new(&dgram_class, fds[0], &p, &g->object);
	if (result == 0) {
		g->used = true;
		g->far = fds[1];
		return;
	}
	expect(result == -ENOMEM || result == -ENOSPC || result == -EMFILE ||
			result == -ENOBUFS || result == -EOPNOTSUPP,
		"a new datagram object: %d", result);
	sim_outside_begin();
	close(fds[0]);
	close(fds[1]);
	sim_outside_end();
}

static void
send_one(struct dgram *g)
{
	uint8_t data[LONGEST];
	size_t n = fill(data, g->sent + 1);
	bool closed = socle_closed(&g->object->sock);
	uint32_t number = ++g->sent;
	int result = socle_dgram_send(
		g->object, data, n, 0, g->is_unix ? NULL : &g->far_name);

	expect(!closed || result == -EBADF, "a send on a closed object: %d",
		result);
	expect(result != -EINTR, "a send said EINTR");
	if (result < 0)
		g->loose = true;
	else if (g->sent != number)
		g->overtaken = true; /* by what its flush's callbacks sent */
	if (result < 0 && g->sent == number)
		g->sent--;
}

void
operate_dgram(void)
{
	struct dgram *g = &dgrams[choose(DGRAMS)];
	struct socle_dgram_params p;

	if (!g->used) {
		make(g);
		return;
	}
	switch (choose(24)) {
	case 0:
		socle_close(&g->object->sock, "model");
		break;
	case 1:
		socle_dgram_close_when_empty(g->object);
		break;
	case 2:
		far_close(g);
		break;
	case 3:
		some_params(&p, g);
		(void)socle_dgram_configure(g->object, &p,
			SOCLE_DGRAM_AUTOFLUSH | SOCLE_DGRAM_RECV_ALL |
				SOCLE_DGRAM_SEND_ALL | SOCLE_DGRAM_RECV_BATCH |
				SOCLE_DGRAM_PKTINFO);
		break;
	case 4:
		socle_watch_read(&g->object->sock, sometimes(2));
		break;
	case 5:
	case 6:
	case 7:
		far_receive(g);
		break;
	case 8:
	case 9:
	case 10:
	case 11:
	case 12:
		if (!socle_closed(&g->object->sock))
			far_send(g);
		break;
	default:
		send_one(g);
	}
}

void
dgrams_begin(void)
{
	for (int i = 0; i < DGRAMS; i++)
		dgrams[i] = (struct dgram){.far = -1};
}

/* Everything is received, and nothing stays in a queue. */
void
dgrams_settle(void)
{
	for (int i = 0; i < DGRAMS; i++) {
		struct dgram *g = &dgrams[i];

		if (!g->used || socle_closed(&g->object->sock))
			continue;
		socle_watch_read(&g->object->sock, true);
		far_receive(g);
	}
}

void
dgrams_end(void)
{
	for (int i = 0; i < DGRAMS; i++) {
		struct dgram *g = &dgrams[i];

		if (!g->used || socle_closed(&g->object->sock)) {
			far_close(g);
			continue;
		}
		expect(g->far < 0 ||
				socle_write_buf_size(&g->object->sock) == 0,
			"datagrams stay in a queue");
		expect(!g->is_unix || g->loose || g->n_arrived == g->sent,
			"%d of %d datagrams arrived", (int)g->n_arrived,
			(int)g->sent);
		expect(!g->is_unix || g->far < 0 || g->got == g->far_sent,
			"%d of %d datagrams were received", (int)g->got,
			(int)g->far_sent);
		far_close(g);
	}
}

void
dgrams_forget(void)
{
	for (int i = 0; i < DGRAMS; i++)
		far_close(&dgrams[i]);
}
