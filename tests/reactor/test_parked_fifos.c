/* backends: all */
/*
 * A FIFO that has lost its writers is parked, and its next writer is heard, also
 * if the event of that one is dropped: it is reported as an edge.
 */
#include "tests/support/fixture.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

static char fifo[] = "/tmp/socle-fifo-XXXXXX";

static int
fifo_open(void)
{
	int fd;

	strcpy(fifo + sizeof(fifo) - 7, "XXXXXX");
	fd = mkstemp(fifo);
	close(fd);
	unlink(fifo);
	assert_int_equal(0, mkfifo(fifo, 0600));
	fd = open(fifo, O_RDONLY | O_NONBLOCK);
	assert_true(fd >= 0);
	return fd;
}

static void
write_and_leave(void)
{
	int w = open(fifo, O_WRONLY | O_NONBLOCK);

	assert_true(w >= 0);
	send_all(w, "x", 1);
	close(w);
}

static void
read_all(int fd, unsigned ready, void *arg)
{
	char buf[16];
	ssize_t n = ready & SOCLE_READ ? read(fd, buf, sizeof(buf)) : 0;

	(void)arg;
	note("%u:%d", ready & (SOCLE_READ | SOCLE_HUP), (int)n);
}

static int
parked_fifo(void)
{
	int fd = fifo_open();

	assert_int_equal(0, socle_add_other_fd(fd, SOCLE_READ, read_all, NULL));
	write_and_leave();
	turn(4);
	assert_notes("17:1 16:0");
	return fd;
}

static void
fifo_close(int fd)
{
	socle_remove_other_fd(fd);
	close(fd);
	unlink(fifo);
}

#define skip_if_not_heard()                                                    \
	do {                                                                   \
		if (backend_is("poll") || backend_is("libkqueue"))             \
			skip_because("this backend does not report a new "     \
				     "writer of a parked FIFO");               \
		if (kernel()->fifos_are_endless)                               \
			skip_because("the kernel does not report that "        \
				     "writers left");                          \
	} while (0)

/* An object with input; returns its peer. */
static int
make_ready(void (*on_read)(struct probe *p), void *arg)
{
	int fds[2];
	struct probe *p;

	pair_unix(fds);
	p = probe_new(fds[0], NULL);
	p->on_read = on_read;
	p->arg = arg;
	socle_watch_read(&p->sock, true);
	send_all(fds[1], "x", 1);
	return fds[1];
}

static void
close_and_nest(struct probe *p)
{
	socle_close(&p->sock, "test");
	socle_event_loop_once(0);
}

/* One of the two objects is reported before the FIFO. */
static void
the_event_of_a_parked_fifo_survives_a_nested_loop(void **state)
{
	int fd, first, last;

	(void)state;
	skip_if_not_heard();
	fd = parked_fifo();
	first = make_ready(close_and_nest, NULL);
	write_and_leave();
	last = make_ready(close_and_nest, NULL);
	turn(4);
	assert_non_null(strstr(notes(), ":1"));
	notes_clear();
	fifo_close(fd);
	close(first);
	close(last);
}

static void
watch_no_more_and_write(struct probe *p)
{
	socle_watch_read(&p->sock, false);
	socle_watch_write(&p->sock, true);
	p->on_write = NULL;
	write_and_leave();
}

/* The kernel learns of the object's interest when the loop returns. */
static void
the_event_of_a_parked_fifo_survives_a_change_at_the_end(void **state)
{
	int fd, peer;

	(void)state;
	skip_if_not_heard();
	fd = parked_fifo();
	peer = make_ready(watch_no_more_and_write, NULL);
	turn(4);
	assert_non_null(strstr(notes(), ":1"));
	notes_clear();
	fifo_close(fd);
	close(peer);
}

/* ---- a number that becomes another file ---- */

static int stranger = -1, ticks;

static void
note_hup(struct probe *p)
{
	(void)p;
	ticks = 1;
}

/* The tick after HUP has parked it, and the kernel does not know yet. */
static bool
replace_the_file(void *fd)
{
	if (ticks > 0 && ticks++ == 2)
		assert_int_equal(*(int *)fd, dup2(stranger, *(int *)fd));
	return true;
}

static void
a_parked_fifo_whose_number_is_another_file_leaves_it_open(void **state)
{
	int fds[2], fd;
	struct probe *p;

	(void)state;
	skip_if_not_heard();
	pair_unix(fds);
	stranger = fds[0];
	fd = fifo_open();
	p = probe_new(fd, NULL);
	p->read_size = 16;
	p->on_hup = note_hup;
	ticks = 0;
	socle_watch_read(&p->sock, true);
	socle_set_post_loop_callback(replace_the_file, &fd);
	write_and_leave();
	turn(4);
	assert_notes("r h e-9 close(event_err) destroy");
	assert_int_not_equal(-1, fcntl(fd, F_GETFD));
	close(fd);
	close(fds[0]);
	close(fds[1]);
	unlink(fifo);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test(the_event_of_a_parked_fifo_survives_a_nested_loop),
		test(the_event_of_a_parked_fifo_survives_a_change_at_the_end),
		test(a_parked_fifo_whose_number_is_another_file_leaves_it_open),
	};

	return run_tests(tests);
}
