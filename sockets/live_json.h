/* What the live page shows, as JSON: numbers of the loop, and some objects. */
#ifndef SOCLE_SOCKETS_LIVE_JSON_H
#define SOCLE_SOCKETS_LIVE_JSON_H

#include "profiling/text.h"
#include "reactor/ages.h"

/* `uptime': in seconds.  requires: there is a loop */
void socle__live_json(struct socle__text *t, const struct socle__ages *ages,
	long long uptime, bool draining);

#endif
