/* See listening.h. */
#include "tests/support/listening.h"

#include <stdio.h>

struct socle_factory *factory;
struct socle_socket *newest;
int accepted, served, messages;
char last_message[256];
void (*on_accepted)(struct socle_socket *self, struct socle_factory *by);

static void
client_event_accepted(struct socle_socket *self, struct socle_factory *by)
{
	accepted++;
	newest = self;
	if (on_accepted)
		on_accepted(self, by);
}

static void
client_event_read(struct socle_socket *self)
{
	char buf[256];
	ssize_t n = socle_read(self, buf, sizeof(buf));

	if (n > 0 && socle_write(self, buf, (size_t)n) == 1)
		served++;
	else if (n != -EAGAIN)
		socle_close(self, "over");
}

const struct socle_class client_class = {
	.name = "Client",
	.super = &socle_socket_class,
	.size = sizeof(struct client),
	.event_accepted = client_event_accepted,
	.event_read = client_event_read,
};

static void
message(int level, const char *text, void *arg)
{
	(void)level;
	(void)arg;
	messages++;
	snprintf(last_message, sizeof(last_message), "%s", text);
}

int
listening_setup(void **state)
{
	factory = NULL;
	newest = NULL;
	on_accepted = NULL;
	accepted = served = messages = 0;
	return fixture_setup(state);
}

void
listen_at(const char *where)
{
	assert_int_equal(0, socle_listen(where, &client_class, &factory));
	socle_set_log(message, NULL);
}

int
client(void)
{
	struct socle_addr a;
	int fd;

	assert_int_equal(0, socle_factory_getsockname(factory, &a));
	fd = socket(a.u.sa.sa_family, SOCK_STREAM, 0);
	assert_true(fd >= 0);
	assert_int_equal(0, connect(fd, &a.u.sa, a.len));
	assert_int_equal(0, fcntl(fd, F_SETFL, O_NONBLOCK));
	return fd;
}

void
clients(int *fds, int n)
{
	for (int i = 0; i < n; i++)
		fds[i] = client();
}

void
close_all(const int *fds, int n)
{
	for (int i = 0; i < n; i++)
		close(fds[i]);
}

void
assert_served(int fd)
{
	int before = served;
	char c = 'x';

	send_all(fd, &c, 1);
	turn_until_count(&served, before + 1);
	assert_int_equal(1, recv(fd, &c, 1, 0));
}

void
assert_disconnected(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	char c;

	assert_int_equal(1, poll(&p, 1, 30 * 1000));
	assert_true(recv(fd, &c, 1, 0) <= 0);
}

void
serves_one_client(const char *where)
{
	int fd;

	listen_at(where);
	fd = client();
	turn_until_count(&accepted, 1);
	assert_served(fd);
	close(fd);
}
