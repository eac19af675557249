/* cell.h describes the functions. */
#include "tests/reentrancy/cell.h"

#include "tests/reentrancy/actors.h"
#include "tests/support/sending.h"

#include <stdio.h>
#include <sys/socket.h>

struct world w;

void
mistake(const char *fmt, ...)
{
	va_list ap;

	if (w.wrong[0])
		return;
	va_start(ap, fmt);
	(void)vsnprintf(w.wrong, sizeof(w.wrong), fmt, ap);
	va_end(ap);
}

bool
has(unsigned trait)
{
	return (w.kind->traits & trait) != 0;
}

bool
kind_is(const struct kind *k)
{
	return w.kind == k;
}

void
act_in(const struct kind *k)
{
	if (k != w.kind || !w.arranged)
		return;
	if (w.silent && !has(CALLED_FOR))
		mistake("%s ran in a child before socle_after_fork()", k->name);
	w.runs++;
	w.ran_at = w.ticks;
	if (w.acted)
		return;
	w.acted = true;
	w.acted_at = w.ticks;
	w.on_stack++;
	w.op->act();
	if (w.then)
		w.then->act();
	w.on_stack--;
}

/* ---- objects ---- */

enum role
role_of(const struct socle_socket *s)
{
	enum role role = E;

	while (role < ROLES && w.sock[role] != s)
		role++;
	return role;
}

enum role
event_of(const struct socle_socket *s, const char *what)
{
	enum role role = role_of(s);

	if (w.silent)
		mistake("%s in a child before socle_after_fork()", what);
	if (role == ROLES)
		mistake("%s of a destroyed object", what);
	else if (w.ended[role])
		mistake("%s after the end of object %d", what, (int)role);
	else if (socle_closed(s))
		mistake("%s of a closed object, %d", what, (int)role);
	return role;
}

static void
append(char text[TEXT], char c)
{
	size_t n = strlen(text);

	if (n + 1 < TEXT)
		text[n] = c;
}

void
got_add(enum role role, char c)
{
	if (role < ROLES)
		append(w.got[role], c);
}

bool
is_open(enum role role)
{
	return w.sock[role] && !socle_closed(w.sock[role]);
}

void
object_is(enum role role, struct socle_socket *s)
{
	w.sock[role] = s;
	w.made[role] = true;
	w.ended[role] = false;
	w.last_resolved[role] = -1;
}

/* E is in memory of the application, which its `destroy' frees. */
void
object_wrap(enum role role, int fd)
{
	struct socle_socket *s = NULL;

	if (role == E) {
		s = calloc(1, sizeof(*s));
		assert_non_null(s);
		assert_int_equal(0, socle_socket_init(s, &actor_class, fd));
	} else {
		assert_int_equal(0,
			socle_socket_new(
				role == H ? &healthy_class : &actor_class, fd,
				&s));
	}
	object_is(role, s);
}

void
object_new(enum role role)
{
	int fds[2];

	if (role == NEW && w.sock[NEW])
		return;
	pair_unix(fds);
	if (w.peer[role] >= 0)
		hold_fd(w.peer[role]);
	w.peer[role] = fds[1];
	object_wrap(role, fds[0]);
}

void
object_stuff(enum role role)
{
	int fd = socle_fd(w.sock[role]), size = 4096;

	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	w.junk[role] += stuff_fd(fd);
}

void
object_ended(enum role role)
{
	w.ended[role] = true;
}

void
send_to(enum role role, const char *text)
{
	if (w.peer[role] >= 0)
		(void)!send(w.peer[role], text, 1, MSG_DONTWAIT | MSG_NOSIGNAL);
}

int
hold_fd(int fd)
{
	assert_true(w.n_held < HELD);
	return w.held[w.n_held++] = fd;
}

/* ---- promises ---- */

struct promise *
promise_new(enum role role)
{
	struct promise *p = &w.promise[w.promises++];

	assert_true(w.promises <= PROMISES);
	p->role = role;
	return p;
}

static void
resolve(struct promise *p, bool kept)
{
	int n = (int)(p - w.promise);

	if (w.silent)
		mistake("promise %d is resolved in a silent child", n);
	if (p->refused || p->kept + p->broken > 0)
		mistake("promise %d is resolved again", n);
	if (n < w.last_resolved[p->role])
		mistake("promise %d is resolved out of order", n);
	w.last_resolved[p->role] = n;
	*(kept ? &p->kept : &p->broken) += 1;
	if (kept && p->in_kept)
		act_in(p->in_kept);
	if (!kept && p->in_broken)
		act_in(p->in_broken);
}

static void
released(bool sent, void *arg)
{
	resolve(arg, sent);
}

static void
called(struct socle_socket *s, void *arg)
{
	if (role_of(s) != ((struct promise *)arg)->role)
		mistake("a call for another object");
	resolve(arg, true);
}

static void
dropped(void *arg)
{
	resolve(arg, false);
}

static void
completed(struct socle_socket *s, const struct socle_sent *how, void *arg)
{
	(void)s;
	resolve(arg, how->err == 0);
}

static int
result_of(struct promise *p, int result)
{
	if (result >= 0)
		return result;
	p->refused = true;
	if (p->kept + p->broken > 0)
		mistake("a refused call was made");
	return result;
}

int
promise_ref(struct promise *p, const char *text)
{
	return result_of(p,
		socle_write_ref(
			w.sock[p->role], text, strlen(text), released, p));
}

int
promise_call(struct promise *p)
{
	return result_of(
		p, socle_write_func(w.sock[p->role], called, dropped, p));
}

int
promise_file(struct promise *p)
{
	char path[PATH_SIZE] = "/tmp/socle-reentrancy-XXXXXX";
	int fd = mkstemp(path), result;

	expect(fd >= 0 && unlink(path) == 0 && write(fd, "fi", 2) == 2);
	result = result_of(p,
		socle_sendfile(w.sock[p->role],
			&(struct socle_sendfile){.fd = fd,
				.close_fd = true,
				.length = SOCLE_TO_END,
				.done = completed,
				.arg = p}));
	if (result < 0)
		close(fd);
	return result;
}

bool
all_resolved(enum role role)
{
	for (int i = 0; i < w.promises; i++) {
		const struct promise *p = &w.promise[i];

		if (p->role == role && !p->refused && p->kept + p->broken != 1)
			return false;
	}
	return true;
}

void
hold_back(const char *text)
{
	socle_set_autoflush(w.sock[X], false);
	expect(socle_write(w.sock[X], text, strlen(text)) == 0);
}

/* ---- deferred calls ---- */

void
defer_call(void (*fn)(void *arg))
{
	expect(socle_defer(fn, NULL) == 0);
}

void
close_x(void *arg)
{
	(void)arg;
	if (w.sock[X])
		socle_close(w.sock[X], "kind");
}

void
nothing(void *arg)
{
	(void)arg;
}
