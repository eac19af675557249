/* A network namespace of the calling process alone, which vanishes with it. */
#ifndef STRESS_NET_H
#define STRESS_NET_H

/*
 * Moves the process into one, with the loopback interface up and an nftables
 * chain `in' of the table `inet stress' on the packets that come in.  Skips the
 * case where that cannot be: without root, ip(8) or nft(8).
 */
void own_network(void);

/* Moves the process into an empty one. */
void empty_network(void);

/* Runs a command of the shell, which has to succeed. */
void command(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
