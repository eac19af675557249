/* A key and its certificate, for tests of TLS. */
#ifndef SOCLE_TESTS_CERTIFICATE_H
#define SOCLE_TESTS_CERTIFICATE_H

#include <stdbool.h>

/*
 * Makes the file `pem' in this folder, with both; other files there are of no
 * use. False: the program openssl is not installed, or cannot do it.
 */
bool certificate_make(const char *folder);

#endif
