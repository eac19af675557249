/* stats.h describes the functions. */
#include "memcached/stats.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { DUMP_MOST = 2 * 1024 * 1024 };

uint64_t counts[COUNTS];

static const char *const names[COUNTS] = {"total_connections", "cmd_set",
	"cmd_flush", "get_hits", "get_misses", "delete_hits", "delete_misses",
	"incr_hits", "incr_misses", "decr_hits", "decr_misses", "cas_hits",
	"cas_misses", "cas_badval", "touch_hits", "touch_misses"};
static double started;

void
stats_start(void)
{
	started = socle_now();
}

static void
tell(struct client *c, const char *name, uint64_t value)
{
	char line[128];
	int n = snprintf(line, sizeof(line), "STAT %s %llu\r\n", name,
		(unsigned long long)value);

	say_bytes(c, line, (size_t)n);
}

static void
tell_processor(struct client *c, const char *name, struct timeval t)
{
	char line[128];
	int n = snprintf(line, sizeof(line), "STAT %s %ld.%06ld\r\n", name,
		(long)t.tv_sec, (long)t.tv_usec);

	say_bytes(c, line, (size_t)n);
}

static void
tell_process(struct client *c)
{
	struct rusage r;

	tell(c, "pid", (uint64_t)getpid());
	tell(c, "uptime", (uint64_t)(socle_now() - started));
	tell(c, "time", (uint64_t)time(NULL));
	say(c, "STAT version " VERSION "\r\n");
	tell(c, "pointer_size", 8 * sizeof(void *));
	if (getrusage(RUSAGE_SELF, &r) == 0) {
		tell_processor(c, "rusage_user", r.ru_utime);
		tell_processor(c, "rusage_system", r.ru_stime);
	}
	tell(c, "curr_connections", socle_watched_sockets());
	tell(c, "threads", 1);
}

static void
tell_commands(struct client *c)
{
	for (int i = 0; i < COUNTS; i++)
		tell(c, names[i], counts[i]);
	tell(c, "cmd_get", counts[GET_HITS] + counts[GET_MISSES]);
	tell(c, "cmd_touch", counts[TOUCH_HITS] + counts[TOUCH_MISSES]);
}

static void
tell_items(struct client *c)
{
	tell(c, "limit_maxbytes", store_counts.memory);
	tell(c, "bytes", store_counts.used);
	tell(c, "curr_items", store_counts.items);
	tell(c, "total_items", store_counts.total_items);
	tell(c, "evictions", store_counts.evictions);
	tell(c, "reclaimed", store_counts.expired);
}

/* ---- the keys ---- */

struct dump {
	struct client *c;
	uint64_t left; /* items */
	size_t bytes;
};

static bool
dump_item(struct item *it, void *arg)
{
	struct dump *d = arg;
	char line[KEY_MOST + 64];
	long in = it->expires > 0 ? (long)(it->expires - socle_now()) : 0;
	int n = snprintf(line, sizeof(line), "ITEM %.*s [%u b; %ld s]\r\n",
		(int)it->key_len, item_key(it), (unsigned)it->value_len,
		in ? (long)time(NULL) + in : 0);

	d->bytes += (size_t)n;
	if (d->bytes > DUMP_MOST)
		return false;
	say_bytes(d->c, line, (size_t)n);
	return --d->left > 0;
}

/* stats cachedump CLASS LIMIT: all items are of class 1; a limit of 0 is none. */
static void
dump(struct client *c, const struct words *w)
{
	struct dump d = {.c = c};
	uint64_t class;

	if (w->n < 4) {
		say(c, "CLIENT_ERROR bad command line\r\n");
		return;
	}
	if (!word_u64(w->word[2], &class) || !word_u64(w->word[3], &d.left)) {
		say(c, "CLIENT_ERROR bad command line format\r\n");
		return;
	}
	if (d.left == 0)
		d.left = UINT64_MAX;
	if (class == 1)
		store_each(dump_item, &d);
	say(c, "END\r\n");
}

void
do_stats(struct client *c, const struct words *w, int what)
{
	(void)what;
	if (w->n == 1) {
		tell_process(c);
		tell_commands(c);
		tell_items(c);
	} else if (word_is(w->word[1], "reset")) {
		memset(counts, 0, sizeof(counts));
		say(c, "RESET\r\n");
		return;
	} else if (word_is(w->word[1], "cachedump")) {
		dump(c, w);
		return;
	} else if (word_is(w->word[1], "settings")) {
		tell(c, "maxbytes", store_counts.memory);
		tell(c, "item_size_max", VALUE_MOST);
		say(c, "STAT evictions on\r\nSTAT cas_enabled yes\r\n");
	} else if (word_is(w->word[1], "items")) {
		tell(c, "items:1:number", store_counts.items);
		tell(c, "items:1:evicted", store_counts.evictions);
	} else if (word_is(w->word[1], "slabs")) {
		tell(c, "1:used_chunks", store_counts.items);
		tell(c, "active_slabs", 1);
		tell(c, "total_malloced", store_counts.used);
	} else {
		say(c, "ERROR\r\n");
		return;
	}
	say(c, "END\r\n");
}
