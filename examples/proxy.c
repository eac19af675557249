/*
 * proxy --listen=ADDR:PORT --to=ADDR:PORT[,ADDR:PORT...]: passes the connections
 * of its clients on to backends, each to the one with the fewest.
 *
 *	--connect-timeout=SECONDS (5)   then another backend is tried
 *	--check-every=SECONDS (1)       whether each backend can be connected to
 *	--idle-timeout=SECONDS (300)    without a byte in either direction
 *	--max-clients=N                 more wait in the backlog
 *	--replay=BYTES (8192)           a GET, HEAD or OPTIONS request up to this
 *	                                length that a backend did not begin to
 *	                                answer is sent to another; 0: none is
 *	--proxy-in=no|yes|ADDR,...      clients send a PROXY header (of version 1
 *	                                or 2) first; from these addresses alone
 *	--proxy-out=0|1|2               and backends get one, of this version
 *
 * A half-close is passed on, and so is a reset, in both directions.
 */
#include "common/server.h"
#include "proxy/backends.h"
#include "proxy/client.h"
#include "proxy/settings.h"

int
main(int argc, char **argv)
{
	int err;

	server_raise_fd_limit();
	if (!settings_take(argc, argv))
		return 1;
	err = server_listen("proxy", settings.listen, &client_class);
	if (err < 0)
		return server_fails("proxy", settings.listen, err);
	backends_check();
	err = server_run(clients_drain);
	return err < 0 ? server_fails("proxy", "event loop", err) : 0;
}
