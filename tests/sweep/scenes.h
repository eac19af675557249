/* The scenes of test_sweep.c, by what they use. */
#ifndef SOCLE_TESTS_SWEEP_SCENES_H
#define SOCLE_TESTS_SWEEP_SCENES_H

/* The first: no loop may have been used in this process. */
void sweep_first(void);

void sweep_console(void);
void sweep_daemon(void);
void sweep_dgrams(void);
void sweep_factories(void);
void sweep_io(void);
void sweep_loop(void);
void sweep_streams(void);

#endif
