/*
 * The fields that subclasses read: $self->{fd}, $self->{closed} and so on.
 *
 * Most are set when they change.  write_buf_size and event_watch change inside
 * the library, so their values are magical: reading one asks the library.
 */
#ifndef SOCLE_PERL_FIELDS_H
#define SOCLE_PERL_FIELDS_H

#include "object.h"

void fields_init(pTHX_ struct bound *b, SV *handle, int fd);

/* Whether the handle in the hash is open; a tied one is. */
bool fields_handle_is_open(pTHX_ struct bound *b);

/*
 * The handle in the hash if it is tied, as one of IO::Socket::SSL is: its class
 * reads and writes.  Else NULL.
 */
SV *fields_tied_handle(pTHX_ struct bound *b);

/*
 * The object is closed.  Returns the handle, which the hash gives up; the caller
 * owns the reference.  NULL: there is none.
 */
SV *fields_close(pTHX_ struct bound *b);

/* The loop was reset: a program that holds the object keeps its handle. */
void fields_abandon(pTHX_ struct bound *b);

#endif
