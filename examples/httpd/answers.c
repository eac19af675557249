/* answers.h describes the function. */
#include "httpd/answers.h"

#include "common/http_values.h"
#include "httpd/files.h"
#include "httpd/listing.h"
#include "httpd/page.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Up to this length a file is read into memory, which costs less than to send
 * it by a call of its own. */
enum { SMALL = 32 * 1024 };

enum { TAG_SIZE = 64, RANGE_SIZE = 96, PART_SIZE = 256 };

static int
status_of(int err)
{
	switch (-err) {
	case ENOENT:
	case ENOTDIR:
	case ENAMETOOLONG:
		return 404;
	case EACCES:
	case EPERM:
	case ELOOP:
	case EMLINK:
	case ENXIO:
	case EXDEV: /* a link that leads out of the root */
		return 403;
	case EMFILE:
	case ENFILE:
	case ENOMEM:
		return 503;
	default:
		return 500;
	}
}

/* ---- files ---- */

/* Answers with a part of the file and takes `fd'; sets the length of `a'. */
static void
answer_part(struct client *c, int fd, struct answer *a,
	const struct http_range *part)
{
	static char data[SMALL];
	bool small = part->length <= SMALL && c->request.method == HTTP_GET;

	a->length = part->length;
	if (small) {
		ssize_t n = pread(fd, data, (size_t)part->length, part->from);

		close(fd);
		if (n == part->length)
			client_answer_text(c, a, data);
		else /* it has become shorter, or cannot be read */
			client_answer_status(c, 503, NULL);
		return;
	}
	client_take_file(c, fd);
	if (client_head(c, a))
		client_send(c, part->from, part->length);
	client_answered(c);
}

/* The text between two parts, and before the first. */
static int
part_head(char buf[PART_SIZE], const char *boundary, const char *type,
	const struct http_range *part, int64_t size)
{
	return snprintf(buf, PART_SIZE,
		"\r\n--%s\r\nContent-Type: %s\r\nContent-Range: "
		"bytes %" PRId64 "-%" PRId64 "/%" PRId64 "\r\n\r\n",
		boundary, type, part->from, part->from + part->length - 1,
		size);
}

static void
answer_parts(struct client *c, const struct file *f, struct answer *a,
	const struct http_range *parts, int n)
{
	static uint64_t counter;
	char boundary[64], type[128], text[PART_SIZE];
	const char *part_type = a->type;
	bool more;

	/* Not guessed by the one who wrote the file. */
	snprintf(boundary, sizeof(boundary), "%016" PRIx64 "%08" PRIx64,
		(uint64_t)(socle_now() * 1e9), ++counter);
	snprintf(type, sizeof(type), "multipart/byteranges; boundary=%s",
		boundary);
	a->type = type;
	a->length = (int64_t)strlen(boundary) + 8; /* the last line */
	for (int i = 0; i < n; i++)
		a->length += parts[i].length +
			part_head(
				text, boundary, part_type, &parts[i], f->size);
	client_take_file(c, f->fd);
	more = client_head(c, a);
	for (int i = 0; i < n && more; i++) {
		int len = part_head(
			text, boundary, part_type, &parts[i], f->size);

		more = client_write(c, text, (size_t)len) &&
			client_send(c, parts[i].from, parts[i].length);
	}
	if (more) {
		int len = snprintf(
			text, sizeof(text), "\r\n--%s--\r\n", boundary);

		client_write(c, text, (size_t)len);
	}
	client_answered(c);
}

/* Of the whole file, or of the ranges that the client asks for. */
static void
answer_ranges(struct client *c, const char *head, const struct file *f,
	struct answer *a)
{
	struct http_range ranges[HTTP_RANGES_MOST], all = {0, f->size};
	char field[RANGE_SIZE];
	int n = http_ranges(
		&c->request, head, a->tag, a->modified, f->size, ranges);

	if (n < 0) {
		close(f->fd);
		snprintf(field, sizeof(field),
			"Content-Range: bytes */%" PRId64 "\r\n", f->size);
		client_answer_status(c, -n, field);
		return;
	}
	a->status = n == 0 ? 200 : 206;
	if (n > 1) {
		answer_parts(c, f, a, ranges, n);
		return;
	}
	if (n == 1) {
		snprintf(field, sizeof(field),
			"Content-Range: bytes %" PRId64 "-%" PRId64 "/%" PRId64
			"\r\n",
			ranges->from, ranges->from + ranges->length - 1,
			f->size);
		a->field = field;
	}
	answer_part(c, f->fd, a, n == 1 ? ranges : &all);
}

/* A file that changes twice within the clock's resolution has one tag. */
static void
answer_file(struct client *c, const char *head, const struct file *f,
	const char *path)
{
	char tag[TAG_SIZE];
	struct answer a = {.type = files_type(path),
		.tag = tag,
		.modified = f->modified.tv_sec};

	snprintf(tag, sizeof(tag), "\"%" PRIx64 ".%lx-%" PRIx64 "\"",
		(uint64_t)f->modified.tv_sec, f->modified.tv_nsec,
		(uint64_t)f->size);
	a.status = http_condition(&c->request, head, tag, a.modified);
	if (a.status == 200) {
		answer_ranges(c, head, f, &a);
		return;
	}
	close(f->fd);
	if (a.status == 412) {
		client_answer_status(c, 412, NULL);
		return;
	}
	a.type = NULL;
	client_answer_text(c, &a, "");
}

/* ---- directories ---- */

/* To the same path and query with a slash between them. */
static void
answer_redirect(struct client *c, const char *target, size_t len)
{
	const char *query = memchr(target, '?', len);
	size_t n = query ? (size_t)(query - target) : len;
	char field[HTTP_LINE_MOST + 32];

	snprintf(field, sizeof(field), "Location: %.*s/%.*s\r\n", (int)n,
		target, (int)(len - n), target + n);
	client_answer_status(c, 301, field);
}

/* The index of a directory whose path ends with a slash, or its listing. */
static void
answer_directory(struct client *c, const char *head, char *path, size_t len)
{
	struct file f;
	int err;

	strcpy(path + len, "index.html");
	err = files_open(path, &f);
	if (err == 0 && !f.is_directory) {
		answer_file(c, head, &f, path);
		return;
	}
	if (err == 0)
		close(f.fd);
	path[len] = '\0';
	if (err == -ENOENT || err == 0) {
		if (len > 0)
			path[len - 1] = '\0';
		err = files_open(path, &f);
	}
	if (err < 0)
		client_answer_status(c, status_of(err), NULL);
	else
		answer_listing(c, f.fd, path);
}

static void
answer_target(struct client *c, const char *head)
{
	const char *target = head + c->request.target.at;
	size_t len = c->request.target.length;
	char path[HTTP_LINE_MOST + sizeof("index.html")];
	int n = http_path(path, target, len), err;
	struct file f;

	if (n < 0) {
		client_answer_status(c, -n, NULL);
	} else if (n == 0 || path[n - 1] == '/') {
		answer_directory(c, head, path, (size_t)n);
	} else if ((err = files_open(path, &f)) < 0) {
		client_answer_status(c, status_of(err), NULL);
	} else if (f.is_directory) {
		close(f.fd);
		answer_redirect(c, target, len);
	} else {
		answer_file(c, head, &f, path);
	}
}

void
answer_request(struct client *c, const char *head)
{
	if (page_answer_part(c, head))
		return;
	if (c->request.method > HTTP_HEAD)
		client_answer_status(c, 405, "Allow: GET, HEAD\r\n");
	else
		answer_target(c, head);
}
