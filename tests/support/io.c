/* io.h describes the functions. */
#include "tests/support/io.h"

#include <netdb.h>
#include <poll.h>
#include <stdio.h>

static struct socle__seam real;
static bool replaced;
static const char *const *served;
static int eai_code, asked_flags, lent;

int
io_teardown(void **state)
{
	int bad;

	if (replaced)
		socle__seam = real;
	replaced = false;
	if (lent != 0)
		print_error("%d looked up and not freed\n", lent);
	bad = lent != 0;
	lent = 0;
	return fixture_teardown(state) | bad;
}

/* ---- peers ---- */

void
io_open(struct socle_io *io, const struct socle_io_params *p)
{
	int err = socle_io_open(io, p);

	if (err != 0)
		fail_msg("%d: %s", err, socle_io_errstr(io));
}

void
io_listening(struct socle_io *io, const char *addr)
{
	io_open(io,
		&(struct socle_io_params){
			.local_addr = addr, .listen = STUFFING});
}

int
io_port(struct socle_io *io)
{
	struct socle_addr a;

	assert_int_equal(0, socle_io_sockname(io, &a));
	return socle_addr_port(&a);
}

void
io_tcp_pair(struct socle_io *a, struct socle_io *b)
{
	struct socle_io l;

	io_listening(&l, "127.0.0.1:0");
	io_open(a,
		&(struct socle_io_params){.peer_addr = io_sockname_text(&l)});
	assert_int_equal(0, socle_io_accept(&l, b, NULL));
	socle_io_close(&l);
}

void
io_udp_pair(struct socle_io *a, struct socle_io *b)
{
	const struct socle_io_params p = {
		.proto = "udp", .local_addr = "127.0.0.1:0"};

	io_open(a, &p);
	io_open(b, &p);
}

const char *
io_refusing(struct socle_io *io)
{
	const char *text;

	io_open(io, &(struct socle_io_params){.local_addr = "127.0.0.1:0"});
	text = io_sockname_text(io);
	if (!SOCLE__IS_LINUX)
		socle_io_close(io);
	return text;
}

bool
io_blocks(struct socle_io *io)
{
	return !(fcntl(socle_io_fd(io), F_GETFL) & O_NONBLOCK);
}

/* Whether a connect to it hangs; *fd is that client, or -1. */
static bool
hangs(const struct socle_addr *a, int *fd)
{
	struct pollfd p = {.events = POLLOUT};

	*fd = p.fd = socket(a->u.sa.sa_family, SOCK_STREAM, 0);
	assert_int_equal(0, fcntl(*fd, F_SETFL, O_NONBLOCK));
	if (connect(*fd, &a->u.sa, a->len) == 0)
		return false;
	if (errno == EAGAIN) {
		close(*fd);
		*fd = -1;
		return true;
	}
	assert_int_equal(EINPROGRESS, errno);
	return poll(&p, 1, 20) == 0;
}

void
io_stuffed(struct socle_io *listener, const char *addr, int *fds)
{
	struct socle_addr a;

	io_open(listener,
		&(struct socle_io_params){.local_addr = addr, .listen = 1});
	assert_int_equal(0, listen(socle_io_fd(listener), 0));
	assert_int_equal(0, socle_io_sockname(listener, &a));
	for (int i = 0; i < STUFFING; i++)
		fds[i] = -1;
	for (int i = 0; i < STUFFING; i++)
		if (hangs(&a, &fds[i]))
			return;
	fail_msg("a backlog of 0 takes %d clients", STUFFING);
}

void
io_close_all(const int *fds)
{
	for (int i = 0; i < STUFFING; i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

const char *
io_text(const struct socle_addr *a)
{
	static char texts[4][SOCLE_ADDR_TEXT_MAX];
	static unsigned turn;
	char *text = texts[turn++ % 4];

	assert_true(socle_addr_format(a, text, sizeof(texts[0])) >= 0);
	return text;
}

const char *
io_sockname_text(struct socle_io *io)
{
	struct socle_addr a;

	assert_int_equal(0, socle_io_sockname(io, &a));
	return io_text(&a);
}

const char *
io_peername_text(struct socle_io *io)
{
	struct socle_addr a;

	assert_int_equal(0, socle_io_peername(io, &a));
	return io_text(&a);
}

int
io_connected(struct socle_io *io)
{
	int r = 0;

	for (int i = 0; i < 500 && r == 0; i++) {
		struct pollfd p = {.fd = socle_io_fd(io), .events = POLLOUT};

		poll(&p, 1, 10);
		r = socle_io_connected(io);
	}
	return r;
}

void
assert_talks(struct socle_io *from, struct socle_io *to)
{
	char buf[8] = "";

	assert_int_equal(6, socle_io_send(from, "hello\n", 6, 0, NULL));
	assert_int_equal(6, socle_io_recv(to, buf, sizeof(buf), 0, NULL));
	assert_string_equal("hello\n", buf);
}

const char *
words(const char *operation, int err)
{
	static char text[256];

	snprintf(text, sizeof(text), "%s: %s", operation, strerror(err));
	return text;
}

const char *
completed(const char *errstr, int err)
{
	size_t n = strlen(errstr);
	char operation[64];

	if (n == 0 || n > sizeof(operation) || errstr[n - 1] != ':')
		return errstr;
	memcpy(operation, errstr, n);
	operation[n - 1] = '\0';
	return words(operation, err);
}

void
assert_no_fd(struct socle_io *io, const char *errstr)
{
	assert_int_equal(-1, socle_io_fd(io));
	assert_string_equal(errstr, socle_io_errstr(io));
}

/* ---- names ---- */

struct found {
	struct addrinfo info; /* first */
	struct socle_addr addr;
};

static struct addrinfo *
found_new(const char *text, int port, const struct addrinfo *hints)
{
	struct found *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	assert_int_equal(0, socle_addr_parse(&f->addr, text, (uint16_t)port));
	f->info.ai_family = f->addr.u.sa.sa_family;
	f->info.ai_socktype = hints->ai_socktype;
	f->info.ai_addr = &f->addr.u.sa;
	f->info.ai_addrlen = f->addr.len;
	return &f->info;
}

static int
fake_getaddrinfo(const char *host, const char *service,
	const struct addrinfo *hints, struct addrinfo **ret)
{
	struct addrinfo **end = ret;

	note("%s|%s%s", host ? host : "NULL", service ? service : "NULL",
		hints->ai_flags & AI_PASSIVE ? "*" : "");
	asked_flags = hints->ai_flags;
	if (eai_code != 0)
		return eai_code;
	if (service && service[strspn(service, "0123456789")] != '\0')
		return EAI_SERVICE;
	for (const char *const *text = served; *text; text++) {
		struct addrinfo *f =
			found_new(*text, service ? atoi(service) : 0, hints);

		if (hints->ai_family && hints->ai_family != f->ai_family) {
			free(f);
			continue;
		}
		lent++;
		*end = f;
		end = &f->ai_next;
	}
	return *ret ? 0 : EAI_NONAME;
}

static void
fake_freeaddrinfo(struct addrinfo *list)
{
	while (list) {
		struct addrinfo *next = list->ai_next;

		free(list);
		lent--;
		list = next;
	}
}

void
io_seam_save(void)
{
	if (!replaced)
		real = socle__seam;
	replaced = true;
}

void
io_names_are(const char *const *addresses)
{
	io_seam_save();
	served = addresses;
	eai_code = 0;
	socle__seam.getaddrinfo = fake_getaddrinfo;
	socle__seam.freeaddrinfo = fake_freeaddrinfo;
}

int
io_names_flags(void)
{
	return asked_flags;
}

void
io_names_fail(int what)
{
	static const char *const nothing[] = {NULL};

	io_names_are(nothing);
	eai_code = what;
}

/* ---- a slow kernel ---- */

static int slow_result, slow_errno;

static int
slow_connect(int fd, const struct sockaddr *a, socklen_t n)
{
	slow_result = connect(fd, a, n) < 0 ? errno : 0;
	errno = slow_errno;
	slow_errno = EINPROGRESS;
	return -1;
}

static int
slow_getsockopt(int fd, int level, int opt, void *value, socklen_t *len)
{
	if (level != SOL_SOCKET || opt != SO_ERROR ||
		slow_result == EINPROGRESS)
		return getsockopt(fd, level, opt, value, len);
	*(int *)value = slow_result;
	slow_result = 0;
	return 0;
}

void
io_connects_are_slow(int first)
{
	io_seam_save();
	slow_errno = first;
	slow_result = 0;
	socle__seam.connect = slow_connect;
	socle__seam.getsockopt = slow_getsockopt;
}
