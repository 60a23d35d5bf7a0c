/* Everything that a walk over all tickets counts: what `info` and `stats` tell. */
#ifndef EXAMPLES_USHER_TALLY_H
#define EXAMPLES_USHER_TALLY_H
#include <stddef.h>
#include <stdint.h>
#include <usher/usher.h>

#include "store.h"

enum { TALLY_PROMISES = 4 }; /* [USHER_PROMISE_* - 1] */

struct queue_tally {
    char name[USHER_NAME_MAX + 1];
    uint64_t by_state[USHER_STATES];
    int64_t longest_ms; /* of those that wait now */
};

struct agent_tally {
    char name[USHER_NAME_MAX + 1];
    uint64_t holds;
};

struct promise_tally { /* of each ticket's latest: what became of it */
    uint64_t kept, broken, lapsed, running, overdue;
};

struct tally {
    const struct store *store;
    uint64_t tickets, events, chased;
    uint64_t by_state[USHER_STATES];
    usher_id first, last;
    int64_t first_at, last_at, changed_at;
    struct queue_tally *queues; /* by name */
    size_t queues_n, queues_cap;
    struct agent_tally *agents; /* who hold something, by name */
    size_t agents_n, agents_cap;
    struct promise_tally promises[TALLY_PROMISES];
    int64_t *waits; /* how long each one has waited that waits now, ascending */
    size_t waits_n, waits_cap;
};

/* 0, or an error of usher's. Drop it in both cases. */
int tally_take(struct tally *t, struct store *s);
void tally_drop(struct tally *t);

#endif
