/* A text that grows in memory. */
#ifndef SOCLE_PROFILING_TEXT_H
#define SOCLE_PROFILING_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct socle__text {
	char *data; /* NUL-terminated, or NULL */
	size_t len, size;
	bool failed; /* out of memory: what there is, is not all */
};

/* Appends; also as the `out' of a profile report.  0, or -ENOMEM. */
int socle__text_add(const char *piece, size_t len, void *text);
void socle__text_print(struct socle__text *t, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* The text between double quotes, for JSON and for labels of Prometheus. */
void socle__text_quote(struct socle__text *t, const char *text);

/* Nanoseconds as seconds. */
void socle__text_seconds(struct socle__text *t, uint64_t ns);

void socle__text_free(struct socle__text *t);

#endif
