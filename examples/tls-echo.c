/* tls-echo [--port=N] [--idle=SECONDS] CERT [KEY]: docs/tls.md explains it. */
#include <socle/socle.h>

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

enum { RECORD = 16 * 1024 };

struct tls_echo {
	struct socle_socket sock; /* the base, first */
	SSL *ssl;
	bool blocked;        /* SSL_write() has to be called again */
	bool leaving, waits; /* to say goodbye; for room to say it */
};

static SSL_CTX *context;
static double idle = 60; /* seconds */

/* What a call of OpenSSL that returned `r' <= 0 means to socle. */
static int
tls_result(struct socle_socket *self, SSL *ssl, int r)
{
	int error = SSL_get_error(ssl, r);
	const char *peer = socle_peer_addr_string(self);
	const char *why = ERR_reason_error_string(ERR_peek_error());

	if (error == SSL_ERROR_WANT_READ)
		return SOCLE_WANT_READ;
	if (error == SSL_ERROR_WANT_WRITE)
		return SOCLE_WANT_WRITE;
	if (error == SSL_ERROR_ZERO_RETURN) /* the client said goodbye */
		return 0;
	fprintf(stderr, "tls-echo: %s: %s\n", peer ? peer : "a client",
		why ? why : "connection lost");
	return error == SSL_ERROR_SSL ? -EPROTO : -ECONNRESET;
}

/* The first calls do the handshake. */
static ssize_t
tls_read(struct socle_socket *self, void *data, size_t len, void *ssl)
{
	struct tls_echo *e = socle_container_of(self, struct tls_echo, sock);

	if (e->blocked) /* it could have to write, too: new keys */
		return SOCLE_WANT_WRITE;
	ERR_clear_error(); /* old errors of this thread */
	int r = SSL_read(ssl, data, (int)len);
	return r > 0 ? r : tls_result(self, ssl, r);
}

static ssize_t
tls_write(struct socle_socket *self, const void *data, size_t len, void *ssl)
{
	struct tls_echo *e = socle_container_of(self, struct tls_echo, sock);

	ERR_clear_error();
	ssize_t r = SSL_write(ssl, data, len < RECORD ? (int)len : RECORD);
	if (r <= 0)
		r = tls_result(self, ssl, (int)r);
	e->blocked = r == SOCLE_WANT_WRITE;
	return r;
}

/* Called once everything was written, and again when there is room. */
static void
tls_goodbye(struct socle_socket *self, void *arg)
{
	struct tls_echo *e = arg;
	int r;

	ERR_clear_error();
	r = SSL_is_init_finished(e->ssl) ? SSL_shutdown(e->ssl) : 0;
	e->waits = r < 0 && tls_result(self, e->ssl, r) == SOCLE_WANT_WRITE;
	socle_watch_write(self, e->waits);
	if (!e->waits)
		socle_close_after_flush(self, "goodbye");
}

/* Sends what is queued and the goodbye; the second time there is no waiting. */
static void
tls_leave(struct socle_socket *self, void *arg)
{
	struct tls_echo *e = socle_container_of(self, struct tls_echo, sock);

	(void)arg;
	if (e->leaving || socle_write_func(self, tls_goodbye, NULL, e) < 0)
		socle_close(self, "no goodbye");
	e->leaving = true;
	socle_watch_read(self, false);
}

static void
tls_event_accepted(struct socle_socket *self, struct socle_factory *by)
{
	struct tls_echo *e = socle_container_of(self, struct tls_echo, sock);

	(void)by;
	e->ssl = SSL_new(context);
	if (!e->ssl || SSL_set_fd(e->ssl, socle_fd(self)) != 1 ||
		socle_set_reader_func(self, tls_read, e->ssl) < 0 ||
		socle_set_writer_func(self, tls_write, e->ssl) < 0 ||
		socle_set_idle_timeout(self, idle) < 0)
		socle_close(self, "no memory");
	else
		SSL_set_accept_state(e->ssl);
}

static void
tls_event_read(struct socle_socket *self)
{
	char buf[RECORD];
	ssize_t n = socle_read(self, buf, sizeof(buf));

	if (n > 0)
		socle_write(self, buf, (size_t)n);
	else if (n == 0)
		tls_leave(self, NULL);
	else if (n != -EAGAIN) /* an alert from OpenSSL shall arrive */
		socle_close_after_flush(self, "TLS error");
}

static void
tls_event_write(struct socle_socket *self)
{
	struct tls_echo *e = socle_container_of(self, struct tls_echo, sock);

	if (socle_write_kick(self) == 1 && e->waits)
		tls_goodbye(self, e);
}

static void
tls_event_timeout(struct socle_socket *self, int which)
{
	(void)which;
	tls_leave(self, NULL);
}

static void
tls_destroy(struct socle_socket *self)
{
	SSL_free(socle_container_of(self, struct tls_echo, sock)->ssl);
}

static const struct socle_class tls_class = {
	.name = "TlsEcho",
	.super = &socle_socket_class,
	.size = sizeof(struct tls_echo),
	.event_accepted = tls_event_accepted,
	.event_read = tls_event_read,
	.event_write = tls_event_write,
	.event_timeout = tls_event_timeout,
	.destroy = tls_destroy,
};

static void
stop(int signo, void *listener)
{
	(void)signo;
	socle_factory_each(listener, tls_leave, NULL);
	socle_stop();
}

int
main(int argc, char **argv)
{
	struct socle_factory *listener = NULL;
	struct socle_addr addr;
	char where[64];
	int i, port = 7011, err = -EINVAL;

	for (i = 1; i < argc && argv[i][0] == '-'; i++)
		if (sscanf(argv[i], "--port=%d", &port) != 1)
			sscanf(argv[i], "--idle=%lf", &idle);
	snprintf(where, sizeof(where), "127.0.0.1:%d", port);
	context = SSL_CTX_new(TLS_server_method());
	if (context && i < argc &&
		SSL_CTX_use_certificate_chain_file(context, argv[i]) &&
		SSL_CTX_use_PrivateKey_file(
			context, argv[argc - 1], SSL_FILETYPE_PEM))
		err = socle_listen(where, &tls_class, &listener);
	if (err == 0 && socle_factory_getsockname(listener, &addr) == 0) {
		printf("listening on 127.0.0.1:%d\n", socle_addr_port(&addr));
		fflush(stdout);
		SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE);
		SSL_CTX_set_mode(context, SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
		socle_signal(SIGTERM, stop, listener);
		err = socle_event_loop();
	}
	if (err < 0) {
		fprintf(stderr, "tls-echo: %s\n", strerror(-err));
		ERR_print_errors_fp(stderr);
	}
	socle_reset();
	SSL_CTX_free(context);
	return err < 0;
}
