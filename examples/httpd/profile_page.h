/* The page that shows the profile while it grows. */
#ifndef HTTPD_PROFILE_PAGE_H
#define HTTPD_PROFILE_PAGE_H

#include <stdio.h>

void profile_page(FILE *out);

#endif
