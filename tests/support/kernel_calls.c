/*
 * The calls that other kernels answer in another way than Linux, apart from
 * those that wait: what tests/kqueue/kernels.h lists last. They are put into the
 * seam before main() and ask for the kernel in each call. A fault that a test
 * has armed comes first. The constants of the seam are those of the run.
 */
#include "tests/support/faults_private.h"

#ifdef KQUEUE_IS_EMULATED

#include "tests/kqueue/emulation.h"
#include "tests/kqueue/kernels.h"

#include <errno.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <unistd.h>

/* As the seam was. */
static struct socle__seam below;

static int
option(int fd, int name)
{
	int value = 0;
	socklen_t len = sizeof(value);

	return getsockopt(fd, SOL_SOCKET, name, &value, &len) < 0 ? -1 : value;
}

static int
fail(int err)
{
	errno = err;
	return -1;
}

/* A stream of which both directions are over. */
static bool
is_dead(int fd)
{
	const unsigned over = POLLHUP | POLLRDHUP;

	return (kq_state_of(fd) & over) == over &&
		option(fd, SO_TYPE) == SOCK_STREAM;
}

/* ---- sending ---- */

/* The call is counted, unless it is made. */
static bool
is_dead_to_send(enum call which, int fd)
{
	if (!kernel()->dead_send_is_epipe || may_fail(which) || !is_dead(fd))
		return false;
	count(which, 1);
	return true;
}

static bool
is_unix_datagram(int fd)
{
	return option(fd, SO_DOMAIN) == AF_UNIX &&
		option(fd, SO_TYPE) == SOCK_DGRAM;
}

/* The result of a send, with this kernel's error. */
static ssize_t
sent(int fd, ssize_t n)
{
	if (n < 0 && errno == EAGAIN && kernel()->full_dgrams_have_name &&
		is_unix_datagram(fd))
		errno = ENOBUFS;
	return n;
}

static bool
is_short_control(const struct msghdr *m)
{
	return kernel()->short_control_refused && m->msg_control &&
		m->msg_controllen < sizeof(struct cmsghdr);
}

static ssize_t
kernel_write(int fd, const void *p, size_t n)
{
	return is_dead_to_send(CALL_write, fd) ? fail(EPIPE)
					       : below.write(fd, p, n);
}

static ssize_t
kernel_writev(int fd, const struct iovec *v, int n)
{
	return is_dead_to_send(CALL_writev, fd) ? fail(EPIPE)
						: below.writev(fd, v, n);
}

static ssize_t
kernel_send(int fd, const void *p, size_t n, int f)
{
	return is_dead_to_send(CALL_send, fd)
		? fail(EPIPE)
		: sent(fd, below.send(fd, p, n, f));
}

static ssize_t
kernel_sendto(int fd, const void *p, size_t n, int f, const struct sockaddr *a,
	socklen_t l)
{
	return is_dead_to_send(CALL_sendto, fd)
		? fail(EPIPE)
		: sent(fd, below.sendto(fd, p, n, f, a, l));
}

static ssize_t
kernel_sendmsg(int fd, const struct msghdr *m, int f)
{
	if (is_short_control(m))
		return fail(EINVAL);
	return is_dead_to_send(CALL_sendmsg, fd)
		? fail(EPIPE)
		: sent(fd, below.sendmsg(fd, m, f));
}

/* ---- many messages ---- */

static int
kernel_sendmmsg(int fd, struct socle__message *m, unsigned n, int f)
{
	return kernel()->no_mmsg ? (int)fail(ENOSYS)
				 : below.sendmmsg(fd, m, n, f);
}

static int
kernel_recvmmsg(int fd, struct socle__message *m, unsigned n, int f)
{
	return kernel()->no_mmsg ? (int)fail(ENOSYS)
				 : below.recvmmsg(fd, m, n, f);
}

/* ---- options ---- */

static int
kernel_getsockopt(int fd, int level, int name, void *p, socklen_t *n)
{
	int result = below.getsockopt(fd, level, name, p, n);
	int *value = p;

	if (result < 0 || level != SOL_SOCKET || *n != sizeof(*value))
		return result;
	if (name == SO_ACCEPTCONN && kq_listened(fd))
		*value = 1;
	if (name == SO_ERROR && *value == 0)
		*value = kqueue_listeners_error(fd) ? ECONNABORTED : 0;
	return result;
}

static int
kernel_setsockopt(int fd, int level, int name, const void *p, socklen_t n)
{
	if (kernel()->dead_refuses_options && is_dead(fd))
		return fail(EINVAL);
	return below.setsockopt(fd, level, name, p, n);
}

/* ---- connecting ---- */

static int
kernel_connect(int fd, const struct sockaddr *a, socklen_t n)
{
	int result = below.connect(fd, a, n);

	if (result < 0 && errno == EAGAIN && a->sa_family == AF_UNIX &&
		kernel()->full_backlog_refuses)
		errno = ECONNREFUSED;
	return result;
}

/* The client is lost. No fd is left for it: the limit is raised for one. */
static int
take_client(int fd)
{
	struct rlimit was, more;
	int client;

	if (!(kq_state_of(fd) & POLLIN))
		return EAGAIN;
	getrlimit(RLIMIT_NOFILE, &was);
	more = was;
	more.rlim_cur = more.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &more);
	client = accept(fd, NULL, NULL);
	(void)setrlimit(RLIMIT_NOFILE, &was);
	if (client >= 0)
		close(client);
	return EMFILE;
}

/* The error of accept where the listener was shut down. */
static int
error_of_shut(int fd)
{
	if (kernel()->shut_listener == SHUT_IS_ERROR)
		return kqueue_listeners_error(fd) ? ECONNABORTED : EAGAIN;
	return kernel_is(OPENBSD) ? ECONNABORTED : EAGAIN;
}

static int
kernel_accept4(int fd, struct sockaddr *a, socklen_t *n, int f)
{
	int result = below.accept4(fd, a, n, f);

	if (result >= 0)
		return result;
	if (errno == EMFILE && kernel()->accept_takes_client)
		return fail(take_client(fd));
	if (errno == EINVAL && kq_listened(fd))
		return fail(error_of_shut(fd));
	return result;
}

static __attribute__((constructor)) void
kernel_calls_put(void)
{
	below = socle__seam;
	socle__seam.write = kernel_write;
	socle__seam.writev = kernel_writev;
	socle__seam.send = kernel_send;
	socle__seam.sendto = kernel_sendto;
	socle__seam.sendmsg = kernel_sendmsg;
	socle__seam.sendmmsg = kernel_sendmmsg;
	socle__seam.recvmmsg = kernel_recvmmsg;
	socle__seam.getsockopt = kernel_getsockopt;
	socle__seam.setsockopt = kernel_setsockopt;
	socle__seam.connect = kernel_connect;
	socle__seam.accept4 = kernel_accept4;
	if (kernel_is(MANUAL))
		return;
	socle__seam.unix_full =
		kernel()->full_backlog_refuses ? ECONNREFUSED : EAGAIN;
	socle__seam.accept_drops = kernel()->accept_takes_client;
	socle__seam.send_hides_error = kernel()->dead_send_is_epipe;
}

#else
typedef int kernel_calls_are_the_kernels_own;
#endif
