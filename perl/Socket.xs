/* What Perl can call.  Danga/Socket.pm has the rest of the module. */
#include "api.h"

#include <XSUB.h>

#include "call.h"
#include "loop.h"
#include "maps.h"
#include "object.h"
#include "stream.h"

/* Code; or NULL, which removes what was set. */
static SV *
code_or_null(pTHX_ SV *sv)
{
	SvGETMAGIC(sv);
	return SvROK(sv) && SvTYPE(SvRV(sv)) == SVt_PVCV ? sv : NULL;
}

MODULE = Danga::Socket  PACKAGE = Danga::Socket

PROTOTYPES: DISABLE

BOOT:
	perl_subs_find(aTHX);
	loop_take_log();

 # ---- the loop ----

void
_run(...)
CODE:
	PERL_UNUSED_VAR(items);
	loop_run(aTHX);

void
_choose(const char *backend)
CODE:
	(void)socle_set_backend(backend);

void
_catch_up()
CODE:
	loop_catch_up(aTHX);

void
_leave()
CODE:
	bound_leave();

const char *
_backend()
CODE:
	loop_continue_in_child(aTHX);
	RETVAL = socle_backend();
OUTPUT:
	RETVAL

void
_reset()
CODE:
	bound_reset_all();
	perl_reraise(aTHX);

size_t
WatchedSockets(...)
ALIAS:
	watched_sockets = 1
CODE:
	PERL_UNUSED_VAR(items);
	PERL_UNUSED_VAR(ix);
	RETVAL = socle_watched_sockets();
OUTPUT:
	RETVAL

AV *
_to_close()
CODE:
	RETVAL = maps_to_close(aTHX);
OUTPUT:
	RETVAL

int
EnableProfiling(...)
CODE:
	PERL_UNUSED_VAR(items);
	RETVAL = socle_enable_profiling(SOCLE_PROFILE_CPU) > 0;
OUTPUT:
	RETVAL

int
DisableProfiling(...)
CODE:
	PERL_UNUSED_VAR(items);
	socle_disable_profiling();
	RETVAL = 0;
OUTPUT:
	RETVAL

void
_profile(HV *into)
CODE:
	loop_profile(aTHX_ into);

IV
SetLoopTimeout(SV *class, IV ms)
CODE:
	PERL_UNUSED_VAR(class);
	socle_set_loop_timeout(ms < 0 ? -1 : ms > INT_MAX ? INT_MAX : (int)ms);
	RETVAL = ms;
OUTPUT:
	RETVAL

void
_debug_level(int level)
CODE:
	socle_set_debug_level(level);

socle_timer_id
_add_timer(NV seconds, SV *code)
CODE:
	RETVAL = loop_add_timer(aTHX_ seconds, code);
	if (!RETVAL)
		croak("Danga::Socket->AddTimer: out of memory");
OUTPUT:
	RETVAL

void
_cancel_timer(socle_timer_id id)
CODE:
	(void)socle_cancel_timer(id);
	perl_reraise(aTHX);

void
SetPostLoopCallback(SV *self, SV *code)
PREINIT:
	struct bound *b;
CODE:
	code = code_or_null(aTHX_ code);
	if (!SvROK(self))
		loop_set_post_loop(aTHX_ code);
	else if (!bound_is_closed(b = bound_of(aTHX_ self)))
		bound_set_post_loop(aTHX_ b, code);
	perl_reraise(aTHX);

 # ---- objects ----

int
_attach(SV *self, SV *handle, int fd)
CODE:
	loop_continue_in_child(aTHX);
	RETVAL = bound_attach(aTHX_ self, handle, fd);
	perl_reraise(aTHX);
OUTPUT:
	RETVAL

void
watch_read(struct bound *b, SV *on)
CODE:
	if (!bound_is_closed(b))
		socle_watch_read(&b->sock, SvTRUE(on));

void
watch_write(struct bound *b, SV *on)
CODE:
	if (!bound_is_closed(b))
		socle_watch_write(&b->sock, SvTRUE(on));

void
read(struct bound *b, IV size)
PREINIT:
	SV *bytes;
PPCODE:
	if (bound_is_closed(b))
		XSRETURN_EMPTY;
	bytes = stream_read(aTHX_ b, size);
	ST(0) = bytes ? sv_2mortal(bytes) : &PL_sv_undef;
	XSRETURN(1);

void
push_back_read(struct bound *b, SV *data)
CODE:
	if (!bound_is_closed(b))
		stream_push_back(aTHX_ b, data);

int
write(struct bound *b, SV *data = &PL_sv_undef)
CODE:
	RETVAL = bound_is_closed(b) || stream_write(aTHX_ b, data);
OUTPUT:
	RETVAL

void
on_incomplete_write(struct bound *b)
CODE:
	if (b)
		b->incomplete = true;

void
_set_writer(struct bound *b, SV *code)
CODE:
	if (!bound_is_closed(b))
		stream_set_writer(aTHX_ b, code_or_null(aTHX_ code));

void
close(struct bound *b, SV *reason = &PL_sv_undef)
PPCODE:
	if (bound_is_closed(b))
		XSRETURN_EMPTY;
	bound_close(aTHX_ b, SvOK(reason) ? SvPV_nolen(reason) : NULL);
	perl_reraise(aTHX);
	XSRETURN_IV(0);

void
steal_socket(struct bound *b)
PREINIT:
	SV *handle;
PPCODE:
	handle = bound_is_closed(b) ? NULL : bound_steal(aTHX_ b);
	perl_reraise(aTHX);
	if (!handle)
		XSRETURN_EMPTY;
	XPUSHs(sv_2mortal(handle));

int
_cork(struct bound *b, SV *on)
CODE:
	RETVAL = bound_is_closed(b) ? 0 : socle_tcp_cork(&b->sock, SvTRUE(on));
OUTPUT:
	RETVAL

void
_address(struct bound *b, int is_peer)
PREINIT:
	const char *ip;
	int port;
PPCODE:
	if (bound_is_closed(b))
		XSRETURN_EMPTY;
	ip = is_peer ? socle_peer_ip_string(&b->sock)
		: socle_local_ip_string(&b->sock);
	if (!ip)
		XSRETURN_EMPTY;
	port = is_peer ? socle_peer_port(&b->sock)
		: socle_local_port(&b->sock);
	XPUSHs(sv_2mortal(newSVpv(ip, 0)));
	if (port >= 0)
		XPUSHs(sv_2mortal(newSViv(port)));

 # ---- the maps, as tied hashes ----

MODULE = Danga::Socket  PACKAGE = Danga::Socket::Map::Objects

AV *
_fds(...)
CODE:
	PERL_UNUSED_VAR(items);
	RETVAL = maps_objects(aTHX);
OUTPUT:
	RETVAL

SV *
FETCH(SV *map, SV *key)
CODE:
	PERL_UNUSED_VAR(map);
	RETVAL = maps_object_ref(aTHX_ key);
OUTPUT:
	RETVAL

SV *
DELETE(SV *map, SV *key)
PREINIT:
	struct bound *b;
CODE:
	PERL_UNUSED_VAR(map);
	RETVAL = maps_object_ref(aTHX_ key);
	if ((b = maps_object(aTHX_ key)))
		(void)socle_steal_socket(&b->sock);
	perl_reraise(aTHX);
OUTPUT:
	RETVAL

MODULE = Danga::Socket  PACKAGE = Danga::Socket::Map::PostLoop

AV *
_fds(...)
CODE:
	PERL_UNUSED_VAR(items);
	RETVAL = maps_post_loops(aTHX);
OUTPUT:
	RETVAL

SV *
FETCH(SV *map, SV *key)
CODE:
	PERL_UNUSED_VAR(map);
	RETVAL = maps_post_loop(aTHX_ key);
OUTPUT:
	RETVAL

MODULE = Danga::Socket  PACKAGE = Danga::Socket::Map::OtherFds

AV *
_fds(...)
CODE:
	PERL_UNUSED_VAR(items);
	RETVAL = maps_other_fds(aTHX);
OUTPUT:
	RETVAL

SV *
FETCH(SV *map, SV *key)
CODE:
	PERL_UNUSED_VAR(map);
	RETVAL = maps_other_fd(aTHX_ key);
OUTPUT:
	RETVAL

void
STORE(SV *map, SV *key, SV *code)
PREINIT:
	int fd, r;
CODE:
	PERL_UNUSED_VAR(map);
	loop_continue_in_child(aTHX);
	fd = maps_fd(aTHX_ key);
	r = loop_add_other_fd(aTHX_ fd, code);
	if (r < 0)
		warn("Danga::Socket: adding fd=%d: %s (%d)\n", fd, Strerror(-r),
			-r);
	perl_reraise(aTHX);

SV *
DELETE(SV *map, SV *key)
CODE:
	PERL_UNUSED_VAR(map);
	RETVAL = maps_other_fd(aTHX_ key);
	(void)socle_remove_other_fd(maps_fd(aTHX_ key));
	perl_reraise(aTHX);
OUTPUT:
	RETVAL
