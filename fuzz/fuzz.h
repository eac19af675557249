/*
 * What the targets share.
 *
 * A target has one file, which defines LLVMFuzzerTestOneInput().  fuzz/common.c
 * has the rest for a fuzzer and for fuzz/standalone.c; the tests bring their own
 * fuzz_failed().
 */
#ifndef FUZZ_FUZZ_H
#define FUZZ_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdnoreturn.h>

/* Runs the target on one input.  Returns 0; a fault ends in fuzz_failed(). */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HOLDS(x) ((x) ? (void)0 : fuzz_failed(__FILE__, __LINE__, #x))
noreturn void fuzz_failed(const char *file, int line, const char *what);

/*
 * Copies of an input, allocated with not one byte more, so that a sanitizer
 * detects a read beyond the end.  A text is one byte longer, and that is NUL.
 */
char *fuzz_copy(const void *data, size_t size);
char *fuzz_text(const void *data, size_t size);

/*
 * The places to split an input of `size' bytes at: for (at = 0; at <= size; at =
 * fuzz_next_split(at, size)).  Every place, but in a long input only some, unless
 * fuzz_every_split is true.
 */
extern bool fuzz_every_split;
size_t fuzz_next_split(size_t at, size_t size);

#endif
