/* The TLS example, and a client that asks for new keys while it does not read. */
/* backends: all */
#include "tests/support/certificate.h"
#include "tests/support/program.h"

#include <fcntl.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

enum { RECORD = 16 << 10, MOST = 64 << 20, PATIENCE_MS = 30 * 1000 };

static char folder[] = "/tmp/socle-keys-XXXXXX";
static char pem[64]; /* "" if there is none */
static char sent[RECORD], received[RECORD];
static SSL_CTX *context;
static SSL *client;

static int
teardown(void **state)
{
	int fd = client ? SSL_get_fd(client) : -1;

	SSL_free(client);
	client = NULL;
	if (fd >= 0)
		close(fd);
	return program_teardown(state);
}

static void
client_connect(void)
{
	int fd = program_client();

	client = SSL_new(context);
	assert_int_equal(1, SSL_set_fd(client, fd));
	assert_int_equal(1, SSL_connect(client));
	fcntl(fd, F_SETFL, O_NONBLOCK);
}

static bool
is_ready(short events, int ms)
{
	struct pollfd p = {.fd = SSL_get_fd(client), .events = events};

	return poll(&p, 1, ms) == 1;
}

/*
 * Asks for new keys after each record, until the server takes nothing more: it
 * cannot send, and so does not read.  Returns the bytes sent.
 */
static size_t
write_with_new_keys_until_blocked(void)
{
	size_t n = 0;

	while (n < MOST && is_ready(POLLOUT, 500)) {
		int r = SSL_write(client, sent, RECORD);

		if (r > 0) {
			n += (size_t)r;
			assert_int_equal(1,
				SSL_key_update(
					client, SSL_KEY_UPDATE_REQUESTED));
		} else {
			assert_int_equal(
				SSL_ERROR_WANT_WRITE, SSL_get_error(client, r));
		}
	}
	return n;
}

/* The last record may be on its way still: SSL_read() sends no part of it. */
static void
assert_receives(size_t expected)
{
	size_t n = 0;

	while (n < expected) {
		int r = SSL_read(client, received, RECORD);

		if (r > 0) {
			assert_memory_equal(sent, received, (size_t)r);
			n += (size_t)r;
			continue;
		}
		assert_int_equal(SSL_ERROR_WANT_READ, SSL_get_error(client, r));
		assert_true(is_ready(POLLIN, PATIENCE_MS));
	}
}

static void
a_request_for_new_keys_waits_while_the_server_cannot_send(void **state)
{
	size_t n;

	(void)state;
	if (!pem[0])
		skip_because("openssl cannot make a certificate");
	program_start("tls-echo", "--idle=60", pem);
	client_connect();
	n = write_with_new_keys_until_blocked();
	assert_in_range(n, 1, MOST - 1);
	assert_receives(n);
	program_stop();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_request_for_new_keys_waits_while_the_server_cannot_send,
			fixture_setup, teardown),
	};
	int failed;

	if (!mkdtemp(folder))
		return 1;
	memset(sent, 'x', sizeof(sent));
	if (certificate_make(folder))
		snprintf(pem, sizeof(pem), "%s/pem", folder);
	context = SSL_CTX_new(TLS_client_method());
	failed = run_tests(tests);
	SSL_CTX_free(context);
	setenv("FOLDER", folder, 1);
	if (system("rm -r $FOLDER") != 0)
		failed++;
	return failed;
}
