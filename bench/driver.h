/*
 * What drives a server: starts it, connects to it, stops it.  Used by the load
 * generators; `opt' has what their arguments say.
 */
#ifndef BENCH_DRIVER_H
#define BENCH_DRIVER_H

#include "server.h"

#include <sched.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

enum {
	BUFFER = 1 << 18,
	EVENTS = 1024,
	SPARE_FDS = 100,
	MEET_EVERY = 256,
	PER_ADDRESS = 4096
};
enum { PATIENCE = 300 }; /* seconds for a run */

struct client {
	int fd;
	size_t got;
};

static struct {
	int clients, idle, bursts, cpu;
	size_t size, depth;
	double seconds;
} opt = {.clients = 1, .size = 64, .depth = 1, .cpu = -1};

static struct sockaddr_in server_addr;
static pid_t child, server;
static char out[BUFFER], in[BUFFER];

static inline double
now(clockid_t clock)
{
	struct timespec t;

	if (clock_gettime(clock, &t) < 0)
		die("clock_gettime");
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* ---- the server ---- */

static inline void
pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET((unsigned)cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set) < 0)
		die("sched_setaffinity");
}

/* The server takes the first processor, the load the last. */
static inline void
place(bool is_server)
{
	const struct sched_param none = {0};
	cpu_set_t set;
	int first = -1, last = 0, i;

	if (sched_getaffinity(0, sizeof(set), &set) < 0)
		die("sched_getaffinity");
	for (i = 0; i < CPU_SETSIZE; i++) {
		if (!CPU_ISSET((unsigned)i, &set))
			continue;
		last = i;
		if (first < 0)
			first = i;
	}
	if (opt.cpu >= 0)
		first = opt.cpu;
	pin(is_server || opt.bursts > 0 ? first : last);
	if (is_server && opt.bursts > 0)
		sched_setscheduler(0, SCHED_BATCH, &none);
}

static inline void
need_fds(int n)
{
	struct rlimit l;

	if (getrlimit(RLIMIT_NOFILE, &l) < 0)
		die("getrlimit");
	if (l.rlim_cur >= (rlim_t)n)
		return;
	l.rlim_cur = (rlim_t)n;
	if (l.rlim_max < l.rlim_cur)
		l.rlim_max = l.rlim_cur;
	if (setrlimit(RLIMIT_NOFILE, &l) < 0) {
		fprintf(stderr, "load: %d descriptors are not allowed\n", n);
		exit(3);
	}
}

static inline void
give_up(int signo)
{
	(void)signo;
	if (server > 0)
		kill(server, SIGKILL);
	_exit(4);
}

static inline void
start(char **argv)
{
	int fds[2], port;
	long pid;
	FILE *f;

	if (pipe(fds) < 0 || (child = fork()) < 0)
		die("load");
	if (child == 0) {
		dup2(fds[1], 1);
		close(fds[0]);
		close(fds[1]);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
		place(true);
		execvp(argv[0], argv);
		die(argv[0]);
	}
	close(fds[1]);
	place(false);
	f = fdopen(fds[0], "r");
	if (!f || fscanf(f, "%d %ld", &port, &pid) != 2) {
		fprintf(stderr, "load: %s does not start\n", argv[0]);
		exit(1);
	}
	server = (pid_t)pid;
	server_addr.sin_family = AF_INET;
	server_addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	server_addr.sin_port = htons((uint16_t)port);
}

static inline void
stop(void)
{
	int status;

	kill(server, SIGTERM);
	waitpid(child, &status, 0);
}

static inline double
server_cpu(void)
{
	clockid_t clock;

	if (clock_getcpuclockid(server, &clock) != 0)
		die("clock_getcpuclockid");
	return now(clock);
}

/* ---- clients ---- */

/* An address has few ports, and the kernel searches long for the last ones. */
static inline struct sockaddr_in
client_addr(void)
{
	static uint32_t opened;
	struct sockaddr_in addr = {.sin_family = AF_INET};

	addr.sin_addr.s_addr =
		htonl(INADDR_LOOPBACK + 256 + opened++ / PER_ADDRESS % 250);
	return addr;
}

static inline void
client_open(struct client *c)
{
	const struct sockaddr *to = (const struct sockaddr *)&server_addr;
	struct sockaddr_in from = client_addr();
	int on = 1;

	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	c->got = 0;
	if (c->fd < 0 ||
		setsockopt(c->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on,
			sizeof(on)) < 0 ||
		bind(c->fd, (struct sockaddr *)&from, sizeof(from)) < 0 ||
		connect(c->fd, to, sizeof(server_addr)) < 0 ||
		setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) <
			0)
		die("connect");
}

static inline void
client_send(struct client *c)
{
	size_t len = opt.size * opt.depth;

	if (send(c->fd, out, len, MSG_NOSIGNAL) != (ssize_t)len)
		die("send");
}

/* Waits for the answers to all requests. */
static inline void
client_wait(struct client *c)
{
	size_t len = opt.size * opt.depth;

	if (recv(c->fd, in, len, MSG_WAITALL) != (ssize_t)len)
		die("recv");
	if (memcmp(in, out, len) != 0) {
		fprintf(stderr, "load: that is no echo\n");
		exit(1);
	}
}

/*
 * Each makes a request, one client after the other: the backlog must not
 * overflow, and the counts must be the same in each run.
 */
static inline struct client *
clients_open(struct client *c, int from, int to)
{
	int every = opt.bursts > 0 ? 1 : MEET_EVERY, i, met = from;

	c = realloc(c, sizeof(*c) * (size_t)(to + 1));
	if (!c)
		die("realloc");
	for (i = from; i < to; i++) {
		client_open(&c[i]);
		client_send(&c[i]);
		for (; met <= i && (i % every == 0 || i == to - 1); met++)
			client_wait(&c[met]);
	}
	return c;
}

/* Runs `body' with the server that `argv' starts. */
static inline void
with_server(char **argv, void (*body)(void))
{
	size_t i;

	for (i = 0; i < sizeof(out); i++)
		out[i] = (char)('a' + i % 23);
	need_fds(opt.clients + opt.idle + SPARE_FDS);
	signal(SIGALRM, give_up);
	alarm(PATIENCE);
	start(argv);
	body();
	stop();
}

#endif
