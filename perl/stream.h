/* Reading and writing. */
#ifndef SOCLE_PERL_STREAM_H
#define SOCLE_PERL_STREAM_H

#include "object.h"

/*
 * Danga::Socket's `write': bytes, a reference to bytes, code, or undef.  The
 * result is that of the method, 1 or 0, and $! is set.
 */
int stream_write(pTHX_ struct bound *b, SV *data);

/* A reference to what was read; NULL: the end of the stream, or an error. */
SV *stream_read(pTHX_ struct bound *b, IV size);

void stream_push_back(pTHX_ struct bound *b, SV *data);

/* NULL restores that of the handle. */
void stream_set_writer(pTHX_ struct bound *b, SV *code);

#endif
