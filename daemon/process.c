/* process.h describes the functions. */
#include "daemon/process.h"

#include "daemon/output.h"
#include "reactor/metrics.h"
#include "reactor/version.h"

#include "seam.h"

#include <stdio.h>

enum { FDS_A_POLL = 256 };

time_t
socle__wall_time(void)
{
	struct timespec ts = {.tv_sec = 0};

	(void)sys_clock_gettime(CLOCK_REALTIME, &ts);
	return ts.tv_sec;
}

void
socle__console_uptime(struct socle_console *c)
{
	long long started = socle__console()->started;

	socle_console_print(c, "starttime %lld", started);
	socle_console_print(c, "uptime %lld", socle__wall_time() - started);
	socle_console_print(c, "version %s", SOCLE_VERSION);
	socle_console_end(c);
}

/* "1.25", without zeros at the end, as Perl writes it. */
static void
format_cpu(char *to, size_t size, int64_t us)
{
	int n = snprintf(to, size, "%lld.%06lld", (long long)us / 1000000,
		(long long)us % 1000000);

	while (to[n - 1] == '0')
		n--;
	to[to[n - 1] == '.' ? n - 1 : n] = '\0';
}

static void
print_cpu(struct socle_console *c, const char *name, struct timeval now,
	int64_t *before)
{
	int64_t us = (int64_t)now.tv_sec * 1000000 + now.tv_usec;
	char all[32], added[32];

	format_cpu(all, sizeof(all), us);
	format_cpu(added, sizeof(added), us - *before);
	*before = us;
	socle_console_print(c, "%s: %s (+%s)", name, all, added);
}

void
socle__console_proc(struct socle_console *c)
{
	struct socle__console_state *st = socle__console();
	unsigned long long reqs = socle__reactor->counts.accepted;
	struct rusage usage;

	socle_console_print(c, "time: %lld", (long long)socle__wall_time());
	socle_console_print(c, "pid: %lld", (long long)getpid());
	if (sys_getrusage(RUSAGE_SELF, &usage) == 0) {
		print_cpu(c, "utime", usage.ru_utime, &st->utime);
		print_cpu(c, "stime", usage.ru_stime, &st->stime);
	}
	socle_console_print(c, "reqs: %llu (+%llu)", reqs, reqs - st->reqs);
	st->reqs = reqs;
	socle_console_end(c);
}

/*
 * The fds that are open.  New ones get the lowest number that is free: above the
 * loop's own, none is expected after a whole block without any.
 */
static uint64_t
count_fds(uint64_t most)
{
	struct pollfd fds[FDS_A_POLL];
	uint64_t n = 0, found = 1;
	int fd = 0, len;

	while (found > 0 || (size_t)fd < socle__reactor->map_size) {
		for (len = 0; len < FDS_A_POLL && (uint64_t)fd < most; fd++)
			fds[len++] = (struct pollfd){.fd = fd};
		if (len == 0 || sys_poll(fds, (nfds_t)len, 0) < 0)
			break;
		for (found = 0; len-- > 0;)
			found += (fds[len].revents & POLLNVAL) == 0;
		n += found;
	}
	return n;
}

/* Perlbal's `max' is the hard limit. */
void
socle__console_fd(struct socle_console *c)
{
	struct rlimit limit;

	if (sys_fd_limit(&limit) < 0) {
		socle_console_error(c, "getrlimit failed");
		return;
	}
	if (limit.rlim_cur > INT_MAX)
		limit.rlim_cur = INT_MAX;
	socle_console_print(c, "max %llu", (unsigned long long)limit.rlim_max);
	socle_console_print(
		c, "cur %llu", (unsigned long long)count_fds(limit.rlim_cur));
	socle_console_end(c);
}

static void
print_times(struct socle_console *c, const char *name,
	const struct socle_histogram *h)
{
	uint64_t us = (uint64_t)(h->sum * 1e6);

	socle_console_print(
		c, "%s.count %llu", name, (unsigned long long)h->count);
	socle_console_print(c, "%s.seconds %llu.%06llu", name,
		(unsigned long long)us / 1000000,
		(unsigned long long)us % 1000000);
}

void
socle__console_loop(struct socle_console *c)
{
	struct socle_metrics_data m;

	socle_metrics(&m);
	socle_console_print(c, "backend %s", socle_backend());
	socle_console_print(c, "ticks %llu", (unsigned long long)m.ticks);
	socle_console_print(c, "events %llu", (unsigned long long)m.events);
	socle_console_print(c, "objects %zu", m.active);
	print_times(c, "tick", &m.tick);
	print_times(c, "lag", &m.lag);
	socle_console_end(c);
}

void
socle__console_limits(struct socle_console *c)
{
	struct rlimit limit;

	if (sys_fd_limit(&limit) == 0) {
		socle_console_print(
			c, "fds %llu", (unsigned long long)limit.rlim_cur);
		socle_console_print(
			c, "fds.hard %llu", (unsigned long long)limit.rlim_max);
	}
	socle_console_print(c, "console.clients %d", SOCLE__CONSOLE_CLIENTS);
	socle_console_print(c, "console.line %d", SOCLE__CONSOLE_LINE);
	socle_console_print(c, "console.idle %d", SOCLE__CONSOLE_PATIENCE);
	socle_console_end(c);
}
