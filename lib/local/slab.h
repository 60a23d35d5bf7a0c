/* Records of one size, found by a 32-bit slot.
 *
 * They lie in chunks that never move: the first is small, so that a little service stays little,
 * the others are at least 2 MiB each, so that huge pages can back them. A free slot holds the
 * number of the next one in its first bytes. Slot 0 is never used: 0 says none everywhere. The slab
 * never shrinks. */
#ifndef USHER_LOCAL_SLAB_H
#define USHER_LOCAL_SLAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "local/memory.h"

struct slab_chunk {
    uintptr_t origin; /* where slot 0 would be if the chunk's line of records went on below it */
    void *block;
};

struct slab {
    const struct memory *memory;
    struct slab_chunk *chunks;
    size_t record_len;
    uint32_t shift; /* a chunk but the first holds 1 << shift records */
    uint32_t bias;  /* as many as the first is short of that */
    uint32_t chunk_n;
    uint32_t chunk_room;
    uint32_t slots; /* slots 0 .. slots - 1 have memory */
    uint32_t fresh; /* slots from here on were never taken */
    uint32_t free;  /* first of the free list, 0 = none */
    uint32_t free_n;
    uint32_t n; /* taken now */
};

/* record_len is at least 4, at most 64 KiB, and a multiple of what its type must be aligned to. */
void usher__slab_init(struct slab *s, const struct memory *m, size_t record_len);
void usher__slab_free(struct slab *s);

/* The next n takes cannot fail. A new reserve replaces the one before. The slots they will give
 * are all below fresh + n as it is now. USHER_ENOMEM: nothing taken, nothing lost. */
int usher__slab_reserve(struct slab *s, uint32_t n);

/* A zeroed record; a take has been reserved. */
uint32_t usher__slab_take(struct slab *s);

/* Slot was taken and not given back since. */
void usher__slab_give(struct slab *s, uint32_t slot);

/* Where the record of a taken slot is; it stays there until the slab is freed. */
static inline void *usher__slab_at(const struct slab *s, uint32_t slot)
{
    uintptr_t origin = s->chunks[((uint64_t)slot + s->bias) >> s->shift].origin;

    return (void *)(origin + (uintptr_t)slot * s->record_len);
}

bool usher__slab_check(const struct slab *s);

#endif
