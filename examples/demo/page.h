/* The pages that the demo makes itself. */
#ifndef DEMO_PAGE_H
#define DEMO_PAGE_H

#include <stddef.h>
#include <stdio.h>

/* The live page; it fetches /profile.json each second. */
void page_profile(FILE *out);

/* What is in the directory; at the top, "/", with a word of welcome. */
void page_listing(FILE *out, int dir, const char *path, size_t len);

#endif
