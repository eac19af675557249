/* The loop, and what it calls beside the objects. */
#include "loop.h"

#include "call.h"

#include <sys/time.h>

/* ---- running ---- */

void
loop_catch_up(pTHX)
{
	PERL_ASYNC_CHECK();
	perl_free_buried(aTHX);
}

/*
 * Perl handles signals between its own operations, and there are none in the
 * library: a signal ends the wait, and its handler runs here.
 */
static bool
catch_up(pTHX)
{
	bool behind = PL_sig_pending || perl_has_buried(aTHX);

	if (behind)
		(void)perl_call(aTHX_ PERL_SIGNALS, NULL, 0, NULL);
	return behind;
}

static void
nothing(void *arg)
{
	PERL_UNUSED_ARG(arg);
}

/*
 * The post-loop callbacks look at what signal handlers and destructors have
 * done: if these come after them, the next tick must not wait.
 */
static bool
has_raised(void *arg)
{
	dTHX;

	PERL_UNUSED_ARG(arg);
	if (catch_up(aTHX))
		(void)(socle_defer)(nothing, NULL);
	return perl_has_raised();
}

void
loop_continue_in_child(pTHX)
{
	int r = socle_after_fork();

	if (r < 0)
		croak("Danga::Socket in a child: %s", Strerror(-r));
}

void
loop_run(pTHX)
{
	int r;

	do {
		loop_continue_in_child(aTHX);
		r = socle_run_until(has_raised, NULL);
		perl_reraise(aTHX);
	} while (r == -ECHILD); /* a handler forked, and this is the child */
	if (r < 0)
		croak("Danga::Socket->EventLoop: %s", Strerror(-r));
}

/* ---- timers ---- */

static void
drop_code(void *arg)
{
	dTHX;

	perl_bury(aTHX_ arg);
}

static void
timer_fired(void *arg)
{
	SV *args[2] = {arg};
	struct timeval now;
	dTHX;

	(void)gettimeofday(&now, NULL);
	args[1] = newSVnv((NV)now.tv_sec + (NV)now.tv_usec / 1e6);
	(void)perl_call(aTHX_ PERL_CODE, args, 2, NULL);
	perl_bury(aTHX_ args[1]);
}

socle_timer_id
loop_add_timer(pTHX_ NV seconds, SV *code)
{
	SV *kept = newSVsv(code);
	socle_timer_id id = socle_add_timer_or_drop(
		(double)seconds, timer_fired, drop_code, kept);

	if (!id)
		SvREFCNT_dec(kept);
	return id;
}

/* ---- the callback at the end of each tick ---- */

static bool
run_post_loop(void *arg)
{
	dTHX;

	(void)catch_up(aTHX);
	return perl_call_true(aTHX_ PERL_POST_LOOP, arg);
}

void
loop_set_post_loop(pTHX_ SV *code)
{
	if (code)
		socle_set_post_loop_callback_or_drop(
			run_post_loop, drop_code, newSVsv(code));
	else
		socle_set_post_loop_callback(NULL, NULL);
}

/* ---- other fds ---- */

static void
other_fd_ready(int fd, unsigned ready, void *arg)
{
	SV *args[2] = {arg};
	dTHX;

	PERL_UNUSED_ARG(fd);
	args[1] = newSVuv(ready);
	(void)perl_call(aTHX_ PERL_CODE, args, 2, NULL);
	perl_bury(aTHX_ args[1]);
}

int
loop_add_other_fd(pTHX_ int fd, SV *code)
{
	SV *kept = newSVsv(code);
	int r = socle_add_other_fd_or_drop(
		fd, SOCLE_READ, other_fd_ready, drop_code, kept);

	if (r < 0)
		SvREFCNT_dec(kept);
	return r;
}

SV *
loop_other_fd(int fd)
{
	void *code;

	return socle_other_fd(fd, NULL, NULL, &code) < 0 ? NULL : code;
}

/* ---- profile and log ---- */

static void
profile_item(const struct socle_profile_item *item, void *arg)
{
	HV *into = arg;
	AV *av;
	dTHX;

	av = newAV();
	av_push(av, newSVnv(item->utime));
	av_push(av, newSVnv(item->stime));
	av_push(av, newSVuv(item->calls));
	(void)hv_store(into, item->item, (I32)strlen(item->item),
		newRV_noinc((SV *)av), 0);
}

void
loop_profile(pTHX_ HV *into)
{
	hv_clear(into);
	socle_profiling_data(profile_item, into);
}

static void
log_message(int level, const char *message, void *arg)
{
	SV *sv;
	dTHX;

	PERL_UNUSED_ARG(level);
	PERL_UNUSED_ARG(arg);
	sv = newSVpv(message, 0);
	(void)perl_call(aTHX_ PERL_LOG, &sv, 1, NULL);
	perl_bury(aTHX_ sv);
}

void
loop_take_log(void)
{
	socle_set_log(log_message, NULL);
}
