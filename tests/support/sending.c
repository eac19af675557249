/* sending.h describes the functions. */
#include "tests/support/sending.h"

#include <stdio.h>

bool sender_vetoes;

int
by_hand_setup(void **state)
{
	int r = fixture_setup(state);

	seam_fail(CALL_sendfile, 1, EINVAL, -1);
	return r;
}

static int
filled(char *path, size_t n, unsigned seed)
{
	static char buf[64 * KIB];
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	for (size_t at = 0; at < n; at += sizeof(buf)) {
		size_t part = n - at < sizeof(buf) ? n - at : sizeof(buf);

		pattern_fill(buf, part, at, seed);
		assert_int_equal(part, write(fd, buf, part));
	}
	assert_int_equal(0, lseek(fd, 0, SEEK_SET));
	return fd;
}

int
file_of(size_t n, unsigned seed)
{
	char path[] = "/tmp/socle-file-XXXXXX";
	int fd = filled(path, n, seed);

	unlink(path);
	return fd;
}

void
file_named(char path[PATH_SIZE], size_t n, unsigned seed)
{
	snprintf(path, PATH_SIZE, "/tmp/socle-file-XXXXXX");
	close(filled(path, n, seed));
}

int
pipe_source(int *to)
{
	int fds[2];

	assert_int_equal(0, pipe(fds));
	*to = fds[1];
	return fds[0];
}

/* ---- sending ---- */

static void
sender_close(struct socle_socket *self, const char *reason)
{
	note("close(%s)", reason ? reason : "");
	if (!sender_vetoes)
		socle_super_close(&sender_class, self, reason);
}

const struct socle_class sender_class = {
	.name = "Sender",
	.super = &socle_socket_class,
	.close = sender_close,
};

struct socle_socket *
sender_new(int fd)
{
	struct socle_socket *s;

	sender_vetoes = false;
	assert_int_equal(0, socle_socket_new(&sender_class, fd, &s));
	return s;
}

struct socle_socket *
sender_open(int *peer)
{
	int fds[2];

	pair_unix(fds);
	*peer = fds[1];
	return sender_new(fds[0]);
}

static const char *
name_of(int err)
{
	static char text[16];

	switch (-err) {
	case 0:
		return "ok";
	case EBADF:
		return "EBADF";
	case ECANCELED:
		return "ECANCELED";
	case ECONNRESET:
		return "ECONNRESET";
	case EIO:
		return "EIO";
	case ENODATA:
		return "ENODATA";
	case EPIPE:
		return "EPIPE";
	case ESPIPE:
		return "ESPIPE";
	}
	snprintf(text, sizeof(text), "%d", err);
	return text;
}

static void
sending_done(struct socle_socket *s, const struct socle_sent *how, void *arg)
{
	struct sending *f = arg;

	f->completions++;
	f->how = *how;
	assert_true(how->err <= 0);
	assert_non_null(how->operation);
	if (how->err == 0) {
		note("%s:ok(%ju)", f->name, (uintmax_t)how->sent);
		assert_int_equal(0, how->remaining);
	} else {
		note("%s:%s(%ju+%ju)", f->name, name_of(how->err),
			(uintmax_t)how->sent, (uintmax_t)how->remaining);
	}
	if (f->then)
		f->then(s, f);
}

int
send_file(struct socle_socket *s, struct sending *f, struct socle_sendfile what)
{
	what.done = sending_done;
	what.arg = f;
	return socle_sendfile(s, &what);
}

void
send_whole(struct socle_socket *s, struct sending *f, int fd)
{
	assert_true(send_file(s, f,
			    (struct socle_sendfile){.fd = fd,
				    .close_fd = true,
				    .length = SOCLE_TO_END}) >= 0);
}

void
turn_until_completed(const struct sending *f)
{
	turn_until_count(&f->completions, 1);
}

/* ---- receiving ---- */

size_t
reader_take(struct reader *r, size_t max)
{
	static const size_t sizes[] = {1, 65521, 7, 4093, 131, 32749};
	static char buf[65536];
	size_t took = 0;

	while (took < max && !r->ended) {
		size_t size = sizes[r->step++ % 6];
		ssize_t n = recv(r->fd, buf,
			size < max - took ? size : max - took, MSG_DONTWAIT);

		if (n < 0 && errno == EAGAIN)
			break;
		if (n <= 0) {
			r->ended = true;
			break;
		}
		assert_pattern(buf, (size_t)n, (size_t)r->at, r->seed);
		r->at += (uint64_t)n;
		took += (size_t)n;
	}
	return took;
}

void
reader_until(struct reader *r, uint64_t at)
{
	while (r->at < at && !r->ended) {
		turn(1 + (int)(r->step % 3));
		reader_take(r, (size_t)(at - r->at));
	}
}

void
assert_arrived(int fd, const char *text)
{
	char buf[512];
	ssize_t n = drain_fd(fd, buf, sizeof(buf) - 2);

	if (n < 0)
		n = 0;
	if (recv(fd, buf + n, 1, MSG_DONTWAIT) == 0)
		buf[n++] = '$';
	buf[n] = '\0';
	assert_string_equal(text, buf);
}
