/*
 * For the tests of socle_io: peers, and a name server inside the test.
 */
#ifndef SOCLE_TESTS_IO_H
#define SOCLE_TESTS_IO_H

#include "tests/support/fixture.h"

/* Instead of test(): restores the seam after the test. */
#define io_test(name)                                                          \
	cmocka_unit_test_setup_teardown(name, fixture_setup, io_teardown)
int io_teardown(void **state);

/* socle_io_open(), which must succeed. */
void io_open(struct socle_io *io, const struct socle_io_params *p);

/* Listens at this address, or is bound to it, with port 0. */
void io_listening(struct socle_io *io, const char *addr);

/* Two blocking sockets connected over loopback. */
void io_tcp_pair(struct socle_io *a, struct socle_io *b);

/* Two UDP sockets on 127.0.0.1, neither connected. */
void io_udp_pair(struct socle_io *a, struct socle_io *b);

/*
 * A listener at `addr' with a full backlog: connects hang. The clients that
 * fill it are in fds.
 */
enum { STUFFING = 16 };
void io_stuffed(struct socle_io *listener, const char *addr, int *fds);
void io_close_all(const int *fds);

/*
 * An address that refuses connections: on Linux io is bound to it, and does not
 * listen; elsewhere that may not be answered, and io has no fd.
 */
const char *io_refusing(struct socle_io *io);

int io_port(struct socle_io *io);

bool io_blocks(struct socle_io *io);

/* Formats an address as "127.0.0.1:80"; the last four texts stay valid. */
const char *io_text(const struct socle_addr *a);
const char *io_sockname_text(struct socle_io *io);
const char *io_peername_text(struct socle_io *io);

/* Waits, at most 5 s, until the object is connected or has failed. */
int io_connected(struct socle_io *io);

/* Sends a line from one to the other. */
void assert_talks(struct socle_io *from, struct socle_io *to);

/* The object has no fd, and this errstr. */
void assert_no_fd(struct socle_io *io, const char *errstr);

/*
 * "operation: text of libc for err", which differs between systems. In tables,
 * "operation:" stands for the whole; completed() completes it, and leaves other
 * texts unchanged.
 */
const char *words(const char *operation, int err);
const char *completed(const char *errstr, int err);

/* Saves socle__seam; the end of the test restores it. */
void io_seam_save(void);

/*
 * Simulates a slow kernel: each connect is first in progress, and then ends
 * with SO_ERROR. `first' is the first result instead of EINPROGRESS.
 */
void io_connects_are_slow(int first);

/*
 * From now on the test resolves names: each has these addresses, in this order
 * ("127.0.0.1", ended by NULL), with the requested port, or with the port in
 * the text. Each lookup is noted as "host|service", with "*" for the local
 * side. Services other than numbers are unknown.
 */
void io_names_are(const char *const *addresses);
/* From now on every lookup fails with this EAI_... code. */
void io_names_fail(int eai_code);
/* The AI_... flags of the last lookup. */
int io_names_flags(void);

#endif
