/* cells.h describes the functions. */
#include "tests/support/cells.h"

void
ignore_err(struct probe *p, int err)
{
	(void)p;
	(void)err;
}

void
stop_writing(struct probe *p)
{
	socle_watch_write(&p->sock, false);
}

static void
end(void *arg)
{
	(void)arg;
	socle_stop();
}

/* More waits than all reports can need: the loop spins. */
enum { SPINS = 10 };

static void
stop_if_spinning(void)
{
	if (seam_waits() > SPINS)
		socle_stop();
}

void
ten_seconds_pass(unsigned long waits)
{
	double start = seam_time();

	assert_true(socle_add_timer(10, end, NULL) != 0);
	seam_count_reset();
	seam_around_waits(stop_if_spinning, NULL);
	assert_int_equal(0, socle_event_loop());
	assert_true(seam_time() - start > 9.99);
	assert_true(seam_waits() <= waits);
}
