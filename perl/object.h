/* One object: a socle socket and the Perl hash that stands for it. */
#ifndef SOCLE_PERL_OBJECT_H
#define SOCLE_PERL_OBJECT_H

#include "api.h"

struct bound {
	struct socle_socket sock;
	/*
	 * The hash, and a reference to it for the calls of its methods.  The
	 * reference counts until destroy: it is what keeps an object alive that
	 * the program holds nowhere.
	 */
	HV *self;
	SV *self_ref;
	int fd;           /* also when it is closed */
	HV *stash;        /* the Perl class when it was last looked at */
	SV *handle;       /* of a closed object, until its fd leaves the loop */
	SV *post_loop;    /* code; or NULL */
	SV *writer;       /* code; or NULL */
	unsigned holders; /* the library, and values with magic */
	bool closing;     /* the library is in the slot `close' */
	bool closes_itself; /* Perl's close has called the library */
	bool forgets;    /* a reset: the handle is not closed, but forgotten */
	bool is_told;    /* the fields tell that it is closed */
	bool is_tied;    /* the handle's class reads and writes */
	bool incomplete; /* the base class's on_incomplete_write was called */
	enum {
		WRITER_READY,
		WRITER_ASKS, /* its next call answers that it waits */
		WRITER_WAITS /* for readability */
	} writer_state;
};

static inline struct bound *
bound_of_socket(struct socle_socket *s)
{
	return socle_container_of(s, struct bound, sock);
}

/*
 * Makes the object of a hash.  0, or -errno with nothing changed; the caller
 * keeps the handle's reference.
 */
int bound_attach(pTHX_ SV *self, SV *handle, int fd);

/*
 * The object of a Perl reference; NULL if `new' was not called or the object is
 * gone.  Notices that the class was changed by bless.
 */
struct bound *bound_of(pTHX_ SV *self);

/* NULL counts as closed. */
static inline bool
bound_is_closed(const struct bound *b)
{
	return !b || !b->self || socle_closed(&b->sock);
}

/* Notices that the hash was blessed into another class. */
void bound_look_at_class(pTHX_ struct bound *b);

/* The base class's `close'. */
void bound_close(pTHX_ struct bound *b, const char *reason);

/* The handle, whose reference the caller owns; NULL if it was closed. */
SV *bound_steal(pTHX_ struct bound *b);

void bound_set_post_loop(pTHX_ struct bound *b, SV *code);

/* Resets the loop. */
void bound_reset_all(void);

/*
 * The process ends.  The library has made the files of the objects non-blocking;
 * those that other processes may use, pipes and the standard ones, are blocking
 * again after a reset, and only then is there one.
 */
void bound_leave(void);

/* ---- what the library calls ---- */

void bound_slot_close(struct socle_socket *s, const char *reason);
void bound_slot_closing_fd(struct socle_socket *s, int fd);
void bound_slot_destroy(struct socle_socket *s);

/* ---- magic: values that lead to an object ---- */

struct bound *bound_of_magic(MAGIC *mg);
void bound_magic_add(pTHX_ struct bound *b, SV *sv, const MGVTBL *vtbl);
int bound_magic_free(pTHX_ SV *sv, MAGIC *mg);

#endif
