/*
 * Declarations shared by the parts of the kqueue emulation, and the queries
 * that only tests make.
 */
#ifndef SOCLE_TESTS_KQUEUE_EMULATION_H
#define SOCLE_TESTS_KQUEUE_EMULATION_H

#include "tests/kqueue/sys/event.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

/* ---- for tests ---- */

/* The number of changes with EV_RECEIPT since the program started. */
unsigned kqueue_receipts(void);
/*
 * The number of kqueues whose state is kept; a closed one counts until it is
 * noticed.
 */
int kqueue_states(void);
/*
 * As on FreeBSD once a listener was shut down: the events of its clients carry
 * an EOF and an error from now on, though it was fetched.
 */
void kqueue_keep_listeners_end(int fd);
/*
 * The error of the shut-down listener, once: true. For the tests' seam.
 */
bool kqueue_listeners_error(int fd);

/* ---- readiness.c: the readiness of one fd ---- */

enum file_kind {
	KIND_ALWAYS, /* fds that epoll refuses: files, directories, /dev/null */
	KIND_PIPE,
	KIND_FIFO, /* has a path */
	KIND_TCP,
	KIND_UNIX, /* stream */
	KIND_UNIX_DGRAM,
	KIND_SOCKET,
	KIND_OTHER,
};

enum file_kind kq_file_kind(int fd);

/* The POLL bits that hold now, requested or not; the number of unread bytes. */
unsigned kq_state_of(int fd);
int64_t kq_unread_of(int fd);

/* 0, or the error of adding this filter to this fd. */
int kq_filter_refused(int fd, enum file_kind kind, short filter);

/* The events that epoll must watch for the filter. */
uint32_t kq_epoll_mask(
	int fd, enum file_kind kind, const struct kevent *filter);

/*
 * Whether the filter may have an event that epoll does not report, or reports
 * too early.
 */
bool kq_filter_is_unseen(
	int fd, enum file_kind kind, const struct kevent *filter);

/*
 * Whether the filter has an event; sets its flags, fflags and data. `knew_end':
 * the file was at its end already when the filter was added.
 */
bool kq_filter_ready(int fd, enum file_kind kind, const struct kevent *filter,
	bool knew_end, struct kevent *ret);

/* ---- pipes.c: the same for pipes and FIFOs ---- */

bool kq_is_fifo(int fd);
int kq_pipe_refused(int fd, enum file_kind kind, short filter);
bool kq_pipe_is_unseen(int fd, enum file_kind kind, short filter);
bool kq_pipe_ready(int fd, enum file_kind kind, const struct kevent *filter,
	bool knew_end, struct kevent *ret);

/* Whether the other end is gone. */
bool kq_pipe_ends(int fd, enum file_kind kind);

/* ---- listeners.c: what became of listeners ---- */

/* Whether the socket listens; it is remembered. */
bool kq_listens(int fd);

/* Whether it did, and was shut down. */
bool kq_listened(int fd);

/* Whether the error of a listener that was shut down is still to be fetched. */
bool kq_listener_errs(int fd);

/* Whether a listener that takes clients has an end left over. */
bool kq_listener_keeps_end(int fd);

/* ---- files.c: the filters of one kqueue, by fd ---- */

struct filter {
	bool there, enabled;
	bool knew_end; /* the file was at its end when it was added */
	bool reported; /* `last' has been reported */
	struct kevent asked, last;
};

enum { WRITE_SIDE, READ_SIDE, SIDES };

struct file {
	struct filter filters[SIDES];
	enum file_kind kind;
	uint32_t generation; /* of the fd number; in epoll's cookie */
	dev_t dev;
	ino_t ino;
	bool used;    /* has filters */
	bool unseen;  /* epoll may not report what they report */
	bool watched; /* is in the epoll set */
	bool level;   /* level-triggered in epoll, not edge-triggered */
	/* epoll's next report is caused by a change of its own */
	bool changed;
	int first; /* the filter to report first: it did not fit last time */
	unsigned round; /* number of the kq_collect() that reported it */
};

struct kq {
	struct kq *next;
	int fd;
	struct file *files; /* by fd */
	size_t capacity;
	int n_always; /* number of files that epoll refused */
	int n_unseen; /* ... and of others that are looked at every time */
	bool stale;   /* the epoll set contains a file that was closed */
	unsigned round;
};

struct list {
	struct kevent *events;
	int n, capacity;
};

/*
 * The current entry of the fd, without filters of an earlier file at this
 * number. NULL: out of memory.
 */
struct file *kq_file_at(struct kq *q, int fd, const struct stat *st);

/* To be called after a filter was changed: 0, or why it cannot be watched. */
int kq_file_changed(struct kq *q, struct file *f);

/* Removing the last filter removes the file too. */
void kq_filter_remove(struct kq *q, struct file *f, struct filter *w);

/* Adds the events that are ready now to the list, as far as they fit. */
void kq_collect(struct kq *q, struct list *out);

/* ---- kqueue.c ---- */

/* A new epoll set with the emulation's mark; -1 and errno. */
int kq_set_open(void);

#endif
