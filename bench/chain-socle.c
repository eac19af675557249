/* The chain on socle, both ends of each pair buffered socket objects. */
#include "chain.h"

#include <socle/socle.h>

struct link {
	struct socle_socket sock;
	struct socle_socket *to; /* the writing end of the next pair */
};

static void
link_event_read(struct socle_socket *self)
{
	struct link *l = socle_container_of(self, struct link, sock);
	char byte;

	if (socle_read(self, &byte, 1) != 1)
		return;
	if (chain.toggle) {
		socle_watch_read(self, false);
		socle_watch_read(self, true);
	}
	if (chain_arrived() && socle_write(l->to, &byte, 1) != 1)
		chain_die("write");
}

static const struct socle_class link_class = {
	.name = "Link",
	.super = &socle_socket_class,
	.size = sizeof(struct link),
	.event_read = link_event_read,
};

int
main(int argc, char **argv)
{
	struct socle_socket *in, **out;
	int i, err = 0;

	chain_open(argc, argv);
	out = calloc((size_t)chain.pairs, sizeof(struct socle_socket *));
	if (!out)
		return 1;
	for (i = 0; i < chain.pairs && err == 0; i++)
		err = socle_socket_new(
			&socle_socket_class, chain.out[i], &out[i]);
	for (i = 0; i < chain.pairs && err == 0; i++) {
		err = socle_socket_new(&link_class, chain.in[i], &in);
		if (err < 0)
			break;
		socle_container_of(in, struct link, sock)->to =
			out[chain_next(i)];
		socle_watch_read(in, true);
	}
	if (err < 0) {
		fprintf(stderr, "chain-socle: %s\n", strerror(-err));
		return 1;
	}
	chain_start();
	return socle_event_loop() < 0;
}
