/*
 * socle: a single-threaded reactor with subclassable socket objects.
 *
 * These conventions hold for every function; the headers state the exceptions.
 *
 * - Results.  A result of type int or ssize_t is >= 0, with a meaning that the
 *   function documents, or -errno.  The variable errno has no meaning after a
 *   call.  EINTR is never returned; -EAGAIN is not an error.  A call that fails
 *   has changed nothing: the caller still owns the fds and memory it passed.
 *   Any call that allocates may return -ENOMEM.
 * - Threads.  There is one loop per thread, and no function takes it as an
 *   argument.  An object, a timer or an external fd belongs to the thread that
 *   made it.  Other threads may call only socle_post(), socle_wakeup(),
 *   socle_loop_release() and their variants; a signal handler may call only
 *   socle_wakeup().
 * - Callbacks.  Every function may be called from inside any callback.  A
 *   callback may close, free, steal or reconfigure any object, including the
 *   one it was called for.  longjmp() and exceptions must not leave a callback.
 *   A callback cannot return an error to the loop: it records the error and
 *   calls socle_stop(), or the condition of socle_run_until() becomes true.
 * - NULL.  A pointer must not be NULL unless its function gives NULL a meaning;
 *   the library does not check it.  This includes callbacks.  Functions that
 *   free or release accept NULL and do nothing.
 * - Arguments.  Every callback takes its `void *arg' last; the library passes
 *   it on and never reads or frees it.  Parameter structs are filled with
 *   designated initialisers; a zero field means the default.
 * - Time.  Times are seconds as double, on CLOCK_MONOTONIC, which a change of
 *   the wall clock does not affect.  On Linux the clock stops while the system
 *   is suspended, so timers and timeouts do not run down then.
 *
 * socle(7) describes the whole system.
 */
#ifndef SOCLE_H
#define SOCLE_H

#include "daemon/console.h"
#include "daemon/drain.h"
#include "daemon/restart.h"
#include "daemon/service.h"
#include "profiling/profile.h"
#include "reactor/descriptor.h"
#include "reactor/loop.h"
#include "reactor/metrics.h"
#include "reactor/version.h"
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
