/*
 * cmocka, after the headers that it needs, in the order that it needs.
 */
#ifndef SOCLE_TESTS_CM_H
#define SOCLE_TESTS_CM_H

/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

/*
 * Skips the test and prints its name and the reason.  To be used at the start of
 * a test, before anything is created; skip_test() in what several tests call.
 */
#define skip_because(reason) skip_test(__func__, reason)
void skip_test(const char *name, const char *reason);

#endif
