/* Where chance comes from: a seed; or, as long as they last, bytes that somebody chose. */
#include "policy.h"

static const uint8_t *loaded, *loaded_end;

void dice_load(const uint8_t *bytes, size_t len)
{
    loaded = bytes;
    loaded_end = bytes + len;
}

/* splitmix64 (Steele, Lea, Flood 2014) */
uint64_t dice_draw(struct dice *d)
{
    uint64_t x = d->state += UINT64_C(0x9e3779b97f4a7c15);

    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

struct dice dice_of(uint64_t seed, uint32_t number, uint32_t draws)
{
    struct dice d = { .state = seed };

    d.state = dice_draw(&d) + number;
    d.state = dice_draw(&d);
    d.left = draws < DICE_ALL ? draws : UINT32_MAX;
    return d;
}

uint32_t dice_below(struct dice *d, uint32_t n)
{
    uint32_t drawn = 0;

    if (d->left == 0)
        return 0;
    d->left--;
    if (loaded == loaded_end)
        return (uint32_t)((dice_draw(d) >> 32) * n >> 32);
    for (uint32_t room = n; room > 1 && loaded < loaded_end; room >>= 8)
        drawn = drawn << 8 | *loaded++;
    return n == 0 ? 0 : drawn % n;
}
