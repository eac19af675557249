/* httpd.h describes the functions. */
#include "tests/support/httpd.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

/* The root: a new directory, with a secret file next to it. */
static char top[] = "/tmp/test_httpd.XXXXXX";
static char root_option[64];

struct reply reply;

static void
put(const char *name, const char *data, size_t len)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", top, name);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(len, fwrite(data, 1, len, f));
	fclose(f);
}

void
httpd_put(const char *name, const char *text)
{
	put(name, text, strlen(text));
}

static void
put_pattern(const char *name, size_t len)
{
	char *data = malloc(len);

	assert_non_null(data);
	pattern_fill(data, len, 0, 7);
	put(name, data, len);
	free(data);
}

int
httpd_make_root(void **state)
{
	char command[512], name[16];

	(void)state;
	assert_non_null(mkdtemp(top));
	snprintf(root_option, sizeof(root_option), "--root=%s/root", top);
	snprintf(command, sizeof(command),
		"cd %s && mkdir -p root/sub root/home && ln -s /etc root/etc &&"
		" ln -s %s/secret root/secret && ln -s ../secret root/up &&"
		" ln -s a.md root/link && mkfifo root/fifo",
		top, top);
	assert_int_equal(0, system(command));
	httpd_put("secret", "secret");
	httpd_put("root/a.md", "# a\n");
	httpd_put("root/b.svg", "<svg/>");
	httpd_put("root/sub/<x>.txt", "x");
	httpd_put("root/home/index.html", "home");
	for (int i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "root/%d", i);
		httpd_put(name, name + 5);
	}
	put_pattern("root/middle", MIDDLE);
	put_pattern("root/big", BIG);
	return 0;
}

int
httpd_remove_root(void **state)
{
	char command[64];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", top);
	return system(command);
}

int
httpd_start(const char *option)
{
	program_start("httpd", root_option, option);
	return program_client();
}

void
httpd_stop(int fd)
{
	close(fd);
	program_stop();
}

void
send_text(int fd, const char *text)
{
	send_all(fd, text, strlen(text));
}

const char *
field(const char *name)
{
	static char value[512];
	const char *at = strstr(reply.head, name);

	if (!at)
		return NULL;
	snprintf(value, sizeof(value), "%s", at + strlen(name));
	value[strcspn(value, "\r")] = '\0';
	return value;
}

int
receive_head(int fd)
{
	receive(fd, reply.head, sizeof(reply.head), "\r\n\r\n");
	assert_memory_equal("HTTP/1.1 ", reply.head, 9);
	reply.status = atoi(reply.head + 9);
	reply.len = 0;
	reply.body[0] = '\0';
	return reply.status;
}

int
receive_response(int fd)
{
	receive_head(fd);
	assert_non_null(field("Content-Length: "));
	reply.len = (size_t)atoi(field("Content-Length: "));
	assert_true(reply.len < sizeof(reply.body));
	assert_int_equal(
		reply.len, receive(fd, reply.body, reply.len + 1, NULL));
	return reply.status;
}

int
request(int fd, const char *method, const char *path, const char *fields)
{
	char text[4096];

	snprintf(text, sizeof(text), "%s %s HTTP/1.1\r\nHost: a\r\n%s\r\n",
		method, path, fields);
	send_text(fd, text);
	return receive_response(fd);
}

int
get(int fd, const char *path)
{
	return request(fd, "GET", path, "");
}
