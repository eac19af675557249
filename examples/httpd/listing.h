/* The page that lists a directory. */
#ifndef HTTPD_LISTING_H
#define HTTPD_LISTING_H

#include "httpd/client.h"

/* Takes the fd `dir'.  `path' is below the root and has no slash at its end. */
void answer_listing(struct client *c, int dir, const char *path);

#endif
