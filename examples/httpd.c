/*
 * httpd --root=DIR [--listen=ADDR:PORT | --port=N] [--header-timeout=SECONDS]
 * [--idle-timeout=SECONDS] [--profile=off|wall|cpu]: an HTTP/1.1 server for the
 * files below DIR.  It profiles its own handlers and shows the profile live at
 * /profile.
 */
#include <socle/socle.h>

#include "common/server.h"
#include "httpd/files.h"
#include "httpd/profile.h"
#include "httpd/requests.h"

#include <stdio.h>

static char address[128] = "127.0.0.1:8080";
static const char *root;

static bool
take_listen(const char *value)
{
	int n = snprintf(address, sizeof(address), "%s", value);

	return n > 0 && (size_t)n < sizeof(address);
}

static bool
take_port(const char *value)
{
	double port;

	if (!server_number(value, 0, 65535, &port))
		return false;
	snprintf(address, sizeof(address), "127.0.0.1:%.0f", port);
	return true;
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

static const struct server_option options[] = {
	{"root", "DIR", take_root, true},
	{"listen", "ADDR:PORT", take_listen, false},
	{"port", "N", take_port, false},
	{"header-timeout", "SECONDS", take_header_timeout, false},
	{"idle-timeout", "SECONDS", take_idle_timeout, false},
	{"profile", "off|wall|cpu", profile_take, false},
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
	if ((err = profile_start()) < 0)
		return server_fails("httpd", "profiling", err);
	if ((err = server_listen("httpd", address, &requests_class)) < 0)
		return server_fails("httpd", address, err);
	err = server_run(requests_drain);
	files_stop();
	return err < 0 ? server_fails("httpd", "event loop", err) : 0;
}
