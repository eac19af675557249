/* The operations: what a callback does, and what must hold afterwards. */
#ifndef SOCLE_TESTS_REENTRANCY_OPERATIONS_H
#define SOCLE_TESTS_REENTRANCY_OPERATIONS_H

#include "tests/reentrancy/cell.h"

/* closing and stealing: operations_close.c */
extern const struct operation closing_itself, closing_an_earlier,
	closing_a_later, closing_all, closing_itself_after_a_flush,
	closing_a_later_after_its_flush, stealing_itself, stealing_a_later,
	stealing_and_wrapping_itself, reusing_a_later_number,
	breaking_an_earlier, freeing_a_factory;

/* data and settings: operations_data.c */
extern const struct operation watching, not_watching, writing, pushing_back,
	changing_classes, configuring;

/* the loop: operations_loop.c */
extern const struct operation cancelling_itself, cancelling_others,
	arming_itself_again, starting_timers, deferring_and_posting,
	raising_a_signal, adding_an_other_fd, making_an_object, profiling_on,
	profiling_off;

/* running and ending loops, and processes: operations_nested.c */
extern const struct operation running_a_nested_loop,
	closing_itself_before_a_nested_loop, closing_itself_in_a_nested_loop,
	stopping, stopping_in_a_nested_loop, stopping_before_a_nested_loop,
	resetting, resetting_in_a_nested_loop, resetting_before_a_nested_loop,
	forking_and_continuing, forking_and_continuing_later,
	forking_and_not_continuing;

#endif
