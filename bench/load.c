/*
 * The load generator: starts a server, drives it, prints the results, stops it.
 *
 *	load rate  [-c N] [-s N] [-d N] [-t S] -- SERVER ARGUMENTS...
 *	load count [-c N] [-s N] [-d N] [-n N] [-i N] [-p CPU] -- SERVER ...
 *	load churn (-t S | -n N [-p CPU]) -- SERVER ...
 *	load idle  [-c N] -- SERVER ...
 *	load datagrams [-s N] (-t S | -n N [-p CPU]) -- SERVER ...
 *
 * rate: C connections, each with D messages of S bytes under way, for T
 * seconds after a fifth of it to warm up; server and load have a processor
 * each.  Prints requests, seconds, and the server's processor time in ns.
 *
 * count: N bursts; a burst is a batch on each connection and all answers.  I more
 * connections are idle.  churn: connect, request, close, one at a time.  With -n,
 * server and load share a processor, and the server never preempts the load
 * (SCHED_BATCH): it finds each burst complete, so that its work is the same in
 * each run and can be counted.  Prints requests.
 *
 * idle: the server's own memory with a tenth of C connections and with all,
 * after a request on each.  Prints both, and bytes per connection.
 *
 * datagrams: keeps 384 datagrams of S bytes under way and sends and receives 32 in
 * a call, so that the server is the bottleneck; prints as rate does.  With -n, N
 * bursts of 32 datagrams; a burst ends with the last of its answers.
 */
#include "driver.h"

#include <netinet/udp.h>

enum { UNDER_WAY = 384, SEGMENTS = 32 }; /* datagrams */

static const char *mode;
static long lost; /* datagrams */

/* ---- the modes ---- */

static void
burst(struct client *c, int n)
{
	int i;

	for (i = 0; i < n; i++)
		client_send(&c[i]);
	for (i = 0; i < n; i++)
		client_wait(&c[i]);
}

static void
count(void)
{
	int n = opt.clients, i;
	struct client *c = clients_open(NULL, 0, opt.idle + n);

	for (i = 0; i < opt.bursts; i++)
		burst(c + opt.idle, n);
	printf("requests %ld\n", (long)opt.bursts * n * (long)opt.depth);
}

/* The client ends first, and sees the server end. */
static void
churn_one(void)
{
	struct client c;

	client_open(&c);
	client_send(&c);
	client_wait(&c);
	shutdown(c.fd, SHUT_WR);
	if (recv(c.fd, in, 1, 0) != 0)
		die("no end of stream");
	close(c.fd);
}

static void
churn(void)
{
	double from, cpu;
	long n = 0;

	for (; n < opt.bursts; n++)
		churn_one();
	from = now(CLOCK_MONOTONIC);
	cpu = server_cpu();
	for (; now(CLOCK_MONOTONIC) - from < opt.seconds; n++)
		churn_one();
	printf("requests %ld\nseconds %.6f\ncpu_ns %.0f\n", n,
		now(CLOCK_MONOTONIC) - from, (server_cpu() - cpu) * 1e9);
}

static long
answered(struct client *c)
{
	ssize_t n = recv(c->fd, in, sizeof(in), 0);

	if (n <= 0)
		die("recv");
	c->got += (size_t)n;
	if (c->got < opt.size * opt.depth)
		return 0;
	c->got = 0;
	client_send(c);
	return (long)opt.depth;
}

static long
drive(struct client *clients, int epoll, double until)
{
	struct epoll_event events[EVENTS];
	long requests = 0;
	int i, n;

	while (now(CLOCK_MONOTONIC) < until) {
		n = epoll_wait(epoll, events, EVENTS, 100);
		for (i = 0; i < n; i++)
			requests += answered(&clients[events[i].data.u32]);
	}
	return requests;
}

static void
rate(void)
{
	struct client *c = clients_open(NULL, 0, opt.clients);
	int epoll = epoll_create1(EPOLL_CLOEXEC), i;
	double from, cpu;
	long requests;

	for (i = 0; i < opt.clients; i++) {
		struct epoll_event e = {.events = EPOLLIN};

		e.data.u32 = (uint32_t)i;
		if (epoll_ctl(epoll, EPOLL_CTL_ADD, c[i].fd, &e) < 0)
			die("epoll_ctl");
		client_send(&c[i]);
	}
	drive(c, epoll, now(CLOCK_MONOTONIC) + opt.seconds / 5);
	cpu = server_cpu();
	from = now(CLOCK_MONOTONIC);
	requests = drive(c, epoll, from + opt.seconds);
	printf("requests %ld\nseconds %.6f\ncpu_ns %.0f\n", requests,
		now(CLOCK_MONOTONIC) - from, (server_cpu() - cpu) * 1e9);
}

/* Memory that is the server's own: heap, stack, written data. */
static long
server_bytes(void)
{
	char line[256];
	long kb = -1;
	FILE *f;

	snprintf(line, sizeof(line), "/proc/%ld/smaps_rollup", (long)server);
	f = fopen(line, "r");
	while (f && fgets(line, sizeof(line), f))
		sscanf(line, "Anonymous: %ld", &kb);
	if (!f || kb < 0)
		die("smaps_rollup");
	fclose(f);
	return kb * 1024;
}

static void
idle(void)
{
	int few = opt.clients / 10;
	struct client *c = clients_open(NULL, 0, few);
	long before = server_bytes(), after;

	clients_open(c, few, opt.clients);
	after = server_bytes();
	printf("bytes_before %ld\nbytes_after %ld\nbytes_each %.1f\n", before,
		after, (double)(after - before) / (opt.clients - few));
}

/* ---- datagrams ---- */

static int
datagram_socket(void)
{
	const struct sockaddr *to = (const struct sockaddr *)&server_addr;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct timeval patience = {.tv_sec = opt.bursts > 0, .tv_usec = 20000};
	int segment = (int)opt.size, on = 1, room = 1 << 20;

	if (fd < 0 || connect(fd, to, sizeof(server_addr)) < 0 ||
		setsockopt(fd, SOL_UDP, UDP_SEGMENT, &segment,
			sizeof(segment)) < 0 ||
		setsockopt(fd, SOL_UDP, UDP_GRO, &on, sizeof(on)) < 0 ||
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room)) <
			0 ||
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience,
			sizeof(patience)) < 0)
		die("datagrams");
	return fd;
}

/* Lost datagrams are replaced when none has arrived for a while. */
static long
exchange(int fd, double until)
{
	int credit = UNDER_WAY;
	long answers = 0;
	ssize_t n;

	while (now(CLOCK_MONOTONIC) < until) {
		for (; credit >= SEGMENTS; credit -= SEGMENTS) {
			if (send(fd, out, SEGMENTS * opt.size, 0) < 0)
				die("send");
		}
		n = recv(fd, in, sizeof(in), 0);
		if (n < 0) {
			lost += UNDER_WAY - credit;
			credit = UNDER_WAY;
			continue;
		}
		n /= (ssize_t)opt.size;
		answers += n;
		credit += (int)n;
	}
	return answers;
}

/* The server finds all datagrams of a burst when it receives the first. */
static void
datagram_bursts(int fd)
{
	ssize_t len = SEGMENTS * (ssize_t)opt.size, n, got;
	int i;

	for (i = 0; i < opt.bursts; i++) {
		if (send(fd, out, (size_t)len, 0) != len)
			die("send");
		for (got = 0; got < len; got += n) {
			n = recv(fd, in, sizeof(in), 0);
			if (n <= 0)
				die("recv");
		}
	}
	printf("requests %ld\n", (long)opt.bursts * SEGMENTS);
}

static void
datagrams(void)
{
	double cpu, from;
	int fd = datagram_socket();
	long answers;

	if (opt.bursts > 0) {
		datagram_bursts(fd);
		return;
	}
	exchange(fd, now(CLOCK_MONOTONIC) + opt.seconds / 5);
	cpu = server_cpu();
	from = now(CLOCK_MONOTONIC);
	lost = 0;
	answers = exchange(fd, from + opt.seconds);
	printf("requests %ld\nseconds %.6f\ncpu_ns %.0f\nlost %ld\n", answers,
		now(CLOCK_MONOTONIC) - from, (server_cpu() - cpu) * 1e9, lost);
}

static void
usage(void)
{
	fprintf(stderr,
		"usage: load MODE [options] -- "
		"SERVER [ARGUMENTS]\n");
	exit(2);
}

static void
parse(int argc, char **argv)
{
	int c;

	if (argc < 2)
		usage();
	mode = argv[1];
	optind = 2;
	while ((c = getopt(argc, argv, "+c:d:i:n:p:s:t:")) != -1) {
		double v = optarg ? strtod(optarg, NULL) : 0;

		switch (c) {
		case 'c':
			opt.clients = (int)v;
			break;
		case 'd':
			opt.depth = (size_t)v;
			break;
		case 'i':
			opt.idle = (int)v;
			break;
		case 'n':
			opt.bursts = (int)v;
			break;
		case 'p':
			opt.cpu = (int)v;
			break;
		case 's':
			opt.size = (size_t)v;
			break;
		case 't':
			opt.seconds = v;
			break;
		default:
			usage();
		}
	}
	if (optind >= argc || opt.size * opt.depth > BUFFER ||
		opt.size * opt.depth == 0)
		usage();
}

int
main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(void);
	} modes[] = {{"rate", rate}, {"count", count}, {"churn", churn},
		{"idle", idle}, {"datagrams", datagrams}};
	size_t i;

	parse(argc, argv);
	for (i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		if (strcmp(modes[i].name, mode) != 0)
			continue;
		with_server(argv + optind, modes[i].run);
		return 0;
	}
	usage();
}
