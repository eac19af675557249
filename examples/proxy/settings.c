/* settings.h describes the functions. */
#include "proxy/settings.h"

#include "common/server.h"
#include "proxy/backends.h"

#include <string.h>
#include <sys/resource.h>

struct settings settings = {.connect_timeout = 5,
	.idle_timeout = 300,
	.check_every = 1,
	.replay = 8192};

static bool
take_listen(const char *value)
{
	settings.listen = value;
	return true;
}

static bool
take_proxy_in(const char *value)
{
	settings.proxy_in = strcmp(value, "no") != 0;
	if (settings.proxy_in && strcmp(value, "yes") != 0)
		settings.trusted = value;
	return *value != '\0';
}

static bool
take_proxy_out(const char *value)
{
	settings.proxy_out = *value - '0';
	return strlen(value) == 1 && *value >= '0' && *value <= '2';
}

static bool
take_connect_timeout(const char *value)
{
	return server_number(value, 0.001, 3600, &settings.connect_timeout);
}

static bool
take_idle_timeout(const char *value)
{
	return server_number(value, 0.001, 86400, &settings.idle_timeout);
}

static bool
take_check_every(const char *value)
{
	return server_number(value, 0.001, 3600, &settings.check_every);
}

static bool
take_max_clients(const char *value)
{
	return server_number(value, 1, 1e6, &settings.max_clients);
}

static bool
take_replay(const char *value)
{
	return server_number(value, 0, 65536, &settings.replay);
}

static const struct server_option options[] = {
	{"listen", "ADDR:PORT", take_listen, true},
	{"to", "ADDR:PORT,...", backends_take, true},
	{"proxy-in", "no|yes|ADDR,...", take_proxy_in, false},
	{"proxy-out", "0|1|2", take_proxy_out, false},
	{"connect-timeout", "SECONDS", take_connect_timeout, false},
	{"idle-timeout", "SECONDS", take_idle_timeout, false},
	{"check-every", "SECONDS", take_check_every, false},
	{"max-clients", "N", take_max_clients, false},
	{"replay", "BYTES", take_replay, false},
	{"console", "ADDR", server_take_console, false},
	{NULL, NULL, NULL, false},
};

bool
settings_take(int argc, char **argv)
{
	struct rlimit r;

	/* A client needs an fd for itself, and up to two for its backend. */
	settings.max_clients = 10000;
	if (getrlimit(RLIMIT_NOFILE, &r) == 0 && r.rlim_cur < 3 * 10000)
		settings.max_clients = (double)(r.rlim_cur / 3);
	return server_options("proxy", options, argc, argv);
}
