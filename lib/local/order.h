/* One band of the line: a counted ordered set of (rank, id), each with its slot.
 *
 * A B+-tree whose inner nodes know how many items stand below each child: first, next, remove and
 * "how many stand before" are all O(log n). Leaves are blocks of keys that are read straight on;
 * the usual work, taking at the front and adding near the back, stays in two hot paths of it. */
#ifndef USHER_LOCAL_ORDER_H
#define USHER_LOCAL_ORDER_H

#include <stdbool.h>
#include <stdint.h>

#include "local/memory.h"

struct order_item {
    int64_t rank;
    uint64_t id;
    uint32_t slot;
};

struct order_node;

struct order {
    const struct memory *memory;
    struct order_node *root; /* NULL when there is no item */
    struct order_node *spare;
    uint32_t n;
    uint32_t height; /* levels of inner nodes above the leaves */
    uint32_t leaf_n;
    uint32_t inner_n;
    uint32_t spare_n;
    uint32_t keep_n; /* spares to keep: what the last reserve asked for */
};

/* An empty order holds no memory until the first reserve. */
void usher__order_init(struct order *o, const struct memory *m);
void usher__order_free(struct order *o);

/* The next n inserts cannot fail, whatever is removed between them. A new reserve replaces the
 * one before: it does not add to it. USHER_ENOMEM: nothing changed. */
int usher__order_reserve(struct order *o, uint32_t n);

/* (rank, id) is not in the set, and an insert has been reserved. */
void usher__order_insert(struct order *o, int64_t rank, uint64_t id, uint32_t slot);

/* False: it was not there. */
bool usher__order_remove(struct order *o, int64_t rank, uint64_t id);

/* The slot of the item that comes k places after the first, if it lies near it; 0: none. */
uint32_t usher__order_near(const struct order *o, uint32_t k);

/* The slot of the item that has k before it; 0: none. */
uint32_t usher__order_at(const struct order *o, uint32_t k);

/* False: empty. */
bool usher__order_first(const struct order *o, struct order_item *item);

/* The first item after (rank, id), which need not be in the set any more; false: none. So a walk
 * goes by the last item seen and bears any change between two steps. */
bool usher__order_next(const struct order *o, int64_t rank, uint64_t id, struct order_item *item);

/* The number of items before (rank, id), which need not be in the set. */
uint32_t usher__order_count_before(const struct order *o, int64_t rank, uint64_t id);

bool usher__order_check(const struct order *o);

#endif
