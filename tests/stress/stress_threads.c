/* backends: all */
/*
 * Threads with a loop each, which post to one another.
 *
 * Shows that posts from several threads at once run exactly once each, in the
 * order of each sender; and that where the receiving threads come and go all the
 * time, each post is run, dropped or refused: one of the three, and once.  Also
 * runs with SAN=tsan.  Prints the posts.
 */
#include "case.h"
#include "usage.h"

#include <socle/socle.h>

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { THREADS = 4, SENDERS = 3, MOST_UNDER_WAY = 200 };

/* ---- all to all ---- */

struct member;

struct post {
	struct member *to;
	int from;
	long number;
};

struct member {
	pthread_t thread;
	struct socle_loop *loop;
	int index;
	long sent, received, next[THREADS]; /* of each sender */
};

static struct member members[THREADS];
static pthread_barrier_t all_have_loops, all_have_ended;
static long each; /* posts from a member to another */

static void
posted(void *arg)
{
	struct post *p = arg;

	must(pthread_equal(pthread_self(), p->to->thread));
	must(p->number == p->to->next[p->from]);
	p->to->next[p->from]++;
	p->to->received++;
	free(p);
}

/* A few to each other member, and again in the next tick. */
static void
post_some(void *arg)
{
	struct member *m = arg;

	for (int i = 0; i < 16 && m->sent < each; i++, m->sent++) {
		for (int to = 0; to < THREADS; to++) {
			struct post *p = malloc(sizeof(*p));

			must(p);
			*p = (struct post){&members[to], m->index, m->sent};
			must(socle_post(members[to].loop, posted, p) == 0);
		}
	}
	if (m->sent < each)
		must(socle_defer(post_some, m) == 0);
}

static bool
has_all(void *arg)
{
	struct member *m = arg;

	return m->received == each * THREADS && m->sent == each;
}

static void *
member_main(void *arg)
{
	struct member *m = arg;

	m->loop = socle_loop_self();
	must(m->loop);
	pthread_barrier_wait(&all_have_loops);
	must(socle_defer(post_some, m) == 0);
	must(socle_run_until(has_all, m) == 1);
	pthread_barrier_wait(&all_have_ended);
	socle_loop_release(m->loop);
	return NULL;
}

static void
posts_among_threads_run_once_and_in_order(void)
{
	double from = seconds_now();

	each = scaled(200000, 10000);
	must(pthread_barrier_init(&all_have_loops, NULL, THREADS) == 0);
	must(pthread_barrier_init(&all_have_ended, NULL, THREADS) == 0);
	for (int i = 0; i < THREADS; i++) {
		members[i].index = i;
		must(pthread_create(&members[i].thread, NULL, member_main,
			     &members[i]) == 0);
	}
	for (int i = 0; i < THREADS; i++)
		must(pthread_join(members[i].thread, NULL) == 0);
	figure("%ld posts among %d threads in %.2f s", each * THREADS * THREADS,
		THREADS, seconds_now() - from);
}

/* ---- receivers that come and go ---- */

static atomic_long ran, dropped, refused, accepted;
static atomic_bool enough;
/* Where each sender finds its reference to the receiver of the moment. */
static _Atomic(struct socle_loop *) offered[SENDERS];

static void
run_it(void *arg)
{
	atomic_fetch_add(&ran, 1);
	free(arg);
}

static void
drop_it(void *arg)
{
	atomic_fetch_add(&dropped, 1);
	free(arg);
}

/* Nothing else limits what waits. */
static long
under_way(void)
{
	return atomic_load(&accepted) - atomic_load(&ran) -
		atomic_load(&dropped);
}

/* The loop that it posts to may be gone, or end at this moment. */
static void *
sender_main(void *arg)
{
	_Atomic(struct socle_loop *) *offer = arg;
	struct socle_loop *to = NULL, *newer;

	while (!atomic_load(&enough)) {
		void *block;
		int err;

		newer = atomic_exchange(offer, NULL);
		if (newer) {
			socle_loop_release(to);
			to = newer;
		}
		if (!to || under_way() > MOST_UNDER_WAY) {
			sched_yield();
			continue;
		}
		block = malloc(32);
		must(block);
		err = socle_post_or_drop(to, run_it, drop_it, block);
		if (err == 0) {
			atomic_fetch_add(&accepted, 1);
			continue;
		}
		must(err == -ESHUTDOWN);
		atomic_fetch_add(&refused, 1);
		free(block);
		sched_yield(); /* until there is another */
	}
	socle_loop_release(to);
	return NULL;
}

static bool
some_ran(void *arg)
{
	return atomic_load(&ran) >= *(long *)arg;
}

/* Runs a few posts and ends, without a word to those who post. */
static void *
receiver_main(void *arg)
{
	long until = atomic_load(&ran) + 20;

	for (int i = 0; i < SENDERS; i++) {
		struct socle_loop *mine = socle_loop_self();

		must(mine);
		socle_loop_release(atomic_exchange(&offered[i], mine));
	}
	must(socle_run_until(some_ran, &until) == 1);
	return arg;
}

static void
posts_to_threads_that_end_are_run_or_dropped(void)
{
	long receivers = scaled(2000, 200);
	pthread_t senders[SENDERS], receiver;

	for (int i = 0; i < SENDERS; i++)
		must(pthread_create(
			     &senders[i], NULL, sender_main, &offered[i]) == 0);
	for (long i = 0; i < receivers; i++) {
		must(pthread_create(&receiver, NULL, receiver_main, NULL) == 0);
		must(pthread_join(receiver, NULL) == 0);
	}
	atomic_store(&enough, true);
	for (int i = 0; i < SENDERS; i++)
		must(pthread_join(senders[i], NULL) == 0);
	for (int i = 0; i < SENDERS; i++)
		socle_loop_release(atomic_load(&offered[i]));
	figure("%ld threads: %ld posts run, %ld dropped, %ld refused",
		receivers, atomic_load(&ran), atomic_load(&dropped),
		atomic_load(&refused));
	must_equal("run or dropped", atomic_load(&ran) + atomic_load(&dropped),
		atomic_load(&accepted));
}

static const struct stress_case cases[] = {
	CASE(posts_among_threads_run_once_and_in_order),
	CASE(posts_to_threads_that_end_are_run_or_dropped),
};

int
main(void)
{
	return CASES_RUN(cases);
}
