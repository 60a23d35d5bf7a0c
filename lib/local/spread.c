/* Counting durations. See spread.h. */
#include "local/spread.h"

#include <string.h>

/* ---- blocks ---------------------------------------------------------------------------------- */

enum { SPARE_MAX = 64 }; /* what is given back beyond these is freed */

int usher__pool_reserve(struct pool *p, uint32_t n)
{
    while (p->n < n) {
        void *block = usher__alloc(p->memory, p->len);

        if (block == NULL)
            return USHER_ENOMEM;
        memcpy(block, &p->spare, sizeof(p->spare));
        p->spare = block;
        p->n++;
    }
    return 0;
}

void *usher__pool_take(struct pool *p)
{
    void *block = p->spare;

    memcpy(&p->spare, block, sizeof(p->spare));
    p->n--;
    memset(block, 0, p->len);
    return block;
}

void usher__pool_give(struct pool *p, void *block)
{
    if (p->n >= SPARE_MAX) {
        usher__free(p->memory, block);
        return;
    }
    memcpy(block, &p->spare, sizeof(p->spare));
    p->spare = block;
    p->n++;
}

void usher__pool_free(struct pool *p)
{
    while (p->n > 0)
        usher__free(p->memory, usher__pool_take(p));
}

/* ---- the scale ------------------------------------------------------------------------------- */

/* Octave 0 has 0..63, octave 1 64..127, each of width 1; octave o > 0 has the widths 2^(o - 1). */
static inline uint32_t bucket_of(int64_t ms)
{
    uint64_t v = (uint64_t)(ms < SPREAD_MAX ? ms : SPREAD_MAX);
    int shift = v < OCTAVE_LEN ? 0 : 63 - __builtin_clzll(v) - 6;

    return (uint32_t)shift * OCTAVE_LEN + (uint32_t)(v >> shift);
}

static int64_t middle_of(uint32_t bucket)
{
    uint32_t shift = bucket < 2 * OCTAVE_LEN ? 0 : bucket / OCTAVE_LEN - 1;
    int64_t low = (int64_t)(bucket - shift * OCTAVE_LEN) << shift;

    return low + (((int64_t)1 << shift) - 1) / 2;
}

static inline int64_t plus(int64_t a, int64_t b)
{
    int64_t sum;

    return __builtin_add_overflow(a, b, &sum) ? INT64_MAX : sum;
}

/* ---- spreads --------------------------------------------------------------------------------- */

static inline uint64_t *count_of(struct spread *s, struct pool *octaves, uint32_t bucket)
{
    struct octave **o = &s->octave[bucket / OCTAVE_LEN];

    if (__builtin_expect(*o == NULL, 0))
        *o = usher__pool_take(octaves);
    return &(*o)->count[bucket % OCTAVE_LEN];
}

void usher__spread_add(struct spread *s, struct pool *octaves, int64_t ms)
{
    ++*count_of(s, octaves, bucket_of(ms));
    s->n++;
    s->sum = plus(s->sum, ms);
    if (ms > s->max)
        s->max = ms;
}

void usher__spread_move(struct spread *s, struct spread *from, struct pool *octaves)
{
    s->n += from->n;
    s->sum = plus(s->sum, from->sum);
    if (from->max > s->max)
        s->max = from->max;
    for (uint32_t i = 0; i < OCTAVES; i++) {
        struct octave *o = from->octave[i];

        if (o == NULL)
            continue;
        if (s->octave[i] == NULL) {
            s->octave[i] = o;
            continue;
        }
        for (uint32_t k = 0; k < OCTAVE_LEN; k++)
            s->octave[i]->count[k] += o->count[k];
        usher__pool_give(octaves, o);
    }
    memset(from, 0, sizeof(*from));
}

void usher__spread_free(struct spread *s, struct pool *octaves)
{
    for (uint32_t i = 0; i < OCTAVES; i++) {
        if (s->octave[i] != NULL)
            usher__pool_give(octaves, s->octave[i]);
    }
    memset(s, 0, sizeof(*s));
}

/* ---- bytes ----------------------------------------------------------------------------------- */

/* The number of buckets in use; each one's distance from the one before and its count; sum and max.
 * Of nothing counted it is one byte. */
static uint32_t used(const struct spread *s)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < OCTAVES; i++) {
        for (uint32_t k = 0; s->octave[i] != NULL && k < OCTAVE_LEN; k++)
            n += s->octave[i]->count[k] != 0;
    }
    return n;
}

size_t usher__spread_numbers(const struct spread *s)
{
    return 2 * (size_t)used(s) + 3;
}

char *usher__spread_put(const struct spread *s, char *to)
{
    uint32_t last = 0, n = used(s);

    to = usher__put_number(to, n);
    if (n == 0)
        return to;
    for (uint32_t i = 0; i < OCTAVES * OCTAVE_LEN; i++) {
        const struct octave *o = s->octave[i / OCTAVE_LEN];

        if (o == NULL || o->count[i % OCTAVE_LEN] == 0)
            continue;
        to = usher__put_number(to, i - last);
        to = usher__put_number(to, o->count[i % OCTAVE_LEN]);
        last = i;
    }
    to = usher__put_number(to, (uint64_t)s->sum);
    return usher__put_number(to, (uint64_t)s->max);
}

void usher__spread_take(struct spread *s, struct reader *r, struct pool *octaves)
{
    uint32_t last = 0, n = (uint32_t)usher__get_upto(r, OCTAVES * OCTAVE_LEN);

    if (n == 0)
        return;
    for (uint32_t i = 0; i < n && !r->bad; i++) {
        uint32_t far = (uint32_t)usher__get_upto(r, OCTAVES * OCTAVE_LEN - 1 - last);
        uint64_t count = usher__get_upto(r, SPREAD_N_MAX - s->n);

        if ((far == 0 && i > 0) || count == 0)
            usher__bad(r);
        s->n += count;
        last += far;
        if (!r->bad)
            *count_of(s, octaves, last) = count;
    }
    s->sum = (int64_t)usher__get_upto(r, INT64_MAX);
    s->max = (int64_t)usher__get_upto(r, INT64_MAX);
    if (bucket_of(s->max) != last || s->max > s->sum)
        usher__bad(r);
}

/* ---- sums ------------------------------------------------------------------------------------ */

void usher__sum_add(struct spread_sum *s, int64_t ms)
{
    s->count[bucket_of(ms)]++;
    s->n++;
    s->sum = plus(s->sum, ms);
    if (ms > s->max)
        s->max = ms;
}

void usher__sum_spread(struct spread_sum *s, const struct spread *one)
{
    s->n += one->n;
    s->sum = plus(s->sum, one->sum);
    if (one->max > s->max)
        s->max = one->max;
    for (uint32_t octave = 0; octave < OCTAVES; octave++) {
        const struct octave *o = one->octave[octave];

        for (uint32_t i = 0; o != NULL && i < OCTAVE_LEN; i++)
            s->count[octave * OCTAVE_LEN + i] += o->count[i];
    }
}

/* The smallest value that so many per cent of all do not exceed; -1: there is none. */
static int64_t quantile(const struct spread_sum *s, unsigned percent)
{
    uint64_t rank = s->n / 100 * percent + (s->n % 100 * percent + 99) / 100, seen = 0;
    uint32_t i = 0;
    int64_t ms;

    if (rank == s->n)
        return s->n == 0 ? -1 : s->max;
    while (seen += s->count[i], seen < rank)
        i++;
    ms = middle_of(i);
    return ms < s->max ? ms : s->max;
}

usher_spread usher__sum_told(const struct spread_sum *s)
{
    return (usher_spread){.n = s->n,
                          .p50_ms = quantile(s, 50),
                          .p90_ms = quantile(s, 90),
                          .p99_ms = quantile(s, 99),
                          .max_ms = quantile(s, 100),
                          .sum_ms = s->sum};
}

uint64_t usher__sum_upto(const struct spread_sum *s, int64_t ms)
{
    uint64_t n = 0;

    for (uint32_t i = 0; i < OCTAVES * OCTAVE_LEN && middle_of(i) <= ms; i++)
        n += s->count[i];
    return n;
}
