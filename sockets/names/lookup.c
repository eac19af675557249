/* What the two users of getaddrinfo(3) have in common. */
#include "sockets/names/lookup.h"

#include "sockets/names/host.h"

#include "seam.h"

#include <string.h>

int
socle__number(const char *text, int max)
{
	int value = 0;

	if (*text == '\0' || text[strspn(text, "0123456789")] != '\0')
		return -EINVAL;
	for (; *text && value <= max; text++)
		value = value * 10 + (*text - '0');
	return value <= max ? value : -ERANGE;
}

bool
socle__is_unix_text(const char *text)
{
	return *text == '/' || *text == '@' ||
		strncmp(text, "unix:", strlen("unix:")) == 0;
}

/* Whether inet_aton(3) would read it: one to four numbers of any base. */
static bool
is_loose_number(const char *text)
{
	static const char digits[] = "0123456789abcdefABCDEF";
	int parts = 0;

	for (;; text++) {
		bool hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
		size_t n = strspn(
			text += hex ? 2 : 0, hex ? digits : "0123456789");

		if (n == 0 && !hex)
			return false;
		text += n;
		if (++parts > 4 || (*text && *text != '.'))
			return false;
		if (!*text)
			return true;
	}
}

bool
socle__is_host_text(const char *text)
{
	struct in_addr strict;

	return !strpbrk(text, SOCLE__SPACE) &&
		(!is_loose_number(text) ||
			socle__host_parse(AF_INET, text, &strict));
}

int
socle__lookup_error(int result)
{
	switch (result) {
	case EAI_SYSTEM:
		return errno == EAGAIN ? -ETIMEDOUT : errno ? -errno : -EIO;
	case EAI_AGAIN:
		return -ETIMEDOUT;
	case EAI_FAIL:
		return -EIO;
	case EAI_MEMORY:
		return -ENOMEM;
	case EAI_SERVICE:
	case EAI_SOCKTYPE:
		return -EINVAL;
	default: /* EAI_NONAME, and others that some systems have */
		return -EADDRNOTAVAIL;
	}
}

static bool
is_known(const struct socle_addr *addrs, size_t n, const struct socle_addr *a)
{
	size_t i = 0;

	while (i < n &&
		(addrs[i].len != a->len ||
			memcmp(&addrs[i].u, &a->u, a->len) != 0))
		i++;
	return i < n;
}

int
socle__lookup_addresses(const struct addrinfo *found, bool once,
	struct socle_addr **ret, size_t *n)
{
	struct socle_addr *addrs;
	size_t most = 1, got = 0;

	for (const struct addrinfo *f = found; f; f = f->ai_next)
		most++;
	if (!(addrs = sys_calloc(most, sizeof(addrs[0]))))
		return -ENOMEM;
	for (; found; found = found->ai_next) {
		struct socle_addr *a = &addrs[got];

		if (found->ai_addrlen > sizeof(a->u))
			continue;
		a->len = found->ai_addrlen;
		memcpy(&a->u, found->ai_addr, a->len);
		got += !once || !is_known(addrs, got, a);
	}
	if (got == 0) {
		sys_free(addrs);
		return -EADDRNOTAVAIL;
	}
	*ret = addrs;
	*n = got;
	return 0;
}
