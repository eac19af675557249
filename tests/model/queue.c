/*
 * What streams send.  Each byte of a stream has a position, and its value
 * depends on it; so what arrives shows at once what was lost, repeated or sent
 * out of turn.
 */
#include "tests/model/model.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static struct token tokens[TOKENS];

static uint64_t
taken(const struct stream *s)
{
	int fd = socle_fd(&s->node->sock);

	return fd < 0 ? 0 : sim_taken(fd) - s->taken_before;
}

static void
fill(const struct stream *s, uint8_t *data, size_t n, uint64_t from)
{
	for (size_t i = 0; i < n; i++)
		data[i] = sim_byte(s->seed, from + i);
}

static size_t
some_length(size_t most)
{
	size_t n = (size_t)choose(sometimes(8) ? most : most / 8);

	return n + 1;
}

/* ---- tokens ---- */

static struct token *
token_new(struct stream *s, enum token_kind kind, uint64_t n)
{
	int at = (int)choose(TOKENS);

	for (int i = 0; i < TOKENS; i++) {
		struct token *t = &tokens[(at + i) % TOKENS];

		if (t->live)
			continue;
		t->live = true;
		t->kind = kind;
		t->s = s;
		t->from = s->accepted;
		t->end = s->accepted + n;
		t->serial = ++model.serial;
		s->n_calls += kind == TOKEN_CALL;
		s->n_files += kind == TOKEN_FILE;
		return t;
	}
	return NULL;
}

static void
token_end(struct token *t)
{
	t->live = false;
	t->s->n_calls -= t->kind == TOKEN_CALL;
	t->s->n_files -= t->kind == TOKEN_FILE;
	memset(t->data, 0xdd, sizeof(t->data));
}

/* The library keeps a promise about the queue, the oldest first. */
static void
token_kept(struct token *t, const char *what)
{
	expect(t->live, "%s twice", what);
	expect(t->serial > t->s->last_serial, "%s out of turn", what);
	t->s->last_serial = t->serial;
	token_end(t);
}

/* The write was refused: it must not have been kept. */
static void
token_refused(struct token *t)
{
	expect(t->live, "a refused write was released or called");
	token_end(t);
}

int
tokens_live(void)
{
	int n = 0;

	for (int i = 0; i < TOKENS; i++)
		n += tokens[i].live;
	return n;
}

void
check_tokens(const struct stream *s)
{
	for (int i = 0; i < TOKENS; i++)
		expect(!tokens[i].live || tokens[i].s != s,
			"stream %d was destroyed and owes call %d", s->number,
			(int)tokens[i].kind);
}

/* ---- writes ---- */

/* What is known before a write, for what is looked at after it. */
struct attempt {
	bool closed, flushing, too_long, first;
	uint64_t operations, end, taken;
};

/* `n' bytes that belong at the end of the stream are about to be written. */
static struct attempt
attempt(struct stream *s, uint64_t n)
{
	size_t queued = socle_write_buf_size(&s->node->sock);
	struct attempt a = {
		.closed = socle_closed(&s->node->sock),
		.flushing = s->flushing,
		.first = queued == 0 && model.queue_depth == 0,
		.taken = sim_taken(s->fd),
		.too_long = n > 0 && s->cap && queued + n > s->cap,
		.operations = model.operations,
		.end = s->accepted + n,
	};

	s->accepted = a.end; /* callbacks inside may write behind it */
	s->armed = true;
	return a;
}

static void
attempt_ends(struct stream *s, const struct attempt *a, uint64_t n, int result)
{
	expect(!a->closed || result == -EBADF,
		"a write to a closed object said %d", result);
	expect(n == 0 || !a->flushing || s->ended || s->dropped || result < 0,
		"a write after close_after_flush was accepted");
	expect(result != -EAGAIN && result != -EINTR, "a write said %d",
		result);
	expect(!a->too_long || result < 0, "a write beyond the cap said %d",
		result);
	if (result == 1 && a->operations == model.operations &&
		model.queue_depth == 0)
		expect(socle_write_buf_size(&s->node->sock) == 0,
			"a write said 1, and something is queued");
	if (result == 0 && a->first && s->holds && n > 0 &&
		a->operations == model.operations &&
		sim_taken(s->fd) == a->taken) {
		s->held_at = sim_counts.waits;
		s->held_tried = sim_tried(s->fd);
	}
	if (result >= 0)
		return;
	if (s->accepted == a->end)
		s->accepted -= n;
	else
		s->ended = true;
	if (result != -ENOBUFS && result != -ESHUTDOWN)
		s->loose = true;
}

void
operate_write(struct stream *s)
{
	uint8_t data[4000];
	size_t n = some_length(sizeof(data) - 1);
	struct attempt a;

	fill(s, data, n, s->accepted);
	a = attempt(s, n);
	attempt_ends(s, &a, n, socle_write(&s->node->sock, data, n));
}

void
operate_writev(struct stream *s)
{
	uint8_t data[3000];
	struct iovec v[8];
	int n = 1 + (int)choose(8);
	size_t whole = 0;
	struct attempt a;

	for (int i = 0; i < n; i++) {
		size_t k = choose(4) ? (size_t)choose(300) : 0;

		v[i] = (struct iovec){.iov_base = data + whole, .iov_len = k};
		whole += k;
	}
	fill(s, data, whole, s->accepted);
	a = attempt(s, whole);
	attempt_ends(s, &a, whole, socle_writev(&s->node->sock, v, n));
}

void
operate_kick(struct stream *s)
{
	int result = socle_write_kick(&s->node->sock);

	s->held_at = 0;
	expect(result != -EAGAIN && result != -EINTR, "a kick said %d", result);
	if (result < 0)
		s->loose = true;
}

static void
released(bool sent, void *arg)
{
	struct token *t = arg;
	struct stream *s = t->s;

	callback_begin();
	model.queue_depth++;
	if (sent && t->live && socle_fd(&s->node->sock) >= 0 && !s->ended)
		expect(taken(s) >= t->end, "released before it was sent");
	if (!sent && !s->writes_through && !s->connecting && !s->ended &&
		!model.is_child) /* its fd may be another's by now */
		expect(sim_taken(s->fd) < s->taken_before + t->end,
			"released as not sent, and it was sent");
	token_kept(t, "a release");
	if (!sent)
		s->dropped = true;
	act_inside();
	model.queue_depth--;
	callback_end();
}

void
operate_ref(struct stream *s)
{
	size_t n = some_length(sizeof(tokens[0].data) - 1);
	struct token *t = token_new(s, TOKEN_REF, n);
	struct attempt a;
	int result;

	if (!t)
		return;
	fill(s, t->data, n, s->accepted);
	a = attempt(s, n);
	result = socle_write_ref(&s->node->sock, t->data, n, released, t);
	if (result < 0)
		token_refused(t);
	attempt_ends(s, &a, n, result);
}

static void
called(struct socle_socket *sock, void *arg)
{
	struct token *t = arg;
	struct stream *s = t->s;

	callback_begin();
	model.queue_depth++;
	expect(sock == &s->node->sock, "a call with another object");
	expect(!socle_closed(sock), "a call on a closed object");
	expect(taken(s) >= t->from, "a call before the bytes before it");
	token_kept(t, "a call");
	act_inside();
	model.queue_depth--;
	callback_end();
}

static void
call_dropped(void *arg)
{
	struct token *t = arg;

	callback_begin();
	model.queue_depth++;
	t->s->dropped = true;
	token_kept(t, "a drop");
	act_inside();
	model.queue_depth--;
	callback_end();
}

void
operate_call(struct stream *s)
{
	struct token *t = token_new(s, TOKEN_CALL, 0);
	struct attempt a;
	int result;

	if (!t)
		return;
	a = attempt(s, 0);
	result = socle_write_func(&s->node->sock, called, call_dropped, t);
	if (result < 0)
		token_refused(t);
	attempt_ends(s, &a, 0, result);
}

/* ---- files ---- */

static void
file_done(struct socle_socket *sock, const struct socle_sent *how, void *arg)
{
	struct token *t = arg;
	struct stream *s = t->s;
	uint64_t length = t->end - t->from;

	callback_begin();
	model.queue_depth++;
	expect(sock == &s->node->sock, "done with another object");
	expect(how->err == 0 || how->err < 0, "done with %d", how->err);
	expect(how->sent <= length && (how->err || how->sent == length),
		"done after %d of %d bytes", (int)how->sent, (int)length);
	expect(how->err == 0 || how->sent + how->remaining == length ||
			how->remaining == 0,
		"done: %d sent, %d remain of %d", (int)how->sent,
		(int)how->remaining, (int)length);
	if (how->err)
		s->dropped = true;
	token_kept(t, "a done");
	act_inside();
	model.queue_depth--;
	callback_end();
}

/* The file's bytes are those that the stream has at these positions. */
void
operate_file(struct stream *s)
{
	size_t n = some_length(3000), skip = (size_t)choose(50);
	struct token *t = token_new(s, TOKEN_FILE, n);
	struct socle_sendfile what;
	uint64_t serial;
	struct attempt a;
	int fd, result;

	if (!t)
		return;
	fd = sim_file(skip + n, s->seed, s->accepted - skip);
	if (fd < 0) {
		token_end(t);
		return;
	}
	what = (struct socle_sendfile){
		.fd = fd,
		.close_fd = true,
		.offset = (int64_t)skip,
		.length = sometimes(2) ? (int64_t)n : SOCLE_TO_END,
		.done = file_done,
		.arg = t,
	};
	serial = t->serial;
	a = attempt(s, n);
	a.too_long = false; /* a file counts 1 */
	result = socle_sendfile(&s->node->sock, &what);
	if (result < 0) {
		token_refused(t);
		sim_outside_begin();
		close(fd);
		sim_outside_end();
	} else if (t->live && t->serial == serial && sometimes(30)) {
		sim_file_resize(fd, skip + n / 2);
	}
	attempt_ends(s, &a, n, result);
}

/* ---- the size of the queue ---- */

static uint64_t
unsent_of_files(const struct stream *s, uint64_t handed)
{
	uint64_t sum = 0;

	for (int i = 0; i < TOKENS && s->n_files > 0; i++) {
		const struct token *t = &tokens[i];

		if (t->live && t->s == s && t->kind == TOKEN_FILE &&
			t->end > handed)
			sum += t->end - (t->from > handed ? t->from : handed);
	}
	return sum;
}

void
check_queue(struct stream *s)
{
	size_t size = socle_write_buf_size(&s->node->sock);
	uint64_t handed = taken(s), data;

	if (socle_closed(&s->node->sock)) {
		expect(size == 0 || model.depth > 0,
			"a closed object has a queue");
		return;
	}
	if (s->loose || s->dropped || s->ended || s->broke || s->closing ||
		model.queue_depth > 0)
		return;
	expect(handed <= s->accepted, "%d bytes of %d were sent", (int)handed,
		(int)s->accepted);
	data = s->accepted - handed - unsent_of_files(s, handed);
	expect(size == data + (unsigned)s->n_calls + (unsigned)s->n_files,
		"stream %d: %d are queued: %d bytes, %d calls, %d files",
		s->number, (int)size, (int)data, s->n_calls, s->n_files);
	if (size > 0 && !s->flushing)
		s->owes_drain = true;
	expect(size > 0 || !s->owes_drain || s->flushing || model.depth > 0 ||
			model.is_child,
		"stream %d: the queue is empty, without a drain", s->number);
}

/* ---- the far end ---- */

void
far_read(struct stream *s, size_t most)
{
	uint8_t data[4096];
	ssize_t n;

	if (s->far < 0 || s->far_gone)
		return;
	sim_outside_begin();
	n = read(s->far, data, most < sizeof(data) ? most : sizeof(data));
	sim_outside_end();
	s->far_at = sim_awake();
	for (ssize_t i = 0; i < n; i++)
		expect(data[i] == sim_byte(s->seed, s->arrived + (size_t)i),
			"stream %d: byte %d is wrong at the far end", s->number,
			(int)(s->arrived + (size_t)i));
	if (n > 0)
		s->arrived += (uint64_t)n;
	expect(s->loose || s->arrived <= s->accepted,
		"stream %d: %d bytes arrived, %d were accepted", s->number,
		(int)s->arrived, (int)s->accepted);
}
