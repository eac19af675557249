/*
 * Parking: a descriptor whose events would be reported again and again without
 * effect is removed from the poller until it is touched.
 */
#include "reactor/parking.h"

#include "reactor/backend.h"
#include "reactor/interest.h"

#include "seam.h"

static bool
may_get_a_writer(int fd)
{
	struct stat st;

	return sys_fstat(fd, &st) == 0 &&
		(S_ISFIFO(st.st_mode) || S_ISCHR(st.st_mode));
}

/* Whether the kernel knew what is wanted now when it reported the event. */
static bool
is_up_to_date(const struct socle_descriptor *d)
{
	return !(d->wanted & ~(unsigned)d->armed) && !socle__reactor->changed;
}

/*
 * A FIFO or a terminal that has lost its writers may get new ones: where the
 * poller can report that alone, input ends the parking.
 */
void
socle__park(struct socle_descriptor *d)
{
	if (!is_up_to_date(d))
		return;
	d->bits |= SOCLE__END_REPORTED | SOCLE__PARKED;
	d->fd_flags &= (uint8_t)~SOCLE__FD_LISTENS;
	if (socle__reactor->backend->has_edges && d->wanted & SOCLE_READ &&
		may_get_a_writer(d->fd))
		d->fd_flags |= SOCLE__FD_LISTENS;
	socle__descriptor_want(d, d->wanted);
}
