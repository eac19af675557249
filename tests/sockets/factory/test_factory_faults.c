/*
 * Factories and connecting while each call to the kernel and each allocation
 * fails in turn: exactly one outcome is reported, it is the failure unless the
 * factory can do without the call, and nothing leaks.
 */
/* backends: all */
#include "tests/support/making.h"

#include <stdio.h>
#include <sys/un.h>

static const int errors[] = {ENOMEM, EMFILE, EINVAL};
static char own[128], path[128];
static int port;
static int refusals; /* calls of the test that failed */

/*
 * Calls that may fail although the factory succeeds: so often in a round, and
 * why.
 */
static const struct fallback {
	enum call which;
	int times;
	const char *why;
} fallbacks[] = {
	{CALL_change, 2, "watching is tried again; a removal need not succeed"},
#ifdef __linux__
	{CALL_epoll_ctl, 2,
		"watching is tried again; a removal need not succeed"},
#endif
	{CALL_getsockname, 1, "whether a socket is connected to itself"},
	{CALL_setsockopt, 1, "TCP_NODELAY affects only speed"},
	{CALL_lstat, 1, "the file that was made is not removed later"},
	{CALL_open, 1, "the fd for shedding is opened later"},
};
enum { FALLBACKS = sizeof(fallbacks) / sizeof(fallbacks[0]) };

static int used[FALLBACKS];

static void
has_fallback(enum call struck)
{
	for (int i = 0; i < FALLBACKS; i++)
		if (fallbacks[i].which == struck &&
			used[i]++ < fallbacks[i].times)
			return;
	fail_msg("the failure of %s was not reported", call_names[struck]);
}

/*
 * If the factory cannot be created, the round ends; nothing may have been
 * reported.
 */
static struct socle_factory *
try_new(struct socle_factory_params p)
{
	struct socle_factory *f = NULL;
	int err;

	p.failure = record_failure;
	if (p.accept_class)
		p.accepted = record_accepted;
	else
		p.success = record_success;
	err = socle_factory_new(&p, &f);
	assert_true((err == 0) == (f != NULL));
	return f;
}

static int
callbacks(void)
{
	return recorded.successes + recorded.accepts + recorded.failures;
}

/* ---- the operations ---- */

static void
connect_client(const struct socle_addr *a)
{
	int fd = socket(a->u.sa.sa_family, SOCK_STREAM, 0);

	(void)!connect(fd, &a->u.sa, a->len);
	pass_time(1.5);
	close(fd);
}

static bool
listens(struct socle_factory *f)
{
	struct socle_addr a;

	if (!f)
		return false;
	if (socle_factory_getsockname(f, &a) < 0) {
		refusals++;
		if (socle_factory_getsockname(f, &a) < 0) {
			turn(2);
			assert_int_equal(1, callbacks());
			return true;
		}
	}
	connect_client(&a);
	assert_true(callbacks() >= 1);
	return true;
}

static bool
listening_with_objects(void)
{
	return listens(try_new(
		(struct socle_factory_params){.bind_address = "127.0.0.1",
			.reuse = true,
			.reuse_port = true,
			.max_connections = 3,
			.accept_class = &probe_class}));
}

static bool
listening_by_a_name(void)
{
	struct socle_factory *f = try_new((struct socle_factory_params){
		.bind_address = "127.0.0.1", .bind_port = "00"});

	turn(4);
	return listens(f);
}

static bool
listening_at_a_file(void)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	memcpy(a.sun_path, path, strlen(path) + 1);
	assert_int_equal(0, bind(fd, (struct sockaddr *)&a, sizeof(a)));
	close(fd);
	return listens(
		try_new((struct socle_factory_params){.socket_domain = AF_UNIX,
			.bind_address = path,
			.emfile = SOCLE_EMFILE_SHED,
			.unlink_stale = true,
			.unlink_on_close = true}));
}

static bool
ends(struct socle_factory *f)
{
	if (!f)
		return false;
	pass_time(1.5);
	assert_int_equal(1, recorded.successes + recorded.failures);
	return true;
}

static bool
connecting(void)
{
	return ends(try_new(
		(struct socle_factory_params){.remote_address = "127.0.0.1",
			.remote_port = port_text(port),
			.connect_timeout = 1}));
}

static bool
connecting_by_name(void)
{
	/*
	 * a numeric address of another family than AF_INET is resolved, without
	 * a thread
	 */
	return ends(
		try_new((struct socle_factory_params){.remote_address = "::1",
			.remote_port = port_text(port),
			.connect_timeout = 1}));
}

static bool
connecting_with_a_file(void)
{
	return ends(
		try_new((struct socle_factory_params){.socket_domain = AF_UNIX,
			.bind_address = own,
			.remote_address = path}));
}

static bool
bound_peer(void)
{
	return ends(
		try_new((struct socle_factory_params){.socket_domain = AF_UNIX,
			.socket_type = SOCK_DGRAM,
			.bind_address = own}));
}

static bool
connected_peer(void)
{
	return ends(
		try_new((struct socle_factory_params){.socket_protocol = "udp",
			.bind_address = "127.0.0.1",
			.remote_address = "127.0.0.1",
			.remote_port = "9"}));
}

static bool
object_that_connects(void)
{
	struct socle_socket *s = NULL;
	bool gone = false;
	char where[32];

	snprintf(where, sizeof(where), "127.0.0.1:%d", port);
	if (socle_connect(where, &probe_class, 1, &s) < 0) {
		assert_null(s);
		return false;
	}
	struct probe *probe = probe_of(s);

	probe->destroyed = &gone;
	refusals += socle_write(s, "x", 1) < 0;
	for (int i = 0; i < 10 && !gone && probe->writes == 0; i++)
		turn(1);
	assert_true(gone || probe->writes == 1);
	if (!gone)
		probe->destroyed = NULL;
	return true;
}

static bool
listening_in_one_call(void)
{
	struct socle_factory *f = NULL;
	int err = socle_listen("127.0.0.1:0", &probe_class, &f);

	assert_true((err == 0) == (f != NULL));
	return f != NULL;
}

/* ---- each fault in turn ---- */

/* The calls that create the loop itself have tests of their own. */
static bool
is_swept(enum call which)
{
	switch ((int)which) {
	case CALL_close:
	case CALL_clock_gettime:
	case CALL_poll:
	case CALL_read:
	case CALL_write:
	case CALL_send:
	case CALL_unlink: /* the file naturally stays */
		return false;
	default:
		return which != the_wait() && which != the_opening();
	}
}

static int
no_faults_left(bool (*scenario)(void), unsigned long nth, int err)
{
	enum call struck;
	bool heard;
	int before;

	turn(1);
	seam_time_virtual();
	before = fds_open();
	memset(&recorded, 0, sizeof(recorded));
	seam_watch_any(is_swept);
	seam_fail_any(nth, err);
	refusals = 0;
	heard = !scenario() || refusals + recorded.failures > 0 ||
		strstr(notes(), "e-");
	struck = seam_any_struck();
	seam_heal();
	if (struck != CALLS && !heard)
		has_fallback(struck);
	for (int i = 0; i < recorded.successes; i++)
		close(recorded.fds[i]);
	recorded.successes = 0;
	socle_reset();
	notes_clear();
	unlink(own);
	unlink(path);
	if (seam_live_blocks() != 0)
		fail_msg("call %lu, %s: %ld blocks left", nth, strerror(err),
			seam_live_blocks());
	turn(1);
	if (fds_open() > before)
		fail_msg("call %lu, %s: an fd is left", nth, strerror(err));
	return struck == CALLS;
}

static void
quiet(int level, const char *message, void *arg)
{
	(void)level;
	(void)message;
	(void)arg;
}

static void
sweep(bool (*scenario)(void), int least)
{
	unsigned long n = 1;

	socle_set_log(quiet, NULL);
	snprintf(own, sizeof(own), "%s", in_dir("c"));
	snprintf(path, sizeof(path), "%s", in_dir("s"));
	for (size_t e = 0; e < sizeof(errors) / sizeof(errors[0]); e++) {
		memset(used, 0, sizeof(used));
		for (n = 1; !no_faults_left(scenario, n, errors[e]); n++)
			assert_true(n < 200);
		assert_true((int)n > least);
	}
	socle_set_log(NULL, NULL);
}

static int server;

static void
listen_on_port(void)
{
	server = refusing(AF_INET, &port);
	assert_int_equal(0, listen(server, 100));
}

#define SWEEP(name, scenario, least)                                           \
	static void name(void **state)                                         \
	{                                                                      \
		(void)state;                                                   \
		if (backend_is("libkqueue"))                                   \
			skip_because("libkqueue keeps fds of its own open");   \
		listen_on_port();                                              \
		sweep(scenario, least);                                        \
		close(server);                                                 \
	}

SWEEP(a_listener_survives_each_fault, listening_with_objects, 10)
SWEEP(a_listener_with_a_name_survives_each_fault, listening_by_a_name, 8)
SWEEP(a_listener_with_a_file_survives_each_fault, listening_at_a_file, 10)
SWEEP(a_connector_survives_each_fault, connecting, 8)
SWEEP(a_connector_with_a_name_survives_each_fault, connecting_by_name, 5)
SWEEP(a_connector_with_a_file_survives_each_fault, connecting_with_a_file, 5)
SWEEP(a_bound_peer_survives_each_fault, bound_peer, 5)
SWEEP(a_connected_peer_survives_each_fault, connected_peer, 8)
SWEEP(socle_connect_survives_each_fault, object_that_connects, 12)
SWEEP(socle_listen_survives_each_fault, listening_in_one_call, 6)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		making_test(a_listener_survives_each_fault),
		making_test(a_listener_with_a_name_survives_each_fault),
		making_test(a_listener_with_a_file_survives_each_fault),
		making_test(a_connector_survives_each_fault),
		making_test(a_connector_with_a_name_survives_each_fault),
		making_test(a_connector_with_a_file_survives_each_fault),
		making_test(a_bound_peer_survives_each_fault),
		making_test(a_connected_peer_survives_each_fault),
		making_test(socle_connect_survives_each_fault),
		making_test(socle_listen_survives_each_fault),
	};

	return run_tests(tests);
}
