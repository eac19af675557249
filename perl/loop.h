/* The loop, and what it calls beside the objects. */
#ifndef SOCLE_PERL_LOOP_H
#define SOCLE_PERL_LOOP_H

#include "api.h"

/* Runs the loop until a post-loop callback or an exception ends it. */
void loop_run(pTHX);

/* In a child that has not used the loop yet: it goes on with the parent's. */
void loop_continue_in_child(pTHX);

/* What Perl has to do at the end of a tick: signals, and the buried. */
void loop_catch_up(pTHX);

/* Calls `code' once, with the time of day; 0: there is no memory. */
socle_timer_id loop_add_timer(pTHX_ NV seconds, SV *code);

/* NULL removes it. */
void loop_set_post_loop(pTHX_ SV *code);

/* Calls `code' with the events when the fd is readable; 0 or -errno. */
int loop_add_other_fd(pTHX_ int fd, SV *code);

/* What was set; NULL: it is not an other fd. */
SV *loop_other_fd(int fd);

/* Fills the hash with the items of the profile: name => [utime, stime, calls] */
void loop_profile(pTHX_ HV *into);

/* The library's messages go through Perl. */
void loop_take_log(void);

#endif
