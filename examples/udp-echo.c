/* udp-echo [--port=N]: a UDP echo server that works in batches. */
#include <socle/socle.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

static void
echo_on_recv(struct socle_dgram *self, const struct socle_packet *p)
{
	/* UDP is unreliable: a reply that finds the queue full is dropped. */
	socle_dgram_reply(self, p, p->data, p->len);
}

static void
echo_on_send_error(
	struct socle_dgram *self, int err, const struct socle_packet *p)
{
	char to[SOCLE_ADDR_TEXT_MAX] = "?";

	if (err == -ECANCELED)
		return;
	socle_addr_format(&p->to, to, sizeof(to));
	socle_socket_debug_msg(
		&self->sock, "%zu bytes to %s: %s", p->len, to, strerror(-err));
}

static const struct socle_dgram_class echo_class = {
	.cls = {.name = "UdpEcho", .super = &socle_dgram_class.cls},
	.on_recv = echo_on_recv,
	.on_send_error = echo_on_send_error,
};

static const struct socle_dgram_params echo_params = {
	.recv_batch = 32,
	.max_queue_bytes = 16 << 20,
	.gro = true,
	.gso = true,
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
	struct socle_dgram *d;
	const char *port = "7007";
	char address[64];
	int err;

	if (argc == 2 && strncmp(argv[1], "--port=", 7) == 0)
		port = argv[1] + 7;
	snprintf(address, sizeof(address), "127.0.0.1:%s", port);
	err = socle_dgram_open(address, true, &echo_class, &echo_params, &d);
	if (err < 0) {
		fprintf(stderr, "udp-echo: %s: %s\n", address, strerror(-err));
		return 1;
	}
	socle_signal(SIGTERM, stop, NULL);
	socle_signal(SIGINT, stop, NULL);
	printf("echoing udp://127.0.0.1:%d\n", socle_local_port(&d->sock));
	fflush(stdout);
	err = socle_event_loop();
	socle_reset();
	return err < 0;
}
