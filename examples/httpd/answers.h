/* Routes: which request gets which answer. */
#ifndef HTTPD_ANSWERS_H
#define HTTPD_ANSWERS_H

#include "httpd/client.h"

/* Answers c->request, whose head starts at `head'. */
void answer_request(struct client *c, const char *head);

#endif
