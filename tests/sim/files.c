/*
 * Open files and fds of the simulated kernel, and the files that have names:
 * /dev/null and sockets.
 */
#include "tests/sim/private.h"

#include <limits.h>
#include <stdarg.h>

enum { PIPES = 0x50495045 }; /* PIPEFS_MAGIC of <linux/magic.h> */

struct sim_file *
sim_get(int fd)
{
	if (fd < 0 || fd >= SIM_FDS || !sim.fds[fd].file) {
		errno = EBADF;
		return NULL;
	}
	return sim.fds[fd].file;
}

struct sim_file *
sim_new(enum sim_kind kind, int mode)
{
	for (int i = 0; i < SIM_FILES; i++) {
		struct sim_file *f = &sim.files[i];
		struct sim_bytes in = f->in, out = f->out;

		if (f->refs > 0 || f->peer)
			continue;
		*f = (struct sim_file){.kind = kind,
			.mode = mode,
			.ino = sim.next_ino++,
			.in = in,
			.out = out,
			.outside = sim.outside > 0};
		f->in.n = f->out.n = f->in.at = f->out.at = 0;
		if (i >= sim.top)
			sim.top = i + 1;
		return f;
	}
	errno = ENFILE;
	return NULL;
}

int
sim_install(struct sim_file *f, int least, bool cloexec)
{
	int most = sim.limit.rlim_cur < SIM_FDS ? (int)sim.limit.rlim_cur
						: SIM_FDS;
	int fd = least;

	/* Other processes' fds are not in the way of the library's. */
	if (sim.outside > 0 && least == 0)
		fd = SIM_FDS / 2;
	else
		most /= 2;
	if (sim.outside > 0)
		most = SIM_FDS;
	while (fd < most && sim.fds[fd].file)
		fd++;
	if (fd >= most)
		return sim_error(EMFILE);
	sim.fds[fd] = (struct sim_fd){f, cloexec ? FD_CLOEXEC : 0};
	f->refs++;
	return fd;
}

void
sim_wake(struct sim_file *f)
{
	f->changes++;
}

void
sim_release(struct sim_file *f)
{
	if (--f->refs > 0)
		return;
	sim_epoll_forget(f);
	switch (f->kind) {
	case SIM_STREAM:
		sim_listener_close(f);
		sim_stream_close(f);
		break;
	case SIM_PIPE_READ:
	case SIM_PIPE_WRITE:
		sim_stream_close(f);
		break;
	case SIM_DGRAM:
		sim_dgram_close(f);
		break;
	case SIM_EPOLL:
		sim_epoll_free(f);
		break;
	case SIM_NONE:
	case SIM_REGULAR:
	case SIM_NULL:
	case SIM_EVENTFD:
		break;
	}
}

bool
sim_closed_unasked(void)
{
	return sim.closed_unasked;
}

int
sim_close(int fd)
{
	struct sim_file *f = sim_get(fd);

	sim_call();
	if (!f)
		return -1;
	if (f->outside && sim.outside == 0)
		sim_fail("the library closed an fd of another process: %d", fd);
	if (sim.outside == 0)
		sim.closed_unasked = f->kind == SIM_STREAM &&
			f->phase == SIM_CONNECTED &&
			sim_awake() - f->asked_at > 100000;
	sim.fds[fd] = (struct sim_fd){NULL, 0};
	sim_release(f);
	return sim_trouble(SIM_INTERRUPT, 50) ? sim_error(EINTR) : 0;
}

int
sim_open(const char *path, int flags, ...)
{
	struct sim_file *f;

	sim_call();
	if (strcmp(path, "/dev/null") != 0)
		return sim_error(ENOENT);
	if (sim_trouble(SIM_DESCRIPTORS, 4))
		return sim_error(EMFILE);
	f = sim_new(SIM_NULL, flags & (O_ACCMODE | O_NONBLOCK));
	return f ? sim_install(f, 0, flags & O_CLOEXEC) : -1;
}

int
sim_dup3(int from, int to, int flags)
{
	struct sim_file *f = sim_get(from);

	sim_call();
	if (!f)
		return -1;
	if (to < 0 || to >= SIM_FDS)
		return sim_error(EBADF);
	if (from == to)
		return sim_error(EINVAL);
	if (sim_trouble(SIM_DESCRIPTORS, 20))
		return sim_error(EMFILE);
	f->refs++;
	if (sim.fds[to].file)
		sim_release(sim.fds[to].file);
	sim.fds[to] = (struct sim_fd){f, flags & O_CLOEXEC ? FD_CLOEXEC : 0};
	return to;
}

int
sim_dup2(int from, int to)
{
	return from == to && sim_get(from) ? to : sim_dup3(from, to, 0);
}

static int
set_mode(struct sim_file *f, int mode)
{
	if (sim_trouble(SIM_BUFFERS, 100))
		return sim_error(ENOMEM);
	f->mode = (f->mode & ~O_NONBLOCK) | (mode & O_NONBLOCK);
	return 0;
}

int
sim_fcntl(int fd, int command, ...)
{
	struct sim_file *f = sim_get(fd);
	va_list rest;
	int value;

	va_start(rest, command);
	value = va_arg(rest, int);
	va_end(rest);
	sim_call();
	if (!f)
		return -1;
	switch (command) {
	case F_GETFD:
		return sim.fds[fd].flags;
	case F_SETFD:
		sim.fds[fd].flags = value;
		return 0;
	case F_GETFL:
		return f->mode;
	case F_SETFL:
		return set_mode(f, value);
	case F_DUPFD_CLOEXEC:
		return sim_trouble(SIM_DESCRIPTORS, 4)
			? sim_error(EMFILE)
			: sim_install(f, value, true);
	case F_GETSIG:
		return f->owner;
	case F_SETSIG:
		f->owner = value;
		return 0;
	case F_GETPIPE_SZ:
		return (int)(f->kind == SIM_PIPE_READ ? f->in.size
				: f->peer             ? f->peer->in.size
						      : 4096);
	default:
		return sim_error(EINVAL);
	}
}

int
sim_ioctl(int fd, unsigned long what, ...)
{
	struct sim_file *f = sim_get(fd);
	va_list rest;
	int *ret;

	va_start(rest, what);
	ret = va_arg(rest, int *);
	va_end(rest);
	sim_call();
	if (!f)
		return -1;
	if (f->kind == SIM_PIPE_WRITE)
		*ret = f->peer ? (int)f->peer->in.n : 0;
	else if (f->kind == SIM_DGRAM)
		*ret = f->first ? (int)f->first->n : 0;
	else if (f->phase == SIM_LISTENING)
		return sim_error(EINVAL);
	else if (what == FIONREAD)
		*ret = (int)f->in.n;
	else
		*ret = (int)f->out.n;
	return 0;
}

static void
stat_of(const struct sim_file *f, struct stat *st)
{
	*st = (struct stat){.st_dev = 7, .st_ino = f->ino};
	switch (f->kind) {
	case SIM_STREAM:
	case SIM_DGRAM:
		st->st_mode = S_IFSOCK;
		break;
	case SIM_PIPE_READ:
	case SIM_PIPE_WRITE:
		st->st_mode = S_IFIFO;
		break;
	case SIM_REGULAR:
		st->st_mode = S_IFREG;
		st->st_size = (off_t)f->size;
		break;
	case SIM_NULL:
		st->st_mode = S_IFCHR;
		break;
	case SIM_NONE:
	case SIM_EPOLL:
	case SIM_EVENTFD:
		break;
	}
}

int
sim_fstat(int fd, struct stat *st)
{
	const struct sim_file *f = sim_get(fd);

	sim_call();
	if (f)
		stat_of(f, st);
	return f ? 0 : -1;
}

int
sim_fstatfs(int fd, struct statfs *fs)
{
	sim_call();
	fs->f_type = PIPES;
	return sim_get(fd) ? 0 : -1;
}

int
sim_flock(int fd, int operation)
{
	(void)operation;
	return sim_get(fd) ? 0 : -1;
}

off_t
sim_lseek(int fd, off_t at, int whence)
{
	const struct sim_file *f = sim_get(fd);

	(void)at;
	(void)whence;
	return f ? (off_t)f->offset : -1;
}

int
sim_eventfd(unsigned value, int flags)
{
	struct sim_file *f;

	sim_call();
	if (sim_trouble(SIM_DESCRIPTORS, 8))
		return sim_error(EMFILE);
	f = sim_new(SIM_EVENTFD, O_RDWR | (flags & O_NONBLOCK));
	if (!f)
		return -1;
	f->value = value;
	return sim_install(f, 0, flags & EFD_CLOEXEC);
}

int
sim_open_fds(void)
{
	int n = 0;

	for (int fd = 0; fd < SIM_FDS; fd++)
		n += sim.fds[fd].file != NULL;
	return n;
}

void
sim_give(int fd)
{
	struct sim_file *f = sim_get(fd);

	if (f)
		f->outside = false;
}

void
sim_take(int fd)
{
	struct sim_file *f = sim_get(fd);

	if (f)
		f->outside = true;
}

/* ---- regular files, for senders ---- */

/* Not another process's: the library closes it if it is told to. */
int
sim_file(size_t size, unsigned seed, uint64_t base)
{
	struct sim_file *f = sim_new(SIM_REGULAR, O_RDONLY);

	if (!f)
		return -1;
	f->outside = false;
	f->size = size;
	f->seed = seed;
	f->base = base;
	return sim_install(f, 3, true);
}

void
sim_file_resize(int fd, size_t size)
{
	struct sim_file *f = sim_get(fd);

	if (f)
		f->size = size;
}

ssize_t
sim_pread(int fd, void *p, size_t n, off_t at)
{
	const struct sim_file *f = sim_get(fd);
	size_t from = (size_t)at;

	sim_call();
	if (!f)
		return -1;
	if (sim_trouble(SIM_INTERRUPT, 8))
		return sim_error(EINTR);
	if (sim_trouble(SIM_BUFFERS, 100))
		return sim_error(EIO);
	if (f->kind != SIM_REGULAR || from >= f->size)
		return 0;
	n = sim_part(n < f->size - from ? n : f->size - from);
	for (size_t i = 0; i < n; i++)
		((uint8_t *)p)[i] = sim_byte(f->seed, f->base + from + i);
	return (ssize_t)n;
}
