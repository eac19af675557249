/* totals.h describes the functions. */
#include "sockets/totals.h"

#include "reactor/loop.h"
#include "reactor/reactor.h"

#include "seam.h"

#include <string.h>

const char *const socle__activity_names[SOCLE__ACTIVITIES] = {"closed",
	"connecting", "ending", "lingering", "paused", "reading", "writing"};

enum socle__activity
socle__activity_of(const struct socle_socket *s)
{
	if (socle__is_closed(s))
		return SOCLE__IS_CLOSED;
	if (socle__has(s, SOCLE__CONNECTING))
		return SOCLE__IS_CONNECTING;
	if (socle__has(s, SOCLE__LINGERING))
		return SOCLE__IS_LINGERING;
	if (socle__has(s, SOCLE__ENDING))
		return SOCLE__IS_ENDING;
	if (s->queued > 0)
		return SOCLE__IS_WRITING;
	return socle__has(s, SOCLE__READING) ? SOCLE__IS_READING
					     : SOCLE__IS_PAUSED;
}

/* ---- totals ---- */

static void
add_object(struct socle__class_total *t, const struct socle_socket *s)
{
	int64_t age = 0;

	t->objects++;
	t->by_activity[socle__activity_of(s)]++;
	if (s->queued == 0)
		return;
	t->queued++;
	t->bytes += s->queued;
	if (s->queued > t->most)
		t->most = s->queued;
	if (s->extra && s->extra->stall_ns)
		age = socle__now(socle__reactor) - s->extra->moved;
	if (age > t->oldest_ns)
		t->oldest_ns = age;
}

static struct socle__class_total *
total_of(struct socle__class_total *all, const char *name)
{
	while (all->name && strcmp(all->name, name) != 0)
		all++;
	all->name = name;
	return all;
}

static int
by_name(const void *a, const void *b)
{
	const struct socle__class_total *of = a, *other = b;

	return strcmp(of->name, other->name);
}

int
socle__class_totals(struct socle__class_total **ret)
{
	struct socle__reactor *r = socle__reactor;
	struct socle__class_total *all;
	size_t n = 1;

	for (const struct socle__class *c = r->classes; c; c = c->next)
		n++;
	if (!(all = sys_calloc(n, sizeof(*all))))
		return -ENOMEM;
	for (size_t fd = 0; fd < r->map_size; fd++) {
		struct socle_socket *s = socle__object_at((int)fd);

		if (s)
			add_object(total_of(all, socle_class_of(s)->name), s);
	}
	for (n = 0; all[n].name;)
		n++;
	qsort(all, n, sizeof(*all), by_name);
	*ret = all;
	return (int)n;
}
