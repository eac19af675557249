/* The root class of streams, and how streams move bytes. */
#include "reactor/log.h"
#include "sockets/end.h"
#include "sockets/strings.h"
#include "sockets/write/pump.h"

static const struct socle__transport stream_transport = {
	.is_stream = true,
	.class_size = sizeof(struct socle__class),
	.flush = socle__pump,
	.drop = socle__pump_drop,
};

static void
root_event_read(struct socle_socket *self)
{
	socle__log(0, "event_read not implemented by class %s",
		socle__class_of(self)->flat.name);
	socle_close(self, "event_read not implemented");
}

static void
root_event_write(struct socle_socket *self)
{
	socle__flush(self);
}

static void
root_event_err(struct socle_socket *self, int err)
{
	(void)err;
	socle__close_broken(self, "event_err");
}

static void
root_event_hup(struct socle_socket *self)
{
	socle__close_broken(self, "event_hup");
}

static void
root_event_timeout(struct socle_socket *self, int which)
{
	socle_close(self, which == SOCLE_IDLE ? "idle" : "stall");
}

const struct socle_class socle_socket_class = {
	.name = "Socket",
	.size = sizeof(struct socle_socket),
	.event_read = root_event_read,
	.event_write = root_event_write,
	.event_err = root_event_err,
	.event_hup = root_event_hup,
	.event_timeout = root_event_timeout,
	.close = socle__root_close,
	.as_string = socle__socket_as_string,
	.transport = &stream_transport,
};
