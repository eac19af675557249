/* Opens files below a root directory; no path leads out of it. */
#ifndef HTTPD_FILES_H
#define HTTPD_FILES_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

struct file {
	int fd;
	bool is_directory;
	int64_t size;
	struct timespec modified;
};

/* Opens the root.  0, or -errno. */
int files_start(const char *root);
void files_stop(void);

/*
 * Opens the file or directory at a path below the root, which http_path() has
 * decoded; "" is the root itself, and no slash is at the end.  A symbolic link is followed if it stays below
 * the root, and where the kernel cannot promise that, not at all.  Returns 0, or
 * -errno: -EACCES also for what is neither a file nor a directory.
 */
int files_open(const char *path, struct file *ret);

/* The Content-Type that belongs to the suffix of the path. */
const char *files_type(const char *path);

#endif
