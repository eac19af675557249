/*
 * A second fd for sending: a descriptor of its own in the loop, whose events
 * this file passes on to the object.
 */
#include "sockets/dgram/writer.h"

#include "reactor/interest.h"
#include "reactor/map.h"
#include "reactor/turns.h"
#include "sockets/dgram/call.h"
#include "sockets/dgram/options.h"
#include "sockets/dgram/send.h"
#include "sockets/dispatch.h"
#include "sockets/names/socket_error.h"

#include "seam.h"

static struct socle__dgram_writer *
writer_of(struct socle_descriptor *d)
{
	return (struct socle__dgram_writer *)(void *)d;
}

/* Dispatches its events as the base class does, to the same methods. */
static void
writer_ready(struct socle_descriptor *w, unsigned ready, int err)
{
	struct socle_socket *s = &writer_of(w)->owner->sock;

	if (ready & SOCLE_WRITE)
		socle__call_write(s);
	if (!(ready & (SOCLE_ERR | SOCLE_HUP)) || w->bits & SOCLE__CLOSED)
		return;
	w->bits |= SOCLE__END_REPORTED;
	if (ready & SOCLE_ERR) {
		if (err == 0 && socle__socket_error(w->fd, &err) == 0 &&
			err != 0)
			socle__descriptor_touch(w);
		socle__call_err(s, err);
	}
	if (ready & SOCLE_HUP && !(w->bits & SOCLE__CLOSED))
		socle__call_hup(s);
}

static void
writer_reap(struct socle_descriptor *w)
{
	sys_free(writer_of(w));
}

/* A reset ends the object, which closes both fds. */
static void
writer_reset(struct socle_descriptor *w)
{
	struct socle_descriptor *owner = &writer_of(w)->owner->sock.d;

	owner->ops->reset(owner);
}

static const struct socle__descriptor_ops writer_ops = {
	.ready = writer_ready,
	.reap = writer_reap,
	.reset = writer_reset,
};

/* Sets the flags that depend on the fd that the object sends through. */
static void
kind_set(struct socle_dgram *d, uint32_t flags, int fd)
{
	d->flags &= ~(uint32_t)(SOCLE__DGRAM_PIECES | SOCLE__DGRAM_OUT_ONES |
		SOCLE__DGRAM_JOINED_OUT | SOCLE__DGRAM_OUT_ENDS |
		SOCLE__DGRAM_HAS_PEER);
	d->flags |= flags & (SOCLE__DGRAM_PIECES | SOCLE__DGRAM_OUT_ENDS);
	if (d->p.gso && !socle__is_closed(&d->sock) &&
		socle__dgram_join_out(fd))
		d->flags |= SOCLE__DGRAM_JOINED_OUT;
}

void
socle__dgram_writer_end(struct socle_dgram *d)
{
	struct socle__dgram_writer *w = d->writer;

	if (!w)
		return;
	d->writer = NULL;
	kind_set(d, w->flags, d->sock.d.fd);
	socle__descriptor_close(&w->d);
}

/* Registers `fd' and stores what is known of it in `flags'; 0 or -errno. */
static int
writer_make(struct socle_dgram *d, int fd, uint32_t *flags,
	struct socle__dgram_writer **ret)
{
	struct socle__dgram_writer *w;
	int err = socle__dgram_type(fd, flags);

	if (err < 0)
		return err;
	if (!(w = sys_calloc(1, sizeof(*w))))
		return -ENOMEM;
	err = socle__descriptor_add(
		socle__reactor, &w->d, &writer_ops, fd, 0, false);
	if (err < 0) {
		sys_free(w);
		return err;
	}
	w->owner = d;
	(void)sys_fcntl(fd, F_SETFD, FD_CLOEXEC);
	(void)sys_no_sigpipe(fd);
	*ret = w;
	return 0;
}

/* The queue may have waited for the previous fd: flush it to the new one. */
static void
writer_changed(struct socle_dgram *d)
{
	struct socle_socket *s = &d->sock;

	s->d.bits &= ~(uint32_t)SOCLE__BLOCKED;
	d->delay_ms = 0;
	if (d->items > 0 && !socle__has(s, SOCLE__PUMPING))
		socle__turn_ask(&s->d, SOCLE__TURN_FLUSH);
}

int
socle_dgram_set_write_fd(struct socle_dgram *d, int fd)
{
	struct socle__dgram_writer *w = NULL;
	uint32_t flags = 0;
	int err;

	if (socle__is_closed(&d->sock))
		return -EBADF;
	if (d->writer && fd == d->writer->d.fd)
		return 0;
	if (fd >= 0 && fd != d->sock.d.fd &&
		(err = writer_make(d, fd, &flags, &w)) < 0)
		return err;
	socle__dgram_want_write(d, false);
	socle__dgram_writer_end(d);
	if (w) {
		w->flags = d->flags;
		kind_set(d, flags, fd);
		d->writer = w;
	}
	writer_changed(d);
	return 0;
}
