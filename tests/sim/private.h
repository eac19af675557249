/* Shared by the parts of the simulated kernel. */
#ifndef SOCLE_TESTS_SIM_PRIVATE_H
#define SOCLE_TESTS_SIM_PRIVATE_H

#include "tests/sim/libc.h"
#include "tests/sim/sim.h"

#include <errno.h>

enum { SIM_FDS = 256, SIM_FILES = 256 };

enum sim_kind {
	SIM_NONE,
	SIM_STREAM,
	SIM_DGRAM,
	SIM_PIPE_READ,
	SIM_PIPE_WRITE,
	SIM_REGULAR,
	SIM_NULL,
	SIM_EPOLL,
	SIM_EVENTFD,
};

enum sim_phase {
	SIM_FRESH,
	SIM_CONNECTING,
	SIM_CONNECTED,
	SIM_LISTENING,
	SIM_DEAD, /* reset, or both directions over on TCP */
};

/* A queue of bytes. */
struct sim_bytes {
	uint8_t *data;
	size_t size, at, n;
};

struct sim_address {
	socklen_t len;
	union {
		struct sockaddr sa;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
		struct sockaddr_un un;
	} u;
};

struct sim_datagram {
	struct sim_datagram *next;
	struct sim_address from;
	size_t n;
	uint8_t data[];
};

/* An open file, which several fds may refer to. */
struct sim_file {
	enum sim_kind kind;
	int refs, mode, owner; /* mode: of F_GETFL */
	ino_t ino;
	unsigned changes; /* counts what may make it ready: epoll's edges */
	bool outside;     /* another process has it */
	bool inherited;   /* the parent has it too */

	int domain, protocol;
	enum sim_phase phase;
	struct sim_file *peer; /* the other end, or NULL */
	struct sim_address name, peer_name;
	int err; /* SO_ERROR */

	struct sim_bytes in, out; /* received; sent and on its way */
	uint64_t taken;           /* bytes that were written */
	uint64_t tried;           /* writes of at least a byte */
	bool shut_read, shut_write, got_end;
	bool end_sent;    /* the end of stream is on its way behind `out' */
	bool reset_sent;  /* a reset is on its way to this file */
	int refused;      /* connecting: how it will end; 0: well */
	int64_t asked_at; /* for its peer */

	struct sim_file *waiting[16]; /* a listener's clients */
	int n_waiting, backlog;
	struct sim_file *listener; /* of a client that has not arrived there */

	struct sim_datagram *first, *last; /* received */
	int n_datagrams;

	size_t size, offset; /* of a regular file, and its pattern */
	unsigned seed;
	uint64_t base;
	uint64_t value; /* of an eventfd */
	struct sim_epoll *epoll;
};

struct sim_fd {
	struct sim_file *file;
	int flags; /* FD_CLOEXEC */
};

struct sim_world {
	struct sim_fd fds[SIM_FDS];
	struct sim_file files[SIM_FILES];
	uint64_t random;
	unsigned troubles;
	int outside;   /* > 0: another process runs */
	int emulating; /* > 0: another kernel's call is made of calls */
	int peeking;   /* > 0: a look that consumes no edge */
	bool calm, child;
	bool closed_unasked; /* the fd that the library closed last */
	int64_t now, stopped;
	ino_t next_ino;
	int next_port, in_transit;
	int top; /* no file at or above it is in use */
	struct rlimit limit;
};
extern struct sim_world sim;

/* ---- world.c ---- */

/* Whether this trouble happens now, once in `rarity' times. */
bool sim_trouble(enum sim_trouble which, unsigned rarity);
/* Every system call begins with this; true: it fails with EINTR. */
void sim_call(void);
/* -1 and errno */
int sim_error(int err);
/* Something that is on its way arrives, perhaps. */
void sim_step(void);
/* Part of n, at least 1, if calls are to be short. */
size_t sim_part(size_t n);

/* The child of a fork must not touch this: the parent would notice. */
void sim_untouched(const struct sim_file *f, const char *call);

/* ---- files.c ---- */

struct sim_file *sim_get(int fd); /* NULL and errno: not open */
struct sim_file *sim_socket_of(int fd);
struct sim_file *sim_new(enum sim_kind kind, int mode);
int sim_install(struct sim_file *f, int least, bool cloexec);
void sim_release(struct sim_file *f);
/* Something of the file changed. */
void sim_wake(struct sim_file *f);

/* ---- bytes.c ---- */

void sim_bytes_size(struct sim_bytes *b, size_t size);
void sim_bytes_free(struct sim_bytes *b);
size_t sim_bytes_put(struct sim_bytes *b, const void *p, size_t n);
size_t sim_bytes_get(struct sim_bytes *b, void *p, size_t n);
size_t sim_bytes_move(struct sim_bytes *to, struct sim_bytes *from, size_t n);
size_t sim_room(const struct sim_bytes *b);

/* ---- streams.c, pipes included ---- */

ssize_t sim_stream_read(struct sim_file *f, void *p, size_t n);
/* The bytes of the pieces; `signals': SIGPIPE goes with EPIPE. */
ssize_t sim_stream_write(
	struct sim_file *f, const struct iovec *v, size_t n, bool signals);
size_t sim_stream_room(const struct sim_file *f);
void sim_stream_close(struct sim_file *f);
void sim_stream_shut(struct sim_file *f, int how);
/* Whether something is on its way from or to it; and some of it arrives. */
bool sim_stream_is_busy(const struct sim_file *f);
void sim_stream_arrive(struct sim_file *f, size_t most);
void sim_stream_die(struct sim_file *f, int err);
/* Sends off what `f' has on its way: at once, or some time later. */
void sim_set_off(struct sim_file *f);
void sim_pair(struct sim_file *a, struct sim_file *b);

/* ---- datagrams.c ---- */

ssize_t sim_dgram_send(struct sim_file *f, const struct iovec *v, size_t n,
	const struct sockaddr *to, socklen_t len);
ssize_t sim_dgram_receive(struct sim_file *f, struct msghdr *m, int flags);
bool sim_dgram_has_room(const struct sim_file *f);
void sim_dgram_close(struct sim_file *f);

/* ---- names.c ---- */

void sim_listener_close(struct sim_file *f);
/* A client's connection has arrived at its listener: false if it is gone. */
bool sim_listener_take(struct sim_file *client);
/* The socket of this kind that has this name; NULL: none. */
struct sim_file *sim_named(enum sim_kind kind, int domain,
	const struct sockaddr *a, socklen_t len);
void sim_copy_name(
	const struct sim_address *from, struct sockaddr *a, socklen_t *n);
int sim_name_any(struct sim_file *f);

/* ---- poll.c ---- */

unsigned sim_state_of(struct sim_file *f);
void sim_epoll_free(struct sim_file *f);
void sim_epoll_forget(struct sim_file *f);

#endif
