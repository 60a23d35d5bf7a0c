/* Due times: a 4-ary min-heap with a back index.
 *
 * A slot has at most one entry: the earliest instant at which its ticket wants attention. Four
 * children of 16 bytes share a cache line, so a level costs one miss and there are half as many
 * levels as in a binary heap. The back index (slot -> place) lies apart, because only moves touch
 * it. A timer wheel would be cheaper per operation but stalls when a slot cascades.
 *
 * Order: key, then id by 32-bit serial-number comparison, a before b when (int32_t)(a - b) < 0.
 * That is the order of the whole ids as long as those that share one key lie less than 2^31 apart;
 * beyond that the order among the equal keys is unspecified, the order by key still holds.
 *
 * The heap never shrinks: it keeps 20 bytes per slot of the peak, plus growth slack. */
#ifndef USHER_LOCAL_HEAP_H
#define USHER_LOCAL_HEAP_H

#include <stdbool.h>
#include <stdint.h>

#include "local/memory.h"

struct heap_entry {
    int64_t key;
    uint32_t slot;
    uint32_t id_low;
};

struct heap {
    const struct memory *memory;
    struct heap_entry *entries; /* aligned inside `block`; the root is not at 0, see heap.c */
    void *block;
    uint32_t *pos; /* slot -> place in entries; 0 = absent */
    uint32_t n;
    uint32_t slots; /* slots 0 .. slots - 1 have room */
};

void usher__heap_init(struct heap *h, const struct memory *m);
void usher__heap_free(struct heap *h);

/* From now on setting `slot`, or any slot below it, cannot fail. USHER_ENOMEM: nothing changed. */
int usher__heap_reserve(struct heap *h, uint32_t slot);

/* Inserts the slot's entry or moves it to its new key. The slot has been reserved. */
void usher__heap_set(struct heap *h, uint32_t slot, uint64_t id, int64_t key);

/* Removes the slot's entry, if there is one. Any slot may be given. */
void usher__heap_drop(struct heap *h, uint32_t slot);

/* The earliest entry; false: empty. */
bool usher__heap_top(const struct heap *h, struct heap_entry *entry);

/* The slot's entry; false: it has none. */
bool usher__heap_get(const struct heap *h, uint32_t slot, struct heap_entry *entry);

/* Starts loading what set and drop touch first: worth it when there is other work before them. */
static inline void usher__heap_prefetch(const struct heap *h, uint32_t slot)
{
    if (slot < h->slots)
        __builtin_prefetch(&h->pos[slot], 1);
}

bool usher__heap_check(const struct heap *h);

#endif
