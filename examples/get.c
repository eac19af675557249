/*
 * get [--timeout=SECONDS] HOST PORT /PATH: fetches a page over HTTP/1.0 and
 * writes its body to standard output.
 *
 * The timeout (10 seconds) limits name resolution and connecting together, and
 * then each wait for data.  The exit status is 0 for a complete response with
 * status 2xx; otherwise it is 1, and a message gives the reason.
 */
#include <socle/socle.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct page {
	struct socle_socket sock; /* the base, first */
	int code;       /* HTTP status; 0 until the head is complete */
	long long left; /* of the body; -1: until end of stream */
	size_t len;
	char head[32 * 1024];
};

static double timeout = 10;
static int status = 1;

/* ---- finishing ---- */

static void
page_finish(struct page *p, const char *error)
{
	if (error)
		fprintf(stderr, "get: %s\n", error);
	else
		status = 0;
	socle_close(&p->sock, error);
	socle_stop();
}

static void
page_end(struct page *p)
{
	if (fflush(stdout) != 0 || ferror(stdout))
		page_finish(p, "cannot write to standard output");
	else if (p->code == 0)
		page_finish(p, p->len ? "no answer in HTTP" : "no answer");
	else if (p->left > 0)
		page_finish(p, "the answer ended early");
	else if (p->code / 100 != 2)
		page_finish(p, strtok(p->head, "\r\n"));
	else
		page_finish(p, NULL);
}

/* ---- the response ---- */

static void
page_body(struct page *p, const char *data, size_t n)
{
	if (p->left >= 0 && (unsigned long long)p->left < n)
		n = (size_t)p->left;
	fwrite(data, 1, n, stdout);
	if (p->left >= 0)
		p->left -= (long long)n;
	if (p->left == 0)
		page_end(p);
}

static long long
body_length(const char *head)
{
	while ((head = strchr(head, '\n')))
		if (strncasecmp(++head, "Content-Length:", 15) == 0)
			return strtoll(head + 15, NULL, 10);
	return -1;
}

/* What follows the first empty line; NULL: there is none yet. */
static char *
head_end(char *head)
{
	while ((head = strchr(head, '\n'))) {
		head++;
		if (*head == '\n' || strncmp(head, "\r\n", 2) == 0)
			return strchr(head, '\n') + 1;
	}
	return NULL;
}

static void
page_head(struct page *p)
{
	char *body = head_end(p->head);

	if (!body && p->len + 1 == sizeof(p->head))
		page_end(p);
	if (!body)
		return;
	body[-1] = '\0';
	if (sscanf(p->head, "HTTP/%*d.%*d %3d", &p->code) != 1 ||
		p->code < 100) {
		p->code = 0;
		page_end(p);
		return;
	}
	p->left = body_length(p->head);
	page_body(p, body, (size_t)(p->head + p->len - body));
}

static void
page_event_read(struct socle_socket *self)
{
	struct page *p = socle_container_of(self, struct page, sock);
	char buf[16384];
	bool in_body = p->code != 0;
	ssize_t n = in_body ? socle_read(self, buf, sizeof(buf))
			    : socle_read(self, p->head + p->len,
				      sizeof(p->head) - 1 - p->len);

	if (n == 0) {
		page_end(p);
	} else if (n > 0 && in_body) {
		page_body(p, buf, (size_t)n);
	} else if (n > 0) {
		p->len += (size_t)n;
		page_head(p);
	} else if (n != -EAGAIN) {
		page_finish(p, strerror((int)-n));
	}
}

/* ---- the connection ---- */

static const struct socle_class page_class;

/* The first call means that the connection is established. */
static void
page_event_write(struct socle_socket *self)
{
	socle_set_idle_timeout(self, timeout);
	socle_super_event_write(&page_class, self);
}

static void
page_event_err(struct socle_socket *self, int err)
{
	page_finish(socle_container_of(self, struct page, sock),
		err == -EADDRNOTAVAIL    ? "no such host"
			: err == -EINVAL ? "no such service"
					 : strerror(-err));
}

static void
page_event_hup(struct socle_socket *self)
{
	page_end(socle_container_of(self, struct page, sock));
}

static void
page_event_timeout(struct socle_socket *self, int which)
{
	(void)which;
	page_event_err(self, -ETIMEDOUT);
}

static const struct socle_class page_class = {
	.name = "Page",
	.super = &socle_socket_class,
	.size = sizeof(struct page),
	.event_read = page_event_read,
	.event_write = page_event_write,
	.event_err = page_event_err,
	.event_hup = page_event_hup,
	.event_timeout = page_event_timeout,
};

/* Data written before the connection is established is queued. */
static int
fetch(const char *address, const char *path)
{
	const char *parts[] = {"GET ", path, " HTTP/1.0\r\nHost: ", address,
		"\r\nConnection: close\r\n\r\n"};
	struct socle_socket *s;
	int err = socle_connect(address, &page_class, timeout, &s);

	for (size_t i = 0; err >= 0 && i < 5; i++)
		err = socle_write(s, parts[i], strlen(parts[i]));
	if (err < 0)
		return err;
	socle_watch_read(s, true);
	return socle_event_loop();
}

int
main(int argc, char **argv)
{
	char address[300];
	int err, n;

	if (argc == 5 && strncmp(argv[1], "--timeout=", 10) == 0) {
		timeout = strtod(argv[1] + 10, NULL);
		argv++;
		argc--;
	}
	if (argc != 4 || argv[3][0] != '/' || !(timeout > 0) ||
		argv[3][strcspn(argv[3], " \r\n")]) {
		fputs("get [--timeout=SECONDS] HOST PORT /PATH\n", stderr);
		return 1;
	}
	n = snprintf(address, sizeof(address),
		strchr(argv[1], ':') ? "[%s]:%s" : "%s:%s", argv[1], argv[2]);
	err = n < (int)sizeof(address) ? fetch(address, argv[3])
				       : -ENAMETOOLONG;
	if (err < 0)
		fprintf(stderr, "get: %s: %s\n", address, strerror(-err));
	socle_reset();
	return err < 0 ? 1 : status;
}
