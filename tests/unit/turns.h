/* A record of turns, and what each band is owed of them: a band of weight w at least
 * floor(w / W * n) - 1 of any n turns in a row that are not taken by "first" bands, as long as
 * somebody whom the claimers can serve waits in it. With all four bands weighted, and more than
 * half of the weight on one, that one may lack one turn more. */
#ifndef USHER_UNIT_TURNS_H
#define USHER_UNIT_TURNS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/line.h"

enum { TURNS_MAX = 2000 };

struct turns {
    uint32_t weight[PRIORITIES]; /* 0: first */
    uint32_t n;
    uint8_t takeable[TURNS_MAX], served[TURNS_MAX]; /* bits of bands; the band */
};

static inline uint32_t whole(const struct turns *t)
{
    return t->weight[0] + t->weight[1] + t->weight[2] + t->weight[3];
}

/* What a band is owed of n turns. */
static inline int64_t owed(const struct turns *t, uint32_t band, uint32_t n)
{
    uint32_t weighted = 0;

    for (uint32_t b = 0; b < PRIORITIES; b++)
        weighted += t->weight[b] != 0;
    return (int64_t)n * t->weight[band] / whole(t) -
           (weighted == PRIORITIES && 2 * t->weight[band] > whole(t) ? 2 : 1);
}

/* All windows that end with the last turn; a turn of a "first" band is none. */
static inline void check_windows(const struct turns *t)
{
    for (uint32_t band = 0; band < PRIORITIES; band++) {
        uint32_t n = 0;
        int64_t got = 0;

        for (uint32_t i = t->n; i-- > 0 && t->weight[band] != 0;) {
            if (t->weight[t->served[i]] == 0)
                continue;
            if ((t->takeable[i] & 1u << band) == 0)
                break;
            n++;
            got += t->served[i] == band;
            if (got < owed(t, band, n))
                fail_msg("band %u of weight %u/%u got %d of %u turns, turn %u", band,
                         t->weight[band], whole(t), (int)got, n, t->n);
        }
    }
}

#endif
