/* A peer: beanstalkd, as its users run it, on a socket of this machine; started here, and ended.
 *
 * Its cycle is put, reserve, delete. Many are sent before the first answer is read, so that it
 * waits for nobody: that is the best it can do. */
#ifndef USHER_BENCH_PEER_H
#define USHER_BENCH_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct peer;

/* NULL: it is not installed, or does not answer; why says which. */
struct peer *peer_start(const char **why);
void peer_stop(struct peer *p); /* NULL is fine */

/* Jobs that wait from now on, with bodies of body_len. */
bool peer_fill(struct peer *p, uint64_t jobs, size_t body_len);

/* So many cycles: how long they took, and how long its own process ran meanwhile, without what it
 * takes us to talk to it. False: it did not answer within a few seconds. */
bool peer_cycle(struct peer *p, uint64_t cycles, uint64_t *wall, uint64_t *cpu);

#endif
