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

/* The fd of the handle in the hash; -1: it is closed. */
int fields_fileno(pTHX_ struct bound *b);

/*
 * The object is closed.  Returns the handle, which the hash gives up; the caller
 * owns the reference.  NULL: there is none.
 */
SV *fields_close(pTHX_ struct bound *b);

/* The loop was reset: a program that holds the object keeps its handle. */
void fields_abandon(pTHX_ struct bound *b);

#endif
