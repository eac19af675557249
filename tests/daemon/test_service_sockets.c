/* Sockets that a service manager has passed. */
/* backends: all */
#include "tests/support/managing.h"

#include "sockets/factory/passed.h"
#include "sockets/factory/state.h"

#include <limits.h>
#include <stdio.h>

static int
flags_of(int fd)
{
	return fcntl(fd, F_GETFD);
}

/* What a process with the pid 7 reads. */
static int
read_of(const char *pid, const char *fds, const char *names)
{
	return socle__passed_parse(pid, fds, names, 7);
}

/* ---- the variables ---- */

static void
a_process_without_the_variables_has_no_passed_sockets(void **state)
{
	(void)state;
	assert_int_equal(0, socle_service_fds());
	assert_int_equal(-ENOENT, socle_service_fd(0, NULL));
	assert_int_equal(0, read_of("7", NULL, "a"));
	assert_int_equal(0, read_of(NULL, "1", "a"));
	assert_int_equal(0, read_of("7", "0", ""));
}

static void
sockets_of_another_process_are_not_this_ones(void **state)
{
	(void)state;
	assert_int_equal(0, read_of("8", "1", NULL));
	assert_int_equal(0, read_of("0", "not even a number", NULL));
	listen_texts("1", "1", "web");
	assert_int_equal(0, socle_service_fds());
	assert_null(getenv("LISTEN_FDS"));
}

static void
malformed_variables_are_refused(void **state)
{
	static const char *const numbers[] = {"", " 7", "7 ", "+7", "-7", "7x",
		"0x7", "99999999999999999999", "18446744073709551623",
		"4294967303", "2147483648"};

	(void)state;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		assert_int_equal(-EINVAL, read_of(numbers[i], "1", NULL));
		assert_int_equal(-EINVAL, read_of("7", numbers[i], NULL));
	}
	assert_int_equal(-EINVAL, read_of("7", "2147483647", NULL));
	assert_int_equal(INT_MAX - 4, read_of("7", "2147483643", NULL));
	assert_int_equal(7, read_of("7", "7", NULL));
}

static void
as_many_names_as_fds_are_required(void **state)
{
	(void)state;
	assert_int_equal(2, read_of("7", "2", "a:b"));
	assert_int_equal(2, read_of("7", "2", ":"));
	assert_int_equal(1, read_of("7", "1", ""));
	assert_int_equal(-EINVAL, read_of("7", "2", "a"));
	assert_int_equal(-EINVAL, read_of("7", "2", "a:b:c"));
	assert_int_equal(-EINVAL, read_of("7", "2", ""));
}

static void
malformed_variables_are_an_error_of_each_call(void **state)
{
	struct socle_factory *f;
	char pid[32];

	(void)state;
	snprintf(pid, sizeof(pid), "%ld", (long)getpid());
	listen_texts(pid, "many", NULL);
	assert_int_equal(-EINVAL, socle_service_fds());
	assert_null(getenv("LISTEN_FDS"));
	assert_int_equal(-EINVAL, socle_service_fds());
	assert_int_equal(-EINVAL, socle_service_fd(0, NULL));
	assert_int_equal(-EINVAL, socle_service_datagram("127.0.0.1:53"));
	assert_int_equal(-EINVAL,
		socle_service_listen("127.0.0.1:0", &client_class, &f));
}

static void
passed_fds_have_names_and_are_close_on_exec(void **state)
{
	int fds[2] = {socket_at("127.0.0.1:0", SOCK_STREAM),
		socket_at("127.0.0.1:0", SOCK_STREAM)};
	const char *name;

	(void)state;
	pass(fds, 2, "web:");
	setenv("LISTEN_OTHERS", "1", 1);
	assert_int_equal(0, flags_of(3));
	assert_int_equal(2, socle_service_fds());
	assert_int_equal(FD_CLOEXEC, flags_of(3));
	assert_int_equal(FD_CLOEXEC, flags_of(4));
	assert_int_equal(3, socle_service_fd(0, &name));
	assert_string_equal("web", name);
	assert_int_equal(4, socle_service_fd(1, &name));
	assert_string_equal("", name);
	assert_int_equal(-ENOENT, socle_service_fd(2, &name));
	assert_int_equal(-ENOENT, socle_service_fd(-1, NULL));
	assert_null(getenv("LISTEN_PID"));
	assert_null(getenv("LISTEN_FDS"));
	assert_null(getenv("LISTEN_FDNAMES"));
	assert_non_null(getenv("LISTEN_OTHERS"));
	assert_int_equal(2, socle_service_fds());
	unsetenv("LISTEN_OTHERS");
}

static void
fds_without_names_are_unknown(void **state)
{
	int fd = socket_at("127.0.0.1:0", SOCK_STREAM);
	const char *name;

	(void)state;
	pass(&fd, 1, NULL);
	assert_int_equal(3, socle_service_fd(0, &name));
	assert_string_equal("unknown", name);
}

static void
an_fd_that_is_not_open_is_an_error(void **state)
{
	int fd = socket_at("127.0.0.1:0", SOCK_STREAM);
	char pid[32];

	(void)state;
	pass(&fd, 1, NULL);
	snprintf(pid, sizeof(pid), "%ld", (long)getpid());
	listen_texts(pid, "1000000", NULL);
	assert_int_equal(-EBADF, socle_service_fds());
	assert_int_equal(-EBADF, socle_service_fds());
}

static void
without_memory_the_sockets_are_still_there_later(void **state)
{
	int fd = socket_at("127.0.0.1:0", SOCK_STREAM);

	(void)state;
	pass(&fd, 1, "web");
	seam_fail(CALL_calloc, 1, ENOMEM, 1);
	assert_int_equal(-ENOMEM, socle_service_fds());
	assert_int_equal(1, socle_service_fds());
}

static void
an_fd_whose_flags_cannot_be_set_is_an_error(void **state)
{
	int fd = socket_at("127.0.0.1:0", SOCK_STREAM);

	(void)state;
	pass(&fd, 1, NULL);
	seam_fail(CALL_fcntl, 2, EPERM, 1);
	assert_int_equal(-EPERM, socle_service_fds());
}

/* ---- listening ---- */

/* It is this fd, and it serves a client. */
static void
serves_on(int fd)
{
	int c = client();

	assert_int_equal(fd, factory->d.fd);
	assert_served(c);
	close(c);
	turn(2);
}

static void
a_listener_takes_the_passed_socket_of_its_address(void **state)
{
	int fds[2] = {socket_at("127.0.0.1:0", SOCK_STREAM),
		socket_at("127.0.0.1:0", SOCK_STREAM)};
	char where[64];

	(void)state;
	snprintf(where, sizeof(where), "%s", where_is(fds[1]));
	pass(fds, 2, NULL);
	assert_int_equal(
		0, socle_service_listen(where, &client_class, &factory));
	serves_on(4);
	assert_int_equal(-ENOENT, socle_service_fd(1, NULL));
	assert_int_equal(3, socle_service_fd(0, NULL));
}

static void
port_0_takes_a_passed_socket_with_any_port(void **state)
{
	int fd = socket_at("127.0.0.1:0", SOCK_STREAM);

	(void)state;
	pass(&fd, 1, NULL);
	assert_int_equal(0,
		socle_service_listen("127.0.0.1:0", &client_class, &factory));
	serves_on(3);
}

static void
another_address_is_listened_at_anew(void **state)
{
	int fd = socket_at("127.0.0.1:0", SOCK_STREAM);

	(void)state;
	skip_without_address("127.0.0.2");
	pass(&fd, 1, NULL);
	assert_int_equal(0,
		socle_service_listen("127.0.0.2:0", &client_class, &factory));
	assert_int_not_equal(3, factory->d.fd);
	serves_on(factory->d.fd);
}

static void
a_program_that_runs_alone_listens_itself(void **state)
{
	(void)state;
	assert_int_equal(0,
		socle_service_listen("127.0.0.1:0", &client_class, &factory));
	serves_on(factory->d.fd);
	assert_int_equal(-EINVAL,
		socle_service_listen("nowhere", &client_class, &factory));
	assert_int_equal(-ENOENT,
		socle_service_listen("fd:web", &client_class, &factory));
}

static void
sockets_of_one_name_are_taken_one_after_the_other(void **state)
{
	int fds[3] = {socket_at("127.0.0.1:0", SOCK_STREAM),
		socket_at("127.0.0.1:0", SOCK_DGRAM),
		socket_at("127.0.0.1:0", SOCK_STREAM)};

	(void)state;
	pass(fds, 3, "web:web:web");
	assert_int_equal(
		0, socle_service_listen("fd:web", &client_class, &factory));
	serves_on(3);
	assert_int_equal(
		0, socle_service_listen("fd:web", &client_class, &factory));
	serves_on(5);
	assert_int_equal(-ENOENT,
		socle_service_listen("fd:web", &client_class, &factory));
	assert_int_equal(4, socle_service_datagram("fd:web"));
	assert_int_equal(-ENOENT, socle_service_datagram("fd:web"));
}

static void
a_datagram_socket_and_a_listener_share_an_address(void **state)
{
	int fds[2] = {-1, socket_at("127.0.0.1:0", SOCK_STREAM)};
	char where[64];

	(void)state;
	snprintf(where, sizeof(where), "%s", where_is(fds[1]));
	fds[0] = socket_at(where, SOCK_DGRAM);
	pass(fds, 2, NULL);
	assert_int_equal(
		0, socle_service_listen(where, &client_class, &factory));
	serves_on(4);
	assert_int_equal(3, socle_service_datagram(where));
	assert_int_equal(-EINVAL, socle_service_datagram("nowhere"));
}

static void
a_passed_unix_socket_keeps_its_file(void **state)
{
	char where[64];
	int fd;

	(void)state;
	snprintf(where, sizeof(where), "unix:managing.%ld", (long)getpid());
	fd = socket_at(where, SOCK_STREAM);
	pass(&fd, 1, NULL);
	assert_int_equal(
		0, socle_service_listen(where, &client_class, &factory));
	serves_on(3);
	socle_factory_free(factory);
	turn(1);
	assert_int_equal(0, unlink(where + strlen("unix:")));
}

static void
a_socket_that_cannot_be_watched_stays_passed(void **state)
{
	int fd = socket_at("127.0.0.1:0", SOCK_STREAM);

	(void)state;
	pass(&fd, 1, NULL);
	assert_int_equal(1, socle_service_fds());
	seam_fail(CALL_calloc, 1, ENOMEM, 1);
	assert_int_equal(-ENOMEM,
		socle_service_listen("127.0.0.1:0", &client_class, &factory));
	assert_int_equal(0,
		socle_service_listen("127.0.0.1:0", &client_class, &factory));
	serves_on(3);
}

static void
a_connected_socket_is_no_listener(void **state)
{
	int fds[2];

	(void)state;
	pair_tcp(fds);
	pass(fds, 2, "web:web");
	assert_int_equal(-ENOENT,
		socle_service_listen("fd:web", &client_class, &factory));
}

static void
a_reset_closes_only_what_was_taken(void **state)
{
	int fds[2] = {socket_at("127.0.0.1:0", SOCK_STREAM),
		socket_at("127.0.0.1:0", SOCK_STREAM)};

	(void)state;
	pass(fds, 2, "a:b");
	assert_int_equal(
		0, socle_service_listen("fd:a", &client_class, &factory));
	socle_reset();
	assert_false(fd_is_open(3));
	assert_int_equal(
		-ENOENT, socle_service_listen("fd:a", &client_class, &factory));
	assert_int_equal(
		0, socle_service_listen("fd:b", &client_class, &factory));
	serves_on(4);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		managed_test(
			a_process_without_the_variables_has_no_passed_sockets),
		managed_test(sockets_of_another_process_are_not_this_ones),
		managed_test(malformed_variables_are_refused),
		managed_test(as_many_names_as_fds_are_required),
		managed_test(malformed_variables_are_an_error_of_each_call),
		managed_test(passed_fds_have_names_and_are_close_on_exec),
		managed_test(fds_without_names_are_unknown),
		managed_test(an_fd_that_is_not_open_is_an_error),
		managed_test(without_memory_the_sockets_are_still_there_later),
		managed_test(an_fd_whose_flags_cannot_be_set_is_an_error),
		managed_test(a_listener_takes_the_passed_socket_of_its_address),
		managed_test(port_0_takes_a_passed_socket_with_any_port),
		managed_test(another_address_is_listened_at_anew),
		managed_test(a_program_that_runs_alone_listens_itself),
		managed_test(sockets_of_one_name_are_taken_one_after_the_other),
		managed_test(a_datagram_socket_and_a_listener_share_an_address),
		managed_test(a_passed_unix_socket_keeps_its_file),
		managed_test(a_socket_that_cannot_be_watched_stays_passed),
		managed_test(a_connected_socket_is_no_listener),
		managed_test(a_reset_closes_only_what_was_taken),
	};

	return run_tests(tests);
}
