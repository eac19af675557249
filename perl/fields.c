/* The fields that subclasses read. */
#include "fields.h"

/* Always reported; the values are those of poll(2). */
enum { ALWAYS = 8 | 16 | 32 };

static int
write_buf_size_get(pTHX_ SV *sv, MAGIC *mg)
{
	struct bound *b = bound_of_magic(mg);

	if (!bound_is_closed(b))
		sv_setuv(sv, socle_write_buf_size(&b->sock));
	return 0;
}

static int
event_watch_get(pTHX_ SV *sv, MAGIC *mg)
{
	struct bound *b = bound_of_magic(mg);

	if (!bound_is_closed(b))
		sv_setuv(sv, ALWAYS | socle_watching(&b->sock));
	return 0;
}

static const MGVTBL write_buf_size = {
	.svt_get = write_buf_size_get, .svt_free = bound_magic_free};
static const MGVTBL event_watch = {
	.svt_get = event_watch_get, .svt_free = bound_magic_free};

static SV *
field(pTHX_ struct bound *b, const char *name)
{
	SV **at = hv_fetch(b->self, name, (I32)strlen(name), 1);

	return at ? *at : NULL; /* a hash whose keys are locked may refuse */
}

static void
set(pTHX_ struct bound *b, const char *name, SV *value)
{
	SV *sv = field(aTHX_ b, name);

	if (sv && !SvREADONLY(sv))
		sv_setsv(sv, value);
	SvREFCNT_dec(value);
}

static void
set_magic(pTHX_ struct bound *b, const char *name, const MGVTBL *vtbl)
{
	SV *sv = field(aTHX_ b, name);

	if (!sv || SvREADONLY(sv))
		return;
	(void)sv_unmagic(
		sv, PERL_MAGIC_ext); /* of an earlier use of the hash */
	sv_setuv(sv, 0);
	bound_magic_add(aTHX_ b, sv, vtbl);
}

void
fields_init(pTHX_ struct bound *b, SV *handle, int fd)
{
	static const char *const zero[] = {
		"write_buf_offset", "closed", "corked"};

	set(aTHX_ b, "sock", newSVsv(handle));
	set(aTHX_ b, "fd", newSViv(fd));
	for (size_t i = 0; i < sizeof(zero) / sizeof(zero[0]); i++)
		set(aTHX_ b, zero[i], newSViv(0));
	set(aTHX_ b, "write_buf", newRV_noinc((SV *)newAV()));
	set(aTHX_ b, "read_push_back", newRV_noinc((SV *)newAV()));
	set_magic(aTHX_ b, "write_buf_size", &write_buf_size);
	set_magic(aTHX_ b, "event_watch", &event_watch);
}

static IO *
io_of(SV *handle)
{
	SV *glob = handle && SvROK(handle) ? SvRV(handle) : handle;

	return glob && isGV_with_GP(glob) ? GvIOp(MUTABLE_GV(glob)) : NULL;
}

static SV *
sock(pTHX_ struct bound *b)
{
	SV **at = hv_fetchs(b->self, "sock", 0);

	return at ? *at : NULL;
}

SV *
fields_tied_handle(pTHX_ struct bound *b)
{
	SV *handle = sock(aTHX_ b);
	IO *io = io_of(handle);

	return io && SvTIED_mg((SV *)io, PERL_MAGIC_tiedscalar) ? handle : NULL;
}

bool
fields_handle_is_open(pTHX_ struct bound *b)
{
	IO *io = io_of(sock(aTHX_ b));

	return fields_tied_handle(aTHX_ b) ||
		(io && IoIFP(io) && PerlIO_fileno(IoIFP(io)) == b->fd);
}

SV *
fields_close(pTHX_ struct bound *b)
{
	SV *held = sock(aTHX_ b);
	SV *handle = held && SvOK(held) ? newSVsv(held) : NULL;

	set(aTHX_ b, "closed", newSViv(1));
	set(aTHX_ b, "sock", newSV(0));
	set(aTHX_ b, "fd", newSV(0));
	b->is_told = true;
	return handle;
}

void
fields_abandon(pTHX_ struct bound *b)
{
	set(aTHX_ b, "closed", newSViv(1));
	set(aTHX_ b, "fd", newSV(0));
	b->is_told = true;
}
