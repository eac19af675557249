/*
 * A hosts file as a table: the records of each name, found by hashing.
 *
 * The table is built once and then only read; to reload the file is to build
 * another.
 */
#ifndef EXAMPLES_DNSD_HOSTS_H
#define EXAMPLES_DNSD_HOSTS_H

#include "name.h"

enum { TYPE_A = 1, TYPE_PTR = 12, TYPE_AAAA = 28 };

struct record {
	struct record *next;
	uint16_t type, size;
	uint8_t data[]; /* as in messages: an address, or a name */
};

/* A name with its records in the order of the file; it may have none. */
struct host {
	struct host *next; /* with the same hash */
	struct record *records, **last;
	uint32_t hash;
	uint8_t len, bytes[]; /* the name */
};

struct hosts;

/* What is wrong, and in which line; 0: with the whole file. */
struct hosts_error {
	unsigned line;
	const char *what; /* valid until the next strerror(3) */
};

/*
 * Builds the table of the text of a hosts file, or returns NULL.
 *
 * A line is an address and its names, in white space; # begins a comment.  A
 * name without a dot is one of the zone, except for localhost.  Names elsewhere have no records, but
 * the first name of each address is that of its PTR record wherever it is.  The
 * names between the zone and a host exist too, without records.
 */
struct hosts *hosts_parse(const char *text, size_t len, const struct name *zone,
	struct hosts_error *error);

/* The same for a file of at most 64 MiB. */
struct hosts *hosts_read(
	const char *path, const struct name *zone, struct hosts_error *error);

void hosts_free(struct hosts *h);

/* NULL: there is no such name. */
const struct host *hosts_find(const struct hosts *h, const struct name *n);

#endif
