/* Queueing a file. */
#include "sockets/write/sendfile.h"

#include "reactor/signals.h"
#include "sockets/write/file.h"
#include "sockets/write/write.h"

#include "seam.h"

/* O_NONBLOCK: opening a FIFO without a writer would block the loop. */
static int
path_open(const char *path)
{
	int fd;

	do
		fd = sys_open(
			path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	while (fd < 0 && errno == EINTR);
	return fd < 0 ? -errno : fd;
}

int
socle_sendfile(struct socle_socket *s, const struct socle_sendfile *what)
{
	struct socle__item item = {.type = SOCLE__FILE, .len = 1};
	int fd = what->fd;
	int err = socle__write_refusal(s, 1);

	if (err < 0)
		return err;
	if (socle__fd_is(s, SOCLE__FD_MESSAGES))
		return -EINVAL;
	if (what->offset < 0 || what->length < SOCLE_TO_END)
		return -EINVAL;
	if (what->file && (fd = path_open(what->file)) < 0)
		return fd;
	socle__catch_sigpipe();
	err = socle__file_new(what, fd, &item.u.file);
	if (err == 0 && (err = socle__write_item(s, &item)) < 0)
		sys_free(item.u.file);
	if (err < 0 && what->file)
		sys_close(fd);
	return err;
}
