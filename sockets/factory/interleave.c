/*
 * The order in which addresses are tried (RFC 8305).  Works in place: at each
 * position the next address of the other family is moved up, if there is one.
 */
#include "sockets/factory/interleave.h"

#include <string.h>

void
socle__interleave(struct socle_addr *addrs, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		sa_family_t last = addrs[i - 1].u.sa.sa_family;
		struct socle_addr up;
		size_t j = i;

		while (j < n && addrs[j].u.sa.sa_family == last)
			j++;
		if (j == n)
			return;
		up = addrs[j];
		memmove(&addrs[i + 1], &addrs[i], (j - i) * sizeof(up));
		addrs[i] = up;
	}
}
