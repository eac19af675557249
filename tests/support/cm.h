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

#endif
