/* One object: a socle socket and the Perl hash that stands for it. */
#include "object.h"

#include "call.h"
#include "classes.h"
#include "fields.h"

#include <fcntl.h>
#include <sys/stat.h>

/* Without get and set it costs the hash nothing.  Perl wants it not const. */
static MGVTBL hash_magic = {.svt_free = bound_magic_free};

/* ---- life ---- */

static void
release(struct bound *b)
{
	if (--b->holders == 0)
		Safefree(b);
}

struct bound *
bound_of_magic(MAGIC *mg)
{
	union {
		char *stored;
		struct bound *b;
	} pointer = {mg->mg_ptr};

	return pointer.b;
}

void
bound_magic_add(pTHX_ struct bound *b, SV *sv, const MGVTBL *vtbl)
{
	union {
		struct bound *b;
		const char *stored;
	} pointer = {b};

	(void)sv_magicext(sv, NULL, PERL_MAGIC_ext, vtbl, pointer.stored, 0);
	b->holders++;
}

int
bound_magic_free(pTHX_ SV *sv, MAGIC *mg)
{
	PERL_UNUSED_CONTEXT;
	PERL_UNUSED_ARG(sv);
	release(bound_of_magic(mg));
	return 0;
}

static struct bound *
found(SV *hash)
{
	MAGIC *mg = mg_findext(hash, PERL_MAGIC_ext, &hash_magic);

	return mg ? bound_of_magic(mg) : NULL;
}

/*
 * What holds the number of an fd that the program has closed by itself gives it
 * up: an other fd, or an object whose handle is closed.
 */
static bool
make_way(pTHX_ int fd)
{
	struct socle_socket *s = socle_descriptor(fd);
	SV *handle;

	if (!s)
		return socle_remove_other_fd(fd) == 0;
	if (socle_closed(s) || fields_handle_is_open(aTHX_ bound_of_socket(s)))
		return false;
	Perl_warn(aTHX_ "Danga::Socket::new blowing away existing descriptor "
			"map for fd=%d\n",
		fd);
	handle = bound_steal(aTHX_ bound_of_socket(s));
	if (handle)
		perl_bury(aTHX_ handle);
	return true;
}

static void
join(pTHX_ struct bound *b, SV *self, SV *handle, int fd)
{
	(void)sv_unmagicext(SvRV(self), PERL_MAGIC_ext, &hash_magic);
	b->self_ref = newRV_inc(SvRV(self));
	SvREADONLY_on(b->self_ref); /* a handler gets it as $_[0] */
	bound_magic_add(aTHX_ b, SvRV(self), &hash_magic);
	socle_keep_fd(&b->sock, true);
	fields_init(aTHX_ b, handle, fd);
}

/* Perl closes its handles at exec, and leaves open what the program wants so. */
static void
restore_flags(int fd, int flags)
{
	if (flags >= 0 && !(flags & FD_CLOEXEC))
		(void)fcntl(fd, F_SETFD, flags);
}

int
bound_attach(pTHX_ SV *self, SV *handle, int fd)
{
	const struct socle_class *cls;
	int r, flags = fcntl(fd, F_GETFD);
	struct bound *b;

	Newxz(b, 1, struct bound);
	b->holders = 1;
	b->fd = fd;
	b->self = MUTABLE_HV(SvRV(self));
	b->stash = SvSTASH(b->self);
	cls = class_of_stash(aTHX_ b->stash);
	r = socle_socket_init(&b->sock, cls, fd);
	if (r == -EEXIST && make_way(aTHX_ fd))
		r = socle_socket_init(&b->sock, cls, fd);
	if (r < 0) {
		Safefree(b);
		return r;
	}
	restore_flags(fd, flags);
	join(aTHX_ b, self, handle, fd);
	return 0;
}

void
bound_look_at_class(pTHX_ struct bound *b)
{
	HV *stash = SvSTASH(b->self);

	if (LIKELY(stash == b->stash))
		return;
	b->stash = stash;
	if (stash)
		(void)socle_set_class(&b->sock, class_of_stash(aTHX_ stash));
}

struct bound *
bound_of(pTHX_ SV *self)
{
	struct bound *b;

	if (!SvROK(self))
		croak("Danga::Socket: not an object");
	b = found(SvRV(self));
	if (b && b->self)
		bound_look_at_class(aTHX_ b);
	return b;
}

/* ---- the end ---- */

static void
close_now(pTHX_ struct bound *b, const char *reason)
{
	socle_super_close(&bound_class, &b->sock, reason);
	if (!b->is_told)
		b->handle = fields_close(aTHX_ b);
}

/*
 * Perl's `close' may be called by the program, or by the slot below, which may
 * have called an override first.
 */
void
bound_close(pTHX_ struct bound *b, const char *reason)
{
	if (b->closing) {
		close_now(aTHX_ b, reason);
		return;
	}
	b->closes_itself = true;
	socle_close(&b->sock, reason);
	b->closes_itself = false;
}

void
bound_slot_close(struct socle_socket *s, const char *reason)
{
	struct bound *b = bound_of_socket(s);
	SV *args[2];
	dTHX;

	if (b->closes_itself || perl_is_leaving(aTHX)) {
		close_now(aTHX_ b, reason);
		return;
	}
	args[0] = b->self_ref;
	args[1] = newSVpv(reason ? reason : "", 0);
	b->closing = true;
	(void)perl_call(aTHX_ PERL_CLOSE, args, 2, NULL);
	b->closing = false;
	perl_bury(aTHX_ args[1]);
}

/* The fd is Perl's: it is closed with the handle. */
void
bound_slot_closing_fd(struct socle_socket *s, int fd)
{
	struct bound *b = bound_of_socket(s);
	SV *handle = b->handle;
	dTHX;

	PERL_UNUSED_ARG(fd);
	if (!handle)
		return;
	b->handle = NULL;
	if (!b->forgets)
		(void)perl_call(aTHX_ PERL_CLOSE_HANDLE, &handle, 1, NULL);
	perl_bury(aTHX_ handle);
}

void
bound_slot_destroy(struct socle_socket *s)
{
	struct bound *b = bound_of_socket(s);
	dTHX;

	if (PL_phase != PERL_PHASE_DESTRUCT) {
		if (!b->is_told && found((SV *)b->self) == b)
			fields_abandon(aTHX_ b);
		perl_bury(aTHX_ b->handle);
		perl_bury(aTHX_ b->post_loop);
		perl_bury(aTHX_ b->writer);
		SvREADONLY_off(b->self_ref);
		perl_bury(aTHX_ b->self_ref);
	}
	b->self = NULL;
	release(b);
}

SV *
bound_steal(pTHX_ struct bound *b)
{
	if (socle_steal_socket(&b->sock) < 0)
		return NULL;
	return fields_close(aTHX_ b);
}

static void
forget(struct socle_socket *s, void *arg)
{
	struct bound *b = bound_of_socket(s);
	dTHX;

	PERL_UNUSED_ARG(arg);
	b->forgets = true;
	if (!b->is_told && found((SV *)b->self) == b)
		fields_abandon(aTHX_ b);
}

void
bound_reset_all(void)
{
	socle_each_descriptor(forget, NULL);
	socle_each_to_close(forget, NULL);
	socle_reset();
}

static void
look_at_file(struct socle_socket *s, void *shared)
{
	struct stat file;

	if (socle_fd(s) >= 0 &&
		(socle_fd(s) <= STDERR_FILENO ||
			(fstat(socle_fd(s), &file) == 0 &&
				!S_ISSOCK(file.st_mode))))
		*(bool *)shared = true;
}

void
bound_leave(void)
{
	bool shared = false;

	if (socle_forked())
		return;
	socle_each_descriptor(look_at_file, &shared);
	if (shared)
		bound_reset_all();
}

/* ---- the callback at the end of each tick ---- */

static bool
run_post_loop(struct socle_socket *s, void *arg)
{
	struct bound *b = arg;
	dTHX;

	PERL_UNUSED_ARG(s);
	return perl_call_true(aTHX_ PERL_POST_LOOP, b->post_loop);
}

void
bound_set_post_loop(pTHX_ struct bound *b, SV *code)
{
	SV *old = b->post_loop;

	b->post_loop = code ? newSVsv(code) : NULL;
	(void)socle_set_socket_post_loop_callback(
		&b->sock, code ? run_post_loop : NULL, b);
	perl_bury(aTHX_ old);
}
