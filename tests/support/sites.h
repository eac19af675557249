/*
 * The places of the library that make system calls and allocations.  The
 * Makefile has it included before each source of the library that is bound to
 * the seam: each call of a sys_ function then leaves the place that made it in
 * socle__site, for faults.c to count and to fail.  A place is known as soon as
 * it is linked, whether or not it is reached.  sys_free() and
 * sys_freeaddrinfo() have no result to fail with and are left out.
 */
#ifndef SOCLE_TESTS_SITES_H
#define SOCLE_TESTS_SITES_H

#include "seam.h"

struct socle__site {
	const char *file, *function, *call;
	int line;
	int number; /* in the list; see seam_sites() */
};

/*
 * The place of the call that this thread is making.  Weak, so that it is there
 * with any implementation of the seam.
 */
__attribute__((weak)) _Thread_local struct socle__site *socle__site;

#ifdef __APPLE__
#define SITES_SECTION "__DATA,socle_sites"
#else
#define SITES_SECTION "socle_sites"
#endif

/* The list holds pointers: the compiler leaves no gaps between those. */
#define SITE(name)                                                             \
	__extension__({                                                        \
		static struct socle__site socle__s = {                         \
			__FILE__, __func__, #name, __LINE__, 0};               \
		static struct socle__site *socle__listed                       \
			__attribute__((used, section(SITES_SECTION))) =        \
				&socle__s;                                     \
                                                                               \
		(void)socle__listed;                                           \
		socle__site = &socle__s;                                       \
		sys_##name;                                                    \
	})

#define sys_read SITE(read)
#define sys_write SITE(write)
#define sys_writev SITE(writev)
#define sys_send SITE(send)
#define sys_sendmsg SITE(sendmsg)
#define sys_sendto SITE(sendto)
#define sys_recvfrom SITE(recvfrom)
#define sys_recvmsg SITE(recvmsg)
#define sys_shutdown SITE(shutdown)
#define sys_sockatmark SITE(sockatmark)
#define sys_getaddrinfo SITE(getaddrinfo)
#define sys_bind SITE(bind)
#define sys_listen SITE(listen)
#define sys_connect SITE(connect)
#define sys_getsockname SITE(getsockname)
#define sys_getpeername SITE(getpeername)
#define sys_getsockopt SITE(getsockopt)
#define sys_setsockopt SITE(setsockopt)
#define sys_fstat SITE(fstat)
#define sys_lstat SITE(lstat)
#define sys_unlink SITE(unlink)
#define sys_open SITE(open)
#define sys_pread SITE(pread)
#define sys_close SITE(close)
#define sys_dup2 SITE(dup2)
#define sys_poll SITE(poll)
#define sys_sigaction SITE(sigaction)
#define sys_fork SITE(fork)
#define sys_execve SITE(execve)
#define sys_waitpid SITE(waitpid)
#define sys_kill SITE(kill)
#define sys_clock_gettime SITE(clock_gettime)
#define sys_malloc SITE(malloc)
#define sys_calloc SITE(calloc)
#define sys_realloc SITE(realloc)
#define sys_epoll_create1 SITE(epoll_create1)
#define sys_epoll_ctl SITE(epoll_ctl)
#define sys_epoll_wait SITE(epoll_wait)
#define sys_kqueue SITE(kqueue)
#define sys_kevent SITE(kevent)
#define sys_socket SITE(socket)
#define sys_socketpair SITE(socketpair)
#define sys_accept4 SITE(accept4)
#define sys_dup3 SITE(dup3)
#define sys_wake_fds SITE(wake_fds)
#define sys_sendfile SITE(sendfile)
#define sys_readable SITE(readable)
#define sys_recvmmsg SITE(recvmmsg)
#define sys_sendmmsg SITE(sendmmsg)
#define sys_fcntl SITE(fcntl)
#define sys_unread SITE(unread)
#define sys_getrusage SITE(getrusage)
#define sys_fd_limit SITE(fd_limit)
#define sys_peer_uid SITE(peer_uid)
#define sys_protocol SITE(protocol)
#define sys_lock_file SITE(lock_file)
#define sys_signals_block SITE(signals_block)
#define sys_close_above SITE(close_above)
#define sys_thread_create SITE(thread_create)

#endif
