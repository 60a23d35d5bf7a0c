/* How bands share the turns, under adversaries: all short histories, and long ones drawn. */
#include <string.h>

#include "probe.h"
#include "turns.h"

static void take_turn(struct turns *t, struct shares *s, uint32_t bands)
{
    uint32_t band = usher__shares_next(s, bands);

    assert_true((bands & 1u << band) != 0);
    t->takeable[t->n] = (uint8_t)bands;
    t->served[t->n++] = (uint8_t)band;
}

static struct shares with_weights(struct turns *t, const uint32_t weight[PRIORITIES])
{
    struct policy p;
    struct shares s;

    usher__policy_default(&p);
    memcpy(p.share, weight, sizeof p.share);
    usher__shares_init(&s, &p);
    *t = (struct turns){ .n = 0 };
    memcpy(t->weight, weight, sizeof t->weight);
    return s;
}

/* Every way in which bands can be there and not be there, up to a depth. */
static void try_everything(struct turns *t, const struct shares *s, uint32_t depth, uint32_t bands)
{
    for (uint32_t set = 1; set <= bands && depth > 0; set++) {
        struct shares after = *s;

        if ((set & ~bands) != 0)
            continue;
        take_turn(t, &after, set);
        check_windows(t);
        try_everything(t, &after, depth - 1, bands);
        t->n--;
    }
}

static void test_shares__hold_for_all_short_histories(void **unused)
{
    (void)unused;

    static const uint32_t weights[][PRIORITIES] = {
        { 1, 4, 8, 0 }, { 1, 1, 1, 0 }, { 1, 2, 3, 0 }, { 5, 1, 1, 0 }, { 1, 1000, 1, 0 },
    };
    struct turns t;

    for (size_t i = 0; i < sizeof weights / sizeof weights[0]; i++) {
        struct shares s = with_weights(&t, weights[i]);

        try_everything(&t, &s, 6, 7);
    }
}

static void test_shares__hold_for_all_short_histories_of_four_bands(void **unused)
{
    (void)unused;

    static const uint32_t weights[][PRIORITIES] = {
        { 1, 1, 1, 8 }, { 1, 2, 3, 4 }, { 1, 1, 1, 1 }, { 1000, 1, 1, 1 },
    };
    struct turns t;

    for (size_t i = 0; i < sizeof weights / sizeof weights[0]; i++) {
        struct shares s = with_weights(&t, weights[i]);

        try_everything(&t, &s, 4, 15);
    }
}

/* Bands come and go: each at random, in long runs, or all but one against that one. */
static uint32_t adversary(uint64_t *seed, uint32_t mode, uint32_t *bands, uint32_t victim)
{
    uint32_t set;

    switch (mode) {
    case 0: set = below(seed, 16); break;
    case 1: /* empty and fill */
        if (below(seed, 8) == 0)
            *bands ^= 1u << below(seed, PRIORITIES);
        set = *bands;
        break;
    case 2: set = 1u << victim | below(seed, 16); break;
    default: /* away for long, then back among all */
        set = draw(seed) % 40 == 0 ? 15 : 15 & ~(1u << victim);
        if (below(seed, 3) == 0)
            set = 15;
        break;
    }
    return set == 0 ? 1u << victim : set;
}

static void test_shares__hold_when_bands_empty_and_fill(void **unused)
{
    (void)unused;

    uint64_t seed = 7;
    struct turns t;

    for (int round = 0; round < 400; round++) {
        uint32_t weight[PRIORITIES], bands = 15, victim = below(&seed, PRIORITIES);
        uint32_t mode = below(&seed, 4);
        struct shares s;

        for (uint32_t b = 0; b < PRIORITIES; b++)
            weight[b] = below(&seed, 5) == 0 ? 0 : 1 + below(&seed, below(&seed, 2) ? 9 : 1000);
        s = with_weights(&t, weight);
        for (int i = 0; i < 300; i++) {
            take_turn(&t, &s, adversary(&seed, mode, &bands, victim));
            check_windows(&t);
        }
    }
}

/* Why the bound is one less there: the three others come once each before it comes again. */
static void test_shares__more_than_half_of_four_bands_may_lack_two(void **unused)
{
    (void)unused;

    struct turns t;
    struct shares s = with_weights(&t, (const uint32_t[PRIORITIES]){ 1, 1, 1, 8 });

    for (int i = 0; i < 5; i++)
        take_turn(&t, &s, 15);
    assert_memory_equal(t.served, ((const uint8_t[]){ 3, 2, 1, 0, 3 }), 5);
}

static void test_shares__first_bands_take_all_they_can(void **unused)
{
    (void)unused;

    struct turns t;
    struct shares s = with_weights(&t, (const uint32_t[PRIORITIES]){ 1, 0, 1, 0 });

    take_turn(&t, &s, 15);
    take_turn(&t, &s, 7);
    take_turn(&t, &s, 5);
    take_turn(&t, &s, 5);
    assert_memory_equal(t.served, ((const uint8_t[]){ 3, 1, 2, 0 }), 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shares__hold_for_all_short_histories),
        cmocka_unit_test(test_shares__hold_for_all_short_histories_of_four_bands),
        cmocka_unit_test(test_shares__hold_when_bands_empty_and_fill),
        cmocka_unit_test(test_shares__more_than_half_of_four_bands_may_lack_two),
        cmocka_unit_test(test_shares__first_bands_take_all_they_can),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
