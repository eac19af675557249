/*
 * Reading and writing.
 *
 * Programs look at $! after a read or a write, so it is set from the result, and
 * to 0 after a success.
 */
#include "stream.h"

#include "call.h"
#include "fields.h"

enum { SMALL = 16384, MOST = 1 << 20 };

/* ---- a writer function, and handles that are tied ---- */

/*
 * The bytes are not copied: a TLS library wants the same address again.  If the
 * code has kept the scalar, it gets a copy after all.
 */
static SV *
borrow(pTHX_ const void *data, size_t len)
{
	union {
		const void *from;
		char *to;
	} bytes = {data};
	SV *sv = newSV_type(SVt_PV);

	SvPV_set(sv, bytes.to);
	SvCUR_set(sv, len);
	SvLEN_set(sv, 0); /* Perl does not free it */
	SvPOK_only(sv);
	SvREADONLY_on(sv);
	return sv;
}

static void
give_back(pTHX_ SV *sv)
{
	STRLEN len = SvCUR(sv);
	const char *bytes = SvPVX_const(sv);

	SvREADONLY_off(sv);
	SvPV_set(sv, NULL);
	SvCUR_set(sv, 0);
	SvPOK_off(sv);
	if (SvREFCNT(sv) > 1)
		sv_setpvn(sv, bytes, len);
}

/* undef with $! is an error, as syswrite's is. */
static ssize_t
written(pTHX_ SV *result)
{
	if (!SvOK(result))
		return errno ? -errno : -EAGAIN;
	return SvIV(result);
}

static ssize_t
writer(struct socle_socket *s, const void *data, size_t len, void *arg)
{
	struct bound *b = arg;
	SV *handle, *sv, *args[4], *result = NULL;
	ssize_t n = -EAGAIN;
	dTHX;

	PERL_UNUSED_ARG(s);
	if (b->writer_state == WRITER_ASKS) {
		b->writer_state = WRITER_WAITS;
		return SOCLE_WANT_READ;
	}
	b->writer_state = WRITER_READY;
	handle = b->writer ? b->writer : fields_tied_handle(aTHX_ b);
	if (!handle)
		return -EBADF; /* it is not tied any more */
	sv = borrow(aTHX_ data, len);
	args[0] = newSVsv(handle);
	args[1] = newRV_inc(sv);
	args[2] = newSVuv(len);
	args[3] = newSViv(0);
	if (perl_call(aTHX_ b->writer ? PERL_CODE : PERL_TIED_WRITE, args, 4,
		    &result)) {
		n = written(aTHX_ result);
		SvREFCNT_dec(result);
	}
	for (int i = 0; i < 4; i++)
		perl_bury(aTHX_ args[i]);
	give_back(aTHX_ sv);
	SvREFCNT_dec(sv);
	return n;
}

/* The bytes that a reference leads to; undef with $! is an error. */
static ssize_t
copied(pTHX_ SV *result, void *data, size_t len)
{
	STRLEN n;
	const char *bytes;

	if (!SvROK(result))
		return errno ? -errno : -EAGAIN;
	bytes = SvPV(SvRV(result), n);
	if (n > len)
		return -EIO;
	memcpy(data, bytes, n);
	return (ssize_t)n;
}

static ssize_t
reader(struct socle_socket *s, void *data, size_t len, void *arg)
{
	struct bound *b = arg;
	SV *args[2], *result = NULL;
	ssize_t n = -EAGAIN;
	dTHX;

	PERL_UNUSED_ARG(s);
	args[0] = fields_tied_handle(aTHX_ b);
	if (!args[0])
		return -EBADF;
	args[1] = newSVuv(len);
	if (perl_call(aTHX_ PERL_TIED_READ, args, 2, &result)) {
		n = copied(aTHX_ result, data, len);
		SvREFCNT_dec(result);
	}
	perl_bury(aTHX_ args[1]);
	return n;
}

/* A handle may be tied at any time: start_SSL does it to an open one. */
static void
look_at_handle(pTHX_ struct bound *b)
{
	bool is_tied = fields_tied_handle(aTHX_ b) != NULL;

	if (LIKELY(is_tied == b->is_tied))
		return;
	b->is_tied = is_tied;
	(void)socle_set_reader_func(&b->sock, is_tied ? reader : NULL, b);
	(void)socle_set_writer_func(
		&b->sock, is_tied || b->writer ? writer : NULL, b);
}

void
stream_set_writer(pTHX_ struct bound *b, SV *code)
{
	SV *old = b->writer;

	if (socle_set_writer_func(
		    &b->sock, code || b->is_tied ? writer : NULL, b) < 0)
		return;
	b->writer = code ? newSVsv(code) : NULL;
	b->writer_state = WRITER_READY;
	perl_bury(aTHX_ old);
}

/* ---- code in the queue ---- */

static void
code_run(struct socle_socket *s, void *arg)
{
	SV *code = arg;
	dTHX;

	PERL_UNUSED_ARG(s);
	(void)perl_call(aTHX_ PERL_CODE, &code, 1, NULL);
	perl_bury(aTHX_ code);
}

static void
code_drop(void *arg)
{
	dTHX;

	perl_bury(aTHX_ arg);
}

static int
write_code(pTHX_ struct bound *b, SV *code)
{
	SV *kept = newSVsv(code);
	int r = socle_write_func(&b->sock, code_run, code_drop, kept);

	if (r < 0)
		SvREFCNT_dec(kept);
	return r;
}

/* ---- writing ---- */

static int
write_bytes(pTHX_ struct bound *b, SV *data)
{
	STRLEN len;
	const char *bytes = SvPV_nomg(data, len);

	return socle_write(&b->sock, bytes, len);
}

static int
write_any(pTHX_ struct bound *b, SV *data)
{
	SV *inner;

	SvGETMAGIC(data);
	if (!SvOK(data))
		return socle_write_kick(&b->sock);
	if (!SvROK(data))
		return write_bytes(aTHX_ b, data);
	inner = SvRV(data);
	if (SvTYPE(inner) == SVt_PVCV)
		return write_code(aTHX_ b, data);
	if (SvTYPE(inner) > SVt_PVLV)
		croak("Write error: <%" SVf ">", SVfARG(data));
	SvGETMAGIC(inner);
	return write_bytes(aTHX_ b, inner);
}

int
stream_write(pTHX_ struct bound *b, SV *data)
{
	int r;

	look_at_handle(aTHX_ b);
	r = write_any(aTHX_ b, data);
	perl_reraise(aTHX);
	if (r == -ENOMEM && !bound_is_closed(b))
		croak("Danga::Socket: out of memory");
	errno = r > 0 ? 0 : r == 0 ? EAGAIN : -r;
	return r > 0;
}

/* ---- reading ---- */

/*
 * The library takes a reader function to hold more, and calls event_read again.
 * Programs do not expect that with nothing to read: the handle is asked, and if
 * it holds nothing, setting the function again makes the library forget.
 */
static void
look_for_more(pTHX_ struct bound *b)
{
	SV *handle = fields_tied_handle(aTHX_ b);

	if (handle && !perl_call_true(aTHX_ PERL_TIED_HOLDS, handle) &&
		!bound_is_closed(b))
		(void)socle_set_reader_func(&b->sock, reader, b);
}

static SV *
read_small(pTHX_ struct bound *b, size_t size, ssize_t *n)
{
	char buf[SMALL];

	*n = socle_read(&b->sock, buf, size);
	return newSVpvn(buf, *n > 0 ? (STRLEN)*n : 0);
}

static SV *
read_large(pTHX_ struct bound *b, size_t size, ssize_t *n)
{
	SV *sv = newSV(size);
	char *buf = SvPVX(sv);

	*n = socle_read(&b->sock, buf, size);
	SvCUR_set(sv, *n > 0 ? (STRLEN)*n : 0);
	*SvEND(sv) = '\0';
	SvPOK_only(sv);
	return sv;
}

SV *
stream_read(pTHX_ struct bound *b, IV size)
{
	ssize_t n;
	SV *sv;

	if (size <= 0)
		return NULL;
	look_at_handle(aTHX_ b);
	sv = size <= SMALL
		? read_small(aTHX_ b, (size_t)size, &n)
		: read_large(aTHX_ b, size < MOST ? (size_t)size : MOST, &n);
	if (n > 0 && b->is_tied)
		look_for_more(aTHX_ b);
	if (perl_has_raised()) {
		SvREFCNT_dec(sv);
		perl_reraise(aTHX);
	}
	errno = n < 0 ? (int)-n : 0;
	if (n > 0 || n == -EAGAIN)
		return newRV_noinc(sv);
	SvREFCNT_dec(sv);
	return NULL;
}

void
stream_push_back(pTHX_ struct bound *b, SV *data)
{
	STRLEN len;
	const char *bytes = SvPV(SvROK(data) ? SvRV(data) : data, len);

	if (socle_push_back_read(&b->sock, bytes, len) == -ENOMEM)
		croak("Danga::Socket: out of memory");
}
