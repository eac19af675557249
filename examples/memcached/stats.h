/* What `stats' tells. */
#ifndef MEMCACHED_STATS_H
#define MEMCACHED_STATS_H

#include "memcached/client.h"
#include "memcached/words.h"

/* Clients expect of a version what that memcached does; so does this one. */
#define VERSION "1.6.18"

enum count {
	TOTAL_CONNECTIONS,
	CMD_SET,
	CMD_FLUSH,
	GET_HITS,
	GET_MISSES,
	DELETE_HITS,
	DELETE_MISSES,
	INCR_HITS,
	INCR_MISSES,
	DECR_HITS,
	DECR_MISSES,
	CAS_HITS,
	CAS_MISSES,
	CAS_BADVAL,
	TOUCH_HITS,
	TOUCH_MISSES,
	COUNTS
};
extern uint64_t counts[COUNTS];

void stats_start(void);
void do_stats(struct client *c, const struct words *w, int what);

#endif
