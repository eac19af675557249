/*
 * With COVERAGE=1 the linker has _exit() call this, so that what the children of
 * the tests have run counts too.
 */
#ifdef COVERAGE
#include <stdnoreturn.h>

void __gcov_dump(void);
noreturn void __real__exit(int status);
noreturn void __wrap__exit(int status);

noreturn void
__wrap__exit(int status)
{
	__gcov_dump();
	__real__exit(status);
}
#else
typedef int coverage_is_not_counted;
#endif
