/*
 * httpd --root=DIR [--listen=ADDR:PORT | --port=N] [--header-timeout=SECONDS]
 * [--idle-timeout=SECONDS] [--profile=off|wall|cpu] [--console=ADDR]: an HTTP/1.1
 * server for the files below DIR.  It profiles its own handlers; the console shows
 * the profile live.
 */
#include <socle/socle.h>

#include "common/server.h"
#include "httpd/files.h"
#include "httpd/requests.h"

#include <stdio.h>
#include <string.h>

static char address[128] = "127.0.0.1:8080";
static const char *root;
static bool profiling = true; /* from the start */
static unsigned clocks = SOCLE_PROFILE_WALL;

static bool
take_listen(const char *value)
{
	int n = snprintf(address, sizeof(address), "%s", value);

	return n > 0 && (size_t)n < sizeof(address);
}

static bool
take_port(const char *value)
{
	return server_port(value, address, sizeof(address));
}

static bool
take_root(const char *value)
{
	root = value;
	return true;
}

static bool
take_header_timeout(const char *value)
{
	return server_number(value, 0.001, 86400, &requests_header_timeout);
}

static bool
take_idle_timeout(const char *value)
{
	return server_number(value, 0.001, 86400, &requests_idle_timeout);
}

/*
 * CPU times cost two system calls for each callback; wall times, the default, cost
 * none.
 */
static bool
take_profile(const char *value)
{
	profiling = strcmp(value, "off") != 0;
	clocks = strcmp(value, "wall") == 0 ? SOCLE_PROFILE_WALL : 0; /* both */
	return !profiling || clocks != 0 || strcmp(value, "cpu") == 0;
}

static const struct server_option options[] = {
	{"root", "DIR", take_root, true},
	{"listen", "ADDR:PORT", take_listen, false},
	{"port", "N", take_port, false},
	{"header-timeout", "SECONDS", take_header_timeout, false},
	{"idle-timeout", "SECONDS", take_idle_timeout, false},
	{"profile", "off|wall|cpu", take_profile, false},
	{"console", "ADDR", server_take_console, false},
	{NULL, NULL, NULL, false},
};

int
main(int argc, char **argv)
{
	int err;

	if (!server_options("httpd", options, argc, argv))
		return 2;
	server_raise_fd_limit();
	if ((err = files_start(root)) < 0)
		return server_fails("httpd", root, err);
	if (profiling && (err = socle_enable_profiling(clocks)) < 0)
		return server_fails("httpd", "profiling", err);
	if ((err = server_listen("httpd", address, &requests_class)) < 0)
		return server_fails("httpd", address, err);
	err = server_run(requests_drain);
	files_stop();
	return err < 0 ? server_fails("httpd", "event loop", err) : 0;
}
