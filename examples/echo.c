/* echo [--port=N]: a TCP echo server.  README.md has a shorter one. */
#include <socle/socle.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct echo {
	struct socle_socket sock; /* the base, first */
	size_t bytes;
};

/* The most that is queued for a client that sends and does not read. */
enum { QUEUE_MOST = 1024 * 1024 };

static void
echo_event_accepted(struct socle_socket *self, struct socle_factory *by)
{
	(void)by;
	if (socle_set_write_cap(self, QUEUE_MOST) < 0)
		socle_close(self, "no memory");
}

static void
echo_event_read(struct socle_socket *self)
{
	struct echo *e = socle_container_of(self, struct echo, sock);
	char buf[16384];
	ssize_t n = socle_read(self, buf, sizeof(buf));

	if (n > 0) {
		e->bytes += (size_t)n;
		if (socle_write(self, buf, (size_t)n) == -ENOBUFS) {
			/* over the cap: echo it once the queue is empty */
			if (socle_unread(self, buf, (size_t)n) < 0)
				socle_close(self, "no memory");
			socle_watch_read(self, false);
		}
	} else if (n == 0) {
		socle_close_after_flush(self, "end of stream");
	} else if (n != -EAGAIN) {
		socle_close(self, "read failed");
	}
}

static void
echo_event_drain(struct socle_socket *self)
{
	socle_watch_read(self, true);
}

static const struct socle_class echo_class = {
	.name = "Echo",
	.super = &socle_socket_class,
	.size = sizeof(struct echo),
	.event_read = echo_event_read,
	.event_drain = echo_event_drain,
	.event_accepted = echo_event_accepted,
};

static void
stop(int signo, void *arg)
{
	(void)signo;
	(void)arg;
	socle_stop();
}

int
main(int argc, char **argv)
{
	struct socle_factory *listener;
	struct socle_addr addr;
	const char *port = "7007";
	char address[64];
	int err;

	if (argc == 2 && strncmp(argv[1], "--port=", 7) == 0)
		port = argv[1] + 7;
	snprintf(address, sizeof(address), "127.0.0.1:%s", port);
	err = socle_listen(address, &echo_class, &listener);
	if (err == 0)
		err = socle_factory_getsockname(listener, &addr);
	if (err < 0) {
		fprintf(stderr, "echo: %s: %s\n", address, strerror(-err));
		return 1;
	}
	printf("listening on 127.0.0.1:%d\n", socle_addr_port(&addr));
	fflush(stdout);
	socle_signal(SIGTERM, stop, NULL);
	socle_signal(SIGINT, stop, NULL);
	err = socle_event_loop();
	socle_reset();
	return err < 0;
}
