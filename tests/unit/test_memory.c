/* The allocator seam: growth, its limits, and that a failure leaves things as they were. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <usher/usher.h>

#include "local/memory.h"
#include "probe.h"

static void test_memory__libc_allocates_moves_and_frees(void **state)
{
    unsigned char *p = usher__zalloc(&usher__memory_libc, 100);

    (void)state;
    assert_non_null(p);
    for (int i = 0; i < 100; i++)
        assert_int_equal(p[i], 0);
    p[99] = 7;
    p = usher__resize(&usher__memory_libc, p, 100000);
    assert_non_null(p);
    assert_int_equal(p[99], 7);
    assert_null(usher__resize(&usher__memory_libc, p, 0));
    usher__free(&usher__memory_libc, NULL);
}

static void test_memory__zalloc_clears_what_a_host_gives(void **state)
{
    struct probe probe = {.left = UINT32_MAX};
    struct memory m = {probe_resize, &probe};
    unsigned char *p = usher__zalloc(&m, 64);

    (void)state;
    for (int i = 0; i < 64; i++)
        assert_int_equal(p[i], 0);
    usher__free(&m, p);
    probe.left = 0;
    assert_null(usher__zalloc(&m, 64));
    assert_int_equal(probe.held_n, 0);
}

static void test_memory__grown_doubles_then_adds_an_eighth(void **state)
{
    (void)state;
    assert_int_equal(usher__grown(0, 1), 8);
    assert_int_equal(usher__grown(8, 9), 16);
    assert_int_equal(usher__grown(8, 100), 100);
    assert_int_equal(usher__grown(4095, 4096), 8190);
    assert_int_equal(usher__grown(4096, 4097), 4608);
    assert_int_equal(usher__grown(UINT32_MAX - 1, UINT32_MAX), UINT32_MAX);
    assert_int_equal(usher__grown(UINT32_MAX, (uint64_t)UINT32_MAX + 1), 0);
}

static void test_memory__grow_keeps_the_items(void **state)
{
    struct probe probe = {.left = UINT32_MAX};
    struct memory m = {probe_resize, &probe};
    uint32_t room = 0;
    uint64_t *items = NULL;

    (void)state;
    for (uint32_t n = 0; n < 10000; n++) {
        items = usher__grow(&m, items, &room, (uint64_t)n + 1, sizeof *items);
        assert_non_null(items);
        assert_true(room > n);
        items[n] = n;
    }
    for (uint32_t i = 0; i < 10000; i++)
        assert_int_equal(items[i], i);
    assert_ptr_equal(usher__grow(&m, items, &room, 1, sizeof *items), items);
    usher__free(&m, items);
    assert_int_equal(probe.held_len, 0);
}

static void test_memory__grow_that_fails_changes_nothing(void **state)
{
    struct probe probe = {.left = 1};
    struct memory m = {probe_resize, &probe};
    uint32_t room = 0;
    uint64_t *items = usher__grow(&m, NULL, &room, 3, sizeof *items);
    uint32_t was = room;

    (void)state;
    assert_non_null(items);
    items[2] = 42;
    assert_null(usher__grow(&m, items, &room, (uint64_t)was + 1, sizeof *items));
    probe.left = UINT32_MAX;
    assert_null(usher__grow(&m, items, &room, (uint64_t)UINT32_MAX + 1, sizeof *items));
    assert_null(usher__grow(&m, items, &room, UINT32_MAX, SIZE_MAX / 2));
    assert_int_equal(room, was);
    assert_int_equal(items[2], 42);
    usher__free(&m, items);
    assert_int_equal(probe.held_n, 0);
}

static void test_memory__huge_is_harmless_on_any_block(void **state)
{
    size_t len = (size_t)5 << 20;
    char *p = usher__alloc(&usher__memory_libc, len);

    (void)state;
    assert_non_null(p);
    memset(p, 3, len);
    usher__memory_huge(p, len);
    usher__memory_huge(p + 1, len - 1);
    usher__memory_huge(p, 10);
    for (size_t i = 0; i < len; i += 997)
        assert_int_equal(p[i], 3);
    usher__free(&usher__memory_libc, p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memory__libc_allocates_moves_and_frees),
        cmocka_unit_test(test_memory__zalloc_clears_what_a_host_gives),
        cmocka_unit_test(test_memory__grown_doubles_then_adds_an_eighth),
        cmocka_unit_test(test_memory__grow_keeps_the_items),
        cmocka_unit_test(test_memory__grow_that_fails_changes_nothing),
        cmocka_unit_test(test_memory__huge_is_harmless_on_any_block),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
