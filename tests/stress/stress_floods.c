/* backends: all */
/*
 * Work without end beside a timer and a quiet peer.
 *
 * While a flood of one kind keeps the loop busy, a timer of 10 ms writes a byte to
 * a quiet object.  Shows that no flood delays either by more than a few ticks.
 * Ticks are counted and not time, because a busy machine may stop the process
 * at any moment.  Prints how late the timer was.
 */
#include "case.h"
#include "client.h"
#include "usage.h"

#include <socle/socle.h>

#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FLOODERS = 16, PAIRS = 64, MOST_FIRES = 10000, MOST_TICKS = 4 };
static const double EVERY = 0.01; /* seconds */

/* ---- the timer and the quiet object ---- */

static struct {
	struct socle_timer timer;
	double due, lateness[MOST_FIRES];
	int fires, wanted;
	long ticks, overdue, most_overdue; /* of the timer */
	bool sent;
	long unread, most_unread; /* ticks since the byte was sent */
	int far;
	struct socle_socket *quiet;
	unsigned long long work; /* done by the flood */
} watch;

/* By an absolute time: the process may be stopped at any moment. */
static void
start_timer(void)
{
	watch.due = socle_now() + EVERY;
	must(socle_timer_start_at(&watch.timer, watch.due) == 0);
}

static void
fire(struct socle_timer *t)
{
	double now = seconds_now();

	(void)t;
	must(now >= watch.due);
	watch.lateness[watch.fires++] = now - watch.due;
	if (watch.overdue > watch.most_overdue)
		watch.most_overdue = watch.overdue;
	watch.overdue = 0;
	if (watch.fires == watch.wanted) {
		socle_stop();
		return;
	}
	if (!watch.sent) {
		watch.sent = true;
		must(send(watch.far, "q", 1, 0) == 1);
	}
	start_timer();
}

static void
quiet_event_read(struct socle_socket *self)
{
	char c;

	must(socle_read(self, &c, 1) == 1);
	watch.sent = false;
	if (watch.unread > watch.most_unread)
		watch.most_unread = watch.unread;
	watch.unread = 0;
}

static const struct socle_class quiet_class = {
	.name = "Quiet",
	.super = &socle_socket_class,
	.event_read = quiet_event_read,
};

static bool
count_tick(void *arg)
{
	(void)arg;
	watch.ticks++;
	watch.overdue += seconds_now() > watch.due;
	watch.unread += watch.sent;
	return true;
}

static struct socle_socket *
object(const struct socle_class *cls, int fd)
{
	struct socle_socket *s;

	must(socle_socket_new(cls, fd, &s) == 0);
	socle_watch_read(s, true);
	return s;
}

static void
watch_start(void)
{
	int ends[2];

	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
	watch.far = ends[0];
	watch.quiet = object(&quiet_class, ends[1]);
	watch.wanted = (int)scaled(500, 50);
	socle_set_post_loop_callback(count_tick, NULL);
	socle_timer_init(&watch.timer, fire);
	start_timer();
}

static int
by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Runs the loop until the timer has fired often enough. */
static void
flood(const char *what)
{
	must(socle_event_loop() == 0);
	qsort(watch.lateness, (size_t)watch.fires, sizeof(double), by_size);
	figure("%llu %s in %ld ticks; timer late by %.2f ms in the median, "
	       "%.2f ms at p99, %ld ticks at most; quiet object %ld ticks",
		watch.work, what, watch.ticks,
		watch.lateness[watch.fires / 2] * 1e3,
		watch.lateness[watch.fires * 99 / 100] * 1e3,
		watch.most_overdue, watch.most_unread);
	must(watch.work > 0);
	must_be_at_most("ticks that the timer was overdue",
		(double)watch.most_overdue, MOST_TICKS);
	must_be_at_most("ticks that the byte waited", (double)watch.most_unread,
		MOST_TICKS);
	close(watch.far);
	socle_reset();
}

/* ---- floods from other processes ---- */

static pid_t flooders[FLOODERS];

static void
start_flooders(int n, void (*body)(int port), int port)
{
	for (int i = 0; i < n; i++) {
		flooders[i] = fork();
		must(flooders[i] >= 0);
		if (flooders[i] == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			body(port);
			_exit(0);
		}
	}
}

static void
end_flooders(int n)
{
	for (int i = 0; i < n; i++) {
		kill(flooders[i], SIGKILL);
		must(waitpid(flooders[i], NULL, 0) == flooders[i]);
	}
}

static void
sink_event_read(struct socle_socket *self)
{
	char buf[65536];
	ssize_t n = socle_read(self, buf, sizeof(buf));

	if (n > 0)
		watch.work += (unsigned long long)n;
	else if (n != -EAGAIN)
		socle_close(self, "end of stream");
}

static const struct socle_class sink_class = {
	.name = "Sink",
	.super = &socle_socket_class,
	.event_read = sink_event_read,
};

static void
send_for_ever(int port)
{
	static const char data[65536];
	int fd = client_connect(port);

	while (send(fd, data, sizeof(data), MSG_NOSIGNAL) > 0)
		;
}

static void
connect_for_ever(int port)
{
	for (;;)
		close(client_connect(port));
}

static void
flood_by_processes(const char *what, int n, void (*body)(int port))
{
	struct socle_factory *listener;
	struct socle_addr at;

	must(socle_listen("127.0.0.1:0", &sink_class, &listener) == 0);
	must(socle_factory_getsockname(listener, &at) == 0);
	start_flooders(n, body, socle_addr_port(&at));
	watch_start();
	flood(what);
	end_flooders(n);
}

static void
a_flood_of_bytes_delays_nothing(void)
{
	flood_by_processes("bytes", FLOODERS, send_for_ever);
}

static void
on_connection(struct socle_socket *self, struct socle_factory *by)
{
	(void)self;
	(void)by;
	watch.work++;
}

static const struct socle_class visitor_class = {
	.name = "Visitor",
	.super = &sink_class,
	.event_accepted = on_connection,
};

static void
a_flood_of_connections_delays_nothing(void)
{
	struct socle_factory *listener;
	struct socle_addr at;

	must(socle_listen("127.0.0.1:0", &visitor_class, &listener) == 0);
	must(socle_factory_getsockname(listener, &at) == 0);
	start_flooders(2, connect_for_ever, socle_addr_port(&at));
	watch_start();
	flood("connections");
	end_flooders(2);
}

/* ---- datagrams ---- */

static void
on_datagram(struct socle_dgram *self, const struct socle_packet *p)
{
	(void)self;
	(void)p;
	watch.work++;
}

static void
send_datagrams_for_ever(int port)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons((uint16_t)port)};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	char data[64] = {0};

	for (;;)
		sendto(fd, data, sizeof(data), 0, (struct sockaddr *)&to,
			sizeof(to));
}

static void
a_flood_of_datagrams_delays_nothing(void)
{
	struct socle_dgram_params p = {
		.on_recv = on_datagram, .recv_all = true};
	struct socle_dgram *d;

	must(socle_dgram_open(
		     "127.0.0.1:0", true, &socle_dgram_class, &p, &d) == 0);
	start_flooders(2, send_datagrams_for_ever, socle_local_port(&d->sock));
	watch_start();
	flood("datagrams");
	end_flooders(2);
}

/* ---- signals ---- */

static void
on_signal(int signo, void *arg)
{
	(void)signo;
	(void)arg;
	watch.work++;
}

static void
signal_for_ever(int pid)
{
	while (kill(pid, SIGUSR1) == 0)
		;
}

static void
a_flood_of_signals_delays_nothing(void)
{
	/* the reset restores this, and not the default, which would kill */
	signal(SIGUSR1, SIG_IGN);
	must(socle_signal(SIGUSR1, on_signal, NULL) == 0);
	start_flooders(1, signal_for_ever, getpid());
	watch_start();
	flood("signals");
	end_flooders(1);
}

/* ---- floods of the program's own ---- */

static void
talker_event_read(struct socle_socket *self)
{
	char buf[4096];
	ssize_t n = socle_read(self, buf, sizeof(buf));

	must(n > 0);
	watch.work += (unsigned long long)n;
	socle_write(self, buf, (size_t)n);
}

static const struct socle_class talker_class = {
	.name = "Talker",
	.super = &socle_socket_class,
	.event_read = talker_event_read,
};

static void
objects_that_answer_each_other_delay_nothing(void)
{
	for (int i = 0; i < PAIRS; i++) {
		int ends[2];

		must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) ==
			0);
		object(&talker_class, ends[0]);
		socle_write(object(&talker_class, ends[1]), "ping", 4);
	}
	watch_start();
	flood("bytes");
}

static void
pusher_event_read(struct socle_socket *self)
{
	char buf[64];
	ssize_t n = socle_read(self, buf, sizeof(buf));

	must(n > 0);
	watch.work++;
	must(socle_push_back_read(self, buf, (size_t)n) == 0);
}

static const struct socle_class pusher_class = {
	.name = "Pusher",
	.super = &socle_socket_class,
	.event_read = pusher_event_read,
};

static void
data_pushed_back_for_ever_delays_nothing(void)
{
	int ends[2];

	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
	object(&pusher_class, ends[0]);
	must(send(ends[1], "again and again and again and again", 35, 0) == 35);
	watch_start();
	flood("reads");
	close(ends[1]);
}

static void
timer_again(struct socle_timer *t)
{
	watch.work++;
	socle_timer_start(t, 0);
}

static void
timers_without_a_delay_delay_nothing(void)
{
	static struct socle_timer timers[PAIRS];

	for (int i = 0; i < PAIRS; i++) {
		socle_timer_init(&timers[i], timer_again);
		socle_timer_start(&timers[i], 0);
	}
	watch_start();
	flood("timers");
}

static void
defer_again(void *arg)
{
	watch.work++;
	must(socle_defer(defer_again, arg) == 0);
}

static void
deferred_calls_without_end_delay_nothing(void)
{
	for (int i = 0; i < PAIRS; i++)
		must(socle_defer(defer_again, NULL) == 0);
	watch_start();
	flood("calls");
}

/* ---- posts ---- */

static struct socle_loop *here;
static atomic_bool enough;

/* Nothing else limits the posts that the loop has not run yet. */
static atomic_int under_way;

static void
posted(void *arg)
{
	(void)arg;
	watch.work++;
	atomic_fetch_sub(&under_way, 1);
}

static void *
post_for_ever(void *arg)
{
	while (!atomic_load(&enough)) {
		if (atomic_load(&under_way) > MOST_FIRES)
			continue;
		atomic_fetch_add(&under_way, 1);
		if (socle_post(here, posted, arg) < 0)
			break;
	}
	return NULL;
}

static void
posts_of_another_thread_delay_nothing(void)
{
	pthread_t thread;

	here = socle_loop_self();
	must(here);
	must(pthread_create(&thread, NULL, post_for_ever, NULL) == 0);
	watch_start();
	flood("posts");
	atomic_store(&enough, true);
	must(pthread_join(thread, NULL) == 0);
	socle_loop_release(here);
}

static const struct stress_case cases[] = {
	CASE(a_flood_of_bytes_delays_nothing),
	CASE(a_flood_of_connections_delays_nothing),
	CASE(a_flood_of_datagrams_delays_nothing),
	CASE(a_flood_of_signals_delays_nothing),
	CASE(objects_that_answer_each_other_delay_nothing),
	CASE(data_pushed_back_for_ever_delays_nothing),
	CASE(timers_without_a_delay_delay_nothing),
	CASE(deferred_calls_without_end_delay_nothing),
	CASE(posts_of_another_thread_delay_nothing),
};

int
main(void)
{
	return CASES_RUN(cases);
}
