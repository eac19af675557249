/*
 * Factories freed in any place and state: no callback follows, nothing leaks.
 */
/* backends: all */
#include "tests/support/making.h"
#include "tests/support/resolver.h"

#include <pthread.h>
#include <stdio.h>
#include <sys/un.h>
#include <sys/wait.h>

static struct socle_factory *f;
static int kept[8], n_kept;

static void
keep_fd(int fd)
{
	kept[n_kept++] = fd;
}

static void
close_kept(void)
{
	while (n_kept > 0)
		close(kept[--n_kept]);
}

/* ---- states ---- */

static void
failed_in_new(void)
{
	f = make((struct socle_factory_params){.socket_domain = 999});
}

static void
deaf(void)
{
	int port;

	keep_fd(refusing(AF_INET, &port));
	f = make((struct socle_factory_params){
		.bind_address = "127.0.0.1", .bind_port = port_text(port)});
}

static void
connector_not_started(void)
{
	f = make((struct socle_factory_params){.remote_address = "127.0.0.1",
		.remote_port = "1",
		.connect_timeout = 9});
}

static void
peer_not_started(void)
{
	f = make((struct socle_factory_params){.socket_type = SOCK_DGRAM});
}

static void
name_sought(void)
{
	resolver_hold();
	f = make((struct socle_factory_params){.remote_address = "a.name",
		.remote_port = "1",
		.connect_timeout = 9});
	turn(1);
	resolver_wait_started(1);
}

static void
name_found(void)
{
	resolver_release_all();
	f = make((struct socle_factory_params){.remote_address = "a.name",
		.remote_port = "1",
		.connect_timeout = 9});
	/* and no tick: the failure has not been reported */
	resolver_wait_idle();
}

static void
own_name_sought(void)
{
	resolver_hold();
	f = make((struct socle_factory_params){.bind_address = "a.name"});
}

static void
connecting(void)
{
	f = make((struct socle_factory_params){.remote_address = "127.0.0.1",
		.remote_port = port_text(full_listener(AF_INET)),
		.connect_timeout = 9});
	turn(2);
}

static void
two_under_way(void)
{
	static char both[64];

	snprintf(both, sizeof(both), "127.0.0.1:%d 127.0.0.1:%d 10.0.0.1:1",
		full_listener(AF_INET), full_listener(AF_INET));
	resolver_release_all();
	resolver_set_answer(both);
	f = make((struct socle_factory_params){.remote_address = "a.name",
		.remote_port = "a.service",
		.attempt = record_attempt});
	turn(1);
	resolver_wait_idle();
	turn(1);
	seam_time_virtual();
	pass_time(0.3);
}

static void
tried_again(void)
{
	const char *path = in_dir("s");
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	int waiting = socket(AF_UNIX, SOCK_STREAM, 0);

	memcpy(a.sun_path, path, strlen(path) + 1);
	assert_int_equal(0, bind(fd, (struct sockaddr *)&a, sizeof(a)));
	assert_int_equal(0, listen(fd, 0));
	assert_int_equal(0, connect(waiting, (struct sockaddr *)&a, sizeof(a)));
	keep_fd(fd);
	keep_fd(waiting);
	f = make((struct socle_factory_params){.socket_domain = AF_UNIX,
		.remote_address = path,
		.bind_address = in_dir("c")});
	turn(2);
	unlink(path);
}

static void
listening(void)
{
	f = make((struct socle_factory_params){
		.bind_address = "127.0.0.1", .emfile = SOCLE_EMFILE_SHED});
}

static void
paused(void)
{
	listening();
	socle_pause_accept(f);
	keep_fd(client_of(f));
	turn(1);
}

static void
starved(void)
{
	f = make((struct socle_factory_params){.bind_address = "127.0.0.1"});
	keep_fd(client_of(f));
	seam_fail(CALL_accept4, 1, EMFILE, 1);
	turn(1);
}

static void
with_a_file(void)
{
	f = make((struct socle_factory_params){.socket_domain = AF_UNIX,
		.bind_address = in_dir("s"),
		.unlink_on_close = true});
}

static const struct state {
	const char *name;
	void (*enter)(void);
	int failures; /* reported on the way to the state */
} states[] = {
	{"failed in new", failed_in_new, 0},
	{"deaf", deaf, 0},
	{"connector not begun", connector_not_started, 0},
	{"peer not begun", peer_not_started, 0},
	{"name sought", name_sought, 0},
	{"name found", name_found, 0},
	{"own name sought", own_name_sought, 0},
	{"connecting", connecting, 0},
	{"two under way", two_under_way, 0},
	{"tried again", tried_again, 0},
	{"listening", listening, 0},
	{"paused", paused, 0},
	{"starved", starved, 1},
	{"with a file", with_a_file, 0},
};

enum { STATES = sizeof(states) / sizeof(states[0]) };

static void
enter(const struct state *s)
{
	recorded.failures = 0;
	s->enter();
	if (recorded.failures != s->failures || recorded.successes > 0)
		fail_msg("%s: not the state that was meant", s->name);
}

static void
assert_no_callback(const struct state *s)
{
	resolver_release_all();
	resolver_wait_idle();
	turn(4);
	close_kept();
	if (recorded.failures != s->failures || recorded.successes > 0)
		fail_msg("%s: a callback after its end", s->name);
}

/* ---- every way to end, in every state ---- */

/* TF17, TF18 */
static void
a_freed_factory_reports_nothing_more(void **state)
{
	(void)state;
	for (int i = 0; i < STATES; i++) {
		enter(&states[i]);
		socle_factory_free(f);
		/* the factory still exists */
		assert_true(socle_factory_id(f) > 0);
		socle_factory_free(f);
		assert_no_callback(&states[i]);
		seam_heal();
	}
}

static void
a_reset_ends_a_factory_in_each_state(void **state)
{
	(void)state;
	for (int i = 0; i < STATES; i++) {
		enter(&states[i]);
		socle_reset();
		assert_no_callback(&states[i]);
		seam_heal();
	}
}

static void *
enter_and_end(void *arg)
{
	const struct state *s = arg;

	enter(s);
	return NULL;
}

static void
the_end_of_its_thread_ends_a_factory_in_each_state(void **state)
{
	(void)state;
	for (int i = 0; i < STATES; i++) {
		struct state s = states[i];
		pthread_t thread;

		assert_int_equal(
			0, pthread_create(&thread, NULL, enter_and_end, &s));
		assert_int_equal(0, pthread_join(thread, NULL));
		assert_no_callback(&s);
		seam_heal();
	}
}

static void
a_factory_that_is_never_freed_ends_with_the_reset(void **state)
{
	(void)state;
	for (int i = 0; i < STATES; i++) {
		states[i].enter();
		seam_heal();
	}
	resolver_release_all();
	close_kept();
}

/* ---- inside its own callbacks ---- */

static int freed;

static void
free_it(struct socle_factory *by)
{
	socle_factory_free(by);
	assert_true(socle_factory_id(by) > 0);
	freed++;
}

static void
reset_it(struct socle_factory *by)
{
	(void)by;
	socle_reset();
	freed++;
}

static void
count_accepted_first(struct socle_socket *self, struct socle_factory *by)
{
	(void)self;
	if (recorded.on_success)
		recorded.on_success(by);
}

static void
class_reads(struct socle_socket *self)
{
	socle_close(self, "read");
}

static const struct socle_class counting_class = {
	.name = "Told",
	.event_read = class_reads,
	.super = &socle_socket_class,
	.event_accepted = count_accepted_first,
};

static struct socle_factory_params
remote(int port)
{
	return (struct socle_factory_params){.remote_address = "127.0.0.1",
		.remote_port = port_text(port),
		.attempt = record_attempt};
}

static void
in_success(void)
{
	listening();
	keep_fd(client_of(f));
	keep_fd(client_of(f));
}

static void
in_event_accepted(void)
{
	f = make((struct socle_factory_params){.bind_address = "127.0.0.1",
		.max_connections = 5,
		.accept_class = &counting_class});
	keep_fd(client_of(f));
}

static void
in_accepted(void)
{
	f = make((struct socle_factory_params){.bind_address = "127.0.0.1",
		.max_connections = 5,
		.accept_class = &counting_class});
	keep_fd(client_of(f));
}

static void
in_success_of_a_connection(void)
{
	int port, fd = refusing(AF_INET, &port);

	assert_int_equal(0, listen(fd, 5));
	keep_fd(fd);
	make(remote(port));
}

static void
in_success_of_a_peer(void)
{
	make((struct socle_factory_params){.socket_type = SOCK_DGRAM});
}

static void
in_failure_of_a_connection(void)
{
	int port;

	keep_fd(refusing(AF_INET, &port));
	make(remote(port));
}

static void
in_failure_of_accept(void)
{
	listening();
	keep_fd(client_of(f));
	seam_fail(CALL_accept4, 1, EINVAL, 1);
}

static void
in_shortage(void)
{
	f = make((struct socle_factory_params){.bind_address = "127.0.0.1"});
	keep_fd(client_of(f));
	seam_fail(CALL_accept4, 1, EMFILE, 1);
}

static const struct {
	void (*begin)(void);
	/* the callbacks in which to end it */
	bool attempt, success, accepted, failure;
} moments[] = {
	{in_success, .success = true},
	{in_event_accepted, .success = true},
	{in_accepted, .accepted = true},
	{in_success_of_a_connection, .success = true},
	{in_success_of_a_connection, .attempt = true},
	{in_success_of_a_peer, .success = true},
	{in_failure_of_a_connection, .failure = true},
	{in_failure_of_a_connection, .attempt = true},
	{failed_in_new, .failure = true},
	{deaf, .failure = true},
	{in_failure_of_accept, .failure = true},
	{in_shortage, .failure = true},
};

static void
end_in_each_callback(void (*end)(struct socle_factory *by))
{
	for (size_t i = 0; i < sizeof(moments) / sizeof(moments[0]); i++) {
		int before = recorded.failures + recorded.accepts;

		freed = 0;
		recorded.on_attempt = moments[i].attempt ? end : NULL;
		recorded.on_success = moments[i].success ? end : NULL;
		recorded.on_accepted = moments[i].accepted ? end : NULL;
		recorded.on_failure = moments[i].failure ? end : NULL;
		moments[i].begin();
		turn_until_count(&freed, 1);
		turn(4);
		assert_int_equal(1, freed);
		assert_true(recorded.failures + recorded.accepts <= before + 1);
		close_kept();
		seam_heal();
	}
}

static void
a_factory_may_be_freed_in_each_callback(void **state)
{
	(void)state;
	end_in_each_callback(free_it);
}

static void
the_loop_may_be_reset_in_each_callback(void **state)
{
	(void)state;
	end_in_each_callback(reset_it);
}

/* ---- fork ---- */

static int
in_child(int (*fn)(void))
{
	pid_t child = fork();
	int status;

	assert_true(child >= 0);
	if (child == 0) {
		alarm(60);
		_exit(fn());
	}
	assert_int_equal(child, waitpid(child, &status, 0));
	return status;
}

static int
child_frees_it(void)
{
	socle_factory_free(f);
	socle_reset();
	return 0;
}

static int
child_continues_and_frees_it(void)
{
	int err = socle_after_fork();

	turn(2);
	socle_factory_free(f);
	turn(2);
	return err == 0 && recorded.successes == 0 ? 0 : 1;
}

static void
freeing_a_factory_in_a_child_does_not_affect_the_parents(void **state)
{
	const char *path = in_dir("s");

	(void)state;
	f = make((struct socle_factory_params){.socket_domain = AF_UNIX,
		.bind_address = path,
		.unlink_on_close = true});
	turn(1);
	assert_int_equal(0, in_child(child_frees_it));
	assert_int_equal(0, in_child(child_continues_and_frees_it));
	close(client_of(f));
	turn_until_count(&recorded.successes, 1);
}

static void
the_parent_continues_attempts_that_a_child_abandons(void **state)
{
	(void)state;
	connecting();
	assert_int_equal(0, in_child(child_frees_it));
	assert_int_equal(0, in_child(child_continues_and_frees_it));
	seam_time_virtual();
	pass_time(9.5);
	assert_int_equal(1, recorded.failures);
	assert_int_equal(-ETIMEDOUT, recorded.why.err);
}

static struct probe *reaching;

static int
child_continues(void)
{
	int err = socle_after_fork();

	turn(5);
	return err == 0 && strcmp(notes(), "") == 0 &&
			!socle_closed(&reaching->sock)
		? 0
		: 1;
}

static void
an_object_continues_to_connect_in_a_child(void **state)
{
	struct socle_socket *s;
	char where[32];

	(void)state;
	snprintf(where, sizeof(where), "127.0.0.1:%d", full_listener(AF_INET));
	assert_int_equal(0, socle_connect(where, &probe_class, 0, &s));
	reaching = probe_of(s);
	turn(2);
	assert_int_equal(0, in_child(child_continues));
	turn(2);
	assert_notes("");
	assert_false(socle_closed(s));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		names_test(a_freed_factory_reports_nothing_more),
		names_test(a_reset_ends_a_factory_in_each_state),
		names_test(the_end_of_its_thread_ends_a_factory_in_each_state),
		names_test(a_factory_that_is_never_freed_ends_with_the_reset),
		making_test(a_factory_may_be_freed_in_each_callback),
		making_test(the_loop_may_be_reset_in_each_callback),
		making_test(
			freeing_a_factory_in_a_child_does_not_affect_the_parents),
		making_test(
			the_parent_continues_attempts_that_a_child_abandons),
		making_test(an_object_continues_to_connect_in_a_child),
	};

	return run_tests(tests);
}
