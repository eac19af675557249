/*
 * command.h describes the function.  What each command does with unusual words is
 * what memcached 1.6 does.
 */
#include "memcached/command.h"

#include "memcached/stats.h"
#include "memcached/values.h"
#include "memcached/words.h"

#include <string.h>

#define BAD_LINE "CLIENT_ERROR bad command line format"

/* ---- get and its relatives ---- */

static bool
getting(struct client *c, struct word name, const char *at, const char *end)
{
	const char *after = at;
	struct word word;
	int64_t seconds;

	c->gets_cas = word_is(name, "gets") || word_is(name, "gats");
	c->touches = word_is(name, "gat") || word_is(name, "gats");
	if (!c->gets_cas && !c->touches && !word_is(name, "get"))
		return false;
	if (!word_next(&word, &after, end)) {
		say(c, "ERROR\r\n");
	} else if (c->touches && !word_i64(word, &seconds)) {
		say(c, "CLIENT_ERROR invalid exptime argument\r\n");
	} else {
		if (c->touches)
			c->expires = expiry(seconds);
		do_get(c, c->touches ? after : at, end);
	}
	return true;
}

/* ---- the other commands ---- */

/* A number of seconds was allowed once; 0 still is. */
static void
do_delete(struct client *c, const struct words *w, int what)
{
	size_t more = w->n - 2 - c->noreply;
	struct item *it;

	(void)what;
	if (more > 1 || (more == 1 && !word_is(w->word[2], "0"))) {
		say(c, BAD_LINE ".  Usage: delete <key> [noreply]\r\n");
		return;
	}
	if (w->word[1].len > KEY_MOST) {
		say(c, BAD_LINE "\r\n");
		return;
	}
	it = store_find(w->word[1].at, w->word[1].len);
	if (it)
		store_remove(it);
	counts[it ? DELETE_HITS : DELETE_MISSES]++;
	say(c, it ? "DELETED\r\n" : "NOT_FOUND\r\n");
}

static void
do_touch(struct client *c, const struct words *w, int what)
{
	struct item *it;
	int64_t seconds;

	(void)what;
	if (w->word[1].len > KEY_MOST) {
		say(c, BAD_LINE "\r\n");
		return;
	}
	if (!word_i64(w->word[2], &seconds)) {
		say(c, "CLIENT_ERROR invalid exptime argument\r\n");
		return;
	}
	it = store_find(w->word[1].at, w->word[1].len);
	if (it) {
		it->expires = expiry(seconds);
		store_use(it);
	}
	counts[it ? TOUCH_HITS : TOUCH_MISSES]++;
	say(c, it ? "TOUCHED\r\n" : "NOT_FOUND\r\n");
}

static void
do_flush_all(struct client *c, const struct words *w, int what)
{
	int64_t seconds = 0;

	(void)what;
	counts[CMD_FLUSH]++;
	if (w->n != 1 + (size_t)c->noreply && !word_i64(w->word[1], &seconds)) {
		say(c, "CLIENT_ERROR invalid exptime argument\r\n");
		return;
	}
	store_flush(seconds > 0 ? expiry(seconds) - socle_now() : 0);
	say(c, "OK\r\n");
}

/* There is nothing to be verbose about. */
static void
do_verbosity(struct client *c, const struct words *w, int what)
{
	uint32_t level;

	(void)what;
	say(c, word_u32(w->word[1], &level) ? "OK\r\n" : BAD_LINE "\r\n");
}

static void
do_version(struct client *c, const struct words *w, int what)
{
	(void)w;
	(void)what;
	say(c, "VERSION " VERSION "\r\n");
}

static void
do_quit(struct client *c, const struct words *w, int what)
{
	(void)w;
	(void)what;
	line_close(&c->sock, &c->reader, "quit");
}

static const struct {
	const char *name;
	void (*run)(struct client *c, const struct words *w, int what);
	int what;
	size_t least, most; /* words, its own included */
	bool may_be_noreply;
} commands[] = {
	{"set", do_store, SET, 5, 6, true},
	{"add", do_store, ADD, 5, 6, true},
	{"replace", do_store, REPLACE, 5, 6, true},
	{"append", do_store, APPEND, 5, 6, true},
	{"prepend", do_store, PREPEND, 5, 6, true},
	{"cas", do_store, CAS, 6, 7, true},
	{"incr", do_count, UP, 3, 4, true},
	{"decr", do_count, DOWN, 3, 4, true},
	{"delete", do_delete, 0, 2, 4, true},
	{"touch", do_touch, 0, 3, 4, true},
	{"flush_all", do_flush_all, 0, 1, 3, true},
	{"verbosity", do_verbosity, 0, 2, 3, true},
	{"stats", do_stats, 0, 1, WORDS_MOST, false},
	{"version", do_version, 0, 1, WORDS_MOST, false},
	{"quit", do_quit, 0, 1, WORDS_MOST, false},
};

/* A browser, or a page that makes it ask, is not answered. */
static void
unknown(struct client *c, const struct words *w)
{
	struct word last = w->word[w->n > 0 ? w->n - 1 : 0];

	if (w->n > 0 && last.len >= 5 && memcmp(last.at, "HTTP/", 5) == 0)
		socle_close(&c->sock, "HTTP");
	else
		say(c, "ERROR\r\n");
}

void
command(struct client *c, const char *line, size_t len)
{
	const char *at = line;
	struct words w = {0};

	c->noreply = false;
	if (word_next(&w.word[0], &at, line + len) &&
		getting(c, w.word[0], at, line + len))
		return;
	words_split(&w, line, len);
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (w.n == 0 || !word_is(w.word[0], commands[i].name))
			continue;
		if (w.n < commands[i].least || w.n > commands[i].most) {
			say(c, "ERROR\r\n");
			return;
		}
		c->noreply = commands[i].may_be_noreply &&
			word_is(w.word[w.n - 1], "noreply");
		commands[i].run(c, &w, commands[i].what);
		return;
	}
	unknown(c, &w);
}
