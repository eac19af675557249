/* The names of items. */
#ifndef SOCLE_PROFILING_ITEM_NAME_H
#define SOCLE_PROFILING_ITEM_NAME_H

#include <stddef.h>

/* The kind of an item, which decides how its name is made. */
enum socle__item_kind {
	/* of a class: `text' is its name; "Echo" -> "Echo-read" */
	SOCLE__ITEM_READ,
	SOCLE__ITEM_WRITE,
	SOCLE__ITEM_ERR,
	SOCLE__ITEM_HUP,
	SOCLE__ITEM_DRAIN,
	SOCLE__ITEM_TIMEOUT,
	SOCLE__ITEM_CLOSURE,
	SOCLE__ITEM_ACCEPTED,
	SOCLE__ITEM_DESTROY,
	SOCLE__ITEM_POST_LOOP,
	/*
	 * of a function: `text' is the source text of a macro's arguments,
	 * "5.0, expire_sessions, NULL"; the function's is picked out of it.
	 */
	SOCLE__ITEM_TIMER,
	SOCLE__ITEM_DEFERRED,
	SOCLE__ITEM_POSTED,
	SOCLE__ITEM_OTHER_FD,
	SOCLE__ITEM_SIGNAL,
	SOCLE__ITEM_GLOBAL_POST_LOOP,
	SOCLE__ITEM_DONE,
	SOCLE__ITEM_KINDS
};

enum { SOCLE__ITEM_NAME = 120 }; /* longest name, in bytes */

/*
 * Stores the name, of at most SOCLE__ITEM_NAME bytes, and a NUL; returns where
 * "Echo-read" has its '-', others their ':'.
 */
size_t socle__item_name(
	enum socle__item_kind kind, const char *text, char *ret);

#endif
