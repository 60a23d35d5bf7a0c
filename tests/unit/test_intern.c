/* Names and their handles. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <usher/usher.h>

#include "local/intern.h"
#include "probe.h"

static const uint8_t KEY[16] = "sixteen bytes !";

/* The k-th name: some are binary, some long, no two alike. */
static size_t name_of(uint32_t k, char *name)
{
    size_t len = (size_t)sprintf(name, "%u@example.org", k);

    if (k % 5 == 0) {
        name[0] = '\0';
        memcpy(name + 1, &k, sizeof k);
        len = 1 + sizeof k;
    }
    if (k % 97 == 0) {
        memset(name + len, 'x', 600);
        len += 600;
    }
    return len;
}

/* The values are those of CPython 3.11, whose hash of bytes is SipHash-1-3: PYTHONHASHSEED=0 has
 * the key zero, PYTHONHASHSEED=42 the one below. */
static void test_intern__hashes_as_others_do(void **state)
{
    static const struct {
        size_t len;
        uint64_t zero;
        uint64_t keyed;
    } expected[] = {
        {1, UINT64_C(0x68a914128e01e473), UINT64_C(0xce880c366bcf3489)},
        {3, UINT64_C(0x4d4c9a4a8ef6e0ad), UINT64_C(0xef4b9dcae9b04417)},
        {7, UINT64_C(0x2f098ab0c751325a), UINT64_C(0xce280fabc397fbda)},
        {8, UINT64_C(0xead411e67ebe2eea), UINT64_C(0x60866c3c108c6afb)},
        {9, UINT64_C(0x75927f9d95124362), UINT64_C(0x68814005f7469e03)},
        {15, UINT64_C(0xf30eb725bb91c9ea), UINT64_C(0x94ace24d68c18cf8)},
        {16, UINT64_C(0x8972188433a5c5b7), UINT64_C(0x339176f3ac59ce05)},
        {63, UINT64_C(0x385d3e39e5f37359), UINT64_C(0x06e24d6f0d014c37)},
    };
    const uint64_t zero[2] = {0, 0};
    const uint64_t keyed[2] = {UINT64_C(0xdc504fd368cd90af), UINT64_C(0xb920bb9ffe99e9c1)};
    uint8_t bytes[63];

    (void)state;
    for (uint8_t i = 0; i < 63; i++)
        bytes[i] = i;
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        assert_int_equal(usher__siphash13(zero, bytes, expected[i].len), expected[i].zero);
        assert_int_equal(usher__siphash13(keyed, bytes, expected[i].len), expected[i].keyed);
    }
}

static void test_intern__equal_bytes_have_one_handle(void **state)
{
    struct probe probe = {.left = UINT32_MAX};
    struct memory m = {probe_resize, &probe};
    struct intern in;
    uint32_t a;
    uint32_t b;
    uint32_t c;
    uint32_t empty;
    size_t len;

    (void)state;
    usher__intern_init(&in, &m, KEY);
    assert_int_equal(usher__intern_find(&in, "ada", 3), 0);
    assert_int_equal(usher__intern_get(&in, "ada", 3, &a), 0);
    assert_int_equal(usher__intern_get(&in, "ada\0", 4, &b), 0);
    assert_int_equal(usher__intern_get(&in, "ada", 3, &c), 0);
    assert_int_equal(usher__intern_get(&in, NULL, 0, &empty), 0);
    assert_true(a != 0 && b != 0 && empty != 0);
    assert_int_equal(a, c);
    assert_int_not_equal(a, b);
    assert_int_equal(usher__intern_find(&in, "ada", 3), a);
    assert_int_equal(usher__intern_find(&in, "", 0), empty);
    assert_string_equal(usher__intern_text(&in, a, &len), "ada");
    assert_int_equal(len, 3);
    assert_memory_equal(usher__intern_text(&in, b, &len), "ada\0", 5);
    assert_int_equal(len, 4);
    assert_string_equal(usher__intern_text(&in, 0, &len), "");
    assert_int_equal(len, 0);
    assert_string_equal(usher__intern_text(&in, empty, NULL), "");
    assert_int_equal(usher__intern_n(&in), 3);
    assert_true(usher__intern_check(&in));
    usher__intern_free(&in);
    assert_int_equal(probe.held_len, 0);
}

static void test_intern__a_name_goes_with_its_last_reference(void **state)
{
    struct intern in;
    uint32_t a;
    uint32_t again;

    (void)state;
    usher__intern_init(&in, &usher__memory_libc, KEY);
    usher__intern_ref(&in, 0);
    usher__intern_unref(&in, 0);
    assert_int_equal(usher__intern_get(&in, "ada", 3, &a), 0);
    assert_int_equal(usher__intern_get(&in, "ada", 3, &a), 0);
    usher__intern_ref(&in, a);
    usher__intern_unref(&in, a);
    usher__intern_unref(&in, a);
    assert_int_equal(usher__intern_find(&in, "ada", 3), a);
    usher__intern_unref(&in, a);
    assert_int_equal(usher__intern_find(&in, "ada", 3), 0);
    assert_int_equal(usher__intern_n(&in), 0);
    assert_true(usher__intern_check(&in));
    assert_int_equal(usher__intern_get(&in, "bob", 3, &again), 0);
    assert_int_equal(again, a);
    assert_string_equal(usher__intern_text(&in, again, NULL), "bob");
    usher__intern_free(&in);
}

/* So many names that some have the same 32 bits of hash. */
static void test_intern__tells_colliding_names_apart(void **state)
{
    enum { N = 250000 };
    struct probe probe = {.left = UINT32_MAX};
    struct memory m = {probe_resize, &probe};
    struct intern in;
    uint32_t *handles = calloc(N, sizeof *handles);
    uint64_t seed = 3;
    char name[700];

    (void)state;
    usher__intern_init(&in, &m, KEY);
    for (uint32_t k = 0; k < N; k++) {
        assert_int_equal(usher__intern_get(&in, name, name_of(k, name), &handles[k]), 0);
        assert_int_equal(usher__intern_n(&in), k + 1);
    }
    assert_true(in.index.n < N);
    assert_true(usher__intern_check(&in));
    for (uint32_t k = 0; k < N; k++) {
        size_t len = name_of(k, name);
        size_t got_len;
        const char *got = usher__intern_text(&in, handles[k], &got_len);

        assert_int_equal(usher__intern_find(&in, name, len), handles[k]);
        assert_int_equal(got_len, len);
        assert_memory_equal(got, name, len);
        assert_int_equal(got[len], 0);
    }
    for (uint32_t left = N; left > 0; left--) {
        uint32_t k = below(&seed, left);
        uint32_t last = handles[left - 1];

        usher__intern_unref(&in, handles[k]);
        handles[k] = last;
        if (left % 60000 == 0)
            assert_true(usher__intern_check(&in));
    }
    assert_int_equal(usher__intern_n(&in), 0);
    assert_int_equal(in.index.n, 0);
    assert_true(usher__intern_check(&in));
    usher__intern_free(&in);
    assert_int_equal(probe.held_n, 0);
    free(handles);
}

/* Found by search for this key: the first three have one hash, and so have the last two. */
static void test_intern__chains_names_of_one_hash(void **state)
{
    const char *names[] = {"831047", "1491666", "2335119", "ada", "adaxgtblgf"};
    const int orders[][5] = {{0, 1, 2, 3, 4}, {1, 2, 0, 4, 3}, {2, 0, 1, 3, 4}, {1, 0, 2, 4, 3}};
    struct intern in;
    uint32_t handles[5];

    (void)state;
    usher__intern_init(&in, &usher__memory_libc, KEY);
    for (size_t k = 0; k < sizeof orders / sizeof *orders; k++) {
        for (int i = 0; i < 5; i++)
            assert_int_equal(usher__intern_get(&in, names[i], strlen(names[i]), &handles[i]), 0);
        assert_int_equal(in.index.n, 2);
        for (int i = 0; i < 5; i++) {
            int gone = orders[k][i];

            for (int j = i; j < 5; j++) {
                const char *name = names[orders[k][j]];

                assert_int_equal(usher__intern_find(&in, name, strlen(name)),
                                 handles[orders[k][j]]);
            }
            assert_true(usher__intern_check(&in));
            usher__intern_unref(&in, handles[gone]);
            assert_int_equal(usher__intern_find(&in, names[gone], strlen(names[gone])), 0);
        }
        assert_int_equal(in.index.n, 0);
    }
    usher__intern_free(&in);
}

static void test_intern__out_of_memory_changes_nothing(void **state)
{
    struct probe probe = {.left = UINT32_MAX};
    struct memory m = {probe_resize, &probe};
    struct intern in;
    uint32_t failed_n = 0;
    char name[700];

    (void)state;
    usher__intern_init(&in, &m, KEY);
    for (uint32_t k = 0; k < 20000; k++) {
        size_t len = name_of(k, name);
        uint32_t handle = 99;

        for (uint32_t left = 0;; left++) {
            int err;

            probe.left = left;
            err = usher__intern_get(&in, name, len, &handle);
            probe.left = UINT32_MAX;
            if (err == 0)
                break;
            assert_int_equal(err, USHER_ENOMEM);
            assert_int_equal(handle, 0);
            assert_int_equal(usher__intern_n(&in), k);
            assert_int_equal(usher__intern_find(&in, name, len), 0);
            if (failed_n++ % 50 == 0)
                assert_true(usher__intern_check(&in));
        }
        assert_int_equal(usher__intern_find(&in, name, len), handle);
    }
    assert_true(failed_n > 100);
    assert_true(usher__intern_check(&in));
    usher__intern_free(&in);
    assert_int_equal(probe.held_n, 0);
}

static void test_intern__check_sees_a_name_that_changed(void **state)
{
    struct intern in;
    uint32_t handle;
    char *bytes;

    (void)state;
    usher__intern_init(&in, &usher__memory_libc, KEY);
    assert_int_equal(usher__intern_get(&in, "ada", 3, &handle), 0);
    assert_true(usher__intern_check(&in));
    bytes = (char *)(uintptr_t)usher__intern_text(&in, handle, NULL);
    bytes[0] = 'b';
    assert_false(usher__intern_check(&in));
    usher__intern_free(&in);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_intern__hashes_as_others_do),
        cmocka_unit_test(test_intern__equal_bytes_have_one_handle),
        cmocka_unit_test(test_intern__a_name_goes_with_its_last_reference),
        cmocka_unit_test(test_intern__tells_colliding_names_apart),
        cmocka_unit_test(test_intern__chains_names_of_one_hash),
        cmocka_unit_test(test_intern__out_of_memory_changes_nothing),
        cmocka_unit_test(test_intern__check_sees_a_name_that_changed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
