/* net.h describes the functions. */
#include "net.h"
#include "case.h"

#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
command(const char *fmt, ...)
{
	char text[512];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	if (system(text) != 0)
		fail_case("failed: %s", text);
}

void
empty_network(void)
{
	if (system("{ command -v ip && command -v nft; } >/dev/null 2>&1") != 0)
		skip_case("needs ip(8) and nft(8)");
	if (unshare(CLONE_NEWNET) < 0)
		skip_case("a network namespace: %s", strerror(errno));
}

/*
 * TCP repeats lost packets after 5 ms .. 1 s, not 200 ms .. 2 minutes, so that a
 * transfer with much loss takes seconds; and it does not give up, neither while
 * the socket is open nor when it has been closed with bytes on their way.
 */
static const char *const quick[] = {
	"echo 5000 >/proc/sys/net/ipv4/tcp_rto_min_us",
	"echo 1000 >/proc/sys/net/ipv4/tcp_rto_max_ms",
	"echo 200 >/proc/sys/net/ipv4/tcp_retries2",
	"echo 200 >/proc/sys/net/ipv4/tcp_orphan_retries",
	"echo reno >/proc/sys/net/ipv4/tcp_congestion_control",
};

void
own_network(void)
{
	empty_network();
	command("ip link set lo up");
	if (system("nft add table inet stress 2>/dev/null") != 0)
		skip_case("the kernel has no nftables");
	command("nft add chain inet stress in "
		"'{ type filter hook input priority 0; }'");
	/* where a kernel has none of these, the case takes longer */
	for (size_t i = 0; i < sizeof(quick) / sizeof(quick[0]); i++) {
		if (system(quick[i]) != 0)
			figure("not here: %s", quick[i]);
	}
}
