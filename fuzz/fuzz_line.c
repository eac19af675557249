/*
 * The line reader of the servers: the same lines and the same counted data,
 * however the bytes arrive and whenever the client's turn is over.
 *
 * The server here says each line in brackets.  Behind a line "#n" are n bytes of
 * data, which it repeats; a line "*text" is handled byte by byte.
 */
#include "fuzz/served.h"

#include "fuzz/fuzz.h"

#include "examples/common/line.h"

#include <stdlib.h>
#include <string.h>

enum { LONGEST = 400, LOW = 64, HIGH = 300, DATA_MOST = 40000 };

struct talker {
	struct socle_socket sock;
	struct line_reader reader;
	char *data;
	size_t data_len;
	bool is_in_line;
};

static struct talker *
talker_of(struct socle_socket *s)
{
	return socle_container_of(s, struct talker, sock);
}

static void
say_in(struct socle_socket *s, const char *around, const char *text, size_t n)
{
	char *copy = fuzz_copy(text, n); /* a read behind it would be seen */

	HOLDS(socle_write(s, around, 1) >= 0);
	HOLDS(n == 0 || socle_write(s, copy, n) >= 0);
	HOLDS(socle_write(s, around + 1, 1) >= 0);
	free(copy);
}

static void
line_in_parts(struct socle_socket *s, const char *line, size_t len)
{
	struct talker *t = talker_of(s);
	size_t at = 0;

	while (at < len && line_goes_on(&t->reader))
		say_in(s, "<>", line + at++, 1);
	t->is_in_line = at < len;
	if (t->is_in_line)
		line_again(&t->reader, line + at);
}

static void
ask_for_data(struct talker *t, const char *line, size_t len)
{
	size_t n = 0;

	for (size_t i = 1; i < len && line[i] >= '0' && line[i] <= '9'; i++)
		n = n * 10 + (size_t)(line[i] - '0');
	t->data_len = n > DATA_MOST ? n % DATA_MOST : n;
	t->data = t->data_len % 2 ? malloc(t->data_len) : NULL;
	line_want(&t->reader, t->data, t->data_len);
}

static void
talker_line(struct socle_socket *s, const char *line, size_t len)
{
	HOLDS(len <= LONGEST && (len == 0 || !memchr(line, '\n', len)));
	if (talker_of(s)->is_in_line || (len > 0 && line[0] == '*')) {
		line_in_parts(s, line, len);
		return;
	}
	say_in(s, "[]", line, len);
	if (len > 0 && line[0] == '#')
		ask_for_data(talker_of(s), line, len);
	if (len > 0 && line[0] == '.')
		line_close(s, &talker_of(s)->reader, "bye");
}

static void
talker_data(struct socle_socket *s)
{
	struct talker *t = talker_of(s);

	say_in(s, "{}", t->data ? t->data : "", t->data ? t->data_len : 0);
	free(t->data);
	t->data = NULL;
}

static void
talker_too_long(struct socle_socket *s)
{
	say_in(s, "!!", "", 0);
	line_close(s, &talker_of(s)->reader, "line too long");
}

static void
talker_event_read(struct socle_socket *s)
{
	static const struct line_events events = {
		.longest = LONGEST,
		.line = talker_line,
		.data = talker_data,
		.too_long = talker_too_long,
	};

	line_read(s, &talker_of(s)->reader, &events);
}

static void
talker_event_accepted(struct socle_socket *s, struct socle_factory *by)
{
	(void)by;
	HOLDS(line_start(s, &talker_of(s)->reader, LOW, HIGH) == 0);
}

static void
talker_destroy(struct socle_socket *s)
{
	line_free(&talker_of(s)->reader);
	free(talker_of(s)->data);
}

static const struct socle_class talker_class = {
	.name = "Talker",
	.super = &socle_socket_class,
	.size = sizeof(struct talker),
	.event_read = talker_event_read,
	.event_accepted = talker_event_accepted,
	.destroy = talker_destroy,
};

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_copy(data, size);

	served_splits_the_same(&talker_class, text, size, NULL, NULL);
	free(text);
	return 0;
}
