/*
 * The response that the example `get' receives: its body and its end do not
 * depend on how the bytes arrive.  The example is part of this file, without its
 * sockets; the body goes to memory.
 */
#include "fuzz/fuzz.h"

#include <socle/socle.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

static FILE *get_out, *get_err;
static const char *input;
static size_t input_left;
static bool at_end, is_closed;

static ssize_t get_read(struct socle_socket *s, void *buf, size_t size);
static void get_close(struct socle_socket *s, const char *reason);
static int get_main(int argc, char **argv);

#undef stdout
#undef stderr
#define stdout get_out
#define stderr get_err
#define socle_read get_read
#define socle_close get_close
#define socle_stop() ((void)0)
#define main get_main
#include "examples/get.c"
#undef main

static ssize_t
get_read(struct socle_socket *s, void *buf, size_t size)
{
	size_t n = input_left < size ? input_left : size;

	(void)s;
	if (n == 0)
		return at_end ? 0 : -EAGAIN;
	memcpy(buf, input, n);
	input += n;
	input_left -= n;
	return (ssize_t)n;
}

static void
get_close(struct socle_socket *s, const char *reason)
{
	(void)s;
	(void)reason;
	HOLDS(!is_closed);
	is_closed = true;
}

static void
feed(struct page *p, const char *data, size_t size)
{
	input = data;
	input_left = size;
	while (input_left > 0 && !is_closed)
		page_event_read(&p->sock);
}

struct outcome {
	char *body, *messages;
	size_t body_len, messages_len;
	int status;
};

static struct outcome
run(const char *data, size_t size, size_t at)
{
	struct page *p = calloc(1, sizeof(*p));
	struct outcome o = {0};

	HOLDS(p != NULL);
	get_out = open_memstream(&o.body, &o.body_len);
	get_err = open_memstream(&o.messages, &o.messages_len);
	HOLDS(get_out && get_err);
	p->left = -1;
	status = 1;
	at_end = is_closed = false;
	feed(p, data, at);
	feed(p, data + at, size - at);
	at_end = true;
	if (!is_closed)
		page_event_read(&p->sock);
	HOLDS(is_closed);
	fclose(get_out);
	fclose(get_err);
	free(p);
	o.status = status;
	return o;
}

static void
outcome_free(struct outcome *o)
{
	free(o->body);
	free(o->messages);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_copy(data, size);
	struct outcome whole = run(text, size, size);

	(void)get_main;
	for (size_t at = 0; at < size; at = fuzz_next_split(at, size)) {
		struct outcome o = run(text, size, at);

		HOLDS(o.status == whole.status);
		HOLDS(o.body_len == whole.body_len);
		HOLDS(memcmp(o.body, whole.body, o.body_len) == 0);
		HOLDS(strcmp(o.messages, whole.messages) == 0);
		outcome_free(&o);
	}
	outcome_free(&whole);
	free(text);
	return 0;
}
