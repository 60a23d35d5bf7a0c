/* Peers: beanstalkd and Redis, as their users run them, started here and ended.
 *
 * A cycle is three commands: put, reserve, delete; with Redis, which has no such words, LPUSH onto
 * a list, LMOVE to a second one and LREM from there, which is how its users build a queue that
 * loses nothing. A window of commands is sent before the first answer is read, so that the server
 * waits for nobody: that is the best it can do. */
#ifndef USHER_BENCH_PEER_H
#define USHER_BENCH_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct peer;

enum { PEER_BEANSTALKD, PEER_REDIS, PEER_WINDOW_MAX = 1024 };

struct peer_options {
    int kind;
    char *dir; /* an empty one for its files, which it flushes. NULL: beanstalkd keeps nothing */
    uint32_t sync_ms; /* beanstalkd flushes at most so often; 0, and Redis: each time */
};

/* NULL: it is not installed, or does not answer; why says which. */
struct peer *peer_start(const struct peer_options *o, const char **why);
void peer_stop(struct peer *p); /* NULL is fine */

/* Jobs that wait from now on, with bodies of body_len, 32 .. 1024. */
bool peer_fill(struct peer *p, uint64_t jobs, size_t body_len);

struct peer_run {
    uint64_t commands, cycles; /* a cycle counts when it has ended */
    uint64_t wall;
    uint64_t cpu; /* of its own process, without what it takes us to talk to it */
};

/* Windows of so many commands until so many cycles have ended or so much time has passed. False: it
 * did not answer within a few seconds, or not what it should. */
bool peer_run(struct peer *p, uint32_t window, uint64_t cycles, uint64_t ns, struct peer_run *out);

#endif
