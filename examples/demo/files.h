/* Files below a root that no path leads out of. */
#ifndef DEMO_FILES_H
#define DEMO_FILES_H

#include <stddef.h>
#include <sys/stat.h>

/*
 * Opens what is at the path of a request, escapes and all.  No link is
 * followed, no name that begins with a dot is looked for.  The fd of a file or
 * directory and what it is, or -errno: -EINVAL for a bad escape, -EACCES for
 * what is neither.
 */
int files_open(int root, const char *path, size_t len, struct stat *ret);

/* Content-Type, by the end of the name. */
const char *files_type(const char *path, size_t len);

#endif
