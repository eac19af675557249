/*
 * The table "What the backends report" of docs/design.md: a test for each
 * cell. Its last rows are in test_conformance_closed.c.
 *
 * An event happens to the file of an object that watches reading, writing,
 * both or nothing; then ten seconds pass. The text of a cell lists everything
 * that is reported to the object in that time, in order:
 *
 *	r	event_read, and data can be read
 *	r0	event_read, and a read of 0
 *	rE	event_read, and a read that fails with the error E of the row
 *	w	event_write: the object then stops watching writing
 *	eE e0	event_err with this error, or with none
 *	h	event_hup
 *	+R	no report: here, after the ten seconds, reading is turned on, and
 *		ten more pass
 *
 * The object does not close. So an event that is reported too often is seen,
 * and the clock moves only while nothing wakes the loop: a loop that spins
 * makes too many waits.
 */
/* backends: all */
#include "tests/support/cells.h"
#include "tests/support/making.h"

#include <stdio.h>

enum { WAITS = 6 }; /* maximum in ten seconds */

struct scene {
	int own_fd, peer_fd; /* -1 once closed */
	int err;             /* E */
	struct probe *p;
};

/* What a kernel's poll(2) does not report, the backend cannot report. */
static void
skip_what_poll_does_not_report(
	bool is_socket, enum watch watch, const char *expected)
{
	if (!backend_is("poll"))
		return;
	if (kernel()->poll == POLL_HUP_OF_PIPES && is_socket &&
		strpbrk(expected, "eh"))
		skip_because("poll(2) reports neither HUP nor ERR of a socket");
	if (kernel()->poll == POLL_IS_KQUEUE && watch == nothing &&
		expected[0] != '+')
		skip_because("poll(2) reports nothing of an unwatched fd");
}

/* ---- the object ---- */

static void
ignore_hup(struct probe *p)
{
	(void)p;
}

static struct probe *
watcher(struct probe *p, enum watch watch)
{
	p->on_hup = ignore_hup;
	p->on_err = ignore_err;
	p->on_write = stop_writing;
	socle_watch_read(&p->sock, watch & SOCLE_READ);
	socle_watch_write(&p->sock, watch & SOCLE_WRITE);
	return p;
}

/* ---- the text ---- */

static void
append(char text[256], const char *gap, const char *word, int err, int row)
{
	size_t n = strlen(text);

	gap = n > 0 ? gap : "";
	if (err == 1)
		snprintf(text + n, 256 - n, "%s%s", gap, word);
	else if (err == row)
		snprintf(text + n, 256 - n, "%s%sE", gap, word);
	else
		snprintf(text + n, 256 - n, "%s%s%d", gap, word, err);
}

/* The notes in the notation of the table. */
static const char *
cell_text(int row)
{
	static char text[256];
	char all[256], *at = all, *word;

	text[0] = '\0';
	snprintf(all, sizeof(all), "%s", notes());
	while ((word = strtok_r(at, " ", &at))) {
		if (strcmp(word, "eof") == 0)
			append(text, "", "", 0, row); /* the 0 of r0 */
		else if (word[0] == 'r' && word[1])
			append(text, "", "", atoi(word + 1), row);
		else if (word[0] == 'e')
			append(text, " ", "e", atoi(word + 1), row);
		else
			append(text, " ", word, 1, row);
	}
	return text;
}

/* A whole cell, starting with the event that happens. */
static void
assert_cell(struct scene *s, const char *expected)
{
	ten_seconds_pass(WAITS);
	if (strstr(expected, "+R")) {
		note("+R");
		socle_watch_read(&s->p->sock, true);
		ten_seconds_pass(WAITS);
	}
	if (s->peer_fd >= 0)
		close(s->peer_fd);
	assert_string_equal(expected, cell_text(s->err));
	assert_false(socle_closed(&s->p->sock));
}

/* ---- sockets ---- */

static void
tcp(int fds[2])
{
	pair_tcp(fds);
}

static void
af_unix(int fds[2])
{
	pair_unix(fds);
}

static void
peer_half_closes(struct scene *s)
{
	assert_int_equal(0, shutdown(s->peer_fd, SHUT_WR));
}

static void
peer_writes_and_half_closes(struct scene *s)
{
	send_all(s->peer_fd, "data", 4);
	peer_half_closes(s);
}

static void
peer_closes(struct scene *s)
{
	close(s->peer_fd);
	s->peer_fd = -1;
}

static void
peer_writes_and_closes(struct scene *s)
{
	send_all(s->peer_fd, "data", 4);
	peer_closes(s);
}

static void
peer_resets(struct scene *s)
{
	close_by_reset(s->peer_fd);
	s->peer_fd = -1;
}

static void
peer_writes_and_resets(struct scene *s)
{
	send_all(s->peer_fd, "data", 4);
	peer_resets(s);
}

/* On TCP and on AF_UNIX this is a reset too. */
static void
peer_closes_without_reading(struct scene *s)
{
	send_all(s->own_fd, "unread", 6);
	peer_closes(s);
}

static void
peer_writes_and_closes_without_reading(struct scene *s)
{
	send_all(s->peer_fd, "data", 4);
	peer_closes_without_reading(s);
}

/* Waits until the kernel has seen the end, which may follow data. */
static void
end_arrives(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

#ifdef POLLRDHUP
	p.events = POLLRDHUP;
#endif
	assert_int_equal(1, poll(&p, 1, 30 * 1000));
}

static struct scene
scene(void (*pair)(int fds[2]), int end, enum watch watch, int err)
{
	struct scene s = {.err = err};
	int fds[2];

	seam_time_virtual();
	pair(fds);
	s.own_fd = fds[end];
	s.peer_fd = fds[!end];
	s.p = watcher(probe_new(s.own_fd, NULL), watch);
	return s;
}

/* The kernels of tests/kqueue/kernels.c have Linux' sockets on Linux. */
static void
skip_where_unread_data_are_no_reset(void (*pair)(int fds[2]))
{
	if (!SOCLE__IS_LINUX && (pair == af_unix || !kernel_is(MACOS)))
		skip_because("a close with unread data is no reset here");
}

static void
socket_cell(void (*pair)(int fds[2]), void (*happens)(struct scene *s),
	enum watch watch, const char *expected)
{
	struct scene s;

	skip_what_poll_does_not_report(true, watch, expected);
	if (happens == peer_closes_without_reading ||
		happens == peer_writes_and_closes_without_reading)
		skip_where_unread_data_are_no_reset(pair);
	s = scene(pair, 0, watch, -ECONNRESET);
	happens(&s);
	end_arrives(s.own_fd);
	assert_cell(&s, expected);
}

/* clang-format off */
#define ROW(X, pair, happens, reads, writes, does_both, does_nothing) \
X(pair, happens, reading, reads) \
X(pair, happens, writing, writes) \
X(pair, happens, both, does_both) \
X(pair, happens, nothing, does_nothing)

#define SOCKETS(X) \
ROW(X, tcp, peer_half_closes, \
	"r0", "w +R r0", "r0 w", "+R r0") \
ROW(X, tcp, peer_closes, \
	"r0", "w +R r0", "r0 w", "+R r0") \
ROW(X, af_unix, peer_half_closes, \
	"r0", "w +R r0", "r0 w", "+R r0") \
ROW(X, tcp, peer_writes_and_half_closes, \
	"r r0", "w +R r r0", "r w r0", "+R r r0") \
ROW(X, tcp, peer_writes_and_closes, \
	"r r0", "w +R r r0", "r w r0", "+R r r0") \
ROW(X, af_unix, peer_writes_and_half_closes, \
	"r r0", "w +R r r0", "r w r0", "+R r r0") \
ROW(X, af_unix, peer_closes, \
	"r0 h", "w h +R r0 h", "r0 w h", "h +R r0 h") \
ROW(X, af_unix, peer_writes_and_closes, \
	"r h r0", "w +R r h r0", "r w h r0", "+R r h r0") \
ROW(X, tcp, peer_resets, \
	"rE eE h r0", "w eE h +R r0 h", "rE w eE h r0", "eE h +R r0 h") \
ROW(X, tcp, peer_closes_without_reading, \
	"rE eE h r0", "w eE h +R r0 h", "rE w eE h r0", "eE h +R r0 h") \
ROW(X, af_unix, peer_closes_without_reading, \
	"rE eE h r0", "w eE h +R r0 h", "rE w eE h r0", "eE h +R r0 h") \
ROW(X, tcp, peer_writes_and_resets, \
	"r eE h r0", "w +R r eE h r0", "r w eE h r0", "+R r eE h r0") \
ROW(X, tcp, peer_writes_and_closes_without_reading, \
	"r eE h r0", "w +R r eE h r0", "r w eE h r0", "+R r eE h r0") \
ROW(X, af_unix, peer_writes_and_closes_without_reading, \
	"r eE h r0", "w +R r eE h r0", "r w eE h r0", "+R r eE h r0")
/* clang-format on */

#define SOCKET_CELL(pair, happens, watch, cell_text)                           \
	static void pair##_##happens##_while_watching_##watch(void **state)    \
	{                                                                      \
		(void)state;                                                   \
		socket_cell(pair, happens, watch, cell_text);                  \
	}
SOCKETS(SOCKET_CELL)

#define SOCKET_TEST(pair, happens, watch, cell_text)                           \
	test(pair##_##happens##_while_watching_##watch),

/* ---- refused ---- */

static void
connect_is_refused(enum watch watch, const char *expected)
{
	struct scene s = {.peer_fd = -1, .err = -ECONNREFUSED};
	struct sockaddr_storage a;
	socklen_t len = sizeof(a);
	int port, refusing_fd;

	skip_what_poll_does_not_report(true, watch, expected);
	refusing_fd = refusing(AF_INET, &port);
	assert_int_equal(0, getsockname(refusing_fd, (void *)&a, &len));
	s.own_fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(0, fcntl(s.own_fd, F_SETFL, O_NONBLOCK));
	assert_int_equal(-1, connect(s.own_fd, (void *)&a, len));
	assert_int_equal(EINPROGRESS, errno);
	end_arrives(s.own_fd);
	close(refusing_fd);
	seam_time_virtual();
	s.p = watcher(probe_new(s.own_fd, NULL), watch);
	assert_cell(&s, expected);
}

/* The reports once the loop has run in real time; then time is virtual. */
static void
cell_of_connecting(
	const char *where, int err, enum watch watch, const char *expected)
{
	struct scene s = {.peer_fd = -1, .err = err};
	struct socle_socket *o;

	assert_int_equal(0, socle_connect(where, &probe_class, 0, &o));
	s.p = watcher(probe_of(o), watch);
	turn_until_count(&s.p->errs, 1);
	seam_time_virtual();
	assert_cell(&s, expected);
}

static void
socle_connect_over_tcp_is_refused(enum watch watch, const char *expected)
{
	char where[32];
	int port, refusing_fd = refusing(AF_INET, &port);

	snprintf(where, sizeof(where), "127.0.0.1:%d", port);
	cell_of_connecting(where, -ECONNREFUSED, watch, expected);
	close(refusing_fd);
}

static void
socle_connect_over_af_unix_is_refused(enum watch watch, const char *expected)
{
	cell_of_connecting(
		"unix:/nonexistent/socket", -ENOENT, watch, expected);
}

/* clang-format off */
#define REFUSALS_ROW(X, happens, reads, writes, does_both, does_nothing) \
X(happens, reading, reads) \
X(happens, writing, writes) \
X(happens, both, does_both) \
X(happens, nothing, does_nothing)

#define REFUSALS(X) \
REFUSALS_ROW(X, connect_is_refused, \
	"rE eE h r0", "w eE h +R r0 h", "rE w eE h r0", "eE h +R r0 h") \
REFUSALS_ROW(X, socle_connect_over_tcp_is_refused, \
	"eE", "eE +R", "eE", "eE +R") \
REFUSALS_ROW(X, socle_connect_over_af_unix_is_refused, \
	"eE", "eE +R", "eE", "eE +R")
/* clang-format on */

#define REFUSAL_CELL(happens, watch, cell_text)                                \
	static void happens##_while_watching_##watch(void **state)             \
	{                                                                      \
		(void)state;                                                   \
		happens(watch, cell_text);                                     \
	}
REFUSALS(REFUSAL_CELL)

#define REFUSAL_TEST(happens, watch, cell_text)                                \
	making_test(happens##_while_watching_##watch),

static void
a_refused_factory_reports_one_failure(void **state)
{
	struct socle_factory *f;
	int port, refusing_fd = refusing(AF_INET, &port);

	(void)state;
	f = make((struct socle_factory_params){
		.remote_address = "127.0.0.1", .remote_port = port_text(port)});
	assert_fails(f, "connect", -ECONNREFUSED);
	seam_time_virtual();
	ten_seconds_pass(WAITS);
	assert_int_equal(1, recorded.failures);
	assert_int_equal(0, recorded.successes);
	close(refusing_fd);
}

/* ---- pipes ---- */

enum { READ_END, WRITE_END };

static void
writers_are_gone(struct scene *s)
{
	peer_closes(s);
}

static void
writers_are_gone_and_left_data(struct scene *s)
{
	peer_writes_and_closes(s);
}

static void
readers_are_gone(struct scene *s)
{
	peer_closes(s);
}

static void
readers_are_gone_and_it_is_full(struct scene *s)
{
	assert_true(stuff_fd(s->own_fd) > 0);
	peer_closes(s);
}

/* Whether a full pipe whose readers are gone is reported as writable. */
static bool
full_pipes_end_is_writable(void)
{
	if (backend_is("kqueue"))
		return !kernel()->full_pipe_sleeps;
	return backend_is("poll") && kernel()->poll != POLL_OF_LINUX;
}

static void
pipe_cell(int end, void (*happens)(struct scene *s), enum watch watch,
	const char *expected)
{
	struct scene s;

	if (happens == readers_are_gone_and_it_is_full && watch == writing &&
		full_pipes_end_is_writable())
		expected = "w e0";
	skip_what_poll_does_not_report(false, watch, expected);
	s = scene(pair_pipe, end, watch, 1);
	happens(&s);
	assert_cell(&s, expected);
}

/* clang-format off */
#define PIPES(X) \
X(WRITE_END, readers_are_gone, writing, "w e0") \
X(WRITE_END, readers_are_gone, nothing, "e0") \
X(WRITE_END, readers_are_gone_and_it_is_full, writing, "e0") \
X(WRITE_END, readers_are_gone_and_it_is_full, nothing, "e0") \
X(READ_END, writers_are_gone, reading, "h") \
X(READ_END, writers_are_gone, nothing, "h +R h") \
X(READ_END, writers_are_gone_and_left_data, reading, "r h") \
X(READ_END, writers_are_gone_and_left_data, nothing, "+R r h")
/* clang-format on */

#define PIPE_CELL(end, happens, watch, cell_text)                              \
	static void a_pipes_##happens##_while_watching_##watch(void **state)   \
	{                                                                      \
		(void)state;                                                   \
		pipe_cell(end, happens, watch, cell_text);                     \
	}
PIPES(PIPE_CELL)

#define PIPE_TEST(end, happens, watch, cell_text)                              \
	test(a_pipes_##happens##_while_watching_##watch),

/* ---- objects that do not close ---- */

/* One wait of ten seconds, and one in the tick that ends them. */
enum { QUIET = 2 };

/* Three times ten seconds pass, then writing is turned on: that is a touch. */
static void
ignored(void (*pair)(int fds[2]), int end, void (*happens)(struct scene *s),
	const char *first, const char *touched)
{
	struct scene s;

	skip_what_poll_does_not_report(pair != pair_pipe, nothing, first);
	s = scene(pair, end, nothing, -ECONNRESET);
	happens(&s);
	ten_seconds_pass(WAITS);
	assert_string_equal(first, cell_text(s.err));
	for (int i = 0; i < 2; i++) {
		ten_seconds_pass(WAITS);
		assert_int_equal(QUIET, seam_waits());
	}
	assert_string_equal(first, cell_text(s.err));

	notes_clear();
	socle_watch_write(&s.p->sock, true);
	ten_seconds_pass(WAITS);

	assert_string_equal(touched, cell_text(s.err));
}

static void
an_ignored_reset_is_reported_again_after_a_touch(void **state)
{
	(void)state;
	/* SO_ERROR has been read */
	ignored(tcp, 0, peer_resets, "eE h", "w h");
}

static void
an_ignored_hup_is_reported_again_after_a_touch(void **state)
{
	(void)state;
	ignored(af_unix, 0, peer_closes, "h", "w h");
}

static void
an_ignored_readerless_pipe_is_reported_again_after_a_touch(void **state)
{
	(void)state;
	ignored(pair_pipe, WRITE_END, readers_are_gone, "e0", "w e0");
}

/* The rest of the cell is not reported. */
static void
an_object_that_closes_in_event_err_gets_no_event_hup(void **state)
{
	struct scene s;

	(void)state;
	skip_what_poll_does_not_report(true, both, "e");
	s = scene(tcp, 0, both, -ECONNRESET);
	s.p->on_err = NULL;
	peer_resets(&s);
	end_arrives(s.own_fd);
	ten_seconds_pass(WAITS);
	assert_string_equal(
		"rE w eE close(event_err) destroy", cell_text(-ECONNRESET));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		SOCKETS(SOCKET_TEST) REFUSALS(REFUSAL_TEST) PIPES(PIPE_TEST)
			making_test(a_refused_factory_reports_one_failure),
		test(an_ignored_reset_is_reported_again_after_a_touch),
		test(an_ignored_hup_is_reported_again_after_a_touch),
		test(an_ignored_readerless_pipe_is_reported_again_after_a_touch),
		test(an_object_that_closes_in_event_err_gets_no_event_hup),
	};

	return run_tests(tests);
}
