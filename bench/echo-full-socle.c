/*
 * The echo server on socle that can have --timers and send a --file.  Apart from
 * echo-socle.c, where LTO=1 inlines what is called from one place only.
 */
#include "server.h"

#include <socle/socle.h>

static struct options opt;

static void
full_event_read(struct socle_socket *self)
{
	char buf[READ_SIZE];
	const struct socle_sendfile file = {
		.file = opt.file, .length = SOCLE_TO_END};
	ssize_t n = socle_read(self, buf, sizeof(buf));

	if (n > 0 && !(opt.file && buf[0] == FILE_REQUEST))
		socle_write(self, buf, (size_t)n);
	else if (n > 0 && socle_sendfile(self, &file) < 0)
		socle_close(self, "no file");
	else if (n == 0)
		socle_close_after_flush(self, "end of stream");
	else if (n < 0 && n != -EAGAIN)
		socle_close(self, "read failed");
}

static const struct socle_class full_class = {
	.name = "Full",
	.super = &socle_socket_class,
	.event_read = full_event_read,
};

static void
every_second(struct socle_timer *t)
{
	socle_timer_start(t, 1);
}

static void
start_timers(void)
{
	static struct socle_timer timers[TIMERS];
	int i;

	for (i = 0; i < TIMERS; i++) {
		socle_timer_init(&timers[i], every_second);
		socle_timer_start(&timers[i], i * (1. / TIMERS));
	}
}

int
main(int argc, char **argv)
{
	struct socle_factory *f;
	struct socle_addr here;
	int err;

	opt = options(argc, argv);
	if (opt.timers)
		start_timers();
	err = socle_listen("127.0.0.1:0", &full_class, &f);
	if (err == 0)
		err = socle_factory_getsockname(f, &here);
	if (err < 0) {
		fprintf(stderr, "echo-full-socle: %s\n", strerror(-err));
		return 1;
	}
	ready(socle_addr_port(&here));
	return socle_event_loop() < 0;
}
