/* Connecting. */
#ifndef SOCLE_SOCKETS_FACTORY_CONNECTOR_H
#define SOCLE_SOCKETS_FACTORY_CONNECTOR_H

#include "sockets/factory/state.h"

/* requires: candidates */
void socle__connector_start(struct socle_factory *f);

/* Nothing more is tried, and no callback runs for what was under way. */
void socle__connector_stop(struct socle_factory *f);

/* Stops, and reports the failure. */
void socle__factory_fail(
	struct socle_factory *f, const char *operation, int err);

/* The functions of `next_attempt' and `deadline' */
void socle__connector_next_fired(struct socle_timer *t);
void socle__connector_deadline_fired(struct socle_timer *t);

#endif
