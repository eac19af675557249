/* What the options say. */
#ifndef EXAMPLES_PROXY_SETTINGS_H
#define EXAMPLES_PROXY_SETTINGS_H

#include <socle/socle.h>

#include <stdbool.h>
#include <stddef.h>

struct settings {
	const char *listen;
	double connect_timeout, idle_timeout, check_every; /* seconds */
	double max_clients;
	double replay;       /* bytes kept of a request; 0: none is repeated */
	int proxy_out;       /* version of the header for backends; 0: none */
	bool proxy_in;       /* clients send a header first ... */
	const char *trusted; /* ... from these addresses alone; NULL: any */
};
extern struct settings settings;

/* Fills them in; the backends too.  False: wrong, the usage was printed. */
bool settings_take(int argc, char **argv);

#endif
