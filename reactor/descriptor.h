/*
 * The descriptor: what the reactor knows about a socket, a pipe, or one of the
 * library's own fds.  struct socle_socket embeds one as its first member.  The
 * fields are private; they are declared here because the compiler needs their
 * size.
 */
#ifndef SOCLE_REACTOR_DESCRIPTOR_H
#define SOCLE_REACTOR_DESCRIPTOR_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * The events, with the values of poll(2), as in Danga::Socket.  READ and WRITE
 * are watched on request; ERR and HUP are always reported.  Urgent data
 * (POLLPRI) is not watched.
 */
enum { SOCLE_READ = 1, SOCLE_WRITE = 4, SOCLE_ERR = 8, SOCLE_HUP = 16 };

struct socle_descriptor {
	/* private */
	struct socle_descriptor *next, *prev; /* attention list, or NULL */
	const struct socle__descriptor_ops *ops;
	int fd;
	uint32_t generation; /* unique to this registration of the fd */
	uint8_t wanted;      /* READ, WRITE: what the owner wants watched */
	uint8_t armed;       /* what the kernel watches; 0: not registered */
	uint8_t turns;       /* SOCLE__TURN_ bits: turns that are open */
	uint8_t fd_flags;    /* what kind of file the fd is: the owner's */
	uint32_t bits;       /* the lowest are in reactor/descriptor_ops.h */
};

#ifdef __cplusplus
}
#endif

#endif
