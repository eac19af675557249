/*
 * httpd and a client that speaks HTTP to it.
 *
 * httpd's root has a.md, b.svg, files 0 to 19 (each contains its name),
 * middle and big (patterns of seed 7), sub/<x>.txt, home/index.html, the links
 * etc, secret and up that lead out of the root, the link link to a.md, and a
 * fifo.
 */
#ifndef SOCLE_TESTS_HTTPD_H
#define SOCLE_TESTS_HTTPD_H

#include "tests/support/program.h"

enum { BIG = 5 * 1000 * 1000, MIDDLE = 60 * 1000 };

/* For cmocka_run_group_tests_name(). */
int httpd_make_root(void **state);
int httpd_remove_root(void **state);

/* Makes or replaces a file: "root/NAME" is below the root. */
void httpd_put(const char *name, const char *text);

/* Starts httpd, with an option or NULL, and returns a connected client. */
int httpd_start(const char *option);

/* Closes the client, and stops httpd. */
void httpd_stop(int fd);

/* The last response. */
struct reply {
	int status;
	size_t len;
	char head[2048];
	char body[1 << 17];
};
extern struct reply reply;

/* The value of the field, `name' being "Name: "; NULL: there is none. */
const char *field(const char *name);

void send_text(int fd, const char *text);

/*
 * Receives a head, or one whole response, and nothing of the next; returns the
 * status.
 */
int receive_head(int fd);
int receive_response(int fd);

/*
 * Sends a request, with more fields ("Name: value\r\n"), and receives the
 * response.
 */
int request(int fd, const char *method, const char *path, const char *fields);
int get(int fd, const char *path);

#endif
