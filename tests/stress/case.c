/* case.h describes the functions. */
#include "case.h"
#include "usage.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SKIPPED = 77 };
/* Seconds: they end a case that hangs, and no machine is that slow. */
enum { LONGEST = 1800, LONGEST_BRIEF = 300 };

static const char *name = "?";

static bool
brief(void)
{
	const char *text = getenv("STRESS_SHORT");

	return text && strcmp(text, "1") == 0;
}

void
case_name(const char *of)
{
	name = of;
}

long
scaled(long full, long few)
{
	return brief() ? few : full;
}

#if defined(__has_feature)
#define HAS_FEATURE(name) __has_feature(name)
#else
#define HAS_FEATURE(name) 0
#endif

bool
memory_counts(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) ||           \
	HAS_FEATURE(address_sanitizer) || HAS_FEATURE(thread_sanitizer)
	return false;
#else
	return true;
#endif
}

static void say(const char *kind, const char *fmt, va_list args)
	__attribute__((format(printf, 2, 0)));

static void
say(const char *kind, const char *fmt, va_list args)
{
	char text[512];

	vsnprintf(text, sizeof(text), fmt, args);
	printf("%s: %s: %s\n", kind, name, text);
	fflush(stdout);
}

void
figure(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	say("figure", fmt, args);
	va_end(args);
}

void
fail_case(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	say("failed", fmt, args);
	va_end(args);
	_exit(1);
}

void
skip_case(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	say("skipped", fmt, args);
	va_end(args);
	_exit(SKIPPED);
}

void
must_be_at_most(const char *what, double value, double most)
{
	if (value > most)
		fail_case("%s: %.6g, at most %.6g", what, value, most);
}

void
must_equal(const char *what, long value, long wanted)
{
	if (value != wanted)
		fail_case("%s: %ld, not %ld", what, value, wanted);
}

/* ---- the cases ---- */

static void
run_here(const struct stress_case *c)
{
	long fds = usage_fds(getpid());

	alarm((unsigned)scaled(LONGEST, LONGEST_BRIEF));
	signal(SIGPIPE, SIG_IGN);
	c->run();
	must_equal("open fds", usage_fds(getpid()), fds);
	must(waitpid(-1, NULL, 0) == -1 && errno == ECHILD);
}

/* 1 passed, 0 failed, -1 skipped */
static int
run_case(const struct stress_case *c)
{
	int status;
	pid_t pid;

	name = c->name;
	printf("[ RUN      ] %s\n", name);
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		run_here(c);
		exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		status = 1;
	if (WIFEXITED(status) && WEXITSTATUS(status) == SKIPPED) {
		printf("[  SKIPPED ] %s\n", name);
		return -1;
	}
	if (WIFSIGNALED(status))
		printf("failed: %s: killed by signal %d\n", name,
			WTERMSIG(status));
	printf(status == 0 ? "[       OK ] %s\n" : "[  FAILED  ] %s\n", name);
	return status == 0;
}

int
cases_run(const struct stress_case *cases, size_t n)
{
	size_t passed = 0, failed = 0, skipped = 0;

	printf("[==========] Running %zu test(s).\n", n);
	for (size_t i = 0; i < n; i++) {
		int result = run_case(&cases[i]);

		passed += result == 1;
		failed += result == 0;
		skipped += result == -1;
	}
	printf("[  PASSED  ] %zu test(s).\n", passed);
	if (skipped > 0)
		printf("[  SKIPPED ] %zu test(s).\n", skipped);
	if (failed > 0)
		printf("[  FAILED  ] %zu test(s).\n", failed);
	return failed > 0;
}
