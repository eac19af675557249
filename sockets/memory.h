/*
 * The memory of the objects that the library allocates.
 *
 * Objects of up to SOCLE__PAGED bytes come from pages, each of which holds objects
 * of one size.  Each object begins a line of the processor's cache, so that an
 * event touches as few lines as it can.  A page without objects is freed unless
 * it is the only one of its size that has room.
 *
 * Memory that is used again hides the use of a destroyed object from valgrind
 * and sanitizers.  So check builds have no pages, nor has a process with
 * SOCLE_PAGES=0 in its environment.
 */
#ifndef SOCLE_SOCKETS_MEMORY_H
#define SOCLE_SOCKETS_MEMORY_H

#include "reactor/state.h"

enum {
	SOCLE__PAGE = 4096, /* bytes; the alignment as well */
	SOCLE__LINE = 64,
	SOCLE__PAGED = (SOCLE__PAGE_SIZES - 1) * SOCLE__LINE
};

struct socle__page {
	struct socle__page *next, **link; /* of this size, with room */
	void *room; /* the first free piece, which begins with the next */
	unsigned used;
};

/* For `size' bytes of any value; NULL: no memory.  Out of line: a new page. */
void *socle__memory_more(struct socle__reactor *r, size_t size);

/* Takes a page without room out of its list. */
void socle__page_unlink(struct socle__page *p);

/* The list of the pages with room for objects of this size. */
static inline struct socle__page **
socle__pages_of(struct socle__reactor *r, size_t size)
{
	return &r->pages[(size + SOCLE__LINE - 1) / SOCLE__LINE];
}

/* Memory of any value; NULL: there is none. */
static inline void *
socle__memory_take(struct socle__reactor *r, size_t size)
{
	struct socle__page *p =
		size <= SOCLE__PAGED ? *socle__pages_of(r, size) : NULL;
	void *piece;

	if (socle__unlikely(!p))
		return socle__memory_more(r, size);
	piece = p->room;
	p->room = *(void **)piece;
	p->used++;
	if (socle__unlikely(!p->room))
		socle__page_unlink(p);
	return piece;
}

/* Gives back what was taken for `size' bytes. */
void socle__memory_give(struct socle__reactor *r, void *piece, size_t size);

#endif
