/* See ops.h. */
#include "local/ops.h"

#include <string.h>

void usher__ops_init(struct ops *o, const struct memory *m, int64_t window_ms, uint32_t n_max)
{
    *o = (struct ops){.memory = m, .n_max = n_max, .window_ms = window_ms};
}

void usher__ops_free(struct ops *o)
{
    struct op_entry *next;

    for (struct op_entry *entry = o->oldest; entry != NULL; entry = next) {
        next = entry->newer;
        usher__free(o->memory, entry);
    }
    usher__free(o->memory, o->buckets);
    *o = (struct ops){.memory = o->memory};
}

/* splitmix64's finalizer (Steele, Lea, Flood 2014). */
uint64_t usher__print_number(uint64_t print, uint64_t value)
{
    uint64_t x = (print ^ value) + UINT64_C(0x9e3779b97f4a7c15);

    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

uint64_t usher__print_bytes(uint64_t print, const void *bytes, size_t len)
{
    const char *p = bytes;

    print = usher__print_number(print, len);
    while (len > 0) {
        uint64_t word = 0;
        size_t n = len < sizeof(word) ? len : sizeof(word);

        memcpy(&word, p, n);
        print = usher__print_number(print, word);
        p += n;
        len -= n;
    }
    return print;
}

static struct op_entry **bucket(const struct ops *o, usher_op op)
{
    uint64_t hash = usher__print_number(usher__print_number(0, op.hi), op.lo);

    return &o->buckets[hash & (o->buckets_n - 1)];
}

static void forget_oldest(struct ops *o)
{
    struct op_entry *entry = o->oldest;
    struct op_entry **link = bucket(o, entry->op);

    while (*link != entry)
        link = &(*link)->chain;
    *link = entry->chain;
    if (o->fresh == entry)
        o->fresh = entry->newer;
    o->oldest = entry->newer;
    if (o->oldest == NULL)
        o->newest = NULL;
    o->n--;
    usher__free(o->memory, entry);
}

struct op_entry *usher__ops_find(struct ops *o, usher_op op, int64_t now)
{
    while (o->oldest != NULL && now - o->oldest->at >= o->window_ms)
        forget_oldest(o);
    if (o->n == 0)
        return NULL;
    for (struct op_entry *entry = *bucket(o, op); entry != NULL; entry = entry->chain) {
        if (entry->op.hi == op.hi && entry->op.lo == op.lo)
            return entry;
    }
    return NULL;
}

/* As many buckets as entries, so that a chain is short. */
static int grow(struct ops *o)
{
    uint32_t buckets_n = o->buckets_n == 0 ? 64 : o->buckets_n * 2;
    struct op_entry **buckets;

    if (o->n < o->buckets_n)
        return 0;
    buckets = usher__zalloc(o->memory, buckets_n * sizeof(struct op_entry *));
    if (buckets == NULL)
        return USHER_ENOMEM;
    usher__free(o->memory, o->buckets);
    o->buckets = buckets;
    o->buckets_n = buckets_n;
    for (struct op_entry *entry = o->oldest; entry != NULL; entry = entry->newer) {
        struct op_entry **link = bucket(o, entry->op);

        entry->chain = *link;
        *link = entry;
    }
    return 0;
}

struct op_entry *usher__ops_new(struct ops *o, uint32_t claims_n)
{
    if (grow(o) != 0)
        return NULL;
    return usher__zalloc(o->memory,
                         sizeof(struct op_entry) + (size_t)claims_n * sizeof(struct op_claim));
}

struct op_entry *usher__ops_trim(struct ops *o, struct op_entry *entry)
{
    struct op_entry *less =
        usher__resize(o->memory, entry, sizeof(*entry) + entry->claims_n * sizeof(struct op_claim));

    return less != NULL ? less : entry;
}

void usher__ops_add(struct ops *o, struct op_entry *entry, int64_t now)
{
    struct op_entry **link = bucket(o, entry->op);

    entry->at = now;
    entry->number = ++o->number;
    entry->chain = *link;
    *link = entry;
    if (o->newest != NULL)
        o->newest->newer = entry;
    else
        o->oldest = entry;
    o->newest = entry;
    if (o->fresh == NULL)
        o->fresh = entry;
    o->n++;
    while (o->n > o->n_max)
        forget_oldest(o);
}

void usher__ops_cut(struct ops *o)
{
    o->fresh = NULL;
    o->dropped = o->number - o->n;
}
