/*
 * The geometry of the timing wheel, private to store.c and check.c.
 *
 * A slot of level 0 spans 2^17 ns (131 us), a slot of each higher level 32
 * slots of the level below.  The slots of a level are numbered from time 0.  A
 * level holds 64 of them: the current one, which contains the wheel's time, and
 * those that follow.  The highest level reaches the last moment of the clock.
 */
#ifndef SOCLE_TIMERS_WHEEL_H
#define SOCLE_TIMERS_WHEEL_H

#include <stdint.h>

enum { LEVELS = 9, SLOTS = 64 };
enum { UNIT_BITS = 17, UNIT = 1 << UNIT_BITS, LEVEL_BITS = 5 };

/* Timers that one collect moves ahead of time, in each level. */
enum { SPREAD = 1024 };

/* Of struct socle__timer_node.order: the lowest bits, and one start. */
enum { DUE = 1, BARE = 2, ORDER_STEP = 4 };

/* The number of the slot that contains a time, which is not negative. */
static inline uint64_t
slot_number(int64_t time, unsigned level)
{
	return (uint64_t)time >> (UNIT_BITS + level * LEVEL_BITS);
}

static inline int64_t
slot_start(uint64_t number, unsigned level)
{
	return (int64_t)(number << (UNIT_BITS + level * LEVEL_BITS));
}

/* The lowest level that reaches from one slot of level 0 to another. */
static inline unsigned
level_reaching(uint64_t from, uint64_t to)
{
	/* 0 below 64 slots, 1 below 2048, ...; a carry takes one level more */
	unsigned bit = 63u - (unsigned)__builtin_clzll((to - from) | 2);
	unsigned level = (bit - 1) / LEVEL_BITS;
	unsigned shift = level * LEVEL_BITS;

	return level + ((to >> shift) - (from >> shift) >= SLOTS);
}

#endif
