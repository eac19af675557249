/* counts.h describes the functions. */
#include "reactor/counts.h"

#include <string.h>

/* No reason is this one. */
static const char no_reason[] = "";

void
socle__counts_clear(struct socle__counts *c, uint64_t waits)
{
	memset(c, 0, sizeof(*c));
	c->ticks_before = waits;
	c->last_reason = no_reason;
}

/* The counter of a reason that has come before, perhaps at another address. */
static struct socle_metrics_reason *
find(struct socle__counts *c, const char *reason)
{
	for (unsigned i = 0; i < c->reasons; i++)
		if (strcmp(c->closed_by[i].reason, reason) == 0)
			return &c->closed_by[i];
	return NULL;
}

SOCLE__NOINLINE void
socle__count_reason(struct socle__counts *c, const char *reason)
{
	const char *text = reason ? reason : "";
	struct socle_metrics_reason *of = find(c, text);

	if (!of && c->reasons < SOCLE_METRICS_REASONS) {
		of = &c->closed_by[c->reasons++];
		of->reason = text;
	} else if (!of) {
		of = &c->closed_by[SOCLE_METRICS_REASONS - 1];
		of->reason = "(others)";
	}
	of->closed++;
	c->last_reason = reason;
	c->last = &of->closed;
}
