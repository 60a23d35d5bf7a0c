/* The counted ordered set against a sorted array. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <usher/usher.h>

#include "local/order.h"
#include "probe.h"

enum { MOST = 4000 };

struct model {
    struct order_item items[MOST];
    uint32_t n;
};

static bool is_before(const struct order_item *a, int64_t rank, uint64_t id)
{
    return a->rank < rank || (a->rank == rank && a->id < id);
}

static uint32_t model_before(const struct model *m, int64_t rank, uint64_t id)
{
    uint32_t low = 0;

    for (uint32_t high = m->n; low < high;) {
        uint32_t mid = (low + high) / 2;

        if (is_before(&m->items[mid], rank, id))
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static void model_insert(struct model *m, int64_t rank, uint64_t id, uint32_t slot)
{
    uint32_t at = model_before(m, rank, id);

    memmove(&m->items[at + 1], &m->items[at], (m->n - at) * sizeof m->items[0]);
    m->items[at] = (struct order_item){rank, id, slot};
    m->n++;
}

static void model_remove(struct model *m, uint32_t at)
{
    m->n--;
    memmove(&m->items[at], &m->items[at + 1], (m->n - at) * sizeof m->items[0]);
}

static void assert_item(const struct order_item *got, const struct order_item *expected)
{
    assert_int_equal(got->rank, expected->rank);
    assert_int_equal(got->id, expected->id);
    assert_int_equal(got->slot, expected->slot);
}

/* Everything one can ask about (rank, id), and what is first. */
static void assert_same(const struct order *o, const struct model *m, int64_t rank, uint64_t id)
{
    struct order_item item;
    uint32_t at = model_before(m, rank, id);

    assert_int_equal(o->n, m->n);
    assert_int_equal(usher__order_count_before(o, rank, id), at);
    assert_int_equal(usher__order_first(o, &item), m->n > 0);
    if (m->n > 0)
        assert_item(&item, &m->items[0]);
    assert_int_equal(usher__order_at(o, at), at < m->n ? m->items[at].slot : 0);
    if (at < m->n && m->items[at].rank == rank && m->items[at].id == id)
        at++;
    assert_int_equal(usher__order_next(o, rank, id, &item), at < m->n);
    if (at < m->n)
        assert_item(&item, &m->items[at]);
}

/* A workload: of ten steps so many insert, so many take the first, the rest take any; a rank is
 * the base, which moves on by `pace`, and up to `spread` more. */
struct workload {
    uint32_t inserts;
    uint32_t firsts;
    uint32_t pace;
    uint32_t spread;
    uint32_t steps;
};

static void run(struct order *o, struct model *m, const struct workload *w, uint64_t id,
                uint64_t *seed)
{
    int64_t base = -500;

    for (uint32_t i = 0; i < w->steps; i++) {
        uint32_t what = below(seed, 10);
        int64_t rank = base + below(seed, w->spread);
        uint64_t any = below(seed, 3) == 0 ? below(seed, 1000) : UINT64_MAX;

        base += w->pace;
        if (what < w->inserts && m->n < MOST) {
            id++;
            assert_int_equal(usher__order_reserve(o, 1), 0);
            usher__order_insert(o, rank, id, (uint32_t)id + 1);
            model_insert(m, rank, id, (uint32_t)id + 1);
        } else if (m->n > 0) {
            uint32_t at = what < w->inserts + w->firsts ? 0 : below(seed, m->n);

            rank = m->items[at].rank;
            any = m->items[at].id;
            assert_same(o, m, rank, any);
            model_remove(m, at);
            assert_true(usher__order_remove(o, rank, any));
            assert_false(usher__order_remove(o, rank, any));
        }
        assert_same(o, m, rank, any);
        if (i % 97 == 0)
            assert_true(usher__order_check(o));
    }
}

static void test_order__agrees_with_a_sorted_array(void **state)
{
    const struct workload workloads[] = {
        {6, 4, 1, 1, 20000},     /* a line that is added to at its end */
        {6, 4, 1, 300, 20000},   /* near it */
        {8, 0, 0, 100000, 8000}, /* anywhere, growing */
        {4, 0, 0, 100000, 9000}, /* and shrinking */
        {7, 1, 0, 5, 8000},      /* many of one rank */
        {0, 10, 0, 1, 3000},     /* served to the end */
        {1, 9, 0, 1, 500},       /* nearly empty */
        {9, 0, 1, 1, 5000},      /* filled, then thinned out */
        {0, 0, 0, 1, 5000},
    };
    struct probe probe = {.left = UINT32_MAX};
    struct memory memory = {probe_resize, &probe};
    struct model *m = calloc(1, sizeof *m);
    struct order o;
    uint64_t seed = 314159;

    (void)state;
    usher__order_init(&o, &memory);
    for (size_t k = 0; k < sizeof workloads / sizeof *workloads; k++)
        run(&o, m, &workloads[k], k * 100000, &seed);
    assert_int_equal(m->n, 0);
    usher__order_free(&o);
    assert_int_equal(probe.held_len, 0);
    free(m);
}

static void test_order__counts_in_a_large_set(void **state)
{
    enum { N = 120000 };
    struct order o;
    struct order_item item;
    uint32_t *shuffled = calloc(N, sizeof *shuffled);
    uint64_t seed = 27;

    (void)state;
    for (uint32_t i = 0; i < N; i++) {
        uint32_t j = below(&seed, i + 1);

        shuffled[i] = shuffled[j];
        shuffled[j] = i;
    }
    usher__order_init(&o, &usher__memory_libc);
    for (uint32_t i = 0; i < N; i++) {
        assert_int_equal(usher__order_reserve(&o, 1), 0);
        usher__order_insert(&o, shuffled[i] / 3, shuffled[i], shuffled[i] + 7);
    }
    assert_true(usher__order_check(&o));
    assert_true(o.height >= 2);
    for (uint32_t i = 0; i < N; i++)
        assert_int_equal(usher__order_count_before(&o, i / 3, i), i);
    assert_true(usher__order_first(&o, &item));
    for (uint32_t i = 0; i < N; i++) {
        assert_int_equal(item.id, i);
        assert_int_equal(item.slot, i + 7);
        assert_int_equal(usher__order_next(&o, item.rank, item.id, &item), i + 1 < N);
    }
    for (uint32_t i = 0; i < N; i++) {
        assert_true(usher__order_remove(&o, shuffled[i] / 3, shuffled[i]));
        if (i % 9973 == 0)
            assert_true(usher__order_check(&o));
    }
    assert_true(usher__order_check(&o) && o.n == 0 && o.leaf_n == 0 && o.inner_n == 0);
    usher__order_free(&o);
    free(shuffled);
}

/* Deep enough that inner nodes are split and joined all the time. */
static void test_order__stays_whole_while_it_grows_and_shrinks(void **state)
{
    enum { IDS = 60000 };
    const uint32_t targets[] = {50000, 6000, 40000, 5000};
    struct order o;
    struct order_item item;
    bool *is_in = calloc(IDS, sizeof *is_in);
    uint64_t seed = 161803;

    (void)state;
    usher__order_init(&o, &usher__memory_libc);
    for (size_t k = 0; k < sizeof targets / sizeof *targets; k++) {
        bool grows = targets[k] > o.n;

        for (uint32_t i = 0; o.n != targets[k]; i++) {
            /* Stretches of neighbours, so that whole nodes come and go. */
            bool adds = below(&seed, 4) > 0 ? grows : !grows;
            uint32_t from = below(&seed, IDS - 300);
            uint32_t to = from + (adds == grows ? 300 : 50);

            for (uint32_t id = from; id < to && o.n != targets[k]; id++) {
                if (is_in[id] == adds)
                    continue;
                is_in[id] = adds;
                if (adds) {
                    assert_int_equal(usher__order_reserve(&o, 1), 0);
                    usher__order_insert(&o, id / 2, id, id + 1);
                } else {
                    assert_true(usher__order_remove(&o, id / 2, id));
                }
            }
            if (i % 16 == 0)
                assert_true(usher__order_check(&o));
        }
        assert_true(usher__order_check(&o));
        for (uint32_t id = 0, n = 0; id < IDS; id++) {
            assert_int_equal(usher__order_count_before(&o, id / 2, id), n);
            n += is_in[id];
        }
    }
    while (usher__order_first(&o, &item))
        assert_true(usher__order_remove(&o, item.rank, item.id));
    assert_true(usher__order_check(&o) && o.leaf_n == 0 && o.inner_n == 0);
    usher__order_free(&o);
    free(is_in);
}

/* A node loses what it began with, gets one item from before what is left, and is joined with the
 * node before it: wherever that happens, the item is still found. */
static void test_order__finds_an_item_put_where_a_node_once_began(void **state)
{
    enum { N = 3000, GAP = 64 };
    struct order_item item;

    (void)state;
    for (uint32_t start = 0; start + GAP < N; start += GAP) {
        struct order o;

        usher__order_init(&o, &usher__memory_libc);
        for (uint32_t i = 0; i < N; i++) {
            assert_int_equal(usher__order_reserve(&o, 1), 0);
            usher__order_insert(&o, i, i, 1);
        }
        for (uint32_t i = start; i < start + GAP; i++)
            assert_true(usher__order_remove(&o, i, i));
        assert_int_equal(usher__order_reserve(&o, 1), 0);
        usher__order_insert(&o, start + GAP / 2, 0, 2);
        for (uint32_t i = 0; i < start; i++) {
            assert_true(usher__order_remove(&o, i, i));
            if (i % GAP != 0)
                continue;
            assert_true(usher__order_check(&o));
            assert_true(usher__order_next(&o, start, 0, &item));
            assert_int_equal(item.slot, 2);
        }
        usher__order_free(&o);
    }
}

static void test_order__a_walk_bears_removal_of_the_current_item(void **state)
{
    enum { N = 5000 };
    struct order o;
    struct order_item item;
    uint32_t seen = 0;

    (void)state;
    usher__order_init(&o, &usher__memory_libc);
    for (uint32_t i = 0; i < N; i++) {
        assert_int_equal(usher__order_reserve(&o, 1), 0);
        usher__order_insert(&o, i / 10, i, i + 1);
    }
    assert_true(usher__order_first(&o, &item));
    do {
        assert_int_equal(item.id, seen++);
        if (item.id % 3 != 0)
            assert_true(usher__order_remove(&o, item.rank, item.id));
    } while (usher__order_next(&o, item.rank, item.id, &item));
    assert_int_equal(seen, N);
    assert_int_equal(o.n, (N + 2) / 3);
    assert_true(usher__order_check(&o));
    usher__order_free(&o);
}

static void test_order__takes_the_extreme_keys(void **state)
{
    struct order o;
    struct order_item item;

    (void)state;
    usher__order_init(&o, &usher__memory_libc);
    assert_int_equal(usher__order_reserve(&o, 3), 0);
    usher__order_insert(&o, INT64_MAX, UINT64_MAX, 3);
    usher__order_insert(&o, INT64_MIN, 0, 1);
    usher__order_insert(&o, 0, UINT64_MAX, 2);
    assert_true(usher__order_first(&o, &item));
    assert_int_equal(item.slot, 1);
    assert_true(usher__order_next(&o, INT64_MIN, 0, &item));
    assert_int_equal(item.slot, 2);
    assert_true(usher__order_next(&o, 0, UINT64_MAX, &item));
    assert_int_equal(item.slot, 3);
    assert_false(usher__order_next(&o, INT64_MAX, UINT64_MAX, &item));
    assert_int_equal(usher__order_count_before(&o, INT64_MAX, UINT64_MAX), 2);
    usher__order_free(&o);
}

static void test_order__an_empty_one_is_asked_in_vain(void **state)
{
    struct order o;
    struct order_item item;

    (void)state;
    usher__order_init(&o, &usher__memory_libc);
    assert_false(usher__order_first(&o, &item));
    assert_false(usher__order_next(&o, INT64_MIN, 0, &item));
    assert_false(usher__order_remove(&o, 0, 0));
    assert_int_equal(usher__order_count_before(&o, INT64_MAX, UINT64_MAX), 0);
    assert_true(usher__order_check(&o));
    usher__order_free(&o);
}

/* After the reserve no memory is granted at all: an insert that wanted some would crash. */
static void test_order__a_reserve_of_many_holds_whatever_is_removed(void **state)
{
    struct probe probe = {.left = UINT32_MAX};
    struct memory memory = {probe_resize, &probe};
    const uint32_t reserves[] = {1, 2, 63, 64, 65, 200, 3000, 20000};
    const uint32_t spreads[] = {1, 40, 1000000};
    struct order o;
    struct order_item item;
    uint64_t seed = 8;
    uint64_t id = 0;

    (void)state;
    usher__order_init(&o, &memory);
    for (uint32_t round = 0; round < 120; round++) {
        uint32_t n = reserves[below(&seed, 8)];
        uint32_t spread = spreads[below(&seed, 3)];
        uint32_t removes = below(&seed, 3);

        assert_int_equal(usher__order_reserve(&o, n), 0);
        probe.left = 0;
        for (uint32_t i = 0; i < n; i++) {
            id++;
            usher__order_insert(&o, (int64_t)id + below(&seed, spread), id, 1);
            for (uint32_t k = 0; k < removes; k++) {
                int64_t from = (int64_t)id - 3000 + below(&seed, spread + 3000);

                if (usher__order_next(&o, from, 0, &item))
                    assert_true(usher__order_remove(&o, item.rank, item.id));
            }
        }
        probe.left = UINT32_MAX;
        assert_true(usher__order_check(&o));
        if (round % 4 == 3) {
            while (o.n > 100 && usher__order_first(&o, &item))
                usher__order_remove(&o, item.rank, item.id);
        }
    }
    usher__order_free(&o);
    assert_int_equal(probe.held_n, 0);
}

static void test_order__a_reserve_outlives_the_last_item(void **state)
{
    struct probe probe = {.left = UINT32_MAX};
    struct memory memory = {probe_resize, &probe};
    struct order o;

    (void)state;
    usher__order_init(&o, &memory);
    assert_int_equal(usher__order_reserve(&o, 1), 0);
    usher__order_insert(&o, 1, 1, 1);
    assert_int_equal(usher__order_reserve(&o, 1), 0);
    probe.left = 0;
    assert_true(usher__order_remove(&o, 1, 1));
    usher__order_insert(&o, 2, 2, 2);
    assert_true(usher__order_check(&o));
    usher__order_free(&o);
    assert_int_equal(probe.held_n, 0);
}

static void test_order__reserve_that_fails_changes_nothing(void **state)
{
    struct probe probe = {.left = UINT32_MAX};
    struct memory memory = {probe_resize, &probe};
    struct order o;
    uint32_t failed_n = 0;

    (void)state;
    usher__order_init(&o, &memory);
    for (uint32_t i = 0; i < 5000; i++) {
        for (uint32_t left = 0;; left++) {
            int err;

            probe.left = left;
            err = usher__order_reserve(&o, 1);
            probe.left = UINT32_MAX;
            assert_int_equal(o.n, i);
            if (err == 0)
                break;
            assert_int_equal(err, USHER_ENOMEM);
            failed_n++;
            if (failed_n % 8 == 0)
                assert_true(usher__order_check(&o));
        }
        usher__order_insert(&o, i * 7919 % 5000, i, i + 1);
    }
    assert_true(failed_n > 5);
    assert_true(usher__order_check(&o));
    for (uint32_t i = 0; i < 5000; i++)
        assert_int_equal(usher__order_count_before(&o, i, 0), i);
    usher__order_free(&o);
    assert_int_equal(probe.held_n, 0);
}

/* Bytes held per item, the allocator's own not counted. */
static void test_order__memory_follows_what_it_holds(void **state)
{
    const uint32_t n = 50000;
    struct probe probe = {.left = UINT32_MAX};
    struct memory memory = {probe_resize, &probe};
    struct order o;
    struct order_item item;
    uint64_t id;

    (void)state;
    usher__order_init(&o, &memory);
    assert_int_equal(probe.held_n, 0);
    for (id = 0; id < n; id++) {
        assert_int_equal(usher__order_reserve(&o, 1), 0);
        usher__order_insert(&o, (int64_t)id, id, 1);
    }
    assert_true(probe.held_len <= (size_t)n * 22);
    for (; id < UINT64_C(4) * n; id++) {
        assert_true(usher__order_first(&o, &item));
        assert_true(usher__order_remove(&o, item.rank, item.id));
        assert_int_equal(usher__order_reserve(&o, 1), 0);
        usher__order_insert(&o, (int64_t)id, id, 1);
    }
    assert_true(probe.held_len <= (size_t)n * 22);
    for (uint64_t i = UINT64_C(3) * n; i < UINT64_C(4) * n; i++) {
        if (i % 50 != 0)
            assert_true(usher__order_remove(&o, (int64_t)i, i));
    }
    assert_int_equal(o.n, n / 50);
    assert_true(probe.held_len <= (size_t)n / 50 * 60 + 10000);
    while (usher__order_first(&o, &item))
        usher__order_remove(&o, item.rank, item.id);
    assert_true(probe.held_len <= 10000);
    usher__order_free(&o);
    assert_int_equal(probe.held_n, 0);
}

/* The line grows at one place in front of a few that stand far behind. */
static void test_order__fills_its_leaves_at_a_moving_place(void **state)
{
    const uint32_t n = 50000;
    struct probe probe = {.left = UINT32_MAX};
    struct memory memory = {probe_resize, &probe};
    struct order o;

    (void)state;
    usher__order_init(&o, &memory);
    for (uint32_t i = 0; i < n; i++) {
        assert_int_equal(usher__order_reserve(&o, 1), 0);
        usher__order_insert(&o, i % 1000 == 0 ? INT64_C(1) << 40 : (int64_t)i, i, 1);
    }
    assert_true(usher__order_check(&o));
    assert_true(probe.held_len <= (size_t)n * 26);
    usher__order_free(&o);
}

static void test_order__check_sees_damage(void **state)
{
    struct order o;

    (void)state;
    usher__order_init(&o, &usher__memory_libc);
    for (uint32_t i = 0; i < 500; i++) {
        assert_int_equal(usher__order_reserve(&o, 1), 0);
        usher__order_insert(&o, i, i, 1);
    }
    assert_true(usher__order_check(&o));
    o.n++;
    assert_false(usher__order_check(&o));
    o.n--;
    o.leaf_n++;
    assert_false(usher__order_check(&o));
    o.leaf_n--;
    assert_true(usher__order_check(&o));
    usher__order_free(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order__agrees_with_a_sorted_array),
        cmocka_unit_test(test_order__counts_in_a_large_set),
        cmocka_unit_test(test_order__stays_whole_while_it_grows_and_shrinks),
        cmocka_unit_test(test_order__finds_an_item_put_where_a_node_once_began),
        cmocka_unit_test(test_order__a_walk_bears_removal_of_the_current_item),
        cmocka_unit_test(test_order__takes_the_extreme_keys),
        cmocka_unit_test(test_order__an_empty_one_is_asked_in_vain),
        cmocka_unit_test(test_order__a_reserve_of_many_holds_whatever_is_removed),
        cmocka_unit_test(test_order__a_reserve_outlives_the_last_item),
        cmocka_unit_test(test_order__reserve_that_fails_changes_nothing),
        cmocka_unit_test(test_order__memory_follows_what_it_holds),
        cmocka_unit_test(test_order__fills_its_leaves_at_a_moving_place),
        cmocka_unit_test(test_order__check_sees_damage),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
