/*
 * Reads lines, for servers whose protocol is lines of text, some with a counted
 * number of bytes behind them.  Answers are gathered: what answers the lines of
 * one read goes out in one write.
 *
 * A hostile client cannot use much of the server.  A tick handles at most
 * LINES_PER_TICK lines of one client, so that others get their turn.  While more
 * answers are queued than the client reads, it is not read from.  A client that
 * stops in the middle of a line or of counted data, or that takes no answer, is
 * closed after LINE_PATIENCE seconds; one that is only silent is not.
 */
#ifndef EXAMPLES_LINE_H
#define EXAMPLES_LINE_H

#include <socle/socle.h>

#include <stdbool.h>
#include <stddef.h>

enum { LINES_PER_TICK = 256, LINE_PATIENCE = 60 };

/* One in the struct of each client, at first all zero. */
struct line_reader {
	/* private */
	char *rest; /* the start of a line whose end has not come */
	size_t rest_len, rest_size;
	char *to; /* where counted data goes; NULL: nowhere */
	size_t wanted;
	const char *again; /* the end of a line that is handed over once more */
	unsigned budget;   /* lines that are left in this tick */
	bool paused, stopped, owes;
};

/* What a server does with what is read. */
struct line_events {
	size_t longest; /* line, in bytes, with its CR */
	/*
	 * A line without its LF or CRLF.  It is not terminated by a NUL, and it
	 * is valid during the call.
	 */
	void (*line)(struct socle_socket *s, const char *line, size_t len);
	/* All the data that line_want() asked for has come.  May be NULL. */
	void (*data)(struct socle_socket *s);
	/* A line is too long.  No more is read; the function closes. */
	void (*too_long)(struct socle_socket *s);
};

/*
 * Prepares a client, for event_accepted: gathers its answers, and stops reading
 * while more than `high' bytes of them are queued, until `low' are.  Returns 0,
 * or -errno.
 */
int line_start(
	struct socle_socket *s, struct line_reader *r, size_t low, size_t high);

/* What event_read calls.  At the end of the stream it closes the client. */
void line_read(struct socle_socket *s, struct line_reader *r,
	const struct line_events *events);

/* Closes the client once it has its answers; no further line is handed over. */
void line_close(
	struct socle_socket *s, struct line_reader *r, const char *reason);

/* What `destroy' calls. */
void line_free(struct line_reader *r);

/*
 * For the function `line': the next `n' bytes are not lines.  They are stored at
 * `to', or discarded if that is NULL; `to' must be valid until then.
 */
void line_want(struct line_reader *r, char *to, size_t n);

/*
 * For a line that asks for much.  line_goes_on() counts a part of it as if it
 * were a line, and is false if the client has had its share of this tick or does
 * not read its answers.  The rest of the line, from `rest' on, is then given to
 * line_again(), and is handed over once it is the client's turn again.
 */
bool line_goes_on(struct line_reader *r);
void line_again(struct line_reader *r, const char *rest);

#endif
