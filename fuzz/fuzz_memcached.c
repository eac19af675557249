/*
 * The commands of memcached: the answers do not depend on how the bytes arrive,
 * the cache stays within its memory, and every item is freed.  The server is part
 * of this file.
 */
#include "fuzz/served.h"

#include "fuzz/fuzz.h"

#include <socle/socle.h>

#include <stdlib.h>
#include <string.h>

static int memcached_main(int argc, char **argv);

#define main memcached_main
#include "examples/memcached.c"
#undef main

enum { MEMORY = 24 * 1024 };

static bool
adds_up(struct item *it, void *arg)
{
	size_t *bytes = arg;

	HOLDS(it->key_len <= KEY_MOST && it->value_len <= VALUE_MOST);
	HOLDS(memcmp(item_value(it) + it->value_len, "\r\n", 2) == 0);
	*bytes += item_text_len(it);
	return true;
}

static void
store_is_sane(struct served *v)
{
	size_t bytes = 0;

	(void)v;
	HOLDS(store_counts.used <= store_counts.memory);
	store_each(adds_up, &bytes);
	HOLDS(bytes <= store_counts.used);
}

/* Of `stats': what differs from run to run. */
static void
hide_figure(struct served *v, const char *name)
{
	size_t n = strlen(name);
	char *at = v->said, *end, *stop;

	if (!at)
		return;
	end = at + v->said_len;
	while ((at = memmem(at, (size_t)(end - at), name, n)) != NULL) {
		at += n;
		stop = memchr(at, '\r', (size_t)(end - at));
		if (!stop)
			return;
		memmove(at, stop, (size_t)(end - stop));
		end -= stop - at;
		v->said_len = (size_t)(end - v->said);
	}
}

static void
hide_figures(struct served *v)
{
	hide_figure(v, "STAT pid ");
	hide_figure(v, "STAT uptime ");
	hide_figure(v, "STAT time ");
	hide_figure(v, "STAT rusage_user ");
	hide_figure(v, "STAT rusage_system ");
	hide_figure(v, " b; "); /* when it expires */
}

static void
check(struct served *v)
{
	store_is_sane(v);
	hide_figures(v);
	store_stop();
	memset(counts, 0, sizeof(counts));
}

static void
begin(void)
{
	HOLDS(store_start(MEMORY) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_copy(data, size);

	(void)memcached_main;
	served_splits_the_same(&client_class, text, size, begin, check);
	free(text);
	return 0;
}
