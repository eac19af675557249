/* What a process uses, as the kernel counts it. */
#ifndef STRESS_USAGE_H
#define STRESS_USAGE_H

#include <stddef.h>
#include <sys/types.h>

long usage_fds(pid_t pid); /* open fds */
long usage_rss(pid_t pid); /* VmRSS in bytes */
long usage_cpu(pid_t pid); /* processor time in the kernel's clock ticks */
size_t usage_heap(void);   /* bytes that malloc(3) has given out and not back */

/* Monotonic seconds. */
double seconds_now(void);

/*
 * Makes sure that `n' fds can be open; skips the case where the hard limit is
 * lower.
 */
void need_fds(long n);

#endif
