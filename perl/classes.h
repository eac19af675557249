/* The classes of the library that stand for the classes of Perl. */
#ifndef SOCLE_PERL_CLASSES_H
#define SOCLE_PERL_CLASSES_H

#include "api.h"

/* The methods; the super of each class below. */
extern const struct socle_class bound_class;

/*
 * The class with the name of a package, for profiles.  It is made on first use
 * and never freed.
 */
const struct socle_class *class_of_stash(pTHX_ HV *stash);

#endif
