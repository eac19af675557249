/* Noting the failure of an operation. */
#ifndef SOCLE_SOCKETS_IO_FAIL_H
#define SOCLE_SOCKETS_IO_FAIL_H

#include "sockets/io/io.h"

/*
 * Notes that `operation' failed with `err', -errno, and returns `err'; the
 * second form with another text than strerror's.  -EAGAIN and -EINPROGRESS are
 * no failures and are not noted.
 */
int socle__io_fail(struct socle_io *io, const char *operation, int err);
int socle__io_fail_as(struct socle_io *io, const char *operation, int err,
	const char *fmt, ...) __attribute__((format(printf, 4, 5)));

#endif
