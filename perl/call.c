/* Calling Perl from inside the library. */
#include "call.h"

/* They contain a block: a handler may be left by next or last. */
static const char *const sub_names[PERL_SUBS] = {
	[PERL_EVENT_READ] = "Danga::Socket::_event_read",
	[PERL_EVENT_WRITE] = "Danga::Socket::_event_write",
	[PERL_EVENT_ERR] = "Danga::Socket::_event_err",
	[PERL_EVENT_HUP] = "Danga::Socket::_event_hup",
	[PERL_INCOMPLETE_WRITE] = "Danga::Socket::_on_incomplete_write",
	[PERL_CLOSE] = "Danga::Socket::_close",
	[PERL_CLOSE_HANDLE] = "Danga::Socket::_close_handle",
	[PERL_CODE] = "Danga::Socket::_code",
	[PERL_TIED_HOLDS] = "Danga::Socket::_tied_holds",
	[PERL_TIED_READ] = "Danga::Socket::_tied_read",
	[PERL_TIED_WRITE] = "Danga::Socket::_tied_write",
	[PERL_POST_LOOP] = "Danga::Socket::_post_loop",
	[PERL_LOG] = "Danga::Socket::_log",
	[PERL_SIGNALS] = "Danga::Socket::_signals",
};

static SV *subs[PERL_SUBS];
static SV *raised;      /* the first that was thrown below this call; or NULL */
static bool is_exiting; /* the stacks of Perl are unwound already */
static AV *buried;

void
perl_subs_find(pTHX)
{
	for (int i = 0; i < PERL_SUBS; i++)
		subs[i] = SvREFCNT_inc((SV *)get_cv(sub_names[i], GV_ADD));
	buried = newAV();
}

bool
perl_has_raised(void)
{
	return raised || is_exiting;
}

bool
perl_has_buried(pTHX)
{
	PERL_UNUSED_CONTEXT;
	return AvFILLp(buried) >= 0;
}

bool
perl_is_leaving(pTHX)
{
	return is_exiting || PL_phase == PERL_PHASE_DESTRUCT;
}

/* A copy, since the next eval clears $@. */
static SV *
thrown(pTHX)
{
	SV *error = ERRSV;

	return SvROK(error) || SvTRUE(error) ? newSVsv(error) : NULL;
}

/*
 * Several handlers may throw in one tick; all but the first are printed, and not
 * by warn, which may call code that throws.
 */
static void
keep(pTHX_ SV *error)
{
	if (!raised) {
		raised = error;
		return;
	}
	PerlIO_printf(PerlIO_stderr(), "%" SVf, SVfARG(error));
	SvREFCNT_dec(error);
}

/*
 * On a stack of its own: a label outside is not found, and last or goto cannot
 * leave the frames of C that are between.
 */
static bool
call_caught(pTHX_ enum perl_sub sub, SV **args, int n, SV **ret)
{
	SV *error;
	int err;
	dSP;

	ENTER;
	SAVETMPS;
	PUSHSTACKi(PERLSI_UNKNOWN);
	PUSHMARK(SP);
	EXTEND(SP, n);
	for (int i = 0; i < n; i++)
		PUSHs(args[i]);
	PUTBACK;
	(void)call_sv(
		subs[sub], G_EVAL | (ret ? G_SCALAR : G_VOID | G_DISCARD));
	err = errno;
	SPAGAIN;
	error = thrown(aTHX);
	if (ret) {
		SV *result = POPs;

		*ret = error ? NULL : SvREFCNT_inc(result);
	}
	PUTBACK;
	POPSTACK;
	if (error)
		keep(aTHX_ error);
	FREETMPS;
	LEAVE;
	errno = err;
	return !error;
}

/*
 * An exit jumps here, with every frame of Perl unwound.  What was raised before
 * this call belongs to its callers, not to the functions that it calls.
 */
bool
perl_call(pTHX_ enum perl_sub sub, SV **args, int n, SV **ret)
{
	SV *volatile outer = raised;
	volatile bool ok = false;
	SV *inner;
	int jumped;
	dJMPENV;

	if (perl_is_leaving(aTHX))
		return false;
	raised = NULL;
	JMPENV_PUSH(jumped);
	if (jumped == 0)
		ok = call_caught(aTHX_ sub, args, n, ret);
	else
		is_exiting = true;
	JMPENV_POP;
	inner = raised;
	raised = outer;
	if (inner && !is_exiting)
		keep(aTHX_ inner);
	return ok;
}

bool
perl_call_true(pTHX_ enum perl_sub sub, SV *arg)
{
	SV *result;
	bool is_true;

	if (!perl_call(aTHX_ sub, &arg, 1, &result))
		return true;
	is_true = SvTRUE(result);
	SvREFCNT_dec(result);
	return is_true;
}

void
perl_reraise(pTHX)
{
	SV *error = raised;

	if (is_exiting)
		my_exit((U32)STATUS_EXIT);
	if (!error) {
		perl_free_buried(aTHX);
		return;
	}
	raised = NULL;
	croak_sv(sv_2mortal(error));
}

void
perl_bury(pTHX_ SV *sv)
{
	if (sv && PL_phase != PERL_PHASE_DESTRUCT)
		av_push(buried, sv);
}

void
perl_free_buried(pTHX)
{
	while (!perl_is_leaving(aTHX) && AvFILLp(buried) >= 0)
		SvREFCNT_dec(av_pop(buried));
}
