/* The parts of the scenario other than its clients. */
#include "tests/support/scenario_private.h"

#include <stdio.h>

/* ---- small objects, one for each case ---- */
struct thing {
	struct socle_socket sock;
	enum part part;
	const char *end; /* the expected close reason */
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
		part_erred(t->part);
	socle_super_close(&thing_class, self, reason);
}

static void
thing_destroy(struct socle_socket *self)
{
	(void)self;
	scenario.objects--;
}

static const struct socle_class thing_class = {
	.name = "Thing",
	.super = &socle_socket_class,
	.size = sizeof(struct thing),
	.close = thing_close,
	.destroy = thing_destroy,
};

/* NULL: it cannot be made, and the fd has been closed. */
static struct thing *
thing_new(
	const struct socle_class *cls, enum part part, int fd, const char *end)
{
	struct socle_socket *s = NULL;
	int err = 0;

	UNTIL_TAKEN(err = socle_socket_new(cls, fd, &s));
	if (err < 0) {
		close(fd);
		part_erred(part);
		return NULL;
	}
	scenario.objects++;
	thing_of(s)->part = part;
	thing_of(s)->end = end;
	return thing_of(s);
}

/* A pair whose far end the test closes at the end. */
static struct thing *
thing_pair(const struct socle_class *cls, enum part part, const char *end,
	int *peer)
{
	int fds[2], small = 4608;

	pair_unix(fds);
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

/* Repeats a refused write; an error that broke the object was reported. */
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

void
idle_start(void)
{
	int peer;
	struct thing *t = thing_pair(&thing_class, IDLE, "idle", &peer);

	if (t)
		(void)refused(socle_set_idle_timeout(&t->sock, 0.03));
}

void
stalled_start(void)
{
	int peer, r = 0;
	struct thing *t = thing_pair(&thing_class, STALLED, "stall", &peer);

	if (!t)
		return;
	(void)stuff_fd(socle_fd(&t->sock));
	UNTIL_TAKEN(r = socle_set_write_timeout(&t->sock, 0.02));
	if (r < 0)
		socle_close(&t->sock, "refused");
	else
		thing_write(t, "x", 1);
}

/* Reads the peer's last data, then expects the end. */
static void
tail_event_read(struct socle_socket *self)
{
	struct thing *t = thing_of(self);
	char data[16];
	ssize_t n = socle_read(self, data, sizeof(data));

	if (n > 0)
		t->got += (size_t)n;
	else if (n < 0 && n != -EAGAIN && n != -ECONNRESET)
		part_erred(t->part);
}

static void
tail_close(struct socle_socket *self, const char *reason)
{
	if (thing_of(self)->got != 4)
		thing_of(self)->end = NULL; /* the last data was lost */
	thing_close(self, reason);
}

static const struct socle_class tail_class = {
	.name = "Tail",
	.super = &thing_class,
	.event_read = tail_event_read,
	.close = tail_close,
};

/* The peer closes with unread data: an error is pending. */
void
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

/* The end is held back until the object reads. */
void
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
	scenario.stolen = socle_steal_socket(self);
	if (scenario.stolen < 0)
		part_erred(STOLEN);
	else
		raw_keep(scenario.stolen); /* with its unread data */
	part_done(STOLEN);
}

static const struct socle_class thief_class = {
	.name = "Thief",
	.super = &thing_class,
	.event_read = thief_event_read,
};

/* Its event_read steals it later. */
void
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
		part_erred(FILTERED);
	socle_close(self, "done");
}

static const struct socle_class filter_class = {
	.name = "Filter",
	.super = &thing_class,
	.event_read = filter_event_read,
};

void
filtered_start(void)
{
	struct thing *t = thing_pair(
		&filter_class, FILTERED, "done", &scenario.filtered_peer);
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

/* The far end of the filtered object echoes its input. */
void
filtered_pump(void)
{
	char data[16];
	ssize_t n;

	if (scenario.done[FILTERED] || scenario.erred[FILTERED])
		return;
	n = recv(scenario.filtered_peer, data, sizeof(data), MSG_DONTWAIT);
	if (n > 0 &&
		send(scenario.filtered_peer, data, (size_t)n, MSG_NOSIGNAL) !=
			n)
		abort();
}

/* ---- files ---- */
static void
file_done(struct socle_socket *s, const struct socle_sent *how, void *arg)
{
	(void)arg;
	scenario.files_done++;
	if (how->err < 0)
		part_erred(thing_of(s)->part);
}

/* Like thing_write(). */
static void
thing_sendfile(struct thing *t, struct socle_sendfile what)
{
	int r = -1;

	what.done = file_done;
	for (int i = 0; i < TRIES && !socle_closed(&t->sock); i++) {
		scenario.files++;
		r = socle_sendfile(&t->sock, &what);
		if (r >= 0)
			return;
		scenario.files--;
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

	if (pipe(fds) != 0 || fcntl(fds[0], F_SETFD, FD_CLOEXEC) != 0 ||
		write(fds[1], scenario_bytes + at, n) != (ssize_t)n)
		abort();
	close(fds[1]);
	return fds[0];
}

void
files_start(void)
{
	struct thing *t = thing_pair(
		&thing_class, FILES, "done", &scenario.file_peers[0]);

	if (!t)
		return;
	thing_write(t, scenario_bytes, 1000);
	thing_sendfile(t,
		(struct socle_sendfile){
			.file = scenario_file, .offset = 1000, .length = 5000});
	thing_write(t, scenario_bytes + 6000, 500);
	thing_sendfile(t,
		(struct socle_sendfile){.fd = pipe_with_bytes(6500, 700),
			.close_fd = true,
			.length = SOCLE_TO_END});
	socle_close_after_flush(&t->sock, "done");
}

void
filtered_file_start(void)
{
	struct thing *t = thing_pair(
		&thing_class, FILTERED_FILE, "done", &scenario.file_peers[1]);
	int r = 0;

	if (!t)
		return;
	UNTIL_TAKEN(r = socle_set_writer_func(&t->sock, filter_out, NULL));
	if (r < 0)
		socle_close(&t->sock, "refused");
	else
		thing_sendfile(t,
			(struct socle_sendfile){.file = scenario_file,
				.length = FILTERED_BYTES});
	socle_close_after_flush(&t->sock, "done");
}

void
files_pump(void)
{
	char data[8192];
	ssize_t n;

	for (int i = 0; i < 2; i++)
		while (scenario.file_peers[i] >= 0 &&
			(n = recv(scenario.file_peers[i], data, sizeof(data),
				 MSG_DONTWAIT)) > 0) {
			check_pattern(data, (size_t)n, scenario.file_bytes[i],
				"a file");
			scenario.file_bytes[i] += (size_t)n;
		}
}

void
files_check(void)
{
	static const size_t whole[] = {FILES_BYTES, FILTERED_BYTES};

	files_pump();
	for (int i = 0; i < 2; i++)
		if (scenario.file_peers[i] >= 0 && !scenario.erred[FILES + i] &&
			scenario.file_bytes[i] != whole[i])
			wrong("%s: %zu bytes came",
				scenario_part_names[FILES + i],
				scenario.file_bytes[i]);
}

void
file_make(void)
{
	int fd;

	snprintf(scenario_file, sizeof(scenario_file),
		"/tmp/socle-scenario-%d.txt", (int)getpid());
	fd = open(scenario_file, O_CREAT | O_WRONLY | O_TRUNC, 0600);
	if (write(fd, scenario_bytes, FILES_BYTES) != FILES_BYTES)
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
	check_pattern(data, (size_t)n, scenario.sunk, "the pipe");
	scenario.sunk += (size_t)n;
}

/* The writer is gone; its last data is still to be read. */
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

	memcpy(data, scenario_bytes, sizeof(data));
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

void
pipe_start(void)
{
	struct thing *source, *sink;
	int fds[2];

	scenario.piped = true;
	pair_pipe(fds);
#ifdef F_SETPIPE_SZ
	(void)fcntl(fds[1], F_SETPIPE_SZ, 4096);
#endif
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

/* ---- timers, other fds, deferred calls ---- */
static bool
nested_done(void *arg)
{
	(void)arg;
	return scenario.nested_left-- <= 0;
}

static void
timer_fired(struct socle_timer *t)
{
	if (++scenario.fired < 3) {
		(void)refused(socle_timer_start(t, 0.005));
		return;
	}
	part_done(EMBEDDED_TIMER);
	scenario.nested_left = 3;
	if (socle_run_until(nested_done, NULL) < 0)
		scenario.erred[LOOP]++;
	part_done(NESTED);
}

void
done_by_arg(void *arg)
{
	part_done((enum part)(intptr_t)arg);
}

void
never(void *arg)
{
	(void)arg;
	wrong("a cancelled timer fired");
}

void
timers_start(void)
{
	socle_timer_id id = 0, other = 0;
	int r = 0;

	socle_timer_init(&scenario.timer, timer_fired);
	UNTIL_TAKEN(r = socle_timer_start(&scenario.timer, 0.005));
	if (r < 0) {
		part_erred(EMBEDDED_TIMER);
		part_erred(NESTED);
	}
	UNTIL_TAKEN((id = socle_add_timer(0.007, done_by_arg,
			     (void *)(intptr_t)ID_TIMER)) == 0
			? -1
			: 0);
	if (!id)
		part_erred(ID_TIMER);
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
		part_erred(OTHER_FD);
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

void
other_fd_start(void)
{
	int fds[2], r = 0;

	pair_pipe(fds);
	raw_keep(fds[0]);
	raw_keep(fds[1]);
	if (write(fds[1], "ab", 2) != 2)
		abort();
	UNTIL_TAKEN(
		r = socle_add_other_fd(fds[0], SOCLE_READ, other_first, NULL));
	if (r < 0)
		part_erred(OTHER_FD);
}

static void
signal_came(int signo, void *arg)
{
	(void)signo;
	(void)arg;
	part_done(SIGNALLED);
}

void
calls_start(void)
{
	int r = 0;

	UNTIL_TAKEN(r = socle_defer(done_by_arg, (void *)(intptr_t)DEFERRED));
	if (r < 0)
		part_erred(DEFERRED);
	UNTIL_TAKEN((scenario.self = socle_loop_self()) ? 0 : -1);
	r = scenario.self ? 0 : -1;
	if (scenario.self)
		UNTIL_TAKEN(r = socle_post(scenario.self, done_by_arg,
				    (void *)(intptr_t)POSTED));
	if (r < 0)
		part_erred(POSTED);
	UNTIL_TAKEN(r = socle_signal(SIGUSR1, signal_came, NULL));
	if (r < 0)
		part_erred(SIGNALLED);
	else
		raise(SIGUSR1);
}

/* ---- a descriptor that the kernel still watches ---- */
/*
 * An object's fd is replaced behind the library's back while a duplicate is
 * held: epoll keeps the open file in its set, and the library must rebuild the
 * set. poll(2) does not watch open files.
 */
void
ghost_start(void)
{
	struct thing *t;
	int fds[2], null;

	part_done(GHOST);
	scenario.ghost = -1;
	if (!socle_have_epoll())
		return;
	pair_pipe(fds);
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
	scenario.ghost = fds[0];
	socle_close(&t->sock, "done");
	if (write(fds[1], "boo", 3) != 3)
		abort();
}

/*
 * The number no longer belonged to the library, which must not have closed it.
 */
void
ghost_end(void)
{
	struct stat st;

	if (scenario.ghost >= 0 && fstat(scenario.ghost, &st) == 0 &&
		S_ISCHR(st.st_mode))
		close(scenario.ghost);
	scenario.ghost = -1;
}
