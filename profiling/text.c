/* text.h describes the functions. */
#include "profiling/text.h"

#include "seam.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { FIRST_SIZE = 4096, LONGEST = 512 };

int
socle__text_add(const char *piece, size_t len, void *text)
{
	struct socle__text *t = text;
	size_t size = t->size ? t->size : FIRST_SIZE;
	char *data = t->data;

	while (size <= t->len + len)
		size *= 2;
	if (!t->failed && size != t->size)
		data = sys_realloc(t->data, size);
	t->failed = t->failed || !data;
	if (t->failed)
		return -ENOMEM;
	t->data = data;
	t->size = size;
	memcpy(data + t->len, piece, len);
	t->len += len;
	data[t->len] = '\0';
	return 0;
}

void
socle__text_print(struct socle__text *t, const char *fmt, ...)
{
	char piece[LONGEST];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(piece, sizeof(piece), fmt, args);
	va_end(args);
	(void)socle__text_add(piece, strlen(piece), t);
}

void
socle__text_quote(struct socle__text *t, const char *text)
{
	(void)socle__text_add("\"", 1, t);
	for (; *text; text++) {
		unsigned char byte = (unsigned char)*text;

		if (byte < ' ' || byte > 126)
			socle__text_print(t, "\\\\x%02x", byte);
		else
			socle__text_print(t, "%s%c",
				byte == '"' || byte == '\\' ? "\\" : "", byte);
	}
	(void)socle__text_add("\"", 1, t);
}

void
socle__text_seconds(struct socle__text *t, uint64_t ns)
{
	socle__text_print(t, "%llu.%09llu", (unsigned long long)ns / 1000000000,
		(unsigned long long)ns % 1000000000);
}

void
socle__text_free(struct socle__text *t)
{
	sys_free(t->data);
	*t = (struct socle__text){.data = NULL};
}
