/* scenario.h says what it is. */
#include "tests/support/scenario.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/un.h>
#include <sys/wait.h>

enum { TRIES = 4, CHUNK = 2500, MOST = 1 << 16, PIPE_BYTES = 12000 };

/* Of the files: bytes, a file, bytes, a pipe; and through a function. */
enum { FILES_BYTES = 1000 + 5000 + 500 + 700, FILTERED_BYTES = 3000 };

/* What may be told an error, beside the lines. */
enum part {
	CALL_REFUSED, /* a call that was made again; counted, not waited for */
	LOOP,
	EMBEDDED_TIMER,
	ID_TIMER,
	OTHER_FD,
	DEFERRED,
	POSTED,
	SIGNALLED,
	NESTED,
	SOURCE,
	SINK,
	IDLE,
	STALLED,
	BROKEN,
	HELD_BACK,
	STOLEN,
	FILTERED,
	FILES,
	FILTERED_FILE,
	GHOST,
	PARTS
};

static const char *const part_names[PARTS] = {"a refused call", "the loop",
	"the timer", "the timer with an id", "the other fd",
	"the deferred call", "the posted call", "the signal", "the nested loop",
	"the pipe's writer", "the pipe's reader", "the idle object",
	"the stalled object", "the broken object", "the held-back end",
	"the stolen socket", "the filtered object", "the files",
	"the filtered file", "the ghost"};

/* A client, and the object that serves it. */
enum { LINES = 3, NEW_LINE = LINES };
struct line {
	size_t total, sent, got;
	int fd; /* the client's end; -1: over */
	int port;
	bool is_unix, shut;
	bool served;  /* an object was made of it */
	bool ended;   /* the client saw the end */
	bool told;    /* the object was told an error */
	size_t taken; /* bytes that the object's writes accepted */
};

static struct {
	bool lasting;
	char problem[256];
	int told[PARTS];
	bool done[PARTS];
	struct line lines[LINES + 1];
	struct socle_factory *tcp, *local;
	struct socle_loop *self;
	int messages, objects, slow, rounds;
	int refs, refs_released, closures, closures_over;
	int raw[64], raw_n;
	int filtered_peer, stolen, ghost;
	int file_peers[2], files, files_over;
	size_t file_bytes[2];
	bool piped;
	size_t sunk;
	struct socle_timer timer;
	int fired, nested_left;
	unsigned long calls[CALLS];
} it;

static char pattern[MOST];
static char path[64], file_path[64];

/* ---- what is found ---- */

static void __attribute__((format(printf, 1, 2))) wrong(const char *fmt, ...)
{
	va_list ap;

	if (it.problem[0])
		return;
	va_start(ap, fmt);
	vsnprintf(it.problem, sizeof(it.problem), fmt, ap);
	va_end(ap);
}

static void
part_told(enum part p)
{
	it.told[p] = 1;
}

static void
part_done(enum part p)
{
	it.done[p] = true;
}

/* Counts a call that said no; it is to be made again. */
static bool
refused(long result)
{
	if (result >= 0)
		return false;
	if (result == -EINTR)
		wrong("an interruption was told");
	it.told[CALL_REFUSED]++;
	return true;
}

#define UNTIL_TAKEN(result)                                                    \
	for (int tries = 0; tries < TRIES && refused(result); tries++)

static void
message(int level, const char *text, void *arg)
{
	(void)level;
	(void)text;
	(void)arg;
	it.messages++;
}

static int
open_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = -3; /* itself, and two names of folders */

	if (!d)
		return 0;
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static void
raw_keep(int fd)
{
	if (it.raw_n == (int)(sizeof(it.raw) / sizeof(it.raw[0])))
		abort();
	it.raw[it.raw_n++] = fd;
}

static void
raw_forget(int fd)
{
	for (int i = 0; i < it.raw_n; i++)
		if (it.raw[i] == fd)
			it.raw[i] = it.raw[--it.raw_n];
}

static void
check_pattern(const char *data, size_t n, size_t at, const char *where)
{
	if (at + n > sizeof(pattern) || memcmp(data, pattern + at, n) != 0)
		wrong("%s: bytes %zu to %zu are wrong", where, at, at + n);
}

/* ---- borrowed bytes and closures, each to be over exactly once ---- */

struct ref {
	int released;
	char data[CHUNK];
};

static void
ref_release(bool sent, void *arg)
{
	struct ref *r = arg;

	(void)sent;
	if (r->released++)
		wrong("released twice");
	it.refs_released++;
}

/* What was borrowed lives until the end of the run. */
static struct ref *refs[256];

static int
write_ref(struct socle_socket *s, const char *data, size_t n)
{
	struct ref *r = calloc(1, sizeof(*r));
	int result;

	memcpy(r->data, data, n);
	refs[it.refs++] = r;
	result = socle_write_ref(s, r->data, n, ref_release, r);
	if (result >= 0 || r->released)
		return result;
	/* Refused. */
	free(r);
	it.refs--;
	return result;
}

static void
closure_run(struct socle_socket *s, void *arg)
{
	(void)s;
	(void)arg;
	it.closures_over++;
}

static void
closure_drop(void *arg)
{
	(void)arg;
	it.closures_over++;
}

static int
write_func(struct socle_socket *s)
{
	int result;

	it.closures++;
	result = socle_write_func(s, closure_run, closure_drop, NULL);
	if (result < 0)
		it.closures--;
	return result;
}

static int
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
worker_told(struct worker *w)
{
	if (w->line)
		w->line->told = true;
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

	if (by == it.local)
		return &it.lines[LINES - 1];
	(void)getpeername(fd, (struct sockaddr *)&a, &len);
	for (int i = 0; i <= LINES; i++)
		if (it.lines[i].port == ntohs(a.sin_port))
			return &it.lines[i];
	wrong("nobody's client");
	return NULL;
}

static void
worker_event_accepted(struct socle_socket *self, struct socle_factory *by)
{
	struct worker *w = worker_of(self);
	int small = 4608;

	it.objects++;
	w->line = line_of(socle_fd(self), by);
	if (!w->line)
		return;
	w->line->served = true;
	if (w->line->is_unix)
		(void)setsockopt(socle_fd(self), SOL_SOCKET, SO_SNDBUF, &small,
			sizeof(small));
	(void)socle_peer_addr_string(self);
	(void)socle_local_port(self);
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

/* In turns, all that writes; a refusal ends the object. */
static void
worker_reply(struct worker *w, char *data, size_t n)
{
	static int (*const ways[])(struct socle_socket *, char *, size_t) = {
		write_in_three, write_with_closure, write_held_back,
		write_corked};
	struct socle_socket *s = &w->sock;
	int way = w->turn++ % 5;
	int r = way < 4 ? ways[way](s, data, n) : write_ref(s, data, n);

	/* Refused, it was not taken at all. */
	for (int i = 1; i < TRIES && r < 0 && !socle_closed(s); i++) {
		(void)refused(r);
		r = way < 4 ? ways[way](s, data, n) : write_ref(s, data, n);
	}
	if (r >= 0) {
		w->line->taken += n;
		return;
	}
	worker_told(w);
	socle_close(s, "refused");
}

/* The first that is read is pushed back in part. */
static size_t
push_back_some(struct worker *w, const char *data, size_t n)
{
	size_t half = n / 2;

	if (w->pushed || half == 0)
		return n;
	w->pushed = true;
	seam_time_add(0.002); /* slow enough to be told */
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
		worker_told(w);
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

/* When the kernel would not watch it, that is asked for again. */
static void
worker_event_err(struct socle_socket *self, int err)
{
	if (err == -ENOMEM || err == -ENOSPC) {
		it.told[CALL_REFUSED]++;
		socle_watch_read(self, true);
		(void)socle_write_kick(self);
		return;
	}
	worker_told(worker_of(self));
	if (err > 0)
		wrong("event_err(%d)", err);
	socle_close(self, "error");
}

static void
worker_event_hup(struct socle_socket *self)
{
	worker_told(worker_of(self));
	socle_close(self, "hup");
}

static const struct socle_class worker_class;

static void
worker_close(struct socle_socket *self, const char *reason)
{
	static const char *const bad[] = {
		"EPIPE", "ECONNRESET", "write_error", "stall", "idle"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (reason && strcmp(reason, bad[i]) == 0)
			worker_told(worker_of(self));
	socle_super_close(&worker_class, self, reason);
}

static void
worker_destroy(struct socle_socket *self)
{
	(void)self;
	it.objects--;
}

static const struct socle_class worker_class = {
	.name = "Worker",
	.super = &socle_socket_class,
	.size = sizeof(struct worker),
	.event_accepted = worker_event_accepted,
	.event_read = worker_event_read,
	.event_err = worker_event_err,
	.event_hup = worker_event_hup,
	.close = worker_close,
	.destroy = worker_destroy,
};

/* ---- the clients' ends, without the library ---- */

static void
line_send(struct line *c)
{
	ssize_t n;

	while (c->sent < c->total) {
		n = send(c->fd, pattern + c->sent, c->total - c->sent,
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

/* The third reads late, so that much waits for it. */
static void
lines_pump(void)
{
	it.rounds++;
	for (int i = 0; i <= LINES; i++) {
		struct line *c = &it.lines[i];

		if (c->fd < 0)
			continue;
		line_send(c);
		if (!c->is_unix || it.rounds > 8)
			line_receive(c);
	}
}

static void
line_open(struct line *c, struct socle_factory *f, size_t total)
{
	struct socle_addr a, mine = {.len = sizeof(mine.u)};

	*c = (struct line){.fd = -1, .total = total, .ended = true};
	if (!f)
		return;
	/* Not by the library, for this is no part of it. */
	a.len = sizeof(a.u);
	if (f == it.tcp) {
		int err = 0;

		UNTIL_TAKEN(err = socle_factory_getsockname(f, &a));
		if (err < 0)
			return;
	} else {
		a = (struct socle_addr){
			.u.un.sun_family = AF_UNIX, .len = sizeof(a.u.un)};
		memcpy(a.u.un.sun_path, path, strlen(path) + 1);
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

static void
line_check(const struct line *c, const char *which)
{
	if (!c->total || (it.lasting && !c->ended && c->fd < 0))
		return;
	if (!c->ended)
		wrong("%s: never ended, %zu of %zu bytes came", which, c->got,
			c->total);
	else if (c->got > c->taken)
		wrong("%s: got %zu bytes of %zu written", which, c->got,
			c->taken);
	else if (!c->served && !it.messages && !it.lasting)
		wrong("%s: let go without a word", which);
	else if (c->served && !c->told && c->got != c->total)
		wrong("%s: got %zu of %zu bytes, and nobody was told", which,
			c->got, c->total);
}

/* ---- small objects, one for each thing that can happen ---- */

struct thing {
	struct socle_socket sock;
	enum part part;
	const char *end; /* the reason with which it is to close */
	size_t got;
};

static struct thing *
thing_of(struct socle_socket *s)
{
	return socle_container_of(s, struct thing, sock);
}

static const struct socle_class thing_class;

static void
thing_close(struct socle_socket *self, const char *reason)
{
	struct thing *t = thing_of(self);

	if (t->end && reason && strcmp(t->end, reason) == 0)
		part_done(t->part);
	else
		part_told(t->part);
	socle_super_close(&thing_class, self, reason);
}

static void
thing_destroy(struct socle_socket *self)
{
	(void)self;
	it.objects--;
}

static const struct socle_class thing_class = {
	.name = "Thing",
	.super = &socle_socket_class,
	.size = sizeof(struct thing),
	.close = thing_close,
	.destroy = thing_destroy,
};

/* NULL: it cannot be had, and the fd is closed. */
static struct thing *
thing_new(
	const struct socle_class *cls, enum part part, int fd, const char *end)
{
	struct socle_socket *s = NULL;
	int err = 0;

	UNTIL_TAKEN(err = socle_socket_new(cls, fd, &s));
	if (err < 0) {
		close(fd);
		part_told(part);
		return NULL;
	}
	it.objects++;
	thing_of(s)->part = part;
	thing_of(s)->end = end;
	return thing_of(s);
}

/* A pair of which the far end is ours to close when all is over. */
static struct thing *
thing_pair(const struct socle_class *cls, enum part part, const char *end,
	int *peer)
{
	int fds[2], small = 4608;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) != 0)
		abort();
	(void)setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	*peer = fds[1];
	raw_keep(fds[1]);
	return thing_new(cls, part, fds[0], end);
}

static void
raw_close(int fd)
{
	raw_forget(fd);
	close(fd);
}

/* Again while it is only refused; what broke the object was told. */
static void
thing_write(struct thing *t, const char *data, size_t n)
{
	int r = socle_write(&t->sock, data, n);

	for (int i = 1; i < TRIES && r < 0 && !socle_closed(&t->sock); i++) {
		(void)refused(r);
		r = socle_write(&t->sock, data, n);
	}
	if (r < 0)
		socle_close(&t->sock, "refused");
}

static void
idle_start(void)
{
	int peer;
	struct thing *t = thing_pair(&thing_class, IDLE, "idle", &peer);

	if (t)
		(void)refused(socle_set_idle_timeout(&t->sock, 0.03));
}

static void
stalled_start(void)
{
	int peer, r = 0;
	struct thing *t = thing_pair(&thing_class, STALLED, "stall", &peer);

	if (!t)
		return;
	(void)stuff_fd(socle_fd(&t->sock));
	UNTIL_TAKEN(r = socle_set_write_timeout(&t->sock, 0.02));
	thing_write(t, "x", 1);
}

/* Reads what its peer left, then expects the end to be told. */
static void
tail_event_read(struct socle_socket *self)
{
	struct thing *t = thing_of(self);
	char data[16];
	ssize_t n = socle_read(self, data, sizeof(data));

	if (n > 0)
		t->got += (size_t)n;
	else if (n < 0 && n != -EAGAIN && n != -ECONNRESET)
		part_told(t->part);
}

static void
tail_close(struct socle_socket *self, const char *reason)
{
	if (thing_of(self)->got != 4)
		thing_of(self)->end = NULL; /* the tail was lost */
	thing_close(self, reason);
}

static const struct socle_class tail_class = {
	.name = "Tail",
	.super = &thing_class,
	.event_read = tail_event_read,
	.close = tail_close,
};

/* The peer leaves with something unread: an error is pending. */
static void
broken_start(void)
{
	int peer;
	struct thing *t = thing_pair(&tail_class, BROKEN, "event_err", &peer);

	if (!t)
		return;
	if (send(socle_fd(&t->sock), "x", 1, 0) != 1)
		abort();
	socle_watch_read(&t->sock, true);
	if (send(peer, "tail", 4, 0) != 4)
		abort();
	raw_close(peer);
}

static void
read_again(void *arg)
{
	struct socle_socket *s = socle_descriptor((int)(intptr_t)arg);

	if (s && socle_class_of(s) == &tail_class)
		socle_watch_read(s, true);
}

/* The end waits for who does not read yet. */
static void
held_back_start(void)
{
	int peer, fd;
	struct thing *t =
		thing_pair(&tail_class, HELD_BACK, "event_hup", &peer);
	socle_timer_id id = 0;

	if (!t)
		return;
	if (send(peer, "tail", 4, 0) != 4)
		abort();
	raw_close(peer);
	fd = socle_fd(&t->sock);
	UNTIL_TAKEN((id = socle_add_timer(
			     0.015, read_again, (void *)(intptr_t)fd)) == 0
			? -1
			: 0);
	if (!id)
		socle_close(&t->sock, "refused");
}

static void
thief_event_read(struct socle_socket *self)
{
	it.stolen = socle_steal_socket(self);
	if (it.stolen < 0)
		part_told(STOLEN);
	else
		raw_keep(it.stolen); /* with what is unread in it */
	part_done(STOLEN);
}

static const struct socle_class thief_class = {
	.name = "Thief",
	.super = &thing_class,
	.event_read = thief_event_read,
};

/* It becomes a thief later. */
static void
stolen_start(void)
{
	int peer, r = 0;
	struct thing *t = thing_pair(&thing_class, STOLEN, NULL, &peer);

	if (!t)
		return;
	UNTIL_TAKEN(r = socle_set_class(&t->sock, &thief_class));
	if (r < 0)
		socle_close(&t->sock, "refused");
	if (send(peer, "s", 1, 0) != 1)
		abort();
	socle_watch_read(&t->sock, true);
}

static ssize_t
filter_out(struct socle_socket *s, const void *data, size_t len, void *arg)
{
	ssize_t n = send(socle_fd(s), data, len, MSG_NOSIGNAL);

	(void)arg;
	return n < 0 ? -errno : n;
}

static ssize_t
filter_in(struct socle_socket *s, void *data, size_t len, void *arg)
{
	ssize_t n = recv(socle_fd(s), data, len, 0);

	(void)arg;
	return n < 0 ? -errno : n;
}

static void
filter_event_read(struct socle_socket *self)
{
	char data[16];
	ssize_t n = socle_read(self, data, sizeof(data));

	if (n == -EAGAIN)
		return;
	if (n != 8 || memcmp(data, "filtered", 8) != 0)
		part_told(FILTERED);
	socle_close(self, "done");
}

static const struct socle_class filter_class = {
	.name = "Filter",
	.super = &thing_class,
	.event_read = filter_event_read,
};

static void
filtered_start(void)
{
	struct thing *t =
		thing_pair(&filter_class, FILTERED, "done", &it.filtered_peer);
	int r = 0;

	if (!t)
		return;
	UNTIL_TAKEN(r = socle_set_writer_func(&t->sock, filter_out, NULL));
	if (r == 0)
		UNTIL_TAKEN(
			r = socle_set_reader_func(&t->sock, filter_in, NULL));
	if (r < 0)
		socle_close(&t->sock, "refused");
	else
		thing_write(t, "filtered", 8);
	socle_watch_read(&t->sock, true);
}

/* The far end of the filtered one sends back what it gets. */
static void
filtered_pump(void)
{
	char data[16];
	ssize_t n;

	if (it.done[FILTERED] || it.told[FILTERED])
		return;
	n = recv(it.filtered_peer, data, sizeof(data), MSG_DONTWAIT);
	if (n > 0 && send(it.filtered_peer, data, (size_t)n, MSG_NOSIGNAL) != n)
		abort();
}

/* ---- files ---- */

static void
file_over(struct socle_socket *s, const struct socle_sent *how, void *arg)
{
	(void)arg;
	it.files_over++;
	if (how->err < 0)
		part_told(thing_of(s)->part);
}

/* As thing_write(). */
static void
thing_sendfile(struct thing *t, struct socle_sendfile what)
{
	int r = -1;

	what.done = file_over;
	for (int i = 0; i < TRIES && !socle_closed(&t->sock); i++) {
		it.files++;
		r = socle_sendfile(&t->sock, &what);
		if (r >= 0)
			return;
		it.files--;
		if (!socle_closed(&t->sock))
			(void)refused(r);
	}
	if (what.close_fd)
		close(what.fd);
	socle_close(&t->sock, "refused");
}

static int
pipe_with_bytes(size_t at, size_t n)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) != 0 ||
		write(fds[1], pattern + at, n) != (ssize_t)n)
		abort();
	close(fds[1]);
	return fds[0];
}

static void
files_start(void)
{
	struct thing *t =
		thing_pair(&thing_class, FILES, "done", &it.file_peers[0]);

	if (!t)
		return;
	thing_write(t, pattern, 1000);
	thing_sendfile(t,
		(struct socle_sendfile){
			.file = file_path, .offset = 1000, .length = 5000});
	thing_write(t, pattern + 6000, 500);
	thing_sendfile(t,
		(struct socle_sendfile){.fd = pipe_with_bytes(6500, 700),
			.close_fd = true,
			.length = SOCLE_TO_END});
	socle_close_after_flush(&t->sock, "done");
}

static void
filtered_file_start(void)
{
	struct thing *t = thing_pair(
		&thing_class, FILTERED_FILE, "done", &it.file_peers[1]);
	int r = 0;

	if (!t)
		return;
	UNTIL_TAKEN(r = socle_set_writer_func(&t->sock, filter_out, NULL));
	if (r < 0)
		socle_close(&t->sock, "refused");
	else
		thing_sendfile(t,
			(struct socle_sendfile){
				.file = file_path, .length = FILTERED_BYTES});
	socle_close_after_flush(&t->sock, "done");
}

static void
files_pump(void)
{
	char data[8192];
	ssize_t n;

	for (int i = 0; i < 2; i++)
		while (it.file_peers[i] >= 0 &&
			(n = recv(it.file_peers[i], data, sizeof(data),
				 MSG_DONTWAIT)) > 0) {
			check_pattern(
				data, (size_t)n, it.file_bytes[i], "a file");
			it.file_bytes[i] += (size_t)n;
		}
}

static void
files_check(void)
{
	static const size_t whole[] = {FILES_BYTES, FILTERED_BYTES};

	files_pump();
	for (int i = 0; i < 2; i++)
		if (it.file_peers[i] >= 0 && !it.told[FILES + i] &&
			it.file_bytes[i] != whole[i])
			wrong("%s: %zu bytes came", part_names[FILES + i],
				it.file_bytes[i]);
}

static void
file_make(void)
{
	int fd;

	snprintf(file_path, sizeof(file_path), "/tmp/socle-scenario-%d.txt",
		(int)getpid());
	fd = open(file_path, O_CREAT | O_WRONLY | O_TRUNC, 0600);
	if (write(fd, pattern, FILES_BYTES) != FILES_BYTES)
		abort();
	close(fd);
}

/* ---- two objects with a pipe between them ---- */

static void
sink_event_read(struct socle_socket *self)
{
	char data[CHUNK];
	ssize_t n = socle_read(self, data, sizeof(data));

	if (n == -EAGAIN)
		return;
	if (n <= 0) {
		socle_close(self, n == 0 ? "done" : "read");
		return;
	}
	check_pattern(data, (size_t)n, it.sunk, "the pipe");
	it.sunk += (size_t)n;
}

/* The writer is gone; what it wrote is still to be read. */
static void
sink_event_hup(struct socle_socket *self)
{
	socle_close(self, "done");
}

static const struct socle_class sink_class = {
	.name = "Sink",
	.super = &thing_class,
	.event_read = sink_event_read,
	.event_hup = sink_event_hup,
};

/* Three items of different kinds in the queue at once. */
static int
source_write(struct socle_socket *s)
{
	char data[PIPE_BYTES];
	size_t at = 0;
	int r;

	memcpy(data, pattern, sizeof(data));
	for (int i = 0; at < PIPE_BYTES; i++) {
		r = i % 2 ? write_ref(s, data + at, 1500)
			  : write_in_three(s, data + at, 1500);
		if (r < 0)
			return r;
		at += 1500;
		if (i == 3)
			(void)refused(write_func(s));
	}
	return 0;
}

static void
pipe_start(void)
{
	struct thing *source, *sink;
	int fds[2];

	it.piped = true;
	if (pipe2(fds, O_NONBLOCK | O_CLOEXEC) != 0)
		abort();
	(void)fcntl(fds[1], F_SETPIPE_SZ, 4096);
	sink = thing_new(&sink_class, SINK, fds[0], "done");
	source = thing_new(&thing_class, SOURCE, fds[1], "done");
	if (sink)
		socle_watch_read(&sink->sock, true);
	if (!source)
		return;
	if (source_write(&source->sock) < 0)
		socle_close(&source->sock, "refused");
	else
		socle_close_after_flush(&source->sock, "done");
}

/* ---- timers, other fds, calls for later ---- */

static bool
nested_done(void *arg)
{
	(void)arg;
	return it.nested_left-- <= 0;
}

static void
timer_fired(struct socle_timer *t)
{
	if (++it.fired < 3) {
		(void)refused(socle_timer_start(t, 0.005));
		return;
	}
	part_done(EMBEDDED_TIMER);
	it.nested_left = 3;
	if (socle_run_until(nested_done, NULL) < 0)
		it.told[LOOP]++;
	part_done(NESTED);
}

static void
done_by_arg(void *arg)
{
	part_done((enum part)(intptr_t)arg);
}

static void
never(void *arg)
{
	(void)arg;
	wrong("a cancelled timer fired");
}

static void
timers_start(void)
{
	socle_timer_id id = 0, other = 0;
	int r = 0;

	socle_timer_init(&it.timer, timer_fired);
	UNTIL_TAKEN(r = socle_timer_start(&it.timer, 0.005));
	if (r < 0) {
		part_told(EMBEDDED_TIMER);
		part_told(NESTED);
	}
	UNTIL_TAKEN((id = socle_add_timer(0.007, done_by_arg,
			     (void *)(intptr_t)ID_TIMER)) == 0
			? -1
			: 0);
	if (!id)
		part_told(ID_TIMER);
	UNTIL_TAKEN(
		(other = socle_add_timer(0.006, never, NULL)) == 0 ? -1 : 0);
	if (other && !socle_cancel_timer(other))
		wrong("a timer could not be cancelled");
}

static void
other_last(int fd, unsigned ready, void *arg)
{
	char c;

	(void)arg;
	if (ready & SOCLE_ERR)
		part_told(OTHER_FD);
	else if (read(fd, &c, 1) != 1)
		wrong("an other fd was not readable");
	if (socle_remove_other_fd(fd) != 0)
		wrong("an other fd was not there");
	part_done(OTHER_FD);
}

static void
other_first(int fd, unsigned ready, void *arg)
{
	char c;

	if (ready & SOCLE_ERR) {
		other_last(fd, ready, arg);
		return;
	}
	if (read(fd, &c, 1) != 1)
		wrong("an other fd was not readable");
	if (refused(socle_add_other_fd(fd, SOCLE_READ, other_last, NULL)))
		wrong("an other fd could not be replaced");
}

static void
other_fd_start(void)
{
	int fds[2], r = 0;

	if (pipe2(fds, O_NONBLOCK | O_CLOEXEC) != 0)
		abort();
	raw_keep(fds[0]);
	raw_keep(fds[1]);
	if (write(fds[1], "ab", 2) != 2)
		abort();
	UNTIL_TAKEN(
		r = socle_add_other_fd(fds[0], SOCLE_READ, other_first, NULL));
	if (r < 0)
		part_told(OTHER_FD);
}

static void
signal_came(int signo, void *arg)
{
	(void)signo;
	(void)arg;
	part_done(SIGNALLED);
}

static void
calls_start(void)
{
	int r = 0;

	UNTIL_TAKEN(r = socle_defer(done_by_arg, (void *)(intptr_t)DEFERRED));
	if (r < 0)
		part_told(DEFERRED);
	UNTIL_TAKEN((it.self = socle_loop_self()) ? 0 : -1);
	r = it.self ? 0 : -1;
	if (it.self)
		UNTIL_TAKEN(r = socle_post(it.self, done_by_arg,
				    (void *)(intptr_t)POSTED));
	if (r < 0)
		part_told(POSTED);
	UNTIL_TAKEN(r = socle_signal(SIGUSR1, signal_came, NULL));
	if (r < 0)
		part_told(SIGNALLED);
	else
		raise(SIGUSR1);
}

/* ---- a descriptor that the kernel goes on to watch ---- */

/*
 * The fd of an object is overlaid behind the library's back while a copy of
 * it is held: epoll keeps the open file in its set, and the set must be made
 * anew.  poll(2) knows no open files.
 */
static void
ghost_start(void)
{
	struct thing *t;
	int fds[2], null;

	part_done(GHOST);
	it.ghost = -1;
	if (!socle_have_epoll())
		return;
	if (pipe2(fds, O_NONBLOCK | O_CLOEXEC) != 0)
		abort();
	t = thing_new(&thing_class, GHOST, fds[0], "done");
	raw_keep(fds[1]);
	if (!t)
		return;
	socle_watch_read(&t->sock, true);
	raw_keep(dup(fds[0]));
	null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (dup2(null, fds[0]) < 0)
		abort();
	close(null);
	it.ghost = fds[0];
	socle_close(&t->sock, "done");
	if (write(fds[1], "boo", 3) != 3)
		abort();
}

/* The number was not the library's to close any more. */
static void
ghost_end(void)
{
	struct stat st;

	if (it.ghost >= 0 && fstat(it.ghost, &st) == 0 && S_ISCHR(st.st_mode))
		close(it.ghost);
	it.ghost = -1;
}

/* ---- the run ---- */

static bool
go_on(void *arg)
{
	(void)arg;
	return true;
}

static void
slow(const struct socle_slow *what, void *arg)
{
	(void)what;
	(void)arg;
	it.slow++;
}

/* The file of somebody who is gone. */
static void
stale_file_make(void)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(path, sizeof(path), "/tmp/socle-scenario-%d", (int)getpid());
	memcpy(a.sun_path, path, strlen(path) + 1);
	(void)unlink(path);
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) != 0)
		abort();
	close(fd);
}

static void
loop_start(void)
{
	const char *backend = getenv("SOCLE_BACKEND");
	int r = 0;

#ifdef __linux__
	if (!backend)
		backend = "epoll";
#endif
	if (backend)
		UNTIL_TAKEN(r = socle_set_backend(backend));
	UNTIL_TAKEN(socle_backend() ? 0 : -1);
	socle_set_loop_timeout(5);
	UNTIL_TAKEN(r = socle_enable_profiling(0));
	socle_set_slow_handler(0.001, slow, NULL);
	socle_set_post_loop_callback(go_on, NULL);
}

static void
listeners_start(void)
{
	char where[80];
	int r = 0;

	UNTIL_TAKEN(r = socle_listen("127.0.0.1:0", &worker_class, &it.tcp));
	stale_file_make();
	snprintf(where, sizeof(where), "unix:%s", path);
	UNTIL_TAKEN(r = socle_listen(where, &worker_class, &it.local));
	line_open(&it.lines[0], it.tcp, 20000);
	line_open(&it.lines[1], it.tcp, 3000);
	line_open(&it.lines[2], it.local, 30000);
}

static bool
finished(void)
{
	for (int i = 0; i <= LINES; i++)
		if (!it.lines[i].ended && it.lines[i].total)
			return false;
	for (int i = EMBEDDED_TIMER; i < PARTS; i++)
		if (!it.done[i] && !it.told[i])
			return false;
	return true;
}

static double
real_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* Until all is over, or the loop does nothing but fail. */
static void
loop_run(void)
{
	double end = 0;
	int failed = 0;

	for (int i = 1; failed < 30 && !finished(); i++) {
		if (socle_event_loop_once(5) < 0) {
			it.told[LOOP]++;
			failed++;
		} else {
			failed = 0;
		}
		/* Without memory some things never come about. */
		if (it.lasting && i > 300)
			return;
		lines_pump();
		filtered_pump();
		files_pump();
		if (i % 1000 != 0)
			continue;
		if (end == 0)
			end = real_now() + 2;
		else if (real_now() > end)
			return;
	}
}

static int
to_nobody(const char *text, size_t len, void *arg)
{
	(void)text;
	(void)len;
	(void)arg;
	return 0;
}

static void
item_seen(const struct socle_profile_item *item, void *arg)
{
	(void)item;
	(void)arg;
}

/* The calls that belong to the end of a program. */
static void
wind_up(void)
{
	int r = 0;

	if (socle_loop_fd() == -ENOMEM)
		it.told[CALL_REFUSED]++;
	(void)refused(socle_loop_timeout_ms() < -1 ? -1 : 0);
	socle_profiling_data(item_seen, NULL);
	UNTIL_TAKEN(
		r = socle_profile_report(SOCLE_REPORT_TEXT, to_nobody, NULL));
	(void)socle_signal(SIGUSR1, NULL, NULL);
	socle_factory_free(it.local);
	it.local = NULL;
	if (socle_event_loop_once(0) < 0)
		it.told[LOOP]++;
	ghost_end();
}

static int
told_sum(void)
{
	int sum = 0;

	for (int i = 0; i < PARTS; i++)
		sum += it.told[i];
	/* Who writes into a pipe that is not read any more is told, too. */
	if (it.told[SINK] && it.told[SOURCE])
		sum--;
	for (int i = 0; i < LINES; i++)
		sum += it.lines[i].told ||
			(!it.lines[i].served && it.lines[i].total);
	return sum;
}

static void
parts_check(void)
{
	for (int i = EMBEDDED_TIMER; i < PARTS; i++)
		if (!it.done[i] && !it.told[i])
			wrong("%s: nothing came of it", part_names[i]);
	if (it.piped && !it.told[SOURCE] && !it.told[SINK] &&
		it.sunk != PIPE_BYTES)
		wrong("the pipe: %zu bytes came", it.sunk);
	files_check();
	for (int i = 0; i < LINES; i++)
		line_check(&it.lines[i],
			(const char *[]){"the TCP client",
				"the other TCP client", "the unix client"}[i]);
}

/* Nothing is ready any more: a tick lets all its time pass. */
static bool
is_quiet(void)
{
	for (int i = 0; i < 20; i++) {
		double before = seam_time();

		if (socle_event_loop_once(20) < 0)
			wrong("the healed loop fails");
		if (seam_time() - before > 0.0199)
			return true;
	}
	return false;
}

static void
wake_check(void)
{
	struct socle_loop *l = socle_loop_self();
	double before;

	if (!is_quiet())
		wrong("the loop spins");
	socle_wakeup(l);
	before = seam_time();
	if (socle_event_loop_once(20) < 0 || seam_time() != before)
		wrong("a wake-up did not end the wait");
	socle_loop_release(l);
}

/* Nothing fails any more: a new client on the same listener. */
static void
healed_check(void)
{
	struct line *c = &it.lines[NEW_LINE];
	bool lasting = it.lasting;

	if (!it.tcp && socle_listen("127.0.0.1:0", &worker_class, &it.tcp) != 0)
		wrong("the healed loop cannot listen");
	line_open(c, it.tcp, 5000);
	it.lasting = false;
	loop_run();
	it.lasting = lasting;
	parts_check();
	line_check(c, "the client that came last");
	if (!c->served || c->told || c->got != c->total)
		wrong("the client that came last was not served");
	wake_check();
}

static void
dropped(void *arg)
{
	++*(int *)arg;
}

static void
reset_check(int fds_before, long blocks_before)
{
	int drops = 0;

	if (socle_defer_or_drop(never, dropped, &drops) == 0)
		drops--;
	socle_loop_release(it.self);
	socle_reset();
	while (it.raw_n > 0)
		close(it.raw[--it.raw_n]);
	for (int i = 0; i < it.refs; i++) {
		if (refs[i]->released != 1)
			wrong("borrowed bytes were released %d times",
				refs[i]->released);
		free(refs[i]);
	}
	if (drops != 0)
		wrong("a deferred call was not dropped");
	if (it.closures != it.closures_over)
		wrong("%d closures, %d calls", it.closures, it.closures_over);
	if (it.files != it.files_over)
		wrong("%d files, %d told to be over", it.files, it.files_over);
	if (it.objects != 0)
		wrong("%d objects are left", it.objects);
	if (open_fds() != fds_before)
		wrong("%d fds before, %d after", fds_before, open_fds());
	if (seam_live_blocks() != blocks_before)
		wrong("%ld blocks are left",
			seam_live_blocks() - blocks_before);
	/* It stays when nobody could learn or remove its inode. */
	(void)unlink(path);
	(void)unlink(file_path);
}

static void
run_begin(bool lasting)
{
	memset(&it, 0, sizeof(it));
	it.lasting = lasting;
	it.ghost = -1;
	it.file_peers[0] = it.file_peers[1] = -1;
	for (int i = 0; i <= LINES; i++)
		it.lines[i].fd = -1;
	if (!pattern[1])
		pattern_fill(pattern, sizeof(pattern), 0, 7);
	socle_set_log(message, NULL);
	seam_time_virtual();
}

static void
calls_note(unsigned long *to)
{
	for (int i = 0; i < CALLS; i++)
		to[i] = seam_count((enum call)i);
}

const char *
scenario_run(int strikes)
{
	int fds_before = open_fds(), told;
	long blocks_before = seam_live_blocks();

	run_begin(strikes < 0);
	loop_start();
	listeners_start();
	idle_start();
	stalled_start();
	broken_start();
	held_back_start();
	stolen_start();
	filtered_start();
	file_make();
	files_start();
	filtered_file_start();
	pipe_start();
	timers_start();
	other_fd_start();
	calls_start();
	ghost_start();
	loop_run();
	wind_up();
	calls_note(it.calls);
	seam_heal();
	told = told_sum();
	if (!it.lasting && told > strikes)
		wrong("%d were told an error", told);
	healed_check();
	reset_check(fds_before, blocks_before);
	return it.problem[0] ? it.problem : NULL;
}

/* ---- a child ---- */

struct child_report {
	unsigned long calls[CALLS];
	char problem[sizeof(it.problem)];
};

static void
leave(struct socle_socket *s, void *arg)
{
	(void)arg;
	socle_close(s, "the parent's");
}

/* What the parent goes on with is not the child's any more. */
static void
child_begin(void)
{
	int r = 0;

	UNTIL_TAKEN(r = socle_after_fork());
	if (r < 0)
		wrong("the child cannot go on");
	socle_each_descriptor(leave, NULL);
	close(it.lines[0].fd);
	it.lines[0] = (struct line){.fd = -1};
	it.done[SOURCE] = it.done[SINK] = it.done[SIGNALLED] = false;
	it.done[POSTED] = false;
}

static void
child_run(int strikes, struct child_report *report)
{
	struct line *c = &it.lines[NEW_LINE];
	int told;

	child_begin();
	raise(SIGUSR1);
	if (refused(socle_post(it.self, done_by_arg, (void *)(intptr_t)POSTED)))
		part_told(POSTED);
	pipe_start();
	line_open(c, it.tcp, 5000);
	loop_run();
	(void)socle_signal(SIGUSR1, NULL, NULL);
	calls_note(report->calls);
	seam_heal();
	told = told_sum() + (c->told || !c->served);
	if (told > strikes)
		wrong("%d were told an error", told);
	parts_check();
	line_check(c, "the child's client");
	if (!strikes && c->got != c->total)
		wrong("the child's client was not served");
	wake_check();
	socle_loop_release(it.self);
	socle_reset();
	if (it.closures != it.closures_over)
		wrong("in the child: %d closures, %d calls", it.closures,
			it.closures_over);
	if (it.objects != 0)
		wrong("in the child: %d objects are left", it.objects);
	memcpy(report->problem, it.problem, sizeof(it.problem));
}

static void
fork_setup(void)
{
	loop_start();
	UNTIL_TAKEN(socle_listen("127.0.0.1:0", &worker_class, &it.tcp));
	for (int i = 0; i < PARTS; i++)
		part_done((enum part)i);
	calls_start();
	line_open(&it.lines[0], it.tcp, 20000);
	it.lines[0].is_unix = true; /* it reads late */
	for (int i = 0; i < 4; i++) {
		(void)socle_event_loop_once(0);
		line_send(&it.lines[0]);
	}
}

const char *
scenario_fork_run(int strikes, void (*arm)(void))
{
	int fds_before = open_fds(), status = 0;
	long blocks_before = seam_live_blocks();
	struct child_report *report = mmap(NULL, sizeof(*report),
		PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t child;

	run_begin(false);
	fork_setup();
	child = fork();
	if (child == 0) {
		seam_count_reset();
		arm();
		child_run(strikes, report);
		_exit(0);
	}
	if (waitpid(child, &status, 0) != child || status != 0)
		wrong("the child ended with %d", status);
	if (report->problem[0])
		wrong("%s", report->problem);
	memcpy(it.calls, report->calls, sizeof(it.calls));
	munmap(report, sizeof(*report));
	loop_run();
	parts_check();
	if (it.lines[0].told || it.lines[0].got != it.lines[0].total)
		wrong("the parent's client was not served");
	(void)socle_signal(SIGUSR1, NULL, NULL);
	wake_check();
	reset_check(fds_before, blocks_before);
	return it.problem[0] ? it.problem : NULL;
}

unsigned long
scenario_calls(enum call which)
{
	return it.calls[which];
}
