/*
 * Addresses whose zone is the name of an interface.  The name is looked up, which
 * socle_addr_parse() never does, and replaced by the number of the interface.
 */
#include "sockets/names/zone.h"

#include "sockets/names/lookup.h"

#include "system.h"

#include <net/if.h>
#include <stdio.h>
#include <string.h>

/* The length of the zone's name at the start of `zone'; 0: it is no name. */
static size_t
name_length(const char *zone)
{
	size_t n = strcspn(zone, "]");

	return strspn(zone, "0123456789") >= n || n >= IF_NAMESIZE ? 0 : n;
}

int
socle__addr_parse_zone(
	struct socle_addr *ret, const char *text, uint16_t default_port)
{
	char name[IF_NAMESIZE] = "", number[SOCLE_ADDR_TEXT_MAX];
	const char *zone = strchr(text, '%');
	struct socle_addr a;
	unsigned index;
	size_t n =
		zone && !socle__is_unix_text(text) ? name_length(zone + 1) : 0;
	int err;

	if (n == 0)
		return socle_addr_parse(ret, text, default_port);
	memcpy(name, zone + 1, n);
	index = if_nametoindex(name);
	if ((size_t)snprintf(number, sizeof(number), "%.*s%%%u%s",
		    (int)(zone - text), text, index,
		    zone + 1 + n) >= sizeof(number))
		return -EINVAL;
	err = socle_addr_parse(&a, number, default_port);
	if (err < 0 || index == 0)
		return err < 0 ? err : -ENODEV;
	*ret = a;
	return 0;
}
