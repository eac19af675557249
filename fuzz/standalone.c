/* TARGET FILE...: runs a target on files, without a fuzzer. */
#include "fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>

enum { SIZE_MOST = 1 << 20 };

int
main(int argc, char **argv)
{
	static unsigned char data[SIZE_MOST];

	for (int i = 1; i < argc; i++) {
		FILE *in = fopen(argv[i], "rb");
		size_t n;

		if (!in) {
			perror(argv[i]);
			return 1;
		}
		n = fread(data, 1, sizeof(data), in);
		fclose(in);
		LLVMFuzzerTestOneInput(data, n);
		printf("%s: %zu bytes, holds\n", argv[i], n);
	}
	return 0;
}
