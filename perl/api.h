/* The two libraries that the binding joins. */
#ifndef SOCLE_PERL_API_H
#define SOCLE_PERL_API_H

#define PERL_NO_GET_CONTEXT
#include <EXTERN.h>
#include <perl.h>

#include <socle/socle.h>

#include <stdbool.h>

#endif
