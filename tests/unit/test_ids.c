/* Ids and their slots against a plain array. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <usher/usher.h>

#include "local/ids.h"
#include "probe.h"

enum { SLOTS = 100000 };

/* What stands for the records: the id in each slot. */
static uint64_t id_of(const void *ctx, uint32_t slot)
{
    return ((const uint64_t *)ctx)[slot];
}

static void add(struct ids *ids, uint64_t *records, uint64_t id, uint32_t slot)
{
    assert_int_equal(usher__ids_reserve(ids, 1), 0);
    records[slot] = id;
    usher__ids_insert(ids, id, slot);
}

/* The id that belongs to a slot in its k-th use: ids of each kind that may come. */
static uint64_t pattern(int kind, uint64_t k)
{
    switch (kind) {
    case 0:
        return k;
    case 1:
        return k << 20;
    case 2:
        return k << 32 | 5;
    case 3:
        return UINT64_MAX - k;
    default:
        return k * 1597;
    }
}

static void test_ids__agrees_with_a_plain_array(void **state)
{
    uint64_t *records = calloc(SLOTS, sizeof *records);

    (void)state;
    for (int kind = 0; kind < 5; kind++) {
        struct probe probe = {.left = UINT32_MAX};
        struct memory memory = {probe_resize, &probe};
        struct ids ids;
        uint64_t seed = 1234 + (uint64_t)kind;
        uint64_t next = 1;
        uint32_t n = 0;

        memset(records, 0, SLOTS * sizeof *records);
        usher__ids_init(&ids, &memory, id_of, records);
        for (int i = 0; i < 120000; i++) {
            uint32_t slot = 1 + below(&seed, SLOTS - 1);

            bool is_growing = i < 60000 || below(&seed, 4) == 0;

            if (records[slot] == 0 && is_growing) {
                add(&ids, records, pattern(kind, next++), slot);
                n++;
            } else if (records[slot] != 0) {
                uint64_t id = records[slot];

                assert_int_equal(usher__ids_find(&ids, id), slot);
                assert_int_equal(usher__ids_remove(&ids, id), slot);
                assert_int_equal(usher__ids_remove(&ids, id), 0);
                assert_int_equal(usher__ids_find(&ids, id), 0);
                records[slot] = 0;
                n--;
            }
            assert_int_equal(ids.n, n);
            if (i % 20011 == 0)
                assert_true(usher__ids_check(&ids));
        }
        assert_true(usher__ids_check(&ids));
        for (uint32_t slot = 1; slot < SLOTS; slot++) {
            if (records[slot] == 0)
                continue;
            usher__ids_prefetch(&ids, records[slot]);
            assert_int_equal(usher__ids_find(&ids, records[slot]), slot);
        }
        assert_int_equal(usher__ids_find(&ids, pattern(kind, next)), 0);
        usher__ids_free(&ids);
        assert_int_equal(probe.held_len, 0);
    }
    free(records);
}

static void test_ids__an_empty_one_finds_nothing(void **state)
{
    struct ids ids;

    (void)state;
    usher__ids_init(&ids, &usher__memory_libc, id_of, NULL);
    usher__ids_prefetch(&ids, 1);
    assert_int_equal(usher__ids_find(&ids, 1), 0);
    assert_int_equal(usher__ids_remove(&ids, 1), 0);
    assert_true(usher__ids_check(&ids));
    assert_int_equal(usher__ids_reserve(&ids, 1), 0);
    assert_int_equal(usher__ids_find(&ids, 1), 0);
    assert_int_equal(usher__ids_remove(&ids, 0), 0);
    usher__ids_free(&ids);
}

/* After the reserve no memory is granted: whatever the ids, the inserts go through. */
static void test_ids__a_reserve_of_many_holds(void **state)
{
    struct probe probe = {.left = UINT32_MAX};
    struct memory memory = {probe_resize, &probe};
    uint64_t *records = calloc(SLOTS, sizeof *records);
    struct ids ids;
    uint32_t slot = 0;

    (void)state;
    usher__ids_init(&ids, &memory, id_of, records);
    assert_int_equal(usher__ids_reserve(&ids, USHER__IDS_RESERVE_MAX + 1), USHER_ENOMEM);
    while (slot + USHER__IDS_RESERVE_MAX < SLOTS) {
        assert_int_equal(usher__ids_reserve(&ids, USHER__IDS_RESERVE_MAX), 0);
        probe.left = 0;
        for (int i = 0; i < USHER__IDS_RESERVE_MAX; i++) {
            slot++;
            records[slot] = slot;
            usher__ids_insert(&ids, slot, slot);
        }
        probe.left = UINT32_MAX;
    }
    assert_true(usher__ids_check(&ids));
    for (uint32_t id = 1; id <= slot; id++)
        assert_int_equal(usher__ids_find(&ids, id), id);
    usher__ids_free(&ids);
    assert_int_equal(probe.held_n, 0);
    free(records);
}

static void test_ids__reserve_that_fails_changes_no_entry(void **state)
{
    struct probe probe = {.left = UINT32_MAX};
    struct memory memory = {probe_resize, &probe};
    uint64_t *records = calloc(SLOTS, sizeof *records);
    struct ids ids;
    uint32_t failed_n = 0;

    (void)state;
    usher__ids_init(&ids, &memory, id_of, records);
    for (uint32_t slot = 1; slot < 30000; slot++) {
        for (uint32_t left = 0;; left++) {
            int err;

            probe.left = left;
            err = usher__ids_reserve(&ids, 1);
            probe.left = UINT32_MAX;
            if (err == 0)
                break;
            assert_int_equal(err, USHER_ENOMEM);
            assert_true(usher__ids_check(&ids));
            assert_int_equal(ids.n, slot - 1);
            assert_int_equal(usher__ids_find(&ids, slot - 1), slot - 1);
            failed_n++;
        }
        records[slot] = slot;
        usher__ids_insert(&ids, slot, slot);
    }
    assert_true(failed_n > 10);
    for (uint32_t id = 1; id < 30000; id++)
        assert_int_equal(usher__ids_find(&ids, id), id);
    usher__ids_free(&ids);
    assert_int_equal(probe.held_n, 0);
    free(records);
}

/* Ids come and go for long, few are there at a time: what they need does not grow. */
static void test_ids__a_moving_window_keeps_its_room(void **state)
{
    struct probe probe = {.left = UINT32_MAX};
    struct memory memory = {probe_resize, &probe};
    uint64_t *records = calloc(SLOTS, sizeof *records);
    struct ids ids;
    size_t held_len = 0;

    (void)state;
    usher__ids_init(&ids, &memory, id_of, records);
    for (uint64_t id = 1; id < 300000; id++) {
        uint32_t slot = 1 + (uint32_t)(id % 3000);

        if (id > 3000)
            assert_int_equal(usher__ids_remove(&ids, id - 3000), slot);
        if (id == 10000)
            held_len = probe.held_len;
        add(&ids, records, id, slot);
    }
    assert_int_equal(ids.n, 3000);
    assert_int_equal(probe.held_len, held_len);
    assert_true(usher__ids_check(&ids));
    usher__ids_free(&ids);
    free(records);
}

/* Which ids stay may follow any pattern: what shares its last bits is spread as well. */
static void test_ids__a_pattern_of_ids_is_found_and_leaves(void **state)
{
    static const uint64_t strides[] = {1, 2, 7, 8, 64, 4096, UINT64_C(1) << 32};
    uint64_t *records = calloc(SLOTS, sizeof *records);

    (void)state;
    for (size_t k = 0; k < sizeof strides / sizeof strides[0]; k++) {
        struct memory memory = usher__memory_libc;
        struct ids ids;

        usher__ids_init(&ids, &memory, id_of, records);
        for (uint32_t slot = 1; slot < 9000; slot++)
            add(&ids, records, 3 + slot * strides[k], slot);
        assert_true(usher__ids_check(&ids));
        for (uint32_t slot = 1; slot < 9000; slot++) {
            assert_int_equal(usher__ids_find(&ids, 3 + slot * strides[k]), slot);
            if (slot % 3 == 0)
                assert_int_equal(usher__ids_remove(&ids, 3 + slot * strides[k]), slot);
        }
        assert_true(usher__ids_check(&ids));
        assert_int_equal(ids.n, 6000);
        usher__ids_free(&ids);
    }
    free(records);
}

static void test_ids__check_sees_a_record_that_is_another(void **state)
{
    uint64_t records[10] = {0};
    struct ids ids;

    (void)state;
    usher__ids_init(&ids, &usher__memory_libc, id_of, records);
    for (uint32_t slot = 1; slot < 10; slot++)
        add(&ids, records, UINT64_C(11) * slot, slot);
    assert_true(usher__ids_check(&ids));
    records[4] = 45;
    assert_false(usher__ids_check(&ids));
    assert_int_equal(usher__ids_find(&ids, 44), 0);
    records[4] = 44;
    ids.n--;
    assert_false(usher__ids_check(&ids));
    usher__ids_free(&ids);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ids__agrees_with_a_plain_array),
        cmocka_unit_test(test_ids__an_empty_one_finds_nothing),
        cmocka_unit_test(test_ids__a_reserve_of_many_holds),
        cmocka_unit_test(test_ids__reserve_that_fails_changes_no_entry),
        cmocka_unit_test(test_ids__a_moving_window_keeps_its_room),
        cmocka_unit_test(test_ids__a_pattern_of_ids_is_found_and_leaves),
        cmocka_unit_test(test_ids__check_sees_a_record_that_is_another),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
