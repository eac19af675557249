/* end.h describes the functions. */
#include "proxy/end.h"

#include "proxy/settings.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

/*
 * While more than HIGH is queued for one end the other is not read: then the
 * kernel's buffers fill, and TCP slows its peer down.
 */
enum { LOW = 16 * 1024, HIGH = 64 * 1024 };

char end_buffer[END_BUFFER];

struct end *
end_of(struct socle_socket *s)
{
	return socle_container_of(s, struct end, sock);
}

/* ---- tied and untied ---- */

/* The one place that decides whether an end is read. */
static void
watch(struct end *e)
{
	const struct end *to = e->other;

	socle_watch_read(&e->sock,
		!e->read_ended && to && !to->is_full && !to->write_failed);
}

void
end_tie(struct end *a, struct end *b)
{
	a->other = b;
	b->other = a;
	watch(a);
	watch(b);
}

void
end_untie(struct end *e)
{
	if (e->other)
		e->other->other = NULL;
	e->other = NULL;
}

/* ---- its end ---- */

void
end_leave(struct end *e)
{
	socle_close_after_flush(&e->sock, "finished");
	if (socle_set_idle_timeout(&e->sock, settings.idle_timeout) == -ENOMEM)
		socle_close(&e->sock, "no memory");
}

/* With SO_LINGER and no time, close(2) sends a reset. */
static void
reset_now(struct socle_socket *s, void *arg)
{
	const struct linger at_once = {.l_onoff = 1};

	(void)arg;
	(void)setsockopt(
		socle_fd(s), SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	socle_close(s, "the other end broke");
}

/*
 * The stream from the other end broke: its peer gets what had come, and then a
 * reset, lest it takes the stream for complete.
 */
static void
reset(struct end *e)
{
	socle_watch_read(&e->sock, false);
	if (socle_set_idle_timeout(&e->sock, settings.idle_timeout) < 0 ||
		socle_write_func(&e->sock, reset_now, NULL, NULL) < 0)
		reset_now(&e->sock, NULL);
}

/* The library closes an end whose write failed with one of these. */
static bool
is_write_failure(const char *reason)
{
	return reason &&
		(strcmp(reason, "EPIPE") == 0 ||
			strcmp(reason, "ECONNRESET") == 0 ||
			strcmp(reason, "write_error") == 0);
}

/*
 * Every way to close an end leads here; if it is tied still, the session broke.
 * A failed write is no reason to close: what the peer had sent before, such as
 * the answer to an upload that it refused, can still be read.
 */
static void
end_close(struct socle_socket *self, const char *reason)
{
	struct end *e = end_of(self), *other = e->other;

	if (other && !e->read_ended && is_write_failure(reason)) {
		e->write_failed = true;
		watch(other);
		return; /* not calling super keeps it open */
	}
	end_untie(e);
	socle_super_close(&end_class, self, reason);
	if (other)
		reset(other);
}

/* ---- bytes ---- */

static void
crosses_mark(struct socle_socket *s, bool above, void *arg)
{
	struct end *e = end_of(s);

	(void)arg;
	e->is_full = above;
	if (e->other)
		watch(e->other);
}

void
end_forward(struct end *from, const char *data, size_t n)
{
	struct end *to = from->other;
	int r;

	if (!to || to->write_failed)
		return;
	r = socle_write(&to->sock, data, n);
	if (r == 0 && !to->has_marks) { /* most ends never queue anything */
		to->has_marks = true;
		r = socle_set_water_marks(
			&to->sock, LOW, HIGH, crosses_mark, NULL);
	}
	if (r < 0 && from->other && !to->write_failed)
		socle_close(&from->sock, "no memory");
}

bool
end_goes_on(const struct end *e, ssize_t n)
{
	return n == END_BUFFER && e->other &&
		socle_write_buf_size(&e->other->sock) == 0;
}

/* The bytes before it were sent: the peer gets its end of stream. */
static void
shut_down(struct socle_socket *s, void *arg)
{
	(void)arg;
	(void)shutdown(socle_fd(s), SHUT_WR);
}

static void
finish(struct end *e, struct end *other)
{
	end_untie(e);
	end_leave(e);
	end_leave(other);
}

void
end_of_reading(struct end *e, int err)
{
	struct end *other = e->other;

	if (err < 0 || e->write_failed) {
		socle_close(&e->sock, "broken");
		return;
	}
	e->read_ended = true;
	if (!other)
		end_leave(e);
	else if (other->read_ended)
		finish(e, other);
	else if (!other->write_failed &&
		socle_write_func(&other->sock, shut_down, NULL, NULL) < 0)
		socle_close(&e->sock, "no memory");
}

static void
end_event_timeout(struct socle_socket *self, int which)
{
	(void)which;
	socle_close(self, "idle");
}

const struct socle_class end_class = {
	.name = "End",
	.super = &socle_socket_class,
	.size = sizeof(struct end),
	.event_timeout = end_event_timeout,
	.close = end_close,
};
