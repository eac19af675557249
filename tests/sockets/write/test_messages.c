/* Sockets that keep the bounds of messages: each write is one message. */
/* backends: all */
#include "tests/support/making.h"
#include "tests/support/queueing.h"

#include <sys/socket.h>
#include <sys/un.h>

#ifndef SO_SNDBUFFORCE
#define SO_SNDBUFFORCE SO_SNDBUF
#endif

static char letter_r[] = "r", letter_v[] = "v";

static void
open_messages(int type)
{
	int fds[2];

	assert_int_equal(0, socketpair(AF_UNIX, type, 0, fds));
	for (int i = 0; i < 2; i++)
		assert_int_equal(0, fcntl(fds[i], F_SETFL, O_NONBLOCK));
	object = probe_new(fds[0], NULL);
	peer = fds[1];
}

static void
fill(void)
{
	while (socle_write(&object->sock, "fill", 4) == 1)
		;
	assert_int_equal(4, socle_write_buf_size(&object->sock));
	notes_clear();
}

/* The messages that the peer can read now, without the ones of fill(). */
static void
note_messages(void)
{
	char buf[8192];
	ssize_t n;

	while ((n = recv(peer, buf, sizeof(buf), 0)) >= 0) {
		if (n == 4 && memcmp(buf, "fill", 4) == 0)
			continue;
		if (n > 16)
			note("<%zd>", n);
		else
			note("<%.*s>", (int)n, buf);
	}
}

static void
receive_all(void)
{
	for (int i = 0; i < 50; i++) {
		note_messages();
		turn(1);
	}
}

static const int types[] = {SOCK_SEQPACKET, SOCK_DGRAM};

static void
queued_writes_stay_messages(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		char big[5000];

		memset(big, 'b', sizeof(big));
		open_messages(types[i]);
		fill();
		assert_int_equal(0, socle_write(&object->sock, "one", 3));
		assert_int_equal(0, socle_write(&object->sock, "two", 3));
		assert_int_equal(
			0, socle_write(&object->sock, big, sizeof(big)));
		assert_int_equal(0, socle_write(&object->sock, "three", 5));
		notes_clear();
		receive_all();
		assert_non_null(strstr(notes(), "<one> <two> <5000> <three>"));
		assert_int_equal(0, socle_write_buf_size(&object->sock));
		socle_close(&object->sock, NULL);
		turn(1);
		notes_clear();
		close(peer);
	}
}

static void
held_back_writes_stay_messages(void **state)
{
	(void)state;
	open_messages(SOCK_SEQPACKET);
	socle_set_autoflush(&object->sock, false);
	assert_int_equal(0, socle_write(&object->sock, "one", 3));
	assert_int_equal(0,
		socle_write_ref(&object->sock, "two", 3, release_it, letter_r));
	assert_int_equal(0, socle_write(&object->sock, "three", 5));
	turn(1);
	notes_clear();
	note_messages();
	assert_notes("<one> <two> <three>");
	close(peer);
}

static void
a_vector_is_one_message(void **state)
{
	struct iovec iov[1500];

	(void)state;
	for (int i = 0; i < 1500; i++)
		iov[i] = (struct iovec){.iov_base = letter_v, .iov_len = 1};
	open_messages(SOCK_SEQPACKET);
	assert_int_equal(1, socle_writev(&object->sock, iov, 3));
	assert_int_equal(1, socle_writev(&object->sock, iov, 1500));
	notes_clear();
	note_messages();
	assert_notes("<vvv> <1500>");
	close(peer);
}

static void
a_message_that_is_too_long_is_refused_whole(void **state)
{
	static char huge[8 << 20];
	static struct iovec iov[1100];

	(void)state;
	open_messages(SOCK_SEQPACKET);
	assert_int_equal(
		-EMSGSIZE, socle_write(&object->sock, huge, sizeof(huge)));
	for (int n = 0; n < 1100; n++)
		iov[n] = (struct iovec){.iov_base = huge, .iov_len = 4096};
	assert_int_equal(-EMSGSIZE, socle_writev(&object->sock, iov, 1000));
	assert_int_equal(-EMSGSIZE, socle_writev(&object->sock, iov, 1100));
	assert_int_equal(1, socle_write(&object->sock, "ok", 2));
	note_messages();
	assert_notes("<ok>");
	close(peer);
}

static void
without_memory_a_message_of_many_pieces_is_refused_whole(void **state)
{
	static struct iovec iov[1500];

	(void)state;
	for (int i = 0; i < 1500; i++)
		iov[i] = (struct iovec){.iov_base = letter_v, .iov_len = 1};
	open_messages(SOCK_SEQPACKET);
	seam_fail(CALL_malloc, 1, ENOMEM, 1);
	assert_int_equal(-ENOMEM, socle_writev(&object->sock, iov, 1500));
	assert_false(socle_closed(&object->sock));
	assert_int_equal(0, socle_write_buf_size(&object->sock));
	assert_int_equal(1, socle_writev(&object->sock, iov, 1500));
	note_messages();
	assert_notes("<1500>");
	close(peer);
}

static void
a_message_longer_than_a_flush_sends_is_not_split(void **state)
{
	static char huge[3 << 20];
	static char got[3 << 20];
	int size = 4 << 20;

	(void)state;
	open_messages(SOCK_SEQPACKET);
	(void)setsockopt(socle_fd(&object->sock), SOL_SOCKET, SO_SNDBUFFORCE,
		&size, sizeof(size));
	if (send(socle_fd(&object->sock), huge, sizeof(huge), 0) < 0) {
		close(peer);
		skip_because("the kernel takes no message of 3 MiB here");
	}
	assert_int_equal(sizeof(huge), recv(peer, got, sizeof(got), 0));
	socle_set_autoflush(&object->sock, false);
	assert_int_equal(0, socle_write(&object->sock, huge, sizeof(huge)));
	turn(2);
	assert_int_equal(sizeof(huge), recv(peer, got, sizeof(got), 0));
	close(peer);
}

static void
a_short_count_breaks_the_socket(void **state)
{
	(void)state;
	open_messages(SOCK_SEQPACKET);
	seam_short(CALL_send, 1, 1);
	assert_int_equal(-EIO, socle_write(&object->sock, "message", 7));
	assert_notes("close(write_error)");
	close(peer);
}

static void
an_empty_datagram_is_no_end(void **state)
{
	(void)state;
	open_messages(SOCK_DGRAM);
	object->read_size = 10;
	socle_watch_read(&object->sock, true);
	assert_int_equal(0, send(peer, "", 0, 0));
	assert_int_equal(1, send(peer, "x", 1, 0));
	turn(2);
	assert_string_equal("x", object->got);
	assert_int_equal(SOCLE_READ, socle_watching(&object->sock));
	notes_clear();
	close(peer);
}

static void
a_file_is_refused(void **state)
{
	(void)state;
	open_messages(SOCK_SEQPACKET);
	assert_int_equal(-EINVAL,
		socle_sendfile(&object->sock,
			&(struct socle_sendfile){
				.file = "/dev/null", .length = 1}));
	close(peer);
}

/* ---- accepted ones ---- */

static void
fill_accepted(struct socle_factory *f)
{
	(void)f;
	object = probe_of(recorded.object);
}

static void
an_accepted_socket_has_messages_too(void **state)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	struct socle_factory *f;

	(void)state;
	f = make((struct socle_factory_params){.socket_domain = AF_UNIX,
		.socket_type = SOCK_SEQPACKET,
		.bind_address = in_dir("s"),
		.accept_class = &probe_class,
		.unlink_on_close = true});
	recorded.on_accepted = fill_accepted;
	turn(1);
	peer = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	assert_int_equal(0, fcntl(peer, F_SETFL, O_NONBLOCK));
	strcpy(to.sun_path, in_dir("s"));
	assert_int_equal(0, connect(peer, (struct sockaddr *)&to, sizeof(to)));
	turn_until_count(&recorded.accepts, 1);
	fill();
	assert_int_equal(0, socle_write(&object->sock, "one", 3));
	assert_int_equal(0, socle_write(&object->sock, "two", 3));
	notes_clear();
	receive_all();
	assert_non_null(strstr(notes(), "<one> <two>"));
	close(peer);
	socle_factory_free(f);
	turn(1);
	notes_clear();
}

static void
the_end_of_a_seqpacket_socket_is_an_end(void **state)
{
	char c;

	(void)state;
	open_messages(SOCK_SEQPACKET);
	socle_watch_read(&object->sock, true);
	close(peer);
	assert_int_equal(0, socle_read(&object->sock, &c, 1));
	assert_int_equal(0, socle_watching(&object->sock) & SOCLE_READ);
	notes_clear();
}

static void
an_empty_piece_of_a_message_is_nothing(void **state)
{
	static struct iovec iov[1500];

	(void)state;
	for (int i = 0; i < 1500; i++)
		iov[i] = (struct iovec){
			.iov_base = letter_v, .iov_len = i % 2 == 0};
	open_messages(SOCK_SEQPACKET);
	assert_int_equal(1, socle_writev(&object->sock, iov, 1500));
	note_messages();
	assert_notes("<750>");
	close(peer);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test(queued_writes_stay_messages),
		test(held_back_writes_stay_messages),
		test(a_vector_is_one_message),
		test(a_message_that_is_too_long_is_refused_whole),
		test(without_memory_a_message_of_many_pieces_is_refused_whole),
		test(a_message_longer_than_a_flush_sends_is_not_split),
		test(a_short_count_breaks_the_socket),
		test(an_empty_datagram_is_no_end),
		test(a_file_is_refused),
		making_test(an_accepted_socket_has_messages_too),
		test(the_end_of_a_seqpacket_socket_is_an_end),
		test(an_empty_piece_of_a_message_is_nothing),
	};
	return run_tests(tests);
}
