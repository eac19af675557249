/* Checking and copying a factory's parameters. */
#include "sockets/factory/make.h"

#include "reactor/reactor.h"
#include "sockets/factory/accept.h"
#include "sockets/factory/connector.h"
#include "sockets/factory/resolve.h"
#include "sockets/names/addr_valid.h"
#include "sockets/names/lookup.h"
#include "sockets/names/protocol.h"

#include "seam.h"

#include <stdatomic.h>
#include <string.h>

static _Atomic uint64_t last_id;

/* Whether a text is a number, and 0. */
static bool
is_port_0(const char *text)
{
	return socle__is_text(text) && socle__number(text, UINT16_MAX) == 0;
}

static bool
has_address(const struct socle_factory_params *p)
{
	return p->bind_addr || p->remote_addr ||
		socle__is_text(p->bind_address) ||
		socle__is_text(p->bind_port) ||
		socle__is_text(p->remote_address) ||
		socle__is_text(p->remote_port);
}

/* Half an address of the remote end is none. */
static bool
is_half(const struct socle_factory_params *p)
{
	bool address = socle__is_text(p->remote_address);
	bool port = socle__is_text(p->remote_port);

	return address ? p->socket_domain != AF_UNIX && !port : port;
}

static int
params_check(const struct socle_factory_params *p)
{
	if (!(p->connect_timeout >= 0)) /* nor NaN */
		return -EINVAL;
	if (p->bind_addr && (p->bind_address || p->bind_port))
		return -EINVAL;
	if (p->remote_addr && (p->remote_address || p->remote_port))
		return -EINVAL;
	if ((p->bind_addr && !socle__addr_is_valid(p->bind_addr)) ||
		(p->remote_addr && !socle__addr_is_valid(p->remote_addr)))
		return -EINVAL;
	return is_half(p) || (p->has_listen_fd && has_address(p)) ? -EINVAL : 0;
}

/* One block for all texts; the protocol has been looked up already. */
static int
texts_copy(struct socle_factory *f)
{
	const char **texts[] = {&f->p.bind_address, &f->p.bind_port,
		&f->p.remote_address, &f->p.remote_port};
	size_t size = 1;
	char *at;

	for (size_t i = 0; i < 4; i++)
		size += *texts[i] ? strlen(*texts[i]) + 1 : 0;
	if (!(f->texts = at = sys_malloc(size)))
		return -ENOMEM;
	for (size_t i = 0; i < 4; i++) {
		if (!*texts[i])
			continue;
		size = strlen(*texts[i]) + 1;
		*texts[i] = memcpy(at, *texts[i], size);
		at += size;
	}
	f->p.socket_protocol = NULL;
	return 0;
}

static void
addresses_copy(struct socle_factory *f)
{
	f->has_bind = f->p.bind_addr != NULL;
	f->has_remote = f->p.remote_addr != NULL;
	if (f->has_bind)
		f->bind = *f->p.bind_addr;
	if (f->has_remote)
		f->remote = *f->p.remote_addr;
	f->p.bind_addr = f->p.remote_addr = NULL;
}

/* Derives domain, protocol and type from one another, then the kind. */
static void
kind_find(struct socle_factory *f)
{
	struct socle_factory_params *p = &f->p;
	bool bound =
		socle__is_text(p->bind_address) || socle__is_text(p->bind_port);

	if (p->socket_domain == 0 && (f->has_bind || f->has_remote)) {
		const struct socle_addr *a =
			f->has_bind ? &f->bind : &f->remote;

		p->socket_domain = a->u.sa.sa_family;
	} else if (p->socket_domain == 0) {
		p->socket_domain = AF_INET;
		f->any_family = !bound;
	}
	f->type = p->socket_type;
	if (p->socket_domain != AF_UNIX)
		f->protocol = socle__protocol(p->socket_protocol, &f->type);
	if (f->type == 0)
		f->type = SOCK_STREAM;
	if (f->has_remote || socle__is_text(p->remote_address))
		f->kind = SOCLE__CONNECTOR;
	else if (p->has_listen_fd || f->type == SOCK_STREAM ||
		f->type == SOCK_SEQPACKET)
		f->kind = SOCLE__LISTENER;
	else
		f->kind = SOCLE__PEER;
}

/* Checks that need the domain, the type and the kind. */
static int
kind_check(const struct socle_factory *f)
{
	const struct socle_factory_params *p = &f->p;
	bool is_unix = p->socket_domain == AF_UNIX;

	if (p->has_listen_fd)
		return 0;
	if (f->cls && f->type != SOCK_STREAM && f->type != SOCK_SEQPACKET)
		return -EINVAL;
	if (is_unix && f->kind == SOCLE__LISTENER && !f->has_bind &&
		!socle__is_text(p->bind_address))
		return -EINVAL;
	if (f->kind != SOCLE__CONNECTOR || is_unix || f->type == SOCK_RAW)
		return 0;
	return socle__addr_is_port_0(&f->remote) || is_port_0(p->remote_port)
		? -EINVAL
		: 0;
}

static void
timers_init(struct socle_factory *f)
{
	socle__own_timer_init(&f->event, socle__factory_event_fired);
	socle__own_timer_init(&f->next_attempt, socle__connector_next_fired);
	socle__own_timer_init(&f->deadline, socle__connector_deadline_fired);
	socle__own_timer_init(&f->again, socle__listener_again_fired);
}

int
socle__factory_make(
	const struct socle_factory_params *p, struct socle_factory **ret)
{
	struct socle__class *cls = NULL;
	struct socle_factory *f;
	int err = params_check(p);

	if (err == 0 && p->accept_class)
		err = socle__class_resolve_stream(
			socle__reactor, p->accept_class, &cls);
	if (err < 0)
		return err;
	if (!(f = sys_calloc(1, sizeof(*f))))
		return -ENOMEM;
	f->p = *p;
	f->cls = cls;
	f->d.ops = &socle__factory_ops;
	f->d.fd = f->reserve = -1;
	f->references = 1;
	addresses_copy(f);
	kind_find(f);
	if ((err = kind_check(f)) < 0 || (err = texts_copy(f)) < 0) {
		sys_free(f);
		return err;
	}
	f->id = ++last_id;
	timers_init(f);
	*ret = f;
	return 0;
}
