/* slow_calls.h describes the function. */
#include "reactor/slow_calls.h"

#include "reactor/loop.h"
#include "reactor/reactor.h"

#include <stdio.h>

static void
note_slow(const struct socle_slow *what, void *arg)
{
	struct socle__slow_calls *s = arg;
	int64_t ns = socle__moment_to_ns(what->seconds);
	struct socle__slow_call *call = &s->last[s->n % SOCLE__SLOW_KEPT];

	if (ns >= s->ns) {
		s->n++;
		call->ended = socle__now(socle__reactor);
		call->ns = ns;
		call->fd = what->fd;
		(void)snprintf(
			call->item, sizeof(call->item), "%s", what->item);
		(void)snprintf(call->peer, sizeof(call->peer), "%s",
			what->peer ? what->peer : "-");
	}
	if (s->outer && ns >= s->outer_ns)
		s->outer(what, s->outer_arg);
}

void
socle__slow_watch(struct socle__slow_calls *s, int64_t ns)
{
	struct socle__reactor *r = socle__reactor;
	int64_t least = ns;

	if (r->slow != note_slow) {
		s->outer = r->profile.slow_ns > 0 ? r->slow : NULL;
		s->outer_arg = r->slow_arg;
		s->outer_ns = r->profile.slow_ns;
	}
	if (s->outer && s->outer_ns < ns)
		least = s->outer_ns;
	s->ns = ns;
	if (ns > 0)
		socle_set_slow_handler(
			socle__ns_to_seconds(least), note_slow, s);
	else if (r->slow == note_slow)
		socle_set_slow_handler(socle__ns_to_seconds(s->outer_ns),
			s->outer, s->outer_arg);
}
