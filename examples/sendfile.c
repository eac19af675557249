/*
 * sendfile [--port=N] FILE: sends a file to each client and closes.
 *
 * It is the synopsis of IO::AsyncX::Sendfile, with `on_done' as `done':
 *
 *	$stream->sendfile(file => $file)->on_done(sub { $stream->close });
 */
#include <socle/socle.h>

#include <signal.h>
#include <stdio.h>
#include <string.h>

static const char *file;

static void
sent(struct socle_socket *s, const struct socle_sent *how, void *arg)
{
	(void)arg;
	if (how->err < 0)
		fprintf(stderr, "sendfile: %s: %s, %llu bytes not sent\n",
			how->operation, strerror(-how->err),
			(unsigned long long)how->remaining);
	else
		socle_close_after_flush(s, "sent");
}

static void
stream_event_accepted(struct socle_socket *self, struct socle_factory *by)
{
	int err = socle_sendfile(self,
		&(struct socle_sendfile){
			.file = file, .length = SOCLE_TO_END, .done = sent});

	(void)by;
	if (err < 0) {
		fprintf(stderr, "sendfile: %s: %s\n", file, strerror(-err));
		socle_close(self, "no file");
	}
}

/* Input of a client is ignored. */
static void
stream_event_read(struct socle_socket *self)
{
	char buf[4096];

	if (socle_read(self, buf, sizeof(buf)) == 0)
		socle_watch_read(self, false);
}

static const struct socle_class stream_class = {
	.name = "Stream",
	.super = &socle_socket_class,
	.event_read = stream_event_read,
	.event_accepted = stream_event_accepted,
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
	const char *port = "7009";
	char address[64];
	int err;

	if (argc > 1 && strncmp(argv[1], "--port=", 7) == 0) {
		port = argv[1] + 7;
		argc--;
		argv++;
	}
	if (argc != 2) {
		fprintf(stderr, "usage: sendfile [--port=N] FILE\n");
		return 2;
	}
	file = argv[1];
	snprintf(address, sizeof(address), "127.0.0.1:%s", port);
	err = socle_listen(address, &stream_class, &listener);
	if (err == 0)
		err = socle_factory_getsockname(listener, &addr);
	if (err < 0) {
		fprintf(stderr, "sendfile: %s: %s\n", address, strerror(-err));
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
