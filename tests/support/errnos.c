#include "tests/support/fixture.h"

#include <stdio.h>

static const struct {
	const char *name;
	int err;
} names[] = {
	{"EACCES", EACCES},
	{"EADDRNOTAVAIL", EADDRNOTAVAIL},
	{"EAGAIN", EAGAIN},
	{"EBADF", EBADF},
	{"ECANCELED", ECANCELED},
	{"ECONNREFUSED", ECONNREFUSED},
	{"ECONNRESET", ECONNRESET},
	{"EDESTADDRREQ", EDESTADDRREQ},
	{"EHOSTUNREACH", EHOSTUNREACH},
	{"EINVAL", EINVAL},
	{"EMSGSIZE", EMSGSIZE},
	{"ENOMEM", ENOMEM},
	{"ENOSPC", ENOSPC},
	{"EPERM", EPERM},
	{"ETIMEDOUT", ETIMEDOUT},
};

static int
number_of(const char *name, size_t len)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strlen(names[i].name) == len &&
			memcmp(names[i].name, name, len) == 0)
			return names[i].err;
	fail_msg("%.*s is not in the table", (int)len, name);
	return 0;
}

const char *
errnos(const char *text)
{
	static char texts[4][1024];
	static unsigned turn;
	char *start = texts[turn++ % 4], *at = start;
	size_t len;

	while (*text) {
		assert_true(at - start < (int)sizeof(texts[0]) - 16);
		*at++ = *text++;
		if (at[-1] != '-' || *text != 'E')
			continue;
		len = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
		at += snprintf(at, 16, "%d", number_of(text, len));
		text += len;
	}
	*at = '\0';
	return start;
}
