/*
 * The simulated kernel's dice, clock, signals and memory.
 */
#include "tests/sim/private.h"

struct sim_world sim;
struct sim_counts sim_counts;
bool (*sim_idle)(void);
void (*sim_sleeps)(int64_t ns);

enum {
	TICK = 200,        /* ns that a look at the clock takes */
	STOP = 1500000000, /* ns that a stopped process stands still */
	FIRST_PORT = 40000,
};

/* splitmix64 */
static uint64_t
next_random(void)
{
	uint64_t z = sim.random += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

uint64_t
sim_choose(uint64_t n)
{
	return n < 2 ? 0 : (next_random() >> 32) * n >> 32;
}

bool
sim_trouble(enum sim_trouble which, unsigned rarity)
{
	if (!(sim.troubles & 1U << which) || sim.calm || sim.outside > 0 ||
		sim_choose(rarity) != 0)
		return false;
	sim_counts.troubles++;
	return true;
}

size_t
sim_part(size_t n)
{
	if (n > 1 && sim_trouble(SIM_SHORT, 4))
		return 1 + (size_t)sim_choose(n);
	return n;
}

int
sim_error(int err)
{
	errno = err;
	return -1;
}

void
sim_call(void)
{
	if (sim.outside > 0)
		return;
	sim_counts.calls++;
	if (sim_trouble(SIM_STOPPED, 2000)) {
		int64_t ns = (int64_t)sim_choose(STOP);

		sim.now += ns;
		sim.stopped += ns;
	}
}

/* ---- time ---- */

int64_t
sim_now(void)
{
	return sim.now;
}

int64_t
sim_awake(void)
{
	return sim.now - sim.stopped;
}

void
sim_pass(int64_t ns)
{
	sim.now += ns;
	sim.stopped += ns;
	if (ns > 10000)
		sim_step();
}

int
sim_clock_gettime(clockid_t clock, struct timespec *ret)
{
	sim_call();
	sim.now += (int64_t)sim_choose(TICK);
	(void)clock;
	ret->tv_sec = (time_t)(sim.now / 1000000000);
	ret->tv_nsec = (long)(sim.now % 1000000000);
	return 0;
}

int
sim_getrusage(int who, struct rusage *ret)
{
	(void)who;
	*ret = (struct rusage){.ru_utime = {
				       .tv_sec = sim.now / 1000000000,
				       .tv_usec = sim.now / 1000 % 1000000,
			       }};
	return 0;
}

int
sim_getrlimit(int what, struct rlimit *ret)
{
	(void)what;
	*ret = sim.limit;
	return 0;
}

int
sim_setrlimit(int what, const struct rlimit *limit)
{
	(void)what;
	sim.limit = *limit;
	return 0;
}

/* ---- the world ---- */

/* Buffers are kept for the next run.  No inode comes twice. */
void
sim_begin(uint64_t seed, unsigned troubles)
{
	sim.outside = 1;
	for (int fd = 0; fd < SIM_FDS; fd++)
		if (sim.fds[fd].file)
			sim_close(fd);
	for (int i = 0; i < sim.top; i++)
		sim.files[i] = (struct sim_file){
			.in = sim.files[i].in, .out = sim.files[i].out};
	sim.outside = sim.peeking = sim.in_transit = sim.top = 0;
	sim.random = seed * 0xd1342543de82ef95 + 1;
	sim.troubles = troubles;
	sim.stopped = 0;
	sim.calm = sim.child = false;
	sim.now = 1000000000 + (int64_t)sim_choose(1000000000);
	sim.next_port = FIRST_PORT;
	sim.next_ino += sim.next_ino == 0;
	sim.limit = (struct rlimit){SIM_FDS, SIM_FDS};
	sim_counts = (struct sim_counts){0};
	if (seed % 8 == 0) /* a program may be started without them */
		return;
	sim.calm = true;
	for (int i = 0; i < 3; i++)
		(void)sim_open("/dev/null", O_RDWR);
	sim.calm = false;
}

void
sim_calm(void)
{
	sim.calm = true;
	while (sim.in_transit > 0)
		sim_step();
}

bool
sim_rest(void)
{
	return false;
}

void
sim_outside_begin(void)
{
	sim.outside++;
}

void
sim_outside_end(void)
{
	sim.outside--;
}

void
sim_forked(void)
{
	sim.child = true;
	for (int i = 0; i < sim.top; i++)
		sim.files[i].inherited = true;
}

void
sim_untouched(const struct sim_file *f, const char *call)
{
	bool is_loops = f->kind == SIM_EPOLL || f->kind == SIM_EVENTFD;

	if (f->inherited && sim.outside == 0 && (sim.child || is_loops))
		sim_fail("a child of fork() touched what its parent has: %s",
			call);
}

void
sim_fork_continued(void)
{
	sim.child = false;
}

bool
sim_child_is_alone(void)
{
	return true;
}

/* Everything arrives after a while; how much at once is up to the dice. */
void
sim_step(void)
{
	if (sim.in_transit == 0)
		return;
	sim.in_transit = 0;
	for (int i = 0; i < sim.top; i++) {
		struct sim_file *f = &sim.files[i];

		if (!sim_stream_is_busy(f))
			continue;
		if (!sim_trouble(SIM_LATE, 2))
			sim_stream_arrive(f, SIZE_MAX);
		else if (sim_choose(2) == 0)
			sim_stream_arrive(f, 1 + (size_t)sim_choose(2000));
		if (sim_stream_is_busy(f))
			sim.in_transit++;
	}
}
