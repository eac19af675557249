/*
 * Name resolution on helper threads.
 *
 * A request has one owner at a time, which frees it: the list until it has
 * been resolved, then the mailbox of its loop, then the loop, which calls `fn'.
 * Cancelling sets a flag.  The memory for the answer is allocated in advance.
 *
 * The process has one list.  A request leaves it and is answered in one step,
 * under the lock.  fork(2) takes the lock too, so that a child, which has no
 * helper threads, finds each request either in the list or answered.
 */
#include "sockets/names/resolve.h"

#include "reactor/mailbox.h"
#include "reactor/reactor.h"
#include "sockets/names/answered.h"
#include "sockets/names/lookup.h"

#include "seam.h"

#include <stdatomic.h>
#include <string.h>

enum {
	THREADS = 8,
	STACK = 512 * 1024, /* NSS modules may need much of it */
	NAMED = -1          /* the service is a name, not a port */
};

typedef void answer_fn(
	int err, const struct socle_addr *addrs, size_t n, void *arg);

struct socle_resolve {
	struct socle_resolve *next;
	bool taken; /* a helper thread is resolving it */
	atomic_bool cancelled, answered;
	answer_fn *fn;
	void *arg;
	struct socle_loop *loop;      /* a reference */
	struct socle__deferred *call; /* carries the answer; NULL: sent */
	int family, type, port;
	int err;
	size_t n; /* addresses; > 0 in the list: only the service is a name */
	struct socle_addr *addrs;
	struct socle_addr numbers[2];
	char *service, host[];
};

/* The lock guards the rest.  While a request waits there is a helper. */
static struct {
	pthread_mutex_t lock;
	struct socle_resolve *first, **end;
	int threads;
	bool has_fork_handlers;
} pool = {.lock = PTHREAD_MUTEX_INITIALIZER, .end = &pool.first};

static void
resolve_free(void *arg)
{
	struct socle_resolve *r = arg;

	if (r->addrs != r->numbers)
		sys_free(r->addrs);
	sys_free(r->call);
	sys_free(r);
}

static void
deliver(void *arg)
{
	struct socle_resolve *r = arg;

	if (!atomic_load(&r->cancelled))
		r->fn(r->err, r->err < 0 ? NULL : r->addrs,
			r->err < 0 ? 0 : r->n, r->arg);
	resolve_free(r);
}

/* After this call the request belongs to its loop, or is freed. */
static void
answer(struct socle_resolve *r)
{
	struct socle_loop *to = r->loop;
	struct socle__deferred *call = r->call;

	*call = (struct socle__deferred){.kind = SOCLE__ITEM_POSTED,
		.fn = deliver,
		.drop = resolve_free,
		.arg = r,
		.arguments = "to, socle_resolve"};
	r->call = NULL;
	atomic_store(&r->answered, true);
	if (atomic_load(&r->cancelled) || socle__mailbox_put(to, call) < 0) {
		r->call = call;
		resolve_free(r);
	}
	socle_loop_release(to);
}

static int
take_addresses(struct socle_resolve *r, const struct addrinfo *found)
{
	int err = socle__lookup_addresses(found, true, &r->addrs, &r->n);

	for (size_t i = 0; i < r->n && r->port != NAMED; i++)
		r->addrs[i].u.in.sin_port = htons((uint16_t)r->port);
	return err;
}

static void
look_up(struct socle_resolve *r)
{
	struct addrinfo hints = {
		.ai_family = r->family, .ai_socktype = r->type};
	struct addrinfo *found = NULL;
	struct sockaddr_in in;
	int eai;

	do
		eai = sys_getaddrinfo(r->n > 0 ? NULL : r->host,
			r->port == NAMED ? r->service : NULL, &hints, &found);
	while (eai == EAI_SYSTEM && errno == EINTR);
	if (eai != 0) {
		r->err = socle__lookup_error(eai);
		return;
	}
	if (r->n == 0) {
		r->err = take_addresses(r, found);
	} else { /* the host is numeric: only the port is needed */
		memcpy(&in, found->ai_addr, sizeof(in));
		r->numbers[0].u.in.sin_port = in.sin_port;
		r->numbers[1].u.in.sin_port = in.sin_port;
	}
	sys_freeaddrinfo(found);
}

static void
lock(void)
{
	pthread_mutex_lock(&pool.lock);
}

static void
unlock(void)
{
	pthread_mutex_unlock(&pool.lock);
}

static void
list_remove(struct socle_resolve *r)
{
	struct socle_resolve **at = &pool.first;

	while (*at != r) /* taken requests are at the front */
		at = &(*at)->next;
	*at = r->next;
	if (pool.end == &r->next)
		pool.end = at;
}

static void *
helper(void *arg)
{
	struct socle_resolve *r;

	lock();
	for (;;) {
		for (r = pool.first; r && r->taken; r = r->next)
			;
		if (!r)
			break;
		r->taken = true;
		unlock();
		if (!atomic_load(&r->cancelled))
			look_up(r);
		lock();
		list_remove(r);
		answer(r);
	}
	pool.threads--;
	unlock();
	return arg;
}

/* The requests of other threads are lost, as those threads are. */
static void
after_fork_in_child(void)
{
	struct socle_loop *own =
		socle__reactor ? socle__reactor->mailbox : NULL;

	for (struct socle_resolve *r = pool.first, *next; r; r = next) {
		next = r->next;
		r->err = -ECANCELED;
		if (r->loop == own)
			answer(r);
	}
	pool.first = NULL;
	pool.end = &pool.first;
	pool.threads = 0;
	unlock();
}

/* False: there is no helper thread, and none can be started. */
static bool
list_add(struct socle_resolve *r)
{
	bool any;

	lock();
	if (!pool.has_fork_handlers)
		pool.has_fork_handlers =
			pthread_atfork(lock, unlock, after_fork_in_child) == 0;
	if (pool.has_fork_handlers && pool.threads < THREADS &&
		sys_thread_create(STACK, helper, NULL) == 0)
		pool.threads++;
	any = pool.threads > 0;
	if (any) {
		*pool.end = r;
		pool.end = &r->next;
	}
	unlock();
	return any;
}

/*
 * The port; NAMED; or -EINVAL for a number that libc would cut to 16 bits or
 * read with its sign.
 */
static int
read_port(const char *service)
{
	char *end;
	unsigned long n = strtoul(service, &end, 10);

	if (*end != '\0')
		return NAMED;
	if (service[strspn(service, "0123456789")] != '\0' || n > UINT16_MAX)
		return -EINVAL;
	return (int)n;
}

/* A numeric host only: not "[::1]", "1.2.3.4:80" or a path. */
static bool
read_host(struct socle_addr *ret, const char *host, int family, int port)
{
	return !strpbrk(host, family == AF_INET ? ":" : "[") &&
		socle_addr_parse(ret, host, (uint16_t)port) == 0 &&
		ret->u.sa.sa_family == family;
}

static struct socle_resolve *
resolve_new(const char *host, const char *service)
{
	size_t host_size = strlen(host) + 1, size = strlen(service) + 1;
	struct socle_resolve *r = sys_calloc(1, sizeof(*r) + host_size + size);

	if (!r)
		return NULL;
	memcpy(r->host, host, host_size);
	r->service = memcpy(r->host + host_size, service, size);
	r->call = sys_malloc(sizeof(*r->call));
	r->loop = r->call ? socle_loop_self() : NULL;
	if (r->loop)
		return r;
	resolve_free(r);
	return NULL;
}

SOCLE__CONSTRUCTOR int
socle_resolve(const char *host, const char *service, int family, int type,
	answer_fn *fn, void *arg, struct socle_resolve **ret)
{
	struct socle_resolve *r;
	int port = read_port(service ? service : "");

	if (!fn || port == -EINVAL || (host && !socle__is_host_text(host)))
		return -EINVAL;
	if (family != AF_UNSPEC && family != AF_INET && family != AF_INET6)
		return -EAFNOSUPPORT;
	r = resolve_new(host ? host : "", service ? service : "");
	if (!r)
		return -ENOMEM;
	r->family = family;
	r->type = type ? type : SOCK_STREAM;
	r->port = port;
	r->fn = fn;
	r->arg = arg;
	r->addrs = r->numbers;
	if (family != AF_INET)
		r->n += read_host(
			&r->numbers[0], host ? host : "::", AF_INET6, port);
	if (family != AF_INET6)
		r->n += read_host(&r->numbers[r->n], host ? host : "0.0.0.0",
			AF_INET, port);
	if (r->n > 0 && port != NAMED) {
		answer(r);
	} else if (!list_add(r)) {
		socle_loop_release(r->loop);
		resolve_free(r);
		return -ENOMEM;
	}
	if (ret)
		*ret = r;
	return 0;
}

bool
socle__resolve_is_answered(const struct socle_resolve *r)
{
	return atomic_load(&r->answered);
}

void
socle_resolve_cancel(struct socle_resolve *r)
{
	if (r)
		atomic_store(&r->cancelled, true);
}
