/*
 * The model's streams: how they are made, and what may be done to them apart
 * from reading and writing.
 */
#include "tests/model/model.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

struct stream streams[STREAMS];

struct stream *
some_stream(void)
{
	int at = (int)choose(STREAMS);

	for (int i = 0; i < STREAMS; i++) {
		struct stream *s = &streams[(at + i) % STREAMS];

		if (s->used)
			return s;
	}
	return NULL;
}

struct stream *
new_stream(void)
{
	for (int i = 0; i < STREAMS; i++)
		if (!streams[i].used)
			return &streams[i];
	return NULL;
}

void
streams_were_flushed(void)
{
	for (int i = 0; i < STREAMS; i++)
		streams[i].held_at = 0;
}

static void
far_end(struct stream *s)
{
	sim_outside_begin();
	if (s->far >= 0)
		close(s->far);
	sim_outside_end();
	s->far = -1;
}

void
stream_begin(struct stream *s, int fd, int far, bool is_tcp)
{
	static int number;
	struct node *node = s->node;
	bool ours = s->ours;

	number++;
	*s = (struct stream){
		.node = node,
		.ours = ours,
		.used = true,
		.number = number,
		.far = far,
		.seed = (unsigned)choose(1000),
		.is_tcp = is_tcp,
		.begun = sim_now(),
		.fd = fd,
		.made_at = sim_counts.waits,
	};
	node->s = s;
	s->taken_before = sim_taken(fd);
}

/* Two connected ends: the library's and the far one. */
static bool
pair(int fds[2], bool is_tcp)
{
	bool done;

	sim_outside_begin();
	done = sim_stream_pair(is_tcp, fds);
	sim_outside_end();
	if (done)
		sim_give(fds[0]);
	return done;
}

static int
make_object(struct stream *s, int fd)
{
	struct socle_socket *sock;
	int result;

	s->ours = sometimes(2);
	if (!s->ours) {
		result = socle_socket_new(&model_class, fd, &sock);
		if (result == 0)
			s->node = socle_container_of(sock, struct node, sock);
		return result;
	}
	s->node = malloc(sizeof(*s->node));
	if (!s->node)
		abort();
	result = socle_socket_init(&s->node->sock, &model_class, fd);
	if (result < 0)
		free(s->node);
	return result;
}

void
operate_make(void)
{
	struct stream *s = new_stream();
	bool is_tcp = sometimes(2);
	int fds[2], result;

	if (!s || !pair(fds, is_tcp))
		return;
	far_end(s);
	result = make_object(s, fds[0]);
	if (result == 0) {
		stream_begin(s, fds[0], fds[1], is_tcp);
		s->reading = choose(5) > 0;
		socle_watch_read(&s->node->sock, s->reading);
		return;
	}
	expect(result == -ENOMEM || result == -ENOSPC || result == -EMFILE,
		"a new object: %d", result);
	sim_outside_begin();
	close(fds[0]);
	close(fds[1]);
	sim_outside_end();
}

/* ---- what may be done to them ---- */

void
operate_watch(struct stream *s)
{
	struct socle_socket *sock = &s->node->sock;
	bool on = choose(3) > 0;

	if (sometimes(3)) {
		s->writing = on && sometimes(2);
		socle_watch_write(sock, s->writing);
		return;
	}
	socle_watch_read(sock, on);
	s->far_at = sim_awake(); /* the kernel was asked without this */
	if (!socle_closed(sock))
		s->reading = on && !s->flushing;
	if (s->reading && on)
		s->got_end = false;
}

/* Whether its close has to send: nothing was tried since the write. */
static bool
has_to_send(const struct stream *s)
{
	return s->held_at > 0 && s->held_at == sim_counts.waits && s->holds &&
		s->held_tried == sim_tried(s->fd) && model.queue_depth == 0 &&
		!s->closing && !s->connecting && !s->broke && !s->far_gone &&
		!s->writes_through && !socle_closed(&s->node->sock) &&
		socle_write_buf_size(&s->node->sock) > 0 && sim_has_room(s->fd);
}

void
operate_close(struct stream *s)
{
	uint64_t tried = has_to_send(s) ? sim_counts.tried : UINT64_MAX;
	bool was_closed = socle_closed(&s->node->sock);

	s->held_at = 0; /* a vetoed close has flushed as well */
	s->vetoes = !model.calm && sometimes(4);
	socle_close(&s->node->sock, "model");
	expect(tried != sim_counts.tried || model.child || model.was_reset ||
			s->stolen,
		"a close has dropped what was held back");
	expect(was_closed || s->vetoes || model.child || model.depth > 0 ||
			socle_closed(&s->node->sock),
		"an object that was closed is open");
	if (was_closed)
		return;
	s->vetoes = false;
}

void
operate_close_after_flush(struct stream *s)
{
	if (socle_closed(&s->node->sock))
		return;
	s->flushing = s->discards = true;
	s->reading = false;
	s->n_last = 0;
	socle_close_after_flush(&s->node->sock, "model flushed");
}

void
operate_steal(struct stream *s)
{
	bool was_closed = socle_closed(&s->node->sock);
	bool ended = s->ended;
	int fd;

	s->ended = s->stolen = true;
	fd = socle_steal_socket(&s->node->sock);
	expect(fd == -EBADF || !was_closed, "a closed object's fd was stolen");
	expect(socle_closed(&s->node->sock),
		"an object is open without its fd");
	if (fd < 0) {
		s->ended = ended || socle_closed(&s->node->sock);
		return;
	}
	sim_outside_begin();
	sim_take(fd);
	close(fd);
	sim_outside_end();
	if (sometimes(2))
		operate_make(); /* its number is free */
}

void
operate_set_class(struct stream *s)
{
	struct socle_socket *sock = &s->node->sock;
	const struct socle_class *cls =
		sometimes(2) ? &model_class : &model_subclass;
	int result = socle_set_class(sock, cls);

	expect(result == 0 || result == -ENOMEM || socle_closed(sock),
		"set_class said %d", result);
	if (result == 0)
		expect(socle_class_of(sock) == cls, "set_class did not");
}

static void
mark(struct socle_socket *sock, bool above, void *arg)
{
	struct stream *s = arg;

	callback_begin();
	model.queue_depth++;
	expect(sock == &s->node->sock, "a mark of another object");
	expect(s->has_marks && above != s->above, "two marks alike");
	s->above = above;
	act_inside();
	model.queue_depth--;
	callback_end();
}

void
operate_marks(struct stream *s)
{
	size_t low = (size_t)choose(500), high = low + (size_t)choose(2000);
	bool on = choose(4) > 0, above = s->above, had = s->has_marks;
	int result;

	s->above = false;
	s->has_marks = on;
	result = socle_set_water_marks(
		&s->node->sock, low, high, on ? mark : NULL, s);
	if (result < 0) {
		s->above = above;
		s->has_marks = had;
	}
	expect(result == 0 || result == -ENOMEM || result == -EBADF,
		"marks: %d", result);
}

void
operate_cap(struct stream *s)
{
	size_t cap = sometimes(2) ? 0 : (size_t)choose(4000);
	int result = socle_set_write_cap(&s->node->sock, cap);

	expect(result == 0 || result == -ENOMEM || result == -EBADF, "cap: %d",
		result);
	if (result == 0)
		s->cap = cap;
}

void
operate_autoflush(struct stream *s)
{
	s->holds = choose(3) == 0;
	s->held_at = 0;
	socle_set_autoflush(&s->node->sock, !s->holds);
}

void
operate_timeouts(struct stream *s)
{
	struct socle_socket *sock = &s->node->sock;
	int64_t ms = sometimes(3) ? 0 : 1 + (int64_t)choose(500);
	bool idle = sometimes(2);
	int result = idle ? socle_set_idle_timeout(sock, (double)ms / 1e3)
			  : socle_set_write_timeout(sock, (double)ms / 1e3);

	expect(result == 0 || result == -ENOMEM || result == -EBADF,
		"a timeout: %d", result);
	if (result < 0)
		return;
	if (idle)
		s->idle_ns = ms * 1000000;
	else
		s->stall_ns = ms * 1000000;
}

/* ---- a writer function, as a TLS library's: it passes the bytes on ---- */

static ssize_t
write_through(
	struct socle_socket *sock, const void *data, size_t len, void *arg)
{
	static const ssize_t refusals[] = {
		-EAGAIN, SOCLE_WANT_WRITE, SOCLE_WANT_READ, -ENOBUFS};
	ssize_t n;

	callback_begin();
	expect(arg == stream_of(sock), "a writer of another object");
	if (sometimes(12)) {
		model.queue_depth++;
		act_inside();
		if (!model.child && sometimes(2))
			operate_kick(arg); /* what is being sent is not */
		model.queue_depth--;
	}
	if (model.child || socle_closed(sock)) {
		n = model.child ? -EAGAIN : -EBADF; /* no data */
	} else if (!model.calm && sometimes(12)) {
		n = refusals[choose(4)];
	} else {
		n = send(socle_fd(sock), data, len, MSG_NOSIGNAL);
		if (n < 0)
			n = errno == EINTR ? -EAGAIN : -errno;
	}
	callback_end();
	return n;
}

void
operate_writer(struct stream *s)
{
	bool on = !s->writes_through && sometimes(2);
	int result = socle_set_writer_func(
		&s->node->sock, on ? write_through : NULL, s);

	if (result == 0)
		s->writes_through = on;
	expect(result == 0 || result == -ENOMEM || result == -EBADF,
		"set_writer_func said %d", result);
}

static bool
after_tick(struct socle_socket *sock, void *arg)
{
	struct stream *s = arg;

	callback_begin();
	expect(sock == &s->node->sock && s->wants_post_loop,
		"a post-loop callback that was removed");
	expect(!socle_closed(sock), "a post-loop callback after close");
	act_inside();
	callback_end();
	return model.calm || choose(20) > 0;
}

void
operate_post_loop(struct stream *s)
{
	bool on = sometimes(2);
	int result = socle_set_socket_post_loop_callback(
		&s->node->sock, on ? after_tick : NULL, s);

	if (result == 0)
		s->wants_post_loop = on;
}

void
operate_linger(struct stream *s)
{
	double silence = (double)choose(3) / 10;

	(void)socle_set_linger(&s->node->sock, silence, silence * 3);
}

void
operate_cork(struct stream *s)
{
	(void)socle_tcp_cork(&s->node->sock, sometimes(2));
}

/* ---- the far end ---- */

void
operate_far_write(struct stream *s)
{
	far_write(s, 1 + (size_t)choose(sometimes(5) ? 4000 : 300));
}

void
operate_far_read(struct stream *s)
{
	if (model.queue_depth == 0)
		far_read(s, 1 + (size_t)choose(sometimes(3) ? 4000 : 300));
}

void
operate_far_shut(struct stream *s)
{
	if (s->far < 0 || s->far_gone)
		return;
	sim_outside_begin();
	shutdown(s->far, SHUT_WR);
	sim_outside_end();
	s->far_shut = true;
}

static void
far_goes(struct stream *s)
{
	s->far_gone = true;
	s->far = -1;
	s->loose = true;
}

void
operate_far_close(struct stream *s)
{
	if (s->far < 0)
		return;
	far_end(s);
	far_goes(s);
}

void
operate_far_reset(struct stream *s)
{
	if (s->far < 0)
		return;
	sim_outside_begin();
	sim_reset(s->far);
	sim_outside_end();
	far_goes(s);
}
