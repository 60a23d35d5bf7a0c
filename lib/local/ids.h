/* Ticket id -> slot.
 *
 * An entry is 8 bytes, the slot and 32 bits of the id's hash; the id itself is in the record, which
 * the caller reads next anyway, so a match is confirmed there through `id_of`. */
#ifndef USHER_LOCAL_IDS_H
#define USHER_LOCAL_IDS_H

#include <stdbool.h>
#include <stdint.h>

#include "local/memory.h"

enum { USHER__IDS_RESERVE_MAX = 256 };

struct ids_segment;

struct ids {
    const struct memory *memory;
    uint64_t (*id_of)(const void *ctx, uint32_t slot);
    const void *ctx;
    struct ids_segment **directory; /* 1 << depth of them; NULL before the first reserve */
    struct ids_segment *full;       /* those that the next reserve splits */
    uint64_t n;
    uint32_t depth;
};

/* id_of says which id the record in a slot has; it is asked for inserted slots only. */
void usher__ids_init(struct ids *ids, const struct memory *m,
                     uint64_t (*id_of)(const void *ctx, uint32_t slot), const void *ctx);
void usher__ids_free(struct ids *ids);

/* The next n <= USHER__IDS_RESERVE_MAX inserts cannot fail. A new reserve replaces the one before.
 * USHER_ENOMEM: no entry changed. */
int usher__ids_reserve(struct ids *ids, uint32_t n);

/* id is not there, slot is not 0, and an insert has been reserved. */
void usher__ids_insert(struct ids *ids, uint64_t id, uint32_t slot);

/* 0: not there. */
uint32_t usher__ids_find(const struct ids *ids, uint64_t id);

/* The slot it had; 0: it was not there. The slot's record still has its id. */
uint32_t usher__ids_remove(struct ids *ids, uint64_t id);

/* Starts loading what find will touch: call it for a batch of ids, then find them. */
void usher__ids_prefetch(const struct ids *ids, uint64_t id);

bool usher__ids_check(const struct ids *ids);

#endif
