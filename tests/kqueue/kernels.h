/*
 * The kernels whose kqueue(2) and poll(2) the tests can imitate on Linux, and
 * all in which their answers differ.
 *
 * The environment variable SOCLE_TEST_KERNEL, "freebsd", "netbsd", "openbsd" or
 * "macos", selects one for the whole program. Without it the kqueue emulation
 * answers as the manual pages of the BSDs have it in common, and poll(2) is
 * Linux' own. On a system with a kqueue the kernel is the one that runs.
 */
#ifndef SOCLE_TESTS_KQUEUE_KERNELS_H
#define SOCLE_TESTS_KQUEUE_KERNELS_H

#include <stdbool.h>

enum kernel_id { MANUAL, FREEBSD, NETBSD, OPENBSD, MACOS };

/* What shutdown(2) makes of a listener. */
enum shut_listener {
	SHUT_IS_UNCONNECTED, /* Linux: a socket that never connected */
	SHUT_IS_ERROR,       /* READ: EOF and ECONNABORTED until it is taken */
	SHUT_ENDS_WRITE,     /* WRITE: EOF; READ: nothing more */
	SHUT_IS_REFUSED,     /* ENOTCONN, and nothing changes */
};

/* How poll(2) reports ends. ERR is Linux' alone. */
enum poll_style {
	POLL_OF_LINUX,
	POLL_HUP_OF_BOTH,  /* HUP if both directions are over; no OUT then */
	POLL_HUP_OF_GONE,  /* ... and the peer is gone for good */
	POLL_HUP_OF_PIPES, /* HUP of pipes only, beside OUT */
	POLL_IS_KQUEUE,    /* HUP for EOF on either filter; no OUT then */
};

struct kernel {
	enum kernel_id id;
	const char *name;

	/* ---- pipes whose other end is gone ---- */

	int gone_pipe_refuses; /* the error of a new WRITE filter; 0: none */
	bool gone_pipe_is_oneshot; /* WRITE: EOF and ONESHOT once, then deleted */
	bool full_pipe_sleeps;     /* WRITE of a full pipe is not woken */

	/* ---- pipes and FIFOs ---- */

	int read_end_has_room; /* WRITE of the read end: that much; 0: none */
	bool read_end_ends_write; /* WRITE of the read end tells the end */
	bool pipes_heed_mark;     /* NOTE_LOWAT, cut at the buffer's size */
	bool fifos_refuse_new; /* WRITE of a FIFO without a reader, as pipes */
	bool fifos_refuse_other; /* EINVAL for the direction not opened */
	bool fifos_are_endless;  /* no end; both filters see one buffer */

	/* ---- sockets ---- */

	bool marks_are_cut;      /* NOTE_LOWAT at the receive buffer's size */
	bool addresses_count;    /* in READ's data of UDP */
	bool full_peer_has_room; /* WRITE of AF_UNIX datagrams: always */
	enum shut_listener shut_listener;

	/* ---- other files ---- */

	bool devices_refuse;     /* EINVAL, and NVAL in poll(2) */
	bool files_refuse_write; /* EINVAL: regular files and directories */
	int queue_refuses_write; /* the error for WRITE of a kqueue */

	/* ---- kevent(2) ---- */

	int delete_of_closed;       /* the error */
	bool errors_keep_flags;     /* of the change, beside EV_ERROR */
	bool timeout_checked_first; /* before the changes are made */

	enum poll_style poll;

	/* ---- other calls ---- */

	bool short_control_refused; /* EINVAL: msg_control with no room */
	bool full_backlog_refuses;  /* ECONNREFUSED: connect over AF_UNIX */
	bool full_dgrams_have_name; /* ENOBUFS: AF_UNIX datagrams, peer full */
	bool accept_takes_client;   /* though it fails with EMFILE */
	bool dead_refuses_options; /* EINVAL: setsockopt, both directions over */
	bool dead_send_is_epipe;   /* though an error is pending */
	bool no_mmsg; /* ENOSYS: system.h does not use sendmmsg there */
};

/* The kernel of this run. */
const struct kernel *kernel(void);

/* For tests: whether it is this one. */
bool kernel_is(enum kernel_id id);

/* For the tests of the emulation itself: from now on it is this one. */
void kernel_becomes(enum kernel_id id);

#endif
