/*
 * The emulation of kqueue(2) against a model: after each of many random steps,
 * exactly the filters that the model holds and that are ready have an event.
 * Readiness itself comes from tests/kqueue/readiness.c; this test covers
 * filters that are added and removed, and fds that are closed, duplicated and
 * reused. Linux only.
 */
#include "tests/kqueue/events.h"

enum { PAIRS = 6, COPIES = 4, FDS = 64 };

struct side {
	bool there, enabled;
	struct kevent requested;
};

/* The filters that a kqueue must hold, by fd. */
static struct side model[FDS][2];
static int pairs[PAIRS][2]; /* -1: closed */
static int copies[COPIES];  /* -1: none */
static uint64_t seed;

static int
any(int n)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (int)((seed >> 33) % (unsigned)n);
}

static struct side *
side_of(int fd, short filter)
{
	return &model[fd][filter == EVFILT_READ];
}

static void
open_pair(int i)
{
	int kind = any(3);

	if (kind == 0)
		pair_unix(pairs[i]);
	else if (kind == 1)
		pair_tcp(pairs[i]);
	else
		pair_pipe(pairs[i]);
	assert_true(pairs[i][0] < FDS && pairs[i][1] < FDS);
}

static void
close_fd(int *fd)
{
	if (*fd < 0)
		return;
	close(*fd);
	memset(model[*fd], 0, sizeof(model[*fd]));
	*fd = -1;
}

static void
change_any(int fd)
{
	static const unsigned short whats[] = {EV_ADD, EV_ADD, EV_ADD,
		EV_ADD | EV_DISABLE, EV_DELETE, EV_ENABLE, EV_DISABLE};
	unsigned short flags = whats[any(7)];
	short filter = any(2) ? EVFILT_READ : EVFILT_WRITE;
	struct side *s = side_of(fd, filter);
	bool idle = filter == EVFILT_READ && any(3) == 0;
	int err = change_all(fd, filter, flags, idle ? NOTE_LOWAT : 0,
		idle ? INT_MAX : 0, NULL);

	if (!s->there && !(flags & EV_ADD)) {
		assert_int_equal(ENOENT, err);
		return;
	}
	if (err == EPIPE && !s->there)
		return;
	assert_int_equal(0, err);
	if (flags & EV_DELETE) {
		s->there = s->enabled = false;
		return;
	}
	if (flags & EV_ADD)
		EV_SET(&s->requested, fd, filter, EV_ADD, idle ? NOTE_LOWAT : 0,
			idle ? INT_MAX : 0, NULL);
	s->there = true;
	s->enabled = !(flags & EV_DISABLE);
}

static void
step(void)
{
	static char buf[1 << 16];
	int i = any(PAIRS), c = any(COPIES);
	int *fd = &pairs[i][any(2)];

	if (pairs[i][0] < 0 && pairs[i][1] < 0) {
		open_pair(i);
		return;
	}
	if (*fd < 0)
		return;
	switch (any(10)) {
	case 0:
		close_fd(fd);
		break;
	case 1:
		close_fd(&copies[c]);
		copies[c] = dup(*fd);
		break;
	case 2:
		(void)shutdown(*fd, any(2) ? SHUT_WR : SHUT_RDWR);
		break;
	case 3:
		stuff_fd(*fd);
		break;
	case 4:
		while (read(*fd, buf, sizeof(buf)) > 0)
			;
		break;
	case 5:
		(void)!write(*fd, "x", 1);
		break;
	default:
		change_any(*fd);
		break;
	}
}

/* The number of events expected; each is marked in the array. */
static int
expected(bool (*is_due)[2])
{
	struct kevent ignored;
	int n = 0;

	for (int fd = 0; fd < FDS; fd++)
		for (int i = 0; i < 2; i++) {
			const struct side *s = &model[fd][i];

			is_due[fd][i] = s->enabled &&
				kq_filter_ready(fd, kq_file_kind(fd),
					&s->requested, true, &ignored);
			n += is_due[fd][i];
		}
	return n;
}

/* What TCP sent may arrive at any time, so it is asked before and after. */
static int
reported(struct kevent *e, int capacity, bool (*is_due)[2], int *n,
	bool *is_readable)
{
	bool due_then[FDS][2];
	int due;

	do {
		(void)expected(due_then);
		*n = kevent(kq, NULL, 0, e, capacity, &at_once);
		*is_readable = readable(kq);
		due = expected(is_due);
	} while (memcmp(due_then, is_due, sizeof(due_then)) != 0);
	return due;
}

static void
check(int capacity)
{
	bool is_due[FDS][2];
	struct kevent e[2 * FDS];
	bool is_readable;
	int n, due = reported(e, capacity, is_due, &n, &is_readable);

	assert_int_equal(due < capacity ? due : capacity, n);
	for (int i = 0; i < n; i++) {
		bool *due_here =
			&is_due[e[i].ident][e[i].filter == EVFILT_READ];

		assert_true(*due_here);
		*due_here = false;
	}
	assert_int_equal(due > 0, is_readable);
}

static void
live(int steps)
{
	memset(model, 0, sizeof(model));
	memset(pairs, -1, sizeof(pairs));
	memset(copies, -1, sizeof(copies));
	while (steps-- > 0) {
		step();
		check(any(4) ? 2 * FDS : 1 + any(6));
	}
	for (int i = 0; i < PAIRS; i++) {
		close_fd(&pairs[i][0]);
		close_fd(&pairs[i][1]);
	}
	for (int i = 0; i < COPIES; i++)
		close_fd(&copies[i]);
}

static void
random_steps_produce_the_events_of_the_model(void **state)
{
	void (*before)(int) = signal(SIGPIPE, SIG_IGN);

	(void)state;
	for (unsigned s = 1; s <= 10; s++) {
		seed = s;
		live(scaled(2000, 200));
	}
	(void)signal(SIGPIPE, before);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		kqueue_test(random_steps_produce_the_events_of_the_model),
	};
	return run_tests(tests);
}
