/* Spreads: what they answer beside the values themselves, sorted; their bytes; their pool. */
#include "local/spread.h"

#include "probe.h"

enum { VALUES_MAX = 20000, BYTES_MAX = 64 << 10 };

struct rig {
    struct probe probe;
    struct memory memory;
    struct pool pool;
    struct spread spread;
    int64_t value[VALUES_MAX];
    uint32_t n;
};

static void set_up(struct rig *r)
{
    memset(r, 0, sizeof(*r));
    r->probe.left = UINT32_MAX;
    r->memory = (struct memory){probe_resize, &r->probe};
    r->pool = (struct pool){&r->memory, sizeof(struct octave), NULL, 0};
}

static void add(struct rig *r, int64_t ms)
{
    assert_int_equal(usher__pool_reserve(&r->pool, 1), 0);
    usher__spread_add(&r->spread, &r->pool, ms);
    r->value[r->n++] = ms;
}

static void tear_down(struct rig *r)
{
    usher__spread_free(&r->spread, &r->pool);
    usher__pool_free(&r->pool);
    assert_int_equal(r->probe.held_n, 0);
}

static int ascending(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return x < y ? -1 : x > y;
}

/* The nearest rank, from the values; what is longer than SPREAD_MAX counts as that, but for the
 * largest. */
static int64_t exact(const struct rig *r, unsigned percent)
{
    uint64_t rank = ((uint64_t)r->n * percent + 99) / 100;
    int64_t v = r->value[rank - 1];

    return v < SPREAD_MAX || rank == r->n ? v : SPREAD_MAX;
}

static void assert_near(int64_t told, int64_t is)
{
    int64_t off = told > is ? told - is : is - told;

    assert_true(off * 100 <= is);
}

static usher_spread told(const struct spread *s)
{
    static struct spread_sum sum;

    memset(&sum, 0, sizeof(sum));
    usher__sum_spread(&sum, s);
    return usher__sum_told(&sum);
}

static void assert_right(struct rig *r)
{
    usher_spread t = told(&r->spread);
    int64_t sum = 0, max = -1;

    for (uint32_t i = 0; i < r->n; i++) {
        if (__builtin_add_overflow(sum, r->value[i], &sum))
            sum = INT64_MAX;
        max = r->value[i] > max ? r->value[i] : max;
    }
    assert_int_equal(t.n, r->n);
    assert_int_equal(t.sum_ms, sum);
    assert_int_equal(t.max_ms, max);
    if (r->n == 0) {
        assert_int_equal(t.p50_ms, -1);
        assert_int_equal(t.p99_ms, -1);
        return;
    }
    qsort(r->value, r->n, sizeof(r->value[0]), ascending);
    assert_near(t.p50_ms, exact(r, 50));
    assert_near(t.p90_ms, exact(r, 90));
    assert_near(t.p99_ms, exact(r, 99));
    assert_true(t.p50_ms <= t.p90_ms && t.p90_ms <= t.p99_ms && t.p99_ms <= t.max_ms);
}

/* As many of small ones as of large ones. */
static int64_t any_ms(uint64_t *state)
{
    uint64_t bits = draw(state) % 42;

    return (int64_t)(draw(state) & ((UINT64_C(2) << bits) - 1)) % (SPREAD_MAX + 1);
}

static void test_spread__answers_within_a_hundredth_for_random_values(void **state)
{
    struct rig *r = malloc(sizeof(*r));

    (void)state;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        uint64_t random = seed;
        uint32_t n = (uint32_t)(draw(&random) % (seed % 10 == 0 ? 5000 : 40));

        set_up(r);
        for (uint32_t i = 0; i < n; i++)
            add(r, any_ms(&random));
        assert_right(r);
        tear_down(r);
    }
    free(r);
}

/* Each edge of each bucket, alone: then every quantile is that value. */
static void test_spread__answers_within_a_hundredth_at_every_edge(void **state)
{
    struct rig *r = malloc(sizeof(*r));
    int64_t step = 1;

    (void)state;
    for (int64_t edge = 0; edge <= SPREAD_MAX; edge += step) {
        if (edge >= 128 && (edge & (edge - 1)) == 0)
            step *= 2;
        for (int64_t v = edge > 0 ? edge - 1 : 0; v <= edge + 1 && v <= SPREAD_MAX; v++) {
            usher_spread t;

            set_up(r);
            add(r, v);
            add(r, SPREAD_MAX); /* so that the largest does not correct it */
            t = told(&r->spread);
            assert_near(t.p50_ms, v);
            if (v < 128)
                assert_int_equal(t.p50_ms, v);
            tear_down(r);
        }
    }
    free(r);
}

static void test_spread__counts_what_is_longer_than_it_knows_as_the_longest(void **state)
{
    struct rig *r = malloc(sizeof(*r));

    (void)state;
    set_up(r);
    assert_right(r);
    add(r, SPREAD_MAX);
    add(r, SPREAD_MAX + 1);
    add(r, INT64_MAX);
    assert_right(r);
    add(r, INT64_MAX);
    assert_right(r); /* the sum stays at the end of its range */
    for (int i = 0; i < 5; i++)
        add(r, 0);
    assert_right(r);
    tear_down(r);
    free(r);
}

static void test_spread__merges_to_the_union(void **state)
{
    struct rig *a = malloc(sizeof(*a)), *b = malloc(sizeof(*b));
    static struct spread_sum sum;

    (void)state;
    for (uint64_t seed = 1; seed <= 100; seed++) {
        uint64_t random = seed * 7919;
        uint32_t n = (uint32_t)(draw(&random) % 60), m = (uint32_t)(draw(&random) % 60);
        usher_spread both, one;

        set_up(a);
        set_up(b);
        for (uint32_t i = 0; i < n; i++)
            add(a, any_ms(&random));
        for (uint32_t i = 0; i < m; i++)
            add(b, any_ms(&random));
        memset(&sum, 0, sizeof(sum));
        usher__sum_spread(&sum, &a->spread);
        usher__sum_spread(&sum, &b->spread);
        both = usher__sum_told(&sum);
        memcpy(a->value + a->n, b->value, b->n * sizeof(b->value[0]));
        a->n += b->n;
        b->pool.memory = &a->memory; /* octaves go from one to the other: one pool, as in use */
        a->probe.held_n += b->probe.held_n;
        usher__spread_move(&a->spread, &b->spread, &a->pool);
        assert_int_equal(b->spread.n, 0);
        assert_right(a);
        one = told(&a->spread);
        assert_memory_equal(&one, &both, sizeof(one));
        usher__pool_free(&b->pool);
        tear_down(a);
    }
    free(a);
    free(b);
}

static void test_spread__tells_how_many_up_to_a_bound(void **state)
{
    static struct spread_sum sum;
    uint64_t before = 0;

    (void)state;
    memset(&sum, 0, sizeof(sum));
    for (int64_t ms = 0; ms < 100000; ms++)
        usher__sum_add(&sum, ms);
    for (int64_t ms = 0; ms < 110000; ms += 7) {
        uint64_t n = usher__sum_upto(&sum, ms), is = ms < 99999 ? (uint64_t)ms + 1 : 100000;

        assert_true(n >= before);
        assert_true((n > is ? n - is : is - n) * 100 <= is + 100);
        before = n;
    }
    assert_int_equal(usher__sum_upto(&sum, 127), 128);
    assert_int_equal(usher__sum_upto(&sum, INT64_MAX), 100000);
}

/* ---- bytes ----------------------------------------------------------------------------------- */

static bool take(struct rig *r, const char *bytes, size_t len)
{
    struct reader reader = usher__reader(bytes, len);

    assert_int_equal(usher__pool_reserve(&r->pool, OCTAVES), 0);
    usher__spread_take(&r->spread, &reader, &r->pool);
    return usher__reader_done(&reader);
}

static void test_spread__comes_back_from_its_bytes(void **state)
{
    struct rig *a = malloc(sizeof(*a)), *b = malloc(sizeof(*b));
    char *bytes = malloc(BYTES_MAX), *again = malloc(BYTES_MAX);

    (void)state;
    for (uint64_t seed = 0; seed <= 100; seed++) {
        uint64_t random = seed + 1;
        uint32_t n = seed == 0 ? 0 : (uint32_t)(draw(&random) % 300);
        usher_spread ta, tb;
        size_t len;

        set_up(a);
        set_up(b);
        for (uint32_t i = 0; i < n; i++)
            add(a, any_ms(&random));
        len = (size_t)(usher__spread_put(&a->spread, bytes) - bytes);
        assert_true(len <= usher__spread_numbers(&a->spread) * NUMBER_LEN);
        assert_true(take(b, bytes, len));
        ta = told(&a->spread);
        tb = told(&b->spread);
        assert_memory_equal(&ta, &tb, sizeof(ta));
        assert_int_equal(usher__spread_put(&b->spread, again) - again, len);
        assert_memory_equal(bytes, again, len);
        for (size_t cut = 0; cut < len; cut++) { /* what is cut short is seen */
            tear_down(b);
            set_up(b);
            assert_false(take(b, bytes, cut));
        }
        tear_down(a);
        tear_down(b);
    }
    free(a);
    free(b);
    free(bytes);
    free(again);
}

static void test_spread__refuses_bytes_that_say_the_impossible(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
    } wrong[] = {
#define BYTES(s) {s, sizeof(s) - 1}
        BYTES("\x01\x05\x00\x05\x05"),                             /* a count of nothing */
        BYTES("\x02\x05\x01\x00\x01\x0a\x05"),                     /* the same bucket twice */
        BYTES("\x01\x05\x01\x05\x06"),                             /* the largest lies in another */
        BYTES("\x01\x05\x02\x04\x05"),                             /* ... or is more than the sum */
        BYTES("\x01\xc0\x12\x01\x05\x05"),                         /* a bucket that there is not */
        BYTES("\x02\xbf\x12\x01\x01\x01\x05\x05"),                 /* ... further on */
        BYTES("\xc1\x12\x05\x01\x05\x05"),                         /* more buckets than there are */
        BYTES("\x01\x05\x81\x80\x80\x80\x80\x80\x80\x40\x05\x05"), /* too many to be summed */
        BYTES("\x01\x05\x01\x05\x05\x00"),                         /* something after it */
        BYTES("\x01\x05\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x05"), /* a sum below 0 */
#undef BYTES
    };
    struct rig *r = malloc(sizeof(*r));

    (void)state;
    set_up(r);
    assert_true(take(r, "\x01\x05\x01\x05\x05", 5));
    assert_int_equal(told(&r->spread).p50_ms, 5);
    tear_down(r);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        set_up(r);
        assert_false(take(r, wrong[i].bytes, wrong[i].len));
        tear_down(r);
    }
    free(r);
}

static void test_spread__bears_any_bytes(void **state)
{
    struct rig *r = malloc(sizeof(*r));
    uint64_t random = 5;
    uint32_t good = 0;

    (void)state;
    for (int i = 0; i < 20000; i++) {
        char bytes[40];
        size_t len = draw(&random) % sizeof(bytes);

        for (size_t k = 0; k < len; k++)
            bytes[k] = (char)(draw(&random) % (k == 0 ? 4 : 256));
        set_up(r);
        if (take(r, bytes, len)) {
            usher_spread t = told(&r->spread);

            good++;
            assert_true(t.n == 0 || (t.p50_ms >= 0 && t.p99_ms <= t.max_ms));
        }
        tear_down(r);
    }
    assert_true(good > 0);
    free(r);
}

static void test_spread__needs_no_memory_once_its_pool_is_filled(void **state)
{
    struct rig *r = malloc(sizeof(*r));

    (void)state;
    set_up(r);
    assert_int_equal(usher__pool_reserve(&r->pool, 3), 0);
    assert_int_equal(r->probe.held_n, 3);
    r->probe.left = 0;
    usher__spread_add(&r->spread, &r->pool, 1);
    usher__spread_add(&r->spread, &r->pool, 1000);
    usher__spread_add(&r->spread, &r->pool, 1000000);
    usher__spread_add(&r->spread, &r->pool, 1000001);
    assert_int_equal(usher__pool_reserve(&r->pool, 1), USHER_ENOMEM);
    assert_int_equal(r->spread.n, 4);
    r->probe.left = UINT32_MAX;
    tear_down(r);
    free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_spread__answers_within_a_hundredth_for_random_values),
        cmocka_unit_test(test_spread__answers_within_a_hundredth_at_every_edge),
        cmocka_unit_test(test_spread__counts_what_is_longer_than_it_knows_as_the_longest),
        cmocka_unit_test(test_spread__merges_to_the_union),
        cmocka_unit_test(test_spread__tells_how_many_up_to_a_bound),
        cmocka_unit_test(test_spread__comes_back_from_its_bytes),
        cmocka_unit_test(test_spread__refuses_bytes_that_say_the_impossible),
        cmocka_unit_test(test_spread__bears_any_bytes),
        cmocka_unit_test(test_spread__needs_no_memory_once_its_pool_is_filled),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
