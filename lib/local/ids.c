/* Ticket id -> slot.
 *
 * Extendible hashing: the top bits of the hash choose, through a directory, a segment, which is a
 * small table with linear probing on the bits below them. A segment that fills up is split in two,
 * so growing never touches more than 4096 entries at once: one big table would hold up the loop for
 * milliseconds whenever it doubled. Removal shifts back what follows, so there are no tombstones
 * and probes stay short however long it runs. Segments are not joined again: the table keeps the
 * room of its peak. */
#include "local/ids.h"

#include <string.h>

#include <usher/usher.h>

enum {
    SEGMENT_BITS = 12,
    SEGMENT_N = 1 << SEGMENT_BITS,
    MASK = SEGMENT_N - 1,
    FULL_N = SEGMENT_N / 8 * 7,
    DEPTH_MAX = 32 - SEGMENT_BITS
};
#define ROW_N UINT32_C(8) /* of a line of the cache, 64 bytes */
#define LINES (SEGMENT_N / ROW_N)

_Static_assert(FULL_N + USHER__IDS_RESERVE_MAX < SEGMENT_N, "a probe must meet an empty entry");

struct ids_entry {
    uint32_t hash;
    uint32_t slot; /* 0: empty */
};

struct ids_segment {
    struct ids_segment *next_full;
    uint32_t n;
    uint16_t depth; /* bits of the hash that all its entries share */
    bool is_listed; /* in ids->full */
    struct ids_entry entries[SEGMENT_N];
};

/* Ids ascend, and what came together is mostly asked for together: so eight in a row share a hash but for its
 * last bits, and with it a line of the cache. Which of them stay for long is anybody's guess: each bit of a row
 * must reach all others, and turn its eight. (The finaliser of SplitMix64, public domain, Vigna 2015; a
 * bijection.) */
static inline uint32_t hash_of(uint64_t id)
{
    uint64_t row = id / ROW_N;
    uint32_t hash;

    row = (row ^ (row >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    row = (row ^ (row >> 27)) * UINT64_C(0x94d049bb133111eb);
    hash = (uint32_t)((row ^ (row >> 31)) >> 32);
    return (hash & ~(ROW_N - 1)) | ((hash + (uint32_t)id) & (ROW_N - 1));
}

static inline uint32_t prefix(uint32_t hash, uint32_t depth)
{
    return (uint32_t)((uint64_t)hash >> (32 - depth));
}

static inline struct ids_segment *segment_of(const struct ids *ids, uint32_t hash)
{
    return ids->directory[prefix(hash, ids->depth)];
}

/* Places are counted down the columns of lines: an entry whose place is taken goes to the next line, and so do
 * all of its row. */
static inline uint32_t home_of(const struct ids_segment *seg, uint32_t hash)
{
    return hash % ROW_N * LINES + ((hash << seg->depth) >> (32 - SEGMENT_BITS)) / ROW_N;
}

static inline struct ids_entry *entry_at(struct ids_segment *seg, uint32_t place)
{
    return &seg->entries[place % LINES * ROW_N + place / LINES];
}

static void place(struct ids_segment *seg, struct ids_entry e)
{
    uint32_t i = home_of(seg, e.hash);

    while (entry_at(seg, i)->slot != 0)
        i = (i + 1) & MASK;
    *entry_at(seg, i) = e;
    seg->n++;
}

/* Where the id is; SEGMENT_N: not there. */
static inline uint32_t seek(const struct ids *ids, struct ids_segment *seg, uint64_t id,
                            uint32_t hash)
{
    for (uint32_t i = home_of(seg, hash);; i = (i + 1) & MASK) {
        struct ids_entry e = *entry_at(seg, i);

        if (e.slot == 0)
            return SEGMENT_N;
        if (e.hash == hash && ids->id_of(ids->ctx, e.slot) == id)
            return i;
    }
}

static void list_if_full(struct ids *ids, struct ids_segment *seg)
{
    if (seg->n > FULL_N && !seg->is_listed) {
        seg->is_listed = true;
        seg->next_full = ids->full;
        ids->full = seg;
    }
}

void usher__ids_init(struct ids *ids, const struct memory *m,
                     uint64_t (*id_of)(const void *ctx, uint32_t slot), const void *ctx)
{
    *ids = (struct ids){.memory = m, .id_of = id_of, .ctx = ctx};
}

/* How many entries of the directory in a row say this segment. */
static size_t span_of(const struct ids *ids, const struct ids_segment *seg)
{
    return (size_t)1 << (ids->depth - seg->depth);
}

void usher__ids_free(struct ids *ids)
{
    size_t n = ids->directory == NULL ? 0 : (size_t)1 << ids->depth;

    for (size_t i = 0; i < n;) {
        struct ids_segment *seg = ids->directory[i];

        i += span_of(ids, seg);
        usher__free(ids->memory, seg);
    }
    usher__free(ids->memory, ids->directory);
    usher__ids_init(ids, ids->memory, ids->id_of, ids->ctx);
}

static int begin(struct ids *ids)
{
    struct ids_segment **directory = usher__alloc(ids->memory, sizeof *directory);
    struct ids_segment *seg = usher__zalloc(ids->memory, sizeof *seg);

    if (directory == NULL || seg == NULL) {
        usher__free(ids->memory, directory);
        usher__free(ids->memory, seg);
        return USHER_ENOMEM;
    }
    directory[0] = seg;
    ids->directory = directory;
    return 0;
}

static int double_directory(struct ids *ids)
{
    size_t n = (size_t)1 << ids->depth;
    struct ids_segment **directory;

    if (ids->depth == DEPTH_MAX)
        return USHER_ENOMEM;
    directory = usher__resize(ids->memory, ids->directory, 2 * n * sizeof(struct ids_segment *));
    if (directory == NULL)
        return USHER_ENOMEM;
    for (size_t i = n; i-- > 0;)
        directory[2 * i] = directory[2 * i + 1] = directory[i];
    ids->directory = directory;
    ids->depth++;
    return 0;
}

/* The first of the full list in two by its next bit. */
static int split(struct ids *ids)
{
    struct ids_segment *old = ids->full;
    struct ids_segment *half[2];
    uint32_t depth = old->depth + UINT32_C(1);
    size_t first;
    size_t span;

    if (old->depth == ids->depth && double_directory(ids) != 0)
        return USHER_ENOMEM;
    half[0] = usher__zalloc(ids->memory, sizeof *half[0]);
    half[1] = usher__zalloc(ids->memory, sizeof *half[1]);
    if (half[0] == NULL || half[1] == NULL) {
        usher__free(ids->memory, half[0]);
        usher__free(ids->memory, half[1]);
        return USHER_ENOMEM;
    }
    half[0]->depth = half[1]->depth = (uint16_t)depth;
    span = span_of(ids, half[0]);
    first = 0;
    for (uint32_t i = 0; i < SEGMENT_N; i++) {
        struct ids_entry e = old->entries[i];

        if (e.slot != 0) {
            place(half[prefix(e.hash, depth) & 1], e);
            first = 2 * span * prefix(e.hash, old->depth);
        }
    }
    for (size_t i = 0; i < 2 * span; i++)
        ids->directory[first + i] = half[i / span];
    ids->full = old->next_full;
    usher__free(ids->memory, old);
    list_if_full(ids, half[0]);
    list_if_full(ids, half[1]);
    return 0;
}

int usher__ids_reserve(struct ids *ids, uint32_t n)
{
    if (n > USHER__IDS_RESERVE_MAX || (ids->directory == NULL && begin(ids) != 0))
        return USHER_ENOMEM;
    while (ids->full != NULL) {
        if (ids->full->n <= FULL_N) {
            ids->full->is_listed = false;
            ids->full = ids->full->next_full;
        } else if (split(ids) != 0) {
            return USHER_ENOMEM;
        }
    }
    return 0;
}

void usher__ids_insert(struct ids *ids, uint64_t id, uint32_t slot)
{
    struct ids_entry e = {hash_of(id), slot};
    struct ids_segment *seg = segment_of(ids, e.hash);

    place(seg, e);
    list_if_full(ids, seg);
    ids->n++;
}

uint32_t usher__ids_find(const struct ids *ids, uint64_t id)
{
    uint32_t hash = hash_of(id);
    struct ids_segment *seg;
    uint32_t i;

    if (ids->n == 0)
        return 0;
    seg = segment_of(ids, hash);
    i = seek(ids, seg, id, hash);
    return i == SEGMENT_N ? 0 : entry_at(seg, i)->slot;
}

uint32_t usher__ids_remove(struct ids *ids, uint64_t id)
{
    uint32_t hash = hash_of(id);
    struct ids_segment *seg;
    uint32_t hole;
    uint32_t slot;

    if (ids->n == 0)
        return 0;
    seg = segment_of(ids, hash);
    hole = seek(ids, seg, id, hash);
    if (hole == SEGMENT_N)
        return 0;
    slot = entry_at(seg, hole)->slot;
    for (uint32_t i = (hole + 1) & MASK; entry_at(seg, i)->slot != 0; i = (i + 1) & MASK) {
        uint32_t home = home_of(seg, entry_at(seg, i)->hash);

        if (((i - home) & MASK) >= ((i - hole) & MASK)) {
            *entry_at(seg, hole) = *entry_at(seg, i);
            hole = i;
        }
    }
    entry_at(seg, hole)->slot = 0;
    seg->n--;
    ids->n--;
    return slot;
}

void usher__ids_prefetch(const struct ids *ids, uint64_t id)
{
    uint32_t hash = hash_of(id);
    struct ids_segment *seg;

    if (ids->n == 0)
        return;
    seg = segment_of(ids, hash);
    __builtin_prefetch(entry_at(seg, home_of(seg, hash)));
}

/* Every entry is in the right segment and can be reached from its home. */
static bool check_segment(const struct ids *ids, struct ids_segment *seg, size_t first)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < SEGMENT_N; i++) {
        struct ids_entry e = *entry_at(seg, i);

        if (e.slot == 0)
            continue;
        n++;
        if (prefix(e.hash, ids->depth) / span_of(ids, seg) != first / span_of(ids, seg) ||
            hash_of(ids->id_of(ids->ctx, e.slot)) != e.hash)
            return false;
        for (uint32_t j = home_of(seg, e.hash); j != i; j = (j + 1) & MASK) {
            if (entry_at(seg, j)->slot == 0)
                return false;
        }
    }
    return n == seg->n && n < SEGMENT_N && (n <= FULL_N || seg->is_listed);
}

bool usher__ids_check(const struct ids *ids)
{
    size_t directory_n = ids->directory == NULL ? 0 : (size_t)1 << ids->depth;
    uint64_t n = 0;

    for (size_t i = 0; i < directory_n;) {
        struct ids_segment *seg = ids->directory[i];
        size_t first = i;

        if (seg->depth > ids->depth || first % span_of(ids, seg) != 0 ||
            !check_segment(ids, seg, first))
            return false;
        for (; i < first + span_of(ids, seg); i++) {
            if (ids->directory[i] != seg)
                return false;
        }
        n += seg->n;
    }
    for (const struct ids_segment *seg = ids->full; seg != NULL; seg = seg->next_full) {
        if (!seg->is_listed)
            return false;
    }
    return n == ids->n;
}
