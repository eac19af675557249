/* What a service manager passes, and what it wants to hear. */
#include "daemon/service.h"

#include "reactor/reactor.h"
#include "reactor/spawn.h"
#include "sockets/factory/bind.h"
#include "sockets/factory/passed.h"

#include "seam.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { STATUS_MOST = 1000, NAME_MOST = 255 };

/* ---- passed sockets ---- */

int
socle_service_fds(void)
{
	return socle__passed_fds();
}

int
socle_service_fd(int i, const char **name)
{
	return socle__passed_fd(i, name);
}

SOCLE__CONSTRUCTOR int
socle_service_listen(const char *where, const struct socle_class *cls,
	struct socle_factory **ret)
{
	int i = socle__passed_find(where, true), fd = SOCLE__FIRST_PASSED + i;
	int err, on = 1;

	if (i == -ENOENT && strncmp(where, "fd:", 3) != 0)
		return socle_listen(where, cls, ret);
	if (i < 0)
		return i;
	if ((err = socle_listen_on(fd, cls, NULL, ret)) < 0)
		return err;
	socle__passed_take(i, socle_factory_id(*ret));
	(void)sys_setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (strcmp(socle__passed_name(i), SOCLE__OWN_FILE) == 0)
		socle__factory_inherit_file(*ret);
	return 0;
}

int
socle_service_datagram(const char *where)
{
	int i = socle__passed_find(where, false);

	if (i < 0)
		return i;
	socle__passed_take(i, 0);
	return SOCLE__FIRST_PASSED + i;
}

/* ---- sending ---- */

/* 1; 0: there is no manager; -errno. */
static int
manager_find(struct socle_addr *ret)
{
	const char *name = getenv("NOTIFY_SOCKET");
	size_t len = name ? strlen(name) : 0;

	if (len == 0)
		return 0;
	if (*name != '/' && *name != '@')
		return -EINVAL;
	if (len >= sizeof(ret->u.un.sun_path))
		return -ENAMETOOLONG;
	memset(ret, 0, sizeof(*ret));
	ret->u.un.sun_family = AF_UNIX;
	memcpy(ret->u.un.sun_path, name, len);
	if (*name == '@')
		ret->u.un.sun_path[0] = '\0';
	else
		len++; /* its NUL */
	ret->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
	socle__sockaddr_len(&ret->u.sa, ret->len);
	return 1;
}

/* Sends a datagram, with a copy of `fd' unless that is -1. */
static int
datagram_send(int s, struct socle_addr *to, const char *text, int fd, int flags)
{
	union {
		struct cmsghdr head;
		char room[64]; /* CMSG_SPACE() is no constant everywhere */
	} control = {.head = {.cmsg_level = SOL_SOCKET,
			     .cmsg_type = SCM_RIGHTS,
			     .cmsg_len = CMSG_LEN(sizeof(int))}};
	struct iovec v = {
		.iov_base = (char *)(uintptr_t)text, .iov_len = strlen(text)};
	struct msghdr m = {.msg_name = &to->u.sa,
		.msg_namelen = to->len,
		.msg_iov = &v,
		.msg_iovlen = 1};

	memcpy(CMSG_DATA(&control.head), &fd, sizeof(fd));
	if (fd >= 0) {
		m.msg_control = &control;
		m.msg_controllen = (socklen_t)CMSG_SPACE(sizeof(int));
	}
	while (sys_sendmsg(s, &m, MSG_NOSIGNAL | flags) < 0)
		if (errno != EINTR)
			return -errno;
	return 1;
}

/* `flags': MSG_DONTWAIT, or 0, which waits a second at most. */
static int
say(const char *text, int fd, int flags)
{
	struct timeval second = {.tv_sec = 1};
	struct socle_addr to;
	int s, result = manager_find(&to);

	if (result <= 0)
		return result;
	s = sys_socket(AF_UNIX, SOCK_DGRAM | SOCLE__CLOEXEC, 0);
	if (s < 0)
		return -errno;
	if (sys_setsockopt(
		    s, SOL_SOCKET, SO_SNDTIMEO, &second, sizeof(second)) < 0)
		flags = MSG_DONTWAIT;
	result = datagram_send(s, &to, text, fd, flags);
	sys_close(s);
	return result;
}

int
socle_service_notify(const char *state)
{
	return say(state, -1, 0);
}

/* ---- states ---- */

int
socle_service_ready(void)
{
	int result = socle_service_notify("READY=1");

	return socle__passed_ready() && result == 0 ? 1 : result;
}

int
socle_service_reloading(void)
{
	char text[64];

	snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%lld",
		(long long)(socle__clock_ns() / 1000));
	return socle_service_notify(text);
}

int
socle_service_stopping(void)
{
	return socle_service_notify("STOPPING=1");
}

int
socle_service_status(const char *fmt, ...)
{
	char text[sizeof("STATUS=") + STATUS_MOST] = "STATUS=";
	size_t start = strlen(text);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text + start, sizeof(text) - start, fmt, ap);
	va_end(ap);
	for (char *c = text; *c; c++) /* a line could be another state */
		if (*c == '\n')
			*c = ' ';
	return say(text, -1, MSG_DONTWAIT);
}

/* ---- the watchdog ---- */

static void
watchdog_start(struct socle__reactor *r)
{
	socle__timers_add(&r->timers, &r->watchdog.node,
		socle__add_ns(socle__now_read(r), r->watchdog_ns));
}

/* A forked child does not answer for its parent. */
static void
watchdog_fired(struct socle_timer *t)
{
	struct socle__reactor *r = socle__reactor;

	(void)t;
	if (r->watchdog_forks != socle__forks)
		return;
	watchdog_start(r);
	(void)say("WATCHDOG=1", -1, MSG_DONTWAIT);
}

int
socle_service_watchdog(void)
{
	const char *usec = getenv("WATCHDOG_USEC");
	const char *pid = getenv("WATCHDOG_PID");
	struct socle__reactor *r = socle__reactor_get();
	struct socle_addr to;
	uint64_t us, id;

	if (!r)
		return -ENOMEM;
	if (!usec || manager_find(&to) == 0)
		return 0;
	if (pid && !socle__number_parse(pid, INT_MAX, &id))
		return -EINVAL;
	if (pid && (pid_t)id != getpid())
		return 0;
	if (!socle__number_parse(usec, INT64_MAX / 1000, &us) || us == 0)
		return -EINVAL;
	socle_timer_cancel(&r->watchdog);
	socle__own_timer_init(&r->watchdog, watchdog_fired);
	r->watchdog_ns = (int64_t)us * 500;
	r->watchdog_forks = socle__forks;
	watchdog_start(r);
	return 1;
}

/* ---- fds that the manager keeps ---- */

static int
store(const char *what, const char *name, int fd)
{
	char text[64 + NAME_MOST];
	size_t len = strlen(name);

	if (len == 0 || len > NAME_MOST)
		return -EINVAL;
	for (const char *c = name; *c; c++)
		if (*c < ' ' || *c > '~' || *c == ':')
			return -EINVAL;
	snprintf(text, sizeof(text), "%s=1\nFDNAME=%s", what, name);
	return say(text, fd, 0);
}

int
socle_service_store(int fd, const char *name)
{
	return fd < 0 ? -EBADF : store("FDSTORE", name, fd);
}

int
socle_service_unstore(const char *name)
{
	return store("FDSTOREREMOVE", name, -1);
}
