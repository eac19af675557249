/* What a non-empty queue waits for. */
#include "sockets/write/await.h"

#include "reactor/interest.h"
#include "reactor/probes.h"
#include "reactor/turns.h"
#include "sockets/timeouts.h"

/*
 * This function alone sets what the queue waits for:
 *
 *	the queue is	flags			it waits for
 *	empty		any			nothing
 *	not empty	CONNECTING		the connection
 *			BLOCKED, QUEUE_WRITE	writability
 *			BLOCKED, WRITER_READ	readability
 *			BLOCKED, RETRY		the timer
 *			none of these		a FLUSH turn
 */
void
socle__queue_await(struct socle_socket *s)
{
	uint32_t blocked = SOCLE__BLOCKED | SOCLE__QUEUE_WRITE |
		SOCLE__WRITER_READ | SOCLE__RETRY;

	if (!s->queued)
		s->d.bits &= ~blocked;
	if (s->queued && !socle__has(s, SOCLE__BLOCKED | SOCLE__CONNECTING))
		socle__turn_ask(&s->d, SOCLE__TURN_FLUSH);
	else
		socle__turn_drop(&s->d, SOCLE__TURN_FLUSH);
	/* Skipped if READ alone is watched and remains so. */
	if (socle__has(s, SOCLE__QUEUE_WRITE | SOCLE__WRITER_READ) ||
		s->d.wanted & SOCLE_WRITE || socle__has(s, SOCLE__INDIRECT))
		socle__socket_interest(s);
}

void
socle__queue_blocked(struct socle_socket *s, int err)
{
	socle__descriptor_touch(&s->d);
	s->d.bits |= SOCLE__BLOCKED;
	SOCLE__PROBE3(write_partial, s, s->d.fd, s->queued);
	if (err == -ENOBUFS || err == -ENOMEM)
		socle__retry_start(s); /* it may be writable and still refuse */
	else if (err == SOCLE_WANT_READ)
		s->d.bits |= SOCLE__WRITER_READ;
	else
		s->d.bits |= SOCLE__QUEUE_WRITE;
	socle__stall_start(s);
}

void
socle__queue_unblocked(struct socle_socket *s)
{
	s->d.bits &= ~(uint32_t)(SOCLE__BLOCKED | SOCLE__QUEUE_WRITE |
		SOCLE__WRITER_READ | SOCLE__RETRY);
}
