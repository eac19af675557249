/*
 * The latency of an echo at a given rate:
 *
 *	latency -r RATE [-c N] [-t S] [-q] [-f FILE] -- SERVER ARGUMENTS...
 *
 * N connections send RATE requests of 64 bytes a second between them, on a
 * schedule that does not wait for answers.  A latency is the time from when its
 * request was scheduled: a server that stalls, or a load generator that is late,
 * delays the requests behind it, and that counts.  The first fifth warms up.
 *
 *	-q	another client sends 16 MB/s of requests and reads no answer
 *	-f	another client requests FILE, which SERVER sends, over and over
 *
 * Prints percentiles and the worst in us; the 99th percentile of how late the
 * load generator sent its requests, in us; how busy the server was; and with -f
 * the MB/s of the file.
 */
#include "disturb.h"
#include "driver.h"

static const int64_t give_up_after = INT64_C(10000000000);

/* Requests are numbered; connection i sends those of i, i + N, i + 2 N, ... */
struct connection {
	int fd;
	long scheduled, answered;
	size_t unsent; /* bytes of what is scheduled */
	size_t got;    /* bytes of the next answer */
};

static struct {
	double rate;
	bool quiet;
	const char *file;
} how;

static struct {
	struct connection *at;
	long n, scheduled, answered; /* requests in all, so far */
	long first;                  /* that counts */
	int64_t began;               /* ns */
	double interval;             /* ns */
	int64_t *latency, *late;
} run;

static int64_t
when(long request)
{
	return run.began + (int64_t)((double)request * run.interval);
}

/* ---- requests ---- */

static void
connection_send(struct connection *c)
{
	ssize_t n;

	while (c->unsent > 0) {
		n = send(c->fd, out,
			c->unsent < sizeof(out) ? c->unsent : sizeof(out),
			MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0)
			die("send");
		c->unsent -= (size_t)n;
	}
}

static void
send_what_is_due(void)
{
	while (run.scheduled < run.n) {
		struct connection *c = &run.at[run.scheduled % opt.clients];
		int64_t late = now_ns() - when(run.scheduled);

		if (late < 0)
			return;
		run.late[run.scheduled++] = late;
		c->unsent += opt.size;
		connection_send(c);
	}
}

static void
receive(struct connection *c)
{
	ssize_t n = recv(c->fd, in, sizeof(in), MSG_DONTWAIT);
	int64_t now = now_ns();
	long request;

	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0)
		die("recv");
	for (c->got += (size_t)n; c->got >= opt.size; c->got -= opt.size) {
		request = c->answered++ * opt.clients + (c - run.at);
		run.latency[request] = now - when(request);
		run.answered++;
	}
	connection_send(c);
}

/* ---- the run ---- */

static void
watch(int epoll, int fd, int i)
{
	struct epoll_event e = {.events = EPOLLIN, .data.u32 = (uint32_t)i};

	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e) < 0)
		die("epoll_ctl");
}

/* Until that many requests are answered. */
static void
drive(int epoll, long until)
{
	struct epoll_event events[EVENTS];
	int i, n;

	while (run.answered < until) {
		send_what_is_due();
		if (how.quiet)
			quiet_turn();
		n = epoll_wait(epoll, events, EVENTS, 0);
		for (i = 0; i < n; i++) {
			if ((int)events[i].data.u32 == opt.clients)
				file_turn();
			else
				receive(&run.at[events[i].data.u32]);
		}
		if (now_ns() > when(run.n) + give_up_after) {
			fprintf(stderr, "latency: %ld of %ld answers\n",
				run.answered, run.n);
			exit(1);
		}
	}
}

static int
compare(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* Of sorted ns, in us. */
static double
percentile(const int64_t *sorted, long n, double p)
{
	long i = (long)((double)n * p);

	return (double)sorted[i < n ? i : n - 1] / 1000;
}

static void
print(double seconds, double cpu)
{
	int64_t *latency = run.latency + run.first;
	int64_t *late = run.late + run.first;
	long n = run.n - run.first;

	qsort(latency, (size_t)n, sizeof(*latency), compare);
	qsort(late, (size_t)n, sizeof(*late), compare);
	printf("p50 %.1f\n", percentile(latency, n, 0.5));
	printf("p99 %.1f\n", percentile(latency, n, 0.99));
	printf("p999 %.1f\n", percentile(latency, n, 0.999));
	printf("max %.1f\n", percentile(latency, n, 1));
	printf("late %.1f\n", percentile(late, n, 0.99));
	printf("busy %.3f\n", cpu / seconds);
	if (how.file)
		printf("mb %.0f\n", other.got / seconds / 1e6);
}

static void
prepare(int epoll)
{
	struct client *clients = clients_open(NULL, 0, opt.clients);
	int i;

	run.n = (long)(how.rate * opt.seconds * 1.2);
	run.first = run.n / 6;
	run.interval = 1e9 / how.rate;
	run.at = calloc((size_t)opt.clients, sizeof(*run.at));
	run.latency = calloc((size_t)run.n, sizeof(*run.latency));
	run.late = calloc((size_t)run.n, sizeof(*run.late));
	if (!run.at || !run.latency || !run.late || run.n < 10)
		die("calloc");
	for (i = 0; i < opt.clients; i++) {
		run.at[i].fd = clients[i].fd;
		watch(epoll, clients[i].fd, i);
	}
	if (how.quiet)
		quiet_open();
	if (how.file) {
		file_open(how.file);
		watch(epoll, other.fd, opt.clients);
	}
}

static void
measure(void)
{
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	double cpu, from;

	prepare(epoll);
	run.began = now_ns() + NS_PER_MS;
	drive(epoll, run.first);
	cpu = server_cpu();
	from = now(CLOCK_MONOTONIC);
	other.got = 0;
	drive(epoll, run.n);
	print(now(CLOCK_MONOTONIC) - from, server_cpu() - cpu);
}

static void
usage(void)
{
	fprintf(stderr,
		"usage: latency -r RATE [-c N] [-t S] [-q] [-f FILE] -- "
		"SERVER [ARGUMENTS]\n");
	exit(2);
}

int
main(int argc, char **argv)
{
	int c;

	opt.clients = 64;
	opt.seconds = 1;
	while ((c = getopt(argc, argv, "+c:f:qr:t:")) != -1) {
		double v = optarg ? strtod(optarg, NULL) : 0;

		if (c == 'c')
			opt.clients = (int)v;
		else if (c == 'r')
			how.rate = v;
		else if (c == 't')
			opt.seconds = v;
		else if (c == 'q')
			how.quiet = true;
		else if (c == 'f')
			how.file = optarg;
		else
			usage();
	}
	if (optind >= argc || how.rate <= 0 || opt.clients < 1 ||
		(how.quiet && how.file))
		usage();
	with_server(argv + optind, measure);
	return 0;
}
