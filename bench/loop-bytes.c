/*
 * The heap that a loop takes which has no object and no timer yet, in bytes, as
 * malloc(3) counts them.
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

#include <socle/socle.h>

int
main(void)
{
	size_t before;

	free(malloc(1)); /* malloc's own memory */
	before = mallinfo2().uordblks;
	if (socle_event_loop_once(0) < 0)
		return 1;
	printf("%zu\n", mallinfo2().uordblks - before);
	return 0;
}
