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

/* The value of a field, without blanks; NULL: there is none. */
static const char *
field(const char *head, const char *name)
{
	const char *at = strcasestr(head, name);

	return at ? at + strlen(name) + strspn(at + strlen(name), " ") : NULL;
}

/* Digits alone in one field alone. */
static bool
content_length(const char *head, unsigned long long *ret)
{
	const char *value = field(head, "\r\nContent-Length:");
	size_t digits = value ? strspn(value, "0123456789") : 0;

	if (digits == 0 || digits > 18 || value[digits] != '\r' ||
		field(value, "\r\nContent-Length:"))
		return false;
	*ret = strtoull(value, NULL, 10);
	return true;
}

/*
 * How long the body behind this head is.  False: unknown, or the end of the
 * connection ends it or follows it, or another protocol begins.
 */
static bool
body_length(bool is_head, const char *head, unsigned long long *ret)
{
	const char *connection = field(head, "\r\nConnection:");

	*ret = 0;
	if (strncmp(head, "HTTP/1.1 ", 9) != 0 || head[9] < '2' ||
		head[9] > '5' || field(head, "\r\nTransfer-Encoding:") ||
		(connection &&
			(strncasecmp(connection, "keep-alive\r", 11) != 0 ||
				field(connection, "\r\nConnection:"))))
		return false;
	return is_head || strncmp(head + 9, "204", 3) == 0 ||
		strncmp(head + 9, "304", 3) == 0 || content_length(head, ret);
}

/* The head must have come as a whole, as those of most servers do. */
static void
answer_begins(struct replay *r, const char *data, size_t len)
{
	size_t n = len < ANSWER_HEAD_MOST ? len : ANSWER_HEAD_MOST;
	char head[ANSWER_HEAD_MOST + 1], *end;

	memcpy(head, data, n);
	head[n] = '\0';
	end = strstr(head, "\r\n\r\n");
	if (end)
		end[2] = '\0';
	if (!end || !body_length(r->kept[0] == 'H', head, &r->left)) {
		turn_off(r);
		return;
	}
	n = (size_t)(end + 4 - head);
	replay_free(r);
	r->state = REPLAY_ANSWERING;
	replay_answer(r, data + n, len - n);
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
