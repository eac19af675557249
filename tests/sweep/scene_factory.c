/*
 * Factories, and objects that connect: exactly one outcome is reported, and it
 * is the failure unless the factory can do without the call.
 */
#include "tests/support/making.h"
#include "tests/sweep/names.h"
#include "tests/sweep/scenes.h"
#include "tests/sweep/sweep.h"

#include <stdio.h>
#include <sys/un.h>
#include <sys/wait.h>

static char own[128], path[128], served[128];
static int port, port6; /* of servers, and `served' */
static int refusals;    /* calls of the program that failed */
static const char *problem;
static bool awaited; /* one outcome */

/* A child of this scene ends as soon as its tick does. */
static pid_t forked = -1;

static int
tick(int ms)
{
	int r = socle_event_loop_once(ms);

	if (forked == 0)
		_exit(recorded.successes + recorded.failures);
	names_wait();
	return r;
}

static void
ticks(int n)
{
	while (n-- > 0)
		refusals += tick(0) < 0;
}

/* Virtual time. */
static void
pass(double seconds)
{
	double end = seam_time() + seconds;

	for (int i = 0; i < 500 && seam_time() < end; i++)
		refusals += tick(10) < 0;
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
	if ((err == 0) != (f != NULL))
		problem = "a factory and an error";
	return f;
}

static bool
is_made(struct socle_factory *f)
{
	awaited = f != NULL;
	return awaited;
}

static int
callbacks(void)
{
	return recorded.successes + recorded.accepts + recorded.failures;
}

/* ---- the operations ---- */

static int client = -1;

static bool
listens(struct socle_factory *f)
{
	struct socle_addr a;
	int err;

	if (!f)
		return false;
	for (int i = 0; (err = socle_factory_getsockname(f, &a)) < 0; i++) {
		refusals++;
		if (i == 2)
			return false;
	}
	client = socket(a.u.sa.sa_family, SOCK_STREAM, 0);
	(void)!connect(client, &a.u.sa, a.len);
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

	ticks(4);
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
connecting(void)
{
	return is_made(try_new(
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
	return is_made(
		try_new((struct socle_factory_params){.remote_address = "::1",
			.remote_port = port_text(port6),
			.connect_timeout = 1}));
}

static bool
connecting_by_a_thread(void)
{
	return is_made(
		try_new((struct socle_factory_params){.remote_address = "name",
			.remote_port = port_text(port),
			.connect_timeout = 1}));
}

/* The listener is freed while faults strike. */
static bool
listening_and_freed(void)
{
	struct socle_factory *f =
		try_new((struct socle_factory_params){.socket_domain = AF_UNIX,
			.bind_address = path,
			.emfile = SOCLE_EMFILE_SHED,
			.unlink_on_close = true});

	ticks(1);
	socle_factory_free(f);
	ticks(1);
	return f != NULL;
}

static int passed_fd; /* a listening socket of the program, which blocks */

static bool
listening_on_an_fd(void)
{
	struct socle_factory *f = try_new(
		(struct socle_factory_params){.accept_class = &probe_class,
			.has_listen_fd = true,
			.listen_fd = passed_fd});

	if (!f)
		close(passed_fd);
	ticks(1);
	socle_factory_free(f);
	ticks(1);
	return f != NULL;
}

/* The program frees the factory as soon as an address has connected. */
static void
attempt_and_free(struct socle_factory *f, const struct socle_addr *to, int err,
	void *arg)
{
	(void)to;
	(void)arg;
	refusals += err < 0;
	socle_factory_free(f);
}

static bool
connecting_and_freed(void)
{
	struct socle_factory_params p = {.remote_address = "127.0.0.1",
		.remote_port = port_text(port),
		.attempt = attempt_and_free,
		.connect_timeout = 1};

	return try_new(p) != NULL;
}

static void
fork_it(struct socle_factory *f)
{
	int status = 0;

	(void)f;
	forked = fork();
	if (forked > 0 &&
		(waitpid(forked, &status, 0) != forked || status != 0))
		problem = "a callback of the parent ran in the child";
}

/* The connection is the parent's; the child closes its copy. */
static bool
connecting_and_forked(void)
{
	recorded.on_attempt = fork_it;
	return is_made(try_new(
		(struct socle_factory_params){.remote_address = "127.0.0.1",
			.remote_port = port_text(port),
			.attempt = record_attempt,
			.connect_timeout = 1}));
}

static bool
connecting_with_a_file(void)
{
	return is_made(
		try_new((struct socle_factory_params){.socket_domain = AF_UNIX,
			.bind_address = own,
			.remote_address = served}));
}

static bool
bound_peer(void)
{
	return is_made(
		try_new((struct socle_factory_params){.socket_domain = AF_UNIX,
			.socket_type = SOCK_DGRAM,
			.bind_address = own}));
}

static bool
connected_peer(void)
{
	return is_made(
		try_new((struct socle_factory_params){.socket_protocol = "udp",
			.bind_address = "127.0.0.1",
			.remote_address = "127.0.0.1",
			.remote_port = "9"}));
}

static bool gone;
static struct probe *connecting_probe;

static bool
object_that_connects(void)
{
	struct socle_socket *s = NULL;
	char where[32];

	snprintf(where, sizeof(where), "127.0.0.1:%d", port);
	gone = false;
	if (socle_connect(where, &probe_class, 1, &s) < 0) {
		if (s)
			problem = "an object and an error";
		return false;
	}
	connecting_probe = probe_of(s);
	connecting_probe->destroyed = &gone;
	refusals += socle_write(s, "x", 1) < 0;
	return true;
}

static bool
listening_in_one_call(void)
{
	struct socle_factory *f = NULL;
	int err = socle_listen("127.0.0.1:0", &probe_class, &f);

	if ((err == 0) != (f != NULL))
		problem = "a factory and an error";
	return f != NULL;
}

/* ---- the scenes ---- */

static int servers[3];

static void
drop_clients(int server)
{
	for (int fd; (fd = accept(server, NULL, NULL)) >= 0;)
		close(fd);
}

static void
check(void)
{
	if (problem)
		return;
	if (recorded.failures && recorded.why.err == -EINTR)
		problem = "EINTR was returned";
	else if (client >= 0 && callbacks() == 0)
		problem = "a client without a callback";
	else if (awaited && recorded.successes + recorded.failures != 1)
		problem = "not exactly one outcome";
	else if (connecting_probe && !gone && connecting_probe->writes == 0)
		problem = "no event of the object";
}

static void
run(bool (*fn)(void), struct result *r)
{
	memset(&recorded, 0, sizeof(recorded));
	refusals = 0;
	problem = NULL;
	awaited = false;
	connecting_probe = NULL;
	faults_on();
	r->heard = !fn();
	pass(1.5);
	seam_heal();
	r->heard += refusals + recorded.failures +
		(strstr(notes(), "e-") || strstr(notes(), "close("));
	pass(1.5);
	check();
	r->problem = problem;
	if (client >= 0)
		close(client);
	client = -1;
	if (connecting_probe && !gone)
		connecting_probe->destroyed = NULL;
	for (int i = 0; i < recorded.successes; i++)
		close(recorded.fds[i]);
	recorded.successes = 0;
	socle_reset();
	for (int i = 0; i < 3; i++)
		drop_clients(servers[i]);
	unlink(own);
	unlink(path);
}

#define SCENE(fn)                                                              \
	static void fn##_run(int strikes, struct result *r)                    \
	{                                                                      \
		(void)strikes;                                                 \
		run(fn, r);                                                    \
	}
SCENE(listening_with_objects)
SCENE(listening_by_a_name)
SCENE(listening_at_a_file)
SCENE(connecting)
SCENE(connecting_by_name)
SCENE(connecting_with_a_file)
SCENE(connecting_by_a_thread)
SCENE(listening_and_freed)
SCENE(connecting_and_freed)
SCENE(connecting_and_forked)

static void
listening_on_an_fd_run(int strikes, struct result *r)
{
	int any_port;

	(void)strikes;
	passed_fd = refusing(AF_INET, &any_port);
	if (listen(passed_fd, 5) != 0)
		abort();
	run(listening_on_an_fd, r);
}

SCENE(bound_peer)
SCENE(connected_peer)
SCENE(object_that_connects)
SCENE(listening_in_one_call)

static void
quiet(int level, const char *message, void *arg)
{
	(void)level;
	(void)message;
	(void)arg;
}

static void
servers_open(void)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};

	servers[0] = refusing(AF_INET, &port);
	servers[1] = has_ipv6() ? refusing(AF_INET6, &port6) : dup(servers[0]);
	servers[2] = socket(AF_UNIX, SOCK_STREAM, 0);
	memcpy(a.sun_path, served, strlen(served) + 1);
	assert_int_equal(0, bind(servers[2], (struct sockaddr *)&a, sizeof(a)));
	for (int i = 0; i < 3; i++) {
		assert_int_equal(0, listen(servers[i], 100));
		assert_int_equal(0, fcntl(servers[i], F_SETFL, O_NONBLOCK));
	}
}

void
sweep_factories(void)
{
	static const struct scene scenes[] = {
		{"listener", listening_with_objects_run, NULL},
		{"listener with a name", listening_by_a_name_run, NULL},
		{"listener at a file", listening_at_a_file_run, NULL},
		{"connector", connecting_run, NULL},
		{"connector with a name", connecting_by_name_run, NULL},
		{"connector with a file", connecting_with_a_file_run, NULL},
		{"connector with a thread", connecting_by_a_thread_run, NULL},
		{"listener that is freed", listening_and_freed_run, NULL},
		{"listener on an fd", listening_on_an_fd_run, NULL},
		{"connector that is freed", connecting_and_freed_run, NULL},
		{"connector and a child", connecting_and_forked_run, NULL},
		{"bound peer", bound_peer_run, NULL},
		{"connected peer", connected_peer_run, NULL},
		{"socle_connect", object_that_connects_run, NULL},
		{"socle_listen", listening_in_one_call_run, NULL},
	};
	char dir[] = "/tmp/socle-sweep-XXXXXX";

	assert_non_null(mkdtemp(dir));
	snprintf(own, sizeof(own), "%s/c", dir);
	snprintf(path, sizeof(path), "%s/s", dir);
	snprintf(served, sizeof(served), "%s/d", dir);
	servers_open();
	socle_set_log(quiet, NULL);
	names_replace(NULL);
	SWEEP(scenes);
	names_restore();
	socle_set_log(NULL, NULL);
	for (int i = 0; i < 3; i++)
		close(servers[i]);
	unlink(served);
	rmdir(dir);
}
