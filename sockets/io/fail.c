/* Noting the failure of an operation. */
#include "sockets/io/fail.h"

#include "system.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int
socle__io_fail_as(struct socle_io *io, const char *operation, int err,
	const char *fmt, ...)
{
	int n = snprintf(io->errstr, sizeof(io->errstr), "%s: ", operation);
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(
		io->errstr + n, sizeof(io->errstr) - (size_t)n, fmt, ap);
	va_end(ap);
	return err;
}

int
socle__io_fail(struct socle_io *io, const char *operation, int err)
{
	if (err == -EAGAIN || err == -EINPROGRESS)
		return err;
	return socle__io_fail_as(io, operation, err, "%s", strerror(-err));
}
