/* The live profile of the server's own handlers, at /profile. */
#ifndef HTTPD_PROFILE_H
#define HTTPD_PROFILE_H

#include "httpd/client.h"

/*
 * "off", "wall" or "cpu": what is measured from the start.  CPU times cost two
 * system calls for each callback; wall times, the default, cost none.
 */
bool profile_take(const char *how);

/* 0, or -errno. */
int profile_start(void);

/* Answers if the path is one of the profile; whether it is. */
bool answer_profile(struct client *c, const char *head);

#endif
