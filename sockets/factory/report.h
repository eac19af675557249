/* Calling a factory's callbacks. */
#ifndef SOCLE_SOCKETS_FACTORY_REPORT_H
#define SOCLE_SOCKETS_FACTORY_REPORT_H

#include "reactor/callback.h"
#include "sockets/factory/state.h"

/* The pair around each call of a factory's callback. */
void socle__factory_callback_begin(
	struct socle_factory *f, struct socle__callback *c);
void socle__factory_callback_end(struct socle__callback *c);

/* Call `failure' or `attempt', unless the factory was freed. */
void socle__factory_report(
	struct socle_factory *f, const char *operation, int err);
void socle__factory_report_attempt(
	struct socle_factory *f, const struct socle_addr *to, int err);

#endif
