/*
 * ask PORT CLIENTS DEPTH SECONDS REQUEST ANSWER [REQUEST ANSWER]...
 *
 * Each client sends a batch of DEPTH times the same request, reads the answers,
 * and goes on with the next request.  Prints the requests a second.  In the texts
 * \r and \n are those characters, and in a request @ is the client's number.  The
 * first answers are compared, of later ones the bytes are counted.
 */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { PAIRS_MOST = 4, CLIENTS_MOST = 1000, ROOM = 1 << 20 };

struct text {
	char *data;
	size_t len;
};

struct client {
	int fd, pair;
	size_t got, round;
	struct text requests[PAIRS_MOST];
};

static struct client clients[CLIENTS_MOST];
static struct text answers[PAIRS_MOST];
static int n_clients, n_pairs;
static size_t depth;
static char in[ROOM];

static void
die(const char *what)
{
	perror(what);
	exit(1);
}

/* `text', `depth' times, with the characters that it stands for. */
static struct text
repeat(const char *text, int number)
{
	struct text t = {malloc((strlen(text) * 2 + 16) * depth), 0};

	if (!t.data)
		die("malloc");
	for (size_t i = 0; i < depth; i++) {
		for (const char *c = text; *c; c++) {
			if (*c == '\\' && (c[1] == 'r' || c[1] == 'n'))
				t.data[t.len++] = *++c == 'r' ? '\r' : '\n';
			else if (*c == '@' && number >= 0)
				t.len += (size_t)sprintf(
					t.data + t.len, "%d", number);
			else
				t.data[t.len++] = *c;
		}
	}
	return t;
}

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void
send_batch(struct client *c)
{
	const struct text *t = &c->requests[c->pair];

	if (send(c->fd, t->data, t->len, 0) != (ssize_t)t->len)
		die("send");
}

static void
connect_client(struct client *c, int port, int epoll)
{
	struct sockaddr_in to = {.sin_family = AF_INET};
	struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};
	int on = 1;

	to.sin_port = htons((unsigned short)port);
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (connect(c->fd, (const struct sockaddr *)&to, sizeof(to)) < 0)
		die("connect");
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &e) < 0)
		die("epoll_ctl");
}

/* Returns how many requests this has answered. */
static size_t
take_answers(struct client *c)
{
	const struct text *t = &answers[c->pair];
	ssize_t n = recv(c->fd, in, sizeof(in), 0);

	if (n <= 0)
		die("recv");
	if (c->got + (size_t)n > t->len ||
		(c->round < 8 &&
			memcmp(in, t->data + c->got, (size_t)n) != 0)) {
		fprintf(stderr, "ask: another answer: %.*s\n", (int)n, in);
		exit(1);
	}
	c->got += (size_t)n;
	if (c->got < t->len)
		return 0;
	c->got = 0;
	c->round++;
	c->pair = (c->pair + 1) % n_pairs;
	send_batch(c);
	return depth;
}

static size_t
drive(int epoll, double until)
{
	struct epoll_event events[64];
	size_t requests = 0;

	while (now() < until) {
		int n = epoll_wait(epoll, events, 64, 5000);

		if (n <= 0)
			die("no answer");
		for (int i = 0; i < n; i++)
			requests += take_answers(events[i].data.ptr);
	}
	return requests;
}

int
main(int argc, char **argv)
{
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	double seconds, from;
	size_t requests;

	n_pairs = (argc - 5) / 2;
	if (argc < 7 || argc % 2 == 0 || n_pairs > PAIRS_MOST) {
		fprintf(stderr,
			"usage: ask PORT CLIENTS DEPTH SECONDS "
			"REQUEST ANSWER...\n");
		return 2;
	}
	n_clients = atoi(argv[2]) % CLIENTS_MOST;
	depth = (size_t)atol(argv[3]);
	seconds = atof(argv[4]);
	for (int p = 0; p < n_pairs; p++)
		answers[p] = repeat(argv[6 + 2 * p], -1);
	for (int i = 0; i < n_clients; i++) {
		for (int p = 0; p < n_pairs; p++)
			clients[i].requests[p] = repeat(argv[5 + 2 * p], i);
		connect_client(&clients[i], atoi(argv[1]), epoll);
	}
	for (int i = 0; i < n_clients; i++)
		send_batch(&clients[i]);
	(void)drive(epoll, now() + seconds / 5);
	from = now();
	requests = drive(epoll, from + seconds);
	printf("%.0f\n", (double)requests / (now() - from));
	return 0;
}
