/*
 * What the proxy believes it may send again.  The input is a request, a NUL and
 * an answer.  A request has the same result however it was split, and is kept
 * as it came; a split answer has the same result, or more doubts.
 */
#include "fuzz/fuzz.h"

#include "examples/common/replay.h"

#include <stdlib.h>
#include <string.h>

enum { MOST = 4096 };

static void
ask(struct replay *r, const char *data, size_t len)
{
	char *copy = fuzz_copy(data, len);

	replay_ask(r, copy, len, MOST);
	free(copy);
}

static void
answer(struct replay *r, const char *data, size_t len)
{
	char *copy = fuzz_copy(data, len);

	replay_answer(r, copy, len);
	free(copy);
}

static void
is_sane(const struct replay *r, const char *request, size_t len)
{
	bool keeps = r->state == REPLAY_ASKING || r->state == REPLAY_ASKED;

	HOLDS((r->kept != NULL) == keeps);
	if (!keeps)
		return;
	HOLDS(len <= MOST && r->len == len);
	HOLDS(memcmp(r->kept, request, len) == 0);
	if (r->state == REPLAY_ASKED)
		HOLDS(strchr("GHO", request[0]) && len > 4 &&
			memcmp(request + len - 4, "\r\n\r\n", 4) == 0);
}

static void
splits_ask_the_same(const struct replay *whole, const char *data, size_t len)
{
	for (size_t at = 1; at < len; at = fuzz_next_split(at, len)) {
		struct replay r = {0};

		ask(&r, data, at);
		ask(&r, data + at, len - at);
		is_sane(&r, data, len);
		HOLDS(r.state == whole->state);
		replay_free(&r);
	}
}

static void
splits_answer_alike(const char *request, size_t n, const char *data, size_t len)
{
	struct replay whole = {0};

	ask(&whole, request, n);
	answer(&whole, data, len);
	for (size_t at = 1; at < len; at = fuzz_next_split(at, len)) {
		struct replay r = {0};

		ask(&r, request, n);
		answer(&r, data, at);
		answer(&r, data + at, len - at);
		HOLDS(r.state == whole.state || r.state == REPLAY_OFF);
		if (r.state == REPLAY_ANSWERING)
			HOLDS(r.left == whole.left && r.left > 0);
		replay_free(&r);
	}
	replay_free(&whole);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_copy(data, size);
	char *nul = size > 0 ? memchr(text, '\0', size) : NULL;
	size_t n = nul ? (size_t)(nul - text) : size;
	struct replay r = {0};

	if (n > 0) {
		ask(&r, text, n);
		is_sane(&r, text, n);
		splits_ask_the_same(&r, text, n);
		if (nul && n + 1 < size)
			splits_answer_alike(text, n, nul + 1, size - n - 1);
	}
	replay_free(&r);
	free(text);
	return 0;
}
