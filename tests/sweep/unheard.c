/* unheard.h describes the tables. */
#include "tests/sweep/unheard.h"

#include "socle.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* The first that fits says why. */
static const struct place {
	const char *file, *function, *call; /* NULL: any */
	int err; /* 0: any; negative: all but this one */
	const char *why;
} unheard[] = {
#define AGAIN "it is tried again before the next wait"
	{"reactor/epoll.c", "epoll_reopen", NULL, 0,
		"it is tried again at the next stale event"},
	{"reactor/epoll.c", "change", "epoll_ctl", 0, AGAIN},
	{"reactor/epoll.c", "removal", "epoll_ctl", 0,
		"the fd is closed, or its events are dropped"},
	{"reactor/kqueue.c", "ask", "kevent", 0, "it is asked again"},
	{"reactor/kqueue.c", "send_now", "kevent", 0, AGAIN},
	{"reactor/kqueue.c", "queue_make", "fcntl", 0,
		"no child inherits a kqueue"},
	{"reactor/kqueue.c", "goes_without", "fcntl", 0,
		"the filter that was refused is an error"},
	{"reactor/interest.c", "socle__fd_is_gone", "fcntl", 0,
		"the fd is not known to be gone"},
	{"reactor/poll.c", "has_no_input", "unread", 0,
		"the next read finds out"},
	{"reactor/poll.c", "both_have_ended", "poll", 0,
		"it counts as ended, as poll(2) has said"},
	{"reactor/mailbox.c", "wake_ready", "read", 0,
		"the loop has been woken without the bytes"},
	{"reactor/signals.c", "is_installed", "sigaction", 0,
		"the action of a signal that is not ours any more"},
	{"reactor/signals.c", "action_restore", "sigaction", 0,
		"the signal keeps its action"},
	{"sockets/cork.c", "socle_tcp_cork", "setsockopt", ENOPROTOOPT,
		"only TCP has a cork"},
	{"sockets/cork.c", "socle_tcp_cork", "setsockopt", EINVAL,
		"a connection that is dead cannot be corked"},
	{"sockets/dispatch.c", "has_unread", "unread", 0,
		"the next read finds out"},
	{"sockets/linger.c", "is_tcp", "getsockopt", 0,
		"the socket is closed at once"},
	{"sockets/names/socket_error.c", "socle__socket_error", "getsockopt", 0,
		"a transfer has returned the error, or will"},
#define FILE_STAYS "the file stays; bind(2) says that it is there"
	{"sockets/names/unix_file.c", NULL, NULL, 0, FILE_STAYS},
	{"sockets/factory/bind.c", "socle__factory_unlink", "unlink", 0,
		"the file stays"},
	{"sockets/factory/bind.c", "file_is_own", "lstat", 0, "the file stays"},
	{"sockets/factory/bind.c", "file_remember", "lstat", 0,
		"the file stays"},
	{"sockets/factory/bind.c", "option", "setsockopt", 0,
		"TCP_NODELAY affects only speed"},
	{"sockets/timeouts.c", "ready_now", "poll", 0,
		"the timer asks again later"},
	{"sockets/write/file.c", "fill", "malloc", 0, AGAIN},
	{"sockets/write/file.c", "file_read", "readable", 0, AGAIN},
	{"sockets/write/file.c", "file_read", NULL, ENOMEM, AGAIN},
	{"sockets/write/file.c", "file_read", NULL, ENOBUFS, AGAIN},
	{"sockets/write/file.c", "file_read", NULL, EAGAIN, AGAIN},
	{"sockets/write/file.c", "file_read", "pread", ESPIPE,
		"it is read as a pipe"},
#define BY_HAND "the file is read and sent"
	{"sockets/write/file.c", "flush_by_kernel", "sendfile", EINVAL,
		BY_HAND},
	{"sockets/write/file.c", "flush_by_kernel", "sendfile", ENOSYS,
		BY_HAND},
	{"sockets/write/file.c", "flush_by_kernel", "sendfile", EOPNOTSUPP,
		BY_HAND},
	{"sockets/factory/accept.c", "reserve_take", "open", 0,
		"the fd for shedding is opened later"},
	{"sockets/factory/attempt.c", "socle__attempt_result", "getpeername",
		ENOTCONN, "still connecting"},
	{"sockets/write/file.c", "is_real_end", "fstat", 0,
		"the file counts as cut"},
	{"sockets/write/file.c", "file_measure", "pread", 0,
		"it is read to its end"},
#define NO_LINGER "it is closed at once, as without lingering"
	{"sockets/linger.c", "discard", "read", 0, NO_LINGER},
	{"sockets/linger.c", "socle__close_or_linger", "shutdown", 0,
		NO_LINGER},
	{"sockets/close.c", NULL, NULL, 0, "the file does not block again"},
	{"sockets/fd_mode.c", "socle__fd_mode_block", NULL, 0,
		"the file does not block again"},
	{"reactor/parking.c", "may_get_a_writer", "fstat", 0,
		"its next writer is not noticed"},
	{"reactor/backend.c", "socle__batch_reserve", "realloc", 0,
		"each wait reports fewer events"},
	{"reactor/kqueue.c", "room_set", "realloc", 0,
		"each wait reports fewer events"},
	{"sockets/io/connect.c", "connect_untimed", "fcntl", 0,
		"it does not wait for a full backlog"},
#define STAYS "the memory stays in use"
	{"reactor/backend.c", "socle__batch_shrink", "realloc", 0, STAYS},
	{"reactor/backend.c", "socle__places_shrink", "realloc", 0, STAYS},
	{"reactor/map.c", "socle__map_shrink", "realloc", 0, STAYS},
	{"reactor/poll.c", "poll_shrink", "realloc", 0, STAYS},
	{"reactor/kqueue.c", "kqueue_shrink", "realloc", 0, STAYS},
	{"reactor/signals.c", "socle__catch_sigpipe", "sigaction", 0,
		"SIGPIPE keeps its action"},
	{"reactor/log.c", "log_to_stderr", "write", 0, "the message is lost"},
	{"sockets/io/plan.c", "options_set", "setsockopt", 0,
		"it receives over IPv6 alone, as on OpenBSD"},
	{"sockets/io/connect.c", "socle__io_connect_ended", "getpeername",
		ENOTCONN, "still connecting"},
	{"sockets/io/connected.c", NULL, "getpeername", ENOTCONN,
		"it is not connected"},
	{"sockets/io/connected.c", NULL, "getpeername", EINVAL,
		"it is not connected"},
	{"sockets/io/data.c", "option_of", "getsockopt", ENOPROTOOPT,
		"a system without the option knows it otherwise"},
	{"sockets/io/data.c", "socle_io_autoflush", "setsockopt", ENOPROTOOPT,
		"only TCP has the option"},
	{"sockets/io/connect.c", "is_connected_to_itself", "getpeername", 0,
		"whether a socket is connected to itself"},
	{"sockets/names/own_peer.c", NULL, "getsockname", 0,
		"whether a socket is connected to itself"},
#define JOINING "joining affects only speed"
	{"sockets/dgram/options.c", "socle__dgram_join_out", NULL, 0, JOINING},
	{"sockets/dgram/options.c", "socle__dgram_join_in", NULL, 0, JOINING},
	{"sockets/dgram/options.c", "socle__dgram_join_in_end", "poll", 0,
		JOINING},
	{"sockets/dgram/options.c", "socle__dgram_join_in_abandon", "recvmsg",
		0, "the datagrams are discarded"},
	{"sockets/dgram/open.c", "receive_at", "setsockopt", 0,
		"it receives over IPv6 alone"},
	{"sockets/dgram/open.c", "send_to", "bind", 0,
		"the peer cannot answer"},
	{"sockets/dgram/writer.c", "writer_make", "fcntl", 0,
		"children that call execve(2) inherit the fd"},
	{"sockets/dgram/room.c", "take", "malloc", 0,
		"the datagrams stay in the kernel for a while"},
	{"sockets/dgram/options.c", "name_of", "getsockname", 0,
		"the address that a datagram was sent to has no port"},
	{"sockets/dgram/call.c", NULL, "sendmmsg", ENOSYS,
		"they are sent one by one"},
	{"sockets/dgram/call.c", NULL, "sendmsg", EMSGSIZE,
		"joined datagrams are sent one by one"},
	{"sockets/dgram/call.c", NULL, "sendmsg", ENETUNREACH,
		"the kernel chooses the source address"},
	{"sockets/dgram/receive.c", NULL, "recvmmsg", ENOSYS,
		"they are received one by one"},
	{"sockets/factory/passed.c", "is_of_kind", "getsockopt", 0,
		"the socket counts as one of another kind"},
	{"sockets/factory/passed.c", "is_bound_to", "getsockname", 0,
		"the socket counts as bound elsewhere"},
	{"sockets/factory/passed.c", "socle__passed_ready", "send", 0,
		"the predecessor hears of the end of the stream"},
	{"sockets/factory/bind.c", "socle__factory_inherit_file", "getsockname",
		0, "the file stays"},
	{"daemon/service.c", "socle_service_listen", "setsockopt", 0,
		"TCP_NODELAY affects only speed"},
	{"daemon/service.c", "say", "setsockopt", 0,
		"a manager that does not read is not waited for"},
	{"sockets/factory/passed.c", "close_on_exec", "fcntl", 0,
		"there is no predecessor"},
	{"daemon/restart.c", "name_of", NULL, 0,
		"it is not passed; the new program finds the address in use"},
	{"reactor/spawn.c", "signals_restore", NULL, 0,
		"there is no such signal"},
	{"daemon/restart.c", "child_end", NULL, 0,
		"the failure is reported in any case"},
#define NO_COUNTER "the profile lacks an item"
	{"profiling/calls.c", NULL, NULL, 0, NO_COUNTER},
	{"profiling/report.c", "snapshot_take", "calloc", 0, NO_COUNTER},
};
enum { UNHEARD = sizeof(unheard) / sizeof(unheard[0]) };

static const struct place impossible[] = {
#define WAKE_UP                                                                \
	"it is an eventfd or a pipe of ours, and EAGAIN means that it is full"
	{"reactor/mailbox.c", "wake_write", "write", -EINTR, WAKE_UP},
	{"reactor/mailbox.c", "wake_ready", "read", -EINTR, WAKE_UP},
	{"reactor/kqueue.c", "ask", "kevent", EBADF,
		"the queue is open; test_own_fds.c closes it"},
	{"sockets/dgram/call.c", NULL, NULL, SHORT, "a datagram is sent whole"},
	{"reactor/interest.c", "socle__fd_is_gone", "fcntl", EBADF,
		"the fd is open; test_own_fds.c closes it"},
	{"sockets/names/unix_file.c", "is_unbound", "connect", EINTR,
		"connecting such a socket does not wait"},
};
enum { IMPOSSIBLE = sizeof(impossible) / sizeof(impossible[0]) };

static const struct place repeated[] = {
	{NULL, NULL, "close", 0, "each is another fd"},
	{"sockets/dgram/options.c", "socle__dgram_join_in_abandon", NULL, 0,
		"1024 times at most"},
	{"reactor/epoll.c", "removal", NULL, 0,
		"the kernel reports what it refuses to forget"},
	{"reactor/kqueue.c", "send_now", NULL, 0,
		"the kernel reports what it refuses to forget"},
	{"reactor/epoll.c", "epoll_reopen", NULL, 0,
		"stale events come until it succeeds"},
};
enum { REPEATED = sizeof(repeated) / sizeof(repeated[0]) };

static const struct place unreached[] = {
#define IN_A_CHILD "in a child that is to be another program; test_restart.c"
	{"reactor/spawn.c", "signals_restore", NULL, 0, IN_A_CHILD},
	{"reactor/spawn.c", "others_close", NULL, 0, IN_A_CHILD},
	{"reactor/spawn.c", "fds_move", NULL, 0, IN_A_CHILD},
	{"reactor/spawn.c", "become", NULL, 0, IN_A_CHILD},
	{"reactor/spawn.c", "run", NULL, 0, IN_A_CHILD},
	{"reactor/kqueue.c", "goes_without", "fcntl", 0,
		"only OpenBSD refuses the filter; test_kqueue_kernels.c"},
};
enum { UNREACHED = sizeof(unreached) / sizeof(unreached[0]) };

static bool
is_named(const char *name, const char *is)
{
	return !name || strcmp(name, is) == 0;
}

static bool
covers(const struct place *p, int err)
{
	if (p->err == 0 || p->err == err)
		return true;
	return p->err < SHORT && err != -p->err;
}

static const char *
look_up(const struct place *p, int n, const struct socle__site *s, int err)
{
	for (int i = 0; i < n; i++)
		if (is_named(p[i].file, s->file) &&
			is_named(p[i].function, s->function) &&
			is_named(p[i].call, s->call) && covers(&p[i], err))
			return p[i].why;
	return NULL;
}

const char *
why_impossible(const struct socle__site *s, int err)
{
	return look_up(impossible, IMPOSSIBLE, s, err);
}

const char *
why_unheard(const struct socle__site *s, int err)
{
	return look_up(unheard, UNHEARD, s, err);
}

const char *
why_repeated(const struct socle__site *s)
{
	return look_up(repeated, REPEATED, s, 0);
}

/* Of a backend that this run does not use, or that has no use for it. */
static bool
is_of_another_backend(const struct socle__site *s)
{
	static const char *const backends[] = {"epoll", "kqueue", "poll"};
	const char *used = getenv("SOCLE_BACKEND");
	char file[32];

	for (int i = 0; used && i < 3; i++) {
		snprintf(file, sizeof(file), "reactor/%s.c", backends[i]);
		if (strcmp(file, s->file) == 0)
			return strcmp(used, backends[i]) != 0;
	}
	if (!used)
		return false;
	if (strncmp(s->function, "socle__places_", 14) == 0)
		return strcmp(used, "epoll") == 0;
	return strcmp(s->file, "reactor/parking.c") == 0 &&
		strcmp(used, "poll") == 0;
}

const char *
why_unreached(const struct socle__site *s)
{
	if (is_of_another_backend(s))
		return "another backend has it";
	return look_up(unreached, UNREACHED, s, 0);
}
