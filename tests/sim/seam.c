/*
 * The library's system calls, bound to the simulated kernel; its memory and its
 * signals.
 */
#include "tests/sim/private.h"

#include "tests/kqueue/kernel_poll.h"
#include "tests/support/faults_private.h"

/* For the calls of other kernels, which ask whether a test has armed a fault. */
void
count(enum call which, int times)
{
	(void)which;
	(void)times;
}

bool
may_fail(enum call which)
{
	(void)which;
	return false;
}

/* ---- memory ---- */

static long blocks;

long
sim_blocks(void)
{
	return blocks;
}

static void *
remember(void *p)
{
	blocks += p != NULL;
	return p;
}

static void *
sim_malloc(size_t n)
{
	void *p = sim_trouble(SIM_MEMORY, 40) ? NULL : malloc(n);

	if (p) /* a read of what was not written has an effect */
		memset(p, 0xa5, n < 256 ? n : 256);
	return remember(p);
}

static void *
sim_calloc(size_t n, size_t size)
{
	return remember(sim_trouble(SIM_MEMORY, 40) ? NULL : calloc(n, size));
}

static void *
sim_realloc(void *p, size_t n)
{
	void *to = sim_trouble(SIM_MEMORY, 40) ? NULL : realloc(p, n);

	blocks += to && !p;
	return to;
}

static void
sim_free(void *p)
{
	blocks -= p != NULL;
	free(p);
}

/* ---- signals ---- */

enum { SIGNALS = 65 };
static struct sigaction actions[SIGNALS];

static int
sim_sigaction(int s, const struct sigaction *action, struct sigaction *before)
{
	sim_call();
	if (s < 1 || s >= SIGNALS)
		return sim_error(EINVAL);
	if (before)
		*before = actions[s];
	if (action)
		actions[s] = *action;
	return 0;
}

void
sim_signal(int signo)
{
	const struct sigaction *action = &actions[signo];
	int err = errno;
	siginfo_t info = {.si_signo = signo};

	if (action->sa_flags & SA_SIGINFO)
		action->sa_sigaction(signo, &info, NULL);
	else if (action->sa_handler == SIG_DFL)
		sim_fail("killed by signal %d", signo);
	else if (action->sa_handler != SIG_IGN)
		action->sa_handler(signo);
	errno = err;
}

/* ---- kqueue ---- */

/* One change alone: whether it failed, with the answer in *ret. */
static bool
change_fails(int kq, const struct kevent *c, int err, struct kevent *ret)
{
	if (!err && kevent(kq, c, 1, NULL, 0, NULL) < 0)
		err = errno;
	if (!err)
		return false;
	*ret = *c;
	ret->flags = EV_ERROR;
	ret->data = err;
	return true;
}

/*
 * The emulation's own calls are not spoiled: a kernel's filters do not get lost.
 * Here a new filter may be refused.
 */
static int
sim_kevent(int kq, const struct kevent *c, int changes, struct kevent *e,
	int room, const struct timespec *t)
{
	int refused =
		changes > 0 && room >= changes && sim_trouble(SIM_WATCHES, 10)
		? (int)sim_choose((uint64_t)changes)
		: -1;
	int found = 0;

	sim_step();
	sim.emulating++;
	if (refused < 0 || !(c[refused].flags & EV_ADD)) {
		found = kevent(kq, c, changes, e, room, t);
	} else {
		for (int i = 0; i < changes; i++)
			found += change_fails(kq, &c[i],
				i == refused ? ENOMEM : 0, &e[found]);
	}
	sim.emulating--;
	return found;
}

/* Nothing arrives while it looks from several sides. */
static int
sim_kernel_poll(struct pollfd *fds, nfds_t n, int ms)
{
	int found;

	sim_step();
	sim.emulating++;
	found = kernel_poll(fds, n, ms);
	sim.emulating--;
	return found;
}

/* ---- what has no place in a simulation ---- */

static int
sim_getaddrinfo(const char *host, const char *service,
	const struct addrinfo *hints, struct addrinfo **ret)
{
	(void)host;
	(void)service;
	(void)hints;
	*ret = NULL;
	return EAI_NONAME;
}

static int
sim_thread_create(size_t stack, void *(*fn)(void *arg), void *arg)
{
	(void)stack;
	(void)fn;
	(void)arg;
	return sim_error(EAGAIN);
}

static int
sim_protocol(const char *name)
{
	(void)name;
	return sim_error(ENOENT);
}

static int
sim_lock_file(const char *path)
{
	(void)path;
	return sim_error(EACCES);
}

int
sim_lstat(const char *path, struct stat *st)
{
	(void)path;
	(void)st;
	return sim_error(ENOENT);
}

int
sim_unlink(const char *path)
{
	(void)path;
	return sim_error(ENOENT);
}

static int
open_as_libc(const char *path, int flags)
{
	return sim_open(path, flags);
}

/* ---- the seam ---- */

/* clang-format off */
#undef poll
#undef open
#define poll sim_kernel_poll
#define open open_as_libc
#define malloc sim_malloc
#define calloc sim_calloc
#define realloc sim_realloc
#define getaddrinfo sim_getaddrinfo
#define sigaction sim_sigaction
#define socle__libc_kevent sim_kevent
#define socle__libc_thread_create sim_thread_create
#define socle__libc_protocol sim_protocol
#define socle__libc_lock_file sim_lock_file

#define SIM_FIELD(result, name, params, args) name,
#define SIM_SHAPE(result, name, params, args) socle__libc_##name,
struct socle__seam socle__seam = {
	SOCLE__SEAM_CALLS(SIM_FIELD)
	SOCLE__SEAM_SHAPES(SIM_SHAPE)
	freeaddrinfo,
	sim_free,
	SOCLE__UNIX_FULL,
	SOCLE__ACCEPT_DROPS,
	SOCLE__SEND_HIDES_ERROR,
};
/* clang-format on */
