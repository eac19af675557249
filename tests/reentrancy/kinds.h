/* The kinds of callbacks: how each is arranged on real fds. */
#ifndef SOCLE_TESTS_REENTRANCY_KINDS_H
#define SOCLE_TESTS_REENTRANCY_KINDS_H

#include "tests/reentrancy/cell.h"

/* events of an object: kinds_events.c */
extern const struct kind in_event_read, in_first_read, in_pushed_back_read,
	in_reader, in_event_write, in_event_err, in_event_hup, in_idle,
	in_stall, in_post_loop, in_each_descriptor, in_as_string;

/* of its write queue: kinds_marks.c, kinds_queue.c */
extern const struct kind in_drain, in_incomplete_write, in_above, in_below,
	in_call, in_call_at_once, in_call_outside, in_release_outside, in_drop,
	in_release, in_release_unsent, in_sent, in_unsent, in_writer;

/* of its end: kinds_end.c */
extern const struct kind in_close, in_close_outside, in_closing_fd, in_destroy,
	in_each_to_close;

/* of factories: kinds_factory.c */
extern const struct kind in_event_accepted, in_accepted, in_success, in_failure,
	in_attempt, in_factory_each, in_connected, in_refused, in_resolved;

/* of datagram objects: kinds_dgram.c */
extern const struct kind in_recv, in_recv_error, in_send_error,
	in_send_cancelled, in_outgoing_empty;

/* of the loop: kinds_loop.c */
extern const struct kind in_timer, in_timer_by_id, in_deferred, in_posted,
	in_signal, in_other_fd, in_each_other_fd, in_loop_post_loop, in_done;

/* of the log and of profiling, and what must not call the library:
 * kinds_observers.c */
extern const struct kind in_log, in_library_log, in_slow, in_profiling_data,
	in_report, in_drop_function;

/* For socle_run_until(), which the cell of in_done runs. */
bool done(void *arg);

#endif
