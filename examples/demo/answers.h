/* Routes: which request gets which answer. */
#ifndef DEMO_ANSWERS_H
#define DEMO_ANSWERS_H

#include "client.h"

/* Answers c->request, whose head starts at `head'. */
void answer_request(struct client *c, const char *head);

/* Opens the root directory and turns profiling on.  0 or -errno. */
int answers_start(const char *root);
void answers_stop(void);

#endif
