/* output.h and console.h describe the functions. */
#include "daemon/output.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { LONGEST = 1000 };

/* In a forked child the connection is the parent's. */
void
socle__console_put(struct socle_console *c, const char *data, size_t len)
{
	int err = socle_forked() ? 0 : socle_write(&c->sock, data, len);

	if (err == -ENOMEM || err == -ENOBUFS)
		socle_close(&c->sock, "console: no memory");
}

/* Every byte that is not printable ASCII becomes \xNN: it may be a peer's. */
static __attribute__((format(printf, 3, 0))) void
put_line(struct socle_console *c, const char *before, const char *fmt,
	va_list args)
{
	char text[LONGEST + 1], line[sizeof("ERROR: ") + 4 * LONGEST + 2];
	int n = snprintf(line, sizeof(line), "%s", before);

	(void)vsnprintf(text, sizeof(text), fmt, args);
	for (const char *at = text; *at; at++) {
		bool is_plain = *at >= ' ' && *at < 127;

		n += snprintf(line + n, sizeof(line) - (size_t)n,
			is_plain ? "%c" : "\\x%02x", (unsigned char)*at);
	}
	memcpy(line + n, "\r\n", 2);
	socle__console_put(c, line, (size_t)n + 2);
}

void
socle_console_print(struct socle_console *c, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	put_line(c, "", fmt, args);
	va_end(args);
}

void
socle_console_error(struct socle_console *c, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	put_line(c, "ERROR: ", fmt, args);
	va_end(args);
}

void
socle_console_end(struct socle_console *c)
{
	socle__console_put(c, ".\r\n", 3);
}

void
socle_console_ok(struct socle_console *c)
{
	if (!c->is_quiet)
		socle__console_put(c, "OK\r\n", 4);
}

void
socle_console_rows(struct socle_console *c,
	bool (*row)(struct socle_console *c, void *arg),
	void (*drop)(void *arg), void *arg)
{
	void (*old)(void *arg) = c->drop;
	void *old_arg = c->arg;

	c->row = row;
	c->drop = drop;
	c->arg = arg;
	c->at = 0;
	if (old)
		old(old_arg);
}

void
socle__console_lines(struct socle_console *c, struct socle__text *t)
{
	const char *line = t->data, *end;

	if (t->failed)
		socle_console_error(c, "out of memory");
	for (; !t->failed && line && (end = strchr(line, '\n'));
		line = end + 1) {
		socle__console_put(c, line, (size_t)(end - line));
		socle__console_put(c, "\r\n", 2);
	}
	socle__text_free(t);
}

void
socle__console_invalid(struct socle_console *c, char **argv)
{
	socle_console_error(c, "Invalid syntax to '%s' command", argv[0]);
}

struct socle__decimal
socle__decimal(uint64_t thousandths)
{
	unsigned long long tenths = (thousandths + 50) / 100;
	struct socle__decimal ret;

	(void)snprintf(ret.text, sizeof(ret.text), "%llu.%llu", tenths / 10,
		tenths % 10);
	return ret;
}
