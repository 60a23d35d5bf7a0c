/* See line.h. */
#include "core/line.h"

static int64_t gcd(int64_t a, int64_t b)
{
    while (b != 0) {
        int64_t r = a % b;

        a = b;
        b = r;
    }
    return a;
}

void usher__shares_init(struct shares *s, const struct policy *p)
{
    int64_t lcm = 1; /* at most SHARE_MAX to the fourth: 10^12 */

    *s = (struct shares){{0}, {0}, 0};
    for (int b = 0; b < PRIORITIES; b++) {
        if (p->share[b] != 0)
            lcm = lcm / gcd(lcm, p->share[b]) * p->share[b];
    }
    for (int b = 0; b < PRIORITIES; b++)
        s->stride[b] = p->share[b] == 0 ? 0 : lcm / p->share[b];
}

uint32_t usher__shares_next(struct shares *s, uint32_t bands)
{
    uint32_t best = PRIORITIES;

    for (uint32_t b = PRIORITIES; b-- > 0;) {
        if ((bands & 1u << b) != 0 && s->stride[b] == 0)
            return b;
    }
    for (uint32_t b = PRIORITIES; b-- > 0;) { /* from the top, so that it wins a tie */
        if ((bands & 1u << b) == 0)
            continue;
        if (s->pass[b] < s->last)
            s->pass[b] = s->last;
        if (best == PRIORITIES || s->pass[b] < s->pass[best])
            best = b;
    }
    s->last = s->pass[best];
    s->pass[best] += s->stride[best];
    return best;
}

uint32_t usher__shares_first_above(const struct shares *s, uint32_t band)
{
    uint32_t bands = 0;

    for (uint32_t b = band + 1; b < PRIORITIES; b++) {
        if (s->stride[b] == 0)
            bands |= 1u << b;
    }
    return bands;
}
