/*
 * The classes of the library that stand for the classes of Perl.
 *
 * Each slot calls the method of the same name, whatever package it is in.
 */
#include "classes.h"

#include "call.h"
#include "object.h"

struct perl_class {
	struct socle_class cls;
	HV *stash; /* with a reference, so that its address is not used again */
	struct perl_class *next;
};

static struct perl_class *classes;

static void
call_event(struct socle_socket *s, enum perl_sub sub)
{
	struct bound *b = bound_of_socket(s);
	dTHX;

	(void)perl_call(aTHX_ sub, &b->self_ref, 1, NULL);
	bound_look_at_class(aTHX_ b);
}

static void
slot_event_read(struct socle_socket *s)
{
	call_event(s, PERL_EVENT_READ);
}

static void
slot_event_write(struct socle_socket *s)
{
	call_event(s, PERL_EVENT_WRITE);
}

/* $! tells the error, which the kernel tells only once. */
static void
slot_event_err(struct socle_socket *s, int err)
{
	errno = -err;
	call_event(s, PERL_EVENT_ERR);
}

static void
slot_event_hup(struct socle_socket *s)
{
	call_event(s, PERL_EVENT_HUP);
}

/*
 * Danga::Socket's method turns on the event for writability.  Here the queue
 * watches it; but an override that does not call its super has a writer function
 * that waits for readability.
 */
static void
slot_incomplete_write(struct socle_socket *s)
{
	struct bound *b = bound_of_socket(s);

	if (b->writer_state == WRITER_WAITS)
		return; /* the same bytes, of which Perl knows */
	b->incomplete = false;
	call_event(s, PERL_INCOMPLETE_WRITE);
	if (b->writer && !b->incomplete)
		b->writer_state = WRITER_ASKS;
}

const struct socle_class bound_class = {
	.name = "Danga::Socket",
	.super = &socle_socket_class,
	.size = sizeof(struct bound),
	.event_read = slot_event_read,
	.event_write = slot_event_write,
	.event_err = slot_event_err,
	.event_hup = slot_event_hup,
	.incomplete_write = slot_incomplete_write,
	.close = bound_slot_close,
	.closing_fd = bound_slot_closing_fd,
	.destroy = bound_slot_destroy,
};

const struct socle_class *
class_of_stash(pTHX_ HV *stash)
{
	struct perl_class *c = classes;

	while (c && c->stash != stash)
		c = c->next;
	if (c)
		return &c->cls;
	Newxz(c, 1, struct perl_class);
	c->stash = MUTABLE_HV(SvREFCNT_inc((SV *)stash));
	c->cls.name = savepv(HvNAME(stash));
	c->cls.super = &bound_class;
	c->next = classes;
	classes = c;
	return &c->cls;
}
