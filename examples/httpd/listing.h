/* The page that lists a directory. */
#ifndef HTTPD_LISTING_H
#define HTTPD_LISTING_H

#include "httpd/client.h"

/* Takes the directory's fd; `path' is below the root, without a slash at its end. */
void answer_listing(struct client *c, int dir, const char *path);

#endif
