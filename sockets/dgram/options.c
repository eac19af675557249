/*
 * Socket options of datagram objects, and the kernel's control messages: the
 * address that a datagram was sent to, joined datagrams, queued errors.
 *
 * Systems differ in the first (see system.h); the other two are specific to
 * Linux.
 */
#include "sockets/dgram/options.h"

#include "sockets/names/socket_type.h"

#include "seam.h"

#include <string.h>

enum { DISCARDED_MOST = 1024 }; /* a flood must not hold the loop */

int
socle__dgram_type(int fd, uint32_t *flags)
{
	int type = socle__socket_type(fd);

	*flags = 0;
	if (type < 0)
		return type;
	if (type == SOCK_STREAM)
		*flags = SOCLE__DGRAM_ENDS | SOCLE__DGRAM_OUT_ENDS |
			SOCLE__DGRAM_PIECES | SOCLE__DGRAM_IN_STREAM;
	else if (type == SOCK_SEQPACKET)
		*flags = SOCLE__DGRAM_ENDS | SOCLE__DGRAM_OUT_ENDS;
	return 0;
}

static int
name_of(int fd, struct socle_addr *ret)
{
	ret->len = sizeof(ret->u);
	ret->u.sa.sa_family = AF_UNSPEC;
	return sys_getsockname(fd, &ret->u.sa, &ret->len) < 0 ? -errno : 0;
}

int
socle__dgram_pktinfo(int fd, bool on)
{
	struct socle_addr a;
	int value = on, err = name_of(fd, &a);

	if (err < 0)
		return err;
	if (a.u.sa.sa_family == AF_INET)
		err = sys_setsockopt(
			fd, IPPROTO_IP, SOCLE__IP_ASK, &value, sizeof(value));
	else if (a.u.sa.sa_family == AF_INET6)
		err = sys_setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &value,
			sizeof(value));
	else
		return -EOPNOTSUPP;
	return err < 0 ? -errno : 0;
}

bool
socle__dgram_join_in(int fd, bool on)
{
	int value = on;

	return UDP_GRO >= 0 &&
		sys_setsockopt(
			fd, IPPROTO_UDP, UDP_GRO, &value, sizeof(value)) == 0;
}

bool
socle__dgram_join_in_end(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	if (!socle__dgram_join_in(fd, false))
		return false;
	if (sys_poll(&p, 1, 0) == 0)
		return true;
	(void)socle__dgram_join_in(fd, true);
	return false;
}

void
socle__dgram_join_in_abandon(int fd)
{
	struct msghdr m = {.msg_iov = NULL};
	ssize_t n;

	(void)socle__dgram_join_in(fd, false);
	for (int i = 0; i < DISCARDED_MOST; i++) {
		n = sys_recvmsg(fd, &m, MSG_DONTWAIT);
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			break;
	}
}

/* The option can be read only on UDP sockets of a kernel that supports it. */
bool
socle__dgram_join_out(int fd)
{
	int value = 0;
	socklen_t len = sizeof(value);

	return UDP_SEGMENT >= 0 &&
		sys_getsockopt(fd, IPPROTO_UDP, UDP_SEGMENT, &value, &len) == 0;
}

/* ---- control data of received messages ---- */

size_t
socle__dgram_control_len(const struct socle_dgram *d)
{
	size_t len = 0;

	if (d->flags & SOCLE__DGRAM_PKT)
		len += CMSG_SPACE(sizeof(struct in6_addr) + sizeof(int));
	if (d->flags & SOCLE__DGRAM_JOINED_IN)
		len += CMSG_SPACE(sizeof(int));
	/* and space for control data that the application requested */
	return len ? len + 4 * CMSG_SPACE(sizeof(int)) : 0;
}

/* Asked once: a socket that has received keeps its port. */
static uint16_t
our_port(struct socle_dgram *d)
{
	struct socle_addr a;

	if (d->port == 0 && name_of(d->sock.d.fd, &a) == 0)
		d->port = a.u.sa.sa_family == AF_INET6 ? a.u.in6.sin6_port
						       : a.u.in.sin_port;
	return d->port;
}

static void
to_clear(struct socle_packet *p, int family, size_t len)
{
	memset(&p->to, 0, sizeof(p->to));
	p->to.len = (socklen_t)len;
	p->to.u.sa.sa_family = (sa_family_t)family;
	socle__sockaddr_len(&p->to.u.sa, (socklen_t)len);
}

static void
read_ip6(struct socle_dgram *d, struct cmsghdr *c, struct socle_packet *p)
{
	struct in6_pktinfo info;

	if (c->cmsg_type != IPV6_PKTINFO)
		return;
	memcpy(&info, CMSG_DATA(c), sizeof(info));
	to_clear(p, AF_INET6, sizeof(p->to.u.in6));
	p->to.u.in6.sin6_addr = info.ipi6_addr;
	p->to.u.in6.sin6_port = our_port(d);
	p->ifindex = (int)info.ipi6_ifindex;
	if (IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr))
		p->to.u.in6.sin6_scope_id = (uint32_t)info.ipi6_ifindex;
}

static void
read_ip4(struct socle_dgram *d, struct cmsghdr *c, struct socle_packet *p)
{
	struct socle__ip_info info;

	if (c->cmsg_type != SOCLE__IP_TOLD)
		return;
	memcpy(&info, CMSG_DATA(c), sizeof(info));
	to_clear(p, AF_INET, sizeof(p->to.u.in));
	p->to.u.in.sin_addr = info.ipi_addr;
	p->to.u.in.sin_port = our_port(d);
	p->ifindex = socle__ip_info_ifindex(&info);
}

size_t
socle__dgram_control_read(
	struct socle_dgram *d, struct msghdr *m, struct socle_packet *p)
{
	size_t segment = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c;
		c = socle__cmsg_next(m, c)) {
		if (c->cmsg_level == IPPROTO_IP) {
			read_ip4(d, c, p);
		} else if (c->cmsg_level == IPPROTO_IPV6) {
			read_ip6(d, c, p);
		} else if (c->cmsg_level == IPPROTO_UDP &&
			c->cmsg_type == UDP_GRO) {
			int each = 0;

			memcpy(&each, CMSG_DATA(c), sizeof(each));
			segment = each > 0 ? (size_t)each : 0;
		}
	}
	return segment;
}

/* ---- control data of sent messages ---- */

/*
 * A message without control data must have no pointer to any: the BSDs refuse
 * one beside a length of 0.  So it is set here.
 */
static void *
control_add(struct msghdr *m, char *room, int level, int type, size_t len)
{
	char *at = room + m->msg_controllen;
	struct cmsghdr *c = (struct cmsghdr *)(void *)at;

	memset(at, 0, CMSG_SPACE(len));
	m->msg_control = room;
	c->cmsg_level = level;
	c->cmsg_type = type;
	c->cmsg_len = (socklen_t)CMSG_LEN(len);
	m->msg_controllen += (socklen_t)CMSG_SPACE(len);
	return CMSG_DATA(c);
}

void
socle__dgram_control_source(
	struct msghdr *m, char *room, const struct socle__dgram_source *source)
{
	if (source->family == AF_INET6) {
		struct in6_pktinfo info = {.ipi6_addr = source->u.in6};

		memcpy(control_add(m, room, IPPROTO_IPV6, IPV6_PKTINFO,
			       sizeof(info)),
			&info, sizeof(info));
	} else if (SOCLE__IP_FROM >= 0) {
		struct socle__ip_info info = socle__ip_info_from(source->u.in);

		memcpy(control_add(m, room, IPPROTO_IP, SOCLE__IP_FROM,
			       sizeof(info)),
			&info, sizeof(info));
	}
}

void
socle__dgram_control_segment(struct msghdr *m, char *room, size_t segment)
{
	uint16_t each = (uint16_t)segment;

	memcpy(control_add(m, room, IPPROTO_UDP, UDP_SEGMENT, sizeof(each)),
		&each, sizeof(each));
}

/* ---- the error queue of a socket with IP_RECVERR ---- */

#if SOCLE__HAVE_ERRQUEUE
static int
error_of(struct msghdr *m)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c;
		c = socle__cmsg_next(m, c)) {
		struct socle__kept_error e;

		if (!(c->cmsg_level == IPPROTO_IP &&
			    c->cmsg_type == IP_RECVERR) &&
			!(c->cmsg_level == IPPROTO_IPV6 &&
				c->cmsg_type == IPV6_RECVERR))
			continue;
		memcpy(&e, CMSG_DATA(c), sizeof(e));
		if (e.origin == SOCLE__ERROR_LOCAL ||
			e.origin == SOCLE__ERROR_ICMP ||
			e.origin == SOCLE__ERROR_ICMP6)
			return -(int)e.number;
	}
	return 1;
}
#endif

bool
socle__dgram_keeps_errors(int fd)
{
	struct socle_addr a;

	return SOCLE__HAVE_ERRQUEUE && name_of(fd, &a) == 0 &&
		(a.u.sa.sa_family == AF_INET || a.u.sa.sa_family == AF_INET6);
}

int
socle__dgram_kept_error(int fd)
{
#if SOCLE__HAVE_ERRQUEUE
	union {
		char room[512];
		struct cmsghdr align;
	} control;
	char datagram; /* of the one that failed; qemu needs a buffer */
	struct iovec iov = {&datagram, 1};
	struct msghdr m = {.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control)};
	ssize_t n;

	do
		n = sys_recvmsg(fd, &m, MSG_ERRQUEUE | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	return n < 0 ? 0 : error_of(&m);
#else
	(void)fd;
	return 0;
#endif
}
