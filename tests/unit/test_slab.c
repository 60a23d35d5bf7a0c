/* Records by slot: zeroed, apart from each other, where they were, and never lost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <usher/usher.h>

#include "local/slab.h"
#include "probe.h"

enum { RECORD_LEN = 200, RECORDS = 60000 };

static void fill(const struct slab *s, uint32_t slot)
{
    memset(usher__slab_at(s, slot), (int)(slot * 31 % 251) + 1, s->record_len);
}

static void assert_filled(const struct slab *s, uint32_t slot, int with)
{
    const unsigned char *p = usher__slab_at(s, slot);

    for (size_t i = 0; i < s->record_len; i++) {
        if (p[i] != with)
            fail_msg("slot %u byte %zu: %u, not %d", slot, i, (unsigned)p[i], with);
    }
}

static void test_slab__holds_what_a_plain_array_holds(void **state)
{
    struct probe probe = {.left = UINT32_MAX};
    struct memory m = {probe_resize, &probe};
    struct slab s;
    uint32_t *held = calloc(RECORDS, sizeof *held);
    void **where = calloc(RECORDS, sizeof *where);
    uint32_t n = 0;
    uint64_t seed = 4711;

    (void)state;
    usher__slab_init(&s, &m, RECORD_LEN);
    for (int i = 0; i < 200000; i++) {
        uint32_t slot;

        if (n < RECORDS && (n == 0 || below(&seed, 5) < 3)) {
            assert_int_equal(usher__slab_reserve(&s, 1), 0);
            slot = usher__slab_take(&s);
            assert_int_not_equal(slot, 0);
            assert_filled(&s, slot, 0);
            fill(&s, slot);
            where[n] = usher__slab_at(&s, slot);
            held[n++] = slot;
        } else {
            uint32_t at = below(&seed, n);

            slot = held[at];
            assert_ptr_equal(usher__slab_at(&s, slot), where[at]);
            assert_filled(&s, slot, (int)(slot * 31 % 251) + 1);
            usher__slab_give(&s, slot);
            held[at] = held[--n];
            where[at] = where[n];
        }
        assert_int_equal(s.n, n);
    }
    assert_true(usher__slab_check(&s));
    assert_true(s.chunk_n > 2);
    for (uint32_t i = 0; i < n; i++)
        assert_filled(&s, held[i], (int)(held[i] * 31 % 251) + 1);
    usher__slab_free(&s);
    assert_int_equal(probe.held_len, 0);
    free(where);
    free(held);
}

static void test_slab__a_little_one_stays_little(void **state)
{
    struct probe probe = {.left = UINT32_MAX};
    struct memory m = {probe_resize, &probe};
    struct slab s;

    (void)state;
    usher__slab_init(&s, &m, RECORD_LEN);
    assert_int_equal(probe.held_n, 0);
    for (int i = 0; i < 300; i++) {
        assert_int_equal(usher__slab_reserve(&s, 1), 0);
        usher__slab_take(&s);
    }
    assert_true(probe.held_len < 66000);
    usher__slab_free(&s);
    assert_int_equal(probe.held_n, 0);
}

static void test_slab__takes_records_of_any_size(void **state)
{
    const size_t sizes[] = {4, 12, 200, 4096, 65536};
    struct slab s;

    (void)state;
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        uint32_t n = (uint32_t)(((size_t)9 << 20) / sizes[k]);

        usher__slab_init(&s, &usher__memory_libc, sizes[k]);
        for (uint32_t i = 1; i <= n; i++) {
            assert_int_equal(usher__slab_reserve(&s, 1), 0);
            assert_int_equal(usher__slab_take(&s), i);
            fill(&s, i);
        }
        for (uint32_t i = 1; i <= n; i += 1 + n / 500)
            assert_filled(&s, i, (int)(i * 31 % 251) + 1);
        assert_true(usher__slab_check(&s));
        usher__slab_free(&s);
    }
}

static void test_slab__a_reserve_of_many_holds(void **state)
{
    struct probe probe = {.left = UINT32_MAX};
    struct memory m = {probe_resize, &probe};
    struct slab s;
    uint32_t bound;

    (void)state;
    usher__slab_init(&s, &m, RECORD_LEN);
    assert_int_equal(usher__slab_reserve(&s, 10), 0);
    for (int i = 0; i < 10; i++)
        usher__slab_take(&s);
    usher__slab_give(&s, 3);
    usher__slab_give(&s, 5);
    assert_int_equal(usher__slab_reserve(&s, 50000), 0);
    bound = s.fresh + 50000;
    probe.left = 0;
    for (int i = 0; i < 50000; i++)
        assert_true(usher__slab_take(&s) < bound);
    assert_int_equal(s.free_n, 0);
    assert_true(usher__slab_check(&s));
    probe.left = UINT32_MAX;
    usher__slab_free(&s);
    assert_int_equal(probe.held_n, 0);
}

static void test_slab__reserve_that_fails_loses_nothing(void **state)
{
    struct probe probe = {.left = UINT32_MAX};
    struct memory m = {probe_resize, &probe};
    struct slab s;
    uint32_t slot;
    uint32_t failed_n = 0;

    (void)state;
    usher__slab_init(&s, &m, RECORD_LEN);
    for (uint32_t left = 0;; left++) {
        int err;

        probe.left = left;
        err = usher__slab_reserve(&s, 1);
        probe.left = UINT32_MAX;
        assert_true(usher__slab_check(&s));
        if (err == 0)
            break;
        assert_int_equal(err, USHER_ENOMEM);
        assert_int_equal(s.n, 0);
        failed_n++;
    }
    assert_int_equal(failed_n, 2);
    slot = usher__slab_take(&s);
    fill(&s, slot);
    probe.left = 1;
    assert_int_equal(usher__slab_reserve(&s, 100000), USHER_ENOMEM);
    assert_filled(&s, slot, (int)(slot * 31 % 251) + 1);
    probe.left = UINT32_MAX;
    assert_int_equal(usher__slab_reserve(&s, 100000), 0);
    assert_filled(&s, slot, (int)(slot * 31 % 251) + 1);
    usher__slab_free(&s);
    assert_int_equal(probe.held_n, 0);
}

static void test_slab__check_sees_a_slot_given_twice(void **state)
{
    struct slab s;

    (void)state;
    usher__slab_init(&s, &usher__memory_libc, RECORD_LEN);
    assert_true(usher__slab_check(&s));
    assert_int_equal(usher__slab_reserve(&s, 3), 0);
    for (int i = 0; i < 3; i++)
        usher__slab_take(&s);
    usher__slab_give(&s, 2);
    assert_true(usher__slab_check(&s));
    usher__slab_give(&s, 2);
    assert_false(usher__slab_check(&s));
    usher__slab_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_slab__holds_what_a_plain_array_holds),
        cmocka_unit_test(test_slab__a_little_one_stays_little),
        cmocka_unit_test(test_slab__takes_records_of_any_size),
        cmocka_unit_test(test_slab__a_reserve_of_many_holds),
        cmocka_unit_test(test_slab__reserve_that_fails_loses_nothing),
        cmocka_unit_test(test_slab__check_sees_a_slot_given_twice),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
