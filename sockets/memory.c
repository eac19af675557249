/* The memory of the objects that the library allocates. */
#include "sockets/memory.h"

#include "seam.h"

#include <stdlib.h>
#include <string.h>

#ifdef SOCLE_CHECKS
enum { SLABS_BY_DEFAULT = 0 };
#else
enum { SLABS_BY_DEFAULT = 1 };
#endif

static void
slab_link(struct socle__slab **list, struct socle__slab *slab)
{
	slab->next = *list;
	slab->link = list;
	if (slab->next)
		slab->next->link = &slab->next;
	*list = slab;
}

static void
slab_unlink(struct socle__slab *slab)
{
	*slab->link = slab->next;
	if (slab->next)
		slab->next->link = slab->link;
}

static void
slabs_free(struct socle__reactor *r)
{
	for (int i = 0; i < SOCLE__SLAB_SIZES; i++)
		while (r->slabs[i]) {
			struct socle__slab *slab = r->slabs[i];

			r->slabs[i] = slab->next;
			sys_free(slab);
		}
}

static const struct socle__part slabs_part = {.free = slabs_free};

/* Decided once in the life of a reactor. */
static bool
has_slabs(struct socle__reactor *r)
{
	const char *setting;

	if (r->parts[SOCLE__PART_SLABS])
		return r->has_slabs;
	setting = getenv("SOCLE_SLABS");
	r->has_slabs = setting && *setting ? strcmp(setting, "0") != 0
					   : SLABS_BY_DEFAULT;
	socle__part_register(r, SOCLE__PART_SLABS, &slabs_part);
	return r->has_slabs;
}

/* Page by page, because the first use of a page costs memory. */
static void
page_divide(struct socle__slab *slab, size_t size)
{
	size_t step = socle__lines_of(size) * SOCLE__LINE;
	size_t first = SOCLE__LINE, at = first;

	while (at + step <= SOCLE__PAGE)
		at += step;
	while (at > first) { /* the lowest piece is taken first */
		void **piece;

		at -= step;
		piece = (void **)(void *)(slab->unused + at);
		*piece = slab->room;
		slab->room = piece;
	}
	*(struct socle__slab **)(void *)slab->unused = slab;
	slab->unused += SOCLE__PAGE;
	slab->left--;
}

void
socle__slab_is_full(struct socle__slab *slab, size_t size)
{
	if (slab->left > 0)
		page_divide(slab, size);
	else
		slab_unlink(slab);
}

void *
socle__memory_more(struct socle__reactor *r, size_t size)
{
	struct socle__slab *slab;

	if (!has_slabs(r) || size > SOCLE__SLAB_OBJECT)
		return sys_malloc(size);
	slab = sys_malloc(
		sizeof(*slab) + (size_t)(SOCLE__SLAB_PAGES + 1) * SOCLE__PAGE);
	if (!slab)
		return NULL;
	*slab = (struct socle__slab){.left = SOCLE__SLAB_PAGES};
	slab->unused = (char *)(slab + 1);
	slab->unused += -(uintptr_t)slab->unused % SOCLE__PAGE;
	page_divide(slab, size);
	slab_link(socle__slabs_of(r, size), slab);
	return socle__memory_take(r, size);
}

void
socle__memory_give(struct socle__reactor *r, void *piece, size_t size)
{
	uintptr_t page = (uintptr_t)piece & ~(uintptr_t)(SOCLE__PAGE - 1);
	struct socle__slab **list, *slab;

	if (socle__unlikely(!r->has_slabs || size > SOCLE__SLAB_OBJECT)) {
		sys_free(piece);
		return;
	}
	list = socle__slabs_of(r, size);
	slab = *(struct socle__slab **)page;
	if (!slab->room)
		slab_link(list, slab);
	*(void **)piece = slab->room;
	slab->room = piece;
	if (--slab->used == 0 && (*list != slab || slab->next)) {
		slab_unlink(slab);
		sys_free(slab);
	}
}
