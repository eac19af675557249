/* The version of the library that runs. */
#include "reactor/version.h"

const char *
socle_version(void)
{
	return SOCLE_VERSION;
}
