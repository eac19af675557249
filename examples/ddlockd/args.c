/*
 * args.h describes the function.  What the Perl daemon makes of unusual arguments
 * is kept: of "lock=a=b" the value is "a", and "lock=a&lock=b" is one value with
 * a NUL byte between its parts.
 */
#include "ddlockd/args.h"

#include <string.h>

struct text {
	const char *at, *end;
};

/* ASCII only, whatever the locale. */
static char
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool
is_word(char c)
{
	return (lower(c) >= 'a' && lower(c) <= 'z') || (c >= '0' && c <= '9') ||
		c == '_';
}

static bool
is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static void
parse_command(char *to, struct text *line)
{
	size_t n = 0;

	for (; line->at < line->end && is_word(*line->at); line->at++)
		if (n < COMMAND_SIZE)
			to[n++] = lower(*line->at);
	if (n == COMMAND_SIZE)
		n = 0;
	to[n] = '\0';
	while (line->at < line->end && is_blank(*line->at))
		line->at++;
}

/* Takes the text up to `c', and skips that. */
static struct text
take_until(struct text *from, char c)
{
	size_t n = (size_t)(from->end - from->at);
	const char *end = n > 0 ? memchr(from->at, c, n) : NULL;
	struct text taken = {from->at, end ? end : from->end};

	from->at = end ? end + 1 : from->end;
	return taken;
}

static int
digit(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = c ? strchr(digits, lower(c)) : NULL;

	return at ? (int)(at - digits) : -1;
}

static char
decode_char(struct text *from)
{
	char c = *from->at++;

	if (c == '+')
		return ' ';
	if (c == '%' && from->end - from->at >= 2 && digit(from->at[0]) >= 0 &&
		digit(from->at[1]) >= 0) {
		c = (char)(digit(from->at[0]) * 16 + digit(from->at[1]));
		from->at += 2;
	}
	return c;
}

static void
add_char(struct name *to, char c)
{
	if (to->len < NAME_MOST)
		to->text[to->len++] = c;
	else
		to->too_long = true;
}

static bool
is_lock(struct text name)
{
	const char *want = "lock";

	while (name.at < name.end)
		if (*want == '\0' || decode_char(&name) != *want++)
			return false;
	return *want == '\0';
}

static void
parse_pair(struct args *ret, struct text pair)
{
	struct text name = take_until(&pair, '=');
	struct text value = take_until(&pair, '=');
	bool is_false = ret->name.len == 0 ||
		(ret->name.len == 1 && ret->name.text[0] == '0'); /* in Perl */

	if (!is_lock(name))
		return;
	if (!is_false)
		add_char(&ret->name, '\0');
	while (value.at < value.end)
		add_char(&ret->name, decode_char(&value));
}

void
args_parse(struct args *ret, const char *line, size_t len)
{
	struct text text = {line, line + len};

	ret->name.len = 0;
	ret->name.too_long = false;
	parse_command(ret->command, &text);
	while (text.at < text.end)
		parse_pair(ret, take_until(&text, '&'));
}
