/*
 * Other fds (Danga::Socket's OtherFds): a function for an fd that has no
 * object.  Each has a descriptor, so that generation, interest and parking
 * work for it as for an object.
 */
#include "reactor/callback.h"
#include "reactor/interest.h"
#include "reactor/map.h"
#include "reactor/owned_arg.h"
#include "reactor/reactor.h"

#include "seam.h"

struct other_fd {
	struct socle_descriptor d; /* first */
	void (*fn)(int fd, unsigned ready, void *arg);
	struct socle__owned_arg owned;
	const char *arguments;
};

static struct other_fd *
other_of(struct socle_descriptor *d)
{
	return (struct other_fd *)(void *)d;
}

/*
 * While there is input, ERR and HUP are reported along with it each time;
 * alone they are reported once.
 */
static void
other_ready(struct socle_descriptor *d, unsigned ready, int err)
{
	struct socle__reactor *r = socle__reactor;
	struct other_fd *o = other_of(d);
	struct socle__callback c;
	struct socle__arg_use use;

	(void)err;
	if (!(ready & (SOCLE_READ | SOCLE_WRITE)))
		d->bits |= SOCLE__END_REPORTED;
	socle__callback_begin(
		r, &c, NULL, SOCLE__ITEM_OTHER_FD, o->arguments, d);
	socle__arg_use_begin(&o->owned, &use);
	o->fn(d->fd, ready, use.arg);
	socle__callback_end(r, &c);
	socle__arg_use_end(r, &o->owned, &use);
}

static void
other_reap(struct socle_descriptor *d)
{
	sys_free(other_of(d));
}

/* Also in a reset. */
static void
other_remove(struct socle_descriptor *d)
{
	struct socle__owned_arg owned = other_of(d)->owned;

	other_of(d)->owned = (struct socle__owned_arg){.arg = NULL};
	socle__descriptor_detach(d);
	socle__arg_end(socle__reactor, &owned);
}

static const struct socle__descriptor_ops other_ops = {
	.ready = other_ready,
	.reap = other_reap,
	.reset = other_remove,
};

static bool
is_other(const struct socle_descriptor *d)
{
	return d && d->ops == &other_ops;
}

/*
 * 0, or why the fd cannot be watched.  Regular files are always ready, and no
 * poller reports that.
 */
static int
kind_of(int fd, unsigned *ret_flags)
{
	struct stat st;
	int mode;

	if (fd < 0)
		return -EBADF;
	if (sys_fstat(fd, &st) < 0)
		return -errno;
	if (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode))
		return -EPERM;
	mode = S_ISFIFO(st.st_mode) ? sys_fcntl(fd, F_GETFL, 0) : O_RDWR;
	if (mode < 0)
		return -errno;
	if (!S_ISSOCK(st.st_mode))
		*ret_flags |= SOCLE__FD_NO_SOCKET;
	if ((mode & O_ACCMODE) == O_WRONLY)
		*ret_flags |= SOCLE__FD_WRITE_ONLY;
	return 0;
}

static int
other_replace(struct other_fd *o, const struct other_fd *new, unsigned events)
{
	struct socle__owned_arg old = o->owned;

	o->fn = new->fn;
	o->owned = new->owned;
	o->arguments = new->arguments;
	socle__descriptor_unpark(&o->d);
	socle__descriptor_want(&o->d, events);
	socle__arg_end(socle__reactor, &old);
	return 0;
}

static int
other_add(const struct other_fd *new, int fd, unsigned events)
{
	struct socle__reactor *r = socle__reactor_get();
	struct socle_descriptor *d;
	struct other_fd *o;
	unsigned flags = 0;
	int err;

	if (!r)
		return -ENOMEM;
	if (!new->fn || events & ~(unsigned)(SOCLE_READ | SOCLE_WRITE))
		return -EINVAL;
	d = socle__descriptor_at(r, fd);
	if (is_other(d))
		return other_replace(other_of(d), new, events);
	if (d)
		return -EEXIST;
	if ((err = kind_of(fd, &flags)) < 0)
		return err;
	if (!(o = sys_malloc(sizeof(*o))))
		return -ENOMEM;
	*o = (struct other_fd){.fn = NULL};
	err = socle__descriptor_add(
		r, &o->d, &other_ops, fd, SOCLE__KEEP_FD, true);
	if (err < 0) {
		sys_free(o);
		return err;
	}
	o->d.fd_flags |= (uint8_t)flags;
	return other_replace(o, new, events);
}

int
socle_add_other_fd_named(const char *arguments, int fd, unsigned events,
	void (*fn)(int fd, unsigned ready, void *arg), void *arg)
{
	const struct other_fd new = {
		.fn = fn, .owned.arg = arg, .arguments = arguments};

	return other_add(&new, fd, events);
}

int
socle_add_other_fd_or_drop(int fd, unsigned events,
	void (*fn)(int fd, unsigned ready, void *arg), void (*drop)(void *arg),
	void *arg)
{
	const struct other_fd new = {
		.fn = fn, .owned.arg = arg, .owned.drop = drop};

	return other_add(&new, fd, events);
}

#undef socle_add_other_fd
int
socle_add_other_fd(int fd, unsigned events,
	void (*fn)(int fd, unsigned ready, void *arg), void *arg)
{
	return socle_add_other_fd_named(NULL, fd, events, fn, arg);
}

int
socle_remove_other_fd(int fd)
{
	struct socle__reactor *r = socle__reactor;
	struct socle_descriptor *d = r ? socle__descriptor_at(r, fd) : NULL;

	if (!is_other(d))
		return -ENOENT;
	other_remove(d);
	return 0;
}

int
socle_other_fd(int fd, unsigned *events,
	void (**fn)(int fd, unsigned ready, void *arg), void **arg)
{
	struct socle__reactor *r = socle__reactor;
	struct socle_descriptor *d = r ? socle__descriptor_at(r, fd) : NULL;

	if (!is_other(d))
		return -ENOENT;
	if (events)
		*events = d->wanted;
	if (fn)
		*fn = other_of(d)->fn;
	if (arg)
		*arg = other_of(d)->owned.arg;
	return 0;
}

void
socle_clear_other_fds(void)
{
	struct socle__reactor *r = socle__reactor;

	for (size_t fd = 0; r && r == socle__reactor && fd < r->map_size; fd++)
		(void)socle_remove_other_fd((int)fd);
}

void
socle_each_other_fd(void (*fn)(int fd, unsigned events, void *arg), void *arg)
{
	struct socle__reactor *r = socle__reactor;

	for (size_t fd = 0; r && r == socle__reactor && fd < r->map_size;
		fd++) {
		struct socle_descriptor *d = r->map[fd];

		if (is_other(d))
			fn((int)fd, d->wanted, arg);
	}
}
