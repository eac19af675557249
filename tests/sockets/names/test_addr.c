/*
 * Addresses: every text is parsed and formatted exactly, or rejected as a
 * whole.
 *
 * SOCLE_TEST_SCALE multiplies the volume of the random tests.
 */
#include "sockets/names/addr_string.h"

#include "tests/support/cm.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
enum { PATH_AT = offsetof(struct sockaddr_un, sun_path) };
enum { PATH_ROOM = sizeof(((struct sockaddr_un *)0)->sun_path) };
#ifdef __linux__
#define ON_LINUX(yes, no) yes
#else
#define ON_LINUX(yes, no) no
#endif

static uint64_t seed = 20;

static uint64_t
draw(uint64_t below)
{
	uint64_t z = seed += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return (z ^ (z >> 31)) % below;
}

static size_t
scaled(size_t n)
{
	const char *scale = getenv("SOCLE_TEST_SCALE");

	return (size_t)((double)n * (scale == NULL ? 1 : strtod(scale, NULL)));
}

static void
parses(struct socle_addr *ret, const char *text)
{
	int err = socle_addr_parse(ret, text, 0);

	if (err != 0)
		fail_msg("\"%s\": %s", text, strerror(-err));
}

static void
refuses(const char *text, int err)
{
	struct socle_addr a, before;
	int got;

	memset(&a, 0x5a, sizeof(a));
	before = a;
	got = socle_addr_parse(&a, text, 80);
	if (got != err)
		fail_msg("\"%s\": %d, not %d", text, got, err);
	assert_memory_equal(&a, &before, sizeof(a));
}

static void
same(const struct socle_addr *a, const struct socle_addr *b)
{
	assert_int_equal(a->len, b->len);
	assert_memory_equal(&a->u, &b->u, a->len);
}

static void
is_parsed_back(const struct socle_addr *a)
{
	char text[SOCLE_ADDR_TEXT_MAX];
	struct socle_addr again;
	int n = socle_addr_format(a, text, sizeof(text));

	assert_in_range(n, 1, sizeof(text) - 1);
	assert_int_equal(strlen(text), n);
	parses(&again, text);
	same(&again, a);
}

static struct socle_addr
local(const char *path, size_t n)
{
	struct socle_addr a;

	memset(&a, 0, sizeof(a));
	a.u.sa.sa_family = AF_UNIX;
	if (n > 0)
		memcpy(a.u.room + PATH_AT, path, n);
	a.len = (socklen_t)(PATH_AT + n);
	return a;
}

static const struct good {
	const char *text;
	int family, port;
	const char *host, *again; /* again: the formatted text, if different */
} goods[] = {
	{"1.2.3.4:80", AF_INET, 80, "1.2.3.4", NULL},
	{"0.0.0.0:0", AF_INET, 0, "0.0.0.0", NULL},
	{"255.255.255.255:65535", AF_INET, 65535, "255.255.255.255", NULL},
	{"1.2.3.4", AF_INET, 7, "1.2.3.4", "1.2.3.4:7"},
	{"*:80", AF_INET, 80, "0.0.0.0", "0.0.0.0:80"},
	{"*", AF_INET, 7, "0.0.0.0", "0.0.0.0:7"},
	{"[::1]:80", AF_INET6, 80, "::1", NULL},
	{"[::]:0", AF_INET6, 0, "::", NULL},
	{"[::1]", AF_INET6, 7, "::1", "[::1]:7"},
	{"::1", AF_INET6, 7, "::1", "[::1]:7"},
	{"::", AF_INET6, 7, "::", "[::]:7"},
	{"1::", AF_INET6, 7, "1::", "[1::]:7"},
	{"fe80::1:80", AF_INET6, 7, "fe80::1:80", "[fe80::1:80]:7"},
	{"[ABCD::0]:1", AF_INET6, 1, "abcd::", "[abcd::]:1"},
	{"[::ffff:1.2.3.4]:1", AF_INET6, 1, "::ffff:1.2.3.4", NULL},
	{"[0000:0000:0000:0000:0000:ffff:255.255.255.255]:1", AF_INET6, 1,
		"::ffff:255.255.255.255", "[::ffff:255.255.255.255]:1"},
	{"[fe80::1%2]:80", AF_INET6, 80, "fe80::1%2", NULL},
	{"[fe80::1%4294967295]:80", AF_INET6, 80, "fe80::1%4294967295", NULL},
	{"fe80::1%2", AF_INET6, 7, "fe80::1%2", "[fe80::1%2]:7"},
	{"[fe80::1%0]:80", AF_INET6, 80, "fe80::1", "[fe80::1]:80"},
	{"unix:/run/x.sock", AF_UNIX, -EAFNOSUPPORT, "/run/x.sock", NULL},
	{"/run/x.sock", AF_UNIX, -EAFNOSUPPORT, "/run/x.sock",
		"unix:/run/x.sock"},
	{"unix:x:80", AF_UNIX, -EAFNOSUPPORT, "x:80", NULL},
	{"unix:unix:", AF_UNIX, -EAFNOSUPPORT, "unix:", NULL},
	{"unix:./@x", AF_UNIX, -EAFNOSUPPORT, "./@x", NULL},
	{"/a\\x\n \xc3\xa9", AF_UNIX, -EAFNOSUPPORT, "/a\\x\n \xc3\xa9",
		"unix:/a\\x\n \xc3\xa9"},
#ifdef __linux__
	{"unix:@name", AF_UNIX, -EAFNOSUPPORT, "@name", NULL},
	{"@name", AF_UNIX, -EAFNOSUPPORT, "@name", "unix:@name"},
	{"@@/ :", AF_UNIX, -EAFNOSUPPORT, "@@/ :", "unix:@@/ :"},
	{"@\\x00\\x80\\xfF\\x0a\\\\\\x41\t", AF_UNIX, -EAFNOSUPPORT,
		"@\\x00\\x80\\xff\\x0a\\\\A\\x09",
		"unix:@\\x00\\x80\\xff\\x0a\\\\A\\x09"},
#endif
};

static void
every_text_is_parsed_and_formatted_back(void **state)
{
	char text[SOCLE_ADDR_TEXT_MAX];
	struct socle_addr a;

	(void)state;
	for (size_t i = 0; i < COUNT(goods); i++) {
		const struct good *g = &goods[i];

		if (socle_addr_parse(&a, g->text, 7) != 0)
			fail_msg("\"%s\"", g->text);
		assert_int_equal(a.u.sa.sa_family, g->family);
		assert_int_equal(socle_addr_port(&a), g->port);
		assert_int_equal(socle_addr_host(&a, text, sizeof(text)),
			strlen(g->host));
		assert_string_equal(text, g->host);
		(void)socle_addr_format(&a, text, sizeof(text));
		assert_string_equal(text, g->again ? g->again : g->text);
		is_parsed_back(&a);
	}
}

static void
a_bad_text_is_refused_and_changes_nothing(void **state)
{
	static const char *const bad[] = {NULL, "", ":", ":80",
		"1.2.3.4:", "1.2.3.4:65536", "1.2.3.4:99999999999999999999",
		"1.2.3.4:-1", "1.2.3.4:+1", "1.2.3.4: 1", "1.2.3.4:1 ",
		"1.2.3.4:0x1", "1.2.3.4:01", "1.2.3.4:http", "1.2.3.4:80:80",
		"1.2.3", "1", "01.2.3.4", "0x1.2.3.4", "1.2.3.256", "1.2.3.4.5",
		" 1.2.3.4", "1.2.3.4 ", "1.2.3.4\n", "localhost:80", "**:80",
		"[*]:80", "[1.2.3.4]:80", "[]", "[]:80", "[", "]", "[::1",
		"::1]:80", "[::1]:", "[::1]80", "[::1]]:80", "[[::1]]:80",
		"[::1]:80:", "[::1] :80", "[::1]:65536", "[::1%]:80",
		"[::1%lo]:80", "[::1%01]:80", "[::1%4294967296]:80", "[::1%-1]",
		"[::1%18446744073709551617]:80", "::1%", "::1%2%3",
		"[::1%2%3]:80", ":::", "1:2:3:4:5:6:7:8:9",
		"12345::", "1::2::3", "::1.2.3", "unix:", "UNIX:/x", "unix",
		"x/y", "1111:1111:1111:1111:1111:1111:111.111.111.1111",
		"[0000:0000:0000:0000:0000:0000:255.255.255.255%4294967295"
		"0000000000000000000000000]:80"};

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++)
		refuses(bad[i], -EINVAL);
	assert_int_equal(socle_addr_parse(NULL, "1.2.3.4:80", 0), -EINVAL);
}

static void
a_bad_name_is_refused(void **state)
{
	static const char *const bad[] = {"@", "unix:@", "@\\", "@\\x", "@\\x1",
		"@\\x1g", "@\\xg1", "@\\n", "@a\\X41", "@\\x 1", "@\\x+1"};

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++)
		refuses(bad[i], ON_LINUX(-EINVAL, -EAFNOSUPPORT));
}

/* IO::Socket truncates a path and binds the result. */
static void
a_path_that_is_too_long_is_refused_and_not_truncated(void **state)
{
	char text[256] = "unix:/";
	struct socle_addr a;

	(void)state;
	memset(text + 6, 'p', sizeof(text) - 7);
	for (size_t n = 1; n < sizeof(text) - 5; n++) {
		text[5 + n] = '\0';
		if (n > PATH_ROOM) {
			refuses(text, -ENAMETOOLONG);
		} else {
			parses(&a, text);
			assert_int_equal(
				a.len, PATH_AT + n + (n < PATH_ROOM ? 1 : 0));
			is_parsed_back(&a);
		}
		text[5 + n] = 'p';
	}
}

static void
a_name_has_its_exact_length(void **state)
{
	char text[512] = "@";
	struct socle_addr a;

	(void)state;
	for (size_t n = 1; n < 120 && ON_LINUX(1, 0); n++) {
		(void)strcat(text, n % 2 ? "\\x00" : "n");
		if (n + 1 > PATH_ROOM) {
			refuses(text, -ENAMETOOLONG);
			continue;
		}
		parses(&a, text);
		assert_int_equal(a.len, PATH_AT + 1 + n);
		is_parsed_back(&a);
	}
}

static void
bound(const struct socle_addr *to, struct socle_addr *ret)
{
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	assert_int_not_equal(fd, -1);
	assert_int_equal(bind(fd, &to->u.sa, to->len), 0);
	memset(ret, 0x5a, sizeof(*ret));
	ret->len = sizeof(ret->u);
	assert_int_equal(getsockname(fd, &ret->u.sa, &ret->len), 0);
	assert_int_equal(close(fd), 0);
}

/*
 * Linux counts a NUL that is not there: it returns 111 bytes for a full
 * sun_path.
 */
static void
a_path_that_fills_sun_path_is_bound_completely(void **state)
{
	char dir[] = "/tmp/socle-addr-XXXXXX";
	char path[PATH_ROOM + 1], text[SOCLE_ADDR_TEXT_MAX];
	struct socle_addr a, kernels;

	(void)state;
	assert_non_null(mkdtemp(dir));
	memset(path, 'p', PATH_ROOM);
	memcpy(path, dir, strlen(dir));
	path[strlen(dir)] = '/';
	for (size_t n = PATH_ROOM; n >= PATH_ROOM - 1; n--) {
		path[n] = '\0';
		parses(&a, path);
		bound(&a, &kernels);
		assert_int_equal(unlink(path), 0);
		assert_int_equal(
			socle_addr_host(&kernels, text, sizeof(text)), n);
		assert_string_equal(text, path);
		(void)socle_addr_format(&kernels, text, sizeof(text));
		parses(&kernels, text);
		same(&kernels, &a);
	}
	assert_int_equal(rmdir(dir), 0);
}

#ifdef __linux__
static void
names_reported_by_the_kernel_keep_their_exact_length(void **state)
{
	struct socle_addr a, kernels;
	char text[64];

	(void)state;
	(void)snprintf(text, sizeof(text), "@socle-%08x\\x00\\xff\\\\",
		(unsigned)getpid());
	parses(&a, text);
	bound(&a, &kernels);
	assert_int_equal(kernels.len, PATH_AT + 1 + 17);
	same(&kernels, &a);
	a = local(NULL, 0); /* the kernel chooses a name of five bytes */
	bound(&a, &kernels);
	assert_int_equal(kernels.len, PATH_AT + 1 + 5);
	is_parsed_back(&kernels);
}
#endif

static const struct {
	const char *text, *ip, *with_port;
} strings[] = {
	{"127.0.0.1:80", "127.0.0.1", "127.0.0.1:80"},
	{"[::1]:80", "::1", "[::1]:80"},
	{"[fe80::1%2]:80", "fe80::1%2", "[fe80::1%2]:80"},
	{"[::ffff:1.2.3.4]:80", "::ffff:1.2.3.4", "[::ffff:1.2.3.4]:80"},
	{"/run/\xc3\xa9\\", "/run/\xc3\xa9\\", "/run/\xc3\xa9\\"},
	{"/\x1b[2J\n\x7f", "/\\x1b[2J\\x0a\\x7f", "/\\x1b[2J\\x0a\\x7f"},
#ifdef __linux__
	{"@name", "@name", "@name"},
	{"@\\x00\\x1b", "@\\x00\\x1b", "@\\x00\\x1b"},
#endif
};

static void
address_strings_match_danga_socket(void **state)
{
	struct socle_addr a, unnamed = local(NULL, 0);
	char s[SOCLE_ADDR_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < COUNT(strings); i++) {
		parses(&a, strings[i].text);
		assert_int_equal(socle__addr_string(&a, false, s, sizeof(s)),
			strlen(strings[i].ip));
		assert_string_equal(s, strings[i].ip);
		(void)socle__addr_string(&a, true, s, sizeof(s));
		assert_string_equal(s, strings[i].with_port);
	}
	assert_int_equal(socle__addr_string(&unnamed, true, s, sizeof(s)), 4);
	assert_string_equal(s, "unix");
	assert_int_equal(socle__addr_string(&unnamed, false, s, 0), 4);
}

static void
an_address_that_cannot_be_parsed_back_is_still_formatted(void **state)
{
	struct socle_addr a = local(NULL, 0);
	char s[SOCLE_ADDR_TEXT_MAX];

	(void)state;
	assert_int_equal(socle_addr_format(&a, s, sizeof(s)), 5);
	assert_string_equal(s, "unix:");
	assert_int_equal(socle_addr_host(&a, s, sizeof(s)), 0);
	assert_string_equal(s, "");
	a = local("", 1);
	(void)socle_addr_format(&a, s, sizeof(s));
	assert_string_equal(s, ON_LINUX("unix:@", "unix:"));
	/* a path, which must not be read as an abstract name */
	a = local("@x", 3);
	(void)socle_addr_format(&a, s, sizeof(s));
	assert_string_equal(s, "unix:./@x");
	(void)socle_addr_host(&a, s, sizeof(s));
	assert_string_equal(s, "./@x");
}

static void
is_no_address(const struct socle_addr *a, int err)
{
	char s[8] = "before";

	assert_int_equal(socle_addr_format(a, s, sizeof(s)), err);
	assert_int_equal(socle_addr_host(a, s, sizeof(s)), err);
	assert_int_equal(socle__addr_string(a, true, s, sizeof(s)), err);
	assert_int_equal(socle_addr_port(a), err);
	assert_string_equal(s, "before");
}

/* Some systems round the length of an address up. */
static void
an_address_may_be_as_long_as_its_room(void **state)
{
	struct socle_addr a = {.len = sizeof(a.u),
		.u.in = {.sin_family = AF_INET, .sin_port = htons(80)}};
	char text[SOCLE_ADDR_TEXT_MAX];

	(void)state;
	assert_int_equal(socle_addr_port(&a), 80);
	assert_true(socle_addr_format(&a, text, sizeof(text)) > 0);
	assert_string_equal(text, "0.0.0.0:80");
}

static void
an_address_with_a_bad_family_or_length_has_no_text(void **state)
{
	static const int families[] = {AF_INET, AF_INET6};
	static const socklen_t needs[] = {
		sizeof(struct sockaddr_in), sizeof(struct sockaddr_in6)};
	struct socle_addr a = local("/x", 3);

	(void)state;
	is_no_address(NULL, -EINVAL);
	assert_int_equal(socle_addr_format(&a, NULL, 1), -EINVAL);
	a.len = sizeof(a.u) + 1;
	is_no_address(&a, -EINVAL);
	a.len = PATH_AT - 1;
	is_no_address(&a, -EINVAL);
	memset(a.u.room + PATH_AT, 'p', sizeof(a.u) - PATH_AT);
	a.len = PATH_AT + PATH_ROOM + 1;
	is_no_address(&a, -EINVAL);
	for (size_t i = 0; i < COUNT(families); i++) {
		a.u.sa.sa_family = (sa_family_t)families[i];
		for (a.len = 0; a.len < needs[i]; a.len++)
			is_no_address(&a, -EINVAL);
		assert_true(socle_addr_format(&a, NULL, 0) > 0);
	}
	a.u.sa.sa_family = AF_UNSPEC;
	is_no_address(&a, -EAFNOSUPPORT);
}

static void
a_text_is_truncated_at_any_size_like_snprintf(void **state)
{
	char whole[SOCLE_ADDR_TEXT_MAX], cut[SOCLE_ADDR_TEXT_MAX + 1];
	struct socle_addr a;

	(void)state;
	for (size_t i = 0; i < COUNT(goods); i++) {
		parses(&a, goods[i].text);
		int n = socle_addr_format(&a, whole, sizeof(whole));

		assert_int_equal(socle_addr_format(&a, NULL, 0), n);
		for (size_t size = 1; size < sizeof(whole); size++) {
			size_t kept = size <= (size_t)n ? size - 1 : (size_t)n;

			memset(cut, '~', sizeof(cut));
			assert_int_equal(socle_addr_format(&a, cut, size), n);
			assert_memory_equal(cut, whole, kept);
			assert_int_equal(cut[kept], '\0');
			assert_int_equal(cut[size], '~');
		}
	}
}

static struct socle_addr
random_local(void)
{
	bool name = ON_LINUX(draw(2) == 0, false);
	size_t n = 1 + (size_t)draw(PATH_ROOM - name);
	char path[PATH_ROOM + 2] = "";

	for (size_t i = 0; i < n; i++)
		path[name + i] = (char)(name ? draw(256) : 1 + draw(255));
	if (!name && path[0] == '@')
		path[0] = '/';
	return local(path, name + n + (!name && n < PATH_ROOM));
}

static struct socle_addr
random_ip(void)
{
	struct socle_addr a;
	uint64_t mask = draw(1 << 16);

	memset(&a, 0, sizeof(a));
	if (draw(2) == 0) {
		a.len = sizeof(a.u.in);
		a.u.in.sin_family = AF_INET;
		a.u.in.sin_port = (in_port_t)draw(1 << 16);
		a.u.in.sin_addr.s_addr = (in_addr_t)draw(UINT64_C(1) << 32);
		return a;
	}
	a.len = sizeof(a.u.in6);
	a.u.in6.sin6_family = AF_INET6;
	a.u.in6.sin6_port = (in_port_t)draw(1 << 16);
	a.u.in6.sin6_scope_id = (uint32_t)(draw(2) * draw(UINT32_MAX));
	for (size_t i = 0; i < 16; i++) /* runs of zeros, for "::" */
		if (mask & (1U << i))
			a.u.in6.sin6_addr.s6_addr[i] = (uint8_t)draw(256);
	return a;
}

static void
any_address_can_be_parsed_back_from_its_text(void **state)
{
	struct socle_addr a;

	(void)state;
	for (size_t i = scaled(50000); i > 0; i--) {
		a = draw(2) ? random_ip() : random_local();
#ifdef SIN6_LEN
		a.u.sa.sa_len = (uint8_t)a.len;
#endif
		is_parsed_back(&a);
	}
}

/* Changes, doubles or removes up to three bytes of a valid text. */
static void
mutate(char *text, size_t size)
{
	static const char bytes[] = "[]:%.@/\\x0123456789abcdef* unix";
	size_t n;

	(void)snprintf(text, size, "%s", goods[draw(COUNT(goods))].text);
	for (uint64_t times = draw(4); times > 0; times--) {
		char *at = text + draw((n = strlen(text)) + 1);

		if (draw(3) == 0 && *at != '\0')
			memmove(at, at + 1, strlen(at));
		else if (draw(2) && n + 1 < size)
			memmove(at + 1, at, strlen(at) + 1);
		else if (*at != '\0')
			*at = bytes[draw(sizeof(bytes) - 1)];
	}
}

static void
any_text_is_parsed_completely_or_refused(void **state)
{
	char text[128], host[128], service[128];
	struct socle_addr a, before;

	(void)state;
	memset(&before, 0x5a, sizeof(before));
	for (size_t i = scaled(200000); i > 0; i--) {
		mutate(text, sizeof(text));
		a = before;
		if (socle_addr_parse(&a, text, 7) == 0)
			is_parsed_back(&a);
		else
			assert_memory_equal(&a, &before, sizeof(a));
		assert_int_equal(0,
			socle_split_hostport(text, host, sizeof(host), service,
				sizeof(service)));
	}
}

/*
 * getaddrinfo also accepts "1", "1.2" and octal: it accepts more, never less.
 */
static void
numeric_addresses_agree_with_getaddrinfo(void **state)
{
	struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
				.ai_socktype = SOCK_STREAM},
			*info;
	char text[SOCLE_ADDR_TEXT_MAX], host[64], service[8];
	struct socle_addr a, again;

	(void)state;
	for (size_t i = scaled(20000); i > 0; i--) {
		mutate(text, sizeof(text));
		if (socle_addr_parse(&a, text, 7) != 0 ||
			a.u.sa.sa_family == AF_UNIX || text[0] == '*')
			continue;
		assert_int_equal(0,
			socle_split_hostport(text, host, sizeof(host), service,
				sizeof(service)));
		if (getaddrinfo(host, *service ? service : "7", &hints, &info))
			fail_msg("\"%s\"", text);
		memset(&again, 0, sizeof(again));
		again.len = info->ai_addrlen;
		memcpy(&again.u, info->ai_addr, info->ai_addrlen);
		freeaddrinfo(info);
		same(&a, &again);
	}
}

/*
 * The cases of IO::Socket::IP's t/10args.t, and further ones that its patterns
 * imply.
 */
static const struct {
	const char *text, *host, *service;
} splits[] = {
	{"[::1]:80", "::1", "80"},
	{"[::1]:http", "::1", "http"},
	{"[::1]", "::1", ""},
	{"[::1]:", "::1", ""},
	{"127.0.0.1:80", "127.0.0.1", "80"},
	{"127.0.0.1:http", "127.0.0.1", "http"},
	{"127.0.0.1", "127.0.0.1", ""},
	{"127.0.0.1:", "127.0.0.1", ""},
	{"localhost:80", "localhost", "80"},
	{"localhost:http", "localhost", "http"},
	{"localhost", "localhost", ""},
	{"localhost:", "localhost", ""},
	{"localhost:zyxxyblarg(80)", "localhost", "zyxxyblarg(80)"},
	{"[::1]:zyxxyblarg(80)", "::1", "zyxxyblarg(80)"},
	{"", "", ""},
	{":", "", ""},
	{":80", "", "80"},
	{"::1", "::1", ""},
	{"::", "::", ""},
	{"::1:80", "::1:80", ""},
	{"a:b:c", "a:b:c", ""},
	{"[::1]:80:", "[::1]:80:", ""},
	{"[::1]x", "[::1]x", ""},
	{"[::1", "[::1", ""},
	{"[name]:80", "[name]", "80"},
	{"[name]", "[name]", ""},
	{"[]:80", "[]", "80"},
	{"[1.2.3.4]:80", "[1.2.3.4]", "80"},
	{"a b:80", "a b:80", ""},
	{"a:8\n", "a:8\n", ""},
	{"[::1]:8 0", "[::1]:8 0", ""},
	{"[::ffff:1.2.3.4]:80", "::ffff:1.2.3.4", "80"},
	{"[fe80::1%eth0]:80", "fe80::1%eth0", "80"},
	{"[fe80::1%]:80", "[fe80::1%]:80", ""},
	{"[fe80::1%a b]:80", "[fe80::1%a b]:80", ""},
	{"/run/x.sock", "/run/x.sock", ""},
};

static void
host_and_service_are_split_as_perl_does(void **state)
{
	char host[32], service[32];

	(void)state;
	for (size_t i = 0; i < COUNT(splits); i++) {
		assert_int_equal(0,
			socle_split_hostport(splits[i].text, host, sizeof(host),
				service, sizeof(service)));
		assert_string_equal(host, splits[i].host);
		assert_string_equal(service, splits[i].service);
	}
	assert_int_equal(
		socle_split_hostport(NULL, host, 1, service, 1), -EINVAL);
	assert_int_equal(
		socle_split_hostport("", NULL, 1, service, 1), -EINVAL);
	assert_int_equal(socle_split_hostport("", host, 1, NULL, 1), -EINVAL);
}

static void
a_split_writes_no_byte_beyond_its_parts(void **state)
{
	char host[64], service[64];

	(void)state;
	for (size_t i = 0; i < COUNT(splits); i++) {
		memset(host, 'x', sizeof(host));
		memset(service, 'x', sizeof(service));
		assert_int_equal(0,
			socle_split_hostport(
				splits[i].text, host, 32, service, 32));
		assert_int_equal('x', host[strlen(splits[i].host) + 1]);
		assert_int_equal('x', service[strlen(splits[i].service) + 1]);
	}
}

static void
a_part_too_long_for_its_buffer_is_refused_and_not_truncated(void **state)
{
	char host[32], service[32];

	(void)state;
	for (size_t i = 0; i < COUNT(splits); i++) {
		size_t h = strlen(splits[i].host) + 1;
		size_t s = strlen(splits[i].service) + 1;

		(void)snprintf(host, sizeof(host), "before");
		(void)snprintf(service, sizeof(service), "before");
		for (size_t n = 0; n < h; n++)
			assert_int_equal(-ENAMETOOLONG,
				socle_split_hostport(
					splits[i].text, host, n, service, s));
		for (size_t n = 0; n < s; n++)
			assert_int_equal(-ENAMETOOLONG,
				socle_split_hostport(
					splits[i].text, host, h, service, n));
		assert_string_equal(host, "before");
		assert_string_equal(service, "before");
		assert_int_equal(0,
			socle_split_hostport(
				splits[i].text, host, h, service, s));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_text_is_parsed_and_formatted_back),
		cmocka_unit_test(a_bad_text_is_refused_and_changes_nothing),
		cmocka_unit_test(a_bad_name_is_refused),
		cmocka_unit_test(
			a_path_that_is_too_long_is_refused_and_not_truncated),
		cmocka_unit_test(a_name_has_its_exact_length),
		cmocka_unit_test(
			a_path_that_fills_sun_path_is_bound_completely),
#ifdef __linux__
		cmocka_unit_test(
			names_reported_by_the_kernel_keep_their_exact_length),
#endif
		cmocka_unit_test(address_strings_match_danga_socket),
		cmocka_unit_test(
			an_address_that_cannot_be_parsed_back_is_still_formatted),
		cmocka_unit_test(an_address_may_be_as_long_as_its_room),
		cmocka_unit_test(
			an_address_with_a_bad_family_or_length_has_no_text),
		cmocka_unit_test(a_text_is_truncated_at_any_size_like_snprintf),
		cmocka_unit_test(any_address_can_be_parsed_back_from_its_text),
		cmocka_unit_test(any_text_is_parsed_completely_or_refused),
		cmocka_unit_test(numeric_addresses_agree_with_getaddrinfo),
		cmocka_unit_test(host_and_service_are_split_as_perl_does),
		cmocka_unit_test(a_split_writes_no_byte_beyond_its_parts),
		cmocka_unit_test(
			a_part_too_long_for_its_buffer_is_refused_and_not_truncated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
