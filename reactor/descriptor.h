/*
 * The descriptor: all that the reactor knows of a socket, a pipe, or one of
 * its own helpers.  struct socle_socket embeds one as its first member; the
 * fields are private and are here only because C needs their size.
 */
#ifndef SOCLE_REACTOR_DESCRIPTOR_H
#define SOCLE_REACTOR_DESCRIPTOR_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * What can be watched and what can be ready; poll(2)'s values, as in
 * Danga::Socket.  ERR and HUP need not be asked for.
 */
enum { SOCLE_READ = 1, SOCLE_WRITE = 4, SOCLE_ERR = 8, SOCLE_HUP = 16 };

struct socle_descriptor {
	/* private */
	struct socle_descriptor *next, *prev; /* attention list; NULL: off */
	const struct socle__descriptor_ops *ops;
	int fd;
	uint32_t generation; /* of this fd's registration: map and cookie */
	uint8_t wanted;      /* READ, WRITE: what the owner wants watched */
	uint8_t armed;       /* what the kernel watches, PRESENT if at all */
	uint8_t turns;       /* SOCLE__TURN_ bits: attention asked for */
	uint32_t bits;       /* the lowest are of reactor/core.h */
};

#ifdef __cplusplus
}
#endif

#endif
