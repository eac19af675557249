/*
 * Streams of the simulated kernel: TCP, AF_UNIX and pipes.
 *
 * What a TCP socket sends stands in its `out' until it arrives, and behind it
 * the end of stream.  A reset overtakes both.  AF_UNIX sockets and pipes have
 * no way between their ends: what is sent has arrived.
 */
#include "tests/sim/private.h"

enum { LEAST = 256, MOST = 8192 };

static bool
is_tcp(const struct sim_file *f)
{
	return f->kind == SIM_STREAM && f->domain != AF_UNIX;
}

void
sim_pair(struct sim_file *a, struct sim_file *b)
{
	size_t size = (size_t)LEAST << sim_choose(6);

	a->peer = b;
	b->peer = a;
	a->phase = b->phase = SIM_CONNECTED;
	sim_bytes_size(&a->in, size);
	sim_bytes_size(&b->in, size);
	sim_bytes_size(&a->out, is_tcp(a) ? size : 1);
	sim_bytes_size(&b->out, is_tcp(b) ? size : 1);
}

/* Sending and receiving are over, for whatever reason. */
static bool
is_over(const struct sim_file *f)
{
	return f->phase == SIM_DEAD ||
		(f->kind == SIM_STREAM && f->shut_write && f->got_end);
}

void
sim_stream_die(struct sim_file *f, int err)
{
	f->phase = SIM_DEAD;
	f->err = err;
	f->out.n = 0;
	f->end_sent = f->reset_sent = false;
	f->got_end = f->shut_write = true;
	sim_wake(f);
}

/* ---- what is on its way ---- */

bool
sim_stream_is_busy(const struct sim_file *f)
{
	if (f->kind != SIM_STREAM)
		return false;
	return f->phase == SIM_CONNECTING || f->reset_sent ||
		((f->out.n > 0 || f->end_sent) && f->peer &&
			(f->out.n == 0 || sim_room(&f->peer->in) > 0));
}

/* A peer that is closed answers data with a reset. */
static void
refuse_data(struct sim_file *f)
{
	sim_stream_die(f, f->got_end ? EPIPE : ECONNRESET);
}

static void
arrive_connecting(struct sim_file *f)
{
	if (!f->refused && !sim_listener_take(f))
		f->refused = ECONNREFUSED;
	if (f->refused) {
		sim_stream_die(f, f->refused);
		return;
	}
	f->phase = SIM_CONNECTED;
	sim_wake(f);
}

void
sim_stream_arrive(struct sim_file *f, size_t most)
{
	struct sim_file *to = f->peer;

	if (f->phase == SIM_CONNECTING) {
		/* A connect may take much longer than bytes do. */
		if (!sim_trouble(SIM_LATE, 1) || sim_choose(6) == 0)
			arrive_connecting(f);
		return;
	}
	if (f->reset_sent) {
		sim_stream_die(f, f->got_end ? EPIPE : ECONNRESET);
		return;
	}
	if (!to)
		return;
	if (f->out.n > 0 &&
		to->refs == 0) { /* what it has on its way is lost */
		to->out.n = 0;
		to->end_sent = false;
		refuse_data(f);
		return;
	}
	if (sim_bytes_move(&to->in, &f->out, most) > 0) {
		sim_wake(to);
		sim_wake(f);
	}
	if (f->out.n > 0 || !f->end_sent)
		return;
	f->end_sent = false;
	to->got_end = true;
	sim_wake(to);
}

void
sim_set_off(struct sim_file *f)
{
	sim.in_transit++;
	if (sim.troubles & 1U << SIM_LATE && !sim.calm)
		return;
	while (sim_stream_is_busy(f))
		sim_stream_arrive(f, SIZE_MAX);
}

/* ---- reading ---- */

ssize_t
sim_stream_read(struct sim_file *f, void *p, size_t n)
{
	struct sim_file *from = f->peer;
	size_t got;

	if (f->phase == SIM_FRESH || f->phase == SIM_LISTENING)
		return sim_error(f->domain == AF_UNIX ? EINVAL : ENOTCONN);
	if (f->phase == SIM_CONNECTING)
		return sim_error(EAGAIN);
	got = f->shut_read ? 0 : sim_bytes_get(&f->in, p, n);
	if (got > 0) {
		if (from && from->out.n > 0)
			sim_set_off(from);
		if (from)
			sim_wake(from);
		return (ssize_t)got;
	}
	if (n == 0 && f->kind == SIM_STREAM)
		return 0;
	if (f->err) {
		int err = f->err;

		f->err = 0;
		return sim_error(err);
	}
	return f->got_end || f->shut_read ? 0 : sim_error(EAGAIN);
}

/* ---- writing ---- */

static struct sim_bytes *
buffer_of(struct sim_file *f)
{
	return is_tcp(f) ? &f->out : &f->peer->in;
}

size_t
sim_stream_room(const struct sim_file *f)
{
	if (f->phase != SIM_CONNECTED || !f->peer)
		return 0;
	return sim_room(is_tcp(f) ? &f->out : &f->peer->in);
}

static ssize_t
refused(struct sim_file *f, bool signals)
{
	int err = f->err;

	if (f->phase == SIM_CONNECTING)
		return sim_error(EAGAIN);
	if (f->phase == SIM_FRESH || f->phase == SIM_LISTENING)
		return sim_error(is_tcp(f) ? EPIPE : ENOTCONN);
	if (err && !(f->domain == AF_UNIX && f->phase == SIM_DEAD)) {
		f->err = 0;
		return sim_error(err);
	}
	if (signals)
		sim_signal(SIGPIPE);
	return sim_error(EPIPE);
}

ssize_t
sim_stream_write(
	struct sim_file *f, const struct iovec *v, size_t n, bool signals)
{
	size_t whole = 0, most, done = 0;

	if (f->phase != SIM_CONNECTED || f->shut_write || f->err ||
		(!is_tcp(f) && f->peer->refs == 0))
		return refused(f, signals);
	for (size_t i = 0; i < n; i++)
		whole += v[i].iov_len;
	most = sim_room(buffer_of(f));
	if (whole == 0)
		return 0;
	if (most == 0)
		return sim_error(EAGAIN);
	most = sim_part(whole < most ? whole : most);
	for (size_t i = 0; i < n && done < most; i++) {
		size_t left = most - done;

		done += sim_bytes_put(buffer_of(f), v[i].iov_base,
			v[i].iov_len < left ? v[i].iov_len : left);
	}
	f->taken += done;
	if (is_tcp(f))
		sim_set_off(f);
	else
		sim_wake(f->peer);
	return (ssize_t)done;
}

/* ---- ends ---- */

void
sim_stream_shut(struct sim_file *f, int how)
{
	struct sim_file *peer = f->peer;

	if (how != SHUT_RD && !f->shut_write) {
		f->shut_write = true;
		f->end_sent = is_tcp(f);
		if (is_tcp(f))
			sim_set_off(f);
		else if (peer)
			peer->got_end = true;
		if (peer)
			sim_wake(peer);
	}
	if (how != SHUT_WR) {
		f->shut_read = true;
		if (!is_tcp(f) && peer)
			peer->shut_write = true;
	}
	sim_wake(f);
}

/* Both ends are gone: the places can be used again. */
static void
part(struct sim_file *f)
{
	struct sim_file *peer = f->peer;

	if (!peer || peer->refs > 0)
		return;
	f->peer = peer->peer = NULL;
}

static void
close_tcp(struct sim_file *f)
{
	struct sim_file *peer = f->peer;

	if (peer->refs == 0 || f->phase == SIM_DEAD)
		return;
	if (f->in.n > 0) { /* what was not read is answered with a reset */
		f->out.n = 0;
		peer->reset_sent = peer->phase == SIM_CONNECTED;
		sim_set_off(peer);
		return;
	}
	if (f->phase == SIM_CONNECTING) {
		f->phase = SIM_DEAD;
		return;
	}
	/* What is on its way still arrives, and the end behind it. */
	f->end_sent = f->end_sent || !f->shut_write;
	f->shut_write = true;
	if (f->end_sent)
		sim_set_off(f);
}

static void
close_unix(struct sim_file *f)
{
	struct sim_file *peer = f->peer;

	if (peer->refs == 0)
		return;
	if (f->kind == SIM_STREAM && f->in.n > 0)
		peer->err = ECONNRESET;
	peer->got_end = peer->shut_write = true;
	if (f->kind == SIM_STREAM)
		peer->phase = SIM_DEAD;
	sim_wake(peer);
}

void
sim_stream_close(struct sim_file *f)
{
	if (f->peer && is_tcp(f))
		close_tcp(f);
	else if (f->peer)
		close_unix(f);
	part(f);
}

void
sim_reset(int fd)
{
	struct sim_file *f = sim_get(fd);

	if (!f)
		return;
	if (f->peer && is_tcp(f) && f->peer->phase == SIM_CONNECTED) {
		f->out.n = 0;
		f->peer->reset_sent = true;
		sim_set_off(f->peer);
		f->phase = SIM_DEAD;
	}
	sim_close(fd);
}

size_t
sim_unread(int fd)
{
	const struct sim_file *f = sim_get(fd);

	return f && !f->shut_read ? f->in.n : 0;
}

uint64_t
sim_taken(int fd)
{
	const struct sim_file *f = sim_get(fd);

	return f ? f->taken : 0;
}

uint64_t
sim_tried(int fd)
{
	const struct sim_file *f = sim_get(fd);

	return f ? f->tried : 0;
}

bool
sim_has_room(int fd)
{
	const struct sim_file *f = sim_get(fd);

	if (!f)
		return false;
	if (f->kind == SIM_DGRAM)
		return sim_dgram_has_room(f);
	return sim_stream_room(f) > 0 && !is_over(f);
}
