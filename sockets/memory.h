/*
 * The memory of the objects that the library allocates.
 *
 * Objects of up to SOCLE__SLAB_OBJECT bytes come from slabs, each of which holds
 * objects of one size.  Each object begins a line of the processor's cache, so
 * that an event touches as few lines as it can.  A slab without objects is freed
 * unless it is the only one of its size that has room.
 *
 * A slab is divided into pages, and each begins with a pointer to its slab.  So
 * an object finds its slab by its address alone.
 *
 * Memory that is used again hides the use of a destroyed object from valgrind
 * and sanitizers.  So check builds have no slabs, nor has a process with
 * SOCLE_SLABS=0 in its environment.
 */
#ifndef SOCLE_SOCKETS_MEMORY_H
#define SOCLE_SOCKETS_MEMORY_H

#include "reactor/state.h"

enum {
	SOCLE__LINE = 64,
	SOCLE__PAGE = 4096,     /* its alignment as well */
	SOCLE__SLAB_PAGES = 47, /* and one for their alignment */
	SOCLE__SLAB_OBJECT = (SOCLE__SLAB_SIZES - 1) * SOCLE__LINE
};

struct socle__slab {
	struct socle__slab *next, **link; /* of this size, with room */
	void *room;    /* the first free piece, which begins with the next */
	char *unused;  /* the first page that is not divided yet */
	unsigned used; /* pieces */
	unsigned left; /* pages that are not divided */
};

/* The same as socle__memory_take(), where no slab has a free piece. */
void *socle__memory_more(struct socle__reactor *r, size_t size);

/* The last free piece of a slab was taken. */
void socle__slab_is_full(struct socle__slab *slab, size_t size);

static inline size_t
socle__lines_of(size_t size)
{
	return (size + SOCLE__LINE - 1) / SOCLE__LINE;
}

/* The list of the slabs with room for objects of this size. */
static inline struct socle__slab **
socle__slabs_of(struct socle__reactor *r, size_t size)
{
	return &r->slabs[socle__lines_of(size)];
}

/* Memory of any value; NULL: there is none. */
static inline void *
socle__memory_take(struct socle__reactor *r, size_t size)
{
	struct socle__slab *slab =
		size <= SOCLE__SLAB_OBJECT ? *socle__slabs_of(r, size) : NULL;
	void *piece;

	if (socle__unlikely(!slab))
		return socle__memory_more(r, size);
	piece = slab->room;
	slab->room = *(void **)piece;
	slab->used++;
	if (socle__unlikely(!slab->room))
		socle__slab_is_full(slab, size);
	return piece;
}

/* Gives back what was taken for `size' bytes. */
void socle__memory_give(struct socle__reactor *r, void *piece, size_t size);

#endif
