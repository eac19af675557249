/* Listeners whose clients are objects: socle_listen(), socle_listen_on(). */
#include "reactor/log.h"
#include "sockets/factory/adopt.h"
#include "sockets/factory/new.h"
#include "sockets/factory/resolve.h"
#include "sockets/names/zone.h"

static void
log_failure(struct socle_factory *f, const struct socle_failure *why, void *arg)
{
	(void)f;
	(void)arg;
	socle__log(0, "%s: %s", why->operation, why->errstr);
}

SOCLE__CONSTRUCTOR int
socle_listen(const char *where, const struct socle_class *cls,
	struct socle_factory **ret)
{
	struct socle_addr a;
	struct socle_factory_params p = {.reuse = true,
		.unlink_stale = true,
		.unlink_on_close = true,
		.bind_addr = &a,
		.accept_class = cls,
		.failure = log_failure};
	struct socle_factory *f;
	int err = where && cls ? socle__addr_parse_zone(&a, where, 0) : -EINVAL;

	if (err == 0)
		err = socle__factory_new(&p, &f);
	if (err < 0)
		return err;
	f->nodelay = f->internal = true;
	if ((err = socle__factory_start(f)) < 0) {
		socle_factory_free(f);
		return err;
	}
	*ret = f;
	return 0;
}

SOCLE__CONSTRUCTOR int
socle_listen_on(int fd, const struct socle_class *cls, void *arg,
	struct socle_factory **ret)
{
	struct socle_factory_params p = {.has_listen_fd = true,
		.listen_fd = fd,
		.accept_class = cls,
		.failure = log_failure,
		.arg = arg};
	struct socle_factory *f;
	int err = cls ? socle__factory_new(&p, &f) : -EINVAL;

	if (err < 0)
		return err;
	f->internal = true;
	if ((err = socle__listener_adopt(f)) < 0) {
		socle_factory_free(f);
		return err;
	}
	*ret = f;
	return 0;
}
