/*
 * Readiness in the simulated kernel, as Linux has it: poll(2), epoll(7) and the
 * wait.
 */
#include "tests/sim/private.h"

#include <limits.h>

/* ---- the state of a file ---- */

static unsigned
state_of_stream(const struct sim_file *f)
{
	unsigned state = 0;

	if (f->phase == SIM_LISTENING)
		return f->n_waiting > 0 ? POLLIN : 0;
	if (f->phase == SIM_FRESH)
		return POLLHUP | POLLOUT;
	if (f->phase == SIM_CONNECTING)
		return 0;
	if (f->err)
		state |= POLLERR;
	if (f->phase == SIM_DEAD ||
		((f->got_end || f->shut_read) && f->shut_write))
		state |= POLLHUP;
	if (f->got_end || f->shut_read)
		state |= POLLIN | POLLRDHUP;
	if (f->in.n > 0)
		state |= POLLIN;
	if (f->shut_write || f->phase == SIM_DEAD || sim_stream_room(f) > 0)
		state |= POLLOUT;
	return state;
}

static unsigned
state_of_pipe(const struct sim_file *f)
{
	unsigned state = 0;

	if (f->kind == SIM_PIPE_READ) {
		if (f->in.n > 0)
			state |= POLLIN;
		return f->got_end ? state | POLLHUP : state;
	}
	if (!f->peer || f->peer->refs == 0)
		return POLLERR | POLLOUT;
	return sim_room(&f->peer->in) > 0 ? POLLOUT : 0;
}

unsigned
sim_state_of(struct sim_file *f)
{
	switch (f->kind) {
	case SIM_STREAM:
		return state_of_stream(f);
	case SIM_PIPE_READ:
	case SIM_PIPE_WRITE:
		return state_of_pipe(f);
	case SIM_DGRAM:
		return (f->first || f->err ? (unsigned)POLLIN : 0) |
			(f->err ? (unsigned)POLLERR : 0) |
			(sim_dgram_has_room(f) ? (unsigned)POLLOUT : 0);
	case SIM_EVENTFD:
		return (f->value > 0 ? (unsigned)POLLIN : 0) | POLLOUT;
	case SIM_EPOLL: {
		struct epoll_event e;
		int fd = -1;

		for (int i = 0; i < SIM_FDS && fd < 0; i++)
			if (sim.fds[i].file == f)
				fd = i;
		sim.outside++;
		sim.peeking++;
		fd = sim_epoll_wait(fd, &e, 1, 0);
		sim.peeking--;
		sim.outside--;
		return fd > 0 ? POLLIN : 0;
	}
	case SIM_NONE:
	case SIM_REGULAR:
	case SIM_NULL:
		break;
	}
	return POLLIN | POLLOUT;
}

unsigned
sim_state(int fd)
{
	struct sim_file *f = sim_get(fd);

	return f ? sim_state_of(f) : POLLNVAL;
}

/* ---- waiting ---- */

/*
 * Calls `look' until it finds something: its result; 0 once `ns' have passed
 * (-1: for ever), -1 and EINTR.
 */
static int
wait_for(int (*look)(void *arg), void *arg, int64_t ns)
{
	const int64_t end = ns < 0 ? INT64_MAX : sim.now + ns;

	sim_call();
	if (sim.outside == 0)
		sim_counts.waits++;
	if (sim.outside == 0 && ns != 0 && sim_sleeps)
		sim_sleeps(ns);
	for (;;) {
		int found;

		if (sim.peeking == 0 && (sim.emulating == 0 || ns != 0))
			sim_step();
		if (ns != 0 && sim_trouble(SIM_INTERRUPT, 20))
			return sim_error(EINTR);
		found = look(arg);
		if (found != 0 || ns == 0)
			return found;
		if (sim.in_transit > 0 && !sim.calm) {
			sim.now += 1 + (int64_t)sim_choose(100000);
			if (sim.now < end)
				continue;
		} else if (sim_idle && sim_idle()) {
			continue;
		}
		if (ns < 0 && sim.troubles & 1U << SIM_MEMORY)
			return sim_error(EINTR); /* a timeout was not kept */
		if (ns < 0)
			sim_fail("waits, and nothing will ever happen");
		if (sim.now < end)
			sim.now = end;
		return 0;
	}
}

/* ---- poll(2) ---- */

struct polled {
	struct pollfd *fds;
	nfds_t n;
};

static int
look_at_polled(void *arg)
{
	const struct polled *p = arg;
	int found = 0;

	for (nfds_t i = 0; i < p->n; i++) {
		struct pollfd *at = &p->fds[i];

		at->revents = 0;
		if (at->fd < 0)
			continue;
		at->revents = (short)(sim_state(at->fd) &
			((unsigned)at->events | POLLERR | POLLHUP | POLLNVAL));
		found += at->revents != 0;
	}
	return found;
}

int
sim_poll(struct pollfd *fds, nfds_t n, int ms)
{
	struct polled p = {fds, n};

	return wait_for(
		look_at_polled, &p, ms < 0 ? -1 : (int64_t)ms * 1000000);
}

int
sim_ppoll(struct pollfd *fds, nfds_t n, const struct timespec *timeout,
	const sigset_t *mask)
{
	struct polled p = {fds, n};

	(void)mask;
	return wait_for(look_at_polled, &p,
		timeout ? (int64_t)timeout->tv_sec * 1000000000 +
				timeout->tv_nsec
			: -1);
}

/* ---- epoll(7) ---- */

struct item {
	struct sim_file *file;
	int fd;
	uint32_t events;
	epoll_data_t data;
	unsigned seen; /* the file's changes at the last report */
};

struct sim_epoll {
	struct sim_epoll *next;
	struct item *items;
	int n, capacity;
};

static struct sim_epoll *epolls;

int
sim_epoll_create1(int flags)
{
	struct sim_file *f;

	sim_call();
	if (sim_trouble(SIM_DESCRIPTORS, 8))
		return sim_error(EMFILE);
	f = sim_new(SIM_EPOLL, O_RDWR);
	if (!f)
		return -1;
	f->epoll = calloc(1, sizeof(*f->epoll));
	if (!f->epoll)
		abort();
	f->epoll->next = epolls;
	epolls = f->epoll;
	return sim_install(f, 0, flags & EPOLL_CLOEXEC);
}

void
sim_epoll_free(struct sim_file *f)
{
	struct sim_epoll **at = &epolls;

	while (*at != f->epoll)
		at = &(*at)->next;
	*at = f->epoll->next;
	free(f->epoll->items);
	free(f->epoll);
	f->epoll = NULL;
}

/* The file's last fd was closed. */
void
sim_epoll_forget(struct sim_file *f)
{
	for (struct sim_epoll *ep = epolls; ep; ep = ep->next) {
		int kept = 0;

		for (int i = 0; i < ep->n; i++)
			if (ep->items[i].file != f)
				ep->items[kept++] = ep->items[i];
		ep->n = kept;
	}
}

static int
item_add(struct sim_epoll *ep, struct sim_file *f, int fd,
	const struct epoll_event *e)
{
	if (ep->n == ep->capacity) {
		ep->capacity = ep->capacity ? ep->capacity * 2 : 16;
		ep->items = realloc(
			ep->items, (size_t)ep->capacity * sizeof(*ep->items));
		if (!ep->items)
			abort();
	}
	ep->items[ep->n++] = (struct item){
		.file = f,
		.fd = fd,
		.events = e->events,
		.data = e->data,
		.seen = f->changes - 1,
	};
	return 0;
}

static int
item_change(struct item *item, const struct epoll_event *e)
{
	item->events = e->events;
	item->data = e->data;
	item->seen = item->file->changes - 1;
	return 0;
}

int
sim_epoll_ctl(int epfd, int op, int fd, struct epoll_event *e)
{
	struct sim_file *epoll = sim_get(epfd), *f = sim_get(fd);
	struct sim_epoll *ep = epoll ? epoll->epoll : NULL;
	struct item *item = NULL;

	sim_call();
	sim_counts.changes += sim.outside == 0;
	if (!ep || !f)
		return sim_error(EBADF);
	sim_untouched(epoll, "epoll_ctl");
	if (f->kind == SIM_REGULAR || f->kind == SIM_NULL)
		return sim_error(EPERM);
	for (int i = 0; i < ep->n && !item; i++)
		if (ep->items[i].file == f && ep->items[i].fd == fd)
			item = &ep->items[i];
	if (op != EPOLL_CTL_ADD && !item)
		return sim_error(ENOENT);
	if (op == EPOLL_CTL_ADD && item)
		return sim_error(EEXIST);
	if (op == EPOLL_CTL_DEL) {
		*item = ep->items[--ep->n];
		return 0;
	}
	if (op == EPOLL_CTL_ADD && sim.emulating == 0 &&
		sim_trouble(SIM_WATCHES, 15))
		return sim_error(sim_choose(2) ? ENOSPC : ENOMEM);
	return item ? item_change(item, e) : item_add(ep, f, fd, e);
}

struct reported {
	struct sim_epoll *ep;
	struct epoll_event *e;
	int n;
};

static bool
report(struct item *item, struct epoll_event *ret)
{
	unsigned state = sim_state_of(item->file);
	unsigned asked = item->events | EPOLLERR | EPOLLHUP;

	if (item->events & EPOLLET && item->seen == item->file->changes)
		return false;
	if (sim.emulating == 0 && sim_trouble(SIM_SPURIOUS, 200))
		state |= POLLIN | POLLOUT;
	if (!(state & asked))
		return false;
	if (sim.peeking == 0)
		item->seen = item->file->changes;
	*ret = (struct epoll_event){
		.events = state & asked,
		.data = item->data,
	};
	return true;
}

/* In any order, and not always all of them. */
static int
look_at_items(void *arg)
{
	const struct reported *r = arg;
	int first = r->ep->n > 0 ? (int)sim_choose((uint64_t)r->ep->n) : 0;
	int step = sim_choose(2) ? 1 : r->ep->n - 1;
	int most = r->n, found = 0;

	if (sim_trouble(SIM_FEW, 3))
		most = 1;
	for (int i = 0; i < r->ep->n && found < most; i++) {
		int at = (first + i * step) % r->ep->n;

		if (report(&r->ep->items[at], &r->e[found]))
			found++;
	}
	return found;
}

int
sim_epoll_wait(int epfd, struct epoll_event *e, int n, int ms)
{
	struct sim_file *epoll = sim_get(epfd);
	struct reported r = {.ep = epoll ? epoll->epoll : NULL, .e = e, .n = n};

	if (!r.ep || n <= 0)
		return sim_error(r.ep ? EINVAL : EBADF);
	sim_untouched(epoll, "epoll_wait");
	return wait_for(look_at_items, &r, ms < 0 ? -1 : (int64_t)ms * 1000000);
}
