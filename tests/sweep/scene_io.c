/*
 * Sockets outside the loop: each call that fails returns its error with a text,
 * and constructors that fail leave nothing behind.
 */
#include "tests/support/io.h"
#include "tests/sweep/names.h"
#include "tests/sweep/scenes.h"
#include "tests/sweep/sweep.h"

static struct result *told;

/* Judges the result of one call. */
static int
call(struct socle_io *io, ssize_t r)
{
	if (r >= 0 || r == -EINPROGRESS)
		return (int)r;
	told->heard++;
	if (r == -EINTR)
		told->problem = "EINTR was returned";
	else if (r != -EAGAIN && *socle_io_errstr(io) == '\0')
		told->problem = "an error without a text";
	return (int)r;
}

/* ---- each function ---- */

static struct socle_io listener, client, server, udp, other;
static struct socle_addr addr;

static void
peers_open(double timeout)
{
	io_listening(&listener, "127.0.0.1:0");
	io_open(&client,
		&(struct socle_io_params){
			.peer_addr = io_sockname_text(&listener)});
	io_open(&udp,
		&(struct socle_io_params){
			.proto = "udp", .local_addr = "127.0.0.1:0"});
	assert_int_equal(0, socle_io_open(&server, NULL));
	assert_int_equal(0, socle_io_open(&other, NULL));
	assert_true(socle_io_set_timeout(&listener, timeout) == 0);
	assert_true(socle_io_set_timeout(&udp, timeout) == 0);
	assert_int_equal(0, socle_io_sockname(&listener, &addr));
}

static void
peers_close(void)
{
	socle_io_close(&listener);
	socle_io_close(&client);
	socle_io_close(&server);
	socle_io_close(&udp);
	socle_io_close(&other);
}

static void
ask_all(struct socle_io *io)
{
	struct socle_addr a;
	int value;
	socklen_t len = sizeof(value);

	call(io, socle_io_sockname(io, &a));
	call(io, socle_io_peername(io, &a));
	call(io, socle_io_getsockopt(io, SOL_SOCKET, SO_TYPE, &value, &len));
	call(io, socle_io_sockopt(io, SO_TYPE));
	call(io, socle_io_set_sockopt(io, SO_KEEPALIVE, 1));
	call(io, socle_io_sockdomain(io));
	call(io, socle_io_socktype(io));
	call(io, socle_io_protocol(io));
	call(io, socle_io_autoflush(io, true));
	call(io, socle_io_blocking(io, false));
	call(io, socle_io_blocking(io, true));
	call(io, socle_io_atmark(io));
}

static void
use_all(double timeout, struct result *r)
{
	char data[16] = "";
	ssize_t sent, got = 0;

	told = r;
	peers_open(timeout);
	faults_on();
	call(&listener, socle_io_accept(&listener, &server, NULL));
	call(&client, socle_io_connected(&client));
	sent = call(&client, socle_io_send(&client, "data", 4, 0, NULL));
	if (sent > 0 && socle_io_fd(&server) >= 0)
		got = call(&server,
			socle_io_recv(&server, data, sizeof(data), MSG_DONTWAIT,
				NULL));
	ask_all(&client);
	call(&udp, socle_io_connect(&udp, &addr));
	call(&client, socle_io_shutdown(&client, SHUT_WR));
	seam_heal();
	if (got > 0 && memcmp(data, "data", (size_t)got) != 0)
		r->problem = "wrong bytes";
	peers_close();
}

static void
calls_run(int strikes, struct result *r)
{
	(void)strikes;
	use_all(0, r);
}

static void
timed_calls_run(int strikes, struct result *r)
{
	(void)strikes;
	use_all(1, r);
}

static void
own_sockets_run(int strikes, struct result *r)
{
	struct socle_io a, b, c;
	int fd = socket(AF_INET, SOCK_STREAM, 0), err;

	(void)strikes;
	told = r;
	assert_int_equal(0, socle_io_open(&a, NULL));
	assert_int_equal(0, socle_io_open(&b, NULL));
	assert_int_equal(0, socle_io_open(&c, NULL));
	assert_int_equal(0, socle_addr_parse(&addr, "127.0.0.1:0", 0));
	faults_on();
	call(&a, socle_io_socketpair(&a, &b, AF_UNIX, SOCK_STREAM, 0));
	err = call(&c, socle_io_socket(&c, AF_INET, SOCK_STREAM, 0));
	if (err == 0)
		err = call(&c, socle_io_bind(&c, &addr));
	if (err == 0)
		call(&c, socle_io_listen(&c, 5));
	socle_io_close(&c);
	if (call(&c, socle_io_adopt(&c, fd)) < 0)
		close(fd);
	socle_io_close(&a);
	socle_io_close(&b);
	socle_io_close(&c);
	seam_heal();
}

/* ---- constructors ---- */

#define NEXT "another address follows"

static void
open_and_close(const struct socle_io_params *p, struct result *r)
{
	struct socle_io io;

	told = r;
	memset(&io, 0xa5, sizeof(io));
	faults_on();
	if (call(&io, socle_io_open(&io, p)) < 0 && !p->nonblocking &&
		socle_io_fd(&io) != -1)
		r->problem = "an fd and an error";
	for (int i = 0; p->nonblocking && p->peer_addr && i < 100; i++)
		if (call(&io, socle_io_connected(&io)) != 0)
			break;
	socle_io_close(&io);
	seam_heal();
}

static void
listener_run(int strikes, struct result *r)
{
	const struct socle_io_sockopt opt = {
		.level = SOL_SOCKET, .opt = SO_KEEPALIVE, .value = 1};

	(void)strikes;
	open_and_close(&(struct socle_io_params){.local_addr = "127.0.0.1:0",
			       .proto = "tcp",
			       .listen = 5,
			       .reuse_addr = true,
			       .reuse_port = true,
			       .broadcast = true,
			       .sockopts = &opt,
			       .n_sockopts = 1},
		r);
}

/* v6only: 1 is asked for, 0 is asked for where the system has another. */
static void
v6_listener(int v6only, struct result *r)
{
	int value = 1;
	const struct socle_io_sockopt opt = {.level = SOL_SOCKET,
		.opt = SO_KEEPALIVE,
		.data = &value,
		.len = sizeof(value)};

	open_and_close(&(struct socle_io_params){.domain = AF_INET6,
			       .local_port = "0",
			       .listen = 5,
			       .v6only = v6only,
			       .sockopts = &opt,
			       .n_sockopts = 1},
		r);
}

static void
v6_listener_run(int strikes, struct result *r)
{
	(void)strikes;
	v6_listener(1, r);
}

static void
dual_listener_run(int strikes, struct result *r)
{
	(void)strikes;
	v6_listener(0, r);
}

static void
rare_protocol_run(int strikes, struct result *r)
{
	struct socle_io io;
	int err;

	(void)strikes;
	faults_on();
	err = socle_io_open(&io,
		&(struct socle_io_params){
			.proto = "ospf", .type = SOCK_RAW, .domain = 77});
	seam_heal();
	r->heard = err != -EAFNOSUPPORT || sweep_may_return(err);
	socle_io_close(&io);
}

static char where[64];

static void
drop_clients(void)
{
	int fd;

	while ((fd = accept(socle_io_fd(&listener), NULL, NULL)) >= 0)
		close(fd);
}

static void
client_open(bool nonblocking, double timeout, struct result *r)
{
	open_and_close(&(struct socle_io_params){.local_addr = "127.0.0.1",
			       .peer_addr = where,
			       .nonblocking = nonblocking,
			       .timeout = timeout},
		r);
	drop_clients();
}

static void
client_run(int strikes, struct result *r)
{
	(void)strikes;
	client_open(false, 0, r);
}

static void
timed_client_run(int strikes, struct result *r)
{
	(void)strikes;
	client_open(false, 5, r);
}

static void
nonblocking_client_run(int strikes, struct result *r)
{
	(void)strikes;
	client_open(true, 0, r);
}

/* A full backlog refuses, as on the BSDs. */
static void
file_client_run(int strikes, struct result *r)
{
	int full = socle__seam.unix_full;

	(void)strikes;
	socle__seam.unix_full = ECONNREFUSED;
	open_and_close(&(struct socle_io_params){.peer_addr = where}, r);
	socle__seam.unix_full = full;
	drop_clients();
}

static void
sweep_file_clients(void)
{
	static const struct scene scenes[] = {
		{"io client at a file", file_client_run, NULL}};
	char dir[] = "/tmp/socle-sweep-XXXXXX";

	assert_non_null(mkdtemp(dir));
	snprintf(where, sizeof(where), "unix:%s/s", dir);
	io_listening(&listener, where);
	(void)fcntl(socle_io_fd(&listener), F_SETFL, O_NONBLOCK);
	SWEEP(scenes);
	socle_io_close(&listener);
	unlink(where + 5);
	rmdir(dir);
}

/* Nothing listens at the first of two addresses. */
static void
sweep_second(void)
{
	static const struct scene scenes[] = {
		{"second of two", client_run, NEXT},
		{"non-blocking second of two", nonblocking_client_run, NEXT},
	};

	if (!address_is_ours("127.0.0.2:0"))
		return;
	io_listening(&listener, "127.0.0.2:0");
	(void)fcntl(socle_io_fd(&listener), F_SETFL, O_NONBLOCK);
	snprintf(where, sizeof(where), "name:%d", io_port(&listener));
	names_replace("127.0.0.2");
	SWEEP(scenes);
	names_restore();
	socle_io_close(&listener);
}

void
sweep_io(void)
{
	static const struct scene scenes[] = {
		{"calls", calls_run, NULL},
		{"timed calls", timed_calls_run, NULL},
		{"own sockets", own_sockets_run, NULL},
		{"io listener", listener_run, NULL},
	};
	static const struct scene v6[] = {
		{"IPv6 io listener", v6_listener_run, NULL},
		{"dual io listener", dual_listener_run, NULL},
	};
	static const struct scene rare[] = {
		{"rare protocol", rare_protocol_run, NULL},
	};
	static const struct scene clients[] = {
		{"io client", client_run, NULL},
		{"timed io client", timed_client_run, NULL},
		{"non-blocking io client", nonblocking_client_run, NULL},
	};
	static const struct scene next[] = {
		{"io client of two", client_run, NEXT},
		{"timed io client of two", timed_client_run, NEXT},
		{"non-blocking io client of two", nonblocking_client_run, NEXT},
	};

	SWEEP(scenes);
	if (has_ipv6())
		SWEEP(v6);
	if (SOCLE__HAVE_PROTOCOLS && protocol_is_known("ospf"))
		SWEEP(rare);
	io_listening(&listener, "127.0.0.1:0");
	(void)fcntl(socle_io_fd(&listener), F_SETFL, O_NONBLOCK);
	snprintf(where, sizeof(where), "name:%d", io_port(&listener));
	names_replace(NULL);
	SWEEP(clients);
	names_restore();
	names_replace("127.0.0.1");
	SWEEP(next);
	names_restore();
	socle_io_close(&listener);
	sweep_second();
	sweep_file_clients();
}
