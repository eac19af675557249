/*
 * Protocols by name.  The common ones are in a table; the others are looked up
 * in the system's database.
 */
#include "sockets/names/protocol.h"

#include "sockets/names/lookup.h"

#include "seam.h"

#include <netinet/in.h>
#include <string.h>
#include <strings.h>

static const struct {
	const char *name;
	int number, type;
} known[] = {
	{"tcp", IPPROTO_TCP, SOCK_STREAM},
	{"udp", IPPROTO_UDP, SOCK_DGRAM},
	{"icmp", IPPROTO_ICMP, SOCK_RAW},
	{"ipv6-icmp", IPPROTO_ICMPV6, SOCK_RAW},
	{"icmp6", IPPROTO_ICMPV6, SOCK_RAW},
	{"sctp", 132, SOCK_STREAM},
	{"udplite", 136, SOCK_DGRAM},
	{"ip", IPPROTO_IP, 0},
};
enum { KNOWN = sizeof(known) / sizeof(known[0]) };

int
socle__protocol(const char *text, int *type)
{
	int number = text && *text ? socle__number(text, 255) : 0;

	for (int i = 0; number < 0 && i < KNOWN; i++)
		if (strcasecmp(known[i].name, text) == 0)
			number = known[i].number;
	if (number < 0)
		number = sys_protocol(text);
	if (number < 0)
		return -EPROTONOSUPPORT;
	for (int i = 0; *type == 0 && i < KNOWN; i++)
		if (known[i].number == number)
			*type = known[i].type;
	return number;
}
