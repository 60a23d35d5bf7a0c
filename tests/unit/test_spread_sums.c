/* Sums at the end of what a number holds: they stand still there, and what is asked of them stays sound. */
#include "probe.h"

#include "local/bytes.h"
#include "local/spread.h"

enum { MANY = 256 };

/* As many as may be of one duration, with the largest sum, as somebody may have written them. */
static void take_hostile(struct spread *s, struct pool *octaves, int64_t ms)
{
    struct spread one = {0};
    char bytes[100], *to = bytes;
    struct reader r;

    usher__spread_add(&one, octaves, ms);
    for (uint32_t o = 0; o < OCTAVES; o++) {
        for (uint32_t k = 0; one.octave[o] != NULL && k < OCTAVE_LEN; k++) {
            if (one.octave[o]->count[k] != 0)
                one.octave[o]->count[k] = SPREAD_N_MAX;
        }
    }
    one.sum = INT64_MAX;
    to = usher__spread_put(&one, to);
    usher__spread_free(&one, octaves);
    r = usher__reader(bytes, (uint32_t)(to - bytes));
    usher__spread_take(s, &r, octaves);
    assert_true(usher__reader_done(&r));
    assert_int_equal(s->n, SPREAD_N_MAX);
    assert_int_equal(s->sum, INT64_MAX);
}

static void test_sums__stand_still_at_the_end(void **state)
{
    struct probe probe = {.left = UINT32_MAX};
    struct memory m = {probe_resize, &probe};
    struct pool octaves = {&m, sizeof(struct octave), NULL, 0};
    struct spread_sum *sum = calloc(1, sizeof *sum);
    struct spread s[2] = {{0}, {0}};
    usher_spread told;

    (void)state;
    assert_non_null(sum);
    assert_int_equal(usher__pool_reserve(&octaves, 4 * OCTAVES), 0);
    take_hostile(&s[0], &octaves, 1000);
    take_hostile(&s[1], &octaves, 5000);
    for (int i = 0; i < MANY; i++)
        usher__sum_spread(sum, &s[i % 2]);
    told = usher__sum_told(sum);
    assert_true(told.n == MANY * SPREAD_N_MAX);
    assert_true(told.sum_ms == INT64_MAX && told.max_ms == 5000);
    assert_in_range(told.p50_ms, 990, 1010);
    assert_in_range(told.p90_ms, 4950, 5000);
    assert_true(usher__sum_upto(sum, 2000) == MANY / 2 * SPREAD_N_MAX);
    usher__sum_add(sum, INT64_MAX);
    assert_true(usher__sum_told(sum).sum_ms == INT64_MAX);

    usher__spread_move(&s[0], &s[1], &octaves); /* days that grow too old */
    assert_true(s[0].n == 2 * SPREAD_N_MAX && s[0].sum == INT64_MAX && s[0].max == 5000);
    usher__spread_add(&s[0], &octaves, INT64_MAX);
    assert_true(s[0].sum == INT64_MAX && s[0].max == INT64_MAX);
    usher__spread_free(&s[0], &octaves);
    usher__pool_free(&octaves);
    assert_int_equal(probe.held_n, 0);
    free(sum);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sums__stand_still_at_the_end),
    };

    return cmocka_run_group_tests_name("spread_sums", tests, NULL, NULL);
}
