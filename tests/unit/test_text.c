/* Counted bytes: what is in them, what they cost, and that all comes back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <usher/usher.h>

#include "local/text.h"
#include "probe.h"

static char letter(size_t len, size_t i)
{
    return (char)('a' + (len * 7 + i) % 26);
}

static struct text *make(struct text_pool *pool, size_t len)
{
    char *bytes = malloc(len + 1);
    struct text *t;

    for (size_t i = 0; i < len; i++)
        bytes[i] = letter(len, i);
    t = usher__text_new(pool, bytes, len);
    free(bytes);
    return t;
}

static void assert_intact(const struct text *t)
{
    for (size_t i = 0; i < t->len; i++) {
        if (t->data[i] != letter(t->len, i))
            fail_msg("text of %u: byte %zu is damaged", t->len, i);
    }
    assert_int_equal(t->data[t->len], 0);
}

static void test_text__keeps_what_it_was_given(void **state)
{
    enum { N = 3000 };
    struct probe probe = {.left = UINT32_MAX};
    struct memory m = {probe_resize, &probe};
    struct text_pool pool;
    struct text **texts = calloc(N, sizeof(struct text *));
    uint64_t seed = 77;
    uint64_t n = 0;

    (void)state;
    usher__text_init(&pool, &m);
    for (int i = 0; i < 60000; i++) {
        uint32_t at = below(&seed, N);

        if (texts[at] == NULL) {
            texts[at] = make(&pool, below(&seed, below(&seed, 20) == 0 ? 5000 : 560));
            assert_non_null(texts[at]);
            assert_int_equal(texts[at]->refs, 1);
            n++;
        } else {
            assert_intact(texts[at]);
            usher__text_unref(&pool, texts[at]);
            texts[at] = NULL;
            n--;
        }
        assert_int_equal(pool.n, n);
        if (i % 1009 == 0)
            assert_true(usher__text_check(&pool));
    }
    for (uint32_t at = 0; at < N; at++) {
        if (texts[at] != NULL)
            assert_intact(texts[at]);
        usher__text_unref(&pool, texts[at]);
    }
    assert_true(usher__text_check(&pool));
    assert_int_equal(pool.n, 0);
    assert_int_equal(pool.small_len, 0);
    usher__text_free(&pool);
    assert_int_equal(probe.held_len, 0);
    free(texts);
}

static void test_text__costs_steps_of_sixteen(void **state)
{
    const size_t lens[] = {0, 1, 7, 8, 23, 24, 100, 503, 504, 5000};
    const size_t costs[] = {16, 16, 16, 32, 32, 48, 112, 512, 0, 0};
    struct text_pool pool;

    (void)state;
    usher__text_init(&pool, &usher__memory_libc);
    for (size_t i = 0; i < sizeof lens / sizeof *lens; i++) {
        size_t was = pool.small_len;

        assert_non_null(make(&pool, lens[i]));
        assert_int_equal(pool.small_len - was, costs[i]);
        assert_int_equal(pool.large != NULL, lens[i] > 503);
    }
    assert_true(usher__text_check(&pool));
    usher__text_free(&pool);
}

static void test_text__lives_as_long_as_someone_holds_it(void **state)
{
    const size_t lens[] = {10, 2000};
    struct text_pool pool;

    (void)state;
    usher__text_init(&pool, &usher__memory_libc);
    for (size_t i = 0; i < 2; i++) {
        struct text *t = make(&pool, lens[i]);

        assert_ptr_equal(usher__text_ref(t), t);
        assert_ptr_equal(usher__text_ref(t), t);
        usher__text_unref(&pool, t);
        usher__text_unref(&pool, t);
        assert_int_equal(pool.n, 1);
        assert_intact(t);
        usher__text_unref(&pool, t);
        assert_int_equal(pool.n, 0);
    }
    usher__text_free(&pool);
}

static void test_text__none_is_an_empty_text(void **state)
{
    struct text_pool pool;
    struct text *t;

    (void)state;
    usher__text_init(&pool, &usher__memory_libc);
    assert_null(usher__text_ref(NULL));
    usher__text_unref(&pool, NULL);
    assert_string_equal(usher__text_data(NULL), "");
    assert_int_equal(usher__text_len(NULL), 0);
    t = usher__text_new(&pool, NULL, 0);
    assert_non_null(t);
    assert_string_equal(usher__text_data(t), "");
    assert_int_equal(usher__text_len(t), 0);
    usher__text_unref(&pool, t);
    t = usher__text_new(&pool, "a\0b", 3);
    assert_memory_equal(usher__text_data(t), "a\0b\0", 4);
    assert_int_equal(usher__text_len(t), 3);
    usher__text_free(&pool);
}

/* As many blocks as before are had again without a byte more, though of other sizes in between. */
static void test_text__uses_freed_blocks_again(void **state)
{
    enum { N = 5000 };
    struct probe probe = {.left = UINT32_MAX};
    struct memory m = {probe_resize, &probe};
    struct text_pool pool;
    struct text **texts = calloc(N, sizeof(struct text *));
    size_t held_len = 0;

    (void)state;
    usher__text_init(&pool, &m);
    for (int round = 0; round < 4; round++) {
        for (uint32_t i = 0; i < N; i++) {
            texts[i] = make(&pool, i % 500);
            assert_non_null(texts[i]);
        }
        if (round == 0)
            held_len = probe.held_len;
        assert_int_equal(probe.held_len, held_len);
        for (uint32_t i = 0; i < N; i++)
            usher__text_unref(&pool, texts[i]);
        assert_true(usher__text_check(&pool));
    }
    usher__text_free(&pool);
    assert_int_equal(probe.held_n, 0);
    free(texts);
}

static void test_text__out_of_memory_changes_nothing(void **state)
{
    struct probe probe = {.left = UINT32_MAX};
    struct memory m = {probe_resize, &probe};
    struct text_pool pool;
    struct text *held;
    uint64_t n;

    (void)state;
    usher__text_init(&pool, &m);
    held = make(&pool, 300);
    probe.left = 0;
    while (make(&pool, 300) != NULL)
        assert_true(pool.n < 1000);
    n = pool.n;
    assert_null(make(&pool, 2000));
    assert_null(make(&pool, 300));
    assert_true(usher__text_check(&pool));
    assert_int_equal(pool.n, n);
    assert_intact(held);
    probe.left = UINT32_MAX;
    assert_null(usher__text_new(&pool, "", UINT32_MAX));
    assert_null(usher__text_new(&pool, "", SIZE_MAX));
    assert_non_null(make(&pool, 300));
    assert_non_null(make(&pool, 2000));
    assert_int_equal(pool.n, n + 2);
    assert_true(usher__text_check(&pool));
    usher__text_free(&pool);
    assert_int_equal(probe.held_n, 0);
}

static void test_text__check_sees_a_block_freed_twice(void **state)
{
    struct text_pool pool;
    struct text *t;

    (void)state;
    usher__text_init(&pool, &usher__memory_libc);
    t = make(&pool, 40);
    make(&pool, 40);
    usher__text_unref(&pool, t);
    assert_true(usher__text_check(&pool));
    t->refs = 1;
    t->len = 40;
    usher__text_unref(&pool, t);
    assert_false(usher__text_check(&pool));
    usher__text_free(&pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text__keeps_what_it_was_given),
        cmocka_unit_test(test_text__costs_steps_of_sixteen),
        cmocka_unit_test(test_text__lives_as_long_as_someone_holds_it),
        cmocka_unit_test(test_text__none_is_an_empty_text),
        cmocka_unit_test(test_text__uses_freed_blocks_again),
        cmocka_unit_test(test_text__out_of_memory_changes_nothing),
        cmocka_unit_test(test_text__check_sees_a_block_freed_twice),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
