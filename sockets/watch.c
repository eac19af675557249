/* The application's watches: reading, writing, the end of the tick. */
#include "reactor/interest.h"
#include "reactor/post_loop.h"
#include "sockets/object.h"
#include "sockets/read.h"

unsigned
socle_watching(const struct socle_socket *s)
{
	return s->d.wanted;
}

static void
watch(struct socle_socket *s, uint32_t flag, bool on)
{
	socle__descriptor_touch(&s->d);
	if (on)
		s->d.bits |= flag;
	else
		s->d.bits &= ~flag;
	socle__socket_interest(s);
}

void
socle_watch_read(struct socle_socket *s, bool on)
{
	if (socle__is_closed(s) || (on && socle__has(s, SOCLE__ENDING)))
		return;
	if (on)
		s->d.bits &= ~(uint32_t)SOCLE__READ_ENDED;
	watch(s, SOCLE__USER_READ, on);
	socle__pushed_turn(s);
}

void
socle_watch_write(struct socle_socket *s, bool on)
{
	if (!socle__has(s, SOCLE__CLOSED | SOCLE__LINGERING))
		watch(s, SOCLE__USER_WRITE, on);
}

static bool
run_post_loop(struct socle__post_loop *p)
{
	struct socle_socket *s =
		socle_container_of(p, struct socle__extra, post_loop)->owner;
	struct socle__callback c;
	bool go_on;

	socle__object_callback_begin(s, &c, SOCLE__ITEM_POST_LOOP);
	go_on = s->extra->post_loop_fn(s, s->extra->post_loop_arg);
	socle__callback_end(socle__reactor, &c);
	return go_on;
}

int
socle_set_socket_post_loop_callback(struct socle_socket *s,
	bool (*fn)(struct socle_socket *s, void *arg), void *arg)
{
	struct socle__extra *x = s->extra;

	if (socle__is_closed(s))
		return -EBADF;
	if (!fn) {
		if (x)
			socle__post_loop_remove(&x->post_loop);
		return 0;
	}
	if (!(x = socle__extra_get(s)))
		return -ENOMEM;
	x->post_loop_fn = fn;
	x->post_loop_arg = arg;
	x->post_loop.run = run_post_loop;
	socle__post_loop_add(socle__reactor, &x->post_loop);
	return 0;
}
