/*
 * For the tests of socle_io: peers, and a name server inside the test.
 */
#ifndef SOCLE_TESTS_IO_H
#define SOCLE_TESTS_IO_H

#include "tests/support/fixture.h"

/* In place of test(): the seam is as it was after it. */
#define io_test(name)                                                          \
	cmocka_unit_test_setup_teardown(name, fixture_setup, io_teardown)
int io_teardown(void **state);

/* Must work. */
void io_open(struct socle_io *io, const struct socle_io_params *p);

/* Listens at, or is bound to, this address, with port 0. */
void io_listening(struct socle_io *io, const char *addr);

/* Connected over loopback, both blocking. */
void io_tcp_pair(struct socle_io *a, struct socle_io *b);

/* Two UDP sockets on 127.0.0.1, neither connected. */
void io_udp_pair(struct socle_io *a, struct socle_io *b);

/* A listener at "127.0.0.1:0" that takes no more clients: connects hang.  The
 * clients that fill it are in fds. */
enum { STUFFING = 16 };
void io_stuffed(struct socle_io *listener, const char *addr, int *fds);
void io_close_all(const int *fds);

/* An address that refuses: bound, and nobody listens. */
const char *io_refusing(struct socle_io *io);

int io_port(struct socle_io *io);

bool io_blocks(struct socle_io *io);

/* "127.0.0.1:80"; the texts of four calls live at once. */
const char *io_text(const struct socle_addr *a);
const char *io_sockname_text(struct socle_io *io);
const char *io_peername_text(struct socle_io *io);

/* Waits, 5 s at most, until it says connected or that it has failed. */
int io_connected(struct socle_io *io);

/* Sends a line and has it back. */
void assert_talks(struct socle_io *from, struct socle_io *to);

/* The object is one without an fd, and says why. */
void assert_no_fd(struct socle_io *io, const char *errstr);

/*
 * "operation: what libc says of err", which is not the same everywhere.  In
 * tables "operation:" stands for that; completed() makes it whole, and leaves
 * other texts alone.
 */
const char *words(const char *operation, int err);
const char *completed(const char *errstr, int err);

bool io_has_ipv6(void);

/* What the test puts into socle__seam from now on is gone after it. */
void io_seam_save(void);

/*
 * A kernel that takes its time: each connect is under way first, and ends as
 * SO_ERROR says.  `first' is what the first says instead of EINPROGRESS.
 */
void io_connects_are_slow(int first);

/*
 * From now on names are looked up here: each has these addresses, in this
 * order ("127.0.0.1", ended by NULL), with the port that was asked for, or
 * with the one in the text.  Noted as "host|service", with "*" for the local
 * side.  Services other than numbers are unknown.
 */
void io_names_are(const char *const *addresses);
/* From now on it says this, EAI_..., always. */
void io_names_fail(int said);
/* The AI_... flags that it was last asked with. */
int io_names_flags(void);

#endif
