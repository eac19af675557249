/*
 * The console: each command and each page.  An operator who gets no answer asks
 * again, so errors may be unheard; but the daemon goes on.
 */
#include "tests/support/making.h"
#include "tests/sweep/scenes.h"
#include "tests/sweep/sweep.h"

#include "daemon/console_state.h"
#include "sockets/factory/state.h"

#include <sys/socket.h>

static void
say(struct socle_console *c, int argc, char **argv, void *arg)
{
	(void)argc;
	(void)argv;
	(void)arg;
	socle_console_ok(c);
}

/* Connects a client, which says this, and runs ticks; false: the loop failed. */
static bool
ask(const struct socle_addr *at, const char *text)
{
	int fd = socket(at->u.sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char heard[65536];
	int err = 0;

	assert_true(fd >= 0);
	assert_int_equal(0, connect(fd, &at->u.sa, at->len));
	send_all(fd, text, strlen(text));
	for (int i = 0; i < 80 && err >= 0; i++) {
		err = socle_event_loop_once(0);
		(void)recv(fd, heard, sizeof(heard), MSG_DONTWAIT);
	}
	close(fd);
	return err >= 0;
}

static void
console_run(const char *where, struct result *r)
{
	static const char *const texts[] = {
		"say\nsocks\nsocks summary\nstates\nqueues\nprof on\nprof "
		"data\n"
		"prof folded\nslow 1\nslow\ntimers "
		"next\nproc\nfd\nlimits\nloop\n"
		"metrics\nhelp\nuptime\nloglevel\nsocks x\nquit\n",
		"GET /profile.json HTTP/1.1\r\n\r\n",
		"GET /metrics HTTP/1.1\r\n\r\n", "GET /socks HTTP/1.1\r\n\r\n",
		"GET / HTTP/1.1\r\n\r\n"};
	struct socle_addr at = {.len = sizeof(at.u)};
	bool listens = false;
	int err;

	faults_on();
	err = socle_console_command("say", NULL, say, NULL);
	r->heard += err < 0;
	err = socle_console_listen(where);
	r->heard += err < 0;
	if (err == 0 &&
		getsockname(socle__console()->listeners[0]->d.fd, &at.u.sa,
			&at.len) == 0)
		listens = true;
	for (int i = 0; listens && i < 5; i++)
		listens = ask(&at, texts[i]);
	r->heard += err == 0 && !listens;
	seam_heal();
	socle_console_close();
}

static void
tcp_run(int strikes, struct result *r)
{
	(void)strikes;
	console_run("127.0.0.1:0", r);
}

static void
unix_run(int strikes, struct result *r)
{
	char where[64];

	(void)strikes;
	snprintf(where, sizeof(where), "unix:/tmp/socle-sweep.c%ld",
		(long)getpid());
	unlink(where + strlen("unix:"));
	console_run(where, r);
	unlink(where + strlen("unix:"));
}

void
sweep_console(void)
{
	static const char why[] = "the operator asks again";
	static const struct scene scenes[] = {
		{"a console", tcp_run, why},
		{"a console on a unix socket", unix_run, why},
	};

	SWEEP(scenes);
}
