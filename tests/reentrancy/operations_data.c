/* Watching, writing, pushing back and configuring inside a callback. */
#include "tests/reentrancy/operations.h"

#include "tests/reentrancy/actors.h"

/* What a call returns for this object of the batch, if it is 0 for open ones. */
static int
result_for(enum role role)
{
	if (!is_open(role))
		return -EBADF;
	return role == X && has(DATAGRAMS) ? -EINVAL : 0;
}

/* ---- watching ---- */

static bool
watches(enum role role, unsigned event)
{
	return (socle_watching(w.sock[role]) & event) != 0;
}

static void
watch_all(void)
{
	w.unwatched = false;
	for (enum role role = E; role <= L; role++) {
		struct socle_socket *s = w.sock[role];

		if (!s)
			continue;
		socle_watch_write(s, true);
		socle_watch_read(s, false);
		expect(watches(role, SOCLE_WRITE) == is_open(role));
		socle_watch_write(s, false);
		socle_watch_read(s, true);
		expect(watches(role, SOCLE_READ) == is_open(role));
	}
}

const struct operation watching = {
	.name = "turning watches off and on",
	.act = watch_all,
};

static void
watch_nothing(void)
{
	socle_watch_read(w.sock[E], false);
	socle_watch_read(w.sock[L], false);
	w.unwatched = true;
}

static void
watch_again(void)
{
	w.unwatched = false;
	for (enum role role = E; role <= L; role += L)
		if (w.sock[role])
			socle_watch_read(w.sock[role], true);
}

const struct operation not_watching = {
	.name = "turning off the watches of others",
	.act = watch_nothing,
	.settle = watch_again,
};

/* ---- writing: bytes, a reference, a call and a file ---- */

/*
 * On a lost connection the first write fails, and closes the object; unless the
 * connection has been refused, which its event_err is reporting.
 */
static void
expect_result(enum role role, int refusal, int result)
{
	if (refusal < 0)
		expect(result == refusal);
	else if (role == X && has(BROKEN))
		expect(is_open(X) ? result == -ECONNREFUSED : result <= 0);
	else if (role == X && has(QUEUES))
		expect(result == 0);
	else
		expect(result >= 0);
}

static void
write_all_forms(enum role role)
{
	int refusal = result_for(role);

	expect_result(role, refusal, socle_write(w.sock[role], "a", 1));
	refusal = result_for(role);
	expect_result(role, refusal, promise_ref(promise_new(role), "b"));
	refusal = result_for(role);
	expect_result(role, refusal, promise_call(promise_new(role)));
	refusal = result_for(role);
	expect_result(role, refusal, promise_file(promise_new(role)));
	refusal = is_open(role) ? 0 : -EBADF;
	if (!has(BROKEN))
		expect(refusal ? socle_write_kick(w.sock[role]) == refusal
			       : socle_write_kick(w.sock[role]) >= 0);
}

static void
send_datagram(void)
{
	struct socle_dgram *d =
		socle_container_of(w.sock[X], struct socle_dgram, sock);
	int r = socle_dgram_send(d, "a", 1, 0, NULL);

	if (has(CLOSED)) {
		expect(r == -EBADF);
	} else {
		expect(r >= 0);
		w.taken++;
	}
}

static void
write_to_all(void)
{
	if (is_open(X))
		socle_set_autoflush(w.sock[X], true);
	for (enum role role = E; role <= L; role++)
		if (w.sock[role])
			write_all_forms(role);
	if (has(DATAGRAMS))
		send_datagram();
}

static void
check_written(void)
{
	expect(strcmp(w.out[E], "abfi") == 0);
	expect(strcmp(w.out[L], "rabfi") == 0);
	if (!has(NO_OBJECT | DATAGRAMS | ENDS) && w.peer[X] >= 0 &&
		strcmp(w.kind->name, "the writer function") != 0)
		expect(strstr(w.out[X], "abfi") != NULL);
}

const struct operation writing = {
	.name = "writing",
	.act = write_to_all,
	.check = check_written,
};

/* ---- pushing back ---- */

static void
push_back(void)
{
	w.unwatched = false;
	for (enum role role = E; role <= L; role++) {
		struct socle_socket *s = w.sock[role];

		if (!s)
			continue;
		expect(socle_push_back_read(s, "p", 1) == result_for(role));
		expect(socle_unread(s, "u", 1) == result_for(role));
		if (result_for(role) == 0)
			expect(socle_pending(s) >= 2);
		socle_watch_read(s, true);
	}
}

static bool
is_pushed_back(enum role role)
{
	const char *u = strchr(w.got[role], 'u');

	return u && strchr(u, 'p');
}

static void
check_pushed_back(void)
{
	expect(is_pushed_back(E) && is_pushed_back(L));
	if (!has(NO_OBJECT | DATAGRAMS | ENDS))
		expect(is_pushed_back(X));
}

const struct operation pushing_back = {
	.name = "pushing back",
	.act = push_back,
	.check = check_pushed_back,
};

/* ---- classes ---- */

static void
change_classes(void)
{
	for (enum role role = E; role <= L; role++) {
		struct socle_socket *s = w.sock[role];
		const struct socle_class *other = &sub_class;

		if (!s)
			continue;
		if (role == X && has(DATAGRAMS))
			other = &dgram_sub_class.cls;
		expect(socle_set_class(s, other) ==
			(is_open(role) ? 0 : -EBADF));
		expect((socle_class_of(s) == other) == is_open(role));
	}
}

static void
check_sub_reads(void)
{
	expect(w.forked || w.sub_reads >= 2);
}

const struct operation changing_classes = {
	.name = "changing classes",
	.act = change_classes,
	.check = check_sub_reads,
};

/* ---- marks, cap, timeouts and autoflush ---- */

static void
mark(struct socle_socket *s, bool above, void *arg)
{
	(void)arg;
	expect(event_of(s, "a mark") == L);
	expect(w.above == w.below + !above);
	*(above ? &w.above : &w.below) += 1;
}

static void
configure_one(enum role role, size_t cap)
{
	struct socle_socket *s = w.sock[role];
	int r = is_open(role) ? 0 : -EBADF;

	expect(socle_set_idle_timeout(s, 1000) == r);
	expect(socle_set_write_timeout(s, 1000) == r);
	expect(socle_set_write_cap(s, cap) == r);
}

static void
configure_x(void)
{
	struct socle_dgram_params p = {.max_queue_items = 8};

	configure_one(X, 1000);
	expect(socle_set_water_marks(w.sock[X], 0, 1000, NULL, NULL) ==
		(is_open(X) ? 0 : -EBADF));
	if (has(DATAGRAMS))
		expect(socle_dgram_configure(socle_container_of(w.sock[X],
						     struct socle_dgram, sock),
			       &p, SOCLE_DGRAM_MAX_QUEUE_ITEMS) ==
			(is_open(X) ? 0 : -EBADF));
}

/* L is above its mark and its cap at once. */
static void
configure(void)
{
	if (w.sock[X])
		configure_x();
	configure_one(L, 1);
	expect(socle_set_water_marks(w.sock[L], 0, 1, mark, NULL) == 0);
	expect(w.above == 1 && w.below == 0);
	expect(socle_write(w.sock[L], "zz", 2) == -ENOBUFS);
	configure_one(E, 0);
	socle_set_autoflush(w.sock[E], false);
	expect(socle_write(w.sock[E], "c", 1) == 0);
}

static void
check_configured(void)
{
	expect(w.above == 1 && w.below == 1);
	expect(strcmp(w.out[E], "c") == 0);
	expect(strcmp(w.out[L], "r") == 0);
}

const struct operation configuring = {
	.name = "configuring",
	.act = configure,
	.check = check_configured,
};
