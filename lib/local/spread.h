/* How long things took, counted: n durations, and how they spread.
 *
 * Counts by size on a log-linear scale, as in HdrHistogram (Gil Tene, 2012): an octave, from one
 * power of two to the next, has 64 buckets of one width, and below 128 ms each value has its
 * own. A bucket answers with its middle, which is off by half a width, at most 1/128 of the
 * value: 0.8 %. The sum and the largest are exact. Only octaves in which something was counted
 * have memory, from a pool that was filled beforehand, so counting cannot fail. */
#ifndef USHER_LOCAL_SPREAD_H
#define USHER_LOCAL_SPREAD_H

#include <stdbool.h>
#include <stdint.h>

#include <usher/usher.h>

#include "local/bytes.h"
#include "local/memory.h"

/* ---- blocks of one length, made beforehand --------------------------------------------------- */

struct pool {
    const struct memory *memory;
    size_t len;
    void *spare;
    uint32_t n;
};

int usher__pool_reserve(struct pool *p, uint32_t n); /* n takes cannot fail. ENOMEM */
void *usher__pool_take(struct pool *p);              /* zeroed */
void usher__pool_give(struct pool *p, void *block);
void usher__pool_free(struct pool *p); /* those that nobody has taken */

/* ---- spreads --------------------------------------------------------------------------------- */

#define SPREAD_MAX                                                                                 \
    INT64_C(3155760000000) /* 100 years: what took longer counts as that, but in sum and max */
#define SPREAD_N_MAX (UINT64_C(1) << 55) /* taken from bytes: the sum of 256 such still fits */
enum { OCTAVE_LEN = 64, OCTAVES = 37 };

struct octave {
    uint64_t count[OCTAVE_LEN];
};
struct spread {
    uint64_t n;
    int64_t sum, max;
    struct octave *octave[OCTAVES];
};

/* ms >= 0. One octave is in the pool. */
void usher__spread_add(struct spread *s, struct pool *octaves, int64_t ms);
/* All of `from` is in s as well, and `from` is empty. */
void usher__spread_move(struct spread *s, struct spread *from, struct pool *octaves);
void usher__spread_free(struct spread *s, struct pool *octaves);

/* As bytes. Reading needs OCTAVES in the pool; what is wrong makes the reader bad, and s may be
 * freed. */
size_t usher__spread_numbers(const struct spread *s); /* how many it is */
char *usher__spread_put(const struct spread *s, char *to);
void usher__spread_take(struct spread *s, struct reader *r, struct pool *octaves);

/* ---- the sum of several, to be asked --------------------------------------------------------- */

struct spread_sum {
    uint64_t n;
    int64_t sum, max;
    uint64_t count[OCTAVES * OCTAVE_LEN];
};

void usher__sum_add(struct spread_sum *s, int64_t ms);
void usher__sum_spread(struct spread_sum *s, const struct spread *one);
usher_spread usher__sum_told(const struct spread_sum *s);
/* How many took up to ms: exact to the width of a bucket. */
uint64_t usher__sum_upto(const struct spread_sum *s, int64_t ms);

#endif
