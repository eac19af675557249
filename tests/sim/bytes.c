/* Queues of bytes of the simulated kernel: bounded rings. */
#include "tests/sim/private.h"

void
sim_bytes_size(struct sim_bytes *b, size_t size)
{
	if (b->size < size) {
		free(b->data);
		b->data = malloc(size);
		if (!b->data)
			abort();
	}
	b->size = size;
	b->at = b->n = 0;
}

void
sim_bytes_free(struct sim_bytes *b)
{
	free(b->data);
	*b = (struct sim_bytes){NULL, 0, 0, 0};
}

size_t
sim_room(const struct sim_bytes *b)
{
	return b->size - b->n;
}

size_t
sim_bytes_put(struct sim_bytes *b, const void *p, size_t n)
{
	size_t room = sim_room(b), end, first;

	if (n > room)
		n = room;
	if (n == 0)
		return 0;
	end = (b->at + b->n) % b->size;
	first = n < b->size - end ? n : b->size - end;
	memcpy(b->data + end, p, first);
	memcpy(b->data, (const uint8_t *)p + first, n - first);
	b->n += n;
	return n;
}

size_t
sim_bytes_get(struct sim_bytes *b, void *p, size_t n)
{
	size_t first;

	if (n > b->n)
		n = b->n;
	if (n == 0)
		return 0;
	first = n < b->size - b->at ? n : b->size - b->at;
	memcpy(p, b->data + b->at, first);
	memcpy((uint8_t *)p + first, b->data, n - first);
	b->at = (b->at + n) % b->size;
	b->n -= n;
	return n;
}

size_t
sim_bytes_move(struct sim_bytes *to, struct sim_bytes *from, size_t n)
{
	uint8_t some[4096];
	size_t room = sim_room(to), moved = 0;

	if (n > room)
		n = room;
	while (moved < n && from->n > 0) {
		size_t k = n - moved < sizeof(some) ? n - moved : sizeof(some);

		k = sim_bytes_get(from, some, k);
		moved += sim_bytes_put(to, some, k);
	}
	return moved;
}
