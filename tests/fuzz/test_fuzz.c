/*
 * The fuzz targets without a fuzzer: their seed corpora, split at every byte,
 * and random mutations of these.  SEED selects the mutations.
 */
#include "fuzz/fuzz.h"

#include "tests/support/fixture.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

enum { FILES = 128, SIZE_MOST = 20000, MUTATIONS = 4000, CHANGES_MOST = 4 };

struct input {
	size_t size;
	uint8_t data[SIZE_MOST];
};

static struct input corpus[FILES], input;
static size_t corpus_len;
static uint64_t state_of_random;

typedef int target_fn(const uint8_t *data, size_t size);
target_fn fuzz_activation, fuzz_addr, fuzz_sockaddr, fuzz_hostport, fuzz_io,
	fuzz_http, fuzz_http_values, fuzz_chat, fuzz_get, fuzz_line,
	fuzz_ddlockd, fuzz_memcached, fuzz_console, fuzz_dns, fuzz_hosts,
	fuzz_proxy_header, fuzz_replay;

noreturn void
fuzz_failed(const char *file, int line, const char *what)
{
	print_error("the input, of %zu bytes:", input.size);
	for (size_t i = 0; i < input.size; i++)
		print_error("%s%02x", i % 32 ? " " : "\n", input.data[i]);
	print_error("\n%s:%d: this does not hold: %s\n", file, line, what);
	fail();
	abort();
}

/* ---- the corpus ---- */

static void
corpus_add(const char *folder, const char *name)
{
	struct input *in = &corpus[corpus_len++];
	char path[512];
	FILE *f;

	assert_true(corpus_len < FILES);
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	f = fopen(path, "rb");
	assert_non_null(f);
	in->size = fread(in->data, 1, SIZE_MOST, f);
	fclose(f);
	assert_true(in->size < SIZE_MOST);
}

static void
corpus_read(const char *target)
{
	char folder[64];
	struct dirent **names;
	int n;

	snprintf(folder, sizeof(folder), "fuzz/corpus/%s", target);
	n = scandir(folder, &names, NULL, alphasort);
	assert_true(n > 0);
	corpus_len = 0;
	for (int i = 0; i < n; i++) {
		if (names[i]->d_name[0] != '.')
			corpus_add(folder, names[i]->d_name);
		free(names[i]);
	}
	free(names);
	assert_true(corpus_len > 0);
}

/* ---- mutations ---- */

/* Below n; splitmix64. */
static size_t
random_below(size_t n)
{
	uint64_t x = state_of_random += 0x9e3779b97f4a7c15u;

	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
	return (size_t)((x ^ (x >> 31)) % n);
}

static void
bytes_remove(size_t at, size_t n)
{
	memmove(input.data + at, input.data + at + n, input.size - at - n);
	input.size -= n;
}

static void
bytes_insert(size_t at, const uint8_t *data, size_t n)
{
	if (input.size + n > SIZE_MOST)
		return;
	memmove(input.data + at + n, input.data + at, input.size - at);
	memcpy(input.data + at, data, n);
	input.size += n;
}

/* A piece of another input of the corpus, or a byte with a meaning. */
static void
insert_something(size_t at)
{
	static const uint8_t bytes[] =
		"\0\n\r \t:/@%[]()\\.*0123456789\x7f\xff";
	const struct input *other = &corpus[random_below(corpus_len)];
	size_t from = random_below(other->size + 1);
	size_t n = random_below(other->size - from + 1);

	if (random_below(2))
		bytes_insert(at, other->data + from, n);
	else
		bytes_insert(at, &bytes[random_below(sizeof(bytes))], 1);
}

static void
mutate(void)
{
	input = corpus[random_below(corpus_len)];
	for (size_t n = 1 + random_below(CHANGES_MOST); n > 0; n--) {
		size_t at = random_below(input.size + 1);

		switch (random_below(4)) {
		case 0:
			insert_something(at);
			break;
		case 1:
			bytes_remove(at, random_below(input.size - at + 1));
			break;
		case 2:
			if (at < input.size)
				input.data[at] = (uint8_t)random_below(256);
			break;
		default:
			if (at < input.size)
				input.data[at] ^=
					(uint8_t)(1 << random_below(8));
		}
	}
}

/* ---- the tests ---- */

static void
holds_on_the_corpus(const char *name, target_fn *target)
{
	corpus_read(name);
	fuzz_every_split = true;
	for (size_t i = 0; i < corpus_len; i++) {
		input = corpus[i];
		assert_int_equal(0, target(input.data, input.size));
	}
}

static void
holds_on_mutations(const char *name, target_fn *target)
{
	const char *seed = getenv("SEED");
	int n = scaled(MUTATIONS, 100) * (getenv("SOCLE_TEST_LONG") ? 100 : 1);

	corpus_read(name);
	fuzz_every_split = false;
	state_of_random = seed ? strtoull(seed, NULL, 0) : 1;
	while (n-- > 0) {
		mutate();
		assert_int_equal(0, target(input.data, input.size));
	}
}

#define HOLDS_FOR(target)                                                      \
	static void target##_holds_on_its_corpus(void **state)                 \
	{                                                                      \
		(void)state;                                                   \
		holds_on_the_corpus(#target, target);                          \
	}                                                                      \
	static void target##_holds_on_mutations(void **state)                  \
	{                                                                      \
		(void)state;                                                   \
		holds_on_mutations(#target, target);                           \
	}
#define TESTS_OF(target)                                                       \
	test(target##_holds_on_its_corpus), test(target##_holds_on_mutations)

HOLDS_FOR(fuzz_activation)
HOLDS_FOR(fuzz_addr)
HOLDS_FOR(fuzz_sockaddr)
HOLDS_FOR(fuzz_hostport)
HOLDS_FOR(fuzz_io)
HOLDS_FOR(fuzz_http)
HOLDS_FOR(fuzz_http_values)
HOLDS_FOR(fuzz_chat)
HOLDS_FOR(fuzz_get)
HOLDS_FOR(fuzz_line)
HOLDS_FOR(fuzz_ddlockd)
HOLDS_FOR(fuzz_memcached)
HOLDS_FOR(fuzz_console)
HOLDS_FOR(fuzz_dns)
HOLDS_FOR(fuzz_hosts)
HOLDS_FOR(fuzz_proxy_header)
HOLDS_FOR(fuzz_replay)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TESTS_OF(fuzz_activation),
		TESTS_OF(fuzz_addr),
		TESTS_OF(fuzz_sockaddr),
		TESTS_OF(fuzz_hostport),
		TESTS_OF(fuzz_io),
		TESTS_OF(fuzz_http),
		TESTS_OF(fuzz_http_values),
		TESTS_OF(fuzz_chat),
		TESTS_OF(fuzz_get),
		TESTS_OF(fuzz_line),
		TESTS_OF(fuzz_ddlockd),
		TESTS_OF(fuzz_memcached),
		TESTS_OF(fuzz_console),
		TESTS_OF(fuzz_dns),
		TESTS_OF(fuzz_hosts),
		TESTS_OF(fuzz_proxy_header),
		TESTS_OF(fuzz_replay),
	};
	return run_tests(tests);
}
