/*
 * Calling a factory's callbacks.
 *
 * No callback runs inside socle_factory_new(), and none after
 * socle_factory_free().  After each call the caller has to check whether the
 * callback freed the factory.
 */
#include "sockets/factory/report.h"

#include "seam.h"

#include <stdio.h>
#include <string.h>

void
socle__factory_callback_begin(
	struct socle_factory *f, struct socle__callback *c)
{
	if (f->internal)
		socle__callback_begin_plain(socle__reactor, c);
	else
		socle__callback_begin(socle__reactor, c, NULL,
			SOCLE__ITEM_ACCEPTED, "Factory",
			f->d.fd < 0 ? NULL : &f->d);
}

void
socle__factory_callback_end(struct socle__callback *c)
{
	socle__callback_end(socle__reactor, c);
}

void
socle__factory_report(struct socle_factory *f, const char *operation, int err)
{
	struct socle_failure why = {
		.operation = operation, .err = err, .id = f->id};
	struct socle__callback c;

	if (!f->p.failure || socle__factory_is_freed(f))
		return;
	snprintf(why.errstr, sizeof(why.errstr), "%s", strerror(-err));
	socle__factory_callback_begin(f, &c);
	f->p.failure(f, &why, f->p.arg);
	socle__factory_callback_end(&c);
}

void
socle__factory_report_attempt(
	struct socle_factory *f, const struct socle_addr *to, int err)
{
	struct socle__callback c;

	if (!f->p.attempt || socle__factory_is_freed(f))
		return;
	socle__factory_callback_begin(f, &c);
	f->p.attempt(f, to, err, f->p.arg);
	socle__factory_callback_end(&c);
}
