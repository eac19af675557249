/*
 * Names for the scenes, which ask no server: each is 127.0.0.1, or two addresses.
 * The look-up is one of the seam, which may fail.
 */
#ifndef SOCLE_TESTS_SWEEP_NAMES_H
#define SOCLE_TESTS_SWEEP_NAMES_H

/* `second' is the second address, with glibc alone; or NULL. */
void names_replace(const char *second);
void names_restore(void);

/* Waits until no thread of the library looks a name up. */
void names_wait(void);

#endif
