/* poll(2) as the kernel that SOCLE_TEST_KERNEL names answers it. */
#ifndef SOCLE_TESTS_KQUEUE_KERNEL_POLL_H
#define SOCLE_TESTS_KQUEUE_KERNEL_POLL_H

#include <poll.h>

int kernel_poll(struct pollfd *fds, nfds_t n, int ms);

#endif
