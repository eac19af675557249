/*
 * Included before the model's sources when they run on the real kernel: what
 * they send themselves is counted, as the library's calls are in the seam.
 */
#ifndef SOCLE_TESTS_MODEL_REAL_LIBC_H
#define SOCLE_TESTS_MODEL_REAL_LIBC_H

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>

ssize_t counted_send_of(int fd, const void *p, size_t n, int flags);
#define send counted_send_of

#endif
