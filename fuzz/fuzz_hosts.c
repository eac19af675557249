/*
 * dnsd's hosts files: what the file says is found, and an error names a line
 * that is there.
 */
#include "fuzz/fuzz.h"

#include "examples/dnsd/hosts.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* The blanks of a line, and its end. */
static const char blanks[] = " \t\r\f\v";

static bool
has_record(
	const struct host *host, uint16_t type, const void *data, size_t size)
{
	const struct record *r = host ? host->records : NULL;

	while (r &&
		(r->type != type || r->size != size ||
			memcmp(r->data, data, size) != 0))
		r = r->next;
	return r != NULL;
}

static void
name_is_there(const struct hosts *h, const struct name *zone, const char *word,
	const uint8_t *address, size_t size)
{
	struct name n, reverse;

	HOLDS(name_parse(&n, word, strlen(word)));
	HOLDS(n.bytes[n.len - 1] == 0);
	if (!strchr(word, '.') && strcasecmp(word, "localhost") != 0)
		HOLDS(name_append(&n, zone));
	if (name_find_zone(&n, zone) >= 0)
		HOLDS(has_record(hosts_find(h, &n),
			size == 4 ? TYPE_A : TYPE_AAAA, address, size));
	else
		HOLDS(!hosts_find(h, &n) || strstr(word, "arpa") ||
			strstr(word, "ARPA"));
	name_reverse(&reverse, address, size);
	HOLDS(hosts_find(h, &reverse));
}

static void
line_is_there(const struct hosts *h, const struct name *zone, char *line)
{
	uint8_t address[16];
	char *rest, *word;
	size_t size;

	line[strcspn(line, "#")] = '\0';
	word = strtok_r(line, blanks, &rest);
	if (!word)
		return;
	size = strchr(word, ':') ? 16 : 4;
	HOLDS(inet_pton(size == 4 ? AF_INET : AF_INET6, word, address) == 1);
	while ((word = strtok_r(NULL, blanks, &rest)))
		name_is_there(h, zone, word, address, size);
}

static unsigned
lines_of(const char *text, size_t size)
{
	unsigned n = 1;

	for (size_t i = 0; i + 1 < size; i++)
		n += text[i] == '\n';
	return n;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_copy(data, size), *lines, *rest, *line;
	struct hosts_error error;
	struct name zone;
	struct hosts *h;

	HOLDS(name_parse(&zone, "example.test", 12));
	h = hosts_parse(text, size, &zone, &error);
	if (h) {
		HOLDS(hosts_find(h, &zone));
		lines = fuzz_text(data, size);
		for (line = strtok_r(lines, "\n", &rest); line;
			line = strtok_r(NULL, "\n", &rest))
			line_is_there(h, &zone, line);
		free(lines);
	} else {
		HOLDS(error.what && error.line >= 1);
		HOLDS(error.line <= lines_of(text, size));
	}
	hosts_free(h);
	free(text);
	return 0;
}
