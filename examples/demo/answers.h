/* What is asked for, and what is answered. */
#ifndef DEMO_ANSWERS_H
#define DEMO_ANSWERS_H

#include "client.h"

/* Answers c->request, whose head begins at `head'. */
void answer_request(struct client *c, const char *head);

/* Where the files are; profiles from now on.  0 or -errno. */
int answers_start(const char *root);
void answers_stop(void);

#endif
