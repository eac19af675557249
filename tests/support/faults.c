/* The counting and failing implementation of the seam; see faults.h. */
#include "tests/support/faults_private.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#if defined(__linux__)
#include <malloc.h>
#elif defined(__APPLE__)
#include <malloc/malloc.h>
#elif defined(__FreeBSD__)
#include <malloc_np.h>
#endif

enum { FAULTS = 16 };

struct fault {
	enum call which;
	unsigned long at; /* the count of the first call that fails */
	long times;
	int err; /* 0: a short transfer */
	bool armed;
};

#define FAULTS_NAME(result, name, params, args) #name,
const char *const call_names[CALLS] = {SOCLE__SEAM_CALLS(FAULTS_NAME)
		SOCLE__SEAM_SHAPES(FAULTS_NAME) "change"};

static _Atomic unsigned long counts[CALLS];
static struct fault faults[FAULTS];
static unsigned long struck;
static _Atomic long live_blocks, live_bytes;
static bool (*any_filter)(enum call which);
static unsigned long any_seen, any_at;
static int any_err;
static enum call any_which = CALLS;
bool time_is_virtual;
int64_t virtual_ns;

static bool
any_fails(enum call which)
{
	if (!any_filter || !any_filter(which))
		return false;
	if (++any_seen != any_at)
		return false;
	struck++;
	any_which = which;
	errno = any_err;
	return true;
}

static struct fault *
fault_due(enum call which, bool is_short)
{
	for (int i = 0; i < FAULTS; i++) {
		struct fault *f = &faults[i];

		if (!f->armed || f->which != which ||
			(f->err == 0) != is_short || counts[which] < f->at)
			continue;
		if (f->times > 0 && --f->times == 0)
			f->armed = false;
		struck++;
		return f;
	}
	return NULL;
}

bool
fails(enum call which)
{
	struct fault *f;

	counts[which]++;
	if (any_fails(which) || site_fails(which))
		return true;
	f = fault_due(which, false);
	if (f)
		errno = f->err;
	return f != NULL;
}

void
count(enum call which, int times)
{
	counts[which] += (unsigned long)times;
}

bool
may_fail(enum call which)
{
	for (int i = 0; i < FAULTS; i++)
		if (faults[i].armed && faults[i].which == which)
			return true;
	return any_filter && any_filter(which);
}

static size_t
cut(enum call which, size_t n)
{
	bool is_short = site_is_short() || fault_due(which, true);

	return n > 1 && is_short ? 1 : n;
}

static bool
is_allocation(enum call which)
{
	return which == CALL_malloc || which == CALL_calloc ||
		which == CALL_realloc;
}

/* NULL, -1 or another value that means failure, in the widest type. */
static intptr_t
failure(enum call which)
{
	if (which == CALL_getaddrinfo)
		return EAI_SYSTEM;
	return is_allocation(which) ? 0 : -1;
}

#define FAULTS_COUNTED(result, name, params, args)                             \
	static result counted_##name params                                    \
	{                                                                      \
		if (fails(CALL_##name))                                        \
			return (result)failure(CALL_##name);                   \
		return real_##name args;                                       \
	}

/* Where libc does not report the size of a block, bytes are not counted. */
static long
size_of(void *p)
{
#if defined(__linux__) || defined(__FreeBSD__)
	return (long)malloc_usable_size(p);
#elif defined(__APPLE__)
	return (long)malloc_size(p);
#else
	(void)p;
	return 0;
#endif
}

static void *
remember(void *p)
{
	if (p) {
		live_blocks++;
		live_bytes += size_of(p);
	}
	return p;
}

static void
forget(void *p)
{
	if (p) {
		live_blocks--;
		live_bytes -= size_of(p);
	}
}

static void *
real_malloc(size_t n)
{
	void *p = malloc(n);

	/*
	 * Fills new memory, so that a read of uninitialised bytes has an
	 * effect.
	 */
	if (p)
		memset(p, 0xa5, n);
	return remember(p);
}

static void *
real_calloc(size_t n, size_t size)
{
	return remember(calloc(n, size));
}

static void *
real_realloc(void *p, size_t n)
{
	forget(p);
	void *to = realloc(p, n);

	if (!to)
		return remember(p), NULL;
	return remember(to);
}

static void
real_free(void *p)
{
	forget(p);
	free(p);
}

static ssize_t
real_read(int fd, void *p, size_t n)
{
	return read(fd, p, cut(CALL_read, n));
}

static ssize_t
real_write(int fd, const void *p, size_t n)
{
	return write(fd, p, cut(CALL_write, n));
}

static ssize_t
real_send(int fd, const void *p, size_t n, int f)
{
	return send(fd, p, cut(CALL_send, n), f);
}

static ssize_t
real_sendto(int fd, const void *p, size_t n, int f, const struct sockaddr *a,
	socklen_t l)
{
	return sendto(fd, p, cut(CALL_sendto, n), f, a, l);
}

static ssize_t
real_writev(int fd, const struct iovec *v, int n)
{
	if (n > 0 && cut(CALL_writev, 2) == 1)
		return write(fd, v->iov_base, 1);
	return writev(fd, v, n);
}

static ssize_t
real_sendmsg(int fd, const struct msghdr *m, int f)
{
	if (m->msg_iovlen > 0 && cut(CALL_sendmsg, 2) == 1)
		return send(fd, m->msg_iov->iov_base, 1, f);
	return sendmsg(fd, m, f);
}

static ssize_t
real_pread(int fd, void *p, size_t n, off_t at)
{
	return pread(fd, p, cut(CALL_pread, n), at);
}

static ssize_t
real_recvfrom(
	int fd, void *p, size_t n, int f, struct sockaddr *a, socklen_t *l)
{
	return recvfrom(fd, p, cut(CALL_recvfrom, n), f, a, l);
}

static int
real_clock_gettime(clockid_t c, struct timespec *ts)
{
	if (!time_is_virtual || c != CLOCK_MONOTONIC)
		return clock_gettime(c, ts);
	ts->tv_sec = (time_t)(virtual_ns / 1000000000);
	ts->tv_nsec = (long)(virtual_ns % 1000000000);
	return 0;
}

bool
under_qemu(void)
{
	const char *under = getenv("UNDER");

	return under && strncmp(under, "qemu", 4) == 0;
}

bool
joined_are_supported(void)
{
	const uint16_t one = 1;

	return SOCLE__IS_LINUX && (*(const char *)&one || !under_qemu());
}

static bool
is_joining(int level, int option)
{
	return level == IPPROTO_UDP &&
		(option == UDP_GRO || option == UDP_SEGMENT);
}

/* As sockatmark(3), whose variable valgrind takes for input. */
static int
real_sockatmark(int fd)
{
	int at = 0;

	return ioctl(fd, SIOCATMARK, &at) < 0 ? -1 : at != 0;
}

static int
real_getsockopt(int fd, int level, int option, void *p, socklen_t *n)
{
	if (!is_joining(level, option) || joined_are_supported())
		return getsockopt(fd, level, option, p, n);
	errno = ENOPROTOOPT;
	return -1;
}

static int
real_setsockopt(int fd, int level, int option, const void *p, socklen_t n)
{
	if (!is_joining(level, option) || joined_are_supported())
		return setsockopt(fd, level, option, p, n);
	errno = ENOPROTOOPT;
	return -1;
}

static int
real_open(const char *path, int f)
{
	return open(path, f);
}

#ifdef __linux__
#define real_epoll_create1 epoll_create1
#endif
#if SOCLE__HAVE_KQUEUE
#define real_kqueue kqueue
#endif

#define real_shutdown shutdown
#define real_getaddrinfo getaddrinfo
#define real_recvmsg recvmsg
#define real_bind bind
#define real_listen listen
#define real_connect connect
#define real_close close
#define real_getsockname getsockname
#define real_getpeername getpeername
#define real_fstat fstat
#define real_lstat lstat
#define real_unlink unlink
#define real_dup2 dup2
#define real_sigaction sigaction
#define real_fork fork
#define real_execve execve
#define real_waitpid waitpid
#define real_kill kill

#define FAULTS_COUNTED_SHAPE(result, name, params, args)                       \
	static result counted_##name params                                    \
	{                                                                      \
		if (fails(CALL_##name))                                        \
			return (result)failure(CALL_##name);                   \
		return socle__libc_##name args;                                \
	}

static ssize_t
real_sendfile(int to, int from, off_t *at, size_t n)
{
	return socle__libc_sendfile(to, from, at, cut(CALL_sendfile, n));
}

/* It waits: see waiting.c. */
#define socle__libc_kevent real_kevent
#define socle__libc_sendfile real_sendfile

/* clang-format off */
SOCLE__SEAM_CALLS(FAULTS_COUNTED)
SOCLE__SEAM_SHAPES(FAULTS_COUNTED_SHAPE)
#undef socle__libc_kevent
#undef socle__libc_sendfile

#define FAULTS_FIELD(result, name, params, args) .name = counted_##name,
struct socle__seam socle__seam = {
	SOCLE__SEAM_CALLS(FAULTS_FIELD)
	SOCLE__SEAM_SHAPES(FAULTS_FIELD)
	.freeaddrinfo = freeaddrinfo,
	.free = real_free,
	.unix_full = SOCLE__UNIX_FULL,
	.accept_drops = SOCLE__ACCEPT_DROPS,
	.send_hides_error = SOCLE__SEND_HIDES_ERROR,
};
/* clang-format on */

#if SOCLE__HAVE_KQUEUE
/* The manual says that an interrupted call has made its changes. */
static int
interrupted_kevent(int kq, const struct kevent *c, int changes,
	struct kevent *e, int events, const struct timespec *t)
{
	int found = counted_kevent(kq, c, changes, e, events, t);

	for (int i = 0; found < 0 && errno == EINTR && i < changes; i++) {
		(void)socle__libc_kevent(kq, &c[i], 1, NULL, 0, NULL);
		errno = EINTR;
	}
	return found;
}

static __attribute__((constructor)) void
kevent_interruptible(void)
{
	socle__seam.kevent = interrupted_kevent;
}
#endif

void
seam_count_reset(void)
{
	for (int i = 0; i < CALLS; i++)
		counts[i] = 0;
	waits_made = 0;
}

void
seam_heal(void)
{
	memset(faults, 0, sizeof(faults));
	sites_heal();
	any_filter = NULL;
	any_at = any_seen = 0;
	any_which = CALLS;
	refusal = 0;
}

void
seam_reset(void)
{
	seam_heal();
	seam_count_reset();
	seam_around_waits(NULL, NULL);
	struck = 0;
	time_is_virtual = false;
	kevent_in_use = false;
}

unsigned long
seam_count(enum call which)
{
	return counts[which];
}

unsigned long
seam_system_calls(void)
{
	unsigned long sum = 0;

	for (enum call c = 0; c < CALLS; c++)
		if (!is_allocation(c) && c != CALL_clock_gettime &&
			c != CALL_change)
			sum += counts[c];
	return sum;
}

static void
arm(enum call which, unsigned long nth, int err, long times)
{
	for (int i = 0; i < FAULTS; i++) {
		if (faults[i].armed)
			continue;
		faults[i] = (struct fault){.which = which,
			.at = counts[which] + nth,
			.times = times,
			.err = err,
			.armed = true};
		return;
	}
	abort();
}

void
seam_fail(enum call which, unsigned long nth, int err, long times)
{
	arm(which, nth, err, times);
}

void
seam_short(enum call which, unsigned long nth, long times)
{
	arm(which, nth, 0, times);
}

unsigned long
seam_struck(void)
{
	return struck;
}

void
seam_watch_any(bool (*filter)(enum call which))
{
	any_filter = filter;
	any_seen = any_at = 0;
	any_which = CALLS;
}

void
seam_fail_any(unsigned long nth, int err)
{
	any_at = any_seen + nth;
	any_err = err;
}

unsigned long
seam_any_count(void)
{
	return any_seen;
}

enum call
seam_any_struck(void)
{
	return any_which;
}

long
seam_live_blocks(void)
{
	return live_blocks;
}

long
seam_live_bytes(void)
{
	return live_bytes;
}

void
seam_time_virtual(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	virtual_ns = (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
	time_is_virtual = true;
}

void
seam_time_add(double seconds)
{
	virtual_ns += (int64_t)(seconds * 1e9 + 0.5); /* i387 has more digits */
}

double
seam_time(void)
{
	return (double)virtual_ns / 1e9;
}
