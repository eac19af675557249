/* Retrying sends and receives that failed temporarily. */
#include "sockets/dgram/later.h"

#include "reactor/interest.h"
#include "reactor/reactor.h"

#include <string.h>

static void
try_again(struct socle_timer *t)
{
	struct socle_dgram *d =
		socle_container_of(t, struct socle_dgram, later);
	struct socle_socket *s = &d->sock;

	if (socle__has(s, SOCLE__READ_HELD)) {
		s->d.bits &= ~(uint32_t)SOCLE__READ_HELD;
		socle__descriptor_touch(&s->d);
		socle__socket_interest(s);
	}
	if (d->items > 0)
		socle__flush(s);
}

void
socle__dgram_try_later(struct socle_dgram *d, unsigned ms)
{
	struct socle__reactor *r = socle__reactor;
	int64_t at = socle__add_ns(socle__now_read(r), (int64_t)ms * 1000000);

	if (!socle_timer_pending(&d->later) || d->later.node.deadline > at)
		socle__timers_add(&r->timers, &d->later.node, at);
}

void
socle__dgram_clear(struct socle_dgram *d)
{
	memset((char *)d + sizeof(d->sock), 0, sizeof(*d) - sizeof(d->sock));
	socle__own_timer_init(&d->later, try_again);
}
