/*
 * What a client sends: the class of its connection.
 *
 * Requests are answered in the order in which they arrive, a few in each tick.
 * Reading stops while a file is being sent or much is queued; input that was
 * read but not parsed is pushed back.
 */
#ifndef HTTPD_REQUESTS_H
#define HTTPD_REQUESTS_H

#include <socle/socle.h>

extern const struct socle_class requests_class;

/* In seconds: to receive a request from its first byte on; between requests. */
extern double requests_header_timeout, requests_idle_timeout;

/* Ends each client once its answers are written. */
void requests_drain(bool idle);

#endif
