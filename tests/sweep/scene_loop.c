/*
 * The loop itself: made and reset, with standard input closed, woken up by
 * pipes, threads and signals, with many objects that leave, with messages and
 * with names.
 */
#include "tests/support/fixture.h"
#include "tests/support/making.h"
#include "tests/sweep/names.h"
#include "tests/sweep/scenes.h"
#include "tests/sweep/sweep.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>

static int read_errors;

static void
counter_event_read(struct socle_socket *self)
{
	char buf[16];
	ssize_t n = socle_read(self, buf, sizeof(buf));

	read_errors += n < 0 && n != -EAGAIN;
}

static const struct socle_class counter_class = {
	.name = "Counter",
	.super = &socle_socket_class,
	.event_read = counter_event_read,
};

static void
ticks(int n, struct result *r)
{
	while (n-- > 0)
		r->heard += socle_event_loop_once(5) < 0;
}

/* ---- made and reset ---- */

static void
reset_run(int strikes, struct result *r)
{
	struct socle_socket *s = NULL;
	struct socle_loop *l;
	int fds[2];

	(void)strikes;
	pair_unix(fds);
	faults_on();
	if (socle_socket_new(&counter_class, fds[0], &s) < 0) {
		close(fds[0]);
		r->heard++;
	} else {
		socle_watch_read(s, true);
	}
	r->heard += socle_measure_ticks(true) < 0;
	l = socle_loop_self();
	r->heard += l == NULL;
	ticks(2, r);
	if (l)
		socle_loop_release(l);
	socle_reset();
	seam_heal();
	close(fds[1]);
}

/* ---- woken up ---- */

static _Atomic int posts;

static void
count_post(void *arg)
{
	(void)arg;
	posts++;
}

static int (*wake_below)(int *fds);
static ssize_t (*read_below)(int fd, void *p, size_t n);
static struct socle_loop *woken; /* by a read of its wake-up fd, once */

/* Where there is no eventfd(2). */
static int
pipe_made(int *fds)
{
	if (wake_below(fds) < 0)
		return -1;
	close(fds[0]);
	if (fds[1] != fds[0])
		close(fds[1]);
	pair_pipe(fds);
	return 0;
}

/* Another thread wakes the loop while it empties the fd. */
static ssize_t
read_and_wake(int fd, void *p, size_t n)
{
	struct socle__site *at = socle__site;
	struct socle_loop *l = woken;

	woken = NULL;
	if (l)
		socle_wakeup(l);
	socle__site = at;
	return read_below(fd, p, n);
}

/* A wake-up ends the wait, after whatever has happened. */
static const char *
deaf(struct socle_loop *l)
{
	double before;

	for (int i = 0; i < 20; i++) {
		before = seam_time();
		(void)socle_event_loop_once(20);
		if (seam_time() - before > 0.0199)
			break;
	}
	before = seam_time();
	socle_wakeup(l);
	(void)socle_event_loop_once(20);
	return seam_time() == before ? NULL : "the loop cannot be woken up";
}

static void
woken_run(int strikes, struct result *r)
{
	struct socle_loop *l;
	int err = -1;

	(void)strikes;
	read_below = socle__seam.read;
	socle__seam.read = read_and_wake;
	posts = 0;
	faults_on();
	l = socle_loop_self();
	if (l)
		err = socle_post(l, count_post, NULL);
	r->heard += err < 0;
	ticks(1, r);
	woken = l;
	if (l)
		socle_wakeup(l);
	ticks(2, r);
	woken = NULL;
	seam_heal();
	socle__seam.read = read_below;
	if (!l)
		return;
	r->problem = deaf(l);
	if (posts != (err == 0))
		r->problem = "a post was lost, or ran twice";
	socle_loop_release(l);
}

static void
woken_by_a_pipe_run(int strikes, struct result *r)
{
	wake_below = socle__seam.wake_fds;
	socle__seam.wake_fds = pipe_made;
	woken_run(strikes, r);
	socle_reset();
	socle__seam.wake_fds = wake_below;
}

static void *
post_it(void *l)
{
	return socle_post(l, count_post, NULL) == 0 ? l : NULL;
}

/* Another thread posts; it ends before the loop goes on. */
static void
thread_run(int strikes, struct result *r)
{
	struct socle_loop *l;
	pthread_t thread;
	void *taken = NULL;

	(void)strikes;
	posts = 0;
	faults_on();
	l = socle_loop_self();
	if (l) {
		if (pthread_create(&thread, NULL, post_it, l) != 0)
			abort();
		(void)pthread_join(thread, &taken);
	}
	r->heard += !l || !taken;
	ticks(2, r);
	seam_heal();
	if (!l)
		return;
	ticks(2, r);
	if (posts != (taken != NULL))
		r->problem = "a post was lost, or ran twice";
	else
		r->problem = deaf(l);
	socle_loop_release(l);
}

static int signals;

static void
count_signal(int signo, void *arg)
{
	(void)signo;
	(void)arg;
	signals++;
}

static void
signals_run(int strikes, struct result *r)
{
	int err;

	(void)strikes;
	signals = 0;
	faults_on();
	err = socle_signal(SIGUSR1, count_signal, NULL);
	r->heard += err < 0;
	if (err == 0)
		raise(SIGUSR1);
	ticks(2, r);
	r->heard += socle_signal(SIGUSR2, count_signal, NULL) < 0;
	seam_heal();
	ticks(2, r);
	if (err == 0 && signals != 1)
		r->problem = "the signal was lost, or came twice";
	faults_on();
	r->heard += socle_signal(SIGUSR1, NULL, NULL) < 0;
	r->heard += socle_signal(SIGUSR2, NULL, NULL) < 0;
	seam_heal();
}

/* A child makes its loop usable, with a pipe as wake-up fd. */
static int
child_of_pipe(void)
{
	int err, heard = 0, fds = fds_open();

	faults_on();
	for (int i = 0; i < 4 && (err = socle_after_fork()) < 0; i++)
		heard = 1;
	if (err == 0)
		heard |= socle_event_loop_once(0) < 0;
	seam_heal();
	if (err < 0 && socle_after_fork() < 0)
		return 2;
	/* The fds of a kqueue are not inherited. */
	if (deaf(woken) || (fds_open() != fds && !socle_have_kqueue()))
		return 3;
	socle_loop_release(woken);
	socle_reset();
	return heard;
}

static void
fork_with_a_pipe_run(int strikes, struct result *r)
{
	struct socle_loop *l;
	int status = 0;
	pid_t child;

	(void)strikes;
	wake_below = socle__seam.wake_fds;
	socle__seam.wake_fds = pipe_made;
	l = woken = socle_loop_self();
	ticks(1, r);
	child = fork();
	if (child == 0) {
		alarm(60);
		_exit(child_of_pipe());
	}
	woken = NULL;
	if (waitpid(child, &status, 0) != child || !WIFEXITED(status) ||
		WEXITSTATUS(status) > 1)
		r->problem = "the child was killed, is deaf, or leaks";
	else
		r->heard = WEXITSTATUS(status);
	if (!r->problem)
		r->problem = deaf(l);
	socle_loop_release(l);
	socle_reset();
	socle__seam.wake_fds = wake_below;
}

/* ---- standard input and output are closed ---- */

/* The loop leaves their numbers alone. */
static void
low_fds_run(int strikes, struct result *r)
{
	int saved[2];
	struct socle_loop *l;

	(void)strikes;
	for (int fd = 0; fd < 2; fd++) {
		saved[fd] = fcntl(fd, F_DUPFD_CLOEXEC, 100);
		close(fd); /* it may be closed already */
	}
	faults_on();
	r->heard += socle_backend() == NULL;
	l = socle_loop_self();
	r->heard += l == NULL;
	ticks(2, r);
	seam_heal();
	if (l)
		socle_loop_release(l);
	for (int fd = 0; fd < 2; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			r->problem = "the loop took standard input or output";
	socle_reset();
	for (int fd = 0; fd < 2; fd++) {
		if (saved[fd] < 0)
			continue;
		if (dup2(saved[fd], fd) != fd)
			abort();
		close(saved[fd]);
	}
}

static void
low_pipes_run(int strikes, struct result *r)
{
	wake_below = socle__seam.wake_fds;
	socle__seam.wake_fds = pipe_made;
	low_fds_run(strikes, r);
	socle__seam.wake_fds = wake_below;
}

/* ---- many that leave ---- */

enum { MANY = 600, HIGH = 1100 };

/*
 * Copies of one socket are all readable at once, which fills the batch, and have
 * high numbers, for which the map grows.
 */
static void
many_run(int strikes, struct result *r)
{
	struct socle_socket *all[MANY], *s;
	int fds[2], n = 0, ready = 0;

	(void)strikes;
	pair_unix(fds);
	if (send(fds[1], "x", 1, 0) != 1)
		abort();
	read_errors = 0;
	faults_on();
	for (int i = 0; i < MANY; i++) {
		int fd = fcntl(fds[0], F_DUPFD_CLOEXEC, HIGH);

		if (socle_socket_new(&counter_class, fd, &s) < 0) {
			close(fd);
			r->heard++;
			continue;
		}
		all[n++] = s;
		socle_watch_read(s, true);
	}
	for (int i = 0; i < 6; i++)
		ready += socle_event_loop_once(0) < 0;
	for (int i = 0; i < n; i++)
		socle_close(all[i], NULL);
	ready += socle_event_loop_once(0) < 0;
	ready += socle_event_loop_once(0) < 0;
	seam_heal();
	r->heard += ready + read_errors;
	close(fds[0]);
	close(fds[1]);
}

/* ---- an fd that the kernel knows already ---- */

static int ready_count;

static void
count_ready(int fd, unsigned ready, void *arg)
{
	char c;

	(void)arg;
	ready_count++;
	if (ready & SOCLE_ERR || read(fd, &c, 1) != 1)
		(void)socle_remove_other_fd(fd);
}

/* The program closed it, while a copy keeps the registration, and reopens it. */
static void
known_fd_run(int strikes, struct result *r)
{
	int fds[2], copy, err;

	(void)strikes;
	pair_unix(fds);
	copy = fcntl(fds[0], F_DUPFD_CLOEXEC, 100);
	if (socle_add_other_fd(fds[0], SOCLE_READ, count_ready, NULL) != 0)
		abort();
	ticks(1, r);
	close(fds[0]);
	(void)socle_remove_other_fd(fds[0]);
	if (dup2(copy, fds[0]) != fds[0])
		abort();
	close(copy);
	ready_count = 0;
	faults_on();
	err = socle_add_other_fd(fds[0], SOCLE_READ, count_ready, NULL);
	if (write(fds[1], "x", 1) != 1)
		abort();
	ticks(3, r);
	r->heard += err < 0;
	seam_heal();
	ticks(3, r);
	if (err == 0 && ready_count == 0)
		r->problem = "it is not watched";
	if (err == 0)
		(void)socle_remove_other_fd(fds[0]);
	close(fds[0]);
	close(fds[1]);
}

/* The program closed it, and the loop finds out, or does not. */
static void
closed_fd_run(int strikes, struct result *r)
{
	int fds[2];

	(void)strikes;
	pair_unix(fds);
	if (socle_add_other_fd(fds[0], SOCLE_READ, count_ready, NULL) != 0)
		abort();
	ticks(1, r);
	close(fds[0]);
	faults_on();
	ticks(2, r);
	(void)socle_remove_other_fd(fds[0]);
	ticks(1, r);
	seam_heal();
	close(fds[1]);
}

/* ---- messages ---- */

static void
messages_run(int strikes, struct result *r)
{
	int saved = fcntl(2, F_DUPFD_CLOEXEC, 100);
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	(void)strikes;
	if (dup2(null, 2) != 2)
		abort();
	socle_set_log(NULL, NULL);
	socle_set_debug_level(1);
	ticks(1, r);
	faults_on();
	socle_debug_msg("a message");
	ticks(1, r);
	seam_heal();
	socle_set_debug_level(0);
	if (dup2(saved, 2) != 2)
		abort();
	close(saved);
	close(null);
}

/* ---- once in a process ---- */

static bool broken;

static void breaking_close(struct socle_socket *self, const char *reason);

static const struct socle_class breaking_class = {
	.name = "Breaking",
	.super = &socle_socket_class,
	.close = breaking_close,
};

static void
breaking_close(struct socle_socket *self, const char *reason)
{
	broken = true;
	socle_super_close(&breaking_class, self, reason);
}

/* A child that has not used a loop writes to a pipe. */
static int
first_steps(void)
{
	struct socle_socket *s = NULL;
	int fds[2], heard = 0;

	pair_pipe(fds);
	broken = false;
	faults_on();
	if (socle_socket_new(&breaking_class, fds[1], &s) < 0)
		heard = 1;
	else
		heard |= socle_write(s, "x", 1) < 0;
	for (int i = 0; i < 10; i++)
		heard |= socle_event_loop_once(5) < 0;
	seam_heal();
	for (int i = 0; i < 10; i++)
		(void)socle_event_loop_once(5);
	heard |= broken;
	if (!heard && read(fds[0], &(char){0}, 1) != 1)
		return 2;
	socle_reset();
	return heard;
}

static void
first_run(int strikes, struct result *r)
{
	int status = 0;
	pid_t child = fork();

	(void)strikes;
	if (child == 0) {
		alarm(60);
		_exit(first_steps());
	}
	if (waitpid(child, &status, 0) != child || !WIFEXITED(status) ||
		WEXITSTATUS(status) > 1)
		r->problem = "the child was killed, or lost a byte";
	r->heard = WEXITSTATUS(status);
}

void
sweep_first(void)
{
	static const struct scene scenes[] = {{"first", first_run, NULL}};

	SWEEP(scenes);
}

/* ---- names ---- */

static int answers, answer_err;

static void
answered(int err, const struct socle_addr *addrs, size_t n, void *arg)
{
	(void)addrs;
	(void)n;
	(void)arg;
	answers++;
	answer_err = err;
}

static void
ask(const char *host, const char *service, struct result *r)
{
	int err;

	answers = answer_err = 0;
	faults_on();
	err = socle_resolve(host, service, AF_INET, 0, answered, NULL, NULL);
	names_wait();
	for (int i = 0; err == 0 && answers == 0 && i < 20; i++)
		r->heard += socle_event_loop_once(5) < 0;
	seam_heal();
	r->heard += err < 0 || answer_err < 0;
	for (int i = 0; err == 0 && answers == 0 && i < 20; i++)
		(void)socle_event_loop_once(5);
	if (answers != (err == 0))
		r->problem = "not exactly one answer";
	else if (err == -EINTR || answer_err == -EINTR)
		r->problem = "EINTR was returned";
}

static void
name_run(int strikes, struct result *r)
{
	(void)strikes;
	ask("name", "80", r);
}

static void
number_run(int strikes, struct result *r)
{
	(void)strikes;
	ask("127.0.0.1", "80", r);
}

void
sweep_loop(void)
{
	static const struct scene scenes[] = {
		{"reset", reset_run, NULL},
		{"low fds", low_fds_run, NULL},
		{"low pipes", low_pipes_run, NULL},
		{"wake-up", woken_run, NULL},
		{"wake-up by a pipe", woken_by_a_pipe_run, NULL},
		{"post of a thread", thread_run, NULL},
		{"signals", signals_run, NULL},
		{"child with a pipe", fork_with_a_pipe_run, NULL},
		{"known fd", known_fd_run, NULL},
		{"closed fd", closed_fd_run, NULL},
		{"messages", messages_run, NULL},
		{"number", number_run, NULL},
	};
	static const struct scene many[] = {{"many", many_run, NULL}};
	static const struct scene names[] = {{"name", name_run, NULL}};

	SWEEP(scenes);
	if (fds_may_be(HIGH + MANY + 100))
		SWEEP(many);
	names_replace(NULL);
	SWEEP(names);
	names_restore();
}
