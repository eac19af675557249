/*
 * Streams beside those of the core: files that are sent, messages of many
 * pieces, lingering, and pipes.  Each file is reported once, and the bytes that
 * arrive are the bytes that were reported.
 */
#include "tests/support/sending.h"
#include "tests/sweep/scenes.h"
#include "tests/sweep/sweep.h"

#include <sys/stat.h>

static bool gone; /* the object was destroyed */
static char reason[32];

static void
watched_close(struct socle_socket *self, const char *why)
{
	snprintf(reason, sizeof(reason), "%s", why ? why : "");
	socle_super_close(&sender_class, self, why);
}

static void
watched_destroy(struct socle_socket *self)
{
	(void)self;
	gone = true;
}

static const struct socle_class watched_class = {
	.name = "Watched",
	.super = &sender_class,
	.close = watched_close,
	.destroy = watched_destroy,
};

/* NULL: it was refused, and the fd is closed. */
static struct socle_socket *
watched_new(int fd, struct result *r)
{
	struct socle_socket *s = NULL;

	gone = false;
	reason[0] = '\0';
	if (socle_socket_new(&watched_class, fd, &s) == 0)
		return s;
	r->heard++;
	close(fd);
	gone = true;
	return NULL;
}

/* ---- files ---- */

enum { FILES = 4, BIG = 40 * KIB };

static struct sending files[FILES] = {
	{.name = "path"}, {.name = "fd"}, {.name = "pipe"}, {.name = "big"}};
static bool taken[FILES]; /* the call said >= 0 */
static char file_path[PATH_SIZE];

static void
queue_file(struct socle_socket *s, int i, struct socle_sendfile what)
{
	int r;

	what.length = i == 1 ? 700 : SOCLE_TO_END;
	what.close_fd = true;
	r = send_file(s, &files[i], what);
	taken[i] = r >= 0;
	if (r < 0 && !what.file)
		close(what.fd);
}

static int
pipe_of(size_t n)
{
	char buf[1000];
	int to, from = pipe_source(&to);

	pattern_fill(buf, n, 0, 0);
	send_all(to, buf, n);
	close(to);
	return from;
}

static uint64_t
take_all(int fd)
{
	static char buf[65536];
	uint64_t got = 0;

	for (ssize_t n; (n = drain_fd(fd, buf, sizeof(buf))) > 0;)
		got += (uint64_t)n;
	return got;
}

/* Turns until the object is gone; returns the bytes that arrived. */
static uint64_t
turn_and_take(int fd, int most, struct result *r)
{
	uint64_t got = 0;

	for (int tick = 0; tick < most && !gone; tick++) {
		r->heard += socle_event_loop_once(1) < 0;
		got += take_all(fd);
	}
	return got + take_all(fd);
}

static void
files_check(uint64_t got, struct result *r)
{
	uint64_t sent = 0;

	for (int i = 0; i < FILES; i++) {
		if (files[i].completions != taken[i])
			r->problem = "a file was not reported once";
		else if (taken[i] && files[i].how.err == -EINTR)
			r->problem = "EINTR was returned";
		if (taken[i])
			sent += files[i].how.sent;
	}
	if (!r->problem && sent != got)
		r->problem = "other bytes arrived than were reported";
}

static void
files_heard(struct result *r)
{
	for (int i = 0; i < FILES; i++)
		r->heard += !taken[i] ||
			(files[i].completions && files[i].how.err < 0);
}

static void
files_run(int strikes, struct result *r)
{
	struct socle_socket *s;
	uint64_t got;
	int fds[2], small = 4608;

	(void)strikes;
	for (int i = 0; i < FILES; i++) {
		files[i].completions = 0;
		taken[i] = false;
	}
	pair_unix(fds);
	(void)setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	faults_on();
	if (!(s = watched_new(fds[0], r))) {
		close(fds[1]);
		return;
	}
	queue_file(s, 0, (struct socle_sendfile){.file = file_path});
	queue_file(s, 1, (struct socle_sendfile){.fd = file_of(700, 0)});
	queue_file(s, 2, (struct socle_sendfile){.fd = pipe_of(900)});
	queue_file(s, 3, (struct socle_sendfile){.fd = file_of(BIG, 0)});
	socle_close_after_flush(s, "over");
	got = turn_and_take(fds[1], 300, r);
	files_heard(r);
	/* Without memory for its reason the object is closed without. */
	r->heard += gone && !reason[0];
	seam_heal();
	got += turn_and_take(fds[1], 1000, r);
	if (!gone)
		r->problem = "the object stays";
	else
		files_check(got, r);
	close(fds[1]);
}

/* sendfile(2) is refused, so that files are read and sent. */
static void
files_by_hand_run(int strikes, struct result *r)
{
	seam_fail(CALL_sendfile, 1, EINVAL, -1);
	files_run(strikes, r);
}

/* Its size is smaller by the time that it is sent. */
static void
cut_file_run(int strikes, struct result *r)
{
	struct sending f = {.name = "cut"};
	struct socle_socket *s;
	int fds[2], fd = file_of(500, 0), err;
	uint64_t got;

	(void)strikes;
	pair_unix(fds);
	s = watched_new(fds[0], r);
	socle_set_autoflush(s, false);
	faults_on();
	err = send_file(s, &f,
		(struct socle_sendfile){
			.fd = fd, .length = SOCLE_TO_END, .close_fd = true});
	if (ftruncate(fd, 100) != 0)
		abort();
	if (err < 0)
		close(fd);
	socle_close_after_flush(s, "over");
	got = turn_and_take(fds[1], 100, r);
	/* Without memory for its reason the object is closed without. */
	r->heard += gone && !reason[0];
	r->heard += err < 0 ||
		(f.completions && f.how.err < 0 && f.how.err != -ENODATA);
	seam_heal();
	got += turn_and_take(fds[1], 1000, r);
	if (err >= 0 && (f.completions != 1 || f.how.sent != got))
		r->problem = "the file was not reported as it arrived";
	close(fds[1]);
}

/* The size of such a file is 0, but it has bytes. */
static void
proc_file_run(int strikes, struct result *r)
{
	struct sending f = {.name = "proc"};
	struct socle_socket *s;
	int fds[2], err;
	uint64_t got;

	(void)strikes;
	pair_unix(fds);
	s = watched_new(fds[0], r);
	faults_on();
	err = send_file(s, &f,
		(struct socle_sendfile){
			.file = "/proc/version", .length = SOCLE_TO_END});
	socle_close_after_flush(s, "over");
	got = turn_and_take(fds[1], 100, r);
	r->heard += gone && !reason[0];
	r->heard += err < 0 || (f.completions && f.how.err < 0);
	seam_heal();
	got += turn_and_take(fds[1], 1000, r);
	if (err >= 0 && (f.completions != 1 || f.how.sent != got))
		r->problem = "the file was not reported as it arrived";
	else if (!r->heard && got == 0)
		r->problem = "the file was lost";
	close(fds[1]);
}

/* ---- messages ---- */

enum { PIECES = 1100 };

/* More pieces than one call takes. */
static void
message_run(int strikes, struct result *r)
{
	struct iovec v[PIECES];
	struct socle_socket *s;
	char byte = 'x', got[PIECES + 1];
	int fds[2], err;
	ssize_t n = 0;

	(void)strikes;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds) != 0)
		abort();
	for (int i = 0; i < PIECES; i++)
		v[i] = (struct iovec){.iov_base = &byte, .iov_len = 1};
	s = watched_new(fds[0], r);
	faults_on();
	err = socle_writev(s, v, PIECES);
	for (int i = 0; i < 10; i++)
		r->heard += socle_event_loop_once(5) < 0;
	r->heard += err < 0 || reason[0];
	seam_heal();
	for (int i = 0; i < 20; i++)
		(void)socle_event_loop_once(5);
	n = recv(fds[1], got, sizeof(got), MSG_DONTWAIT);
	if (err >= 0 && !reason[0] && n != PIECES)
		r->problem = "the message was lost or cut";
	close(fds[1]);
}

/* ---- lingering ---- */

static void
turn_until_gone(int most, struct result *r)
{
	for (int i = 0; i < most && !gone; i++)
		r->heard += socle_event_loop_once(5) < 0;
}

/* The peer sends on; what was written arrives before the end. */
static void
linger_run(int strikes, struct result *r)
{
	struct socle_socket *s;
	char got[8] = "";
	int fds[2];
	ssize_t n;

	(void)strikes;
	pair_tcp(fds);
	s = watched_new(fds[0], r);
	if (send(fds[1], "unread", 6, 0) != 6)
		abort();
	faults_on();
	r->heard += socle_set_linger(s, 0.5, 1) < 0;
	r->heard += socle_write(s, "bye", 3) < 0;
	socle_close_after_flush(s, "over");
	turn_until_gone(10, r);
	n = recv(fds[1], got, sizeof(got), MSG_DONTWAIT);
	(void)!send(fds[1], "more", 4, MSG_NOSIGNAL);
	turn_until_gone(1, r);
	(void)shutdown(fds[1], SHUT_WR);
	turn_until_gone(20, r);
	r->heard += gone && strcmp(reason, "over") != 0;
	seam_heal();
	turn_until_gone(500, r);
	if (n < 0)
		n = recv(fds[1], got, sizeof(got), MSG_DONTWAIT);
	if (!gone)
		r->problem = "it lingers for ever";
	else if (n != 3 && !r->heard)
		r->problem = "the last bytes were lost";
	close(fds[1]);
}

/* ---- pipes ---- */

/*
 * Two objects on one open file that blocked before: the last one makes it block
 * again.
 */
static void
shared_pipe_run(int strikes, struct result *r)
{
	struct socle_socket *a, *b;
	int fds[2], copies[3];

	if (pipe(fds) != 0)
		abort();
	for (int i = 0; i < 3; i++)
		copies[i] = dup(fds[0]);
	a = watched_new(copies[0], r);
	b = watched_new(copies[1], r);
	faults_on();
	socle_close(a, "over");
	r->heard += socle_event_loop_once(0) < 0;
	if (!(fcntl(copies[2], F_GETFL) & O_NONBLOCK) && !sites_struck())
		r->problem = "it blocks under the other object";
	socle_close(b, "over");
	r->heard += socle_event_loop_once(0) < 0;
	seam_heal();
	(void)socle_event_loop_once(0);
	if (strikes == 0 && !sites_struck() &&
		fcntl(copies[2], F_GETFL) & O_NONBLOCK)
		r->problem = "it does not block again";
	close(copies[2]);
	close(fds[0]);
	close(fds[1]);
}

static int bytes_read;

static void
fifo_ready(int fd, unsigned ready, void *arg)
{
	char buf[16];
	ssize_t n = ready & SOCLE_READ ? read(fd, buf, sizeof(buf)) : 0;

	bytes_read += n > 0 ? (int)n : 0;
	*(int *)arg += (ready & SOCLE_ERR) != 0;
}

static void
write_and_leave(const char *path)
{
	int fd = open(path, O_WRONLY | O_NONBLOCK);

	if (fd < 0 || write(fd, "x", 1) != 1)
		abort();
	close(fd);
}

/* A FIFO that has lost its writer gets another one. */
static void
fifo_run(int strikes, struct result *r)
{
	char dir[] = "/tmp/socle-sweep-XXXXXX", path[64];
	int fd, errors = 0, err;

	(void)strikes;
	if (!mkdtemp(dir))
		abort();
	snprintf(path, sizeof(path), "%s/f", dir);
	if (mkfifo(path, 0600) != 0)
		abort();
	fd = open(path, O_RDONLY | O_NONBLOCK);
	bytes_read = 0;
	faults_on();
	err = socle_add_other_fd(fd, SOCLE_READ, fifo_ready, &errors);
	write_and_leave(path);
	for (int i = 0; i < 6; i++)
		r->heard += socle_event_loop_once(5) < 0;
	r->heard += err < 0 || errors > 0;
	seam_heal();
	for (int i = 0; i < 6; i++)
		(void)socle_event_loop_once(5);
	if (!r->heard && bytes_read != 1)
		r->problem = "the byte was lost";
	if (err == 0)
		(void)socle_remove_other_fd(fd);
	close(fd);
	unlink(path);
	rmdir(dir);
}

void
sweep_streams(void)
{
	static const struct scene scenes[] = {
		{"files", files_run, NULL},
		{"files by hand", files_by_hand_run, NULL},
		{"cut file", cut_file_run,
			"it is closed because of the file in any case"},
		{"message", message_run, NULL},
		{"linger", linger_run, NULL},
		{"shared pipe", shared_pipe_run, NULL},
		{"fifo", fifo_run, NULL},
	};
	static const struct scene proc[] = {
		{"file of size 0", proc_file_run, NULL}};

	file_named(file_path, 500, 0);
	SWEEP(scenes);
	if (access("/proc/version", R_OK) == 0)
		SWEEP(proc);
	unlink(file_path);
}
