/*
 * Options of a dgram's socket, and what the kernel tells beside the data:
 * the address that was asked, joined datagrams, kept errors.
 *
 * Systems differ in the first (IP_PKTINFO, or IP_RECVDSTADDR for IPv4); the
 * other two are Linux's alone.
 */
#include "sockets/dgram_private.h"

#include "seam.h"

#include <string.h>

#ifdef __linux__
#include <linux/errqueue.h>
#include <netinet/udp.h>
#ifndef SOL_UDP
#define SOL_UDP 17
#endif
#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif
#endif

#ifdef IP_PKTINFO
enum { ASK_IP = IP_PKTINFO };
#else
enum { ASK_IP = IP_RECVDSTADDR };
#endif

int
socle__dgram_type(int fd, uint32_t *flags)
{
	int type = 0;
	socklen_t len = sizeof(type);

	*flags = 0;
	if (sys_getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) < 0)
		return -errno;
	if (type == SOCK_STREAM)
		*flags = SOCLE__DGRAM_ENDS | SOCLE__DGRAM_PIECES;
	else if (type == SOCK_SEQPACKET)
		*flags = SOCLE__DGRAM_ENDS;
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
			fd, IPPROTO_IP, ASK_IP, &value, sizeof(value));
#ifdef IPV6_PKTINFO
	else if (a.u.sa.sa_family == AF_INET6)
		err = sys_setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &value,
			sizeof(value));
#endif
	else
		return -EOPNOTSUPP;
	return err < 0 ? -errno : 0;
}

bool
socle__dgram_join_in(int fd, bool on)
{
#ifdef __linux__
	int value = on;

	return sys_setsockopt(fd, SOL_UDP, UDP_GRO, &value, sizeof(value)) == 0;
#else
	(void)fd;
	(void)on;
	return false;
#endif
}

/* Only a UDP socket of a kernel that knows of it has the option to read. */
bool
socle__dgram_join_out(int fd)
{
#ifdef __linux__
	int value = 0;
	socklen_t len = sizeof(value);

	return sys_getsockopt(fd, SOL_UDP, UDP_SEGMENT, &value, &len) == 0;
#else
	(void)fd;
	return false;
#endif
}

/* ---- what comes with a message ---- */

size_t
socle__dgram_control_len(const struct socle_dgram *d)
{
	size_t len = 0;

	if (d->flags & SOCLE__DGRAM_PKT)
		len += CMSG_SPACE(sizeof(struct in6_addr) + sizeof(int));
	if (d->flags & SOCLE__DGRAM_JOINED_IN)
		len += CMSG_SPACE(sizeof(int));
	/* and for some that others may have asked for */
	return len ? len + 4 * CMSG_SPACE(sizeof(int)) : 0;
}

/* The port is asked once: what has received has one, and keeps it. */
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
to_begins(struct socle_packet *p, int family, size_t len)
{
	memset(&p->to, 0, sizeof(p->to));
	p->to.len = (socklen_t)len;
	p->to.u.sa.sa_family = (sa_family_t)family;
#ifdef SIN6_LEN
	p->to.u.sa.sa_len = (uint8_t)len;
#endif
}

static void
read_to4(struct socle_dgram *d, struct in_addr to, struct socle_packet *p)
{
	to_begins(p, AF_INET, sizeof(p->to.u.in));
	p->to.u.in.sin_addr = to;
	p->to.u.in.sin_port = our_port(d);
}

static void
read_ip6(struct socle_dgram *d, struct cmsghdr *c, struct socle_packet *p)
{
#ifdef IPV6_PKTINFO
	struct in6_pktinfo info;

	if (c->cmsg_type != IPV6_PKTINFO)
		return;
	memcpy(&info, CMSG_DATA(c), sizeof(info));
	to_begins(p, AF_INET6, sizeof(p->to.u.in6));
	p->to.u.in6.sin6_addr = info.ipi6_addr;
	p->to.u.in6.sin6_port = our_port(d);
	p->ifindex = (int)info.ipi6_ifindex;
	if (IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr))
		p->to.u.in6.sin6_scope_id = (uint32_t)info.ipi6_ifindex;
#else
	(void)d;
	(void)c;
	(void)p;
#endif
}

static void
read_ip(struct socle_dgram *d, struct cmsghdr *c, struct socle_packet *p)
{
#ifdef IP_PKTINFO
	struct in_pktinfo info;

	if (c->cmsg_type != IP_PKTINFO)
		return;
	memcpy(&info, CMSG_DATA(c), sizeof(info));
	read_to4(d, info.ipi_addr, p);
	p->ifindex = (int)info.ipi_ifindex;
#else
	struct in_addr to;

	if (c->cmsg_type != IP_RECVDSTADDR)
		return;
	memcpy(&to, CMSG_DATA(c), sizeof(to));
	read_to4(d, to, p);
#endif
}

size_t
socle__dgram_control_read(
	struct socle_dgram *d, struct msghdr *m, struct socle_packet *p)
{
	size_t segment = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		if (c->cmsg_level == IPPROTO_IP) {
			read_ip(d, c, p);
		} else if (c->cmsg_level == IPPROTO_IPV6) {
			read_ip6(d, c, p);
		}
#ifdef __linux__
		else if (c->cmsg_level == SOL_UDP && c->cmsg_type == UDP_GRO) {
			int each = 0;

			memcpy(&each, CMSG_DATA(c), sizeof(each));
			segment = each > 0 ? (size_t)each : 0;
		}
#endif
	}
	return segment;
}

/* ---- what goes with a message ---- */

static void *
control_add(struct msghdr *m, int level, int type, size_t len)
{
	char *at = (char *)m->msg_control + m->msg_controllen;
	struct cmsghdr *c = (struct cmsghdr *)(void *)at;

	memset(at, 0, CMSG_SPACE(len));
	c->cmsg_level = level;
	c->cmsg_type = type;
	c->cmsg_len = (socklen_t)CMSG_LEN(len);
	m->msg_controllen += (socklen_t)CMSG_SPACE(len);
	return CMSG_DATA(c);
}

void
socle__dgram_control_source(
	struct msghdr *m, const struct socle__dgram_source *source)
{
#ifdef IPV6_PKTINFO
	if (source->family == AF_INET6) {
		struct in6_pktinfo info = {.ipi6_addr = source->u.in6};

		memcpy(control_add(m, IPPROTO_IPV6, IPV6_PKTINFO, sizeof(info)),
			&info, sizeof(info));
		return;
	}
#endif
#ifdef IP_PKTINFO
	struct in_pktinfo info = {.ipi_spec_dst = source->u.in};

	memcpy(control_add(m, IPPROTO_IP, IP_PKTINFO, sizeof(info)), &info,
		sizeof(info));
#elif defined(IP_SENDSRCADDR)
	memcpy(control_add(
		       m, IPPROTO_IP, IP_SENDSRCADDR, sizeof(struct in_addr)),
		&source->u.in, sizeof(struct in_addr));
#endif
}

void
socle__dgram_control_segment(struct msghdr *m, size_t segment)
{
#ifdef __linux__
	uint16_t each = (uint16_t)segment;

	memcpy(control_add(m, SOL_UDP, UDP_SEGMENT, sizeof(each)), &each,
		sizeof(each));
#else
	(void)m;
	(void)segment;
#endif
}

/* ---- errors that the kernel keeps for who asked for them ---- */

#ifdef __linux__
static int
error_of(struct msghdr *m)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		struct sock_extended_err e;

		if (!(c->cmsg_level == IPPROTO_IP &&
			    c->cmsg_type == IP_RECVERR) &&
			!(c->cmsg_level == IPPROTO_IPV6 &&
				c->cmsg_type == IPV6_RECVERR))
			continue;
		memcpy(&e, CMSG_DATA(c), sizeof(e));
		if (e.ee_origin == SO_EE_ORIGIN_LOCAL ||
			e.ee_origin == SO_EE_ORIGIN_ICMP ||
			e.ee_origin == SO_EE_ORIGIN_ICMP6)
			return -(int)e.ee_errno;
	}
	return 1;
}
#endif

int
socle__dgram_kept_error(int fd)
{
#ifdef __linux__
	union {
		char room[512];
		struct cmsghdr align;
	} control;
	struct msghdr m = {
		.msg_control = &control, .msg_controllen = sizeof(control)};
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
