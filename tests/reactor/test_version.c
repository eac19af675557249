/* The version, in its several forms. */
#include "tests/support/fixture.h"

#include <stdio.h>

static void
the_versions_forms_agree(void **state)
{
	char text[32];

	(void)state;
	snprintf(text, sizeof(text), "%d.%d.%d", SOCLE_VERSION_MAJOR,
		SOCLE_VERSION_MINOR, SOCLE_VERSION_PATCH);
	assert_string_equal(text, SOCLE_VERSION);
	assert_string_equal(text, socle_version());
	assert_int_equal(SOCLE_VERSION_NUMBER,
		SOCLE_VERSION_MAJOR * 0x10000 + SOCLE_VERSION_MINOR * 0x100 +
			SOCLE_VERSION_PATCH);
}

/* #if takes it. */
#if SOCLE_VERSION_NUMBER < 0x000100
#error "the version is older than the first"
#endif

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test(the_versions_forms_agree),
	};

	return run_tests(tests);
}
