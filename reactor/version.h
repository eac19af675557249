/*
 * The version of the library.
 *
 * Until 1.0.0 a new minor version may change the interface; from then on only
 * a new major version does.  A patch version never does.
 */
#ifndef SOCLE_REACTOR_VERSION_H
#define SOCLE_REACTOR_VERSION_H

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* The version of these headers: the one that a program is compiled for. */
#define SOCLE_VERSION_MAJOR 0
#define SOCLE_VERSION_MINOR 1
#define SOCLE_VERSION_PATCH 0
#define SOCLE_VERSION "0.1.0"

/* The same as one number, 0xMMmmpp, for comparisons in #if. */
#define SOCLE_VERSION_NUMBER                                                   \
	(SOCLE_VERSION_MAJOR << 16 | SOCLE_VERSION_MINOR << 8 |                \
		SOCLE_VERSION_PATCH)

/*
 * Returns the version of the library that runs, in the form of SOCLE_VERSION:
 * static text.  A shared library may be newer than the headers.  Any thread may
 * call it at any time.
 */
const char *socle_version(void);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
