/* Due times: a 4-ary min-heap with a back index.
 *
 * The root is at 3 and the children of i are 4i - 8 .. 4i - 5, so that each four of them fill one
 * cache line of an aligned array, and 0 is free to say "absent" in the back index. */
#include "local/heap.h"

#include <string.h>

#include <usher/usher.h>

#include "core/cold.h"

enum { ROOT = 3, LINE = 64 };

static inline bool before(const struct heap_entry *a, const struct heap_entry *b)
{
    return a->key < b->key || (a->key == b->key && (int32_t)(a->id_low - b->id_low) < 0);
}

static inline uint32_t parent_of(uint32_t i)
{
    return i / 4 + 2;
}

/* One past the last entry. 64 bits: the children of the last places of a full heap. */
static inline uint64_t end_of(const struct heap *h)
{
    return (uint64_t)h->n + ROOT;
}

static inline void put(struct heap *h, uint32_t i, struct heap_entry e)
{
    h->entries[i] = e;
    h->pos[e.slot] = i;
}

static uint32_t raise(struct heap *h, uint32_t hole, const struct heap_entry *e, uint32_t top)
{
    while (hole > top) {
        uint32_t up = parent_of(hole);

        if (!before(e, &h->entries[up]))
            break;
        put(h, hole, h->entries[up]);
        hole = up;
    }
    return hole;
}

static inline uint32_t lesser(const struct heap_entry *entries, uint32_t a, uint32_t b)
{
    return before(&entries[b], &entries[a]) ? b : a;
}

/* Of four, or of as many as there are before the end. */
static inline uint32_t least(const struct heap_entry *entries, uint32_t from, uint64_t end)
{
    uint32_t best = from;

    if (from + UINT64_C(4) <= end)
        return lesser(entries, lesser(entries, lesser(entries, from, from + 1), from + 2),
                      from + 3);
    for (uint32_t i = from + 1; i < end; i++)
        best = lesser(entries, best, i);
    return best;
}

/* The hole sinks to the bottom along the least children, and e then rises from there: e came from
 * the bottom and mostly belongs there, so this saves comparing it at each level. */
static void settle(struct heap *h, uint32_t hole, struct heap_entry e)
{
    uint64_t end = end_of(h);
    uint32_t top = hole;

    for (;;) {
        uint64_t child = 4 * (uint64_t)hole - 8;
        uint32_t best;

        if (child >= end)
            break;
        if (4 * child - 8 < end) {
            const char *below = (const char *)&h->entries[4 * child - 8];

            for (size_t i = 0; i < 4; i++)
                __builtin_prefetch(below + i * LINE);
        }
        best = least(h->entries, (uint32_t)child, end);
        put(h, hole, h->entries[best]);
        hole = best;
    }
    put(h, raise(h, hole, &e, top), e);
}

void usher__heap_init(struct heap *h, const struct memory *m)
{
    *h = (struct heap){.memory = m};
}

void usher__heap_free(struct heap *h)
{
    usher__free(h->memory, h->block);
    usher__free(h->memory, h->pos);
    usher__heap_init(h, h->memory);
}

static inline char *aligned(void *block)
{
    return (char *)block + (LINE - (uintptr_t)block % LINE) % LINE;
}

/* The entries may land at another distance from a line than before: then they are moved again. */
static COLD int grow_entries(struct heap *h, uint32_t slots)
{
    size_t len = ((size_t)slots + ROOT) * sizeof *h->entries + LINE;
    ptrdiff_t was = h->block == NULL ? 0 : (char *)h->entries - (char *)h->block;
    char *block = usher__resize(h->memory, h->block, len);

    if (block == NULL)
        return USHER_ENOMEM;
    if (h->block != NULL && aligned(block) != block + was)
        memmove(aligned(block), block + was, end_of(h) * sizeof *h->entries);
    h->block = block;
    h->entries = (struct heap_entry *)(void *)aligned(block);
    return 0;
}

int usher__heap_reserve(struct heap *h, uint32_t slot)
{
    uint32_t slots = usher__grown(h->slots, (uint64_t)slot + 1);
    uint32_t *pos;

    if (slot < h->slots)
        return 0;
    if (slots == 0 || slots > UINT32_MAX - ROOT || grow_entries(h, slots) != 0)
        return USHER_ENOMEM;
    pos = usher__resize(h->memory, h->pos, slots * sizeof *pos);
    if (pos == NULL)
        return USHER_ENOMEM;
    memset(pos + h->slots, 0, (slots - h->slots) * sizeof *pos);
    h->pos = pos;
    h->slots = slots;
    return 0;
}

void usher__heap_set(struct heap *h, uint32_t slot, uint64_t id, int64_t key)
{
    struct heap_entry e = {key, slot, (uint32_t)id};
    uint32_t at = h->pos[slot];

    if (at == 0) {
        at = (uint32_t)end_of(h);
        h->n++;
    } else if (h->entries[at].key == key && h->entries[at].id_low == e.id_low) {
        return; /* most commands leave the ticket's next timer as it was */
    } else if (before(&h->entries[at], &e)) {
        settle(h, at, e);
        return;
    }
    put(h, raise(h, at, &e, ROOT), e);
}

void usher__heap_drop(struct heap *h, uint32_t slot)
{
    uint32_t at = slot < h->slots ? h->pos[slot] : 0;
    struct heap_entry last;

    if (at == 0)
        return;
    h->pos[slot] = 0;
    h->n--;
    last = h->entries[end_of(h)];
    if (last.slot == slot)
        return;
    if (at > ROOT && before(&last, &h->entries[parent_of(at)]))
        put(h, raise(h, at, &last, ROOT), last);
    else
        settle(h, at, last);
}

bool usher__heap_top(const struct heap *h, struct heap_entry *entry)
{
    if (h->n == 0)
        return false;
    *entry = h->entries[ROOT];
    return true;
}

bool usher__heap_get(const struct heap *h, uint32_t slot, struct heap_entry *entry)
{
    uint32_t at = slot < h->slots ? h->pos[slot] : 0;

    if (at == 0)
        return false;
    *entry = h->entries[at];
    return true;
}

bool usher__heap_check(const struct heap *h)
{
    uint32_t present_n = 0;

    if (h->n > h->slots || (uintptr_t)h->entries % LINE != 0)
        return false;
    for (uint32_t slot = 0; slot < h->slots; slot++)
        present_n += h->pos[slot] != 0;
    if (present_n != h->n)
        return false;
    for (uint64_t i = ROOT; i < end_of(h); i++) {
        const struct heap_entry *e = &h->entries[i];

        if (e->slot >= h->slots || h->pos[e->slot] != i)
            return false;
        if (i > ROOT && before(e, &h->entries[parent_of((uint32_t)i)]))
            return false;
    }
    return true;
}
