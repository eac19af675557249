/*
 * Calling a datagram object's handlers: those of the object, else those of
 * its class.
 */
#include "sockets/dgram/events.h"

void
socle__dgram_recv_error(struct socle_dgram *d, int err)
{
	struct socle__callback c;

	socle__object_callback_begin(&d->sock, &c, SOCLE__ITEM_ERR);
	(d->p.on_recv_error ? d->p.on_recv_error
			    : socle__dgram_class_of(d)->on_recv_error)(d, err);
	socle__callback_end(socle__reactor, &c);
}

void
socle__dgram_send_error(
	struct socle_dgram *d, int err, const struct socle_packet *p)
{
	struct socle__callback c;

	socle__object_callback_begin(&d->sock, &c, SOCLE__ITEM_ERR);
	(d->p.on_send_error
			? d->p.on_send_error
			: socle__dgram_class_of(d)->on_send_error)(d, err, p);
	socle__callback_end(socle__reactor, &c);
}

void
socle__dgram_emptied(struct socle_dgram *d)
{
	struct socle__callback c;

	socle__object_callback_begin(&d->sock, &c, SOCLE__ITEM_DRAIN);
	socle__class_of(&d->sock)->flat.event_drain(&d->sock);
	socle__callback_end(socle__reactor, &c);
}
