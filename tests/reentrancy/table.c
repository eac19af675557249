/* table.h describes the functions. */
#include "tests/reentrancy/table.h"

#include "tests/reentrancy/kinds.h"
#include "tests/reentrancy/operations.h"

const struct kind *const all_kinds[] = {
	&in_event_read,
	&in_first_read,
	&in_pushed_back_read,
	&in_reader,
	&in_event_write,
	&in_event_err,
	&in_event_hup,
	&in_idle,
	&in_stall,
	&in_post_loop,
	&in_each_descriptor,
	&in_as_string,
	&in_drain,
	&in_incomplete_write,
	&in_above,
	&in_below,
	&in_call,
	&in_call_at_once,
	&in_call_outside,
	&in_release_outside,
	&in_drop,
	&in_release,
	&in_release_unsent,
	&in_sent,
	&in_unsent,
	&in_writer,
	&in_close,
	&in_close_outside,
	&in_closing_fd,
	&in_destroy,
	&in_each_to_close,
	&in_event_accepted,
	&in_accepted,
	&in_success,
	&in_failure,
	&in_attempt,
	&in_factory_each,
	&in_connected,
	&in_refused,
	&in_resolved,
	&in_recv,
	&in_recv_error,
	&in_send_error,
	&in_send_cancelled,
	&in_outgoing_empty,
	&in_timer,
	&in_timer_by_id,
	&in_deferred,
	&in_posted,
	&in_signal,
	&in_other_fd,
	&in_each_other_fd,
	&in_loop_post_loop,
	&in_done,
	&in_log,
	&in_library_log,
	&in_slow,
	&in_profiling_data,
	&in_report,
	&in_drop_function,
	NULL,
};

const struct operation *const all_operations[] = {
	&closing_itself,
	&closing_an_earlier,
	&closing_a_later,
	&closing_all,
	&closing_itself_after_a_flush,
	&closing_a_later_after_its_flush,
	&stealing_itself,
	&stealing_a_later,
	&stealing_and_wrapping_itself,
	&reusing_a_later_number,
	&breaking_an_earlier,
	&freeing_a_factory,
	&watching,
	&not_watching,
	&writing,
	&pushing_back,
	&changing_classes,
	&configuring,
	&cancelling_itself,
	&cancelling_others,
	&arming_itself_again,
	&starting_timers,
	&deferring_and_posting,
	&raising_a_signal,
	&adding_an_other_fd,
	&making_an_object,
	&profiling_on,
	&profiling_off,
	&running_a_nested_loop,
	&closing_itself_before_a_nested_loop,
	&closing_itself_in_a_nested_loop,
	&stopping,
	&stopping_in_a_nested_loop,
	&stopping_before_a_nested_loop,
	&resetting,
	&resetting_in_a_nested_loop,
	&resetting_before_a_nested_loop,
	&forking_and_continuing,
	&forking_and_continuing_later,
	&forking_and_not_continuing,
	NULL,
};

/* ---- the cells that cannot be ---- */

/* All combinations of these; `operations' NULL: all of them. */
struct named {
	const struct operation *const *operations;
	const struct kind *const *kinds;
	const char *reason;
};

#define OPERATIONS(...)                                                        \
	(const struct operation *const[])                                      \
	{                                                                      \
		__VA_ARGS__, NULL                                              \
	}
#define KINDS(...)                                                             \
	(const struct kind *const[])                                           \
	{                                                                      \
		__VA_ARGS__, NULL                                              \
	}

static const struct named named[] = {
	{OPERATIONS(&closing_itself, &closing_itself_after_a_flush,
		 &stealing_itself, &stealing_and_wrapping_itself,
		 &closing_itself_before_a_nested_loop,
		 &closing_itself_in_a_nested_loop),
		KINDS(&in_success, &in_failure, &in_attempt, &in_resolved,
			&in_timer, &in_timer_by_id, &in_deferred, &in_posted,
			&in_signal, &in_other_fd, &in_each_other_fd,
			&in_loop_post_loop, &in_done, &in_log, &in_library_log,
			&in_slow, &in_profiling_data, &in_report),
		"the callback belongs to no object"},
	{OPERATIONS(&cancelling_itself),
		KINDS(&in_event_err, &in_event_hup, &in_refused),
		"an error or hang-up is always reported, and once"},
	{OPERATIONS(&cancelling_itself, &arming_itself_again),
		KINDS(&in_first_read),
		"the peer is gone, and sends nothing more"},
	{OPERATIONS(&arming_itself_again),
		KINDS(&in_event_err, &in_event_hup, &in_refused),
		"an error or hang-up is reported once"},
	{OPERATIONS(&cancelling_itself),
		KINDS(&in_drain, &in_incomplete_write, &in_as_string),
		"a method that cannot be turned off"},
	{OPERATIONS(&cancelling_itself),
		KINDS(&in_call, &in_call_at_once, &in_call_outside,
			&in_release_outside, &in_release, &in_sent),
		"what was queued cannot be taken back"},
	{OPERATIONS(&cancelling_itself, &arming_itself_again),
		KINDS(&in_drop, &in_release_unsent, &in_unsent,
			&in_send_cancelled, &in_each_to_close),
		"the object is closed, and its queue is dropped once"},
	{OPERATIONS(&cancelling_itself, &arming_itself_again),
		KINDS(&in_closing_fd, &in_destroy),
		"the object is closed, and this is called once for it"},
	{OPERATIONS(&cancelling_itself, &arming_itself_again),
		KINDS(&in_connected),
		"an object connects once, and nothing cancels the report"},
	{OPERATIONS(&cancelling_itself), KINDS(&in_failure, &in_attempt),
		"a connector reports once; freeing it is another operation"},
	{OPERATIONS(&cancelling_itself),
		KINDS(&in_each_descriptor, &in_factory_each, &in_each_other_fd,
			&in_profiling_data, &in_report),
		"the application's own call; there is nothing to cancel"},
	{OPERATIONS(&cancelling_itself),
		KINDS(&in_deferred, &in_posted, &in_resolved),
		"the call is made once, and nothing is pending inside it"},
	{NULL, KINDS(&in_drop_function),
		"a drop function must not call the library"},
};

static bool
names_operation(const struct named *n, const struct operation *o)
{
	const struct operation *const *p = n->operations;

	if (!p)
		return true;
	while (*p && *p != o)
		p++;
	return *p != NULL;
}

static bool
names_kind(const struct named *n, const struct kind *k)
{
	const struct kind *const *p = n->kinds;

	while (*p && *p != k)
		p++;
	return *p != NULL;
}

enum { N_NAMED = sizeof(named) / sizeof(named[0]) };

const char *
cell_is_named(const struct kind *k, const struct operation *o)
{
	for (int i = 0; i < N_NAMED; i++)
		if (names_operation(&named[i], o) && names_kind(&named[i], k))
			return named[i].reason;
	return NULL;
}

int
cell_named_times(const struct kind *k, const struct operation *o)
{
	int n = 0;

	for (int i = 0; i < N_NAMED; i++)
		n += names_operation(&named[i], o) && names_kind(&named[i], k);
	return n;
}

bool
cell_can_be(const struct kind *k, const struct operation *o)
{
	if (!k->arrange)
		return false;
	if ((o->traits & NEEDS_OBJECT) && (k->traits & NO_OBJECT))
		return false;
	if ((o->traits & NEEDS_CANCEL) && !k->cancel)
		return false;
	return !(o->traits & NEEDS_AGAIN) || k->again;
}
