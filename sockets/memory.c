/* The memory of the objects that the library allocates. */
#include "sockets/memory.h"

#include "seam.h"

#include <stdlib.h>
#include <string.h>

#ifdef SOCLE_CHECKS
enum { PAGES_BY_DEFAULT = 0 };
#else
enum { PAGES_BY_DEFAULT = 1 };
#endif

static void
page_link(struct socle__page **list, struct socle__page *p)
{
	p->next = *list;
	p->link = list;
	if (p->next)
		p->next->link = &p->next;
	*list = p;
}

void
socle__page_unlink(struct socle__page *p)
{
	*p->link = p->next;
	if (p->next)
		p->next->link = p->link;
}

static void
pages_free(struct socle__reactor *r)
{
	for (int i = 0; i < SOCLE__PAGE_SIZES; i++)
		while (r->pages[i]) {
			struct socle__page *p = r->pages[i];

			r->pages[i] = p->next;
			sys_free(p);
		}
}

static const struct socle__part pages_part = {.free = pages_free};

/* Decided once in the life of a reactor. */
static bool
has_pages(struct socle__reactor *r)
{
	const char *setting;

	if (r->parts[SOCLE__PART_PAGES])
		return r->has_pages;
	setting = getenv("SOCLE_PAGES");
	r->has_pages = setting && *setting ? strcmp(setting, "0") != 0
					   : PAGES_BY_DEFAULT;
	socle__part_register(r, SOCLE__PART_PAGES, &pages_part);
	return r->has_pages;
}

void *
socle__memory_more(struct socle__reactor *r, size_t size)
{
	size_t step = (size + SOCLE__LINE - 1) / SOCLE__LINE * SOCLE__LINE;
	struct socle__page *p;
	char *at;

	if (!has_pages(r) || size > SOCLE__PAGED)
		return sys_malloc(size);
	p = sys_aligned_alloc(SOCLE__PAGE, SOCLE__PAGE);
	if (!p)
		return NULL;
	p->room = NULL;
	p->used = 0;
	/* The lowest piece is taken first. */
	for (at = (char *)p + SOCLE__LINE +
			(SOCLE__PAGE - SOCLE__LINE) / step * step;
		at != (char *)p + SOCLE__LINE;) {
		at -= step;
		*(void **)(void *)at = p->room;
		p->room = at;
	}
	page_link(socle__pages_of(r, size), p);
	return socle__memory_take(r, size);
}

void
socle__memory_give(struct socle__reactor *r, void *piece, size_t size)
{
	struct socle__page **list, *p;

	if (socle__unlikely(!r->has_pages || size > SOCLE__PAGED)) {
		sys_free(piece);
		return;
	}
	list = socle__pages_of(r, size);
	p = (struct socle__page *)((uintptr_t)piece &
		~(uintptr_t)(SOCLE__PAGE - 1));
	if (!p->room)
		page_link(list, p);
	*(void **)piece = p->room;
	p->room = piece;
	if (--p->used == 0 && (*list != p || p->next)) {
		socle__page_unlink(p);
		sys_free(p);
	}
}
