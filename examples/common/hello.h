/*
 * What the examples of docs/scaling.md share: listening sockets that divide the
 * clients of one port among them, and a small HTTP service, which answers each
 * request with a line of text.
 */
#ifndef EXAMPLES_HELLO_H
#define EXAMPLES_HELLO_H

#include <socle/socle.h>

/*
 * Opens `n' sockets that listen at `where', "127.0.0.1:8080", with SO_REUSEPORT.
 * With port 0 all get the port that the first one got.  Prints the address.
 * Returns 0, or -errno, with no socket left.
 */
int hello_open(const char *server, const char *where, int *fds, int n);

/*
 * Serves the clients of `fd' in this thread's loop.  `text' is the answer; it
 * must stay valid.  Returns 0 and the loop owns the fd, or -errno.
 */
int hello_serve(int fd, const char *text);

/*
 * Closes this thread's listener and each client that waits for no answer, and
 * ends the loop once no client is left, but at most after `seconds'.  A second
 * call ends it at once.
 */
void hello_drain(double seconds);

#endif
