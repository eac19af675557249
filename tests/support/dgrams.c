/* dgrams.h describes the functions. */
#include "tests/support/dgrams.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>

enum { PATIENCE_MS = 30 * 1000 };

/* ---- sockets ---- */

static int
friendly(int fd)
{
	assert_true(fd >= 0);
	assert_int_not_equal(-1, fcntl(fd, F_SETFL, O_NONBLOCK));
	assert_int_not_equal(-1, fcntl(fd, F_SETFD, FD_CLOEXEC));
	return fd;
}

void
pair_dgram(int fds[2])
{
	assert_int_equal(0, socketpair(AF_UNIX, SOCK_DGRAM, 0, fds));
	friendly(fds[0]);
	friendly(fds[1]);
}

void
name_of(int fd, struct socle_addr *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->len = sizeof(ret->u);
	assert_int_equal(0, getsockname(fd, &ret->u.sa, &ret->len));
}

int
udp_bound(struct socle_addr *ret)
{
	int fd = friendly(socket(AF_INET, SOCK_DGRAM, 0));

	assert_int_equal(0, socle_addr_parse(ret, "127.0.0.1:0", 0));
	assert_int_equal(0, bind(fd, &ret->u.sa, ret->len));
	name_of(fd, ret);
	return fd;
}

int
udp_to(const struct socle_addr *a)
{
	int fd = friendly(socket(a->u.sa.sa_family, SOCK_DGRAM, 0));

	assert_int_equal(0, connect(fd, &a->u.sa, a->len));
	return fd;
}

void
udp_nowhere(struct socle_addr *ret)
{
	close(udp_bound(ret));
}

void
pair_udp(int fds[2])
{
	struct socle_addr a[2];

	fds[0] = udp_bound(&a[0]);
	fds[1] = udp_bound(&a[1]);
	assert_int_equal(0, connect(fds[0], &a[1].u.sa, a[1].len));
	assert_int_equal(0, connect(fds[1], &a[0].u.sa, a[0].len));
}

void
datagram(int fd, const char *text)
{
	ssize_t len = (ssize_t)strlen(text);

	assert_int_equal(len, send(fd, text, (size_t)len, 0));
}

void
datagram_to(int fd, const struct socle_addr *to, const char *text)
{
	ssize_t len = (ssize_t)strlen(text);

	assert_int_equal(
		len, sendto(fd, text, (size_t)len, 0, &to->u.sa, to->len));
}

void
assert_receives(int fd, const char *text)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	char buf[70000];
	ssize_t n;

	assert_int_equal(1, poll(&p, 1, PATIENCE_MS));
	n = recv(fd, buf, sizeof(buf) - 1, MSG_DONTWAIT);
	assert_true(n >= 0);
	buf[n] = '\0';
	assert_string_equal(text, buf);
}

void
assert_receives_nothing(int fd)
{
	char c;

	assert_int_equal(-1, recv(fd, &c, 1, MSG_DONTWAIT));
	assert_int_equal(EAGAIN, errno);
}

/* ---- the class ---- */

struct recorder *
recorder_of(struct socle_dgram *d)
{
	return socle_container_of(d, struct recorder, dgram);
}

static void
recorder_on_recv(struct socle_dgram *self, const struct socle_packet *p)
{
	struct recorder *t = recorder_of(self);

	t->received++;
	t->last = *p;
	t->last.data = NULL;
	if (!t->quiet)
		note("<%.*s>", (int)p->len, (const char *)p->data);
	if (t->on_recv)
		t->on_recv(t, p);
}

static void
recorder_on_recv_error(struct socle_dgram *self, int err)
{
	struct recorder *t = recorder_of(self);

	t->recv_errors++;
	if (!t->quiet)
		note("rerr%d", err);
	if (t->on_recv_error)
		t->on_recv_error(t, err);
}

static void
recorder_on_send_error(
	struct socle_dgram *self, int err, const struct socle_packet *p)
{
	struct recorder *t = recorder_of(self);
	int shown = p->len < 20 ? (int)p->len : 20;

	t->send_errors++;
	if (!t->quiet)
		note("serr%d:%.*s", err, shown, (const char *)p->data);
	if (t->on_send_error)
		t->on_send_error(t, err, p);
}

static void
recorder_on_empty(struct socle_dgram *self)
{
	struct recorder *t = recorder_of(self);

	t->emptied++;
	if (!t->quiet)
		note("empty");
	if (t->on_empty)
		t->on_empty(t);
}

static void
recorder_close(struct socle_socket *self, const char *reason)
{
	note("close(%s)", reason ? reason : "");
	socle_super_close(&recorder_class.cls, self, reason);
}

static void
recorder_event_timeout(struct socle_socket *self, int which)
{
	note(which == SOCLE_IDLE ? "idle" : "stall");
	socle_super_event_timeout(&recorder_class.cls, self, which);
}

static void
recorder_destroy(struct socle_socket *self)
{
	note("destroy");
	socle_super_destroy(&recorder_class.cls, self);
}

const struct socle_dgram_class recorder_class = {
	.cls =
		{
			.name = "Told",
			.super = &socle_dgram_class.cls,
			.size = sizeof(struct recorder),
			.event_timeout = recorder_event_timeout,
			.close = recorder_close,
			.destroy = recorder_destroy,
		},
	.on_recv = recorder_on_recv,
	.on_recv_error = recorder_on_recv_error,
	.on_send_error = recorder_on_send_error,
	.on_outgoing_empty = recorder_on_empty,
};

struct recorder *
recorder_new(int fd, const struct socle_dgram_params *p)
{
	struct socle_dgram *d;

	assert_int_equal(0, socle_dgram_new(&recorder_class, fd, p, &d));
	return recorder_of(d);
}

int
recorder_send(struct recorder *t, const char *text)
{
	int r = socle_dgram_send(&t->dgram, text, strlen(text), 0, NULL);

	assert_true(r >= 0);
	return r;
}

void
turn_until_received(struct recorder *t, int n)
{
	turn_until_count(&t->received, n);
}
