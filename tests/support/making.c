/* making.h says what each does. */
#include "tests/support/making.h"

#include "tests/support/resolver.h"

#include <dirent.h>
#include <netinet/in.h>
#include <stdio.h>

enum { BUSY = 64 };

struct heard heard;
static char folder[64];
static int busy_fds[BUSY], n_busy;

static void
forget(void)
{
	memset(&heard, 0, sizeof(heard));
	n_busy = 0;
	folder[0] = '\0';
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
	for (int i = 0; i < heard.successes && i < 128; i++)
		if (heard.fds[i] >= 0)
			close(heard.fds[i]);
	while (n_busy > 0)
		close(busy_fds[--n_busy]);
}

static int
folder_left(void)
{
	if (!folder[0] || rmdir(folder) == 0)
		return 0;
	print_error("%s: %s\n", folder, strerror(errno));
	return 1;
}

int
making_teardown(void **state)
{
	close_fds();
	return fixture_teardown(state) | folder_left();
}

int
names_teardown(void **state)
{
	close_fds();
	return resolver_teardown(state) | folder_left();
}

/* ---- callbacks ---- */

void
hear_success(struct socle_factory *f, int fd, const struct socle_addr *peer,
	void *arg)
{
	(void)arg;
	assert_true(fd >= 0);
	assert_true(heard.successes < 128);
	heard.fds[heard.successes++] = fd;
	heard.has_peer = peer != NULL;
	if (peer)
		heard.peer = *peer;
	if (heard.on_success)
		heard.on_success(f);
}

void
hear_accepted(struct socle_factory *f, struct socle_socket *s, void *arg)
{
	(void)arg;
	heard.accepts++;
	heard.object = s;
	if (heard.on_accepted)
		heard.on_accepted(f);
}

void
hear_failure(
	struct socle_factory *f, const struct socle_failure *why, void *arg)
{
	(void)arg;
	heard.failures++;
	heard.why = *why;
	assert_true(why->id == socle_factory_id(f));
	assert_string_equal(strerror(-why->err), why->errstr);
	if (heard.on_failure)
		heard.on_failure(f);
}

void
hear_attempt(struct socle_factory *f, const struct socle_addr *to, int err,
	void *arg)
{
	int family = to->u.sa.sa_family;

	(void)arg;
	heard.attempts++;
	note("%s:%d",
		family == AF_INET            ? "4"
			: family == AF_INET6 ? "6"
					     : "unix",
		-err);
	if (heard.on_attempt)
		heard.on_attempt(f);
}

static int
told(void)
{
	return heard.successes + heard.accepts + heard.failures +
		heard.attempts;
}

struct socle_factory *
make(struct socle_factory_params p)
{
	struct socle_factory *f = NULL;
	int before = told();

	if (!p.success && !p.accepted) {
		if (p.accept_class)
			p.accepted = hear_accepted;
		else
			p.success = hear_success;
	}
	if (!p.failure)
		p.failure = hear_failure;
	assert_int_equal(0, socle_factory_new(&p, &f));
	assert_non_null(f);
	assert_int_equal(before, told());
	return f;
}

void
assert_fails(struct socle_factory *f, const char *operation, int err)
{
	int successes = heard.successes + heard.accepts;

	turn_until_count(&heard.failures, heard.failures + 1);
	turn(3);
	assert_string_equal(operation, heard.why.operation);
	assert_int_equal(err, heard.why.err);
	assert_true(heard.why.id == socle_factory_id(f));
	assert_int_equal(successes, heard.successes + heard.accepts);
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
	return fd;
}

static bool
fill(const struct socle_addr *a)
{
	struct pollfd p = {.events = POLLOUT};

	while (n_busy < BUSY) {
		p.fd = socket(a->u.sa.sa_family, SOCK_STREAM, 0);
		busy_fds[n_busy++] = p.fd;
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
busy(int family)
{
	struct socle_addr a = {.len = sizeof(a.u)};
	int port, fd = refusing(family, &port);

	busy_fds[n_busy++] = fd;
	assert_int_equal(0, getsockname(fd, &a.u.sa, &a.len));
	assert_int_equal(0, listen(fd, 0));
	assert_true(fill(&a));
	return port;
}

bool
has_ipv6(void)
{
	struct sockaddr_in6 a = {
		.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	int fd = socket(AF_INET6, SOCK_STREAM, 0);
	bool has = fd >= 0 && bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0;

	if (fd >= 0)
		close(fd);
	if (!has)
		print_message("no ::1 on this machine\n");
	return has;
}

void
assert_exchange(int a, int b)
{
	struct pollfd p[2] = {
		{.fd = a, .events = POLLIN}, {.fd = b, .events = POLLIN}};
	char c;

	assert_int_equal(1, send(a, "x", 1, 0));
	assert_int_equal(1, send(b, "y", 1, 0));
	assert_int_equal(1, poll(&p[0], 1, 2000));
	assert_int_equal(1, poll(&p[1], 1, 2000));
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
in_folder(const char *name)
{
	static char paths[4][128];
	static int n;
	char *path = paths[n++ % 4];

	if (!folder[0]) {
		strcpy(folder, "/tmp/socle-making-XXXXXX");
		assert_non_null(mkdtemp(folder));
	}
	snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
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
over(struct socle_timer *t)
{
	(void)t;
}

static bool
is_over(void *timer)
{
	return !socle_timer_pending(timer);
}

void
pass(double seconds)
{
	struct socle_timer t;

	socle_timer_init(&t, over);
	assert_int_equal(0, socle_timer_start(&t, seconds));
	assert_int_equal(1, socle_run_until(is_over, &t));
}
