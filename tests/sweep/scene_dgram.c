/*
 * Datagram objects: made, opened, changed, and two that exchange data.  Nothing
 * is sent twice and no loss goes unreported; a refused fd is unchanged.
 */
#include "tests/support/dgrams.h"
#include "tests/sweep/scenes.h"
#include "tests/sweep/sweep.h"

#include <netinet/in.h>
#include <sys/un.h>

enum { MANY = 24, NOT_YET = 99 };

/* ---- making ---- */

static const struct socle_dgram_params full = {.recv_batch = 8,
	.pktinfo = true,
	.gro = true,
	.gso = true,
	.send_all = true};

/* The fd of a refused call is as it was. */
static const char *
refused_fd_problem(int fd)
{
	int on = 0;
	socklen_t len = sizeof(on);

	if (getsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, &len) != 0 || on)
		return "the refused fd has an option";
	if (fcntl(fd, F_GETFL) & O_NONBLOCK)
		return "the refused fd is non-blocking";
	return NULL;
}

static void
new_run(int strikes, struct result *r)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0), err;
	struct socle_dgram *d = NULL;

	faults_on();
	err = socle_dgram_new(&recorder_class, fd, &full, &d);
	seam_heal();
	if (err == 0)
		return;
	r->heard = 1;
	if (!sweep_may_return(err))
		r->problem = "a wrong error";
	/* Giving back the flags may have failed, too. */
	if (strikes >= 0 && sites_struck() == 1)
		r->problem = refused_fd_problem(fd);
	close(fd);
}

static void
open_at(const char *where, bool binds, struct result *r)
{
	struct socle_dgram *d = NULL;
	int err;

	faults_on();
	err = socle_dgram_open(where, binds, &recorder_class, NULL, &d);
	seam_heal();
	r->heard = err < 0;
	if (err < 0 && (d || !sweep_may_return(err)))
		r->problem = "an object, or a wrong error";
}

static void
bound_run(int strikes, struct result *r)
{
	(void)strikes;
	open_at("[::]:0", true, r);
}

static void
connected_run(int strikes, struct result *r)
{
	(void)strikes;
	open_at("127.0.0.1:9", false, r);
}

/* Its own address is one that the kernel chooses. */
static void
file_peer_run(int strikes, struct result *r)
{
	char dir[] = "/tmp/socle-sweep-XXXXXX", where[64];
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	(void)strikes;
	if (!mkdtemp(dir))
		abort();
	snprintf(where, sizeof(where), "unix:%s/s", dir);
	memcpy(a.sun_path, where + 5, strlen(where + 5) + 1);
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) != 0)
		abort();
	open_at(where, false, r);
	close(fd);
	unlink(where + 5);
	rmdir(dir);
}

static void
v6_run(int strikes, struct result *r)
{
	int fd = socket(AF_INET6, SOCK_DGRAM, 0), err;
	struct socle_dgram *d = NULL;

	(void)strikes;
	faults_on();
	err = socle_dgram_new(&recorder_class, fd, &full, &d);
	seam_heal();
	r->heard = err < 0;
	if (err < 0)
		close(fd);
}

static void
file_run(int strikes, struct result *r)
{
	char dir[] = "/tmp/socle-sweep-XXXXXX", where[64];

	if (!mkdtemp(dir))
		abort();
	snprintf(where, sizeof(where), "unix:%s/s", dir);
	open_at(where, true, r);
	if (unlink(where + 5) == 0 && r->heard && strikes == 1 &&
		sites_struck() == 1)
		r->problem = "a file is left";
	rmdir(dir);
}

/* ---- changing ---- */

static const char *
receives(int fd, const char *text)
{
	char buf[16];
	ssize_t n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);

	return n == (ssize_t)strlen(text) && memcmp(buf, text, (size_t)n) == 0
		? NULL
		: "the datagram went elsewhere, or nowhere";
}

static void
write_fd_run(int strikes, struct result *r)
{
	struct recorder *t;
	int fds[2], out[2], err;

	(void)strikes;
	pair_dgram(fds);
	pair_dgram(out);
	t = recorder_new(fds[0], NULL);
	faults_on();
	err = socle_dgram_set_write_fd(&t->dgram, out[0]);
	if (err == 0 && socle_event_loop_once(0) < 0)
		r->heard = 1;
	seam_heal();
	if (err < 0) {
		r->heard = 1;
		close(out[0]);
	}
	if (socle_dgram_send(&t->dgram, "x", 1, 0, NULL) < 0)
		r->problem = "the object does not send";
	else if (socle_event_loop_once(0) >= 0)
		r->problem = receives(err < 0 ? fds[1] : out[1], "x");
	close(fds[1]);
	close(out[1]);
}

/* Joined datagrams are turned off and on, and the socket is stolen. */
static void
configure_run(int strikes, struct result *r)
{
	static const struct socle_dgram_params on = {.gro = true,
						       .gso = true,
						       .pktinfo = true},
					       off = {.recv_batch = 1};
	struct socle_addr a;
	struct recorder *t = recorder_new(udp_bound(&a), NULL);
	int fd;

	faults_on();
	r->heard += socle_dgram_configure(&t->dgram, &on, ~0u) < 0;
	r->heard += socle_dgram_send(&t->dgram, "1", 1, 0, &a) < 0;
	r->heard += socle_event_loop_once(0) < 0;
	r->heard += socle_dgram_configure(&t->dgram, &off, ~0u) < 0;
	r->heard += socle_dgram_configure(&t->dgram, &on, ~0u) < 0;
	fd = socle_steal_socket(&t->dgram.sock);
	seam_heal();
	r->heard += t->recv_errors + t->send_errors;
	if (fd < 0)
		r->problem = "it cannot be stolen";
	else
		close(fd);
	if (strikes >= 0 && r->heard > 1)
		r->problem = "reported twice";
}

/* ---- exchanging ---- */

static struct talk {
	struct recorder *a, *b;
	int arrivals[MANY]; /* how often each was received */
	int lost[MANY];     /* how often each was reported as failed */
	int ticks_failed;
} talk;

static void
receive_it(struct recorder *t, const struct socle_packet *p)
{
	unsigned char n;

	(void)t;
	memcpy(&n, p->data, 1);
	if (p->len != 10 || n >= MANY)
		abort();
	talk.arrivals[n]++;
}

static void
lose_it(struct recorder *t, int err, const struct socle_packet *p)
{
	unsigned char n;

	(void)t;
	memcpy(&n, p->data, 1);
	talk.lost[n] += err == -EINTR ? 2 : 1; /* it is never returned */
}

static void
send_some(int from, int to)
{
	for (int i = from; i < to; i++) {
		char data[10] = {(char)i};

		if (socle_dgram_send(
			    &talk.a->dgram, data, sizeof(data), 0, NULL) < 0)
			talk.lost[i]++;
	}
}

static void
talk_start(const struct socle_dgram_params *p)
{
	struct socle_addr where;
	int fd = udp_bound(&where);

	memset(&talk, 0, sizeof(talk));
	talk.b = recorder_new(fd, NULL);
	talk.a = recorder_new(udp_to(&where), NULL);
	talk.a->quiet = talk.b->quiet = true;
	talk.b->on_recv = receive_it;
	talk.a->on_send_error = lose_it;
	assert_int_equal(0, socle_dgram_configure(&talk.a->dgram, p, ~0u));
	assert_int_equal(0, socle_dgram_configure(&talk.b->dgram, p, ~0u));
}

static int
received_or_lost(void)
{
	int n = 0;

	for (int i = 0; i < MANY; i++)
		n += talk.arrivals[i] + talk.lost[i];
	return n;
}

/* Each datagram is received once or reported as failed once. */
static const char *
talk_problem(void)
{
	for (int i = 0; i < MANY; i++)
		if (talk.arrivals[i] + talk.lost[i] != 1)
			return talk.arrivals[i] + talk.lost[i] == 0
				? "lost without a report"
				: "reported twice, or sent twice";
	return NULL;
}

static int
talk_heard(void)
{
	int n = talk.a->recv_errors + talk.b->recv_errors + talk.ticks_failed;

	for (int i = 0; i < MANY; i++)
		n += talk.lost[i];
	return n;
}

static void
talk_turn(int n)
{
	for (int i = 0; i < n && received_or_lost() < MANY; i++)
		talk.ticks_failed += socle_event_loop_once(10) < 0;
}

static void
talk_run(const struct socle_dgram_params *p, int strikes, struct result *r)
{
	talk_start(p);
	faults_on();
	send_some(0, MANY / 3);
	talk_turn(4);
	send_some(MANY / 3, MANY);
	talk_turn(200);
	seam_heal();
	r->heard = talk_heard();
	talk_turn(200);
	for (int i = 0; i < 8; i++)
		(void)socle_event_loop_once(10);
	r->problem = talk_problem();
	if (!r->problem && strikes >= 0 && r->heard > strikes)
		r->problem = "reported too often";
}

#define TALK(name, ...)                                                        \
	static void name(int strikes, struct result *r)                        \
	{                                                                      \
		talk_run(&(struct socle_dgram_params){__VA_ARGS__}, strikes,   \
			r);                                                    \
	}
TALK(talk_queued, .autoflush = false)
TALK(talk_at_once, .autoflush = true)
TALK(talk_all, .send_all = true, .recv_all = true)
TALK(talk_batch, .recv_batch = 8, .pktinfo = true)
TALK(talk_joined, .gso = true, .gro = true)
TALK(talk_joined_batch, .gso = true, .gro = true, .recv_batch = 8,
	.autoflush = true)

/* ---- answers, and errors that the kernel keeps ---- */

static int answered;

static void
answer_it(struct recorder *t, const struct socle_packet *p)
{
	answered = socle_dgram_reply(&t->dgram, p, "y", 1);
}

static void
answer_run(int strikes, struct result *r)
{
	struct socle_addr a, b;
	struct recorder *t = recorder_new(udp_bound(&a),
		&(struct socle_dgram_params){
			.pktinfo = true, .autoflush = true});
	int fd = udp_bound(&b);

	(void)strikes;
	t->quiet = true;
	t->on_recv = answer_it;
	answered = NOT_YET;
	datagram_to(fd, &a, "x");
	faults_on();
	for (int i = 0; i < 20 && answered == NOT_YET; i++)
		r->heard += socle_event_loop_once(10) < 0;
	seam_heal();
	r->heard += t->recv_errors + t->send_errors + (answered < 0);
	for (int i = 0; i < 60 && !r->heard; i++)
		(void)socle_event_loop_once(10);
	if (!r->heard)
		r->problem = receives(fd, "y");
	close(fd);
}

/* A sender's port of 0 is forged; only raw sockets have none. */
static void
forged_run(int strikes, struct result *r)
{
	struct socle_packet p = {.data = "x", .len = 1};
	struct socle_addr a;
	struct recorder *t = recorder_new(
		udp_bound(&a), &(struct socle_dgram_params){.autoflush = true});

	(void)strikes;
	assert_int_equal(0, socle_addr_parse(&p.from, "127.0.0.1:0", 0));
	faults_on();
	if (socle_dgram_reply(&t->dgram, &p, "y", 1) > 0)
		r->problem = "a forged sender was answered";
	seam_heal();
}

/* The sender has no name: the answer goes to the connected peer. */
static void
answer_peer_run(int strikes, struct result *r)
{
	struct recorder *t;
	int fds[2];

	(void)strikes;
	pair_dgram(fds);
	t = recorder_new(
		fds[0], &(struct socle_dgram_params){.autoflush = true});
	t->quiet = true;
	t->on_recv = answer_it;
	answered = NOT_YET;
	datagram(fds[1], "x");
	faults_on();
	for (int i = 0; i < 20 && answered == NOT_YET; i++)
		r->heard += socle_event_loop_once(10) < 0;
	seam_heal();
	r->heard += t->recv_errors + t->send_errors + (answered < 0);
	for (int i = 0; i < 60 && !r->heard; i++)
		(void)socle_event_loop_once(10);
	if (!r->heard)
		r->problem = receives(fds[1], "y");
	close(fds[1]);
}

#if SOCLE__HAVE_ERRQUEUE
static void
kept_error_run(int strikes, struct result *r)
{
	struct socle_addr nowhere;
	struct recorder *t;
	int on = 1, fd;

	(void)strikes;
	udp_nowhere(&nowhere);
	fd = udp_to(&nowhere);
	if (setsockopt(fd, IPPROTO_IP, IP_RECVERR, &on, sizeof(on)) != 0)
		abort();
	t = recorder_new(fd, NULL);
	t->quiet = true;
	if (send(fd, "x", 1, 0) != 1)
		abort();
	faults_on();
	for (int i = 0; i < 10 && t->recv_errors == 0; i++)
		(void)socle_event_loop_once(10);
	seam_heal();
	for (int i = 0; i < 60 && t->recv_errors == 0; i++)
		(void)socle_event_loop_once(10);
	if (t->recv_errors == 0 && !socle_closed(&t->dgram.sock))
		r->problem = "the error was lost";
	r->heard = sites_struck() > 0;
}
#endif

void
sweep_dgrams(void)
{
	static const struct scene scenes[] = {
		{"new dgram", new_run, NULL},
		{"bound dgram", bound_run, NULL},
		{"connected dgram", connected_run, NULL},
		{"dgram at a file", file_run, NULL},
		{"dgram to a file", file_peer_run, NULL},
		{"write fd", write_fd_run, NULL},
		{"configured dgram", configure_run, NULL},
		{"queued datagrams", talk_queued, NULL},
		{"datagrams at once", talk_at_once, NULL},
		{"all datagrams", talk_all, NULL},
		{"batches", talk_batch, NULL},
		{"joined datagrams", talk_joined, NULL},
		{"joined batches", talk_joined_batch, NULL},
		{"answer", answer_run, NULL},
		{"forged sender", forged_run, "the answer is refused anyway"},
		{"answer to the peer", answer_peer_run, NULL},
#if SOCLE__HAVE_ERRQUEUE
		{"kept error", kept_error_run, NULL},
#endif
	};

	static const struct scene v6[] = {{"IPv6 dgram", v6_run, NULL}};

	SWEEP(scenes);
	if (has_ipv6())
		SWEEP(v6);
}
