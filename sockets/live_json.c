/* live_json.h describes the function. */
#include "sockets/live_json.h"

#include "reactor/loop.h"
#include "reactor/metrics_text.h"
#include "reactor/reactor.h"
#include "reactor/version.h"
#include "sockets/socket.h"
#include "sockets/totals.h"

#include "seam.h"

enum { SOCKETS_SHOWN = 25 };

struct listing {
	struct socle__text *t;
	const struct socle__ages *ages;
	bool is_queued; /* those with a queue come first */
	int n;
};

static void
put_class(struct socle__text *t, const struct socle__class_total *of)
{
	socle__text_print(t, "{\"name\":");
	socle__text_quote(t, of->name);
	socle__text_print(t,
		",\"objects\":%zu,\"queued\":%zu,\"bytes\":%zu,\"most\":%zu,"
		"\"age\":%lld",
		of->objects, of->queued, of->bytes, of->most,
		(long long)(of->oldest_ns / 1000000000));
	for (int i = 0; i < SOCLE__ACTIVITIES; i++)
		socle__text_print(t, ",\"%s\":%zu", socle__activity_names[i],
			of->by_activity[i]);
	socle__text_print(t, "}");
}

static void
put_classes(struct socle__text *t)
{
	struct socle__class_total *all;
	int n = socle__class_totals(&all);

	if (n < 0) {
		t->failed = true;
		return;
	}
	for (int i = 0; i < n; i++) {
		socle__text_print(t, i > 0 ? "," : "");
		put_class(t, &all[i]);
	}
	sys_free(all);
}

/* Formatting it is the class's, which may do anything. */
static void
put_socket(struct socle_socket *s, void *arg)
{
	struct listing *l = arg;
	int64_t age;
	char text[256];

	if (l->n >= SOCKETS_SHOWN || (s->queued > 0) != l->is_queued)
		return;
	age = socle__age_of(l->ages, &s->d);
	socle__text_print(l->t,
		"%s{\"fd\":%d,\"age\":%lld,\"queued\":%zu,\"in\":%llu,"
		"\"out\":%llu,\"does\":\"%s\",\"text\":",
		l->n++ > 0 ? "," : "", s->d.fd, (long long)age, s->queued,
		(unsigned long long)socle_bytes_in(s),
		(unsigned long long)socle_bytes_out(s),
		socle__activity_names[socle__activity_of(s)]);
	(void)socle_as_string(s, text, sizeof(text));
	socle__text_quote(l->t, text);
	socle__text_print(l->t, "}");
}

void
socle__live_json(struct socle__text *t, const struct socle__ages *ages,
	long long uptime, bool draining)
{
	struct socle__reactor *r = socle__reactor;
	struct listing l = {t, ages, true, 0};

	socle__text_print(t,
		"{\"version\":\"%s\",\"backend\":\"%s\",\"pid\":%lld,"
		"\"uptime\":%lld,\"timers\":%zu,\"open\":%zu,"
		"\"draining\":%s,\"profiling\":%s,\"now\":",
		SOCLE_VERSION, socle_backend(), (long long)getpid(), uptime,
		r->timers.pending, socle_watched_sockets(),
		draining ? "true" : "false",
		r->profile.on & ~(unsigned)SOCLE__PROFILE_SLOW ? "true"
							       : "false");
	socle__text_seconds(t, (uint64_t)socle__now(r));
	socle__text_print(t, ",\"metrics\":");
	socle__metrics_json(t);
	socle__text_print(t, ",\"classes\":[");
	put_classes(t);
	socle__text_print(t, "],\"sockets\":[");
	socle_each_descriptor(put_socket, &l);
	l.is_queued = false;
	socle_each_descriptor(put_socket, &l);
	socle__text_print(t, "],\"profile\":");
	(void)socle_profile_report(SOCLE_REPORT_JSON, socle__text_add, t);
	socle__text_print(t, "}\n");
}
