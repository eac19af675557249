/* The counters of the loop as text. */
#ifndef SOCLE_REACTOR_METRICS_TEXT_H
#define SOCLE_REACTOR_METRICS_TEXT_H

#include "profiling/text.h"

/* For Prometheus, with the profile. */
void socle__metrics_prometheus(struct socle__text *t);

/* As an object of JSON. */
void socle__metrics_json(struct socle__text *t);

#endif
