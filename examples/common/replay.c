/* replay.h describes the functions. */
#include "common/replay.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { ANSWER_HEAD_MOST = 8192 };

static const char *const methods[] = {"GET ", "HEAD ", "OPTIONS "};

void
replay_free(struct replay *r)
{
	free(r->kept);
	r->kept = NULL;
	r->len = 0;
}

static void
turn_off(struct replay *r)
{
	replay_free(r);
	r->state = REPLAY_OFF;
}

/* ---- requests ---- */

static bool
may_be_repeated(const char *request, size_t len)
{
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		size_t n = strlen(methods[i]);

		if (strncmp(request, methods[i], n < len ? n : len) == 0)
			return true;
	}
	return false;
}

/* The first line ends with " HTTP/1.1" or the like. */
static bool
is_http(const char *request)
{
	size_t n = strcspn(request, "\r\n");

	return n > 9 && strncmp(request + n - 9, " HTTP/1.", 8) == 0;
}

/* Appends, with a NUL behind it. */
static bool
keep(struct replay *r, const char *data, size_t len, size_t most)
{
	char *kept;

	if (len > most || r->len > most - len || memchr(data, '\0', len))
		return false;
	kept = realloc(r->kept, r->len + len + 1);
	if (!kept)
		return false;
	memcpy(kept + r->len, data, len);
	r->kept = kept;
	r->len += len;
	kept[r->len] = '\0';
	return true;
}

void
replay_ask(struct replay *r, const char *data, size_t len, size_t most)
{
	const char *end;

	if (r->state == REPLAY_OFF)
		return;
	if (r->state == REPLAY_ANSWERING || !keep(r, data, len, most) ||
		!may_be_repeated(r->kept, r->len)) {
		turn_off(r);
		return;
	}
	end = strstr(r->kept, "\r\n\r\n");
	if (!end)
		r->state = REPLAY_ASKING;
	else if (end + 4 == r->kept + r->len && is_http(r->kept))
		r->state = REPLAY_ASKED;
	else
		turn_off(r); /* a body, or another request */
}

/* ---- answers ---- */

/* What the head of an answer says of its body. */
struct head {
	unsigned long long length;
	int lengths; /* how many fields say that */
	bool is_odd; /* where the answer ends is not known, or the connection
			 ends there */
	size_t size; /* of the head, with its empty line; 0: it is incomplete */
};

/* The value of the field, if this line has that name; else NULL. */
static const char *
value_of(const char *line, const char *name)
{
	size_t n = strlen(name);

	if (strncasecmp(line, name, n) != 0)
		return NULL;
	return line + n + strspn(line + n, " ");
}

static void
take_field(struct head *h, const char *line)
{
	const char *value;

	if ((value = value_of(line, "Content-Length:"))) {
		size_t digits = strspn(value, "0123456789");

		h->is_odd |= h->lengths++ > 0 || digits == 0 || digits > 18 ||
			value[digits] != '\r';
		h->length = strtoull(value, NULL, 10);
	} else if ((value = value_of(line, "Connection:"))) {
		h->is_odd |= strncasecmp(value, "keep-alive\r", 11) != 0;
	} else if (value_of(line, "Transfer-Encoding:")) {
		h->is_odd = true;
	}
}

static struct head
head_parse(const char *text)
{
	struct head h = {.is_odd = strncmp(text, "HTTP/1.1 ", 9) != 0 ||
			text[9] < '2' || text[9] > '5'};
	const char *line = text;

	while ((line = strchr(line, '\n'))) {
		line++;
		if (strncmp(line, "\r\n", 2) == 0) {
			h.size = (size_t)(line + 2 - text);
			break;
		}
		take_field(&h, line);
	}
	return h;
}

/* The head must have come as a whole, as those of most servers do. */
static void
answer_begins(struct replay *r, const char *data, size_t len)
{
	size_t n = len < ANSWER_HEAD_MOST ? len : ANSWER_HEAD_MOST;
	char text[ANSWER_HEAD_MOST + 1];
	struct head h;
	bool is_empty;

	memcpy(text, data, n);
	text[n] = '\0';
	h = head_parse(text);
	is_empty = r->kept[0] == 'H' || strncmp(text + 9, "204", 3) == 0 ||
		strncmp(text + 9, "304", 3) == 0;
	if (h.size == 0 || h.is_odd || (!is_empty && h.lengths == 0)) {
		turn_off(r);
		return;
	}
	replay_free(r);
	r->state = REPLAY_ANSWERING;
	r->left = is_empty ? 0 : h.length;
	replay_answer(r, data + h.size, len - h.size);
}

void
replay_answer(struct replay *r, const char *data, size_t len)
{
	if (r->state == REPLAY_OFF)
		return;
	if (r->state == REPLAY_ASKED) {
		answer_begins(r, data, len);
		return;
	}
	if (r->state != REPLAY_ANSWERING || len > r->left) {
		turn_off(r);
		return;
	}
	r->left -= len;
	if (r->left == 0)
		r->state = REPLAY_ANSWERED;
}
