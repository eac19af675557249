/* Connecting. */
#ifndef SOCLE_SOCKETS_FACTORY_CONNECTOR_H
#define SOCLE_SOCKETS_FACTORY_CONNECTOR_H

#include "sockets/factory/state.h"

/* requires: candidates */
void socle__connector_start(struct socle_factory *f);

/* Whether a look-up has ended, and its answer is on its way. */
bool socle__connector_waits_for_answer(const struct socle_factory *f);

/* Stops the look-up and all attempts; no callback is called for them. */
void socle__connector_stop(struct socle_factory *f);

/* Stops, and reports the failure to the application. */
void socle__factory_fail(
	struct socle_factory *f, const char *operation, int err);

/* The callbacks of the timers `next_attempt' and `deadline'. */
void socle__connector_next_fired(struct socle_timer *t);
void socle__connector_deadline_fired(struct socle_timer *t);

/* Delivers a connection that stands already, without waiting. */
void socle__connector_ask(struct socle_factory *f);

#endif
