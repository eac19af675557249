/* Sockets as objects: their addresses, of every family. */
#include "tests/support/io.h"

#include <stdio.h>
#include <sys/stat.h>

static struct socle_io a, b, listener;

static struct socle_addr
name_of(struct socle_io *io)
{
	struct socle_addr addr;

	assert_int_equal(0, socle_io_sockname(io, &addr));
	return addr;
}

/* TI24 */
static void
a_path_that_is_too_long_is_not_truncated(void **state)
{
	char path[256] = "/tmp/";
	struct stat st;

	(void)state;
	memset(path + 5, 'x', 195); /* 200 bytes */
	assert_int_equal(-ENAMETOOLONG,
		socle_io_open(&a,
			&(struct socle_io_params){
				.local_addr = path, .listen = 1}));
	assert_no_fd(&a, words("bind", ENAMETOOLONG));
	assert_int_equal(-ENAMETOOLONG,
		socle_io_open(
			&a, &(struct socle_io_params){.peer_addr = path}));
	assert_no_fd(&a, words("connect", ENAMETOOLONG));
	assert_int_equal(0, seam_count(CALL_socket));
	for (size_t n = 107; n <= 108; n++) {
		path[n] = '\0';
		assert_int_equal(-1, stat(path, &st));
		path[n] = 'x';
	}
}

/* TI24 */
static void
a_path_that_just_fits_is_used_completely(void **state)
{
	char path[256], shown[256];

	(void)state;
	for (size_t n = 107; n <= 108; n++) {
		struct socle_addr name;

		snprintf(path, sizeof(path), "/tmp/%0*d", (int)n - 5,
			(int)getpid());
		io_listening(&listener, path);
		io_open(&a, &(struct socle_io_params){.peer_addr = path});
		assert_int_equal(0, socle_io_accept(&listener, &b, NULL));
		assert_talks(&a, &b);
		assert_int_equal(0, socle_io_sockname(&b, &name));
		assert_int_equal(
			n, socle_addr_host(&name, shown, sizeof(shown)));
		assert_string_equal(path, shown);
		socle_io_close(&a);
		socle_io_close(&b);
		socle_io_close(&listener);
		assert_int_equal(0, unlink(path));
	}
}

/* TI25 */
static void
an_abstract_name_has_its_exact_length(void **state)
{
	struct socle_addr name, from;

	(void)state;
	skip_without_abstract();
#ifndef __linux__
	skip_because("abstract names are Linux's");
#endif
	io_listening(&listener, "@socle-io-name");
	name = name_of(&listener);
	assert_int_equal(
		sizeof(sa_family_t) + 1 + strlen("socle-io-name"), name.len);
	assert_string_equal("unix:@socle-io-name", io_text(&name));
	io_open(&a,
		&(struct socle_io_params){.peer_addr = "unix:@socle-io-name"});
	assert_int_equal(0, socle_io_accept(&listener, &b, &from));
	assert_string_equal("unix:", io_text(&from)); /* it has no address */
	assert_string_equal("unix:@socle-io-name", io_peername_text(&a));
	socle_io_close(&a);
	socle_io_close(&b);
	socle_io_close(&listener);
}

/* TI25 */
static void
the_kernel_chooses_a_name_for_an_empty_one(void **state)
{
	struct socle_addr name;

	(void)state;
#ifndef __linux__
	skip_because("names chosen by the kernel are Linux's");
#endif
	io_open(&listener,
		&(struct socle_io_params){
			.domain = AF_UNIX, .local_addr = "", .listen = 1});
	name = name_of(&listener);
	assert_int_equal(sizeof(sa_family_t) + 1 + 5, name.len);
	io_open(&a, &(struct socle_io_params){.peer_addr = io_text(&name)});
	assert_int_equal(0, socle_io_accept(&listener, &b, NULL));
	assert_talks(&a, &b);
	socle_io_close(&a);
	socle_io_close(&b);
	socle_io_close(&listener);
}

static ssize_t
recvfrom_afar(int fd, void *p, size_t n, int flags, struct sockaddr *from,
	socklen_t *len)
{
	(void)fd;
	(void)p;
	(void)n;
	(void)flags;
	memset(from, 0xff, *len);
	*len = 128;
	return 0;
}

static void
an_address_that_does_not_fit_is_truncated(void **state)
{
	struct socle_addr from;
	char buf[4];

	(void)state;
	io_open(&a, &(struct socle_io_params){.proto = "udp"});
	io_seam_save();
	socle__seam.recvfrom = recvfrom_afar;
	assert_int_equal(0, socle_io_recv(&a, buf, sizeof(buf), 0, &from));
	assert_int_equal(sizeof(from.u), from.len);
	socle_io_close(&a);
}

/* TI30 */
static void
both_ends_know_both_addresses(void **state)
{
	static const char *const hosts[] = {"127.0.0.1", "::1"};

	(void)state;
	for (int i = 0; i < (has_ipv6() ? 2 : 1); i++) {
		struct socle_addr local, peer, from;
		char host[64], text[64];

		snprintf(text, sizeof(text), i ? "[%s]:0" : "%s:0", hosts[i]);
		io_listening(&listener, text);
		io_open(&a,
			&(struct socle_io_params){
				.peer_addr = io_sockname_text(&listener)});
		assert_int_equal(0, socle_io_accept(&listener, &b, &from));
		local = name_of(&a);
		assert_int_equal(0, socle_io_peername(&a, &peer));
		assert_string_equal(io_text(&from), io_text(&local));
		assert_string_equal(io_text(&local), io_peername_text(&b));
		assert_string_equal(io_text(&peer), io_sockname_text(&b));
		assert_int_equal(io_port(&listener), socle_addr_port(&peer));
		assert_int_not_equal(io_port(&listener), io_port(&a));
		socle_addr_host(&peer, host, sizeof(host));
		assert_string_equal(hosts[i], host);
		socle_addr_host(&from, host, sizeof(host));
		assert_string_equal(hosts[i], host);
		socle_io_close(&a);
		socle_io_close(&b);
		socle_io_close(&listener);
	}
}

static int
no_name(int fd, struct sockaddr *sa, socklen_t *len)
{
	(void)fd;
	(void)sa;
	*len = 0;
	return 0;
}

static __attribute__((noinline)) void
fill_the_stack(void)
{
	volatile char used[4096];

	for (size_t i = 0; i < sizeof(used); i++)
		used[i] = 'x';
}

/* As some systems do for a unix socket without a name. */
static void
an_address_that_the_kernel_leaves_out_is_empty(void **state)
{
	static const struct socle_addr empty;
	struct socle_addr name;

	(void)state;
	assert_int_equal(
		0, socle_io_socketpair(&a, &b, AF_UNIX, SOCK_STREAM, 0));
	io_seam_save();
	socle__seam.getpeername = socle__seam.getsockname = no_name;
	fill_the_stack();
	assert_int_equal(0, socle_io_peername(&a, &name));
	assert_memory_equal(&empty, &name, sizeof(empty));
	fill_the_stack();
	assert_int_equal(0, socle_io_sockname(&a, &name));
	assert_memory_equal(&empty, &name, sizeof(empty));
	socle_io_close(&a);
	socle_io_close(&b);
}

/* TI30 */
static void
an_ipv6_datagram_socket_knows_its_addresses(void **state)
{
	struct socle_addr from;
	char buf[4];

	(void)state;
	if (!has_ipv6())
		skip_because("there is no ::1");
	io_open(&a,
		&(struct socle_io_params){
			.type = SOCK_DGRAM, .local_addr = "[::1]:0"});
	io_open(&b,
		&(struct socle_io_params){
			.proto = "udp", .peer_addr = io_sockname_text(&a)});
	assert_int_equal(1, socle_io_send(&b, "x", 1, 0, NULL));
	assert_int_equal(1, socle_io_recv(&a, buf, sizeof(buf), 0, &from));
	assert_string_equal(io_sockname_text(&b), io_text(&from));
	assert_string_equal(io_sockname_text(&a), io_peername_text(&b));
	assert_talks(&a, &b);
	socle_io_close(&a);
	socle_io_close(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test(a_path_that_is_too_long_is_not_truncated),
		test(a_path_that_just_fits_is_used_completely),
		test(an_abstract_name_has_its_exact_length),
		test(the_kernel_chooses_a_name_for_an_empty_one),
		io_test(an_address_that_does_not_fit_is_truncated),
		test(both_ends_know_both_addresses),
		io_test(an_address_that_the_kernel_leaves_out_is_empty),
		test(an_ipv6_datagram_socket_knows_its_addresses),
	};

	return run_tests(tests);
}
