/*
 * Private to the scenario: scenario.c runs and judges it, scenario_lines.c has
 * the clients and the objects that serve them, scenario_parts.c has all other
 * parts.
 */
#ifndef SOCLE_TESTS_SCENARIO_PRIVATE_H
#define SOCLE_TESTS_SCENARIO_PRIVATE_H

#include "tests/support/scenario.h"

enum { TRIES = 4, CHUNK = 6000, MOST = 1 << 16, PIPE_BYTES = 12000 };

/*
 * The sizes of the files: bytes, a file, bytes, a pipe; and through a writer
 * function.
 */
enum { FILES_BYTES = 1000 + 5000 + 500 + 700, FILTERED_BYTES = 3000 };

/* The parts that may receive an error, apart from the lines. */
enum part {
	CALL_REFUSED, /* a call that was repeated; counted, not waited for */
	LOOP,
	EMBEDDED_TIMER,
	ID_TIMER,
	OTHER_FD,
	DEFERRED,
	POSTED,
	SIGNALLED,
	NESTED,
	SOURCE,
	SINK,
	IDLE,
	STALLED,
	BROKEN,
	HELD_BACK,
	STOLEN,
	FILTERED,
	FILES,
	FILTERED_FILE,
	GHOST,
	PARTS
};

/* A client, and the object that serves it. */
enum { LINES = 3, NEW_LINE = LINES };
struct line {
	size_t total, sent, got;
	int fd; /* the client's end; -1: closed */
	int port;
	bool is_unix, shut;
	bool served;  /* an object was made for it */
	bool ended;   /* the client saw the end */
	bool erred;   /* the object received an error */
	size_t taken; /* bytes that the object's writes accepted */
	/* ... and of the write that broke it, possibly sent in part */
	size_t maybe_sent;
};

/* Borrowed bytes, valid until the end of the run. */
struct ref {
	int released;
	char data[CHUNK];
};

struct scenario {
	bool lasting;
	char problem[256];
	int erred[PARTS];
	bool done[PARTS];
	struct line lines[LINES + 1];
	struct socle_factory *tcp, *local;
	struct socle_loop *self;
	int messages, objects, slow, rounds;
	struct ref *borrowed[256];
	int refs, refs_released, closures, closures_done;
	int raw[64], raw_n;
	int filtered_peer, stolen, ghost;
	int file_peers[2], files, files_done;
	size_t file_bytes[2];
	bool piped;
	size_t sunk;
	struct socle_timer timer;
	int fired, nested_left;
	unsigned long calls[CALLS], struck;
	int heard;
};

extern struct scenario scenario;
extern const char *const scenario_part_names[PARTS];

extern char scenario_bytes[MOST]; /* the bytes that are sent */
extern char scenario_path[64], scenario_file[64];

/* Makes a call again while it is refused. */
#define UNTIL_TAKEN(result)                                                    \
	for (int tries = 0; tries < TRIES && refused(result); tries++)

/* Records a broken guarantee; the first one is reported. */
void wrong(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* ---- scenario.c ---- */

void part_erred(enum part p);
void part_done(enum part p);
bool refused(long result);
void raw_keep(int fd);
void raw_forget(int fd);
void check_pattern(const char *data, size_t n, size_t at, const char *where);

/* ---- scenario_lines.c ---- */

int write_ref(struct socle_socket *s, const char *data, size_t n);
int write_func(struct socle_socket *s);
int write_in_three(struct socle_socket *s, char *data, size_t n);
void line_send(struct line *c);
void lines_pump(void);
void line_open(struct line *c, struct socle_factory *f, size_t total);
void line_check(const struct line *c, const char *which);

/* ---- scenario_parts.c ---- */

void idle_start(void);
void stalled_start(void);
void broken_start(void);
void held_back_start(void);
void stolen_start(void);
void filtered_start(void);
void filtered_pump(void);
void files_start(void);
void filtered_file_start(void);
void files_pump(void);
void files_check(void);
void file_make(void);
void pipe_start(void);
void done_by_arg(void *arg);
void never(void *arg);
void timers_start(void);
void other_fd_start(void);
void calls_start(void);
void ghost_start(void);
void ghost_end(void);

extern const struct socle_class worker_class;

#endif
