/* item_name.h describes the function. */
#include "profiling/item_name.h"

#include <stdbool.h>
#include <string.h>

struct span {
	const char *at;
	size_t len;
};

/* As in enum socle__item_kind: of a class, or which argument it is. */
static const struct kind {
	const char *affix;
	int argument;
} kinds[] = {{"-read", 0}, {"-write", 0}, {"-err", 0}, {"-hup", 0},
	{"-drain", 0}, {"-timeout", 0}, {"-closure", 0}, {"-accepted", 0},
	{"-destroy", 0}, {"-post-loop", 0}, {"timer:", 1}, {"deferred:", 0},
	{"posted:", 1}, {"other-fd:", 2}, {"signal:", 1}, {"post-loop:", 0},
	{"done:", 0}};
_Static_assert(sizeof(kinds) / sizeof(kinds[0]) == SOCLE__ITEM_KINDS, "kinds");

/* Up to the comma that ends the argument at `s', or the end of the text. */
static const char *
argument_end(const char *s)
{
	const char *start = s;
	int depth = 0;
	char quote = 0;

	for (; *s && (quote || depth > 0 || *s != ','); s++) {
		/* C++ writes 10'000 for ten thousand */
		bool digit = s > start && s[-1] >= '0' && s[-1] <= '9';

		if (quote && *s == '\\' && s[1])
			s++;
		else if (quote)
			quote = *s == quote ? 0 : quote;
		else if (*s == '"' || (*s == '\'' && !digit))
			quote = *s;
		else if (strchr("([{", *s))
			depth++;
		else if (strchr(")]}", *s))
			depth--;
	}
	return s;
}

/* The n-th argument without blanks and &; the whole text if there is none. */
static struct span
argument(const char *text, int n)
{
	static const char blank[] = "& \t\n\v\f\r";
	const char *s = text;
	const char *end = argument_end(s);

	for (; n > 0 && *end; n--) {
		s = end + 1;
		end = argument_end(s);
	}
	if (n > 0)
		s = text;
	s += strspn(s, blank);
	while (end > s && strchr(blank, end[-1]))
		end--;
	return (struct span){s, (size_t)(end - s)};
}

/* Copies at most `max' bytes, and no part of a UTF-8 character. */
static char *
put(char *to, struct span s, size_t max)
{
	size_t n = s.len < max ? s.len : max;

	while (n > 0 && n < s.len && (s.at[n] & 0xC0) == 0x80)
		n--;
	memcpy(to, s.at, n);
	return to + n;
}

/* Copies an expression, shortened, without characters that need quoting. */
static char *
put_expression(char *to, struct span s)
{
	enum { SHORT = 40 };
	struct span dots = {"...", s.len > SHORT ? 3 : 0};
	char *from = to;

	to = put(to, s, SHORT - dots.len);
	for (; from < to; from++)
		if ((unsigned char)*from < ' ' || strchr("\"'\\\177", *from))
			*from = '_';
	return put(to, dots, dots.len);
}

size_t
socle__item_name(enum socle__item_kind kind, const char *text, char *ret)
{
	static const char identifier[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
		"0123456789_:";
	const struct kind *k = &kinds[kind];
	const bool of_class = k->affix[0] == '-';
	struct span affix = {k->affix, strlen(k->affix)};
	struct span name = {text, strlen(text)};
	char *to = ret;

	if (!of_class) {
		name = argument(text, k->argument);
		to = put(to, affix, affix.len);
	}
	if (name.len == 0)
		name = (struct span){"(unnamed)", 9};
	if (of_class || strspn(name.at, identifier) >= name.len)
		to = put(to, name, SOCLE__ITEM_NAME - affix.len);
	else
		to = put_expression(to, name);
	*(of_class ? put(to, affix, affix.len) : to) = '\0';
	return of_class ? (size_t)(to - ret) : affix.len - 1;
}
