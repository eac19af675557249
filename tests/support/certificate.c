/* certificate.h describes the functions. */
#include "tests/support/certificate.h"

#include <stdio.h>
#include <stdlib.h>

bool
certificate_make(const char *folder)
{
	char command[512];

	snprintf(command, sizeof(command),
		"cd %s && { openssl req -x509 -newkey rsa:2048 -nodes "
		"-keyout key -out cert -subj /CN=localhost && "
		"cat key cert >pem; } >log 2>&1",
		folder);
	return system(command) == 0;
}
