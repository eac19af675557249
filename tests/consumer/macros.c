/*
 * Every macro of the public headers as a program uses it, in C and in C++: lint
 * compiles this with each compiler and standard, and no warning may appear.
 */
#include <socle/socle.h>

#include <signal.h>
#include <sys/socket.h>

#if SOCLE_VERSION_NUMBER < (SOCLE_VERSION_MAJOR << 16) ||                      \
	SOCLE_VERSION_MINOR < 0 || SOCLE_VERSION_PATCH < 0
#error "the version"
#endif

/* C++ takes the name alone in socle_container_of(). */
typedef struct machine machine;

struct machine {
	struct socle_socket sock;
	struct socle_timer timer;
};

static bool
finished(void *arg)
{
	return arg != NULL;
}

static void
call(void *arg)
{
	(void)arg;
}

static void
other_ready(int fd, unsigned ready, void *arg)
{
	(void)fd;
	(void)ready;
	(void)arg;
}

static void
signalled(int signo, void *arg)
{
	(void)signo;
	(void)arg;
}

static void
timer_fired(struct socle_timer *t)
{
	struct machine *m = socle_container_of(t, machine, timer);

	socle_close(&m->sock, SOCLE_VERSION);
}

int
main(void)
{
	static struct machine m;
	struct socle_io io;
	struct socle_loop *l = socle_loop_self();
	int err, type = SOCK_STREAM;

	socle_timer_init(&m.timer, timer_fired);
	socle_set_post_loop_callback(finished, NULL);
	if (socle_add_timer(1, call, NULL) == 0 ||
		socle_add_other_fd(0, SOCLE_READ, other_ready, NULL) < 0 ||
		socle_defer(call, NULL) < 0 || socle_post(l, call, NULL) < 0 ||
		socle_signal(SIGUSR1, signalled, NULL) < 0)
		return 1;
	err = socle_io_socket(&io, AF_INET, type, 0);
	if (err == 0)
		err = socle_io_socket(&io, AF_INET, type, "tcp");
	if (err < 0)
		return 1;
	return socle_run_until(finished, &m) < 0;
}
