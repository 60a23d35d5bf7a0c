/* The heap of due times against a list that is searched from end to end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <usher/usher.h>

#include "local/heap.h"
#include "probe.h"

enum { SLOTS = 300 };

struct model {
    bool is_set[SLOTS];
    int64_t key[SLOTS];
    uint64_t id[SLOTS];
    uint32_t n;
};

static uint32_t model_top(const struct model *m)
{
    uint32_t best = 0;

    for (uint32_t slot = 1; slot < SLOTS; slot++) {
        if (m->is_set[slot] && (best == 0 || m->key[slot] < m->key[best] ||
                                (m->key[slot] == m->key[best] && m->id[slot] < m->id[best])))
            best = slot;
    }
    return best;
}

static void test_heap__agrees_with_a_plain_list(void **state)
{
    struct probe probe = {.left = UINT32_MAX};
    struct memory memory = {probe_resize, &probe};
    struct model m = {0};
    struct heap h;
    struct heap_entry e;
    uint64_t seed = 20240517;
    uint64_t id = UINT32_MAX - 5000; /* its low half wraps on the way */

    (void)state;
    usher__heap_init(&h, &memory);
    assert_int_equal(usher__heap_reserve(&h, SLOTS - 1), 0);
    for (int i = 0; i < 60000; i++) {
        uint32_t slot = 1 + below(&seed, SLOTS - 1);
        uint32_t top;

        if (below(&seed, 3) > 0) {
            if (!m.is_set[slot])
                m.id[slot] = ++id;
            m.n += !m.is_set[slot];
            m.is_set[slot] = true;
            m.key[slot] = (int64_t)below(&seed, 50) - 25;
            usher__heap_set(&h, slot, m.id[slot], m.key[slot]);
        } else {
            if (below(&seed, 2) == 0 && usher__heap_top(&h, &e))
                slot = e.slot;
            m.n -= m.is_set[slot];
            m.is_set[slot] = false;
            usher__heap_drop(&h, slot);
        }
        top = model_top(&m);
        assert_int_equal(h.n, m.n);
        assert_int_equal(usher__heap_top(&h, &e), top != 0);
        if (top != 0) {
            assert_int_equal(e.slot, top);
            assert_int_equal(e.key, m.key[top]);
            assert_int_equal(e.id_low, (uint32_t)m.id[top]);
        }
        slot = 1 + below(&seed, SLOTS - 1);
        assert_int_equal(usher__heap_get(&h, slot, &e), m.is_set[slot]);
        if (m.is_set[slot])
            assert_int_equal(e.key, m.key[slot]);
        if (i % 101 == 0)
            assert_true(usher__heap_check(&h));
    }
    usher__heap_free(&h);
    assert_int_equal(probe.held_len, 0);
}

static void test_heap__comes_out_in_order_when_large(void **state)
{
    struct heap h;
    struct heap_entry e;
    uint64_t seed = 99;
    int64_t last = INT64_MIN;
    uint32_t n = 50000;

    (void)state;
    usher__heap_init(&h, &usher__memory_libc);
    for (uint32_t slot = 1; slot <= n; slot++) {
        assert_int_equal(usher__heap_reserve(&h, slot), 0);
        usher__heap_set(&h, slot, slot, (int64_t)draw(&seed));
    }
    assert_true(usher__heap_check(&h));
    for (; usher__heap_top(&h, &e); n--) {
        assert_true(e.key >= last);
        last = e.key;
        usher__heap_drop(&h, e.slot);
    }
    assert_int_equal(n, 0);
    assert_true(usher__heap_check(&h));
    usher__heap_free(&h);
}

static void test_heap__equal_keys_go_by_id_across_the_32_bit_wrap(void **state)
{
    const uint64_t ids[] = {UINT64_C(0x100000001), UINT64_C(0xfffffffe), UINT64_C(0x100000000),
                            UINT64_C(0xffffffff)};
    const uint32_t expected[] = {2, 4, 3, 1};
    struct heap h;
    struct heap_entry e;

    (void)state;
    usher__heap_init(&h, &usher__memory_libc);
    assert_int_equal(usher__heap_reserve(&h, 4), 0);
    for (uint32_t slot = 1; slot <= 4; slot++)
        usher__heap_set(&h, slot, ids[slot - 1], 1000);
    for (int i = 0; i < 4; i++) {
        assert_true(usher__heap_top(&h, &e));
        assert_int_equal(e.slot, expected[i]);
        usher__heap_drop(&h, e.slot);
    }
    usher__heap_free(&h);
}

static void test_heap__takes_the_extreme_instants(void **state)
{
    struct heap h;
    struct heap_entry e;

    (void)state;
    usher__heap_init(&h, &usher__memory_libc);
    assert_int_equal(usher__heap_reserve(&h, 3), 0);
    usher__heap_set(&h, 1, 1, INT64_MAX);
    usher__heap_set(&h, 2, 2, INT64_MIN);
    usher__heap_set(&h, 3, 3, 0);
    assert_true(usher__heap_top(&h, &e));
    assert_int_equal(e.slot, 2);
    usher__heap_set(&h, 2, 2, INT64_MAX);
    assert_true(usher__heap_top(&h, &e));
    assert_int_equal(e.slot, 3);
    assert_true(usher__heap_check(&h));
    usher__heap_free(&h);
}

static void test_heap__dropping_what_is_not_there_is_nothing(void **state)
{
    struct heap h;
    struct heap_entry e;

    (void)state;
    usher__heap_init(&h, &usher__memory_libc);
    usher__heap_drop(&h, 7);
    usher__heap_prefetch(&h, 7);
    assert_false(usher__heap_top(&h, &e));
    assert_false(usher__heap_get(&h, 7, &e));
    assert_true(usher__heap_check(&h));
    assert_int_equal(usher__heap_reserve(&h, 7), 0);
    usher__heap_set(&h, 7, 1, 5);
    usher__heap_drop(&h, 6);
    usher__heap_drop(&h, 7);
    usher__heap_drop(&h, 7);
    usher__heap_drop(&h, UINT32_MAX);
    assert_int_equal(h.n, 0);
    usher__heap_free(&h);
}

/* A host's blocks may lie anywhere that malloc's may: each of these at another distance from a
 * cache line than the one before. */
static void *shifting_resize(void *ctx, void *p, size_t n)
{
    struct head {
        char *base;
        size_t len;
    } head = {NULL, 0};
    uint32_t *turn = ctx;
    char *base;
    char *block;

    if (p != NULL)
        memcpy(&head, (char *)p - sizeof head, sizeof head);
    if (n == 0) {
        free(head.base);
        return NULL;
    }
    base = malloc(n + 192);
    assert_non_null(base);
    block = base + (64 - (uintptr_t)base % 64) + 16 + 16 * (size_t)(++*turn % 4);
    if (p != NULL)
        memcpy(block, p, head.len < n ? head.len : n);
    free(head.base);
    head = (struct head){base, n};
    memcpy(block - sizeof head, &head, sizeof head);
    return block;
}

static void test_heap__grows_into_blocks_that_lie_otherwise(void **state)
{
    uint32_t turn = 0;
    struct memory memory = {shifting_resize, &turn};
    struct heap h;
    struct heap_entry e;

    (void)state;
    usher__heap_init(&h, &memory);
    for (uint32_t slot = 1; slot <= 3000; slot++) {
        assert_int_equal(usher__heap_reserve(&h, slot), 0);
        usher__heap_set(&h, slot, slot, slot * 7919 % 3001);
        assert_true(slot % 100 != 0 || usher__heap_check(&h));
    }
    assert_true(turn > 15);
    for (int64_t key = 1; key <= 3000; key++) {
        assert_true(usher__heap_top(&h, &e));
        assert_int_equal(e.key, key);
        usher__heap_drop(&h, e.slot);
    }
    usher__heap_free(&h);
}

static void test_heap__reserve_that_fails_changes_nothing(void **state)
{
    struct probe probe = {.left = UINT32_MAX};
    struct memory memory = {probe_resize, &probe};
    struct heap h;
    struct heap_entry e;
    uint32_t failed_n = 0;

    (void)state;
    usher__heap_init(&h, &memory);
    assert_int_equal(usher__heap_reserve(&h, 10), 0);
    for (uint32_t slot = 1; slot <= 10; slot++)
        usher__heap_set(&h, slot, slot, 100 - (int64_t)slot);
    for (uint32_t left = 0;; left++) {
        uint32_t slots = h.slots;
        int err;

        probe.left = left;
        err = usher__heap_reserve(&h, 1000);
        probe.left = UINT32_MAX;
        assert_true(usher__heap_check(&h));
        assert_true(usher__heap_top(&h, &e) && e.slot == 10 && h.n == 10);
        if (err == 0)
            break;
        assert_int_equal(err, USHER_ENOMEM);
        assert_int_equal(h.slots, slots);
        failed_n++;
    }
    assert_int_equal(failed_n, 2);
    assert_int_equal(usher__heap_reserve(&h, UINT32_MAX), USHER_ENOMEM);
    probe.left = 0;
    for (uint32_t slot = 11; slot <= 1000; slot++)
        usher__heap_set(&h, slot, slot, slot);
    assert_true(usher__heap_check(&h));
    usher__heap_free(&h);
    assert_int_equal(probe.held_n, 0);
}

static void test_heap__check_sees_damage(void **state)
{
    struct heap h;
    struct heap_entry e;

    (void)state;
    usher__heap_init(&h, &usher__memory_libc);
    assert_int_equal(usher__heap_reserve(&h, 9), 0);
    for (uint32_t slot = 1; slot <= 9; slot++)
        usher__heap_set(&h, slot, slot, slot);
    assert_true(usher__heap_get(&h, 9, &e));
    h.entries[h.pos[9]].key = -1;
    assert_false(usher__heap_check(&h));
    h.entries[h.pos[9]].key = 9;
    assert_true(usher__heap_check(&h));
    h.pos[0] = h.pos[9];
    assert_false(usher__heap_check(&h));
    usher__heap_free(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_heap__agrees_with_a_plain_list),
        cmocka_unit_test(test_heap__comes_out_in_order_when_large),
        cmocka_unit_test(test_heap__equal_keys_go_by_id_across_the_32_bit_wrap),
        cmocka_unit_test(test_heap__takes_the_extreme_instants),
        cmocka_unit_test(test_heap__dropping_what_is_not_there_is_nothing),
        cmocka_unit_test(test_heap__grows_into_blocks_that_lie_otherwise),
        cmocka_unit_test(test_heap__reserve_that_fails_changes_nothing),
        cmocka_unit_test(test_heap__check_sees_damage),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
