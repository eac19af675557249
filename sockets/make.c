/*
 * Making an object of an fd, and what can be asked of it.
 */
#include "sockets/private.h"

#include "seam.h"

#include <string.h>

/* What kind of file it is; regular ones cannot be polled on any backend. */
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

static int
flag_set(int fd, int get, int set, int flag, int *before)
{
	*before = sys_fcntl(fd, get, 0);
	if (*before < 0)
		return -errno;
	if (*before & flag)
		return 0;
	return sys_fcntl(fd, set, *before | flag) < 0 ? -errno : 0;
}

static void
sigpipe_see_to(int fd, uint32_t flags)
{
	if (flags & SOCLE__IS_SOCKET)
		sys_no_sigpipe(fd);
	else
		socle__ignore_sigpipe();
}

/* Words; what does not fit in the field counts as its most. */
static uint16_t
room_of(size_t size)
{
	size_t words = size / 4;

	return words > UINT16_MAX ? UINT16_MAX : (uint16_t)words;
}

static int
attach(struct socle_socket *self, struct socle__class *cls, int fd,
	uint32_t flags)
{
	bool eager = !(flags & SOCLE__IS_SOCKET);
	bool connecting = (flags & SOCLE__CONNECTING) != 0;
	int err = socle__descriptor_add(socle__loop, &self->d, &cls->ops, fd,
		SOCLE__APPLICATION | (connecting ? SOCLE__PARKED : 0), eager);

	if (err < 0)
		return err;
	self->d.bits |= flags;
	self->queue = NULL;
	self->queued = 0;
	self->extra = NULL;
	self->active = 0;
	self->idle_ms = 0;
	self->room = room_of(cls->flat.size);
	self->read_error = self->write_error = 0;
	socle_timer_init_named(
		socle__own_timer, &self->timer, socle__socket_timer);
	cls->live++;
	return 0;
}

int
socle__socket_make(struct socle_socket *self, struct socle__class *cls, int fd,
	unsigned how)
{
	uint32_t flags =
		how & (SOCLE__OURS | SOCLE__CONNECTING | SOCLE__OF_FAMILY);
	int mode = O_NONBLOCK, exec = FD_CLOEXEC;
	int err;

	if (fd < 0)
		return -EBADF;
	if (socle__descriptor_at(socle__loop, fd))
		return -EEXIST;
	if (how & SOCLE__KNOWN_SOCKET)
		return attach(self, cls, fd, flags | SOCLE__IS_SOCKET);
	if ((err = kind_of(fd, &flags)) < 0)
		return err;
	err = flag_set(fd, F_GETFL, F_SETFL, O_NONBLOCK, &mode);
	if ((mode & O_ACCMODE) == O_WRONLY)
		flags |= SOCLE__WRITE_ONLY;
	if (err == 0)
		err = flag_set(fd, F_GETFD, F_SETFD, FD_CLOEXEC, &exec);
	if (err == 0)
		err = attach(self, cls, fd, flags);
	if (err == 0) {
		sigpipe_see_to(fd, flags);
		return 0;
	}
	if (!(mode & O_NONBLOCK))
		(void)sys_fcntl(fd, F_SETFL, mode);
	if (!(exec & FD_CLOEXEC))
		(void)sys_fcntl(fd, F_SETFD, exec);
	return err;
}

int
socle__socket_unmake(struct socle_socket *s)
{
	int fd = socle__descriptor_detach(&s->d);

	socle__turn_drop(&s->d, SOCLE__TURN_DESTROY);
	socle__class_of(s)->live--;
	sys_free(s->extra);
	sys_free(s);
	return fd;
}

int
socle_socket_init(
	struct socle_socket *self, const struct socle_class *cls, int fd)
{
	struct socle__loop *l = socle__loop_get();
	struct socle__class *c;
	int err = l ? socle__class_resolve(l, cls, &c) : -ENOMEM;

	return err < 0 ? err : socle__socket_make(self, c, fd, 0);
}

int
socle__socket_new(const struct socle_class *cls, int fd, unsigned how,
	struct socle_socket **ret)
{
	struct socle__loop *l = socle__loop_get();
	struct socle__class *c;
	struct socle_socket *s;
	int err = l ? socle__class_resolve(l, cls, &c) : -ENOMEM;

	if (err < 0)
		return err;
	/* glibc keeps what is freed at hand for malloc, but not for calloc. */
	if (!(s = sys_malloc(c->flat.size)))
		return -ENOMEM;
	memset(s + 1, 0, c->flat.size - sizeof(*s)); /* ours is set below */
	err = socle__socket_make(s, c, fd, how | SOCLE__OURS);
	if (err < 0) {
		sys_free(s);
		return err;
	}
	*ret = s;
	return 0;
}

int
socle_socket_new(
	const struct socle_class *cls, int fd, struct socle_socket **ret)
{
	return socle__socket_new(cls, fd, 0, ret);
}

const struct socle_class *
socle_class_of(const struct socle_socket *s)
{
	return socle__class_of(s)->source;
}

int
socle_fd(const struct socle_socket *s)
{
	return socle__is_closed(s) ? -1 : s->d.fd;
}

bool
socle_closed(const struct socle_socket *s)
{
	return socle__is_closed(s);
}

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
	if (socle__pushed_wanted(s))
		socle__turn_ask(&s->d, SOCLE__TURN_PUSHED_BACK);
	else
		socle__turn_drop(&s->d, SOCLE__TURN_PUSHED_BACK);
}

void
socle_watch_write(struct socle_socket *s, bool on)
{
	if (!socle__is_closed(s))
		watch(s, SOCLE__USER_WRITE, on);
}

int
socle_set_socket_post_loop_callback(struct socle_socket *s,
	bool (*fn)(struct socle_socket *s, void *arg), void *arg)
{
	struct socle__extra *x;

	if (socle__is_closed(s))
		return -EBADF;
	if (!fn) {
		socle__turn_drop(&s->d, SOCLE__TURN_POST_LOOP);
		return 0;
	}
	if (!(x = socle__extra_get(s)))
		return -ENOMEM;
	x->post_loop = fn;
	x->post_loop_arg = arg;
	if (!(s->d.turns & SOCLE__TURN_POST_LOOP)) {
		socle__turn_ask(&s->d, SOCLE__TURN_POST_LOOP);
		socle__turn_to_end(&s->d);
	}
	return 0;
}

struct socle_socket *
socle_descriptor(int fd)
{
	struct socle__loop *l = socle__loop;
	struct socle_descriptor *d = l ? socle__descriptor_at(l, fd) : NULL;

	return d && d->bits & SOCLE__APPLICATION
		? (struct socle_socket *)(void *)d
		: NULL;
}

size_t
socle_watched_sockets(void)
{
	return socle__loop ? socle__loop->watched : 0;
}

size_t
socle_to_close(void)
{
	return socle__loop ? socle__loop->to_close : 0;
}

/* By fd, so that whatever `fn' does, the next step finds its way. */
static void
each(unsigned state, void (*fn)(struct socle_socket *s, void *arg), void *arg)
{
	struct socle__loop *l = socle__loop;

	for (size_t fd = 0; l && l == socle__loop && fd < l->map_size; fd++) {
		struct socle_socket *s = socle_descriptor((int)fd);

		if (s && (s->d.bits & state) == state)
			fn(s, arg);
	}
}

void
socle_each_descriptor(void (*fn)(struct socle_socket *s, void *arg), void *arg)
{
	each(0, fn, arg);
}

void
socle_each_to_close(void (*fn)(struct socle_socket *s, void *arg), void *arg)
{
	each(SOCLE__CLOSED, fn, arg);
}
