/*
 * What the files of struct socle_io share.
 *
 *	io.c		the object: made, adopted, stolen, closed
 *	io_open.c	the constructor
 *	io_resolve.c	its texts to addresses and numbers
 *	io_plan.c	every local with every peer address, one after another
 *	io_connect.c	connect, connected
 *	io_accept.c	bind, listen, accept
 *	io_wait.c	... with a timeout
 *	io_data.c	bytes, names and options
 */
#ifndef SOCLE_SOCKETS_IO_PRIVATE_H
#define SOCLE_SOCKETS_IO_PRIVATE_H

#include "sockets/io/io.h"

#include <stdint.h>

/* ---- io.c ---- */

/*
 * Notes that `operation' failed with `err', -errno, and returns that; and the
 * same with another text than strerror's.  The two that are no errors are not
 * noted.
 */
int socle__io_fail(struct socle_io *io, const char *operation, int err);
int socle__io_fail_as(struct socle_io *io, const char *operation, int err,
	const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* The fd, or a failure of `operation': -EBADF. */
int socle__io_need_fd(struct socle_io *io, const char *operation);

/* ---- io_wait.c ---- */

struct socle__io_timed {
	int fd, mode;
	bool on; /* it has a timeout to keep, and does not block meanwhile */
	int64_t deadline;
};

int socle__io_timed_begin(struct socle__io_timed *t, int fd, double timeout);
/* err, or that the mode could not be restored. */
int socle__io_timed_end(const struct socle__io_timed *t, int err);

/* What is ready; 0: the deadline has passed; -errno.  fd -1: just waits. */
int socle__io_wait(int fd, short events, int64_t deadline);
#define SOCLE__IO_AT_ONCE INT64_C(0) /* deadlines */
#define SOCLE__IO_FOR_EVER INT64_MAX

/* ---- io_connect.c ---- */

/* As socle_io_connect(), and leaves the plan alone. */
int socle__io_connect_to(struct socle_io *io, const struct socle_addr *addr);

/* ---- io_resolve.c ---- */

struct socle__io_list {
	struct socle_addr *at; /* sys_malloc'ed */
	size_t n;
};

/* One side of the parameters. */
struct socle__io_side {
	const char *operation; /* bind, connect */
	const char *addr, *port;
	int domain, type;
	bool local;
};

static inline bool
socle__io_is_text(const char *text)
{
	return text != NULL && *text != '\0';
}

/* The addresses of a side, one at least; a failure is noted. */
int socle__io_resolve(struct socle_io *io, const struct socle__io_side *side,
	struct socle__io_list *ret);

/* A protocol's number, and its type in *type if that is 0 and it has one. */
int socle__io_protocol(struct socle_io *io, const char *name, int *type);

/* ---- io_plan.c ---- */

/* How far an attempt came; the later, the more its failure tells. */
enum socle__io_stage {
	SOCLE__IO_AT_NOTHING,
	SOCLE__IO_AT_SOCKET,
	SOCLE__IO_AT_BIND,
	SOCLE__IO_AT_CONNECT,
	SOCLE__IO_AT_OPTION
};

struct socle__io_plan {
	struct socle_io_params p; /* its texts are gone */
	int protocol;
	struct socle__io_list local, peer; /* none: n is 0 */
	size_t next;                       /* the pair to try next */
	enum socle__io_stage stage;        /* of the failure that tells most */
	int err;
	char errstr[sizeof(((struct socle_io *)0)->errstr)];
	struct socle_io_sockopt sockopts[]; /* and their data */
};

/* Tries what is left: 0; -EINPROGRESS; -errno, noted, of what told most. */
int socle__io_plan_run(struct socle__io_plan *plan, struct socle_io *io);

/* Keeps the failure that io tells of, if it tells more than those before. */
void socle__io_plan_failed(struct socle__io_plan *plan, struct socle_io *io,
	enum socle__io_stage stage, int err);

/* The same for a plan that waited, behind a failed connect. */
int socle__io_plan_go_on(struct socle_io *io, int err);

void socle__io_plan_drop(struct socle_io *io);

#endif
