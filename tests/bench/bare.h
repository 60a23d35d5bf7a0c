/* The floor of the SQLite store: bare SQLite that writes the rows which the store writes, and reads
 * them, on one connection and one thread, with the same settings; without any rules, clocks, lines,
 * callbacks or other thread. */
#ifndef USHER_BENCH_BARE_H
#define USHER_BENCH_BARE_H

#include <stdbool.h>
#include <stdint.h>

struct bare;

/* A new file with so many tickets waiting. NULL: it has said why. */
struct bare *bare_open(const char *path, uint64_t live);
void bare_close(struct bare *b); /* NULL is fine */

struct bare_run {
    uint64_t commands;
    uint64_t wall;
};

/* As many callers as commands in a commit, each with enqueue, claim, acknowledge, resolve over and
 * over, until so much time has passed. False: it has said why. */
bool bare_run(struct bare *b, uint32_t per_commit, uint64_t ns, struct bare_run *out);

/* Reads each ticket that waits in a store of usher's, which is not open. */
bool bare_read(const char *path, uint64_t *tickets, uint64_t *ns);

#endif
