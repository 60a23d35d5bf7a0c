/* Records of one size, found by a 32-bit slot.
 *
 * A chunk number is a shift because every chunk but the first has the same power of two of records;
 * the bias moves slot 0 up by what the first is short of that. With the address of a would-be slot
 * 0 kept per chunk, finding a record is a shift, a load, a multiplication and a sum. */
#include "local/slab.h"

#include <string.h>

#include <usher/usher.h>

#include "core/cold.h"

enum { FIRST_LEN = 64 << 10, CHUNK_LEN = 4 << 20 };

void usher__slab_init(struct slab *s, const struct memory *m, size_t record_len)
{
    uint32_t first_n = (uint32_t)(FIRST_LEN / record_len);

    *s = (struct slab){.memory = m, .record_len = record_len, .fresh = 1};
    while (((size_t)1 << s->shift) * record_len < CHUNK_LEN)
        s->shift++;
    s->bias = (UINT32_C(1) << s->shift) - first_n;
}

void usher__slab_free(struct slab *s)
{
    for (uint32_t i = 0; i < s->chunk_n; i++)
        usher__free(s->memory, s->chunks[i].block);
    usher__free(s->memory, s->chunks);
    usher__slab_init(s, s->memory, s->record_len);
}

static COLD int add_chunk(struct slab *s)
{
    uint32_t full_n = UINT32_C(1) << s->shift;
    uint32_t n = s->chunk_n == 0 ? full_n - s->bias : full_n;
    struct slab_chunk *chunks;
    void *block;

    if (n > UINT32_MAX - s->slots)
        return USHER_ENOMEM;
    chunks =
        usher__grow(s->memory, s->chunks, &s->chunk_room, (uint64_t)s->chunk_n + 1, sizeof *chunks);
    if (chunks == NULL)
        return USHER_ENOMEM;
    s->chunks = chunks;
    block = usher__alloc(s->memory, n * s->record_len);
    if (block == NULL)
        return USHER_ENOMEM;
    usher__memory_huge(block, n * s->record_len);
    s->chunks[s->chunk_n].block = block;
    s->chunks[s->chunk_n].origin = (uintptr_t)block - (uintptr_t)s->slots * s->record_len;
    s->chunk_n++;
    s->slots += n;
    return 0;
}

int usher__slab_reserve(struct slab *s, uint32_t n)
{
    while ((uint64_t)s->fresh + n > (uint64_t)s->slots + s->free_n) {
        if (add_chunk(s) != 0)
            return USHER_ENOMEM;
    }
    return 0;
}

uint32_t usher__slab_take(struct slab *s)
{
    uint32_t slot = s->free;
    void *record;

    if (slot == 0) {
        slot = s->fresh++;
        record = usher__slab_at(s, slot);
    } else {
        record = usher__slab_at(s, slot);
        memcpy(&s->free, record, sizeof s->free);
        s->free_n--;
    }
    memset(record, 0, s->record_len);
    s->n++;
    return slot;
}

void usher__slab_give(struct slab *s, uint32_t slot)
{
    memcpy(usher__slab_at(s, slot), &s->free, sizeof s->free);
    s->free = slot;
    s->free_n++;
    s->n--;
}

bool usher__slab_check(const struct slab *s)
{
    uint32_t slot = s->free;
    uint32_t left = s->free_n;

    if (s->fresh == 0 || (s->slots == 0 ? s->fresh != 1 : s->fresh > s->slots))
        return false;
    if (s->n + s->free_n != s->fresh - 1)
        return false;
    for (; slot != 0 && left > 0; left--) {
        if (slot >= s->fresh)
            return false;
        memcpy(&slot, usher__slab_at(s, slot), sizeof slot);
    }
    return slot == 0 && left == 0;
}
