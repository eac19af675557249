/*
 * A C++20 program that uses the installed library: classes whose methods are
 * lambdas, lambdas as callbacks, both through the macros that record their
 * names and through the functions behind the macros, and an object allocated
 * with `new'. It listens, connects to itself with a plain socket, exchanges a
 * greeting and exits with status 0.
 */
#include <socle/socle.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace
{

constexpr std::string_view greeting = "guten Tag, socle";

/* Records of the callbacks; the lambdas below capture nothing. */
int ticks, deferred, accepted, destroyed;
bool answered;

void
check(bool ok, const char *what)
{
	if (ok)
		return;
	std::fprintf(stderr, "consumer: %s\n", what);
	std::exit(1);
}

/* ---- the server's side: memory of the library ---- */

struct echo {
	socle_socket sock; /* the base, first */
	std::size_t bytes;
};

const socle_class echo_class = {
	.name = "Echo",
	.super = &socle_socket_class,
	.size = sizeof(echo),
	.event_read =
		[](socle_socket *self) {
			auto *e = socle_container_of(self, echo, sock);
			char buf[256];
			ssize_t n = socle_read(self, buf, sizeof(buf));

			if (n == 0)
				socle_close(self, "end of stream");
			if (n <= 0)
				return;
			e->bytes += static_cast<std::size_t>(n);
			socle_write(self, buf, static_cast<std::size_t>(n));
		},
	.destroy = [](socle_socket *) { destroyed++; },
	.event_accepted = [](socle_socket *, socle_factory *) { accepted++; },
};

/* ---- the client's side: memory of its own, and a class below a class ---- */

struct client {
	socle_socket sock;
	std::string got;
};

client *
client_of(socle_socket *self)
{
	return socle_container_of(self, client, sock);
}

const socle_class client_class = {
	.name = "Client",
	.super = &socle_socket_class,
	.size = sizeof(client),
	.event_read =
		[](socle_socket *self) {
			char buf[256];
			ssize_t n = socle_read(self, buf, sizeof(buf));

			check(n > 0, "the echo went away");
			client_of(self)->got.append(
				buf, static_cast<std::size_t>(n));
		},
	.destroy =
		[](socle_socket *self) {
			destroyed++;
			delete client_of(self);
		},
};

const socle_class polite_class = {
	.name = "PoliteClient",
	.super = &client_class,
	.size = sizeof(client),
	.event_read =
		[](socle_socket *self) {
			socle_super_event_read(&polite_class, self);
			if (client_of(self)->got != greeting)
				return;
			answered = true;
			socle_close(self, "thank you");
		},
};

/* A plain blocking socket, connected to the listener. */
int
connected_to(const socle_factory *listener)
{
	socle_addr where;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	check(socle_factory_getsockname(listener, &where) == 0, "getsockname");
	check(fd >= 0, "socket");
	check(connect(fd, &where.u.sa, where.len) == 0, "connect");
	return fd;
}

socle_socket *
client_new(int fd)
{
	auto *c = new client{};
	int err = socle_socket_init(&c->sock, &polite_class, fd);

	check(err == 0, std::strerror(-err));
	return &c->sock;
}

/* Commas in a lambda must not end a macro's argument. */
void
start_callbacks()
{
	auto id = socle_add_timer(
		10.0,
		[](void *why) {
			int tens = 1, ones = 0;

			std::fprintf(stderr, "consumer: %s, %d%d s\n",
				static_cast<char *>(why), tens, ones);
			std::exit(1);
		},
		const_cast<char *>("nothing moves"));
	check(id != 0, "socle_add_timer");

	id = (socle_add_timer)(
		0.0, [](void *n) { ++*static_cast<int *>(n); }, &ticks);
	check(id != 0, "(socle_add_timer)");

	int err = socle_defer(
		[](void *n) {
			int one = 1, two = 2;

			*static_cast<int *>(n) += two - one;
		},
		&deferred);
	check(err == 0, "socle_defer");
	check((socle_defer)([](void *n) { ++*static_cast<int *>(n); },
		      &deferred) == 0,
		"(socle_defer)");
}

/* The items' names, "Class-read" and "timer:function", one to a line. */
std::string
profile_items()
{
	std::string items;

	socle_profiling_data(
		[](const socle_profile_item *item, void *arg) {
			auto *to = static_cast<std::string *>(arg);

			to->append(item->item).append("\n");
		},
		&items);
	return items;
}

} // namespace

int
main()
{
	socle_factory *listener;
	int err = socle_listen("127.0.0.1:0", &echo_class, &listener);

	check(err == 0, std::strerror(-err));
	check(socle_enable_profiling(SOCLE_PROFILE_WALL) == 1, "profiling");
	start_callbacks();

	socle_socket *c = client_new(connected_to(listener));
	socle_watch_read(c, true);
	check(socle_write(c, greeting.data(), greeting.size()) == 1, "write");

	err = socle_run_until([](void *) { return destroyed == 2; }, nullptr);
	check(err == 1, "the loop ended early");
	check(answered && accepted == 1, "no answer");
	check(ticks == 1 && deferred == 2, "a callback is missing");
	check(profile_items().find("PoliteClient-read\n") != std::string::npos,
		"the profile knows nothing of the client");

	socle_factory_free(listener);
	socle_reset();
	return 0;
}
