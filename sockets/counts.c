/* counts.h describes the function. */
#include "sockets/counts.h"

SOCLE__NOINLINE void
socle__count_sent(
	struct socle_socket *s, ssize_t sent, size_t len, bool is_blocked)
{
	struct socle__counts *c = &socle__reactor->counts;

	if (sent < 0) {
		c->blocked_writes += is_blocked;
		return;
	}
	s->out += (uint64_t)sent;
	c->partial_writes += (size_t)sent < len;
}
