/* The maps of the library, for the tied hashes and lists of Perl. */
#include "maps.h"

#include "loop.h"

int
maps_fd(pTHX_ SV *key)
{
	IV fd = looks_like_number(key) ? SvIV(key) : -1;

	return fd < 0 || fd > INT_MAX ? -1 : (int)fd;
}

struct bound *
maps_object(pTHX_ SV *key)
{
	struct socle_socket *s = socle_descriptor(maps_fd(aTHX_ key));

	return s && bound_of_socket(s)->self ? bound_of_socket(s) : NULL;
}

SV *
maps_object_ref(pTHX_ SV *key)
{
	struct bound *b = maps_object(aTHX_ key);

	return b ? newRV_inc((SV *)b->self) : newSV(0);
}

SV *
maps_post_loop(pTHX_ SV *key)
{
	struct bound *b = maps_object(aTHX_ key);

	return b && b->post_loop ? newSVsv(b->post_loop) : newSV(0);
}

SV *
maps_other_fd(pTHX_ SV *key)
{
	SV *code = loop_other_fd(maps_fd(aTHX_ key));

	return code ? newSVsv(code) : newSV(0);
}

/* ---- lists ---- */

static AV *
mortal_list(pTHX)
{
	AV *list = newAV();

	(void)sv_2mortal((SV *)list);
	return list;
}

static void
push_fd(struct socle_socket *s, void *list)
{
	dTHX;

	av_push(list, newSViv(bound_of_socket(s)->fd));
}

static void
push_post_loop_fd(struct socle_socket *s, void *list)
{
	if (bound_of_socket(s)->post_loop && !socle_closed(s))
		push_fd(s, list);
}

static void
push_other_fd(int fd, unsigned events, void *list)
{
	dTHX;

	PERL_UNUSED_ARG(events);
	av_push(list, newSViv(fd));
}

static void
push_handle(struct socle_socket *s, void *list)
{
	SV *handle = bound_of_socket(s)->handle;
	dTHX;

	if (handle)
		av_push(list, newSVsv(handle));
}

AV *
maps_objects(pTHX)
{
	AV *list = mortal_list(aTHX);

	socle_each_descriptor(push_fd, list);
	return list;
}

AV *
maps_post_loops(pTHX)
{
	AV *list = mortal_list(aTHX);

	socle_each_descriptor(push_post_loop_fd, list);
	return list;
}

AV *
maps_other_fds(pTHX)
{
	AV *list = mortal_list(aTHX);

	socle_each_other_fd(push_other_fd, list);
	return list;
}

AV *
maps_to_close(pTHX)
{
	AV *list = mortal_list(aTHX);

	socle_each_to_close(push_handle, list);
	return list;
}
