/* The counters, item by item and as reports. */
#ifndef SOCLE_PROFILING_REPORT_H
#define SOCLE_PROFILING_REPORT_H

#include "profiling/calls.h"

/*
 * Calls `fn' for each item with calls, sorted by name (strcmp).  Returns 0, or
 * -ENOMEM with nothing called.  `fn' may do anything, clear or free included.
 */
int socle__profile_each(const struct socle__profile *p,
	void (*fn)(const struct socle_profile_item *item, void *arg),
	void *arg);

/*
 * Writes a report through `out' in pieces; ends at the first result < 0 and
 * returns it, else 0.  -EINVAL for an unknown form, -ENOMEM.
 */
int socle__profile_report(const struct socle__profile *p,
	enum socle_report form,
	int (*out)(const char *text, size_t len, void *arg), void *arg);

#endif
