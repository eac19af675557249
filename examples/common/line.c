/*
 * Bytes are read into a buffer on the stack, and lines are handed over where
 * they are in it.  What is left keeps its place in the stream in one of two ways:
 *
 * - A line whose end has not come is kept in the reader.  Each byte is copied
 *   once, and searched once for the end of the line.
 * - Lines that must wait are given back with socle_unread().  The library then
 *   calls event_read again in the next tick, if reading is still watched.
 */
#include "common/line.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { INPUT_SIZE = 16384, REST_LEAST = 128 };

struct input {
	char *at, *end;
};

/* ---- a client's answers ---- */

static void
answers_cross_mark(struct socle_socket *s, bool above, void *arg)
{
	struct line_reader *r = arg;

	r->paused = above;
	socle_watch_read(s, !above);
}

int
line_start(
	struct socle_socket *s, struct line_reader *r, size_t low, size_t high)
{
	int err = socle_set_water_marks(s, low, high, answers_cross_mark, r);

	/* held back until all lines of a read are handled: see line_read() */
	socle_set_autoflush(s, false);
	return err < 0 ? err : socle_set_write_timeout(s, LINE_PATIENCE);
}

void
line_close(struct socle_socket *s, struct line_reader *r, const char *reason)
{
	r->stopped = true;
	socle_close_after_flush(s, reason);
}

void
line_free(struct line_reader *r)
{
	free(r->rest);
	r->rest = NULL;
}

/* ---- what functions of events call ---- */

void
line_want(struct line_reader *r, char *to, size_t n)
{
	r->to = to;
	r->wanted = n;
}

bool
line_goes_on(struct line_reader *r)
{
	if (r->paused || r->stopped || r->budget == 0)
		return false;
	r->budget--;
	return true;
}

void
line_again(struct line_reader *r, const char *rest)
{
	r->again = rest;
}

/* ---- lines ---- */

static bool
rest_add(struct line_reader *r, const char *data, size_t n)
{
	size_t size = r->rest_size ? r->rest_size : REST_LEAST;
	char *rest = r->rest;

	while (size < r->rest_len + n)
		size *= 2; /* so that the copies are few */
	if (size != r->rest_size)
		rest = realloc(rest, size);
	if (!rest)
		return false;
	memcpy(rest + r->rest_len, data, n);
	r->rest = rest;
	r->rest_size = size;
	r->rest_len += n;
	return true;
}

/* Most lines come whole; few clients need the memory at a time. */
static void
rest_clear(struct line_reader *r)
{
	line_free(r);
	r->rest_len = r->rest_size = 0;
}

/* Later reads return `n' bytes at `data' first. */
static void
give_back(struct socle_socket *s, const char *data, size_t n)
{
	if (socle_unread(s, data, n) < 0)
		socle_close(s, "no memory");
}

static void
hand_over(struct socle_socket *s, struct line_reader *r,
	const struct line_events *events, const char *line, size_t n)
{
	size_t crlf = n >= 2 && line[n - 2] == '\r' ? 2 : 1;

	r->again = NULL;
	events->line(s, line, n - crlf);
}

/* The line in `in', which `n' bytes end; its start may be in `rest'. */
static void
take_line(struct socle_socket *s, struct line_reader *r,
	const struct line_events *events, struct input *in, size_t n)
{
	const char *line = in->at;
	size_t len = n;

	if (r->rest_len > 0) {
		if (!rest_add(r, in->at, n)) {
			socle_close(s, "no memory");
			return;
		}
		line = r->rest;
		len = r->rest_len;
	}
	in->at += n;
	hand_over(s, r, events, line, len);
	if (r->again && !socle_closed(s)) {
		give_back(s, in->at, (size_t)(in->end - in->at));
		give_back(s, r->again, (size_t)(line + len - r->again));
		in->at = in->end;
	}
	if (r->rest_len > 0)
		rest_clear(r);
}

static void
take_text(struct socle_socket *s, struct line_reader *r,
	const struct line_events *events, struct input *in)
{
	size_t n = (size_t)(in->end - in->at);
	const char *lf = memchr(in->at, '\n', n);

	if (lf)
		n = (size_t)(lf + 1 - in->at);
	if (r->rest_len + n - (lf != NULL) > events->longest) {
		r->stopped = true;
		events->too_long(s);
	} else if (lf) {
		take_line(s, r, events, in, n);
	} else if (rest_add(r, in->at, n)) {
		in->at = in->end;
	} else {
		socle_close(s, "no memory");
	}
}

/* ---- counted data ---- */

static void
data_has_come(struct socle_socket *s, struct line_reader *r,
	const struct line_events *events, size_t n)
{
	if (r->to)
		r->to += n;
	r->wanted -= n;
	if (r->wanted == 0 && events->data)
		events->data(s);
}

static void
take_data(struct socle_socket *s, struct line_reader *r,
	const struct line_events *events, struct input *in)
{
	size_t n = (size_t)(in->end - in->at);

	if (n > r->wanted)
		n = r->wanted;
	if (r->to)
		memcpy(r->to, in->at, n);
	in->at += n;
	data_has_come(s, r, events, n);
}

/* ---- reading ---- */

static void
take_input(struct socle_socket *s, struct line_reader *r,
	const struct line_events *events, struct input *in)
{
	while (in->at < in->end && line_goes_on(r) && !socle_closed(s)) {
		if (r->wanted > 0)
			take_data(s, r, events, in);
		else
			take_text(s, r, events, in);
	}
	if (in->at < in->end && !r->stopped && !socle_closed(s))
		give_back(s, in->at, (size_t)(in->end - in->at));
}

/* A client may be silent for ever, but not in the middle of what it sends. */
static void
set_patience(struct socle_socket *s, struct line_reader *r)
{
	bool owes = r->rest_len > 0 || r->wanted > 0;

	if (owes != r->owes)
		socle_set_idle_timeout(s, owes ? LINE_PATIENCE : 0);
	r->owes = owes;
}

void
line_read(struct socle_socket *s, struct line_reader *r,
	const struct line_events *events)
{
	char buf[INPUT_SIZE];
	bool is_much = r->to && r->wanted >= sizeof(buf);
	ssize_t n = is_much ? socle_read(s, r->to, r->wanted)
			    : socle_read(s, buf, sizeof(buf));

	r->budget = LINES_PER_TICK;
	if (n == 0) {
		line_close(s, r, "end of stream");
	} else if (n < 0) {
		if (n != -EAGAIN)
			socle_close(s, "read failed");
	} else if (is_much) {
		data_has_come(s, r, events, (size_t)n);
	} else {
		struct input in = {buf, buf + n};

		take_input(s, r, events, &in);
	}
	/* Now, not before the next wait: the client goes on meanwhile. */
	(void)socle_write_kick(s);
	set_patience(s, r);
}
