/* The connection to a backend, for one client. */
#ifndef EXAMPLES_PROXY_LINK_H
#define EXAMPLES_PROXY_LINK_H

struct client;

/*
 * Connects the client to the best backend that it has not tried.  If none is
 * left the client is closed.
 */
void link_make(struct client *c);

/* Gives up connecting, if it is. */
void link_stop_making(struct client *c);

#endif
