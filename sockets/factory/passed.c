/*
 * Sockets that were passed to this process when it was started: by a service
 * manager, or by a predecessor that restarts itself, which adds a stream on which
 * it waits for an answer.
 *
 * The environment is the process's, and so is this state.
 */
#include "sockets/factory/passed.h"

#include "reactor/spawn.h"
#include "sockets/names/addr.h"
#include "sockets/names/zone.h"

#include "seam.h"

#include <string.h>

enum { FREE, LOOKED_AT, TAKEN /* and, with a factory, its id above */ };

static struct {
	bool known;       /* the environment has been read */
	int n;            /* fds, or -errno */
	int predecessor;  /* the stream to it; 0: none */
	uint64_t *states; /* of each fd */
	char *names;      /* each with its NUL; NULL: none were given */
} passed;

/* ---- the variables ---- */

bool
socle__number_parse(const char *text, uint64_t most, uint64_t *ret)
{
	uint64_t n = 0;
	const char *c;

	for (c = text; *c >= '0' && *c <= '9' && n <= most; c++)
		n = n > most / 10 ? UINT64_MAX : 10 * n + (uint64_t)(*c - '0');
	*ret = n;
	return c != text && !*c && n <= most;
}

int
socle__passed_parse(
	const char *pid, const char *fds, const char *names, pid_t self)
{
	uint64_t id, n, named = 1;

	if (!pid || !fds)
		return 0;
	if (!socle__number_parse(pid, INT_MAX, &id))
		return -EINVAL;
	if ((pid_t)id != self)
		return 0;
	if (!socle__number_parse(fds, INT_MAX - SOCLE__FIRST_PASSED - 1, &n))
		return -EINVAL;
	for (const char *c = names; c && *c; c++)
		named += *c == ':';
	return names && n > 0 && named != n ? -EINVAL : (int)n;
}

static int
close_on_exec(int fd)
{
	int flags = sys_fcntl(fd, F_GETFD, 0);

	if (flags < 0 || sys_fcntl(fd, F_SETFD, flags | FD_CLOEXEC) < 0)
		return -errno;
	return 0;
}

/* The number of fds, or -errno.  -ENOMEM: nothing is lost. */
static int
fds_take(int n, const char *names)
{
	size_t len = names ? strlen(names) + 1 : 0;
	int err;

	for (int i = 0; i < n; i++)
		if ((err = close_on_exec(SOCLE__FIRST_PASSED + i)) < 0)
			return err;
	if (n <= 0)
		return n;
	passed.states = sys_calloc(1, (size_t)n * sizeof(*passed.states) + len);
	if (!passed.states)
		return -ENOMEM;
	if (names) {
		passed.names = (char *)(passed.states + n);
		memcpy(passed.names, names, len);
		for (char *c = passed.names; *c; c++)
			if (*c == ':')
				*c = '\0';
	}
	return n;
}

int
socle__passed_fds(void)
{
	static const char *const variables[] = {SOCLE__LISTEN_PID,
		SOCLE__LISTEN_FDS, SOCLE__LISTEN_FDNAMES, SOCLE__PREDECESSOR};
	const char *texts[4];
	uint64_t pid;
	int n;

	if (passed.known)
		return passed.n;
	for (int i = 0; i < 4; i++)
		texts[i] = getenv(variables[i]);
	n = fds_take(
		socle__passed_parse(texts[0], texts[1], texts[2], getpid()),
		texts[2]);
	if (n == -ENOMEM)
		return n;
	if (n >= 0 && texts[3] &&
		socle__number_parse(texts[3], INT_MAX, &pid) &&
		(pid_t)pid == getpid() &&
		close_on_exec(SOCLE__FIRST_PASSED + n) == 0)
		passed.predecessor = SOCLE__FIRST_PASSED + n;
	passed.known = true;
	passed.n = n;
	for (int i = 0; i < 4; i++)
		unsetenv(variables[i]);
	return n;
}

/* ---- the sockets ---- */

/* requires: i < passed.n */
const char *
socle__passed_name(int i)
{
	const char *name = passed.names;

	if (!name)
		return "unknown";
	while (i-- > 0)
		name += strlen(name) + 1;
	return name;
}

int
socle__passed_fd(int i, const char **name)
{
	int n = socle__passed_fds();

	if (n < 0)
		return n;
	if (i < 0 || i >= n || passed.states[i] > LOOKED_AT)
		return -ENOENT;
	passed.states[i] = LOOKED_AT;
	if (name)
		*name = socle__passed_name(i);
	return SOCLE__FIRST_PASSED + i;
}

static bool
is_of_kind(int fd, bool listens)
{
	int value = 0;
	socklen_t len = sizeof(value);

	if (sys_getsockopt(fd, SOL_SOCKET, listens ? SO_ACCEPTCONN : SO_TYPE,
		    &value, &len) < 0)
		return false;
	return listens ? value != 0 : value == SOCK_DGRAM;
}

static bool
is_bound_to(int fd, const struct socle_addr *a)
{
	struct socle_addr b = {.len = sizeof(b.u)};
	char asked[SOCLE_ADDR_TEXT_MAX], bound[SOCLE_ADDR_TEXT_MAX];

	if (sys_getsockname(fd, &b.u.sa, &b.len) < 0 ||
		b.u.sa.sa_family != a->u.sa.sa_family)
		return false;
	if (socle_addr_port(a) == 0) /* at the same place in both families */
		b.u.in.sin_port = 0;
	return socle_addr_format(a, asked, sizeof(asked)) > 0 &&
		socle_addr_format(&b, bound, sizeof(bound)) > 0 &&
		strcmp(asked, bound) == 0;
}

int
socle__passed_find(const char *where, bool listens)
{
	const char *name = strncmp(where, "fd:", 3) == 0 ? where + 3 : NULL;
	struct socle_addr a;
	int n = socle__passed_fds(), err;

	if (n < 0)
		return n;
	if (!name && (err = socle__addr_parse_zone(&a, where, 0)) < 0)
		return err;
	for (int i = 0; i < n; i++)
		if (passed.states[i] <= LOOKED_AT &&
			is_of_kind(SOCLE__FIRST_PASSED + i, listens) &&
			(name ? strcmp(name, socle__passed_name(i)) == 0
			      : is_bound_to(SOCLE__FIRST_PASSED + i, &a)))
			return i;
	return -ENOENT;
}

void
socle__passed_take(int i, uint64_t factory)
{
	passed.states[i] = TAKEN + factory;
}

const char *
socle__passed_name_of(uint64_t factory)
{
	for (int i = 0; passed.names && i < passed.n; i++)
		if (passed.states[i] == TAKEN + factory)
			return socle__passed_name(i);
	return NULL;
}

/* ---- after a restart ---- */

bool
socle__passed_ready(void)
{
	int ready = 0, stream;

	(void)socle__passed_fds();
	if ((stream = passed.predecessor) == 0)
		return false;
	passed.predecessor = 0;
	(void)sys_send(stream, &ready, sizeof(ready), MSG_NOSIGNAL);
	sys_close(stream);
	for (int i = 0; i < passed.n; i++) {
		if (passed.states[i] != FREE)
			continue;
		passed.states[i] = TAKEN;
		sys_close(SOCLE__FIRST_PASSED + i);
	}
	return true;
}

void
socle__passed_forget(void)
{
	sys_free(passed.states);
	memset(&passed, 0, sizeof(passed));
}
