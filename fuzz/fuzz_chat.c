/*
 * The lines of a chat's guest: what the other guest receives does not depend on
 * how the bytes arrive, and has no control characters.  The example is part of
 * this file, without its sockets.
 */
#include "fuzz/fuzz.h"

#include <socle/socle.h>

#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

static struct said {
	char *text;
	size_t len, room;
} to_self, to_other;

static const char *input;
static size_t input_left;

static ssize_t chat_read(struct socle_socket *s, void *buf, size_t size);
static ssize_t chat_write(struct socle_socket *s, const void *data, size_t n);
static void chat_each(void (*fn)(struct socle_socket *s, void *arg), void *arg);
static int chat_main(int argc, char **argv);

#define socle_read chat_read
#define socle_write chat_write
#define socle_each_descriptor chat_each
#define socle_close(s, reason) ((void)(s), (void)(reason))
#define socle_close_after_flush(s, reason) ((void)(s), (void)(reason))
#define main chat_main
#include "examples/chat.c"
#undef main

static struct guest guests[2];

static ssize_t
chat_read(struct socle_socket *s, void *buf, size_t size)
{
	size_t n = input_left < size ? input_left : size;

	(void)s;
	memcpy(buf, input, n);
	input += n;
	input_left -= n;
	return (ssize_t)n;
}

static ssize_t
chat_write(struct socle_socket *s, const void *data, size_t n)
{
	struct said *to = s == &guests[0].sock ? &to_self : &to_other;

	if (to->len + n > to->room) {
		to->room = (to->len + n) * 2;
		to->text = realloc(to->text, to->room);
		HOLDS(to->text != NULL);
	}
	memcpy(to->text + to->len, data, n);
	to->len += n;
	return (ssize_t)n;
}

static void
chat_each(void (*fn)(struct socle_socket *s, void *arg), void *arg)
{
	for (int i = 0; i < 2; i++)
		fn(&guests[i].sock, arg);
}

static void
start(void)
{
	memset(guests, 0, sizeof(guests));
	guests[0].number = 1;
	guests[1].number = 2;
	to_self.len = to_other.len = 0;
}

static void
feed(const char *data, size_t size)
{
	input = data;
	input_left = size;
	while (input_left > 0)
		guest_event_read(&guests[0].sock);
}

/* Every line says whose it is and fits its buffer. */
static void
lines_are_clean(const char *text, size_t len)
{
	while (len > 0) {
		const char *end = memchr(text, '\n', len);
		size_t n;

		HOLDS(end != NULL);
		n = (size_t)(end - text);
		HOLDS(n > 8 && n <= LINE_SIZE + 8);
		HOLDS(memcmp(text, "guest1: ", 8) == 0);
		for (size_t i = 0; i < n; i++)
			HOLDS((unsigned char)text[i] >= ' ');
		text += n + 1;
		len -= n + 1;
	}
}

static void
is_same(const struct said *a, const char *text, size_t len)
{
	HOLDS(a->len == len);
	HOLDS(len == 0 || memcmp(a->text, text, len) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_copy(data, size), *whole, *whole_self;
	size_t len, len_self;

	(void)chat_main;
	start();
	feed(text, size);
	lines_are_clean(to_other.text, to_other.len);
	len = to_other.len;
	len_self = to_self.len;
	whole = fuzz_copy(to_other.text, len);
	whole_self = fuzz_copy(to_self.text, len_self);
	for (size_t at = 0; at <= size; at = fuzz_next_split(at, size)) {
		start();
		feed(text, at);
		feed(text + at, size - at);
		is_same(&to_other, whole, len);
		is_same(&to_self, whole_self, len_self);
	}
	free(to_other.text);
	free(to_self.text);
	to_other = to_self = (struct said){0};
	free(text);
	free(whole);
	free(whole_self);
	return 0;
}
