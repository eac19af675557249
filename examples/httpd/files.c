/*
 * The kernel resolves a path in one call and refuses to leave the root, or each
 * component is opened relative to the directory before it: either way nothing
 * can be replaced between a check and its use.
 */
#include "httpd/files.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#ifdef __linux__
#include <sys/syscall.h>
#endif
#ifdef __APPLE__
#define st_mtim st_mtimespec
#endif

/* O_NONBLOCK: opening a FIFO must not wait for its writer. */
enum { FLAGS = O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY };

static int root = -1;
static bool kernel_resolves;

/*
 * Below the root, whatever the links and `..' on the way.  The fd, or -errno.
 * libc has no openat2(2), and its header is not on every Linux.
 */
static int
open_beneath(const char *path)
{
#ifdef SYS_openat2
	enum { NO_MAGICLINKS = 2, BENEATH = 8 };
	const struct {
		uint64_t flags, mode, resolve;
	} how = {.flags = FLAGS | O_LARGEFILE,
		.resolve = BENEATH | NO_MAGICLINKS};
	long fd;

	do
		fd = syscall(SYS_openat2, root, path, &how, sizeof(how));
	while (fd < 0 && errno == EINTR);
	return fd < 0 ? -errno : (int)fd;
#else
	(void)path;
	return -ENOSYS;
#endif
}

static int
open_part(int dir, const char *name)
{
	int fd;

	do
		fd = openat(dir, name, FLAGS | O_NOFOLLOW);
	while (fd < 0 && errno == EINTR);
	return fd < 0 ? -errno : fd;
}

/* Component by component, without following any link. */
static int
open_stepwise(const char *path)
{
	int dir = open_part(root, "."), fd;
	char name[256];
	size_t len;

	while (dir >= 0 && *path) {
		len = strcspn(path, "/");
		if (len < sizeof(name)) {
			memcpy(name, path, len);
			name[len] = '\0';
			fd = open_part(dir, name);
		} else {
			fd = -ENAMETOOLONG;
		}
		close(dir);
		dir = fd;
		path += len + (path[len] == '/');
	}
	return dir;
}

int
files_start(const char *path)
{
	int fd;

	root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return -errno;
	fd = open_beneath(".");
	kernel_resolves = fd >= 0;
	if (fd >= 0)
		close(fd);
	return 0;
}

void
files_stop(void)
{
	close(root);
}

int
files_open(const char *path, struct file *ret)
{
	struct stat st;
	int err = 0, fd = -EAGAIN;

	if (kernel_resolves)
		fd = open_beneath(*path ? path : ".");
	if (fd == -EAGAIN) /* also if something was renamed meanwhile */
		fd = open_stepwise(path);
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		err = -errno;
	else if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
		err = -EACCES;
	if (err < 0) {
		close(fd);
		return err;
	}
	*ret = (struct file){.fd = fd,
		.is_directory = S_ISDIR(st.st_mode),
		.size = st.st_size,
		.modified = st.st_mtim};
	return 0;
}

const char *
files_type(const char *path)
{
	static const struct {
		const char *end, *type;
	} types[] = {
		{"html", "text/html; charset=utf-8"},
		{"css", "text/css; charset=utf-8"},
		{"js", "text/javascript; charset=utf-8"},
		{"json", "application/json"},
		{"md", "text/plain; charset=utf-8"},
		{"txt", "text/plain; charset=utf-8"},
		{"3", "text/plain; charset=utf-8"},
		{"7", "text/plain; charset=utf-8"},
		{"c", "text/plain; charset=utf-8"},
		{"h", "text/plain; charset=utf-8"},
		{"svg", "image/svg+xml"},
		{"png", "image/png"},
		{"jpg", "image/jpeg"},
		{"gif", "image/gif"},
		{"ico", "image/x-icon"},
		{"webp", "image/webp"},
		{"woff2", "font/woff2"},
		{"pdf", "application/pdf"},
	};
	const char *dot = strrchr(path, '.');

	for (size_t i = 0; dot && i < sizeof(types) / sizeof(types[0]); i++)
		if (strcasecmp(dot + 1, types[i].end) == 0)
			return types[i].type;
	return "application/octet-stream";
}
