/* The scenario's clients, and the objects that serve them. */
#include "tests/support/scenario_private.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

/* ---- borrowed bytes and closures, each released exactly once ---- */
static void
ref_release(bool sent, void *arg)
{
	struct ref *r = arg;

	(void)sent;
	if (r->released++)
		wrong("released twice");
	scenario.refs_released++;
}

int
write_ref(struct socle_socket *s, const char *data, size_t n)
{
	struct ref *r = calloc(1, sizeof(*r));
	int result;

	memcpy(r->data, data, n);
	scenario.borrowed[scenario.refs++] = r;
	result = socle_write_ref(s, r->data, n, ref_release, r);
	if (result >= 0 || r->released)
		return result;
	/* The write was refused. */
	free(r);
	scenario.refs--;
	return result;
}

static void
closure_run(struct socle_socket *s, void *arg)
{
	(void)s;
	(void)arg;
	scenario.closures_done++;
}

static void
closure_drop(void *arg)
{
	(void)arg;
	scenario.closures_done++;
}

int
write_func(struct socle_socket *s)
{
	int result;

	scenario.closures++;
	result = socle_write_func(s, closure_run, closure_drop, NULL);
	if (result < 0)
		scenario.closures--;
	return result;
}

int
write_in_three(struct socle_socket *s, char *data, size_t n)
{
	struct iovec v[3] = {{.iov_base = data, .iov_len = n / 3},
		{.iov_base = data + n / 3, .iov_len = n / 3},
		{.iov_base = data + n / 3 * 2, .iov_len = n - n / 3 * 2}};

	return socle_writev(s, v, 3);
}

/* ---- the objects that serve the lines ---- */
struct worker {
	struct socle_socket sock;
	struct line *line;
	size_t in;
	int turn;
	bool pushed;
};

static struct worker *
worker_of(struct socle_socket *s)
{
	return socle_container_of(s, struct worker, sock);
}

static void
worker_erred(struct worker *w)
{
	if (w->line)
		w->line->erred = true;
}

static void
worker_mark(struct socle_socket *s, bool above, void *arg)
{
	(void)s;
	(void)above;
	(void)arg;
}

static bool
worker_post_loop(struct socle_socket *s, void *arg)
{
	(void)s;
	(void)arg;
	return true;
}

static struct line *
line_of(int fd, const struct socle_factory *by)
{
	struct sockaddr_in a = {.sin_port = 0};
	socklen_t len = sizeof(a);

	if (by == scenario.local)
		return &scenario.lines[LINES - 1];
	(void)getpeername(fd, (struct sockaddr *)&a, &len);
	for (int i = 0; i <= LINES; i++)
		if (scenario.lines[i].port == ntohs(a.sin_port))
			return &scenario.lines[i];
	wrong("a client of no line");
	return NULL;
}

static void
worker_event_accepted(struct socle_socket *self, struct socle_factory *by)
{
	struct worker *w = worker_of(self);
	int small = 1; /* the minimum, so that a write may be partial */
	int port;

	scenario.objects++;
	w->line = line_of(socle_fd(self), by);
	if (!w->line)
		return;
	w->line->served = true;
	if (w->line->is_unix)
		(void)setsockopt(socle_fd(self), SOL_SOCKET, SO_SNDBUF, &small,
			sizeof(small));
	(void)refused(socle_peer_addr_string(self) ? 0 : -ENOTCONN);
	port = socle_local_port(self);
	(void)refused(port == -EAFNOSUPPORT ? 0 : port);
	(void)refused(socle_set_water_marks(self, 10, 1000, worker_mark, NULL));
	(void)refused(socle_set_write_cap(self, MOST));
	(void)refused(socle_set_write_timeout(self, 1000));
	(void)refused(socle_set_idle_timeout(self, 1000));
	(void)refused(socle_set_socket_post_loop_callback(
		self, worker_post_loop, NULL));
}

static int
write_with_closure(struct socle_socket *s, char *data, size_t n)
{
	int r = socle_write(s, data, n);

	return r < 0 || write_func(s) >= 0 ? r : refused(-1);
}

static int
write_held_back(struct socle_socket *s, char *data, size_t n)
{
	int r;

	socle_set_autoflush(s, false);
	r = socle_write(s, data, n);
	socle_set_autoflush(s, true);
	return r;
}

static int
write_corked(struct socle_socket *s, char *data, size_t n)
{
	int r;

	(void)refused(socle_tcp_cork(s, true));
	r = socle_write(s, data, n);
	if (!socle_closed(s))
		(void)refused(socle_tcp_cork(s, false));
	return r;
}

/* Uses all writing functions in turn; a refusal ends the object. */
static void
worker_reply(struct worker *w, char *data, size_t n)
{
	static int (*const ways[])(struct socle_socket *, char *, size_t) = {
		write_in_three, write_with_closure, write_held_back,
		write_corked};
	struct socle_socket *s = &w->sock;
	int way = w->turn++ % 5;
	int r = way < 4 ? ways[way](s, data, n) : write_ref(s, data, n);

	/* A refused write took nothing. */
	for (int i = 1; i < TRIES && r < 0 && !socle_closed(s); i++) {
		(void)refused(r);
		r = way < 4 ? ways[way](s, data, n) : write_ref(s, data, n);
	}
	if (r >= 0) {
		w->line->taken += n;
		return;
	}
	worker_erred(w);
	if (socle_closed(s))
		w->line->maybe_sent = n;
	socle_close(s, "refused");
}

/* Pushes back a part of the first data read. */
static size_t
push_back_some(struct worker *w, const char *data, size_t n)
{
	size_t half = n / 2;

	if (w->pushed || half == 0)
		return n;
	w->pushed = true;
	seam_time_add(0.002); /* slow enough to be reported */
	if (refused(socle_push_back_read(&w->sock, data + n - half, half)))
		return n;
	return n - half;
}

static void
worker_event_read(struct socle_socket *self)
{
	struct worker *w = worker_of(self);
	char data[CHUNK];
	ssize_t n = socle_read(self, data, sizeof(data));

	if (n == -EAGAIN || !w->line)
		return;
	if (n < 0) {
		worker_erred(w);
		socle_close(self, "read");
	} else if (n == 0) {
		socle_close_after_flush(self, "done");
	} else {
		size_t use = push_back_some(w, data, (size_t)n);

		check_pattern(data, use, w->in, "an object");
		w->in += use;
		worker_reply(w, data, use);
	}
}

/* If the kernel refused to watch the fd, it is requested again. */
static void
worker_event_err(struct socle_socket *self, int err)
{
	if (err == -ENOMEM || err == -ENOSPC) {
		scenario.erred[CALL_REFUSED]++;
		socle_watch_read(self, true);
		(void)socle_write_kick(self);
		return;
	}
	worker_erred(worker_of(self));
	if (err > 0)
		wrong("event_err(%d)", err);
	socle_close(self, "error");
}

static void
worker_event_drain(struct socle_socket *self)
{
	if (socle_write_buf_size(self) != 0)
		wrong("drained, and %zu bytes are left",
			socle_write_buf_size(self));
}

static void
worker_event_hup(struct socle_socket *self)
{
	worker_erred(worker_of(self));
	socle_close(self, "hup");
}

static void
worker_close(struct socle_socket *self, const char *reason)
{
	static const char *const bad[] = {
		"EPIPE", "ECONNRESET", "write_error", "stall", "idle"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (reason && strcmp(reason, bad[i]) == 0)
			worker_erred(worker_of(self));
	socle_super_close(&worker_class, self, reason);
}

static void
worker_destroy(struct socle_socket *self)
{
	(void)self;
	scenario.objects--;
}

const struct socle_class worker_class = {
	.name = "Worker",
	.super = &socle_socket_class,
	.size = sizeof(struct worker),
	.event_accepted = worker_event_accepted,
	.event_read = worker_event_read,
	.event_err = worker_event_err,
	.event_hup = worker_event_hup,
	.event_drain = worker_event_drain,
	.close = worker_close,
	.destroy = worker_destroy,
};

/* ---- the clients' ends, without the library ---- */
void
line_send(struct line *c)
{
	ssize_t n;

	while (c->sent < c->total) {
		n = send(c->fd, scenario_bytes + c->sent, c->total - c->sent,
			MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		c->sent = n < 0 ? c->total : c->sent + (size_t)n;
	}
	if (!c->shut)
		(void)shutdown(c->fd, SHUT_WR);
	c->shut = true;
}

static void
line_receive(struct line *c)
{
	char data[8192];
	ssize_t n;

	while ((n = recv(c->fd, data, sizeof(data), MSG_DONTWAIT)) > 0) {
		check_pattern(data, (size_t)n, c->got, "a client");
		c->got += (size_t)n;
	}
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	close(c->fd);
	c->fd = -1;
	c->ended = true;
}

/* The third client reads late, so that much data is queued for it. */
void
lines_pump(void)
{
	scenario.rounds++;
	for (int i = 0; i <= LINES; i++) {
		struct line *c = &scenario.lines[i];

		if (c->fd < 0)
			continue;
		line_send(c);
		if (!c->is_unix || scenario.rounds > 8)
			line_receive(c);
	}
}

void
line_open(struct line *c, struct socle_factory *f, size_t total)
{
	struct socle_addr a, mine = {.len = sizeof(mine.u)};

	*c = (struct line){.fd = -1, .total = total, .ended = true};
	if (!f)
		return;
	/* Without the library: this is not part of the test. */
	a.len = sizeof(a.u);
	if (f == scenario.tcp) {
		int err = 0;

		UNTIL_TAKEN(err = socle_factory_getsockname(f, &a));
		if (err < 0)
			return;
	} else {
		a = (struct socle_addr){
			.u.un.sun_family = AF_UNIX, .len = sizeof(a.u.un)};
		memcpy(a.u.un.sun_path, scenario_path,
			strlen(scenario_path) + 1);
		c->is_unix = true;
	}
	c->fd = socket(a.u.sa.sa_family, SOCK_STREAM, 0);
	if (connect(c->fd, &a.u.sa, a.len) != 0)
		wrong("connect: %s", strerror(errno));
	(void)getsockname(c->fd, &mine.u.sa, &mine.len);
	if (!c->is_unix)
		c->port = ntohs(mine.u.in.sin_port);
	c->ended = false;
}

void
line_check(const struct line *c, const char *which)
{
	if (!c->total || (scenario.lasting && !c->ended && c->fd < 0))
		return;
	if (!c->ended)
		wrong("%s: never ended, %zu of %zu bytes came", which, c->got,
			c->total);
	else if (c->got > c->taken + c->maybe_sent)
		wrong("%s: got %zu bytes of %zu written", which, c->got,
			c->taken + c->maybe_sent);
	else if (!c->served && !scenario.messages && !scenario.lasting)
		wrong("%s: closed without an event", which);
	else if (c->served && !c->erred && c->got != c->total)
		wrong("%s: got %zu of %zu bytes without an error", which,
			c->got, c->total);
}
