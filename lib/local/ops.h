/* Results remembered by op, so that a command that is repeated is not done twice.
 *
 * A window of a time and a count, first in first out. Only what succeeded is remembered. */
#ifndef USHER_LOCAL_OPS_H
#define USHER_LOCAL_OPS_H

#include <stdbool.h>
#include <stdint.h>

#include <usher/usher.h>

#include "local/memory.h"

struct op_claim { /* what was handed out, as it was then */
    usher_claim claim;
    usher_queue_t *queue;
    int64_t enqueued_at, lease_until_at, due_at;
    uint32_t priority, level, attempts, persons;
};

struct op_entry {
    struct op_entry *chain; /* same bucket */
    struct op_entry *newer; /* by age */
    usher_op op;
    uint64_t number; /* from 1, ascending by 1 */
    uint64_t print;  /* of the arguments */
    int64_t at;
    usher_id ticket;
    uint64_t token, seq;
    int64_t until_at;
    int32_t state, verb, outcome, priority;
    uint32_t claims_n; /* a claim's tickets, in the order handed out */
    struct op_claim claims[];
};

struct ops {
    const struct memory *memory;
    struct op_entry **buckets;
    struct op_entry *oldest, *newest;
    uint32_t buckets_n, n, n_max;
    int64_t window_ms;
    uint64_t number;        /* of the newest ever */
    uint64_t dropped;       /* for a store: up to here it has been told that they are gone */
    struct op_entry *fresh; /* ... the first that no cut has; NULL: all are in one */
};

void usher__ops_init(struct ops *o, const struct memory *m, int64_t window_ms, uint32_t n_max);
void usher__ops_free(struct ops *o);

/* NULL: not remembered (or no longer at now). */
struct op_entry *usher__ops_find(struct ops *o, usher_op op, int64_t now);

/* Room for one entry with so many claims, to be filled and handed to usher__ops_add, or dropped with
 * usher__free; NULL: out of memory. */
struct op_entry *usher__ops_new(struct ops *o, uint32_t claims_n);
void usher__ops_add(struct ops *o, struct op_entry *entry, int64_t now);
/* Gives back the room of claims that it does not have. */
struct op_entry *usher__ops_trim(struct ops *o, struct op_entry *entry);

/* For a store: whether a cut has something to say of ops; it is said. */
static inline bool usher__ops_changed(const struct ops *o)
{
    return o->fresh != NULL || o->number - o->n > o->dropped;
}
void usher__ops_cut(struct ops *o);

/* A print of arguments: fold each in turn, beginning with 0. */
uint64_t usher__print_number(uint64_t print, uint64_t value);
uint64_t usher__print_bytes(uint64_t print, const void *bytes, size_t len);

#endif
