/*
 * What a daemon has around its loop: sockets that are passed to it and that it
 * passes on, messages, and a new program, which is a shell that says that it is
 * ready.
 */
#include "tests/support/managing.h"
#include "tests/sweep/scenes.h"
#include "tests/sweep/sweep.h"

#include "reactor/spawn.h"

#include <signal.h>
#include <sys/wait.h>

static void
count(struct result *r, int result)
{
	r->heard += result < 0;
	if (result == -EINTR)
		r->problem = "EINTR was returned";
}

/* ---- passed sockets ---- */

/* A unix socket whose file is the program's, as after a restart. */
static void
passed_run(int strikes, struct result *r)
{
	struct socle_factory *f = NULL;
	char where[64], pid[32];
	int fds[4], fd;

	(void)strikes;
	snprintf(pid, sizeof(pid), "%ld", (long)getpid());
	snprintf(where, sizeof(where), "unix:sweep.%s", pid);
	unlink(where + strlen("unix:"));
	fds[0] = socket_at("127.0.0.1:0", SOCK_STREAM);
	fds[1] = socket_at(where, SOCK_STREAM);
	fds[2] = socket_at("127.0.0.1:0", SOCK_DGRAM);
	fds[3] = dup(fds[2]); /* in the place of a predecessor's stream */
	pass(fds, 4, NULL);
	setenv(SOCLE__LISTEN_FDS, "3", 1);
	setenv(SOCLE__LISTEN_FDNAMES, "tcp:" SOCLE__OWN_FILE ":udp", 1);
	setenv(SOCLE__PREDECESSOR, pid, 1);
	faults_on();
	count(r, socle_service_listen("fd:tcp", &client_class, &f));
	count(r, socle_service_listen(where, &client_class, &f));
	count(r, fd = socle_service_datagram("fd:udp"));
	(void)socle_service_ready();
	count(r, socle_event_loop_once(0));
	socle_reset();
	seam_heal();
	pass_end();
	unlink(where + strlen("unix:"));
}

/* ---- messages ---- */

static void
messages_run(int strikes, struct result *r)
{
	char name[64];

	(void)strikes;
	snprintf(name, sizeof(name), "/tmp/socle-sweep.%ld", (long)getpid());
	manager_open(name);
	setenv("WATCHDOG_USEC", "2000000", 1);
	faults_on();
	count(r, socle_service_ready());
	count(r, socle_service_status("fine"));
	count(r, socle_service_store(0, "stdin"));
	count(r, socle_service_watchdog());
	seam_heal();
	manager_close();
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
}

static void
drain_run(int strikes, struct result *r)
{
	char name[64];
	struct socle_factory *f = NULL;

	(void)strikes;
	snprintf(name, sizeof(name), "/tmp/socle-sweep.%ld", (long)getpid());
	manager_open(name);
	faults_on();
	count(r, socle_listen("127.0.0.1:0", &client_class, &f));
	count(r, socle_drain(0, NULL, NULL));
	count(r, socle_event_loop());
	socle_reset();
	seam_heal();
	manager_close();
	unsetenv("NOTIFY_SOCKET");
}

/* ---- a new program ---- */

static int ends;

static void
ended(int err, void *arg)
{
	ends++;
	if (err != -ETIMEDOUT) /* which one scene is about */
		count(arg, err);
}

/* Until it has ended, or stopped itself, and said what it says; not reaped. */
static void
await(pid_t pid)
{
	siginfo_t info;

	while (waitid(P_PID, (id_t)pid, &info, WEXITED | WSTOPPED | WNOWAIT) <
			0 &&
		errno == EINTR)
		;
}

static void
restart_as(const char *script, double timeout, struct result *r)
{
	char shell[] = "/bin/sh", c[] = "-c", text[128];
	char *argv[] = {shell, c, text, NULL};
	struct socle_factory *f = NULL;
	struct socle_dgram *d = NULL;
	int pid;

	ends = 0;
	snprintf(text, sizeof(text), "%s", script);
	faults_on();
	count(r, socle_listen("127.0.0.1:0", &client_class, &f));
	count(r,
		socle_dgram_open(
			"127.0.0.1:0", true, &socle_dgram_class, NULL, &d));
	count(r, pid = socle_restart(argv, timeout, ended, r));
	if (pid > 0)
		await(pid);
	for (int i = 0; pid > 0 && ends == 0 && i < 20; i++)
		r->heard += socle_event_loop_once(1000) < 0;
	seam_heal();
	for (int i = 0; pid > 0 && ends == 0 && i < 20; i++)
		(void)socle_event_loop_once(1000);
	if (ends != (pid > 0))
		r->problem = "not exactly one end";
	socle_reset();
	if (pid > 0)
		(void)kill(pid, SIGKILL); /* if the library could not */
	while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

/* The stream is behind the sockets. */
static void
ready_run(int strikes, struct result *r)
{
	(void)strikes;
	restart_as("printf '\\0\\0\\0\\0' >&$((3 + LISTEN_FDS))", 0, r);
}

/* It is killed. */
static void
late_run(int strikes, struct result *r)
{
	(void)strikes;
	restart_as("kill -STOP $$", 5, r);
}

void
sweep_daemon(void)
{
	static const struct scene scenes[] = {
		{"passed sockets", passed_run, NULL},
		{"messages", messages_run, NULL},
		{"a drain", drain_run,
			"a program ends, whether or not its manager hears it"},
		{"a new program", ready_run, NULL},
		{"a new program that is late", late_run, NULL},
	};

	SWEEP(scenes);
}
