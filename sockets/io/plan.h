/* The addresses that a constructor tries. */
#ifndef SOCLE_SOCKETS_IO_PLAN_H
#define SOCLE_SOCKETS_IO_PLAN_H

#include "sockets/io/resolve.h"

#include <stdint.h>

/* How far an attempt came; the failure of the furthest one is reported. */
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
	enum socle__io_stage stage;        /* of the failure to report */
	int err;
	char errstr[sizeof(((struct socle_io *)0)->errstr)];
	struct socle_io_sockopt sockopts[]; /* and their data */
};

/* Tries the remaining addresses: 0; -EINPROGRESS; -errno, noted. */
int socle__io_plan_run(struct socle__io_plan *plan, struct socle_io *io);

/* Keeps the failure that `io' has noted, if that attempt came further. */
void socle__io_plan_failed(struct socle__io_plan *plan, struct socle_io *io,
	enum socle__io_stage stage, int err);

/* Goes on with the plan after a connect that was under way has failed. */
int socle__io_plan_go_on(struct socle_io *io, int err);

void socle__io_plan_drop(struct socle_io *io);

#endif
