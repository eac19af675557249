/*
 * Where the kernels differ: kernels.h says what each line means.
 *
 * NetBSD 7.99.34 was run, except for FIFOs, ttys and fork(2). FreeBSD 13.0,
 * OpenBSD of mid-2025 and macOS 15.5 (XNU 11417.121.6) were read in their
 * sources.
 *
 * What all four have in common is in readiness.c: READ of a stream says EOF once
 * nothing more can be received, WRITE once nothing more can be sent, each with
 * the error in fflags until it is fetched; an error without an end is an
 * event without EOF. So a peer's FIN is READ and EOF alone, and a reset, a
 * refused connection and a closed AF_UNIX peer are EOF on both filters.
 *
 * What Linux' own sockets cannot be made to say, and no kernel here says:
 * - A peer that closes with our bytes unread is a reset. TCP on the BSDs sends a
 *   FIN, and AF_UNIX has no error on any of the four.
 * - A port that is bound and does not listen refuses. NetBSD, OpenBSD and macOS
 *   drop the SYN, and connecting goes on.
 * - An AF_UNIX datagram socket whose peer has closed has no error pending; send
 *   fails with ECONNREFUSED, not ECONNRESET.
 * - A listener that was shut down takes no more clients. On FreeBSD it does, with
 *   the old EOF in their events; kqueue_keep_listeners_end() stands for that.
 *   macOS refuses to shut it down.
 * - Sizes: pipes and buffers hold what Linux' hold. AF_UNIX has 4096 (NetBSD),
 *   8192 (FreeBSD, macOS) or 32768 bytes (OpenBSD) there.
 * - A backlog is as long as Linux makes it. On TCP a full one drops the SYN; it
 *   resets the client on FreeBSD.
 * - Pipes carry bytes in one direction. A read end that has room by its filter
 *   (FreeBSD, OpenBSD) refuses the write.
 * - ttys: OpenBSD takes an end back, and FreeBSD refuses a filter with ENXIO once
 *   the master is closed. Here they are all as Linux has them.
 * - sendfile(2) is Linux'.
 * - Numbers of errno are Linux'.
 */
#include "tests/kqueue/kernels.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct kernel kernels[] = {
	[MANUAL] =
		{
			.id = MANUAL,
			.name = "manual",
			.gone_pipe_refuses = EPIPE,
			.fifos_refuse_new = true,
			.queue_refuses_write = EINVAL,
			.delete_of_closed = EBADF,
		},
	[FREEBSD] =
		{
			.id = FREEBSD,
			.name = "freebsd",
			.gone_pipe_refuses = EPIPE,
			.gone_pipe_is_oneshot = true,
			.read_end_has_room = 4096,
			.read_end_ends_write = true,
			.full_peer_has_room = true,
			.shut_listener = SHUT_IS_ERROR,
			.queue_refuses_write = EINVAL,
			.delete_of_closed = EBADF,
			.poll = POLL_HUP_OF_BOTH,
			.short_control_refused = true,
			.no_mmsg = true,
			.full_backlog_refuses = true,
			.full_dgrams_have_name = true,
			.dead_send_is_epipe = true,
		},
	[NETBSD] =
		{
			.id = NETBSD,
			.name = "netbsd",
			.gone_pipe_refuses = EBADF,
			.full_pipe_sleeps = true,
			.addresses_count = true,
			.full_peer_has_room = true,
			.shut_listener = SHUT_ENDS_WRITE,
			.files_refuse_write = true,
			.queue_refuses_write = EPERM,
			.delete_of_closed = EBADF,
			.poll = POLL_HUP_OF_PIPES,
			.short_control_refused = true,
			.no_mmsg = true,
			.full_backlog_refuses = true,
			.full_dgrams_have_name = true,
			.dead_send_is_epipe = true,
		},
	[OPENBSD] =
		{
			.id = OPENBSD,
			.name = "openbsd",
			.full_pipe_sleeps = true,
			.read_end_has_room = 16384,
			.read_end_ends_write = true,
			.fifos_refuse_other = true,
			.addresses_count = true,
			.full_peer_has_room = true,
			.shut_listener = SHUT_ENDS_WRITE,
			.queue_refuses_write = EINVAL,
			.delete_of_closed = EBADF,
			.timeout_checked_first = true,
			.poll = POLL_HUP_OF_GONE,
			.short_control_refused = true,
			.no_mmsg = true,
			.full_backlog_refuses = true,
			.full_dgrams_have_name = true,
			.dead_send_is_epipe = true,
		},
	[MACOS] =
		{
			.id = MACOS,
			.name = "macos",
			.read_end_ends_write = true,
			.pipes_heed_mark = true,
			.fifos_are_endless = true,
			.marks_are_cut = true,
			.shut_listener = SHUT_IS_REFUSED,
			.devices_refuse = true,
			.queue_refuses_write = EINVAL,
			.delete_of_closed = ENOENT,
			.errors_keep_flags = true,
			.poll = POLL_IS_KQUEUE,
			.short_control_refused = true,
			.no_mmsg = true,
			.full_backlog_refuses = true,
			.full_dgrams_have_name = true,
			.dead_send_is_epipe = true,
			.accept_takes_client = true,
			.dead_refuses_options = true,
		},
};

#if defined(__APPLE__)
#define RUNNING MACOS
#elif defined(__FreeBSD__) || defined(__DragonFly__)
#define RUNNING FREEBSD
#elif defined(__NetBSD__)
#define RUNNING NETBSD
#elif defined(__OpenBSD__)
#define RUNNING OPENBSD
#else
#define RUNNING MANUAL
#endif

static const struct kernel *
kernel_named(const char *name)
{
	for (size_t i = 0; i < sizeof(kernels) / sizeof(kernels[0]); i++)
		if (strcmp(name, kernels[i].name) == 0)
			return &kernels[i];
	fprintf(stderr,
		"SOCLE_TEST_KERNEL=%s: there are freebsd, netbsd, "
		"openbsd and macos\n",
		name);
	abort();
}

/* Read before main(), so that no thread sees it change. */
static const struct kernel *this_kernel = &kernels[RUNNING];

static __attribute__((constructor(101))) void
kernel_read(void)
{
	const char *name = getenv("SOCLE_TEST_KERNEL");

	if (RUNNING == MANUAL && name && *name)
		this_kernel = kernel_named(name);
}

const struct kernel *
kernel(void)
{
	return this_kernel;
}

void
kernel_becomes(enum kernel_id id)
{
	this_kernel = &kernels[id];
}

bool
kernel_is(enum kernel_id id)
{
	return kernel()->id == id;
}
