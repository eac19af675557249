/*
 * Calling Perl from inside the library.
 *
 * Nothing leaves a callback but by return.  What the Perl code throws is kept,
 * and so is an exit; both end the loop, and the function that Perl called to get
 * into the library raises them again with perl_reraise().
 */
#ifndef SOCLE_PERL_CALL_H
#define SOCLE_PERL_CALL_H

#include "api.h"

/* The subs of Danga/Socket.pm through which the library calls Perl. */
enum perl_sub {
	PERL_EVENT_READ,
	PERL_EVENT_WRITE,
	PERL_EVENT_ERR,
	PERL_EVENT_HUP,
	PERL_INCOMPLETE_WRITE,
	PERL_CLOSE,
	PERL_CLOSE_HANDLE,
	PERL_CODE,
	PERL_TIED_HOLDS,
	PERL_TIED_READ,
	PERL_TIED_WRITE,
	PERL_POST_LOOP,
	PERL_LOG,
	PERL_SIGNALS,
	PERL_SUBS
};

/* Looks the subs up.  Called once, when the module is loaded. */
void perl_subs_find(pTHX);

/*
 * Calls a sub with `n' arguments.  If `ret' is not NULL, *ret is its result, a
 * reference that the caller owns.  False: it threw or exited, or the process is
 * about to exit and nothing was called.  errno is what the sub has left.
 */
bool perl_call(pTHX_ enum perl_sub sub, SV **args, int n, SV **ret);

/* Whether the sub returns a true value with `arg'; also true if it throws. */
bool perl_call_true(pTHX_ enum perl_sub sub, SV *arg);

/* Whether something is to be raised again. */
bool perl_has_raised(void);

/* Whether no Perl code can run any more. */
bool perl_is_leaving(pTHX);

/*
 * Raises it, else frees what is buried.  Every XSUB calls this last if the
 * library may have called Perl in it.
 */
void perl_reraise(pTHX);

/*
 * Gives a reference back later: the library drops a callback where it must not
 * be called, and to free a closure may run a DESTROY, which calls anything.
 */
void perl_bury(pTHX_ SV *sv);
bool perl_has_buried(pTHX);
void perl_free_buried(pTHX);

#endif
