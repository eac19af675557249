/* The descriptor map as the application sees it. */
#include "reactor/loop.h"
#include "reactor/state.h"
#include "sockets/object.h"

int
socle_fd(const struct socle_socket *s)
{
	return socle__is_closed(s) ? -1 : s->d.fd;
}

bool
socle_closed(const struct socle_socket *s)
{
	return socle__is_closed(s);
}

struct socle_socket *
socle_descriptor(int fd)
{
	struct socle__reactor *r = socle__reactor;
	struct socle_descriptor *d = r ? socle__descriptor_at(r, fd) : NULL;

	return d && d->bits & SOCLE__APPLICATION ? socle__socket_of(d) : NULL;
}

size_t
socle_watched_sockets(void)
{
	return socle__reactor ? socle__reactor->watched : 0;
}

size_t
socle_to_close(void)
{
	return socle__reactor ? socle__reactor->to_close : 0;
}

/* Steps by fd, so that `fn' may change the map in any way. */
static void
each(unsigned bits, void (*fn)(struct socle_socket *s, void *arg), void *arg)
{
	struct socle__reactor *r = socle__reactor;

	for (size_t fd = 0; r && r == socle__reactor && fd < r->map_size;
		fd++) {
		struct socle_socket *s = socle_descriptor((int)fd);

		if (s && (s->d.bits & bits) == bits)
			fn(s, arg);
	}
}

void
socle_each_descriptor(void (*fn)(struct socle_socket *s, void *arg), void *arg)
{
	each(0, fn, arg);
}

void
socle_each_to_close(void (*fn)(struct socle_socket *s, void *arg), void *arg)
{
	each(SOCLE__CLOSED, fn, arg);
}
