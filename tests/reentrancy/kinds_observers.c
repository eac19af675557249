/* Callbacks of the log and of profiling, which belong to no object. */
#include "tests/reentrancy/kinds.h"

#include <stdio.h>

/* ---- the log ---- */

static void
log_hook(int level, const char *message, void *arg)
{
	(void)level;
	(void)arg;
	if (strstr(message, "by the application"))
		act_in(&in_log);
}

static void
write_log(void *arg)
{
	(void)arg;
	if (is_open(H))
		socle_socket_debug_msg(w.sock[H], "by the application");
}

static void
arrange_log(void)
{
	socle_set_log(log_hook, NULL);
	defer_call(write_log);
}

static void
silent_hook(int level, const char *message, void *arg)
{
	(void)level;
	(void)message;
	(void)arg;
}

static void
cancel_log(void)
{
	socle_set_log(silent_hook, NULL);
	defer_call(write_log);
}

static void
again_log(void)
{
	defer_call(write_log);
}

const struct kind in_log = {
	.name = "the log hook",
	.traits = NO_OBJECT,
	.arrange = arrange_log,
	.cancel = cancel_log,
	.again = again_log,
};

/* ---- a message of the library, which the tick delivers ---- */

static void
library_hook(int level, const char *message, void *arg)
{
	(void)level;
	(void)arg;
	if (strncmp(message, "Event: fd=", 10) != 0)
		return;
	socle_set_debug_level(0); /* what it does inside goes to no hook */
	act_in(&in_library_log);
}

static void
arrange_library_log(void)
{
	socle_set_log(library_hook, NULL);
	socle_set_debug_level(1);
}

static void
again_library_log(void)
{
	socle_set_debug_level(1);
	send_to(H, "y");
}

static void
cancel_library_log(void)
{
	socle_set_log(silent_hook, NULL);
	again_library_log();
}

const struct kind in_library_log = {
	.name = "the log hook for a message of the library",
	.traits = NO_OBJECT,
	.arrange = arrange_library_log,
	.cancel = cancel_library_log,
	.again = again_library_log,
};

/* ---- the slow handler ---- */

static void
slow_hook(const struct socle_slow *what, void *arg)
{
	(void)arg;
	expect(what->seconds >= 0.1);
	act_in(&in_slow);
}

static void
be_slow(void *arg)
{
	(void)arg;
	seam_time_add(0.2);
}

static void
arrange_slow(void)
{
	socle_set_slow_handler(0.1, slow_hook, NULL);
	defer_call(be_slow);
}

static void
cancel_slow(void)
{
	socle_set_slow_handler(0, NULL, NULL);
	defer_call(be_slow);
}

static void
again_slow(void)
{
	defer_call(be_slow);
}

const struct kind in_slow = {
	.name = "the slow handler",
	.traits = NO_OBJECT,
	.arrange = arrange_slow,
	.cancel = cancel_slow,
	.again = again_slow,
};

/* ---- the profile ---- */

static void
visit(const struct socle_profile_item *item, void *arg)
{
	char name[128];

	(void)arg;
	(void)snprintf(name, sizeof(name), "%s", item->item);
	act_in(&in_profiling_data);
	expect(strcmp(name, item->item) == 0); /* it is still valid */
}

static void
visit_profile(void *arg)
{
	socle_profiling_data(visit, arg);
}

static void
arrange_profiling_data(void)
{
	expect(socle_enable_profiling(0) == 1);
	defer_call(nothing);
	defer_call(visit_profile);
}

static void
again_profiling_data(void)
{
	defer_call(visit_profile);
}

const struct kind in_profiling_data = {
	.name = "a function of socle_profiling_data()",
	.traits = NO_OBJECT | CALLED_FOR,
	.arrange = arrange_profiling_data,
	.again = again_profiling_data,
};

static int
out(const char *text, size_t len, void *arg)
{
	(void)arg;
	act_in(&in_report);
	expect(memchr(text, 0, len) == NULL);
	return 0;
}

static void
write_report(void *arg)
{
	(void)arg;
	expect(socle_profile_report(SOCLE_REPORT_JSON, out, NULL) == 0);
}

static void
arrange_report(void)
{
	expect(socle_enable_profiling(0) == 1);
	defer_call(nothing);
	defer_call(write_report);
}

static void
again_report(void)
{
	defer_call(write_report);
}

const struct kind in_report = {
	.name = "the out of socle_profile_report()",
	.traits = NO_OBJECT | CALLED_FOR,
	.arrange = arrange_report,
	.again = again_report,
};

/* ---- what must not call the library ---- */

const struct kind in_drop_function = {
	.name = "the drop of a timer, a deferred call or another fd",
	.traits = NO_OBJECT,
};
