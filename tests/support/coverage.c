/*
 * With COVERAGE=1 the linker has _exit() and raise() call these, so that what the
 * children of the tests have run counts too.
 */
#ifdef COVERAGE
#include <signal.h>
#include <stdnoreturn.h>

void __gcov_dump(void);
noreturn void __real__exit(int status);
noreturn void __wrap__exit(int status);
int __real_raise(int signo);
int __wrap_raise(int signo);

noreturn void
__wrap__exit(int status)
{
	__gcov_dump();
	__real__exit(status);
}

int
__wrap_raise(int signo)
{
	if (signo == SIGKILL)
		__gcov_dump();
	return __real_raise(signo);
}
#else
typedef int coverage_is_not_counted;
#endif
