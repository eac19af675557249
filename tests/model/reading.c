/*
 * What streams receive: the far end sends bytes that depend on their position,
 * and the object has to get each of them once.
 */
#include "tests/model/model.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static uint8_t
byte_at(const struct stream *s, uint64_t at)
{
	return sim_byte(s->seed + 100, at);
}

void
far_write(struct stream *s, size_t n)
{
	uint8_t data[4096];
	ssize_t sent;

	if (s->far < 0 || s->far_gone || s->far_shut)
		return;
	for (size_t i = 0; i < n; i++)
		data[i] = byte_at(s, s->far_sent + i);
	sim_outside_begin();
	sent = send(s->far, data, n, MSG_NOSIGNAL);
	sim_outside_end();
	if (sent > 0)
		s->far_sent += (uint64_t)sent;
	s->far_at = sim_awake();
}

static void
got_bytes(struct stream *s, const uint8_t *data, size_t n)
{
	size_t keep = n < sizeof(s->last) ? n : sizeof(s->last);

	if (s->discards)
		return;
	for (size_t i = 0; i < n; i++)
		expect(data[i] == byte_at(s, s->got + i),
			"stream %d: read byte %d is wrong", s->number,
			(int)(s->got + i));
	s->got += n;
	expect(s->got <= s->far_sent, "stream %d: %d bytes of %d were read",
		s->number, (int)s->got, (int)s->far_sent);
	memcpy(s->last, data + n - keep, keep);
	s->n_last = keep;
}

void
operate_read(struct stream *s)
{
	uint8_t data[3000];
	size_t most = 1 + (size_t)choose(sometimes(6) ? sizeof(data) : 200);
	bool was_closed = socle_closed(&s->node->sock);
	bool was_pushed = socle_pending(&s->node->sock) > 0;
	ssize_t n;

	memset(data, 0xee, most);
	n = socle_read(&s->node->sock, data, most);
	expect(!was_closed || n == -EBADF, "a read of a closed object: %d",
		(int)n);
	if (n > 0) {
		if (!was_pushed)
			s->heard_at = model.tick_began;
		got_bytes(s, data, (size_t)n);
		return;
	}
	s->n_last = 0;
	if (n == 0) {
		s->got_end = true;
		s->reading = false;
		expect(s->far_shut || s->far_gone || s->broke,
			"stream %d: an end that nobody sent", s->number);
		expect(s->far_gone || s->broke || s->discards ||
				s->got == s->far_sent || s->read_inside,
			"stream %d: the end came after %d of %d bytes",
			s->number, (int)s->got, (int)s->far_sent);
	} else if (n != -EAGAIN && n != -EBADF) {
		s->broke = true;
		expect(n != -EINTR, "a read said EINTR");
		expect(s->far_gone || s->connecting,
			"stream %d: a read said %d", s->number, (int)n);
	}
}

/* The rest of what was pushed back comes behind it. */
static int
push_back(struct socle_socket *sock, const uint8_t *from, size_t n)
{
	size_t k = n / 2;
	int result = k > 0 ? socle_push_back_read(sock, from, k) : 0;

	if (result < 0)
		return result;
	while ((result = socle_push_back_read(sock, from + k, n - k)) ==
		-ENOMEM)
		continue;
	return result;
}

/* What was read last is read again. */
void
operate_unread(struct stream *s)
{
	size_t n = s->n_last > 0 ? 1 + (size_t)choose(s->n_last) : 0;
	const uint8_t *from = s->last + s->n_last - n;
	bool first = !s->read_through && socle_pending(&s->node->sock) == 0;
	int result = first && sometimes(2)
		? push_back(&s->node->sock, from, n)
		: socle_unread(&s->node->sock, from, n);

	if (result == 0) {
		s->got -= n;
		s->n_last = 0;
		return;
	}
	expect(result == -ENOMEM || socle_closed(&s->node->sock),
		"unread said %d", result);
}

/* ---- a reader function, as a TLS library's: it passes the bytes on ---- */

static ssize_t
read_through(struct socle_socket *sock, void *data, size_t len, void *arg)
{
	struct stream *s = arg;
	ssize_t n;

	callback_begin();
	expect(s == stream_of(sock), "a reader of another object");
	if (!model.calm && sometimes(12))
		n = sometimes(2) ? SOCLE_WANT_WRITE : -EAGAIN;
	else
		n = read(socle_fd(sock), data, len);
	if (n == -1)
		n = errno == EINTR ? -EAGAIN : -errno;
	if (n <= 0)
		act_inside();
	s->read_inside = n == 0; /* what was unread here comes after the end */
	callback_end();
	return n;
}

void
operate_reader(struct stream *s)
{
	bool on = !s->read_through && sometimes(2);
	int result = socle_set_reader_func(
		&s->node->sock, on ? read_through : NULL, s);

	if (result == 0)
		s->read_through = on;
	expect(result == 0 || result == -ENOMEM || result == -EBADF,
		"set_reader_func said %d", result);
}
