/* locks.h describes the functions. */
#include "ddlockd/locks.h"

#include <socle/socle.h>

#include "common/hash.h"

#include <stdlib.h>
#include <string.h>

enum { SLOTS = LOCKS_MOST / 4, HOLDER_SIZE = 256 };

struct lock {
	struct lock *next; /* in its slot */
	struct lock *next_held, **prev_held;
	struct socle_socket *holder;
	size_t len;
	char name[];
};

static struct lock *slots[SLOTS];
static size_t n_locks;

/* The pointer to the lock, or to where it would be. */
static struct lock **
place_of(const char *name, size_t len)
{
	struct lock **at = &slots[hash_bytes(name, len) % SLOTS];

	while (*at &&
		((*at)->len != len || memcmp((*at)->name, name, len) != 0))
		at = &(*at)->next;
	return at;
}

struct lock *
locks_find(const char *name, size_t len)
{
	return *place_of(name, len);
}

static void
held_add(struct lock **held, struct lock *l)
{
	l->next_held = *held;
	l->prev_held = held;
	if (*held)
		(*held)->prev_held = &l->next_held;
	*held = l;
}

bool
locks_take(struct lock **held, struct socle_socket *holder, const char *name,
	size_t len)
{
	struct lock **at = place_of(name, len);
	struct lock *l = n_locks < LOCKS_MOST ? malloc(sizeof(*l) + len) : NULL;

	if (!l)
		return false;
	l->next = NULL;
	l->holder = holder;
	l->len = len;
	memcpy(l->name, name, len);
	held_add(held, l);
	*at = l;
	n_locks++;
	return true;
}

void
locks_release(struct lock *l)
{
	*place_of(l->name, l->len) = l->next;
	*l->prev_held = l->next_held;
	if (l->next_held)
		l->next_held->prev_held = l->prev_held;
	n_locks--;
	free(l);
}

struct socle_socket *
lock_holder(const struct lock *l)
{
	return l->holder;
}

/* ---- the list ---- */

static int
by_name(const void *a, const void *b)
{
	const struct lock *x = *(struct lock *const *)a;
	const struct lock *y = *(struct lock *const *)b;
	int order = memcmp(x->name, y->name, x->len < y->len ? x->len : y->len);

	return order != 0 ? order : (x->len > y->len) - (x->len < y->len);
}

static size_t
text_size(const struct lock *l)
{
	return l->len + HOLDER_SIZE + 16;
}

/* "  NAME = Class(R): open to ADDR:PORT" */
static char *
put_lock(char *to, const struct lock *l)
{
	memcpy(to, "  ", 2);
	memcpy(to + 2, l->name, l->len);
	memcpy(to + 2 + l->len, " = ", 3);
	to += l->len + 5;
	socle_as_string(l->holder, to, HOLDER_SIZE);
	to += strlen(to);
	*to = '\n';
	return to + 1;
}

/* Sorts the locks into `all', and returns the room that their text needs. */
static size_t
sort_locks(struct lock **all)
{
	size_t n = 0, size = 64;

	for (size_t i = 0; n < n_locks; i++) {
		for (struct lock *l = slots[i]; l; l = l->next) {
			all[n++] = l;
			size += text_size(l);
		}
	}
	qsort(all, n, sizeof(struct lock *), by_name);
	return size;
}

struct locks_text *
locks_list(void)
{
	struct lock **all = malloc((n_locks + 1) * sizeof(struct lock *));
	struct locks_text *list =
		all ? malloc(sizeof(*list) + sort_locks(all)) : NULL;
	struct locks_text *shorter;
	char *at;

	if (!list) {
		free(all);
		return NULL;
	}
	memcpy(list->text, "LOCKS:\n", 7);
	at = list->text + 7;
	for (size_t i = 0; i < n_locks; i++)
		at = put_lock(at, all[i]);
	if (n_locks == 0)
		*at++ = '\n';
	list->len = (size_t)(at - list->text);
	free(all);
	shorter = realloc(list, sizeof(*list) + list->len);
	return shorter ? shorter : list;
}
