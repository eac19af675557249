/*
 * The end of a run: no more troubles, the far ends read all that comes, and the
 * handlers only read.  Then what has to happen some time must have happened.
 */
#include "tests/model/model.h"

#include <errno.h>

enum { TICKS = 120 };

static bool
is_open(const struct stream *s)
{
	return s->used && s->node && !socle_closed(&s->node->sock);
}

static void
polite(struct stream *s)
{
	struct socle_socket *sock = &s->node->sock;

	if (s->writing)
		socle_watch_write(sock, false);
	(void)socle_tcp_cork(sock, false);
	/* Only what must be changed: any change may mend what is lost. */
	if (s->idle_ns)
		socle_set_idle_timeout(sock, 0);
	if (s->stall_ns)
		socle_set_write_timeout(sock, 0);
	s->idle_ns = s->stall_ns = 0;
	if (s->read_through)
		socle_set_reader_func(sock, NULL, NULL);
	if (s->writes_through)
		socle_set_writer_func(sock, NULL, NULL);
	s->read_through = s->writes_through = s->writing = false;
	if (!s->flushing && !s->got_end && !s->reading) {
		socle_watch_read(sock, true);
		s->reading = true;
	}
}

static void
far_ends_read(void)
{
	for (int i = 0; i < STREAMS; i++)
		if (streams[i].used)
			for (int k = 0; k < 4; k++)
				far_read(&streams[i], 4096);
}

static void
check_settled(struct stream *s)
{
	struct socle_socket *sock = &s->node->sock;
	bool far_there = s->far >= 0 && !s->far_gone;

	check_queue(s);
	if (!far_there || s->broke || s->ended)
		return;
	expect(socle_write_buf_size(sock) == 0 || s->loose,
		"stream %d: %d bytes stay in the queue", s->number,
		(int)socle_write_buf_size(sock));
	expect(s->loose || s->dropped || s->arrived == s->accepted,
		"stream %d: %d of %d bytes arrived", s->number, (int)s->arrived,
		(int)s->accepted);
	expect(s->discards || s->got_end || s->got == s->far_sent,
		"stream %d: %d of %d bytes were read", s->number, (int)s->got,
		(int)s->far_sent);
	expect(!s->far_shut || s->got_end || s->discards,
		"stream %d: the end of stream was not heard", s->number);
	expect((s->n_calls == 0 && s->n_files == 0) || s->loose,
		"stream %d: calls stay in the queue", s->number);
	expect(!s->flushing || s->dropped || s->loose,
		"stream %d: close_after_flush did not close", s->number);
}

/* With nothing to do a loop waits: it must not turn without end. */
static void
check_rest(void)
{
	int64_t before;
	int turns = 0;

	for (int i = 0; i < 30; i++) {
		before = sim_now();
		(void)socle_event_loop_once(1000);
		turns += sim_now() - before < 100000000;
	}
	expect(turns < 15, "the loop does not come to rest");
}

static void
turn(bool is_late)
{
	factories_settle();
	far_ends_read();
	dgrams_settle();
	if (is_late)
		sim_pass(1000000000);
	calls_tick();
	(void)socle_event_loop_once(0);
}

/* Whether bytes may still be on their way. */
static bool
is_unsettled(void)
{
	for (int i = 0; i < STREAMS; i++) {
		const struct stream *s = &streams[i];

		if (is_open(s) && s->far >= 0 &&
			(s->arrived != s->accepted || s->got != s->far_sent))
			return true;
	}
	return false;
}

void
settle(void)
{
	model.calm = true;
	sim_calm();
	for (int i = 0; i < STREAMS; i++)
		if (is_open(&streams[i]))
			polite(&streams[i]);
	for (int i = 0; i < TICKS; i++) {
		turn(i > TICKS / 3);
		if (i % 16 == 0)
			for (int k = 0; k < STREAMS; k++)
				if (is_open(&streams[k]) && !streams[k].got_end)
					polite(&streams[k]);
	}
	for (int i = 0; i < 20 && is_unsettled() && sim_rest(); i++)
		turn(true);
	for (int i = 0; i < STREAMS; i++)
		if (is_open(&streams[i]))
			check_settled(&streams[i]);
	calls_settled();
	factories_settled();
	dgrams_end();
	check_rest();
}

void
check_all_gone(void)
{
	for (int i = 0; i < STREAMS; i++)
		expect(!streams[i].used || !streams[i].node,
			"stream %d outlives the loop", streams[i].number);
	expect(tokens_live() == 0, "%d calls are owed after all",
		tokens_live());
	expect(socle_watched_sockets() == 0, "objects outlive the loop");
}
