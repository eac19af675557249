/* firing.h describes the functions. */
#include "tests/support/firing.h"

static void
named_fires(struct socle_timer *t)
{
	struct named *n = socle_container_of(t, struct named, t);

	n->fired++;
	note("%s", n->name);
	if (n->inside)
		n->inside(n);
}

void
named_init(struct named *n, const char *name)
{
	*n = (struct named){.name = name};
	socle_timer_init(&n->t, named_fires);
}

void
named_start(struct named *n, double seconds)
{
	assert_int_equal(0, socle_timer_start(&n->t, seconds));
}

void
note_text(void *arg)
{
	note("%s", (const char *)arg);
}

char *
text(const char *literal)
{
	union {
		const char *from;
		char *to;
	} u = {literal};

	return u.to;
}

socle_timer_id
add(double seconds, const char *name)
{
	socle_timer_id id = socle_add_timer(seconds, note_text, text(name));

	assert_true(id != 0);
	return id;
}

int64_t
tick_waits_at_most(int ms)
{
	double before = seam_time();

	assert_int_equal(1, socle_event_loop_once(ms));
	return (int64_t)((seam_time() - before) * 1e6 + 0.5);
}

int64_t
tick_waits(void)
{
	return tick_waits_at_most(-1);
}
