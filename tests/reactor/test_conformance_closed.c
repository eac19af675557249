/*
 * The second half of the table "What the backends report" of docs/design.md:
 * the application closes an fd of an object, which breaks the contract. The
 * result depends on when the backend consults the kernel, and each cell has
 * three texts:
 *
 *	epoll	consulted with every change; a closed fd has left the set
 *	poll	consulted with every wait; sees whatever file has the number
 *	kqueue	consulted with every change; filters vanish with the file, and a
 *		new one is added to whatever file has the number
 *
 * The texts are the probe's notes: e-9 is event_err with EBADF. Ten seconds
 * pass, in which the loop must not spin.
 */
/* backends: all */
#include "tests/support/cells.h"

enum { WAITS = 5 }; /* maximum in ten seconds */

struct texts {
	const char *epoll, *poll, *kqueue;
};

#define ALL(text) ((struct texts){text, text, text})
#define ON(epoll, poll, kqueue) ((struct texts){epoll, poll, kqueue})

static const char *
text_of(struct texts t)
{
	if (backend_is("epoll"))
		return t.epoll;
	return backend_is("kqueue") ? t.kqueue : t.poll;
}

/* ---- the next step ---- */

static void
nothing_is_touched(struct probe *p)
{
	(void)p;
	ten_seconds_pass(WAITS);
}

/* Reading is turned on, or off. */
static void
interest_changes(struct probe *p)
{
	socle_watch_read(&p->sock, !(socle_watching(&p->sock) & SOCLE_READ));
	ten_seconds_pass(WAITS);
}

static void
the_object_closes(struct probe *p)
{
	static bool gone;

	gone = false;
	p->destroyed = &gone;
	seam_count_reset();
	socle_close(&p->sock, NULL);
	turn(1);
	assert_true(gone);
	assert_notes("close() destroy");
	note(seam_count(CALL_close) == 0 ? "left alone" : "closed");
}

/* ---- a cell ---- */

/* ... once nothing is watched. */
static void
skip_where_poll_tells_only_what_is_asked(bool watched)
{
	if (!watched && backend_is("poll") && kernel()->poll == POLL_IS_KQUEUE)
		skip_because("poll(2) reports nothing of an unwatched fd");
}

static struct probe *
watcher(int fd, enum watch watch)
{
	struct probe *p;

	seam_time_virtual();
	p = probe_new(fd, NULL);
	p->on_err = ignore_err;
	p->on_write = stop_writing;
	socle_watch_read(&p->sock, watch & SOCLE_READ);
	socle_watch_write(&p->sock, watch & SOCLE_WRITE);
	return p;
}

static void
closed(void (*then)(struct probe *p), enum watch watch, struct texts expected)
{
	bool watched =
		then == interest_changes ? watch != reading : watch != nothing;
	struct probe *p;
	int fds[2];

	skip_where_poll_tells_only_what_is_asked(
		watched || then == the_object_closes);
	pair_unix(fds);
	p = watcher(fds[0], watch);
	close(fds[0]);
	then(p);
	close(fds[1]);
	assert_notes(text_of(expected));
}

/* Gives the number to another socket that has input. */
static void
another_file(
	void (*then)(struct probe *p), enum watch watch, struct texts expected)
{
	struct probe *p;
	int fds[2], other[2];

	pair_unix(fds);
	pair_unix(other);
	send_all(other[1], "data", 4);
	p = watcher(fds[0], watch);
	assert_int_equal(fds[0], dup2(other[0], fds[0]));
	then(p);
	close(fds[1]);
	close(other[0]);
	close(other[1]);
	(void)close(fds[0]); /* whether or not the library closed it */
	assert_notes(text_of(expected));
}

/*
 * poll does not consult the kernel when an object closes: the library closes
 * the number, whichever file has it. On kqueue a change of interest is noticed
 * if it deletes a filter.
 */
/* clang-format off */
#define CELLS(X) \
X(closed, nothing_is_touched, reading, ON("", "e-9", "")) \
X(closed, nothing_is_touched, writing, ON("", "e-9", "")) \
X(closed, nothing_is_touched, both, ON("", "e-9", "")) \
X(closed, nothing_is_touched, nothing, ON("", "e-9", "")) \
X(closed, interest_changes, reading, ALL("e-9")) \
X(closed, interest_changes, writing, ALL("e-9")) \
X(closed, interest_changes, both, ALL("e-9")) \
X(closed, interest_changes, nothing, ALL("e-9")) \
X(closed, the_object_closes, reading, ON("left alone", "closed", "left alone")) \
X(closed, the_object_closes, writing, ON("left alone", "closed", "left alone")) \
X(closed, the_object_closes, both, ON("left alone", "closed", "left alone")) \
X(closed, the_object_closes, nothing, ON("left alone", "closed", "left alone")) \
X(another_file, nothing_is_touched, reading, ON("", "r", "")) \
X(another_file, nothing_is_touched, writing, ON("", "w", "")) \
X(another_file, nothing_is_touched, both, ON("", "r w", "")) \
X(another_file, nothing_is_touched, nothing, ALL("")) \
X(another_file, interest_changes, reading, ON("e-9", "", "")) \
X(another_file, interest_changes, writing, ON("e-9", "r w", "r")) \
X(another_file, interest_changes, both, ON("e-9", "w", "e-9")) \
X(another_file, interest_changes, nothing, ON("e-9", "r", "r")) \
X(another_file, the_object_closes, reading, ON("left alone", "closed", "left alone")) \
X(another_file, the_object_closes, writing, ON("left alone", "closed", "left alone")) \
X(another_file, the_object_closes, both, ON("left alone", "closed", "left alone")) \
X(another_file, the_object_closes, nothing, ON("left alone", "closed", "left alone"))
/* clang-format on */

#define CELL(now, then, watch, cell)                                           \
	static void now##_while_watching_##watch##_then_##then(void **state)   \
	{                                                                      \
		(void)state;                                                   \
		if (then != nothing_is_touched && backend_is("libkqueue"))     \
			skip_because(                                          \
				"libkqueue keeps filters of a closed fd");     \
		now(then, watch, cell);                                        \
	}
CELLS(CELL)

#define TEST(now, then, watch, cell)                                           \
	test(now##_while_watching_##watch##_then_##then),

static void
poll_leaves_the_number_alone_after_a_wait_reported_it(void **state)
{
	struct probe *p;
	int fds[2];

	(void)state;
	if (backend_is("libkqueue"))
		skip_because("libkqueue keeps filters of a closed fd");
	pair_unix(fds);
	p = watcher(fds[0], reading);
	close(fds[0]);
	ten_seconds_pass(WAITS);
	assert_notes(text_of(ON("", "e-9", "")));
	the_object_closes(p);
	assert_notes("left alone");
	close(fds[1]);
}

static void
a_closed_fd_is_reported_once_and_again_after_a_touch(void **state)
{
	struct probe *p;
	int fds[2];

	(void)state;
	if (backend_is("libkqueue"))
		skip_because("libkqueue keeps filters of a closed fd");
	skip_where_poll_tells_only_what_is_asked(false);
	pair_unix(fds);
	p = watcher(fds[0], reading);
	close(fds[0]);
	socle_watch_read(&p->sock, false);
	ten_seconds_pass(WAITS);
	assert_notes("e-9");
	ten_seconds_pass(WAITS);
	ten_seconds_pass(WAITS);
	assert_notes("");
	socle_watch_read(&p->sock, true);
	ten_seconds_pass(WAITS);
	assert_notes("e-9");
	close(fds[1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CELLS(TEST) test(
			poll_leaves_the_number_alone_after_a_wait_reported_it),
		test(a_closed_fd_is_reported_once_and_again_after_a_touch)};

	return run_tests(tests);
}
