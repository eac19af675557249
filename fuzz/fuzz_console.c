/*
 * The console's lines and requests: the answers do not depend on how the bytes
 * arrive, and have only printable characters.
 */
#include "daemon/client.h"
#include "fuzz/fuzz.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ANSWER_MOST = 1 << 20, TICKS = 100 };

/* A client, at its own end of the connection. */
struct asker {
	int fd;
	size_t len;
	char *said;
};

static void
say_words(struct socle_console *c, int argc, char **argv, void *arg)
{
	(void)arg;
	for (int i = 0; i < argc; i++)
		socle_console_print(c, "%s", argv[i]);
	HOLDS(argv[argc] == NULL);
	socle_console_end(c);
}

/* Their answers depend on more than the input. */
static const char *const inconstant[] = {"prof", "slow", "timers", "metrics",
	"proc", "loop", "fd", "socks", "states", "queues", "shutdown",
	"loglevel"};

static void
start(struct asker *a)
{
	struct socle_socket *s;
	int fds[2];

	socle_reset();
	for (size_t i = 0; i < sizeof(inconstant) / sizeof(inconstant[0]); i++)
		HOLDS(socle_console_command(
			      inconstant[i], NULL, say_words, NULL) == 0);
	HOLDS(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
	HOLDS(socle_socket_new(&socle__console_class, fds[0], &s) == 0);
	socle_watch_read(s, true);
	socle__console_class.event_accepted(s, NULL);
	*a = (struct asker){.fd = fds[1], .said = malloc(ANSWER_MOST)};
	HOLDS(a->said != NULL);
}

/* Runs ticks until nothing more is said. */
static void
listen_to(struct asker *a)
{
	for (int quiet = 0; quiet < 4; quiet++) {
		ssize_t n;

		(void)socle_event_loop_once(0);
		n = recv(a->fd, a->said + a->len, ANSWER_MOST - a->len,
			MSG_DONTWAIT);
		if (n > 0) {
			a->len += (size_t)n;
			quiet = 0;
		}
	}
}

static void
feed(struct asker *a, const char *data, size_t n)
{
	ssize_t sent = send(a->fd, data, n, MSG_DONTWAIT | MSG_NOSIGNAL);

	(void)sent; /* it may have closed the connection */
	listen_to(a);
}

/* Lines without an answer take a tick each. */
static void
end(struct asker *a, size_t lines)
{
	size_t n = 0;

	while (lines-- > 0)
		(void)socle_event_loop_once(0);
	listen_to(a);
	close(a->fd);
	for (size_t i = 0; i < a->len; i++) {
		unsigned char c = (unsigned char)a->said[i];

		HOLDS(c == '\r' || c == '\n' || (c >= ' ' && c < 127) ||
			a->said[0] == 'H');
		if (!isdigit(c))
			a->said[n++] = a->said[i];
	}
	if (n > 4 && memcmp(a->said, "HTTP", 4) == 0)
		n = 4; /* the numbers of the loop follow */
	a->len = n;
}

static void
run(struct asker *a, const char *data, size_t size, size_t at, size_t lines)
{
	start(a);
	if (at == 0) {
		for (size_t i = 0; i < size; i++)
			feed(a, data + i, 1);
	} else {
		feed(a, data, at);
		feed(a, data + at, size - at);
	}
	end(a, lines);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_copy(data, size);
	struct asker whole, split;
	size_t lines = 1;

	for (size_t i = 0; i < size; i++)
		lines += text[i] == '\n';
	run(&whole, text, size, size, lines);
	for (size_t at = 0; at < size; at = fuzz_next_split(at, size)) {
		run(&split, text, size, at, lines);
		HOLDS(whole.len == split.len);
		HOLDS(memcmp(whole.said, split.said, whole.len) == 0);
		free(split.said);
	}
	free(whole.said);
	socle_reset();
	free(text);
	return 0;
}
