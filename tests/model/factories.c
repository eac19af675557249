/*
 * Listeners and connections of the model: clients of a listener of the library,
 * and objects that connect to a listener of another process.
 */
#include "tests/model/model.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

static struct socle_factory *factory;
static int port, most, far_listener = -1, far_port;

enum { ACCEPTED = 8 };
static int far_accepted[ACCEPTED]; /* by another process */

static int
port_of(int fd, bool peer)
{
	struct sockaddr_in in = {.sin_port = 0};
	socklen_t len = sizeof(in);

	sim_outside_begin();
	if (peer)
		(void)getpeername(fd, (struct sockaddr *)&in, &len);
	else
		(void)getsockname(fd, (struct sockaddr *)&in, &len);
	sim_outside_end();
	return ntohs(in.sin_port);
}

/* ---- a listener of the library ---- */

static void
failure(struct socle_factory *f, const struct socle_failure *why, void *arg)
{
	(void)arg;
	callback_begin();
	expect(f == factory, "a failure of a factory that was freed");
	expect(why->err < 0, "a failure without an error");
	act_inside();
	callback_end();
}

static void
accepted(struct socle_factory *f, struct socle_socket *sock, void *arg)
{
	(void)arg;
	callback_begin();
	expect(f == factory, "a client of a factory that was freed");
	expect(stream_of(sock) != NULL, "a client without event_accepted");
	act_inside();
	callback_end();
}

/* The class's: which client it is, is known by its port. */
void
stream_accepted(struct socle_socket *sock, struct socle_factory *by)
{
	struct node *node = socle_container_of(sock, struct node, sock);
	int from = port_of(socle_fd(sock), true);

	callback_begin();
	expect(by == factory, "a client of a factory that was freed");
	expect(node->s == NULL, "an object accepted twice");
	for (int i = 0; i < STREAMS && !node->s; i++)
		if (streams[i].used && !streams[i].node &&
			streams[i].far_port == from)
			node->s = &streams[i];
	expect(node->s, "a client from port %d, which nobody has", from);
	node->s->node = node;
	node->s->fd = socle_fd(sock);
	node->s->taken_before = sim_taken(node->s->fd);
	node->s->reading = true;
	act_inside();
	callback_end();
}

void
operate_listen(void)
{
	struct socle_factory_params p = {
		.bind_address = "127.0.0.1",
		.bind_port = "0",
		.accept_class = &model_class,
		.accept_batch = sometimes(2) ? 1 + (int)choose(4) : 0,
		.max_connections = sometimes(4) ? 1 + (int)choose(4) : 0,
		.emfile = sometimes(2) ? SOCLE_EMFILE_SHED : SOCLE_EMFILE_PAUSE,
		.accepted = accepted,
		.failure = failure,
	};
	struct socle_addr name;

	if (factory && sometimes(3)) {
		socle_pause_accept(factory);
		return;
	}
	if (factory && choose(4) > 0) {
		socle_resume_accept(factory);
		return;
	}
	if (factory) {
		factories_forget();
		return;
	}
	if (socle_factory_new(&p, &factory) < 0) {
		factory = NULL;
		return;
	}
	most = p.max_connections;
	port = socle_factory_getsockname(factory, &name) < 0
		? 0
		: ntohs(name.u.in.sin_port);
}

void
operate_client(void)
{
	struct stream *s = new_stream();
	int fd;

	if (!factory || port == 0 || !s)
		return;
	sim_outside_begin();
	if (s->far >= 0)
		close(s->far);
	fd = sim_client(port);
	sim_outside_end();
	s->far = -1;
	if (fd < 0)
		return;
	*s = (struct stream){
		.used = true,
		.far = fd,
		.far_port = port_of(fd, false),
		.seed = (unsigned)choose(1000),
		.number = 1000,
		.is_tcp = true,
	};
}

/* Clients that were never accepted. */
static void
forget_waiting(void)
{
	for (int i = 0; i < STREAMS; i++)
		if (streams[i].used && !streams[i].node)
			streams[i].used = false;
}

void
factories_forget(void)
{
	struct socle_factory *f = factory;

	factories_forgotten();
	if (f)
		socle_factory_free(f);
}

void
factories_forgotten(void)
{
	factory = NULL;
	forget_waiting();
}

/* ---- a listener of another process ---- */

/* The stream whose connection this is; it may not have its fd yet. */
static struct stream *
stream_connected(int fd)
{
	int from = port_of(fd, true);

	for (int i = 0; i < STREAMS; i++) {
		struct stream *s = &streams[i];

		if (s->used && s->connecting && s->node && s->far < 0 &&
			!s->far_gone &&
			port_of(socle_fd(&s->node->sock), false) == from)
			return s;
	}
	return NULL;
}

static void
far_accept(void)
{
	int at = 0;

	while (at < ACCEPTED && far_accepted[at] >= 0)
		at++;
	sim_outside_begin();
	if (at < ACCEPTED)
		far_accepted[at] = accept4(
			far_listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	sim_outside_end();
	for (int i = 0; i < ACCEPTED; i++) {
		struct stream *s = far_accepted[i] >= 0
			? stream_connected(far_accepted[i])
			: NULL;

		if (!s)
			continue;
		s->far = far_accepted[i];
		far_accepted[i] = -1;
	}
}

void
operate_connect(void)
{
	struct stream *s = new_stream();
	struct socle_socket *sock;
	bool refused = sometimes(6);
	char where[40];
	int result;

	if (!s || sometimes(2)) {
		far_accept();
		return;
	}
	sim_outside_begin();
	if (s->far >= 0)
		close(s->far);
	sim_outside_end();
	s->far = -1;
	snprintf(where, sizeof(where), "127.0.0.1:%d", refused ? 1 : far_port);
	result = socle_connect(where, &model_class,
		sometimes(2) ? 0 : (double)(1 + choose(1 << choose(14))) / 1e6,
		&sock);
	if (result < 0) {
		expect(result != -EINTR && result != -EAGAIN, "connect: %d",
			result);
		return;
	}
	s->node = socle_container_of(sock, struct node, sock);
	s->ours = false;
	stream_begin(s, socle_fd(sock), -1, true);
	s->connecting = true;
	s->reading = socle_watching(sock) & SOCLE_READ;
}

void
factories_begin(void)
{
	struct sockaddr_in any = {.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

	factory = NULL;
	for (int i = 0; i < ACCEPTED; i++)
		far_accepted[i] = -1;
	sim_outside_begin();
	far_listener =
		socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	(void)bind(far_listener, (struct sockaddr *)&any, sizeof(any));
	(void)listen(far_listener, 8);
	sim_outside_end();
	far_port = port_of(far_listener, false);
}

void
factories_settle(void)
{
	far_accept();
	if (factory)
		socle_resume_accept(factory);
}

/* No client waits for a listener that may accept it. */
void
factories_settled(void)
{
	char byte;

	if (!factory ||
		(most > 0 && socle_factory_count(factory) >= (size_t)most))
		return;
	sim_outside_begin();
	for (int i = 0; i < STREAMS; i++) {
		const struct stream *s = &streams[i];

		expect(!s->used || s->node || s->far < 0 ||
				recv(s->far, &byte, 1, MSG_PEEK) >= 0 ||
				errno != EAGAIN,
			"a client from port %d waits for ever", s->far_port);
	}
	sim_outside_end();
}

void
factories_end(void)
{
	factory = NULL;
	forget_waiting();
	sim_outside_begin();
	close(far_listener);
	for (int i = 0; i < ACCEPTED; i++)
		if (far_accepted[i] >= 0)
			close(far_accepted[i]);
	sim_outside_end();
}
