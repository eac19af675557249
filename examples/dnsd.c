/*
 * dnsd --listen=ADDR:PORT [--listen=...] --zone=NAME --hosts=FILE: an
 * authoritative DNS server for the names of a hosts file, over UDP and TCP.
 * SIGHUP reloads the file.
 *
 * The server is called ns.NAME; its address should be in the file.  Names that
 * are not in the zone are refused, but each address has a PTR record.
 */
#include "common/server.h"
#include "dnsd/tcp.h"
#include "dnsd/udp.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { LISTENS_MOST = 8, PORT_TRIES = 16 };

static struct {
	const char *listen[LISTENS_MOST];
	int n_listen;
	const char *hosts;
} options;

static struct zone zone = {.version = "socle dnsd " SOCLE_VERSION};
static struct socle_dgram *udp[LISTENS_MOST];

/* ---- listening ---- */

/* With port 0 the kernel chooses one for UDP, which may be taken for TCP. */
static int
listen_both(const char *where, struct socle_dgram **ret)
{
	int err = -EADDRINUSE;

	for (int i = 0; i < PORT_TRIES && err == -EADDRINUSE; i++) {
		err = udp_open(where, &zone, ret);
		if (err < 0)
			return err;
		err = server_listen("dnsd",
			socle_local_addr_string(&(*ret)->sock), &tcp_class);
		if (err < 0)
			socle_close(&(*ret)->sock, "no TCP port");
	}
	return err;
}

static void
drain(bool idle)
{
	for (int i = 0; i < options.n_listen; i++)
		udp_drain(udp[i]);
	tcp_drain(idle);
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
		fprintf(stderr, "dnsd: %s", options.hosts);
		if (error.line > 0)
			fprintf(stderr, ":%u", error.line);
		fprintf(stderr, ": %s\n", error.what);
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
		{"console", "ADDR", server_take_console, false},
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
