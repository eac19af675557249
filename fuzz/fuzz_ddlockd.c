/*
 * The requests of ddlockd: the answers do not depend on how the bytes arrive,
 * nothing is answered but what the protocol has, and no lock outlives its client.
 * The server is part of this file.
 */
#include "fuzz/served.h"

#include "fuzz/fuzz.h"

#include <socle/socle.h>

#include <stdlib.h>
#include <string.h>

static int ddlockd_main(int argc, char **argv);

#define main ddlockd_main
#include "examples/ddlockd.c"
#undef main

static void
forget(void)
{
	successes = failures = 0;
	started = socle_now();
}

/* A load lasts for minutes, longer than a client here. */
static void
hide_number(struct served *v, const char *before)
{
	size_t n = strlen(before);

	for (size_t i = 0; i + n <= v->said_len; i++) {
		if (memcmp(v->said + i, before, n) != 0)
			continue;
		for (i += n; i < v->said_len && v->said[i] >= '0' &&
			v->said[i] <= '9';)
			memmove(v->said + i, v->said + i + 1,
				--v->said_len - i);
	}
}

static void
answers_are_sane(struct served *v)
{
	struct locks_text *list = locks_list();

	HOLDS(list && list->len == 8 &&
		memcmp(list->text, "LOCKS:\n\n", 8) == 0);
	HOLDS(list_bytes == 0);
	free(list);
	hide_number(v, "LOAD: ");
	hide_number(v, "RUNTIME: ");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_copy(data, size);

	(void)ddlockd_main;
	served_splits_the_same(
		&client_class, text, size, forget, answers_are_sane);
	free(text);
	return 0;
}
