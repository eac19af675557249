/* dnsd.h describes the functions. */
#include "tests/support/dnsd.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>

enum { HEADER = 12, OPT = 41, PATIENCE_MS = 30 * 1000, NAME_TEXT = 256 };

struct dns_message query, answer;

/* ---- the server ---- */

static char folder[32], hosts_path[64];

static void
hosts_write(const char *hosts)
{
	int fd = open(hosts_path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	send_all(fd, hosts, strlen(hosts));
	close(fd);
}

void
dnsd_start(const char *where, const char *hosts)
{
	char listen[64], option[80];

	strcpy(folder, "/tmp/test_dnsd.XXXXXX");
	assert_non_null(mkdtemp(folder));
	snprintf(hosts_path, sizeof(hosts_path), "%s/hosts", folder);
	snprintf(listen, sizeof(listen), "--listen=%s", where);
	snprintf(option, sizeof(option), "--hosts=%s", hosts_path);
	hosts_write(hosts);
	program_start_with("dnsd",
		(const char *const[]){
			listen, "--zone=example.test", option, NULL});
}

/* It is a FIFO, which can be opened when the server opens it. */
void
dnsd_reload(const char *hosts)
{
	assert_int_equal(0, unlink(hosts_path));
	assert_int_equal(0, mkfifo(hosts_path, 0600));
	program_signal(SIGHUP);
	hosts_write(hosts);
}

int
dnsd_teardown(void **state)
{
	unlink(hosts_path);
	rmdir(folder);
	return program_teardown(state);
}

/* ---- queries ---- */

void
query_put(const void *data, size_t size)
{
	assert_true(query.size + size <= sizeof(query.bytes));
	memcpy(query.bytes + query.size, data, size);
	query.size += size;
}

void
query_set(size_t at, int value)
{
	query.bytes[at] = (uint8_t)(value >> 8);
	query.bytes[at + 1] = (uint8_t)value;
}

static void
query_put_16(int value)
{
	query_set((query.size += 2) - 2, value);
}

void
query_make(const char *name, int type)
{
	static const uint8_t header[HEADER] = {0x12, 0x34, [5] = 1};

	query.size = 0;
	query_put(header, sizeof(header));
	while (*name) {
		uint8_t len = (uint8_t)strcspn(name, ".");

		query_put(&len, 1);
		query_put(name, len);
		name += len + (name[len] == '.');
	}
	query_put("", 1);
	query_put_16(type);
	query_put_16(1);
}

void
query_edns(int payload, int version, bool dnssec)
{
	query.bytes[AT_ADDITIONAL + 1]++;
	query_put("", 1);
	query_put_16(OPT);
	query_put_16(payload);
	query_put_16(version);
	query_put_16(dnssec ? 0x8000 : 0);
	query_put_16(0);
}

/* ---- answers ---- */

static size_t at;
static char text[1 << 20];

static unsigned
next(size_t n)
{
	unsigned value = 0;

	assert_true(at + n <= answer.size);
	while (n-- > 0)
		value = value << 8 | answer.bytes[at++];
	return value;
}

__attribute__((format(printf, 1, 2))) static void
say(const char *format, ...)
{
	size_t len = strlen(text);
	va_list list;

	va_start(list, format);
	vsnprintf(text + len, sizeof(text) - len, format, list);
	va_end(list);
}

/* Pointers point to earlier places, so that this ends. */
static const char *
next_name(void)
{
	static char name[NAME_TEXT];
	size_t len = 0, after = 0, label;

	while ((label = next(1)) > 0) {
		if (label >= 0xc0) {
			size_t to = (label & 0x3f) << 8 | next(1);

			assert_true(to < at - 2);
			after = after ? after : at;
			at = to;
			continue;
		}
		assert_in_range(label, 1, 63);
		assert_true(len + label + 1 < sizeof(name));
		assert_true(at + label <= answer.size);
		memcpy(name + len, answer.bytes + at, label);
		name[len += label] = '.';
		len++;
		at += label;
	}
	name[len > 0 ? len - 1 : 0] = '\0';
	at = after ? after : at;
	return name;
}

static void
say_data(unsigned type, unsigned size)
{
	char ip[INET6_ADDRSTRLEN];
	size_t end = at + size;

	assert_true(end <= answer.size);
	if (type == A || type == AAAA) {
		assert_int_equal(type == A ? 4 : 16, size);
		say(" %s",
			inet_ntop(type == A ? AF_INET : AF_INET6,
				answer.bytes + at, ip, sizeof(ip)));
		at = end;
	} else if (type == TXT || type == HINFO) {
		while (at < end) {
			unsigned len = next(1);

			say(" \"%.*s\"", (int)len, answer.bytes + at);
			at += len;
		}
	} else {
		say(" %s", next_name());
		if (type == SOA) {
			(void)next_name();
			at += 20;
		}
	}
	assert_int_equal(end, at);
}

static const char *
type_name(unsigned type)
{
	static const char *const names[AAAA + 1] = {[A] = "A",
		[NS] = "NS",
		[SOA] = "SOA",
		[PTR] = "PTR",
		[HINFO] = "HINFO",
		[TXT] = "TXT",
		[AAAA] = "AAAA"};

	assert_true(type <= AAAA && names[type]);
	return names[type];
}

static void
say_records(unsigned n, const char *section)
{
	while (n-- > 0) {
		unsigned type;

		say("%s %s", section, next_name());
		type = next(2);
		say(" %s", type_name(type));
		(void)next(6);
		say_data(type, next(2));
	}
}

/* The question is that of the query, byte for byte. */
static void
skip_question(void)
{
	size_t start = at;

	(void)next_name();
	(void)next(4);
	assert_true(at <= query.size);
	assert_memory_equal(
		query.bytes + start, answer.bytes + start, at - start);
}

static void
say_head(unsigned flags, bool opt)
{
	static const char *const rcodes[] = {"NOERROR", "FORMERR", "SERVFAIL",
		"NXDOMAIN", "NOTIMP", "REFUSED", [16] = "BADVERS"};
	const uint8_t *record = answer.bytes + answer.size - 11;
	unsigned rcode = (flags & 15u) + (opt ? record[5] * 16u : 0u);

	assert_true(flags & 0x8000);
	assert_int_equal((query.bytes[2] & 0x79), (answer.bytes[2] & 0x79));
	assert_true(rcode <= 16 && rcodes[rcode]);
	say("%s%s%s", rcodes[rcode], flags & 0x400 ? " aa" : "",
		flags & 0x200 ? " tc" : "");
	if (opt)
		say(" opt=%d%s", record[3] << 8 | record[4],
			record[7] & 0x80 ? " do" : "");
	say(":");
}

const char *
answer_text(void)
{
	unsigned flags, questions, answers, authority, additional;

	at = 0;
	text[0] = '\0';
	assert_int_equal(query.bytes[0] << 8 | query.bytes[1], next(2));
	flags = next(2);
	questions = next(2);
	answers = next(2);
	authority = next(2);
	additional = next(2);
	assert_true(questions <= 1 && additional <= 1);
	say_head(flags, additional == 1);
	if (questions == 1)
		skip_question();
	say_records(answers, "");
	say_records(authority, " -");
	assert_int_equal(answer.size, at + 11 * additional);
	return text;
}

/* ---- the clients ---- */

int
udp_client(const char *ip)
{
	struct socle_addr to;
	int fd;

	assert_int_equal(
		0, socle_addr_parse(&to, ip, (uint16_t)program_port()));
	fd = socket(to.u.sa.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	assert_int_equal(0, connect(fd, &to.u.sa, to.len));
	return fd;
}

const char *
udp_answer(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	ssize_t n;

	assert_int_equal(query.size, send(fd, query.bytes, query.size, 0));
	assert_int_equal(1, poll(&p, 1, PATIENCE_MS));
	n = recv(fd, answer.bytes, sizeof(answer.bytes), 0);
	assert_true(n >= 0);
	answer.size = (size_t)n;
	return answer_text();
}

const char *
ask(const char *name, int type)
{
	int fd = udp_client("127.0.0.1");

	query_make(name, type);
	(void)udp_answer(fd);
	close(fd);
	return text;
}

void
tcp_send(int fd)
{
	uint8_t size[2] = {(uint8_t)(query.size >> 8), (uint8_t)query.size};

	send_all(fd, size, 2);
	send_all(fd, query.bytes, query.size);
}

/* receive() wants a place for its NUL. */
const char *
tcp_receive(int fd)
{
	static char room[sizeof(answer.bytes) + 1];

	assert_int_equal(2, receive(fd, room, 3, NULL));
	answer.size = (size_t)((uint8_t)room[0] << 8 | (uint8_t)room[1]);
	assert_int_equal(answer.size, receive(fd, room, answer.size + 1, NULL));
	memcpy(answer.bytes, room, answer.size);
	return answer_text();
}
