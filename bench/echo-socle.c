/*
 * The echo server on socle, by the buffered socket object.  It can be several
 * classes deep, have idle timeouts, and be profiled.
 */
#include "server.h"

#include <socle/socle.h>

enum { LEVELS = 5 };

static struct options opt;

static void
echo_event_accepted(struct socle_socket *self, struct socle_factory *by)
{
	(void)by;
	if (opt.timeout > 0)
		socle_set_idle_timeout(self, opt.timeout);
	if (opt.message > 0)
		socle_set_autoflush(self, false);
}

static void
answer_each(struct socle_socket *self, const char *buf, size_t len)
{
	size_t i, n;

	for (i = 0; i < len; i += n) {
		n = len - i < opt.message ? len - i : opt.message;
		socle_write(self, buf + i, n);
	}
}

static void
echo_event_read(struct socle_socket *self)
{
	char buf[READ_SIZE];
	ssize_t n = socle_read(self, buf, sizeof(buf));

	if (n > 0 && opt.message == 0)
		socle_write(self, buf, (size_t)n);
	else if (n > 0)
		answer_each(self, buf, (size_t)n);
	else if (n == 0)
		socle_close_after_flush(self, "end of stream");
	else if (n != -EAGAIN)
		socle_close(self, "read failed");
}

static const struct socle_class classes[LEVELS] = {
	{
		.name = "Echo",
		.super = &socle_socket_class,
		.event_read = echo_event_read,
		.event_accepted = echo_event_accepted,
	},
	{.name = "Echo2", .super = &classes[0]},
	{.name = "Echo3", .super = &classes[1]},
	{.name = "Echo4", .super = &classes[2]},
	{.name = "Echo5", .super = &classes[3]},
};

static void
profile(const char *what)
{
	unsigned how = SOCLE_PROFILE_WALL;

	if (strcmp(what, "cpu") == 0)
		how = SOCLE_PROFILE_CPU;
	if (strcmp(what, "off") != 0)
		socle_enable_profiling(how);
}

int
main(int argc, char **argv)
{
	struct socle_factory *f;
	struct socle_addr here;
	int err;

	opt = options(argc, argv);
	if (opt.levels < 1 || opt.levels > LEVELS)
		return 2;
	if (opt.profile)
		profile(opt.profile);
	err = socle_listen("127.0.0.1:0", &classes[opt.levels - 1], &f);
	if (err == 0)
		err = socle_factory_getsockname(f, &here);
	if (err < 0) {
		fprintf(stderr, "echo-socle: %s\n", strerror(-err));
		return 1;
	}
	ready(socle_addr_port(&here));
	return socle_event_loop() < 0;
}
