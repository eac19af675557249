/*
 * socle: a single-threaded reactor with subclassable socket objects.
 *
 * Conventions of all of it:
 *
 * - Results of type int and ssize_t are >= 0 with a meaning, or -errno; errno
 *   itself means nothing.  EINTR never comes out; -EAGAIN is no error.  A call
 *   that fails has changed nothing: who owned an fd or memory still does.
 * - There is one loop per thread, reached without an argument.  What is made
 *   on a thread belongs to it; from others only socle_post(), socle_wakeup()
 *   and socle_loop_release() may be called, from a signal handler only
 *   socle_wakeup().
 * - Any function may be called from inside any callback, and a callback may
 *   close, free, steal or reconfigure anything, what it was called for
 *   included.  longjmp and exceptions must not leave a callback.
 * - Every callback takes its `void *arg' last.  Times are seconds as double,
 *   on the monotonic clock.  Structs of parameters are filled by designated
 *   initialisers; zero means the default.
 * - A NULL object is a broken contract; freeing NULL is nothing.
 *
 * The system's description is socle(7).
 */
#ifndef SOCLE_H
#define SOCLE_H

#define SOCLE_VERSION "0.1.0"

#include "profiling/profile.h"
#include "reactor/descriptor.h"
#include "reactor/loop.h"
#include "sockets/class.h"
#include "sockets/dgram/dgram.h"
#include "sockets/factory/factory.h"
#include "sockets/io/io.h"
#include "sockets/names/addr.h"
#include "sockets/names/resolve.h"
#include "sockets/socket.h"
#include "sockets/write/sendfile.h"
#include "timers/timer.h"

#endif
