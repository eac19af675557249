/*
 * The page that shows a program live: one text, which fetches /profile.json each
 * second.
 */
#ifndef SOCLE_PROFILING_LIVE_PAGE_H
#define SOCLE_PROFILING_LIVE_PAGE_H

#include "profiling/text.h"

void socle__live_page(struct socle__text *t);

#endif
