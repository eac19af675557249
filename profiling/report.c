/*
 * Reading the counters: as items, and as reports.
 *
 * Everything is read from a copy, because the callback may change the counters
 * meanwhile.  Numbers are written digit by digit out of integers: those of
 * printf would have a comma in them in some locales.
 */
#include "profiling/report.h"

#include "seam.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

struct snapshot {
	size_t n;
	unsigned what; /* was measured */
	struct socle__profile_counter *row;
};

/* Collects the pieces; after the first error it takes nothing more. */
struct writer {
	int (*out)(const char *text, size_t len, void *arg);
	void *arg;
	int err;
	size_t n;
	char text[1024];
};
typedef void form_fn(struct writer *w, struct snapshot *s);

/* Copies the counters that have calls, in order; 0 or -ENOMEM. */
static int
snapshot_take(const struct socle__profile *p, struct snapshot *ret)
{
	struct snapshot s = {.what = p->what};
	const struct socle__profile_counter *c;

	for (c = p->all; c; c = c->next)
		s.n += c->calls > 0;
	s.row = sys_calloc(s.n + 1, sizeof(*s.row));
	if (!s.row)
		return -ENOMEM;
	s.n = 0;
	for (c = p->all; c; c = c->next)
		if (c->calls > 0)
			s.row[s.n++] = *c;
	*ret = s;
	return 0;
}

int
socle__profile_each(const struct socle__profile *p,
	void (*fn)(const struct socle_profile_item *item, void *arg), void *arg)
{
	struct snapshot s;
	size_t i;
	int err = snapshot_take(p, &s);

	if (err < 0)
		return err;
	for (i = 0; i < s.n; i++) {
		const struct socle__profile_counter *c = &s.row[i];
		struct socle_profile_item item = {
			.item = c->name,
			.utime = (double)c->utime / 1e6,
			.stime = (double)c->stime / 1e6,
			.calls = c->calls,
			.wall = (double)c->wall / 1e9,
			.longest = (double)c->longest / 1e9,
		};

		memcpy(item.histogram, c->histogram, sizeof(c->histogram));
		fn(&item, arg);
	}
	sys_free(s.row);
	return 0;
}

static void
flush(struct writer *w)
{
	if (w->err >= 0 && w->n > 0)
		w->err = w->out(w->text, w->n, w->arg);
	w->n = 0;
}

static void
put(struct writer *w, const char *text, size_t len)
{
	for (; len > 0 && w->err >= 0; len--) {
		if (w->n == sizeof(w->text))
			flush(w);
		w->text[w->n++] = *text++;
	}
}

/* value / 10^decimals, with that many decimals. */
static void
put_number(struct writer *w, uint64_t value, int decimals)
{
	char digits[24];
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + value % 10);
		value /= 10;
		if (--decimals == 0)
			digits[--at] = '.';
	} while (value > 0 || decimals >= 0);
	put(w, digits + at, sizeof(digits) - at);
}

/* Writes one word: without blanks, control characters and semicolons. */
static void
put_word(struct writer *w, const char *name)
{
	for (; *name; name++) {
		unsigned char c = (unsigned char)*name;

		put(w, c <= ' ' || c == ';' || c == 127 ? "_" : name, 1);
	}
}

/* The length of the UTF-8 character at `s'; 0 if it is not one. */
static size_t
utf8_length(const char *s)
{
	const unsigned char *u = (const unsigned char *)s;
	/* some first bytes restrict the second one */
	unsigned low = u[0] == 0xE0 ? 0xA0 : u[0] == 0xF0 ? 0x90 : 0x80;
	unsigned high = u[0] == 0xED ? 0x9F : u[0] == 0xF4 ? 0x8F : 0xBF;
	size_t i, n;

	if (u[0] < 0x80)
		return 1;
	if (u[0] < 0xC2 || u[0] > 0xF4 || u[1] < low || u[1] > high)
		return 0;
	n = u[0] < 0xE0 ? 2 : u[0] < 0xF0 ? 3 : 4;
	for (i = 2; i < n; i++)
		if ((u[i] & 0xC0) != 0x80)
			return 0;
	return n;
}

/*
 * For double quotes.  Both want UTF-8; JSON wants controls escaped, Prometheus
 * escapes the line feed only and takes the others as they are.
 */
static void
put_quoted(struct writer *w, const char *name, bool json)
{
	size_t n;

	for (; *name; name += n ? n : 1) {
		n = utf8_length(name);
		if (n == 0) {
			put(w, "\xEF\xBF\xBD", 3); /* U+FFFD */
		} else if (*name == '\n') {
			put(w, "\\n", 2);
		} else if (json && n == 1 && *name < ' ') {
			put(w, *name < 16 ? "\\u000" : "\\u001", 5);
			put(w, &"0123456789abcdef"[*name & 15], 1);
		} else {
			if (*name == '"' || *name == '\\')
				put(w, "\\", 1);
			put(w, name, n);
		}
	}
}

/*
 * A small printf: %0 to %9 is a uint64_t with that many decimals; of
 * strings, %w is a word, %j is for JSON's quotes and %l for those of a label.
 */
static void
print(struct writer *w, const char *form, ...)
{
	va_list args;
	size_t n;

	va_start(args, form);
	for (;;) {
		n = strcspn(form, "%");
		put(w, form, n);
		if (!form[n])
			break;
		if (form[n + 1] == 'w')
			put_word(w, va_arg(args, const char *));
		else if (form[n + 1] == 'j' || form[n + 1] == 'l')
			put_quoted(w, va_arg(args, const char *),
				form[n + 1] == 'j');
		else
			put_number(
				w, va_arg(args, uint64_t), form[n + 1] - '0');
		form += n + 2;
	}
	va_end(args);
}

/* The output of `prof data' on Perlbal's console, without the CR. */
static void
put_text(struct writer *w, struct snapshot *s)
{
	const struct socle__profile_counter *c;

	for (c = s->row; c < s->row + s->n; c++) {
		uint64_t user = (uint64_t)c->utime;
		uint64_t system = (uint64_t)c->stime, half = c->calls / 2;

		print(w, "%w %5 %5 %0 %7 %7\n", c->name, (user + 5) / 10,
			(system + 5) / 10, c->calls,
			(user * 10 + half) / c->calls,
			(system * 10 + half) / c->calls);
	}
	print(w, ".\n");
}

static void
put_json(struct writer *w, struct snapshot *s)
{
	const struct socle__profile_counter *c;
	int i;

	print(w, "{\"items\":[");
	for (c = s->row; c < s->row + s->n; c++) {
		print(w, "%w{\"item\":\"%j\",\"utime\":%6,\"stime\":%6,",
			c > s->row ? "," : "", c->name, c->utime, c->stime);
		print(w, "\"calls\":%0,\"wall\":%9,\"longest\":%9,", c->calls,
			c->wall, c->longest);
		for (i = 0; i < SOCLE_PROFILE_BUCKETS; i++)
			print(w, i ? ",%0" : "\"histogram\":[%0",
				c->histogram[i]);
		print(w, "]}");
	}
	print(w, "]}\n");
}

/*
 * Bounds are inclusive, so each is one nanosecond less.  Buckets are cumulative:
 * those below a microsecond and above a minute need no line.
 */
static void
put_duration(struct writer *w, const struct socle__profile_counter *c)
{
	enum { FIRST = 9, LAST = 35 };
	const char *name = "socle_call_duration_seconds";
	uint64_t sum = 0;
	int i;

	for (i = 0; i < SOCLE_PROFILE_BUCKETS; i++) {
		sum += c->histogram[i];
		if (i >= FIRST && i <= LAST)
			print(w, "%w_bucket{item=\"%l\",le=\"%9\"} %0\n", name,
				c->name, ((uint64_t)2 << i) - 1, sum);
	}
	print(w, "%w_bucket{item=\"%l\",le=\"+Inf\"} %0\n", name, c->name, sum);
	print(w, "%w_sum{item=\"%l\"} %9\n", name, c->name, c->whole);
	print(w, "%w_count{item=\"%l\"} %0\n", name, c->name, sum);
}

/* The other metrics: one number of an item per line, all 64 bits wide. */
#define FIELD(name) offsetof(struct socle__profile_counter, name)
#define HEAD(name, help, type)                                                 \
	"# HELP socle_" name " " help ".\n# TYPE socle_" name " " type "\n"
static const struct line {
	unsigned what;
	size_t field;
	const char *head, *form;
} lines[] = {{SOCLE_PROFILE_WALL | SOCLE_PROFILE_CPU, FIELD(calls),
		     HEAD("calls_total", "Calls of each item", "counter"),
		     "socle_calls_total{item=\"%l\"} %0\n"},
	{SOCLE_PROFILE_CPU, FIELD(utime),
		HEAD("cpu_seconds_total", "Exclusive CPU time", "counter"),
		"socle_cpu_seconds_total{item=\"%l\",mode=\"user\"} %6\n"},
	{SOCLE_PROFILE_CPU, FIELD(stime), "",
		"socle_cpu_seconds_total{item=\"%l\",mode=\"system\"} %6\n"},
	{SOCLE_PROFILE_WALL, FIELD(wall),
		HEAD("wall_seconds_total", "Exclusive wall time", "counter"),
		"socle_wall_seconds_total{item=\"%l\"} %9\n"},
	{SOCLE_PROFILE_WALL, FIELD(longest),
		HEAD("longest_seconds", "Longest whole call", "gauge"),
		"socle_longest_seconds{item=\"%l\"} %9\n"},
	{SOCLE_PROFILE_WALL, 0,
		HEAD("call_duration_seconds", "Whole calls", "histogram"),
		NULL}};

/* Values that were not measured are left out: 0 would be wrong. */
static void
put_prometheus(struct writer *w, struct snapshot *s)
{
	const struct socle__profile_counter *c;
	const struct line *l;
	uint64_t n;

	for (l = lines; l < lines + sizeof(lines) / sizeof(*lines); l++) {
		if (!(l->what & s->what))
			continue;
		print(w, l->head);
		for (c = s->row; c < s->row + s->n; c++) {
			memcpy(&n, (const char *)c + l->field, sizeof(n));
			if (l->form)
				print(w, l->form, c->name, n);
			else
				put_duration(w, c);
		}
	}
}

/* In microseconds: of wall time, or of CPU where there is only that. */
static void
put_folded(struct writer *w, struct snapshot *s)
{
	struct socle__profile_counter *c;

	for (c = s->row; c < s->row + s->n; c++) {
		uint64_t us = (uint64_t)(s->what & SOCLE_PROFILE_WALL
				? (c->wall + 500) / 1000
				: c->utime + c->stime);

		c->name[c->split] = 0;
		print(w, "socle;%w;%w %0\n", c->name, c->name + c->split + 1,
			us);
	}
}

int
socle__profile_report(const struct socle__profile *p, enum socle_report form,
	int (*out)(const char *text, size_t len, void *arg), void *arg)
{
	static form_fn *const forms[] = {
		[SOCLE_REPORT_TEXT] = put_text,
		[SOCLE_REPORT_JSON] = put_json,
		[SOCLE_REPORT_PROMETHEUS] = put_prometheus,
		[SOCLE_REPORT_FOLDED] = put_folded,
	};
	struct writer w = {.out = out, .arg = arg};
	struct snapshot s;
	int err;

	if ((unsigned)form >= sizeof(forms) / sizeof(forms[0]))
		return -EINVAL;
	err = snapshot_take(p, &s);
	if (err < 0)
		return err;
	forms[form](&w, &s);
	flush(&w);
	sys_free(s.row);
	return w.err < 0 ? w.err : 0;
}
