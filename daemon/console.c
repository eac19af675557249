/* The public functions, and what a thread's consoles keep. */
#include "daemon/console.h"

#include "daemon/client.h"
#include "daemon/commands.h"
#include "daemon/process.h"
#include "daemon/service.h"
#include "reactor/metrics.h"
#include "reactor/reactor.h"
#include "sockets/factory/state.h"

#include "seam.h"

#include <string.h>

/* ---- the state ---- */

static void
console_reset(struct socle__reactor *r)
{
	struct socle__console_state *st = r->console;

	r->console = NULL;
	if (st) {
		socle_timer_cancel(&st->ages.timer);
		sys_free(st->commands);
	}
	sys_free(st);
}

static const struct socle__part console_part = {.reset = console_reset};

/* NULL: out of memory. */
static struct socle__console_state *
state_get(void)
{
	struct socle__reactor *r = socle__reactor_get();

	if (!r || r->console)
		return r ? r->console : NULL;
	r->console = sys_calloc(1, sizeof(*r->console));
	if (r->console) {
		r->console->started = socle__wall_time();
		socle__part_register(r, SOCLE__PART_CONSOLE, &console_part);
	}
	return r->console;
}

/* ---- listening ---- */

static bool
is_local(const struct socle_addr *a)
{
	const struct in6_addr *in6 = &a->u.in6.sin6_addr;

	if (a->u.sa.sa_family == AF_INET)
		return ntohl(a->u.in.sin_addr.s_addr) >> 24 == 127;
	if (a->u.sa.sa_family != AF_INET6)
		return a->u.sa.sa_family == AF_UNIX;
	return IN6_IS_ADDR_LOOPBACK(in6) ||
		(IN6_IS_ADDR_V4MAPPED(in6) && in6->s6_addr[12] == 127);
}

static int
listen_at(const char *where, struct socle_factory **ret)
{
	struct socle_addr a;
	mode_t mask;
	int err;

	if (socle_addr_parse(&a, where, 0) == 0 && !is_local(&a))
		return -EACCES;
	mask = umask(0177);
	err = socle_service_listen(where, &socle__console_class, ret);
	(void)umask(mask);
	if (err < 0)
		return err;
	err = socle_factory_getsockname(*ret, &a);
	if (err == 0 && !is_local(&a))
		err = -EACCES;
	if (err < 0)
		socle_factory_free(*ret);
	return err;
}

int
socle_console_listen(const char *where)
{
	struct socle__console_state *st = where ? state_get() : NULL;
	struct socle_factory *f;
	int err;

	if (!st)
		return where ? -ENOMEM : -EINVAL;
	if (st->n_listeners == SOCLE__CONSOLES)
		return -ENOSPC;
	if ((err = listen_at(where, &f)) < 0)
		return err;
	f->background = true;
	if (st->n_listeners == 0)
		socle__ages_start(&st->ages);
	(void)socle_measure_ticks(true); /* or the page shows none */
	st->listeners[st->n_listeners++] = f;
	return 0;
}

static void
close_client(struct socle_socket *s, void *arg)
{
	(void)arg;
	socle_close(s, "console: closed");
}

void
socle_console_close(void)
{
	struct socle__console_state *st =
		socle__reactor ? socle__reactor->console : NULL;

	if (!st)
		return;
	socle_timer_cancel(&st->ages.timer);
	socle__slow_watch(&st->slow, 0);
	while (st->n_listeners > 0) {
		struct socle_factory *f = st->listeners[--st->n_listeners];

		socle_factory_each(f, close_client, NULL);
		socle_factory_free(f);
	}
}

/* ---- commands ---- */

static int
command_add(struct socle__console_state *st,
	const struct socle__console_command *new)
{
	struct socle__console_command *at =
		sys_realloc(st->commands, (st->n_commands + 1) * sizeof(*at));

	if (!at)
		return -ENOMEM;
	st->commands = at;
	at[st->n_commands++] = *new;
	return 0;
}

int
socle_console_command(const char *name, const char *help,
	void (*fn)(struct socle_console *c, int argc, char **argv, void *arg),
	void *arg)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789_";
	struct socle__console_command new = {name, help, fn, arg}, *old;
	struct socle__console_state *st;

	if (!name || !*name || name[strspn(name, letters)])
		return -EINVAL;
	if (!(st = state_get()))
		return -ENOMEM;
	old = socle__console_find(name);
	if (!old)
		return fn ? command_add(st, &new) : 0;
	*old = fn ? new : st->commands[--st->n_commands];
	return 0;
}

void
socle_console_set_shutdown(void (*fn)(double seconds, void *arg), void *arg)
{
	struct socle__console_state *st = state_get();

	if (!st)
		return;
	st->shutdown = fn;
	st->shutdown_arg = arg;
}
