/*
 * Each component of a path is opened relative to the directory before it, so
 * that nothing can be replaced between a check and its use.
 */
#include "files.h"

#include "http.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

/* O_NONBLOCK: opening a FIFO must not wait for its writer. */
static int
open_part(int dir, const char *part, size_t len)
{
	char name[NAME_MAX * 3 + 1];
	int fd;

	if (len >= sizeof(name))
		return -ENAMETOOLONG;
	if (http_decode(name, part, len) < 0)
		return -EINVAL;
	if (name[0] == '.' || name[0] == '\0')
		return -ENOENT;
	fd = openat(dir, name,
		O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	return fd < 0 ? -errno : fd;
}

static int
check(int fd, bool wants_directory, struct stat *st)
{
	if (fstat(fd, st) < 0)
		return -errno;
	if (S_ISREG(st->st_mode))
		return wants_directory ? -ENOTDIR : 0;
	return S_ISDIR(st->st_mode) ? 0 : -EACCES;
}

/* requires: the path starts with a slash */
int
files_open(int root, const char *path, size_t len, struct stat *ret)
{
	const char *at = path, *end = path + len;
	int err, dir = fcntl(root, F_DUPFD_CLOEXEC, 0);

	if (dir < 0)
		return -errno;
	while (++at < end) {
		const char *slash = memchr(at, '/', (size_t)(end - at));
		const char *stop = slash ? slash : end;
		int fd = open_part(dir, at, (size_t)(stop - at));

		close(dir);
		if (fd < 0)
			return fd;
		dir = fd;
		at = stop;
	}
	err = check(dir, end[-1] == '/', ret);
	if (err == 0)
		return dir;
	close(dir);
	return err;
}

static bool
ends_with(const char *path, size_t len, const char *end)
{
	size_t n = strlen(end);

	return len > n && strncasecmp(path + len - n, end, n) == 0;
}

bool
files_is_markdown(const char *path, size_t len)
{
	return ends_with(path, len, ".md");
}

const char *
files_type(const char *path, size_t len)
{
	static const struct {
		const char *end, *type;
	} types[] = {
		{".html", "text/html; charset=utf-8"},
		{".css", "text/css; charset=utf-8"},
		{".js", "text/javascript; charset=utf-8"},
		{".json", "application/json"},
		{".md", "text/plain; charset=utf-8"},
		{".txt", "text/plain; charset=utf-8"},
		{".3", "text/plain; charset=utf-8"},
		{".7", "text/plain; charset=utf-8"},
		{".c", "text/plain; charset=utf-8"},
		{".h", "text/plain; charset=utf-8"},
		{".svg", "image/svg+xml"},
		{".png", "image/png"},
		{".jpg", "image/jpeg"},
		{".gif", "image/gif"},
		{".ico", "image/x-icon"},
		{".webp", "image/webp"},
		{".woff2", "font/woff2"},
		{".pdf", "application/pdf"},
	};

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (ends_with(path, len, types[i].end))
			return types[i].type;
	return "application/octet-stream";
}
