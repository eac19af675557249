/*
 * Part of the kqueue emulation: the filters of each fd, what epoll watches for
 * them, and how its reports become events. The head of kqueue.c describes the
 * whole.
 */
#ifdef __linux__

#include "tests/kqueue/emulation.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { AT_ONCE = 64 }; /* events per epoll_wait */

static int
fd_of(const struct kq *q, const struct file *f)
{
	return (int)(f - q->files);
}

static int
control(struct kq *q, const struct file *f, int op, uint32_t mask)
{
	struct epoll_event e = {.events = mask,
		.data.u64 =
			(uint64_t)f->generation << 32 | (uint32_t)fd_of(q, f)};

	return epoll_ctl(q->fd, op, fd_of(q, f), &e) < 0 ? errno : 0;
}

/*
 * Removes the filters, but not the entry of a duplicate that epoll may still
 * hold.
 */
static void
file_forget(struct kq *q, struct file *f)
{
	uint32_t generation = f->generation;

	if (f->used && f->kind == KIND_ALWAYS)
		q->n_always--;
	if (f->unseen)
		q->n_unseen--;
	memset(f, 0, sizeof(*f));
	f->generation = generation + 1;
}

/* Whether the number still is the file for which its filters were made. */
static bool
file_is_same(struct kq *q, const struct file *f)
{
	struct stat st;
	int err;

	if (!f->watched)
		return fstat(fd_of(q, f), &st) == 0 && st.st_dev == f->dev &&
			st.st_ino == f->ino;
	err = control(q, f, EPOLL_CTL_ADD, 0);
	if (err == 0)
		(void)control(q, f, EPOLL_CTL_DEL, 0);
	return err == EEXIST;
}

/* Makes epoll watch what the enabled filters need: 0 or an error. */
static int
file_watch(struct kq *q, struct file *f)
{
	uint32_t mask = 0;
	int err;

	for (int i = 0; i < SIDES && f->kind != KIND_ALWAYS; i++)
		if (f->filters[i].enabled)
			mask |= kq_epoll_mask(
				fd_of(q, f), f->kind, &f->filters[i].asked);
	if (mask == 0) {
		if (f->watched)
			(void)control(q, f, EPOLL_CTL_DEL, 0);
		f->watched = false;
		return 0;
	}
	mask |= f->level ? 0 : (uint32_t)EPOLLET;
	err = control(q, f, f->watched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, mask);
	if (err == EEXIST) /* a duplicate was moved back to its old number */
		err = control(q, f, EPOLL_CTL_MOD, mask);
	if (err == EPERM) {
		f->kind = KIND_ALWAYS;
		q->n_always++;
		return 0;
	}
	f->watched = err == 0;
	return err;
}

static bool
filter_lasts(const struct filter *w)
{
	return w->enabled && !(w->asked.flags & EV_CLEAR);
}

static void
unseen_count(struct kq *q, struct file *f)
{
	bool unseen = false;

	for (int i = 0; i < SIDES; i++)
		if (f->filters[i].there)
			unseen |= kq_filter_is_unseen(
				fd_of(q, f), f->kind, &f->filters[i].asked);
	q->n_unseen += unseen - f->unseen;
	f->unseen = unseen;
}

struct file *
kq_file_at(struct kq *q, int fd, const struct stat *st)
{
	size_t capacity = q->capacity ? q->capacity : 64;
	struct file *f;

	while (capacity <= (size_t)fd)
		capacity *= 2;
	if (capacity > q->capacity) {
		f = realloc(q->files, capacity * sizeof(*f));
		if (!f)
			return NULL;
		memset(f + q->capacity, 0,
			(capacity - q->capacity) * sizeof(*f));
		q->files = f;
		q->capacity = capacity;
	}
	f = &q->files[fd];
	if (f->used && !file_is_same(q, f))
		file_forget(q, f);
	if (!f->used) {
		f->dev = st->st_dev;
		f->ino = st->st_ino;
		f->kind = kq_file_kind(fd);
	}
	return f;
}

int
kq_file_changed(struct kq *q, struct file *f)
{
	f->level = filter_lasts(&f->filters[0]) || filter_lasts(&f->filters[1]);
	f->changed = false;
	unseen_count(q, f);
	return file_watch(q, f);
}

void
kq_filter_remove(struct kq *q, struct file *f, struct filter *w)
{
	memset(w, 0, sizeof(*w));
	(void)kq_file_changed(q, f);
	if (!f->filters[0].there && !f->filters[1].there)
		file_forget(q, f);
}

/* ---- events ---- */

static bool
is_new(const struct filter *w, const struct kevent *e)
{
	return !w->reported || e->flags != w->last.flags ||
		e->fflags != w->last.fflags || e->data != w->last.data;
}

/* Adds a filter's event, if it has one that has not been reported already. */
static void
filter_look(int fd, enum file_kind kind, struct filter *w, bool edge,
	struct list *out, bool *ready, bool *left)
{
	struct kevent e;

	*ready = w->enabled &&
		kq_filter_ready(fd, kind, &w->asked, w->knew_end, &e);
	*left = false;
	if (!*ready) {
		w->reported = false;
		return;
	}
	if (!filter_lasts(w) && !edge && !is_new(w, &e))
		return;
	w->reported = out->n < out->capacity;
	*left = !w->reported;
	if (*left)
		return;
	w->last = e;
	out->events[out->n++] = e;
	if (e.flags & (EV_ONESHOT | EV_DISPATCH))
		w->enabled = false;
	w->there = !(e.flags & EV_ONESHOT);
}

/* Adds the file's events, and sets how epoll watches the file from now on. */
static void
file_look(struct kq *q, struct file *f, struct list *out)
{
	bool edge = f->watched && !f->level && !f->changed;
	bool level = false, again = false;
	int first = f->first, before = out->n;

	f->changed = false;
	f->first = 0;
	for (int i = 0; i < SIDES; i++) {
		int side = (first + i) % SIDES;
		struct filter *w = &f->filters[side];
		bool was_enabled = w->enabled, ready, left;

		filter_look(fd_of(q, f), f->kind, w, edge, out, &ready, &left);
		level = level || (ready && filter_lasts(w));
		again = again || left || w->enabled != was_enabled;
		if (left)
			f->first = side;
	}
	if (out->n > before)
		f->round = q->round;
	if (level != f->level || again) {
		f->level = level;
		f->changed = !level;
		(void)file_watch(q, f);
	}
	if (!f->filters[0].there && !f->filters[1].there)
		file_forget(q, f);
}

/*
 * Handles one of epoll's reports; false: this round has already handled the
 * file.
 */
static bool
report_take(struct kq *q, const struct epoll_event *e, struct list *out)
{
	size_t fd = (uint32_t)e->data.u64;
	struct file *f = fd < q->capacity ? &q->files[fd] : NULL;

	if (!f || !f->watched || f->generation != e->data.u64 >> 32) {
		q->stale = true;
		return true;
	}
	if (!file_is_same(q, f)) {
		file_forget(q, f);
		q->stale = true;
		return true;
	}
	if (f->round == q->round) {
		if (!f->level) /* an edge must not be lost */
			(void)file_watch(q, f);
		return false;
	}
	file_look(q, f, out);
	return true;
}

/*
 * Installs another epoll set under the same number, without files that were
 * closed.
 */
static void
set_rebuild(struct kq *q)
{
	int fd = kq_set_open();
	int err = fd < 0 ? -1 : 0;

	for (size_t i = 0; i < q->capacity && !err; i++)
		if (q->files[i].watched && !file_is_same(q, &q->files[i]))
			file_forget(q, &q->files[i]);
	if (!err)
		err = dup3(fd, q->fd, O_CLOEXEC) < 0 ? -1 : 0;
	if (fd >= 0)
		close(fd);
	q->stale = err;
	for (size_t i = 0; i < q->capacity && !err; i++) {
		if (!q->files[i].watched)
			continue;
		q->files[i].watched = false;
		(void)file_watch(q, &q->files[i]);
	}
}

static void
look_at_always_ready(struct kq *q, struct list *out)
{
	for (size_t i = 0;
		i < q->capacity && (q->n_always > 0 || q->n_unseen > 0); i++) {
		struct file *f = &q->files[i];

		if (!f->used || !(f->kind == KIND_ALWAYS || f->unseen))
			continue;
		if (!file_is_same(q, f))
			file_forget(q, f);
		else
			file_look(q, f, out);
	}
}

/*
 * A file yields at most two events, so at most the events of the last file are
 * cut off.
 */
void
kq_collect(struct kq *q, struct list *out)
{
	struct epoll_event e[AT_ONCE];
	bool more = true;
	int again = 0; /* how many files may be reported a second time */

	q->round++;
	look_at_always_ready(q, out);
	while (more && out->n < out->capacity) {
		int want = (out->capacity - out->n) / 2;
		int got;

		want = want < 1 ? 1 : want < AT_ONCE ? want : AT_ONCE;
		got = epoll_wait(q->fd, e, want, 0);
		more = got == want || (got > 0 && out->n == 0);
		for (int i = 0; i < got; i++)
			if (!report_take(q, &e[i], out))
				more = more && again-- > 0;
		if (q->stale) {
			set_rebuild(q);
			more = !q->stale;
			again = out->n;
		}
	}
}

#else
typedef int kqueue_files_are_not_needed;
#endif
