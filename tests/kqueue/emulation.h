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

/* Changes with EV_RECEIPT since the program began. */
unsigned kqueue_receipts(void);
/* Kqueues whose state is kept; a closed one counts until it is noticed. */
int kqueue_states(void);

/* ---- readiness.c: what one fd has to report ---- */

enum file_kind {
	KIND_ALWAYS, /* what epoll refuses: files, folders, /dev/null */
	KIND_PIPE,
	KIND_TCP,
	KIND_UNIX, /* stream */
	KIND_SOCKET,
	KIND_OTHER,
};

enum file_kind kq_file_kind(int fd);

/* 0, or the error of adding this filter to this fd. */
int kq_filter_refused(int fd, enum file_kind kind, short filter);

/* What epoll has to watch for the filter. */
uint32_t kq_epoll_mask(
	int fd, enum file_kind kind, const struct kevent *filter);

/* Whether the filter has an event: its flags, fflags and data are set. */
bool kq_filter_ready(int fd, enum file_kind kind, const struct kevent *filter,
	struct kevent *ret);

/* ---- files.c: the filters of one kqueue, by fd ---- */

struct filter {
	bool there, enabled;
	bool told; /* `last' is what was reported */
	struct kevent asked, last;
};

enum { WRITE_SIDE, READ_SIDE, SIDES };

struct file {
	struct filter filters[SIDES];
	enum file_kind kind;
	uint32_t generation; /* of the number; in epoll's cookie */
	dev_t dev;
	ino_t ino;
	bool used;      /* has filters */
	bool watched;   /* is in the epoll set */
	bool level;     /* reported by epoll while it lasts, not once */
	bool settling;  /* epoll's next report is the echo of a change */
	int first;      /* side that comes first: it found no room */
	unsigned round; /* of the kq_collect() that reported it */
};

struct kq {
	struct kq *next;
	int fd;
	struct file *files; /* by fd */
	size_t room;
	int n_always; /* files that epoll refused */
	bool spoilt;  /* the epoll set has a file that is gone */
	unsigned round;
};

struct list {
	struct kevent *events;
	int n, room;
};

/* The fd's entry as it is now, without filters of an earlier file of this
 * number.  NULL: no memory. */
struct file *kq_file_at(struct kq *q, int fd, const struct stat *st);

/* After a filter was changed: 0, or why it cannot be watched. */
int kq_file_changed(struct kq *q, struct file *f);

/* The last one takes the file with it. */
void kq_filter_remove(struct kq *q, struct file *f, struct filter *w);

/* Adds what is ready now to the list, as far as there is room. */
void kq_collect(struct kq *q, struct list *out);

/* ---- kqueue.c ---- */

/* A new epoll set, marked as ours; -1 and errno. */
int kq_set_open(void);

#endif
