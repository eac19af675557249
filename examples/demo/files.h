/* Opens files below a root directory; no path leads out of it. */
#ifndef DEMO_FILES_H
#define DEMO_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

/*
 * Opens the file or directory at the path of a request and decodes its escapes.
 * Follows no symbolic link and finds no name that starts with a dot.  Returns
 * the fd and fills *ret, or returns -errno: -EINVAL for a malformed escape,
 * -EACCES if it is neither a file nor a directory.
 */
int files_open(int root, const char *path, size_t len, struct stat *ret);

/* The Content-Type that belongs to the suffix of the path. */
const char *files_type(const char *path, size_t len);

bool files_is_markdown(const char *path, size_t len);

#endif
