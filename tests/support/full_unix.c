#include "tests/support/full_unix.h"

#include <sys/un.h>

static int (*real_connect)(int, const struct sockaddr *, socklen_t);
static int unix_full;

static struct sockaddr_un
address(const char *path)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};

	assert_true(strlen(path) < sizeof(a.sun_path));
	memcpy(a.sun_path, path, strlen(path) + 1);
	return a;
}

void
full_unix_begin(struct full_unix *u, const char *path)
{
	struct sockaddr_un a = address(path);

	u->fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(0, bind(u->fd, (struct sockaddr *)&a, sizeof(a)));
	assert_int_equal(0, listen(u->fd, 0));
	for (u->n = 0; u->n < FULL_UNIX_CLIENTS; u->n++) {
		int fd = socket(AF_UNIX, SOCK_STREAM, 0);

		fcntl(fd, F_SETFL, O_NONBLOCK);
		if (connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0) {
			assert_int_equal(SOCLE__UNIX_FULL, errno);
			close(fd);
			return;
		}
		u->waiting[u->n] = fd;
	}
	fail_msg("a backlog of 0 takes %d clients", u->n);
}

void
full_unix_make_room(struct full_unix *u)
{
	int fd = accept(u->fd, NULL, NULL);

	assert_true(fd >= 0);
	close(fd);
}

void
full_unix_end(struct full_unix *u, const char *path)
{
	while (u->n > 0)
		close(u->waiting[--u->n]);
	close(u->fd);
	unlink(path);
}

/* A blocking connect(2) would wait on Linux. */
static int
refused_connect(int fd, const struct sockaddr *a, socklen_t n)
{
	int mode = fcntl(fd, F_GETFL), r, err;

	if (a->sa_family != AF_UNIX)
		return real_connect(fd, a, n);
	fcntl(fd, F_SETFL, mode | O_NONBLOCK);
	r = real_connect(fd, a, n);
	err = errno;
	fcntl(fd, F_SETFL, mode);
	errno = err == SOCLE__UNIX_FULL ? ECONNREFUSED : err;
	return r;
}

void
full_unix_is_refused(void)
{
	real_connect = socle__seam.connect;
	socle__seam.connect = refused_connect;
	unix_full = socle__seam.unix_full;
	socle__seam.unix_full = ECONNREFUSED;
}

void
full_unix_is_as_here(void)
{
	if (!real_connect)
		return;
	socle__seam.connect = real_connect;
	socle__seam.unix_full = unix_full;
	real_connect = NULL;
}
