/* sweep.h describes the functions. */
#include "tests/sweep/sweep.h"

#include "tests/support/fixture.h"
#include "tests/support/making.h"
#include "tests/sweep/errnos.h"
#include "tests/sweep/unheard.h"

#include <signal.h>

enum { SHOWN = 60, PLACES = 512, ONCE = 0, FROM_THEN_ON = 1, MODES = 2 };

/* What was swept, for the sums. */
static struct {
	unsigned long runs, struck, heard;
	bool done[PLACES][ERRORS_MOST + 1][MODES];
	int unheard[PLACES]; /* the last error that was complained about */
	int scenes[PLACES];
} sums;

struct fault {
	const struct socle__site *site; /* NULL: none */
	unsigned long nth;
	int err;
	long times;
};

/*
 * Of this run.  Some places are reached only after another has failed; then that
 * is `first'.
 */
static struct fault first, fault;

/* Of this scene: calls without a fault, and what led to the other places. */
static unsigned long calls[PLACES], calls_of_all;
static struct fault leads_to[PLACES];

static char label[400];
static int failures;

/* ---- after the faults ---- */

/* Whether nothing is ready: a tick waits for its whole timeout. */
static bool
is_quiet(void)
{
	for (int i = 0; i < 20; i++) {
		double before = seam_time();

		if (socle_event_loop_once(20) < 0)
			return false;
		if (seam_time() - before > 0.0199)
			return true;
	}
	return false;
}

/* The loop serves one more object and does not spin; NULL, or what is wrong. */
static const char *
loop_problem(void)
{
	struct socle_socket *s = NULL;
	const char *problem = NULL;
	int fds[2];

	pair_unix(fds);
	if (!is_quiet())
		problem = "the loop fails or spins after the fault";
	if (socle_socket_new(&probe_class, fds[0], &s) < 0) {
		close(fds[0]);
		close(fds[1]);
		return "no object can be made after the fault";
	}
	probe_of(s)->read_size = 1;
	socle_watch_read(s, true);
	if (write(fds[1], "x", 1) != 1)
		abort();
	for (int i = 0; i < 4 && probe_of(s)->got_len == 0; i++)
		(void)socle_event_loop_once(5);
	if (probe_of(s)->got_len != 1 && !problem)
		problem = "an object is not served after the fault";
	socle_close(s, "done");
	close(fds[1]);
	return problem;
}

/* ---- one run ---- */

static void
say_label(int signo)
{
	(void)!write(STDERR_FILENO, label, strlen(label));
	(void)!write(STDERR_FILENO, "\n", 1);
	signal(signo, SIG_DFL);
	raise(signo);
}

static size_t
fault_describe(char *to, size_t space, const struct fault *f)
{
	if (!f->site)
		return 0;
	return (size_t)snprintf(to, space, "%s:%d %s(): %s %lu%s: %s; ",
		f->site->file, f->site->line, f->site->function, f->site->call,
		f->nth, f->times == 1 ? "" : " and on",
		f->err == SHORT ? "one byte" : strerror(f->err));
}

static void
label_make(const struct scene *s)
{
	size_t n = (size_t)snprintf(label, sizeof(label), "%s: ", s->name);

	n += fault_describe(label + n, sizeof(label) - n, &first);
	fault_describe(label + n, sizeof(label) - n, &fault);
}

void
faults_on(void)
{
	sites_watch();
	if (calls_of_all)
		sites_limit(calls_of_all * 100 + 100000);
	for (int i = 0; i < 2; i++) {
		const struct fault *f = i ? &fault : &first;

		if (f->site)
			site_fail(f->site, f->nth, f->err, f->times);
	}
}

static void
complain(const char *problem)
{
	if (failures++ < SHOWN)
		print_error("%s%s\n", label, problem);
}

static void
run(const struct scene *s, int strikes, struct result *r)
{
	int fds = fds_open();
	long blocks = seam_live_blocks();

	label_make(s);
	*r = (struct result){.heard = 0};
	seam_reset();
	seam_time_virtual();
	s->run(strikes, r);
	seam_heal();
	if (!r->problem)
		r->problem = loop_problem();
	socle_reset();
	notes_clear();
	if (r->problem)
		complain(r->problem);
	else if (fds_open() != fds)
		complain("fds are left");
	else if (seam_live_blocks() != blocks)
		complain("blocks of memory are left");
}

bool
sweep_may_return(int err)
{
	return err == -fault.err || (first.site && err == -first.err);
}

/* ---- faults ---- */

static bool
may_be_unheard(const struct fault *f)
{
	return f->err == SHORT || site_call(f->site) == CALL_close ||
		is_temporary(site_call(f->site), f->err) ||
		why_unheard(f->site, f->err);
}

/* One complaint for a place and an error suffices. */
static void
check_heard(const struct scene *s, const struct result *r)
{
	int *last = &sums.unheard[fault.site->number];

	if (r->heard > 0 || s->why_unheard || may_be_unheard(&fault) ||
		(first.site && may_be_unheard(&first)) || *last == fault.err)
		return;
	complain("it was not reported");
	*last = fault.err;
}

static int
strikes_of(const struct fault *f)
{
	if (!f->site || f->err == SHORT || site_call(f->site) == CALL_close)
		return 0;
	return !is_temporary(site_call(f->site), f->err);
}

/*
 * While something is short, the library asks for it again at most a hundred times
 * a second, after a burst.  A program that hears of each failure may itself have
 * asked again.
 */
static bool
spins(const struct result *r)
{
	double most = 300 + 100 * sites_seconds();

	return fault.times < 0 && !first.site && is_shortage(fault.err) &&
		!why_repeated(fault.site) && (double)sites_struck() > most &&
		5 * (unsigned long)r->heard < sites_struck();
}

/* Remembers how places were reached that are not without a fault. */
static void
leads_note(void)
{
	size_t n;
	struct socle__site **list = sites_list(&n);

	for (size_t i = 0; i < n; i++)
		if (!calls[i] && !leads_to[i].site && site_calls(list[i]) > 0)
			leads_to[i] = fault;
}

/* SOCLE_SWEEP=text: only faults whose description has it; they are printed. */
static bool
is_wanted(const struct scene *s)
{
	const char *only = getenv("SOCLE_SWEEP");

	if (!only)
		return true;
	label_make(s);
	if (!strstr(label, only))
		return false;
	print_message("%s\n", label);
	return true;
}

static void
run_under_fault(const struct scene *s)
{
	int strikes = strikes_of(&first) + strikes_of(&fault);
	struct result r;

	if (!is_wanted(s))
		return;
	if (fault.times != 1 || (first.site && first.times != 1))
		strikes = -1;
	run(s, strikes, &r);
	sums.runs++;
	sums.struck += sites_struck() > 0;
	sums.heard += r.heard > 0;
	if (sites_struck() == 0)
		complain("the fault did not strike");
	else if (spins(&r))
		complain("the library spins while the fault lasts");
	else if (!r.problem)
		check_heard(s, &r);
	if (!first.site)
		leads_note();
}

/* ---- all of them ---- */

bool
long_form(void)
{
	const char *text = getenv("SOCLE_TEST_LONG");

	return text && *text && strcmp(text, "0") != 0;
}

/* The distance between two of n calls of a place that are tried. */
static unsigned long
stride(unsigned long n)
{
	unsigned long tried =
		long_form() ? 200 : (unsigned long)scaled(SWEEP_DEPTH, 3);

	return n <= tried ? 1 : (n + tried - 1) / tried;
}

static void
sweep_error(const struct scene *s, const struct socle__site *site,
	unsigned long n, int e, int err)
{
	for (int mode = 0; mode < MODES; mode++) {
		sums.done[site->number][e][mode] = true;
		for (unsigned long k = 1; k <= n; k += stride(n)) {
			fault = (struct fault){.site = site,
				.nth = k,
				.err = err,
				.times = mode == ONCE
					? 1
					: most_in_a_row(site, err)};
			run_under_fault(s);
		}
	}
	fault.site = NULL;
}

static void
sweep_site(
	const struct scene *s, const struct socle__site *site, unsigned long n)
{
	const int *errors = errnos_of(site_call(site));

	sums.scenes[site->number]++;
	for (int e = 0; errors[e]; e++)
		if (!why_impossible(site, errors[e]))
			sweep_error(s, site, n, e, errors[e]);
	if (moves_bytes(site_call(site)) && !why_impossible(site, SHORT))
		sweep_error(s, site, n, ERRORS_MOST, SHORT);
}

/*
 * The calls of each place in a run without faults.  The first run makes those
 * that are made once per process.
 */
static bool
calls_learn(const struct scene *s)
{
	size_t n;
	struct socle__site **list = sites_list(&n);
	struct result r;

	int before = failures;

	sites_watch();
	calls_of_all = 0;
	memset(leads_to, 0, sizeof(leads_to));
	first.site = fault.site = NULL;
	for (int i = 0; i < 2; i++)
		run(s, 0, &r);
	for (size_t i = 0; i < n; i++)
		calls[i] = site_calls(list[i]);
	calls_of_all = sites_calls();
	if (r.heard)
		complain("an error without a fault");
	return failures == before;
}

/* SOCLE_SCENE=text: only scenes whose name has it. */
static void
sweep_scene(const struct scene *s)
{
	const char *only = getenv("SOCLE_SCENE");
	size_t n;
	struct socle__site **list = sites_list(&n);

	if (only && !strstr(s->name, only))
		return;

	if (!calls_learn(s))
		return;
	for (size_t i = 0; i < n; i++)
		if (calls[i] > 0)
			sweep_site(s, list[i], calls[i]);
	for (size_t i = 0; i < n; i++) {
		first = leads_to[i];
		if (first.site)
			sweep_site(s, list[i], 1);
	}
	first.site = NULL;
}

void
sweep(const struct scene *scenes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		sweep_scene(&scenes[i]);
	label[0] = '\0';
	seam_reset();
}

/* ---- two at once ---- */

/* One call of a place that the scene reaches, with one of its errors. */
static struct fault
random_fault(struct socle__site **list, size_t n)
{
	for (;;) {
		const struct socle__site *s = list[(size_t)rand() % n];
		const int *errors = errnos_of(site_call(s));
		int err = errors[rand() % ERRORS_MOST];

		if (err && calls[s->number] && !why_impossible(s, err))
			return (struct fault){.site = s,
				.nth = 1 +
					(unsigned long)rand() %
						calls[s->number],
				.err = err,
				.times = 1};
	}
}

void
sweep_pairs(const struct scene *s, int runs)
{
	const char *text = getenv("SOCLE_TEST_SEED");
	unsigned seed =
		text ? (unsigned)strtoul(text, NULL, 10) : (unsigned)time(NULL);
	size_t n;
	struct socle__site **list = sites_list(&n);

	if (!calls_learn(s))
		return;
	srand(seed);
	for (int i = 0; i < runs; i++) {
		first = random_fault(list, n);
		fault = random_fault(list, n);
		run_under_fault(s);
	}
	first.site = fault.site = NULL;
	label[0] = '\0';
	if (failures)
		print_error("SOCLE_TEST_SEED=%u\n", seed);
}

/* ---- sums ---- */

int
scenes_reaching(const struct socle__site *s)
{
	return sums.scenes[s->number];
}

static unsigned long
combinations(void)
{
	unsigned long n = 0;

	for (int i = 0; i < PLACES; i++)
		for (int e = 0; e <= ERRORS_MOST; e++)
			n += (unsigned long)sums.done[i][e][ONCE] +
				sums.done[i][e][FROM_THEN_ON];
	return n;
}

void
sweep_print_sums(void)
{
	size_t n, reached = 0, excused = 0;
	struct socle__site **list = sites_list(&n);

	for (size_t i = 0; i < n; i++)
		if (scenes_reaching(list[i]) > 0)
			reached++;
		else
			excused += why_unreached(list[i]) != NULL;
	print_message("%zu of %zu places reached, %zu have a reason; %lu "
		      "(place, error, mode) in %lu runs: %lu struck, %lu "
		      "reported\n",
		reached, n, excused, combinations(), sums.runs, sums.struck,
		sums.heard);
}

int
sweep_setup(void **state)
{
	signal(SIGABRT, say_label);
	signal(SIGALRM, say_label);
	signal(SIGSEGV, say_label);
	failures = 0;
	fixture_setup(state);
	alarm(long_form() ? 1800 : 500); /* valgrind is slow */
	return 0;
}

int
sweep_teardown(void **state)
{
	if (label[0])
		print_error("%sthe test ended here\n", label);
	label[0] = '\0';
	return fixture_teardown(state) | (failures > 0);
}
