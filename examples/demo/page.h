/* The pages that the demo generates. */
#ifndef DEMO_PAGE_H
#define DEMO_PAGE_H

#include <stddef.h>
#include <stdio.h>

/* The live profile; it fetches /profile.json every second. */
void page_profile(FILE *out);

/* The listing of a directory; for the root, "/", with an introduction. */
void page_listing(FILE *out, int dir, const char *path, size_t len);

#endif
