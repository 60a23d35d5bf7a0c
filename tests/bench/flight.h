/* A host that always has so many commands in flight: as many callers side by side, each of which
 * does enqueue, claim, acknowledge, resolve over and over, and waits for each callback. */
#ifndef USHER_BENCH_FLIGHT_H
#define USHER_BENCH_FLIGHT_H

#include <stdbool.h>
#include <stdint.h>

#include "host.h"

enum { FLIGHT_MAX = 1000 };

struct flight_run {
    uint64_t commands;
    uint64_t wall;  /* up to the last of them */
    uint64_t total; /* with those that were ended afterwards */
};

/* How long each command took, from the call to its callback. */
struct latencies {
    uint32_t *ns; /* room for so many; what comes after that is not noted */
    uint64_t n, room;
};

struct flight;

/* For a service with tickets enough waiting. NULL: out of memory. */
struct flight *flight_new(struct host *h);
void flight_free(struct flight *f);

/* Until so much time has passed; those that are in the middle of something then end it unmeasured.
 * latencies: may be NULL. False: see host_ok(). */
bool flight_run(struct flight *f, uint32_t callers, uint64_t ns, struct latencies *latencies,
                struct flight_run *out);

#endif
