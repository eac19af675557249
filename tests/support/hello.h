/* Clients of the HTTP service in examples/common/hello.c. */
#ifndef SOCLE_TESTS_HELLO_H
#define SOCLE_TESTS_HELLO_H

#include "tests/support/program.h"

/* A request but for its last byte, which hello_end() sends. */
void hello_begin(int fd);
void hello_end(int fd);

/* The text of the next answer, without its line feed; "" at the end of stream. */
const char *hello_answer(int fd);

/* The answer to a client of its own.  Static storage. */
const char *hello_ask(void);

/*
 * Asks until `n' different answers have come that are not one of `known', an
 * array of `n_known' texts, and stores them in `ret'.
 */
enum { HELLO_TEXT = 64 };
void hello_collect(
	char known[][HELLO_TEXT], int n_known, char ret[][HELLO_TEXT], int n);

#endif
