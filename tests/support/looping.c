/* looping.h describes the functions. */
#include "tests/support/looping.h"

double began;

void
start_virtual_time(void)
{
	seam_time_virtual();
	began = seam_time();
}

void
assert_waited(double seconds)
{
	double passed = seam_time() - began;

	if (passed < seconds - 1e-6 || passed > seconds + 1e-6)
		fail_msg("%.6f s passed instead of %.6f", passed, seconds);
}

bool
count_down(void *arg)
{
	int *left = arg;

	return --*left > 0;
}

void
stop(void *arg)
{
	(void)arg;
	socle_stop();
}

void
set_flag(void *arg)
{
	*(bool *)arg = true;
}

bool
get_flag(void *arg)
{
	return *(bool *)arg;
}

bool
at_end(int fd)
{
	char c;

	return recv(fd, &c, 1, MSG_DONTWAIT) == 0;
}
