/*
 * The frame of the stress programs: cases by name.
 *
 * Each case runs in a process of its own, which must leave no child and no fd
 * behind and has a time limit.  The results are in cmocka's words, so that
 * tools/run-tests adds them up.  The measurements are lines that begin with
 * "figure: ", and a case that cannot run here gives its reason in a line
 * "skipped: NAME: WHY".
 *
 * STRESS_SHORT=1 in the environment selects the short form of every case.
 */
#ifndef STRESS_CASE_H
#define STRESS_CASE_H

#include <stdbool.h>
#include <stddef.h>

struct stress_case {
	const char *name;
	void (*run)(void);
};

/* clang-format off */
#define CASE(function) {#function, function}
/* clang-format on */

/* Runs them all; the exit status of the program. */
int cases_run(const struct stress_case *cases, size_t n);
#define CASES_RUN(cases) cases_run(cases, sizeof(cases) / sizeof((cases)[0]))

/* For a program that a case has started: whose figures these are. */
void case_name(const char *name);

/* `full', or `brief' in the short form. */
long scaled(long full, long brief);

/*
 * Whether the memory that a process uses tells something: not with a sanitizer,
 * which keeps freed memory.
 */
bool memory_counts(void);

/* A measurement of the running case. */
void figure(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* These end the calling process, be it the case's own or one of its servers. */
void fail_case(const char *fmt, ...)
	__attribute__((format(printf, 1, 2), noreturn));
void skip_case(const char *fmt, ...)
	__attribute__((format(printf, 1, 2), noreturn));

/* Fails the case if it does not hold. */
#define must(holds)                                                            \
	((holds) ? (void)0 : fail_case("%s:%d: %s", __FILE__, __LINE__, #holds))

/* The same for two numbers, which are shown. */
void must_be_at_most(const char *what, double value, double most);
void must_equal(const char *what, long value, long wanted);

#endif
