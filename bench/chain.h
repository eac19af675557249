/*
 * The classical chain of PAIRS socketpairs.  A byte is written to ACTIVE of them.
 * A byte that arrives at one pair is written to the next, HOPS times in all; then
 * the program prints the time of a hop and exits.  With `toggle' each hop turns
 * its interest off and on again, which must have no effect.
 *
 *	chain-PEER PAIRS ACTIVE HOPS [toggle]
 */
#ifndef BENCH_CHAIN_H
#define BENCH_CHAIN_H

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static struct {
	int pairs, active;
	long hops, written, arrived;
	bool toggle;
	int *in, *out; /* the ends of each pair */
	struct timespec began;
} chain;

static inline void
chain_die(const char *what)
{
	perror(what);
	exit(1);
}

static inline void
chain_open(int argc, char **argv)
{
	struct rlimit l;
	int fds[2], i;

	if (argc < 4) {
		fprintf(stderr, "usage: %s PAIRS ACTIVE HOPS [toggle]\n",
			argv[0]);
		exit(2);
	}
	chain.pairs = (int)strtol(argv[1], NULL, 10);
	chain.active = (int)strtol(argv[2], NULL, 10);
	chain.hops = strtol(argv[3], NULL, 10);
	chain.toggle = argc > 4 && strcmp(argv[4], "toggle") == 0;
	getrlimit(RLIMIT_NOFILE, &l);
	l.rlim_cur = l.rlim_max;
	setrlimit(RLIMIT_NOFILE, &l);
	chain.in = calloc((size_t)chain.pairs * 2, sizeof(int));
	if (!chain.in)
		chain_die("calloc");
	chain.out = chain.in + chain.pairs;
	for (i = 0; i < chain.pairs; i++) {
		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds))
			chain_die("socketpair");
		chain.in[i] = fds[0];
		chain.out[i] = fds[1];
	}
}

/* Puts the bytes in, evenly spread. */
static inline void
chain_start(void)
{
	int i;

	clock_gettime(CLOCK_MONOTONIC, &chain.began);
	for (i = 0; i < chain.active; i++) {
		if (write(chain.out[i * (chain.pairs / chain.active)], "x",
			    1) != 1)
			chain_die("write");
	}
	chain.written = chain.active;
}

/* A byte has arrived.  Whether it is to go on. */
static inline bool
chain_arrived(void)
{
	struct timespec t;
	double ns;

	if (++chain.arrived == chain.hops) {
		clock_gettime(CLOCK_MONOTONIC, &t);
		ns = (double)(t.tv_sec - chain.began.tv_sec) * 1e9 +
			(double)(t.tv_nsec - chain.began.tv_nsec);
		printf("hops %ld\nns_each %.1f\n", chain.hops,
			ns / (double)chain.hops);
		exit(0);
	}
	return ++chain.written <= chain.hops;
}

static inline int
chain_next(int i)
{
	return i + 1 < chain.pairs ? i + 1 : 0;
}

/* One hop, for those that read and write by themselves. */
static inline void
chain_hop(int i)
{
	char byte;

	if (read(chain.in[i], &byte, 1) != 1)
		return;
	if (chain_arrived() && write(chain.out[chain_next(i)], &byte, 1) != 1)
		chain_die("write");
}

#endif
