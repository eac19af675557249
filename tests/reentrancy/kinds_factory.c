/* Callbacks of factories, of connecting, and of the resolver. */
#include "tests/reentrancy/kinds.h"

#include "tests/reentrancy/actors.h"
#include "tests/support/making.h"

#include <stdio.h>

/* ---- a listener and its clients ---- */

static void
client(void)
{
	if (w.factory)
		hold_fd(client_of(w.factory));
}

/*
 * The first is accepted before the cell's tick, alone; the next two in that tick,
 * together.
 */
static void
three_clients(void)
{
	turn(1);
	for (int i = 0; i < 3; i++)
		client();
}

/* Its factory exists. */
static void
expect_factory(void)
{
	expect(w.factory && !w.reset && !w.silent);
}

static void
accepted(struct socle_factory *f, struct socle_socket *s, void *arg)
{
	(void)f;
	(void)s;
	(void)arg;
	expect_factory();
	act_in(&in_accepted);
}

static void
success(struct socle_factory *f, int fd, const struct socle_addr *peer,
	void *arg)
{
	(void)f;
	(void)peer;
	(void)arg;
	hold_fd(fd);
	expect_factory();
	act_in(&in_success);
}

static void
failure(struct socle_factory *f, const struct socle_failure *why, void *arg)
{
	(void)f;
	(void)arg;
	expect(why->err == -ECONNREFUSED);
	expect_factory();
	act_in(&in_failure);
}

static void
attempt(struct socle_factory *f, const struct socle_addr *to, int err,
	void *arg)
{
	(void)f;
	(void)to;
	(void)arg;
	expect(err == -ECONNREFUSED);
	expect_factory();
	act_in(&in_attempt);
}

static void
listen_with(struct socle_factory_params p)
{
	p.bind_address = "127.0.0.1";
	p.bind_port = "0";
	p.failure = failure;
	expect(socle_factory_new(&p, &w.factory) == 0);
}

static void
listen_for_objects(void)
{
	listen_with((struct socle_factory_params){
		.accept_class = &actor_class, .accepted = accepted});
}

static void
prepare_accepted(void)
{
	listen_for_objects();
	three_clients();
}

static void
pause_and_connect(void)
{
	if (w.factory)
		socle_pause_accept(w.factory);
	client();
}

const struct kind in_event_accepted = {
	.name = "event_accepted",
	.traits = MAKES_ITSELF,
	.prepare = prepare_accepted,
	.arrange = client,
	.cancel = pause_and_connect,
	.again = client,
};

static void
remove_events_and_connect(void)
{
	if (w.factory)
		socle_factory_set_events(w.factory, NULL);
	client();
}

const struct kind in_accepted = {
	.name = "the accepted of a factory",
	.traits = MAKES_ITSELF,
	.prepare = prepare_accepted,
	.arrange = client,
	.cancel = remove_events_and_connect,
	.again = client,
};

static void
prepare_success(void)
{
	listen_with((struct socle_factory_params){.success = success});
	three_clients();
}

const struct kind in_success = {
	.name = "the success of a factory",
	.traits = NO_OBJECT,
	.prepare = prepare_success,
	.arrange = client,
	.cancel = remove_events_and_connect,
	.again = client,
};

/* ---- failing to connect ---- */

/* The factory that is made again is freed by the reset. */
static void
connect_in_vain(void)
{
	struct socle_factory_params p = {.remote_address = "127.0.0.1",
		.success = success,
		.failure = failure,
		.attempt = attempt};
	int port;

	hold_fd(refusing(AF_INET, &port));
	p.remote_port = port_text(port);
	expect(socle_factory_new(&p, &w.factory) == 0);
}

const struct kind in_failure = {
	.name = "the failure of a factory",
	.traits = NO_OBJECT,
	.arrange = connect_in_vain,
	.again = connect_in_vain,
};

const struct kind in_attempt = {
	.name = "the attempt of a factory",
	.traits = NO_OBJECT,
	.arrange = connect_in_vain,
	.again = connect_in_vain,
};

/* ---- the objects of a factory ---- */

static void
visit(struct socle_socket *s, void *arg)
{
	(void)arg;
	expect(w.factory && !w.reset);
	if (role_of(s) == X)
		act_in(&in_factory_each);
}

static void
visit_all(void *arg)
{
	(void)arg;
	if (w.factory)
		socle_factory_each(w.factory, visit, NULL);
}

static void
prepare_factory_each(void)
{
	listen_for_objects();
	client();
	client();
	for (int i = 0; i < 1000 && w.accepted < 2; i++)
		turn(1);
	w.extras = 1;
}

static void
arrange_factory_each(void)
{
	defer_call(visit_all);
}

const struct kind in_factory_each = {
	.name = "a function of socle_factory_each()",
	.traits = MAKES_ITSELF,
	.prepare = prepare_factory_each,
	.arrange = arrange_factory_each,
	.again = arrange_factory_each,
};

/* ---- socle_connect() ---- */

static void
connect_x(int port)
{
	struct socle_socket *s = NULL;
	char where[32];

	(void)snprintf(where, sizeof(where), "127.0.0.1:%d", port);
	expect(socle_connect(where, &actor_class, 0, &s) == 0);
	object_is(X, s);
}

static void
arrange_connected(void)
{
	int port;

	hold_fd(tcp_listener(&port));
	connect_x(port);
}

const struct kind in_connected = {
	.name = "event_write of a connected object",
	.traits = MAKES_ITSELF,
	.arrange = arrange_connected,
};

static void
arrange_refused(void)
{
	int port;

	hold_fd(refusing(AF_INET, &port));
	connect_x(port);
}

const struct kind in_refused = {
	.name = "event_err of an object that is refused",
	.traits = MAKES_ITSELF | ENDS | BROKEN,
	.arrange = arrange_refused,
};

/* ---- the resolver ---- */

static void
resolved(int err, const struct socle_addr *addrs, size_t n, void *arg)
{
	(void)arg;
	expect(err == 0 && n == 1);
	act_in(&in_resolved);
	expect(addrs[0].u.sa.sa_family == AF_INET); /* it is still valid */
}

static void
resolve(void)
{
	expect(socle_resolve("127.0.0.1", "80", AF_INET, SOCK_STREAM, resolved,
		       NULL, NULL) == 0);
}

const struct kind in_resolved = {
	.name = "the function of socle_resolve()",
	.traits = NO_OBJECT,
	.arrange = resolve,
	.again = resolve,
};
