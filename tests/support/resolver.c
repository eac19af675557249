/* resolver.h describes the functions. */
#include "tests/support/resolver.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>

enum { FOUND = 16 };

static struct socle__seam before;
static void *(*_Atomic helper)(void *arg);
static atomic_int threads, most_threads;
/* a lookup ran on the loop's thread, or with signals unblocked */
static atomic_bool misplaced;
static pthread_t loop_thread;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static bool held;
static int started, may_end, lists, code, code_errno;
static char question[256], answer[256];

int answers, last_err;

/* ---- threads ---- */

static void *
run_helper(void *arg)
{
	void *(*fn)(void *arg) = atomic_load(&helper);
	void *r = fn(arg);

	threads--;
	return r;
}

static int
start_helper(size_t stack, void *(*fn)(void *arg), void *arg)
{
	int n = ++threads;

	helper = fn;
	if (n > most_threads)
		most_threads = n;
	if (before.thread_create(stack, run_helper, arg) == 0)
		return 0;
	threads--;
	return -1;
}

int
resolver_threads(void)
{
	return threads;
}

int
resolver_max_threads(void)
{
	return most_threads;
}

void
resolver_wait_idle(void)
{
	while (threads > 0)
		sched_yield();
}

/* ---- answers ---- */

struct list {
	struct addrinfo info[FOUND];
	struct socle_addr addr[FOUND];
};

static struct addrinfo *
list_make(const char *text)
{
	struct list *l = calloc(1, sizeof(*l));
	char copy[256], *rest = copy, *word;
	int n = 0;

	snprintf(copy, sizeof(copy), "%s", text);
	for (; (word = strtok_r(rest, " ", &rest)) && n < FOUND; n++) {
		struct addrinfo *i = &l->info[n];

		if (socle_addr_parse(&l->addr[n], word, 0) < 0)
			abort();
		i->ai_family = l->addr[n].u.sa.sa_family;
		i->ai_addr = &l->addr[n].u.sa;
		i->ai_addrlen = l->addr[n].len;
		if (n > 0)
			l->info[n - 1].ai_next = i;
	}
	lists++;
	return l->info;
}

static void
list_free(struct addrinfo *list)
{
	pthread_mutex_lock(&lock);
	lists--;
	pthread_mutex_unlock(&lock);
	free(list);
}

/* requires: the lock */
static int
look_up(const char *host, const char *service, struct addrinfo **ret)
{
	char text[64];
	int number;

	if (code != 0) {
		errno = code_errno;
		return code;
	}
	if (!host)
		snprintf(text, sizeof(text), "[::1]:4242 127.0.0.1:4242");
	else if (sscanf(host, "h%d", &number) == 1)
		snprintf(text, sizeof(text), "10.0.0.%d:%s", number,
			service ? "4242" : "0");
	*ret = list_make(
		host && sscanf(host, "h%d", &number) != 1 ? answer : text);
	return 0;
}

static int
fake_getaddrinfo(const char *host, const char *service,
	const struct addrinfo *hints, struct addrinfo **ret)
{
	sigset_t set;
	int r;

	pthread_sigmask(SIG_SETMASK, NULL, &set);
	if (pthread_equal(pthread_self(), loop_thread) ||
		!sigismember(&set, SIGTERM) || !sigismember(&set, SIGUSR1))
		misplaced = true;
	pthread_mutex_lock(&lock);
	started++;
	snprintf(question, sizeof(question), "%s %s %d %d", host ? host : "-",
		service ? service : "-", hints->ai_family, hints->ai_socktype);
	pthread_cond_broadcast(&changed);
	while (held && may_end == 0)
		pthread_cond_wait(&changed, &lock);
	may_end -= held;
	r = look_up(host, service, ret);
	pthread_mutex_unlock(&lock);
	return r;
}

void
resolver_set_answer(const char *addresses)
{
	snprintf(answer, sizeof(answer), "%s", addresses);
}

void
resolver_fails(int with, int err)
{
	code = with;
	code_errno = err;
}

static void
release(bool hold, int n)
{
	pthread_mutex_lock(&lock);
	held = hold;
	may_end += n;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

void
resolver_hold(void)
{
	release(true, 0);
}

void
resolver_release(int n)
{
	release(true, n);
}

void
resolver_release_all(void)
{
	release(false, 0);
}

void
resolver_wait_started(int n)
{
	pthread_mutex_lock(&lock);
	while (started < n)
		pthread_cond_wait(&changed, &lock);
	pthread_mutex_unlock(&lock);
}

int
resolver_started(void)
{
	int n;

	pthread_mutex_lock(&lock);
	n = started;
	pthread_mutex_unlock(&lock);
	return n;
}

const char *
resolver_question(void)
{
	return question;
}

/* ---- setup and teardown ---- */

int
resolver_setup(void **state)
{
	before = socle__seam;
	socle__seam.thread_create = start_helper;
	socle__seam.getaddrinfo = fake_getaddrinfo;
	socle__seam.freeaddrinfo = list_free;
	loop_thread = pthread_self();
	held = false;
	misplaced = false;
	started = may_end = code = answers = last_err = 0;
	most_threads = 0;
	resolver_set_answer("10.0.0.1:0");
	return fixture_setup(state);
}

void
resolver_real(void)
{
	socle__seam.getaddrinfo = before.getaddrinfo;
	socle__seam.freeaddrinfo = before.freeaddrinfo;
}

int
resolver_teardown(void **state)
{
	int bad;

	resolver_release_all();
	resolver_wait_idle();
	socle__seam = before;
	bad = fixture_teardown(state);
	if (lists != 0 || misplaced) {
		print_error("%d lists of addresses left%s\n", lists,
			misplaced ? "; a look-up in the wrong place" : "");
		bad = 1;
	}
	lists = 0;
	return bad;
}

/* ---- the callback ---- */

void
answered(int err, const struct socle_addr *addrs, size_t n, void *arg)
{
	char text[512], *out = text;

	assert_true((err == 0) == (n > 0) && (n > 0) == (addrs != NULL));
	answers++;
	last_err = err;
	out += sprintf(out, "%s%s", (const char *)arg, err ? "!" : "=");
	for (size_t i = 0; i < n; i++) {
		out += i > 0 ? sprintf(out, ",") : 0;
		out += socle_addr_format(&addrs[i], out, 64);
	}
	note("%s", text);
}

struct socle_resolve *
resolver_request(const char *host)
{
	struct socle_resolve *r = NULL;
	union {
		const char *in;
		void *out;
	} tag = {.in = host};

	assert_int_equal(0,
		socle_resolve(host, NULL, AF_UNSPEC, 0, answered, tag.out, &r));
	assert_non_null(r);
	return r;
}
