/* managing.h describes the functions. */
#include "tests/support/managing.h"

#include "reactor/spawn.h"
#include "sockets/factory/passed.h"

#include <stdio.h>
#include <sys/un.h>

enum { PASSED = 16, FIRST = 3, ELSEWHERE = 200 };

static int saved[PASSED], n_passed, manager = -1;
static char path[sizeof(((struct sockaddr_un *)NULL)->sun_path)];

static void
variables_clear(void)
{
	listen_texts(NULL, NULL, NULL);
	unsetenv(SOCLE__PREDECESSOR);
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
}

int
managing_setup(void **state)
{
	variables_clear();
	return listening_setup(state);
}

void
pass_end(void)
{
	socle__passed_forget();
	for (int i = 0; i < n_passed; i++) {
		close(FIRST + i);
		if (saved[i] >= 0) {
			dup2(saved[i], FIRST + i);
			close(saved[i]);
		}
	}
	n_passed = 0;
	variables_clear();
}

int
managing_teardown(void **state)
{
	seam_heal();
	socle_reset();
	pass_end();
	manager_close();
	return fixture_teardown(state);
}

static void
set(const char *name, const char *value)
{
	if (value)
		setenv(name, value, 1);
	else
		unsetenv(name);
}

void
listen_texts(const char *pid, const char *fds, const char *names)
{
	set("LISTEN_PID", pid);
	set("LISTEN_FDS", fds);
	set("LISTEN_FDNAMES", names);
}

void
pass(const int *fds, int n, const char *names)
{
	char pid[32], count[32];
	int copies[PASSED];

	assert_true(n <= PASSED);
	for (int i = 0; i < n; i++) {
		copies[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, ELSEWHERE);
		assert_true(copies[i] >= 0);
		close(fds[i]);
	}
	for (int i = 0; i < n; i++) {
		saved[i] = fcntl(FIRST + i, F_DUPFD_CLOEXEC, ELSEWHERE);
		assert_int_equal(FIRST + i, dup2(copies[i], FIRST + i));
		close(copies[i]);
	}
	n_passed = n;
	snprintf(pid, sizeof(pid), "%ld", (long)getpid());
	snprintf(count, sizeof(count), "%d", n);
	listen_texts(pid, count, names);
}

int
socket_at(const char *where, int type)
{
	struct socle_addr a;
	int fd;

	assert_int_equal(0, socle_addr_parse(&a, where, 0));
	fd = socket(a.u.sa.sa_family, type, 0);
	assert_true(fd >= 0);
	assert_int_equal(0, bind(fd, &a.u.sa, a.len));
	if (type != SOCK_DGRAM)
		assert_int_equal(0, listen(fd, 16));
	return fd;
}

const char *
where_is(int fd)
{
	static char text[SOCLE_ADDR_TEXT_MAX];
	struct socle_addr a = {.len = sizeof(a.u)};

	assert_int_equal(0, getsockname(fd, &a.u.sa, &a.len));
	assert_true(socle_addr_format(&a, text, sizeof(text)) > 0);
	return text;
}

bool
fd_is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

/* ---- hearing ---- */

void
manager_open(const char *name)
{
	char where[sizeof(path) + 8];

	snprintf(where, sizeof(where), "unix:%s", name);
	if (*name == '/') {
		snprintf(path, sizeof(path), "%s", name);
		unlink(path);
	}
	manager = socket_at(where, SOCK_DGRAM);
	setenv("NOTIFY_SOCKET", name, 1);
}

void
manager_close(void)
{
	if (manager >= 0)
		close(manager);
	manager = -1;
	if (*path)
		unlink(path);
	*path = '\0';
}

int
manager_fd(void)
{
	return manager;
}

const char *
heard_with(int *fd)
{
	static char text[2048];
	union {
		struct cmsghdr head;
		char room[64];
	} control;
	struct iovec v = {.iov_base = text, .iov_len = sizeof(text) - 1};
	struct msghdr m = {.msg_iov = &v,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control)};
	ssize_t n = recvmsg(manager, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	const struct cmsghdr *c = n < 0 ? NULL : CMSG_FIRSTHDR(&m);

	*fd = -1;
	if (c && c->cmsg_type == SCM_RIGHTS)
		memcpy(fd, CMSG_DATA(c), sizeof(*fd));
	text[n < 0 ? 0 : n] = '\0';
	return text;
}

const char *
heard(void)
{
	int fd;
	const char *text = heard_with(&fd);

	assert_int_equal(-1, fd);
	return text;
}
