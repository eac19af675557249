/* making.h describes the functions. */
#include "tests/support/making.h"

#include "tests/support/resolver.h"

#include <dirent.h>
#include <netinet/in.h>
#include <stdio.h>

enum { BUSY = 64 };

struct recorded recorded;
static char dir[64];
static int full_fds[BUSY], n_full;

static void
forget(void)
{
	memset(&recorded, 0, sizeof(recorded));
	n_full = 0;
	dir[0] = '\0';
}

int
making_setup(void **state)
{
	forget();
	return fixture_setup(state);
}

int
names_setup(void **state)
{
	forget();
	return resolver_setup(state);
}

static void
close_fds(void)
{
	for (int i = 0; i < recorded.successes && i < 128; i++)
		if (recorded.fds[i] >= 0)
			close(recorded.fds[i]);
	while (n_full > 0)
		close(full_fds[--n_full]);
}

static int
remove_dir(void)
{
	if (!dir[0] || rmdir(dir) == 0)
		return 0;
	print_error("%s: %s\n", dir, strerror(errno));
	return 1;
}

int
making_teardown(void **state)
{
	close_fds();
	return fixture_teardown(state) | remove_dir();
}

int
names_teardown(void **state)
{
	close_fds();
	return resolver_teardown(state) | remove_dir();
}

/* ---- callbacks ---- */

void
record_success(struct socle_factory *f, int fd, const struct socle_addr *peer,
	void *arg)
{
	(void)arg;
	assert_true(fd >= 0);
	assert_true(recorded.successes < 128);
	recorded.fds[recorded.successes++] = fd;
	recorded.has_peer = peer != NULL;
	if (peer)
		recorded.peer = *peer;
	if (recorded.on_success)
		recorded.on_success(f);
}

void
record_accepted(struct socle_factory *f, struct socle_socket *s, void *arg)
{
	(void)arg;
	recorded.accepts++;
	recorded.object = s;
	if (recorded.on_accepted)
		recorded.on_accepted(f);
}

void
record_failure(
	struct socle_factory *f, const struct socle_failure *why, void *arg)
{
	(void)arg;
	recorded.failures++;
	recorded.why = *why;
	assert_true(why->id == socle_factory_id(f));
	assert_string_equal(strerror(-why->err), why->errstr);
	if (recorded.on_failure)
		recorded.on_failure(f);
}

void
record_attempt(struct socle_factory *f, const struct socle_addr *to, int err,
	void *arg)
{
	int family = to->u.sa.sa_family;

	(void)arg;
	recorded.attempts++;
	note("%s:%d",
		family == AF_INET            ? "4"
			: family == AF_INET6 ? "6"
					     : "unix",
		-err);
	if (recorded.on_attempt)
		recorded.on_attempt(f);
}

static int
callbacks(void)
{
	return recorded.successes + recorded.accepts + recorded.failures +
		recorded.attempts;
}

struct socle_factory *
make(struct socle_factory_params p)
{
	struct socle_factory *f = NULL;
	int before = callbacks();

	if (!p.success && !p.accepted) {
		if (p.accept_class)
			p.accepted = record_accepted;
		else
			p.success = record_success;
	}
	if (!p.failure)
		p.failure = record_failure;
	assert_int_equal(0, socle_factory_new(&p, &f));
	assert_non_null(f);
	assert_int_equal(before, callbacks());
	return f;
}

void
assert_fails(struct socle_factory *f, const char *operation, int err)
{
	int successes = recorded.successes + recorded.accepts;

	turn_until_count(&recorded.failures, recorded.failures + 1);
	turn(3);
	assert_string_equal(operation, recorded.why.operation);
	assert_int_equal(err, recorded.why.err);
	assert_true(recorded.why.id == socle_factory_id(f));
	assert_int_equal(successes, recorded.successes + recorded.accepts);
}

/* ---- addresses ---- */

const char *
port_text(int port)
{
	static char texts[4][8];
	static int n;
	char *text = texts[n++ % 4];

	snprintf(text, sizeof(texts[0]), "%d", port & 0xffff);
	return text;
}

const char *
port_of(const struct socle_factory *f)
{
	struct socle_addr a;

	assert_int_equal(0, socle_factory_getsockname(f, &a));
	return port_text(socle_addr_port(&a));
}

int
client_of(const struct socle_factory *f)
{
	struct socle_addr a;
	int fd;

	assert_int_equal(0, socle_factory_getsockname(f, &a));
	fd = socket(a.u.sa.sa_family, SOCK_STREAM, 0);
	assert_true(fd >= 0);
	assert_int_equal(0, connect(fd, &a.u.sa, a.len));
	return fd;
}

int
refusing(int family, int *port)
{
	struct socle_addr a = {.len = sizeof(a.u)};
	int fd = socket(family, SOCK_STREAM, 0);

	assert_true(fd >= 0);
	assert_int_equal(0,
		socle_addr_parse(
			&a, family == AF_INET6 ? "[::1]:0" : "127.0.0.1:0", 0));
	assert_int_equal(0, bind(fd, &a.u.sa, a.len));
	assert_int_equal(0, getsockname(fd, &a.u.sa, &a.len));
	*port = socle_addr_port(&a);
	if (SOCLE__IS_LINUX)
		return fd;
	close(fd);
	return socket(family, SOCK_DGRAM, 0);
}

static bool
fill(const struct socle_addr *a)
{
	struct pollfd p = {.events = POLLOUT};

	while (n_full < BUSY) {
		p.fd = socket(a->u.sa.sa_family, SOCK_STREAM, 0);
		full_fds[n_full++] = p.fd;
		fcntl(p.fd, F_SETFL, O_NONBLOCK);
		if (connect(p.fd, &a->u.sa, a->len) == 0)
			continue;
		assert_int_equal(EINPROGRESS, errno);
		if (poll(&p, 1, 50) == 0)
			return true;
	}
	return false;
}

int
full_listener(int family)
{
	struct socle_addr a = {.len = sizeof(a.u)};
	int port, fd = refusing(family, &port);

	full_fds[n_full++] = fd;
	assert_int_equal(0, getsockname(fd, &a.u.sa, &a.len));
	assert_int_equal(0, listen(fd, 0));
	assert_true(fill(&a));
	return port;
}

void
assert_exchange(int a, int b)
{
	struct pollfd p[2] = {
		{.fd = a, .events = POLLIN}, {.fd = b, .events = POLLIN}};
	char c;

	assert_int_equal(1, send(a, "x", 1, 0));
	assert_int_equal(1, send(b, "y", 1, 0));
	assert_int_equal(1, poll(&p[0], 1, 30 * 1000));
	assert_int_equal(1, poll(&p[1], 1, 30 * 1000));
	assert_int_equal(1, recv(a, &c, 1, 0));
	assert_int_equal('y', c);
	assert_int_equal(1, recv(b, &c, 1, 0));
	assert_int_equal('x', c);
}

int
fds_open(void)
{
	DIR *d = opendir("/dev/fd");
	int n = 0;

	assert_non_null(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

const char *
in_dir(const char *name)
{
	static char paths[4][128];
	static int n;
	char *path = paths[n++ % 4];

	if (!dir[0]) {
		strcpy(dir, "/tmp/socle-making-XXXXXX");
		assert_non_null(mkdtemp(dir));
	}
	snprintf(path, sizeof(paths[0]), "%s/%s", dir, name);
	return path;
}

bool
is_there(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}

/* ---- time ---- */

static void
time_is_up(struct socle_timer *t)
{
	(void)t;
}

static bool
is_finished(void *timer)
{
	return !socle_timer_pending(timer);
}

void
pass_time(double seconds)
{
	struct socle_timer t;

	socle_timer_init(&t, time_is_up);
	assert_int_equal(0, socle_timer_start(&t, seconds));
	assert_int_equal(1, socle_run_until(is_finished, &t));
}
