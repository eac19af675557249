/*
 * The commands.  Formats and errors are Perlbal's where it has the command; it
 * reads a line in the same way: from # on it is a comment, and the name is what
 * letters, digits and underscores it starts with.
 */
#include "daemon/commands.h"

#include "daemon/drain.h"
#include "daemon/listing.h"
#include "daemon/output.h"
#include "daemon/process.h"
#include "reactor/log.h"
#include "reactor/metrics_text.h"
#include "sockets/factory/passed.h"

#include <math.h>
#include <string.h>
#include <strings.h>

enum { WORDS = 32 };

static bool
is(int argc, char **argv, const char *word)
{
	return argc == 2 && strcasecmp(argv[1], word) == 0;
}

static void
run_quit(struct socle_console *c)
{
	socle_close_after_flush(&c->sock, "user_requested_quit");
}

static void
run_verbose(struct socle_console *c, int argc, char **argv)
{
	if (!is(argc, argv, "on") && !is(argc, argv, "off")) {
		socle_console_error(c, "usage: VERBOSE {on|off}");
		return;
	}
	c->is_quiet = is(argc, argv, "off");
	socle_console_ok(c);
}

static void
run_close(struct socle_console *c, int argc, char **argv)
{
	struct socle_socket *s =
		argc == 2 ? socle__console_socket(argv[1]) : NULL;

	if (s) {
		socle_console_ok(c);
		socle_close(s, "console");
	} else {
		socle_console_error(
			c, argc == 2 ? "no such socket" : "usage: CLOSE fd");
	}
}

static void
run_loglevel(struct socle_console *c, int argc, char **argv)
{
	uint64_t level;

	if (argc == 1) {
		socle_console_print(c, "loglevel %d", socle__debug_level);
		socle_console_end(c);
	} else if (argc == 2 && socle__number_parse(argv[1], 9, &level)) {
		socle_set_debug_level((int)level);
		socle_console_ok(c);
	} else {
		socle_console_error(c, "usage: LOGLEVEL [0-9]");
	}
}

static void
run_shutdown(struct socle_console *c, int argc, char **argv)
{
	struct socle__console_state *st = socle__console();
	bool graceful = argc > 1 && strcasecmp(argv[1], "graceful") == 0;
	double seconds = graceful ? INFINITY : -1;
	int words = graceful ? 2 : 1;
	uint64_t n;

	if (argc > words) {
		if (argc > words + 1 ||
			!socle__number_parse(argv[words], UINT32_MAX, &n)) {
			socle__console_invalid(c, argv);
			return;
		}
		if (graceful)
			seconds = (double)n;
	}
	if (graceful)
		socle_console_ok(c); /* Perlbal's only answers then */
	if (st->shutdown)
		st->shutdown(seconds, st->shutdown_arg);
	else if (!graceful)
		socle_stop();
	else if (socle_drain(seconds, NULL, NULL) < 0)
		socle_console_error(c, "out of memory");
}

/* ---- the profile ---- */

bool
socle__console_profile(const char *how)
{
	struct socle__profile *p = &socle__reactor->profile;
	bool is_on = (p->on & ~(unsigned)SOCLE__PROFILE_SLOW) != 0;

	if (strcasecmp(how, "off") == 0)
		is_on = false;
	else if (strcasecmp(how, "on") == 0)
		is_on = true;
	else if (strcasecmp(how, "reset") != 0)
		return false;
	if (strcasecmp(how, "off") != 0)
		(void)socle_enable_profiling(p->what);
	if (!is_on)
		socle_disable_profiling();
	return true;
}

static void
run_prof(struct socle_console *c, int argc, char **argv)
{
	struct socle__text text = {.data = NULL};

	if (is(argc, argv, "data")) {
		(void)socle_profile_report(
			SOCLE_REPORT_TEXT, socle__text_add, &text);
		socle__console_lines(c, &text);
	} else if (is(argc, argv, "folded")) {
		(void)socle_profile_report(
			SOCLE_REPORT_FOLDED, socle__text_add, &text);
		socle__console_lines(c, &text);
		socle_console_end(c);
	} else if (argc == 2 && socle__console_profile(argv[1])) {
		socle_console_ok(c);
	} else {
		socle__console_invalid(c, argv);
	}
}

static void
run_metrics(struct socle_console *c)
{
	struct socle__text text = {.data = NULL};

	socle__metrics_prometheus(&text);
	socle__console_lines(c, &text);
	socle_console_end(c);
}

/* ---- the table ---- */

static void run_help(struct socle_console *c, int argc, char **argv);

/* `alone' takes no arguments. */
static const struct builtin {
	const char *name, *help;
	void (*alone)(struct socle_console *c);
	void (*fn)(struct socle_console *c, int argc, char **argv);
} builtins[] = {
	{"close", "FD: closes the object on this fd", NULL, run_close},
	{"exit", "ends this connection", run_quit, NULL},
	{"fd", "the limit of open fds, and how many there are",
		socle__console_fd, NULL},
	{"help", "[COMMAND]: lists the commands, or explains one", NULL,
		run_help},
	{"limits", "of fds and of the console", socle__console_limits, NULL},
	{"loglevel", "[N]: shows or sets the debug level", NULL, run_loglevel},
	{"loop", "ticks, events, and the times of ticks and of late timers",
		socle__console_loop, NULL},
	{"metrics", "for Prometheus", run_metrics, NULL},
	{"proc", "the process, and its CPU time since the last time",
		socle__console_proc, NULL},
	{"prof", "on|off|reset|data|folded: the profile", NULL, run_prof},
	{"queues", "unsent output by class: age of the oldest, objects, bytes",
		socle__console_queues, NULL},
	{"quit", "ends this connection", run_quit, NULL},
	{"shutdown", "[graceful [SECONDS]]: ends the daemon", NULL,
		run_shutdown},
	{"slow", "[MILLISECONDS|off|list]: the last slow handlers", NULL,
		socle__console_slow},
	{"socks", "[all|summary|class NAME|fd N]: the objects", NULL,
		socle__console_socks},
	{"states", "[CLASS]: what the objects do", NULL, socle__console_states},
	{"timers", "[count|next [N]]: pending timers", NULL,
		socle__console_timers},
	{"uptime", "when the console was opened", socle__console_uptime, NULL},
	{"verbose", "on|off: whether actions answer OK", NULL, run_verbose},
	{"version", "as uptime", socle__console_uptime, NULL},
};
enum { BUILTINS = sizeof(builtins) / sizeof(builtins[0]) };

static const struct builtin *
builtin_of(const char *name)
{
	for (int i = 0; i < BUILTINS; i++)
		if (strcasecmp(builtins[i].name, name) == 0)
			return &builtins[i];
	return NULL;
}

struct socle__console_command *
socle__console_find(const char *name)
{
	struct socle__console_state *st = socle__console();

	for (size_t i = 0; i < st->n_commands; i++)
		if (strcasecmp(st->commands[i].name, name) == 0)
			return &st->commands[i];
	return NULL;
}

/* The first name behind `last', of the application's and the built-in. */
static const char *
name_after(const char *last)
{
	struct socle__console_state *st = socle__console();
	const char *first = NULL;

	for (size_t i = 0; i < st->n_commands + BUILTINS; i++) {
		const char *name = i < BUILTINS
			? builtins[i].name
			: st->commands[i - BUILTINS].name;

		if (strcmp(name, last) > 0 &&
			(!first || strcmp(name, first) < 0))
			first = name;
	}
	return first;
}

static void
run_help(struct socle_console *c, int argc, char **argv)
{
	const char *name = "", *help = NULL;

	if (argc == 1) {
		while ((name = name_after(name)))
			socle_console_print(c, "%s", name);
		socle_console_end(c);
		return;
	}
	if (socle__console_find(argv[1]))
		help = socle__console_find(argv[1])->help;
	else if (builtin_of(argv[1]))
		help = builtin_of(argv[1])->help;
	if (help) {
		socle_console_print(c, "%s %s", argv[1], help);
		socle_console_end(c);
	} else {
		socle_console_error(c, "no help for: %s", argv[1]);
	}
}

/* ---- a line ---- */

/* Cuts the line into words; the last one has the rest. */
static int
split(char *line, char **argv)
{
	static const char blank[] = " \t\v\f\r";
	int argc = 0;

	line[strcspn(line, "#")] = '\0';
	for (;;) {
		line += strspn(line, blank);
		if (!*line)
			break;
		argv[argc++] = line;
		if (argc == WORDS)
			break;
		line += strcspn(line, blank);
		if (*line)
			*line++ = '\0';
	}
	argv[argc] = NULL;
	return argc;
}

static void
lower(char *text)
{
	for (; *text; text++)
		if (*text >= 'A' && *text <= 'Z')
			*text = (char)(*text - 'A' + 'a');
}

static void
run_builtin(struct socle_console *c, const struct builtin *b, bool is_whole,
	int argc, char **argv)
{
	if (b->alone && (argc > 1 || !is_whole))
		socle_console_error(
			c, "The '%s' command takes no arguments", argv[0]);
	else if (!is_whole)
		socle__console_invalid(c, argv);
	else if (b->alone)
		b->alone(c);
	else
		b->fn(c, argc, argv);
}

void
socle__console_run(struct socle_console *c, char *line)
{
	static const char name[] = "abcdefghijklmnopqrstuvwxyz0123456789_";
	char *argv[WORDS + 1];
	int argc = split(line, argv);
	const struct socle__console_command *own;
	const struct builtin *b;
	size_t n;
	bool is_whole;

	if (argc == 0)
		return;
	lower(argv[0]);
	n = strspn(argv[0], name);
	is_whole = argv[0][n] == '\0';
	argv[0][n] = '\0';
	own = socle__console_find(argv[0]);
	b = builtin_of(argv[0]);
	if (n == 0)
		socle_console_error(c, "invalid command");
	else if (own && is_whole)
		own->fn(c, argc, argv, own->arg);
	else if (b)
		run_builtin(c, b, is_whole, argc, argv);
	else
		socle_console_error(c, "unknown command: %s", argv[0]);
}
