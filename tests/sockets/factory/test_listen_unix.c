/* Listeners: the file of a unix socket, and fork. */
/* backends: all */
#include "tests/support/full_unix.h"
#include "tests/support/listening.h"

#include <stdio.h>
#include <sys/un.h>
#include <sys/wait.h>

/* ---- the file of a unix socket ---- */

static char dir[] = "/tmp/socle-listen-XXXXXX";
static char path[64], where_path[80];

static int
setup_dir(void **state)
{
	memcpy(strrchr(dir, '-'), "-XXXXXX", 7);
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/sock", dir);
	snprintf(where_path, sizeof(where_path), "unix:%s", path);
	return listening_setup(state);
}

/* Fails unless the tests have left the directory empty. */
static int
teardown_dir(void **state)
{
	int bad = fixture_teardown(state);

	if (rmdir(dir) != 0) {
		print_error("%s: %s\n", dir, strerror(errno));
		bad = 1;
	}
	return bad;
}

#define file_test(name)                                                        \
	cmocka_unit_test_setup_teardown(name, setup_dir, teardown_dir)

/* Binds the path without the library; once closed, it is stale. */
static int
raw_unix_listener(void)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	assert_true(strlen(path) < sizeof(a.sun_path));
	memcpy(a.sun_path, path, strlen(path) + 1);
	assert_int_equal(0, bind(fd, (struct sockaddr *)&a, sizeof(a)));
	assert_int_equal(0, listen(fd, 8));
	return fd;
}

static bool
file_is_there(void)
{
	struct stat st;

	return lstat(path, &st) == 0;
}

static ino_t
inode(void)
{
	struct stat st;

	assert_int_equal(0, lstat(path, &st));
	return st.st_ino;
}

static void
a_unix_listener_has_a_file_until_it_is_freed(void **state)
{
	(void)state;
	serves_one_client(where_path);
	assert_true(file_is_there());
	socle_factory_free(factory);
	assert_false(file_is_there());
}

static void
a_reset_removes_the_file_too(void **state)
{
	(void)state;
	listen_at(where_path);
	socle_reset();
	assert_false(file_is_there());
}

static void
a_stale_unix_socket_is_replaced(void **state)
{
	(void)state;
	close(raw_unix_listener());
	assert_true(file_is_there());
	serves_one_client(where_path);
	socle_factory_free(factory);
	assert_false(file_is_there());
}

static void
a_live_unix_socket_is_not_touched(void **state)
{
	int other = raw_unix_listener();
	ino_t before = inode();

	(void)state;
	assert_int_equal(
		-EADDRINUSE, socle_listen(where_path, &client_class, &factory));
	assert_true(before == inode());
	close(other);
	unlink(path);
}

static void
a_unix_socket_with_a_full_backlog_counts_as_live(void **state)
{
	static struct full_unix full;

	(void)state;
	full_unix_begin(&full, path);
	assert_int_equal(
		-EADDRINUSE, socle_listen(where_path, &client_class, &factory));
	assert_true(file_is_there());
	full_unix_end(&full, path);
}

static void
a_regular_file_is_not_touched(void **state)
{
	int file = open(path, O_CREAT | O_WRONLY, 0600);

	(void)state;
	assert_int_equal(4, write(file, "mine", 4));
	assert_int_equal(
		-EADDRINUSE, socle_listen(where_path, &client_class, &factory));
	assert_int_equal(4, lseek(file, 0, SEEK_END));
	assert_true(file_is_there());
	close(file);
	unlink(path);
}

static void
a_file_that_was_replaced_is_not_removed(void **state)
{
	int other;

	(void)state;
	listen_at(where_path);
	assert_int_equal(0, unlink(path));
	other = raw_unix_listener();
	socle_factory_free(factory);
	assert_true(file_is_there());
	close(other);
	unlink(path);
}

static void
a_failed_listen_leaves_neither_file_nor_fd(void **state)
{
	static const struct {
		enum call which;
		unsigned long nth;
		int err;
	} faults[] = {{CALL_socket, 3, EMFILE}, {CALL_bind, 1, EACCES},
		{CALL_listen, 1, ENOBUFS}, {CALL_calloc, 1, ENOMEM},
		{CALL_change, 1, ENOSPC}};
	struct socle_factory *none = NULL;

	(void)state;
	listen_at("127.0.0.1:0"); /* creates the loop and resolves the class */
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		if (i == sizeof(faults) / sizeof(faults[0]) - 1 &&
			!changes_are_calls())
			break;
		/* the first two socket calls check whether a file is stale */
		if (faults[i].which == CALL_socket)
			close(raw_unix_listener());
		seam_fail(faults[i].which, faults[i].nth, faults[i].err, 1);
		assert_int_equal(-faults[i].err,
			socle_listen(where_path, &client_class, &none));
		assert_int_equal(i + 1, seam_struck());
		if (file_is_there())
			fail_msg("%s leaves the file",
				call_names[faults[i].which]);
	}
	assert_null(none);
}

static int (*real_socket)(int domain, int type, int protocol);
static int protocols; /* of all sockets */

static int
seen_socket(int domain, int type, int protocol)
{
	protocols |= protocol;
	return real_socket(domain, type, protocol);
}

/* Linux takes AF_UNIX for one too; other systems refuse it. */
static void
a_unix_socket_has_no_protocol(void **state)
{
	(void)state;
	protocols = 0;
	real_socket = socle__seam.socket;
	socle__seam.socket = seen_socket;
	listen_at(where_path);
	socle__seam.socket = real_socket;
	assert_int_equal(0, protocols);
}

/* ---- several servers ---- */

static int raw_unix_socket; /* bound, or listening, without the library */

static void
assert_in_use(void)
{
	ino_t before = inode();
	struct socle_factory *none = NULL;

	assert_int_equal(
		-EADDRINUSE, socle_listen(where_path, &client_class, &none));
	assert_null(none);
	assert_true(before == inode());
}

static void
a_server_that_does_not_listen_yet_is_not_taken_for_dead(void **state)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	static const int types[] = {SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM};

	(void)state;
	memcpy(a.sun_path, path, strlen(path) + 1);
	for (size_t i = 0; i < 3; i++) {
		int fd = socket(AF_UNIX, types[i], 0);

		assert_int_equal(0, bind(fd, (struct sockaddr *)&a, sizeof(a)));
		assert_in_use();
		close(fd);
		unlink(path);
	}
}

static void
a_live_server_does_not_notice_that_it_is_looked_for(void **state)
{
	int fd = raw_unix_listener();

	(void)state;
	assert_in_use();
	assert_int_equal(0, fcntl(fd, F_SETFL, O_NONBLOCK));
	assert_int_equal(-1, accept(fd, NULL, NULL));
	assert_int_equal(EAGAIN, errno);
	close(fd);
	unlink(path);
}

/* Another server takes the stale file's place before it can be removed. */
static int
lock_too_late(const char *lock)
{
	unlink(path);
	raw_unix_socket = raw_unix_listener();
	return socle__libc_lock_file(lock);
}

static void
without_a_lock_a_stale_file_stays(void **state)
{
	static const int errors[] = {EACCES, EROFS, ENOSPC, EMFILE};
	struct socle_factory *none = NULL;

	(void)state;
	close(raw_unix_listener());
	for (int i = 0; i < 4; i++) {
		seam_fail(CALL_lock_file, 1, errors[i], 1);
		assert_int_equal(-EADDRINUSE,
			socle_listen(where_path, &client_class, &none));
		assert_int_equal(i + 1, seam_struck());
		seam_heal();
	}
	assert_true(file_is_there());
	unlink(path);
}

static void
an_interrupted_lock_is_taken_again(void **state)
{
	(void)state;
	close(raw_unix_listener());
	seam_fail(CALL_lock_file, 1, EINTR, 2);
	listen_at(where_path);
	assert_int_equal(2, seam_struck());
	unlink(path);
}

static void
a_server_that_replaced_the_stale_file_first_keeps_its_own(void **state)
{
	int (*before)(const char *) = socle__seam.lock_file;
	struct socle_factory *none = NULL;

	(void)state;
	close(raw_unix_listener());
	socle__seam.lock_file = lock_too_late;
	assert_int_equal(
		-EADDRINUSE, socle_listen(where_path, &client_class, &none));
	socle__seam.lock_file = before;
	assert_in_use();
	close(raw_unix_socket);
	unlink(path);
}

static void
while_another_server_removes_the_stale_file_it_is_in_use(void **state)
{
	char lock[96];
	int fd;

	(void)state;
	close(raw_unix_listener());
	snprintf(lock, sizeof(lock), "%s.socle-lock", path);
	fd = socle__libc_lock_file(lock);
	assert_true(fd >= 0);
	assert_in_use();
	unlink(lock);
	close(fd);
	serves_one_client(where_path);
	socle_factory_free(factory);
}

static bool lock_again;

/* The server that held the lock removes it; another may create it again. */
static int
lock_a_removed_file(const char *lock)
{
	int fd = socle__libc_lock_file(lock);

	unlink(lock);
	if (lock_again)
		close(socle__libc_lock_file(lock));
	return fd;
}

static void
a_lock_that_was_removed_protects_nothing(void **state)
{
	int (*before)(const char *) = socle__seam.lock_file;
	char lock[96];

	(void)state;
	snprintf(lock, sizeof(lock), "%s.socle-lock", path);
	close(raw_unix_listener());
	socle__seam.lock_file = lock_a_removed_file;
	lock_again = false;
	assert_in_use();
	lock_again = true;
	assert_in_use();
	socle__seam.lock_file = before;
	unlink(path);
	unlink(lock);
}

static int
listen_too_late(int fd, int backlog)
{
	unlink(path);
	raw_unix_socket = raw_unix_listener();
	return listen(fd, backlog);
}

static int
listen_without_a_file(int fd, int backlog)
{
	unlink(path);
	return listen(fd, backlog);
}

static void
a_path_that_was_taken_over_before_listen_is_in_use(void **state)
{
	int (*before)(int, int) = socle__seam.listen;
	struct socle_factory *none = NULL;

	(void)state;
	socle__seam.listen = listen_too_late;
	assert_int_equal(
		-EADDRINUSE, socle_listen(where_path, &client_class, &none));
	assert_true(file_is_there());
	close(raw_unix_socket);
	unlink(path);
	socle__seam.listen = listen_without_a_file;
	assert_int_equal(
		-EADDRINUSE, socle_listen(where_path, &client_class, &none));
	socle__seam.listen = before;
	assert_null(none);
}

/* ---- fork ---- */

static void
in_child(bool continue_loop)
{
	pid_t child = fork();
	int status;

	assert_true(child >= 0);
	if (child == 0) {
		int err = continue_loop ? socle_after_fork() : 0;

		socle_factory_free(factory);
		socle_reset();
		_exit(err == 0 ? 0 : 1);
	}
	assert_int_equal(child, waitpid(child, &status, 0));
	assert_int_equal(0, status);
}

static void
a_childs_free_does_not_remove_the_file(void **state)
{
	int fd;

	(void)state;
	listen_at(where_path);
	in_child(false);
	assert_true(file_is_there());
	in_child(true);
	assert_true(file_is_there());
	fd = client();
	turn_until_count(&accepted, 1);
	assert_served(fd);
	close(fd);
}

static void
a_child_that_continues_accepts_too(void **state)
{
	int fd, status;
	pid_t child;

	(void)state;
	listen_at("127.0.0.1:0");
	fd = client();
	child = fork();
	if (child == 0) {
		int err = socle_after_fork();

		for (int i = 0; served == 0 && i < 500; i++)
			(void)socle_event_loop_once(10);
		_exit(err == 0 && served == 1 ? 0 : 1);
	}
	send_all(fd, "x", 1);
	assert_int_equal(child, waitpid(child, &status, 0));
	assert_int_equal(0, status);
	close(fd);
	fd = client();
	turn_until_count(&accepted, 1);
	close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		file_test(a_unix_listener_has_a_file_until_it_is_freed),
		file_test(a_reset_removes_the_file_too),
		file_test(a_stale_unix_socket_is_replaced),
		file_test(a_live_unix_socket_is_not_touched),
		file_test(a_unix_socket_with_a_full_backlog_counts_as_live),
		file_test(a_regular_file_is_not_touched),
		file_test(a_file_that_was_replaced_is_not_removed),
		file_test(a_failed_listen_leaves_neither_file_nor_fd),
		file_test(a_unix_socket_has_no_protocol),
		file_test(
			a_server_that_does_not_listen_yet_is_not_taken_for_dead),
		file_test(a_live_server_does_not_notice_that_it_is_looked_for),
		file_test(without_a_lock_a_stale_file_stays),
		file_test(an_interrupted_lock_is_taken_again),
		file_test(
			a_server_that_replaced_the_stale_file_first_keeps_its_own),
		file_test(
			while_another_server_removes_the_stale_file_it_is_in_use),
		file_test(a_lock_that_was_removed_protects_nothing),
		file_test(a_path_that_was_taken_over_before_listen_is_in_use),
		file_test(a_childs_free_does_not_remove_the_file),
		listen_test(a_child_that_continues_accepts_too),
	};

	return run_tests(tests);
}
