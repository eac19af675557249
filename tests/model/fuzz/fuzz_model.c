/*
 * Programs that the fuzzer composes, on the simulated kernel, held against the
 * model of tests/model: the first bytes choose the setting, the troubles and
 * the operations, the rest is what the program's dice show.
 */
#include "tests/model/model.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HEAD = 12, STEPS = 400 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

void
sim_fail(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fprintf(stderr, "\n");
	abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct run r = {.steps = STEPS};
	uint64_t without = 0;

	if (size < HEAD)
		return 0;
	r.setting = model_settings[data[0] % MODEL_SETTINGS];
	r.seed = data[1];
	r.troubles = data[2] | (unsigned)data[3] << 8;
	memcpy(&without, data + 4, sizeof(without));
	/* A fuzzer must not be forked, and nothing happens without objects. */
	r.without = without & ~((uint64_t)1 << OPERATION_make);
	r.without |= (uint64_t)1 << OPERATION_fork;
	model_input = data + HEAD;
	model_input_left = size - HEAD;
	run_once(&r);
	return 0;
}
