/*
 * Many connections at once: all are served and closed, by either side at
 * random; afterwards as many fds, blocks and bytes are in use as before.
 */
/* backends: all */
#include "tests/support/fixture.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>

enum { MESSAGE = 64, TCP_AT_MOST = 2000 };

struct soaked {
	struct socle_socket sock;
	int at; /* in `lines' */
};

/* The test's end of each connection; -1: closed. */
static struct {
	int *peers;
	struct soaked **objects; /* NULL: destroyed */
	int n, open;
} lines;

static int echoes, destroyed, newest_at;
static struct rlimit limit_before;

static void
soaked_event_read(struct socle_socket *self)
{
	char buf[256];
	ssize_t n = socle_read(self, buf, sizeof(buf));

	if (n > 0 && socle_write(self, buf, (size_t)n) == 1)
		echoes++;
	else if (n != -EAGAIN)
		socle_close(self, "over");
}

static void
soaked_event_accepted(struct socle_socket *self, struct socle_factory *by)
{
	struct soaked *s = socle_container_of(self, struct soaked, sock);

	(void)by;
	s->at = newest_at;
	lines.objects[s->at] = s;
}

static void
soaked_destroy(struct socle_socket *self)
{
	destroyed++;
	lines.objects[socle_container_of(self, struct soaked, sock)->at] = NULL;
}

static const struct socle_class soaked_class = {
	.name = "Soaked",
	.super = &socle_socket_class,
	.size = sizeof(struct soaked),
	.event_read = soaked_event_read,
	.event_accepted = soaked_event_accepted,
	.destroy = soaked_destroy,
};

static int
open_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = 0;

	while (d && readdir(d))
		n++;
	if (d)
		closedir(d);
	return n;
}

/*
 * The number of connections: the test holds both ends, within the limit of fds.
 */
static int
connections(void)
{
	int n = scaled(10000, 200);
	struct rlimit r;

	assert_int_equal(0, getrlimit(RLIMIT_NOFILE, &limit_before));
	r = limit_before;
	r.rlim_cur = r.rlim_max;
	assert_int_equal(0, setrlimit(RLIMIT_NOFILE, &r));
	if (r.rlim_cur != RLIM_INFINITY && (rlim_t)(2 * n + 100) > r.rlim_cur)
		n = ((int)r.rlim_cur - 100) / 2;
	return n;
}

static int
soak_teardown(void **state)
{
	(void)setrlimit(RLIMIT_NOFILE, &limit_before);
	return fixture_teardown(state);
}

static void
line_by_pair(int at)
{
	struct socle_socket *s;
	int fds[2];

	pair_unix(fds);
	assert_int_equal(0, socle_socket_new(&soaked_class, fds[0], &s));
	lines.peers[at] = fds[1];
	lines.objects[at] = socle_container_of(s, struct soaked, sock);
	lines.objects[at]->at = at;
	socle_watch_read(s, true);
}

static void
line_by_tcp(int at, struct socle_factory *f)
{
	struct socle_addr a;

	assert_int_equal(0, socle_factory_getsockname(f, &a));
	newest_at = at;
	lines.peers[at] = tcp_connect(socle_addr_port(&a));
	for (int i = 0; !lines.objects[at] && i < 1000; i++)
		assert_int_equal(1, socle_event_loop_once(1));
	assert_non_null(lines.objects[at]);
}

static void
lines_open(int n, struct socle_factory *f)
{
	int tcp = n / 5 < TCP_AT_MOST ? n / 5 : TCP_AT_MOST;

	lines.n = lines.open = n;
	for (int i = 0; i < n; i++)
		if (i < tcp)
			line_by_tcp(i, f);
		else
			line_by_pair(i);
	assert_int_equal(n, socle_watched_sockets());
}

/* Every open connection sends a line and receives its echo. */
static void
echo_round(unsigned round)
{
	char text[MESSAGE], back[MESSAGE];

	echoes = 0;
	for (int i = 0; i < lines.n; i++) {
		if (lines.peers[i] < 0)
			continue;
		pattern_fill(text, sizeof(text), (size_t)i, round);
		send_all(lines.peers[i], text, sizeof(text));
	}
	turn_until_count(&echoes, lines.open);
	for (int i = 0; i < lines.n; i++) {
		if (lines.peers[i] < 0)
			continue;
		assert_int_equal(sizeof(back),
			recv(lines.peers[i], back, sizeof(back), MSG_WAITALL));
		assert_pattern(back, sizeof(back), (size_t)i, round);
	}
}

/* Closed by the peer or by a reset; the object may have closed before. */
static void
line_close(int i, int how)
{
	if (how & 2)
		socle_close(&lines.objects[i]->sock, "by chance");
	if (how & 1)
		close_by_reset(lines.peers[i]);
	else
		close(lines.peers[i]);
	lines.peers[i] = -1;
	lines.open--;
}

static void
close_by_chance(int n)
{
	int before = destroyed, closed = 0;

	for (int i = 0; i < lines.n; i++)
		if (lines.peers[i] >= 0 && rand() % lines.n < n) {
			line_close(i, rand() % 4);
			closed++;
		}
	turn_until_count(&destroyed, before + closed);
	assert_int_equal(lines.open, socle_watched_sockets());
}

static void
soak(int n, struct socle_factory *f, int rounds)
{
	lines_open(n, f);
	for (int r = 0; r < rounds; r++) {
		echo_round((unsigned)r);
		close_by_chance(n / 4);
	}
	while (lines.open > 0)
		close_by_chance(n);
	turn(2);
}

/* case 136 */
static void
many_connections_leave_nothing_behind(void **state)
{
	unsigned seed = (unsigned)time(NULL);
	const char *text = getenv("SOCLE_TEST_SEED");
	int n = connections(), rounds = 3, fds;
	long blocks = 0, bytes = 0;
	struct socle_factory *f;

	(void)state;
	if (text)
		seed = (unsigned)strtoul(text, NULL, 10);
	print_message("%d connections, SOCLE_TEST_SEED=%u\n", n, seed);
	srand(seed);
	if (getenv("SOCLE_TEST_LONG")) {
		rounds = 30;
		alarm(900);
	}
	lines.peers = calloc((size_t)n, sizeof(*lines.peers));
	lines.objects = calloc((size_t)n, sizeof(struct soaked *));
	assert_int_equal(0, socle_listen("127.0.0.1:0", &soaked_class, &f));
	turn(1);
	fds = open_fds();
	/* From the second round on, the tables have reached their full size. */
	for (int i = 0; i < 3; i++) {
		soak(n, f, rounds);
		assert_int_equal(fds, open_fds());
		if (i > 0) {
			assert_int_equal(blocks, seam_live_blocks());
			assert_int_equal(bytes, seam_live_bytes());
		}
		blocks = seam_live_blocks();
		bytes = seam_live_bytes();
	}
	assert_int_equal(3 * n, destroyed);
	free(lines.peers);
	free(lines.objects);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			many_connections_leave_nothing_behind, fixture_setup,
			soak_teardown),
	};

	return run_tests(tests);
}
