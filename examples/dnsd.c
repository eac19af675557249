/*
 * dnsd --listen=ADDR:PORT [--listen=...] --zone=NAME --hosts=FILE: an
 * authoritative DNS server for the names of a hosts file, over UDP and TCP.
 * SIGHUP reloads the file.
 *
 * Datagrams are received and sent many at a time: an answer is queued, and all
 * answers to one receive are sent by one system call.
 */
#include "common/server.h"
#include "dnsd/answer.h"
#include "dnsd/tcp.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { LISTENS_MOST = 8, PORT_TRIES = 16, BATCH = 64 };
enum { KERNEL_BUFFER = 4 << 20, QUEUE_MOST = 4 << 20 };

static struct {
	const char *listen[LISTENS_MOST];
	int n_listen;
	const char *hosts;
} options;

static struct zone zone = {.version = "socle dnsd " SOCLE_VERSION};
static struct socle_dgram *udp[LISTENS_MOST];

/* ---- UDP ---- */

/*
 * A reply that cannot be sent, or finds the queue full, is lost as datagrams
 * are: the client asks again.  One to port 0 is refused by the library.
 */
static void
udp_on_recv(struct socle_dgram *self, const struct socle_packet *p)
{
	uint8_t answer[UDP_MOST];
	size_t n = answer_udp(&zone, p->data, p->len, answer);

	if (n > 0)
		(void)socle_dgram_reply(self, p, answer, n);
}

static const struct socle_dgram_class udp_class = {
	.cls = {.name = "DnsUdp", .super = &socle_dgram_class.cls},
	.on_recv = udp_on_recv,
};

/*
 * At a wildcard address an answer must come from the address that was asked:
 * only with `pktinfo' is that known.
 */
static int
udp_open(const char *where, struct socle_dgram **ret)
{
	struct socle_dgram_params p = {
		.recv_len = UDP_MOST,
		.recv_batch = BATCH,
		.max_queue_bytes = QUEUE_MOST,
	};
	int size = KERNEL_BUFFER;
	int err = socle_dgram_open(where, true, &udp_class, &p, ret);
	const char *ip = err < 0 ? NULL : socle_local_ip_string(&(*ret)->sock);

	if (!ip)
		return err < 0 ? err : -ENOMEM;
	/* Bursts wait there.  The kernel may allow less, which is no error. */
	(void)setsockopt(socle_fd(&(*ret)->sock), SOL_SOCKET, SO_RCVBUF, &size,
		sizeof(size));
	p.pktinfo = strcmp(ip, "0.0.0.0") == 0 || strcmp(ip, "::") == 0;
	return socle_dgram_configure(*ret, &p, SOCLE_DGRAM_PKTINFO);
}

/* ---- listening ---- */

/* With port 0 the kernel chooses one for UDP, which may be taken for TCP. */
static int
listen_both(const char *where, struct socle_dgram **ret)
{
	int err = -EADDRINUSE;

	for (int i = 0; i < PORT_TRIES && err == -EADDRINUSE; i++) {
		err = udp_open(where, ret);
		if (err < 0)
			return err;
		err = server_listen("dnsd",
			socle_local_addr_string(&(*ret)->sock), &tcp_class);
		if (err < 0)
			socle_close(&(*ret)->sock, "no TCP port");
	}
	return err;
}

/* What waits in the queues is still sent. */
static void
drain(void)
{
	for (int i = 0; i < options.n_listen; i++)
		socle_dgram_close_when_empty(udp[i]);
	tcp_drain();
}

/* ---- the hosts file ---- */

/* A file with an error changes nothing. */
static bool
hosts_load(void)
{
	struct hosts_error error;
	struct hosts *hosts = hosts_read(options.hosts, &zone.name, &error);
	uint32_t now = (uint32_t)time(NULL);

	if (!hosts) {
		fprintf(stderr, "dnsd: %s:%u: %s\n", options.hosts, error.line,
			error.what);
		return false;
	}
	hosts_free(zone.hosts);
	zone.hosts = hosts;
	zone.serial = now > zone.serial ? now : zone.serial + 1;
	return true;
}

/* Reading a file holds the loop up, which a file of this kind does not long. */
static void
reload(int signo, void *arg)
{
	(void)signo;
	(void)arg;
	if (hosts_load())
		fprintf(stderr, "dnsd: %s: reloaded\n", options.hosts);
}

/* ---- options ---- */

static bool
take_listen(const char *value)
{
	if (options.n_listen == LISTENS_MOST)
		return false;
	options.listen[options.n_listen++] = value;
	return true;
}

static bool
take_zone(const char *value)
{
	return name_parse(&zone.name, value, strlen(value));
}

static bool
take_hosts(const char *value)
{
	options.hosts = value;
	return true;
}

int
main(int argc, char **argv)
{
	static const struct server_option known[] = {
		{"listen", "ADDR:PORT", take_listen, true},
		{"zone", "NAME", take_zone, true},
		{"hosts", "FILE", take_hosts, true},
		{NULL, NULL, NULL, false},
	};
	int err;

	if (!server_options("dnsd", known, argc, argv))
		return 2;
	if (!hosts_load())
		return 1;
	server_raise_fd_limit();
	tcp_set_zone(&zone);
	err = socle_signal(SIGHUP, reload, NULL);
	for (int i = 0; i < options.n_listen && err == 0; i++) {
		err = listen_both(options.listen[i], &udp[i]);
		if (err < 0)
			return server_fails("dnsd", options.listen[i], err);
	}
	if (err == 0)
		err = server_run(drain);
	hosts_free(zone.hosts);
	return err < 0 ? server_fails("dnsd", "the loop", err) : 0;
}
