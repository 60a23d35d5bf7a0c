/* Whose turn it is: how the bands of a line share its turns.
 *
 * Stride scheduling (Waldspurger and Weihl, 1995) with whole numbers: a band of weight w pays
 * lcm(weights) / w per turn, and the band that has paid least is next. Bands whose share is "first"
 * come before the rest and pay nothing. Before each choice the bands in question are raised to what
 * the last one served had paid: so neither a band that fills again after a while nor one that others
 * could not take has saved up turns. Of any n turns not taken by "first" bands, a band of weight w gets
 * at least floor(w / W * n) - 1 while it has somebody waiting whom the claimers can serve; - 2 where
 * all four bands are weighted and it has more than half of the weight W: with 8, 1, 1, 1 the other
 * three come once each before it comes again. */
#ifndef USHER_CORE_LINE_H
#define USHER_CORE_LINE_H

#include <stdint.h>

#include "core/policy.h"

struct shares {
    int64_t pass[PRIORITIES];
    int64_t stride[PRIORITIES]; /* 0: "first" */
    int64_t last;               /* what the band served last had paid before its turn */
};

void usher__shares_init(struct shares *s, const struct policy *p);

/* bands: bits of those that hold a ticket which this claimer may take, at least one. Returns the
 * band whose turn it is and charges it. */
uint32_t usher__shares_next(struct shares *s, uint32_t bands);

/* Bits of the bands above `band` that are "first": who stands there comes before it. */
uint32_t usher__shares_first_above(const struct shares *s, uint32_t band);

#endif
