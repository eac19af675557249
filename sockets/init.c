/* Making an object from an fd. */
#include "sockets/init.h"

#include "reactor/map.h"
#include "reactor/reactor.h"
#include "reactor/signals.h"
#include "reactor/turns.h"
#include "sockets/fd_mode.h"
#include "sockets/memory.h"
#include "sockets/names/socket_type.h"
#include "sockets/timeouts.h"

#include "seam.h"

#include <string.h>

/*
 * Regular files are refused on every backend: epoll cannot watch them, and
 * poll reports them ready all the time.
 */
static int
kind_of(int fd, uint32_t *flags)
{
	struct stat st;

	if (sys_fstat(fd, &st) < 0)
		return -errno;
	if (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode))
		return -EPERM;
	if (S_ISSOCK(st.st_mode))
		*flags |= SOCLE__IS_SOCKET;
	return 0;
}

static void
sigpipe_prevent(int fd, uint32_t flags)
{
	/* macOS refuses it for a connection that is over. */
	if (!(flags & SOCLE__IS_SOCKET) || sys_no_sigpipe(fd) < 0)
		socle__catch_sigpipe();
}

/* Its descriptor was added. */
static inline void
fill(struct socle_socket *self)
{
	self->queue = NULL;
	self->queued = 0;
	self->in = self->out = 0;
	self->extra = NULL;
	self->active = 0;
	self->idle_ms = 0;
	self->read_error = self->write_error = 0;
	self->timer.order = 0;
}

void
socle__socket_has_messages(struct socle_socket *s)
{
	s->d.fd_flags |= SOCLE__FD_MESSAGES;
	s->d.bits |= SOCLE__SPECIAL;
}

/*
 * O_NONBLOCK belongs to the open file, which other processes share if it was
 * inherited.  That is likely for fds that are not sockets, and for 0, 1 and 2.
 */
static unsigned
fd_flags_of(int fd, uint32_t flags, int mode)
{
	unsigned fd_flags = 0;

	if (!(flags & SOCLE__IS_SOCKET))
		fd_flags |= SOCLE__FD_NO_SOCKET;
	if ((mode & O_ACCMODE) == O_WRONLY)
		fd_flags |= SOCLE__FD_WRITE_ONLY;
	if (!(mode & O_NONBLOCK) &&
		(!(flags & SOCLE__IS_SOCKET) || fd <= STDERR_FILENO))
		fd_flags |= SOCLE__FD_WAS_BLOCKING;
	return fd_flags;
}

int
socle__socket_init(struct socle_socket *self, struct socle__class *cls, int fd,
	unsigned how)
{
	uint32_t flags = how;
	struct socle__fd_mode before;
	int type = SOCK_STREAM;
	int err;

	if (fd < 0)
		return -EBADF;
	if (socle__descriptor_at(socle__reactor, fd))
		return -EEXIST;
	if ((err = kind_of(fd, &flags)) < 0)
		return err;
	if (flags & SOCLE__IS_SOCKET && cls->transport->is_stream &&
		(type = socle__socket_type(fd)) < 0)
		return type;
	if ((err = socle__fd_mode_set(fd, &before)) < 0)
		return err;
	if (!cls->transport->is_stream)
		flags |= SOCLE__SPECIAL;
	err = socle__descriptor_add(socle__reactor, &self->d, &cls->ops, fd,
		flags | SOCLE__APPLICATION, !(flags & SOCLE__IS_SOCKET));
	if (err < 0) {
		socle__fd_mode_restore(fd, &before);
		return err;
	}
	fill(self);
	self->d.fd_flags |= (uint8_t)fd_flags_of(fd, flags, before.file);
	if (type != SOCK_STREAM)
		socle__socket_has_messages(self);
	sigpipe_prevent(fd, flags);
	return 0;
}

int
socle__socket_undo_new(struct socle_socket *s)
{
	int fd = socle__descriptor_detach(&s->d);

	socle__turn_drop(&s->d, SOCLE__TURN_DESTROY);
	sys_free(s->extra);
	socle__memory_give(socle__reactor, s, socle__class_of(s)->flat.size);
	return fd;
}

int
socle_socket_init(
	struct socle_socket *self, const struct socle_class *cls, int fd)
{
	struct socle__reactor *r = socle__reactor_get();
	struct socle__class *c;
	int err = r ? socle__class_resolve_stream(r, cls, &c) : -ENOMEM;

	return err < 0 ? err : socle__socket_init(self, c, fd, 0);
}

/* NULL: no memory. */
static inline struct socle_socket *
object_allocate(size_t size)
{
	struct socle_socket *s = socle__memory_take(socle__reactor, size);

	if (s && size > sizeof(*s))
		memset(s + 1, 0, size - sizeof(*s));
	return s;
}

int
socle__socket_new(struct socle__class *cls, int fd)
{
	size_t size = cls->flat.size;
	struct socle_socket *s = object_allocate(size);
	int err =
		s ? socle__socket_init(s, cls, fd, SOCLE__ALLOCATED) : -ENOMEM;

	if (s && err < 0)
		socle__memory_give(socle__reactor, s, size);
	return err;
}

/* `err': of adding its descriptor. */
static inline int
added(struct socle_socket *s, struct socle__class *cls, int err)
{
	if (err < 0)
		socle__memory_give(socle__reactor, s, cls->flat.size);
	else
		fill(s);
	return err;
}

int
socle__socket_new_connecting(struct socle__class *cls, int fd)
{
	struct socle_socket *s = object_allocate(cls->flat.size);
	unsigned bits = SOCLE__APPLICATION | SOCLE__PARKED | SOCLE__CONNECTING |
		SOCLE__ALLOCATED | SOCLE__IS_SOCKET;

	if (!s)
		return -ENOMEM;
	return added(s, cls,
		socle__descriptor_add(
			socle__reactor, &s->d, &cls->ops, fd, bits, false));
}

int
socle__socket_new_accepted(struct socle__class *cls, int fd)
{
	struct socle_socket *s = object_allocate(cls->flat.size);
	unsigned bits = SOCLE__APPLICATION | SOCLE__USER_READ |
		SOCLE__ALLOCATED | SOCLE__IS_SOCKET;

	if (!s)
		return -ENOMEM;
	return added(s, cls,
		socle__descriptor_add_reading(
			socle__reactor, &s->d, &cls->ops, fd, bits));
}

SOCLE__CONSTRUCTOR int
socle_socket_new(
	const struct socle_class *cls, int fd, struct socle_socket **ret)
{
	struct socle__reactor *r = socle__reactor_get();
	struct socle__class *c;
	int err = r ? socle__class_resolve_stream(r, cls, &c) : -ENOMEM;

	if (err < 0 || (err = socle__socket_new(c, fd)) < 0)
		return err;
	*ret = socle__socket_at(fd);
	return 0;
}
