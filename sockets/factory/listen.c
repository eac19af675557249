/* socle_listen(): a listener whose clients are objects. */
#include "reactor/log.h"
#include "sockets/factory/new.h"
#include "sockets/factory/resolve.h"

static void
log_failure(struct socle_factory *f, const struct socle_failure *why, void *arg)
{
	(void)f;
	(void)arg;
	socle__log(0, "%s: %s", why->operation, why->errstr);
}

static void
ignore(struct socle_factory *f, struct socle_socket *s, void *arg)
{
	(void)f;
	(void)s;
	(void)arg;
}

int
socle_listen(const char *where, const struct socle_class *cls,
	struct socle_factory **ret)
{
	struct socle_addr a;
	struct socle_factory_params p = {.reuse = true,
		.unlink_stale = true,
		.unlink_on_close = true,
		.bind_addr = &a,
		.accept_class = cls,
		.accepted = ignore,
		.failure = log_failure};
	struct socle_factory *f;
	int err = where && cls ? socle_addr_parse(&a, where, 0) : -EINVAL;

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
