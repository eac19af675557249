/* How many locks were asked for in the last five minutes. */
#ifndef DDLOCKD_LOAD_H
#define DDLOCKD_LOAD_H

void load_count(void);
unsigned long load_current(void);

#endif
