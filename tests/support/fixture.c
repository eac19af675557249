/* fixture.h describes the functions. */
#include "tests/support/fixture.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/resource.h>

/*
 * Seconds. They end tests that hang, and must suffice on a machine that is busy
 * with other things: no test may fail because it is slow.
 */
enum { TEST_ALARM = 120, TURNS_ALARM = 30, REPEATING = 2 };

#ifdef KQUEUE_KEEPS_FDS /* fds of libkqueue, which outlive the queue */
enum { UNDER_LIBKQUEUE = 1 };
#else
enum { UNDER_LIBKQUEUE = 0 };
#endif

static double repeating_since;
static int fds_before;
static long blocks_before;
static char log_text[1 << 16];
static size_t log_len;

static int
open_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = -1; /* without the directory's own fd */

	if (!d) {
		n = 0;
		for (int fd = 0; fd < 1024; fd++)
			n += fcntl(fd, F_GETFD) >= 0;
		return n;
	}
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

/* Seconds for a test; the long campaigns have one time limit as a whole. */
static unsigned
patience(void)
{
	const char *text = getenv("TEST_ALARM");

	if (text)
		return (unsigned)atoi(text);
	return getenv("SOCLE_TEST_LONG") ? 1800 : TEST_ALARM;
}

int
fixture_setup(void **state)
{
	(void)state;
	seam_reset();
	notes_clear();
	socle_set_log(NULL, NULL);
	socle_set_debug_level(0);
	fds_before = open_fds();
	blocks_before = seam_live_blocks();
	alarm(patience());
	return 0;
}

int
fixture_teardown(void **state)
{
	int fds, bad = 0;

	(void)state;
	seam_heal();
	socle_reset();
	alarm(0);
	fds = open_fds();
	if (!UNDER_LIBKQUEUE && fds != fds_before) {
		print_error("%d fds before, %d after\n", fds_before, fds);
		bad = 1;
	}
	if (seam_live_blocks() != blocks_before) {
		print_error("%ld blocks left\n",
			seam_live_blocks() - blocks_before);
		bad = 1;
	}
	return bad;
}

int
scaled(int n, int least)
{
	const char *text = getenv("SOCLE_TEST_SCALE");
	double scale = text ? atof(text) : 1;
	int r = (int)(n * scale);

	return r < least ? least : r;
}

static double
real_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

bool
race_again(int done, int n)
{
	if (done == 0)
		repeating_since = real_now();
	return done < n &&
		(done < n / 100 + 1 ||
			real_now() < repeating_since + REPEATING);
}

void
skip_test(const char *name, const char *reason)
{
	print_message("skipped: %s: %s\n", name, reason);
	skip();
}

/* With libkqueue the backend has both names. */
int
fd_0_save(void)
{
	int saved = dup(0);

	if (saved < 0)
		assert_int_equal(0, open("/dev/null", O_RDONLY));
	return saved;
}

void
fd_0_restore(int saved)
{
	close(0);
	if (saved < 0)
		return;
	assert_int_equal(0, dup2(saved, 0));
	close(saved);
}

bool
backend_is(const char *name)
{
	if (strcmp(name, "libkqueue") == 0)
		return UNDER_LIBKQUEUE && backend_is("kqueue");
	return strcmp(socle_backend(), name) == 0;
}

bool
hups_are_told(void)
{
	return !backend_is("poll") ||
		(kernel()->poll != POLL_IS_KQUEUE &&
			kernel()->poll != POLL_HUP_OF_PIPES);
}

bool
fds_may_be(unsigned n)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) < 0)
		return false;
	r.rlim_cur = r.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &r);
	return r.rlim_cur >= n;
}

bool
localhost_is_known(void)
{
	const struct addrinfo hints = {.ai_family = AF_INET};
	struct addrinfo *found;

	if (getaddrinfo("localhost", NULL, &hints, &found) != 0)
		return false;
	freeaddrinfo(found);
	return true;
}

bool
address_is_ours(const char *address)
{
	struct socle_addr a;
	bool ours;
	int fd;

	assert_int_equal(0, socle_addr_parse(&a, address, 0));
	fd = socket(a.u.sa.sa_family, SOCK_DGRAM, 0);
	ours = fd >= 0 && bind(fd, &a.u.sa, a.len) == 0;
	close(fd);
	return ours;
}

bool
has_ipv6(void)
{
	return address_is_ours("[::1]:0");
}

bool
protocol_is_known(const char *name)
{
	return getprotobyname(name) != NULL;
}

enum call
the_wait(void)
{
#ifdef __linux__
	if (backend_is("epoll"))
		return CALL_epoll_wait;
#endif
#if SOCLE__HAVE_KQUEUE
	if (backend_is("kqueue"))
		return CALL_kevent;
#endif
	return CALL_poll;
}

enum call
the_opening(void)
{
#ifdef __linux__
	if (backend_is("epoll"))
		return CALL_epoll_create1;
#endif
#if SOCLE__HAVE_KQUEUE
	if (backend_is("kqueue"))
		return CALL_kqueue;
#endif
	return CALLS;
}

bool
many_are_one_call(void)
{
	return SOCLE__HAVE_MMSG && !kernel()->no_mmsg;
}

enum call
the_send_of_many(void)
{
	return many_are_one_call() ? CALL_sendmmsg : CALL_sendto;
}

bool
changes_are_calls(void)
{
	return !backend_is("poll");
}

void
note(const char *fmt, ...)
{
	va_list ap;
	int n;

	if (log_len > 0 && log_len < sizeof(log_text) - 1)
		log_text[log_len++] = ' ';
	va_start(ap, fmt);
	n = vsnprintf(log_text + log_len, sizeof(log_text) - log_len, fmt, ap);
	va_end(ap);
	log_len += (size_t)n;
	if (log_len > sizeof(log_text) - 2)
		log_len = sizeof(log_text) - 2;
}

const char *
notes(void)
{
	return log_text;
}

void
notes_clear(void)
{
	log_len = 0;
	memset(log_text, 0, sizeof(log_text));
}

static void
make_loop_friendly(int fd)
{
	assert_int_not_equal(-1, fcntl(fd, F_SETFL, O_NONBLOCK));
	assert_int_not_equal(-1, fcntl(fd, F_SETFD, FD_CLOEXEC));
}

void
pair_unix(int fds[2])
{
	assert_int_equal(0, socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
	make_loop_friendly(fds[0]);
	make_loop_friendly(fds[1]);
}

void
pair_pipe(int fds[2])
{
	assert_int_equal(0, pipe(fds));
	make_loop_friendly(fds[0]);
	make_loop_friendly(fds[1]);
}

int
tcp_listener(int *port)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_true(fd >= 0);
	assert_int_equal(0, bind(fd, (struct sockaddr *)&a, sizeof(a)));
	assert_int_equal(0, listen(fd, 128));
	assert_int_equal(0, getsockname(fd, (struct sockaddr *)&a, &len));
	*port = ntohs(a.sin_port);
	return fd;
}

int
tcp_connect(int port)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_true(fd >= 0);
	assert_int_equal(0, connect(fd, (struct sockaddr *)&a, sizeof(a)));
	return fd;
}

void
pair_tcp(int fds[2])
{
	int port;
	int listener = tcp_listener(&port);
	int on = 1;

	fds[1] = tcp_connect(port);
	fds[0] = accept(listener, NULL, NULL);
	assert_true(fds[0] >= 0);
	close(listener);
	for (int i = 0; i < 2; i++) {
		make_loop_friendly(fds[i]);
		setsockopt(fds[i], IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	}
}

void
close_by_reset(int fd)
{
	struct linger l = {.l_onoff = 1, .l_linger = 0};

	assert_int_equal(
		0, setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof(l)));
	close(fd);
}

static char
pattern_at(size_t offset, unsigned seed)
{
	uint64_t x = (offset + seed) * 0x9e3779b97f4a7c15u;

	return (char)(x >> 56);
}

void
pattern_fill(char *buf, size_t n, size_t offset, unsigned seed)
{
	for (size_t i = 0; i < n; i++)
		buf[i] = pattern_at(offset + i, seed);
}

void
assert_pattern(const char *buf, size_t n, size_t offset, unsigned seed)
{
	for (size_t i = 0; i < n; i++)
		if (buf[i] != pattern_at(offset + i, seed))
			fail_msg("byte %zu is wrong", offset + i);
}

void
send_all(int fd, const void *data, size_t n)
{
	const char *p = data;

	while (n > 0) {
		struct pollfd pfd = {.fd = fd, .events = POLLOUT};
		ssize_t r;

		assert_int_equal(1, poll(&pfd, 1, 30 * 1000));
		r = write(fd, p, n);
		if (r < 0 && errno == EAGAIN)
			continue;
		assert_true(r > 0);
		p += r;
		n -= (size_t)r;
	}
}

ssize_t
drain_fd(int fd, char *buf, size_t size)
{
	size_t len = 0;

	while (len < size) {
		ssize_t n = recv(fd, buf + len, size - len, MSG_DONTWAIT);

		if (n == 0 && len == 0)
			return -1;
		if (n <= 0)
			break;
		len += (size_t)n;
	}
	return (ssize_t)len;
}

size_t
stuff_fd(int fd)
{
	static char junk[65536];
	size_t total = 0;
	ssize_t n;

	for (size_t size = sizeof(junk); size > 0; size /= 2)
		while ((n = write(fd, junk, size)) > 0)
			total += (size_t)n;
	return total;
}

void
turn(int n)
{
	while (n-- > 0)
		assert_true(socle_event_loop_once(0) >= 0);
}

void
turn_until(const bool *flag)
{
	double end = real_now() + TURNS_ALARM;

	while (!*flag && real_now() < end)
		assert_true(socle_event_loop_once(10) >= 0);
	assert_true(*flag);
}

void
turn_until_count(const int *counter, int n)
{
	double end = real_now() + TURNS_ALARM;

	while (*counter < n && real_now() < end)
		assert_true(socle_event_loop_once(10) >= 0);
	assert_true(*counter >= n);
}

/* ---- probe ---- */

struct probe *
probe_of(struct socle_socket *s)
{
	return socle_container_of(s, struct probe, sock);
}

static void
probe_note(struct probe *p, const char *what)
{
	if (p->tag)
		note("%s:%s", p->tag, what);
	else
		note("%s", what);
}

static void
probe_note_err(struct probe *p, const char *what, int err)
{
	char text[32];

	snprintf(text, sizeof(text), "%s%d", what, err);
	probe_note(p, text);
}

static void
probe_event_read(struct socle_socket *self)
{
	struct probe *p = probe_of(self);
	size_t space = sizeof(p->got) - p->got_len;
	ssize_t n;

	p->reads++;
	probe_note(p, "r");
	if (p->on_read) {
		p->on_read(p);
		return;
	}
	if (p->read_size == 0)
		return;
	n = socle_read(self, p->got + p->got_len,
		p->read_size < space ? p->read_size : space);
	if (n > 0)
		p->got_len += (size_t)n;
	else if (n == 0)
		probe_note(p, "eof");
	else
		probe_note_err(p, "r", (int)n);
}

static void
probe_event_write(struct socle_socket *self)
{
	struct probe *p = probe_of(self);

	p->writes++;
	probe_note(p, "w");
	if (p->on_write)
		p->on_write(p);
	else
		socle_super_event_write(&probe_class, self);
}

static void
probe_event_err(struct socle_socket *self, int err)
{
	struct probe *p = probe_of(self);

	p->errs++;
	probe_note_err(p, "e", err);
	if (p->on_err)
		p->on_err(p, err);
	else
		socle_super_event_err(&probe_class, self, err);
}

static void
probe_event_hup(struct socle_socket *self)
{
	struct probe *p = probe_of(self);

	p->hups++;
	probe_note(p, "h");
	if (p->on_hup)
		p->on_hup(p);
	else
		socle_super_event_hup(&probe_class, self);
}

static void
probe_event_drain(struct socle_socket *self)
{
	struct probe *p = probe_of(self);

	p->drains++;
	probe_note(p, "drain");
	if (p->on_drain)
		p->on_drain(p);
}

static void
probe_event_timeout(struct socle_socket *self, int which)
{
	struct probe *p = probe_of(self);

	p->timeouts++;
	probe_note(p, which == SOCLE_IDLE ? "idle" : "stall");
	socle_super_event_timeout(&probe_class, self, which);
}

static void
probe_incomplete_write(struct socle_socket *self)
{
	probe_note(probe_of(self), "inc");
}

static void
probe_close(struct socle_socket *self, const char *reason)
{
	struct probe *p = probe_of(self);
	char text[96];

	p->closes++;
	snprintf(text, sizeof(text), "close(%s)", reason ? reason : "");
	probe_note(p, text);
	if (p->on_close)
		p->on_close(p, reason);
	if (!p->veto)
		socle_super_close(&probe_class, self, reason);
}

static void
probe_destroy(struct socle_socket *self)
{
	struct probe *p = probe_of(self);

	if (p->destroyed)
		*p->destroyed = true;
	probe_note(p, "destroy");
}

const struct socle_class probe_class = {
	.name = "Probe",
	.super = &socle_socket_class,
	.size = sizeof(struct probe),
	.event_read = probe_event_read,
	.event_write = probe_event_write,
	.event_err = probe_event_err,
	.event_hup = probe_event_hup,
	.event_drain = probe_event_drain,
	.event_timeout = probe_event_timeout,
	.incomplete_write = probe_incomplete_write,
	.close = probe_close,
	.destroy = probe_destroy,
};

struct probe *
probe_new(int fd, const char *tag)
{
	struct socle_socket *s;

	assert_int_equal(0, socle_socket_new(&probe_class, fd, &s));
	probe_of(s)->tag = tag;
	probe_of(s)->read_size = sizeof(probe_of(s)->got);
	return probe_of(s);
}
