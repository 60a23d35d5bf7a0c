/* A batch gives back what was put into it, and an error leaves it as it was. */
#include "local/batch.h"

#include <usher/usher.h>

#include "probe.h"

static struct row row_of(uint64_t *state, char *bytes, char *name)
{
    struct row row = {.table = (uint8_t)(1 + below(state, ROW_TABLES - 1)),
                      .drop = below(state, 4) == 0,
                      .name_len = (uint16_t)(below(state, 2) == 0 ? 0 : below(state, 300)),
                      .len = below(state, 3) == 0 ? 0 : below(state, 5000),
                      .key = (int64_t)draw(state),
                      .a = (int64_t)draw(state),
                      .b = (int64_t)draw(state)};

    for (uint32_t i = 0; i < row.len; i++)
        bytes[i] = (char)draw(state);
    for (uint32_t i = 0; i < row.name_len; i++)
        name[i] = (char)draw(state);
    row.bytes = bytes;
    row.name = name;
    return row;
}

static void assert_same(const struct row *a, const struct row *b)
{
    assert_int_equal(a->table, b->table);
    assert_int_equal(a->drop, b->drop);
    assert_true(a->key == b->key && a->a == b->a && a->b == b->b);
    assert_int_equal(a->len, b->len);
    assert_int_equal(a->name_len, b->name_len);
    if (a->len > 0)
        assert_memory_equal(a->bytes, b->bytes, a->len);
    if (a->name_len > 0)
        assert_memory_equal(a->name, b->name, a->name_len);
}

static void test_batch__rows_come_back_in_order(void **state)
{
    static char bytes[5000], name[300];
    struct probe probe = {.left = UINT32_MAX};
    struct memory m = {probe_resize, &probe};
    struct batch b;

    (void)state;
    usher__batch_init(&b, &m);
    for (int round = 0; round < 2; round++) { /* cleared, it is as new */
        uint64_t in = 9, out = 9;
        size_t at = 0;
        struct row row;

        for (uint32_t i = 0; i < 500; i++) {
            row = row_of(&in, bytes, name);
            if (i % 2 == 0) {
                assert_int_equal(usher__batch_put(&b, &row), 0);
            } else {
                char *to = usher__batch_begin(&b, &row, row.len + 700);

                assert_non_null(to);
                memset(to, 'x', row.len + 700);
                memcpy(to, bytes, row.len);
                usher__batch_end(&b, row.len);
            }
            assert_int_equal(b.rows, i + 1);
        }
        for (uint32_t i = 0; i < 500; i++) {
            struct row must = row_of(&out, bytes, name);

            assert_true(usher__batch_next(&b, &at, &row));
            assert_same(&row, &must);
            assert_true(must.name_len > 0 || row.name == NULL);
        }
        assert_false(usher__batch_next(&b, &at, &row));
        usher__batch_clear(&b);
        at = 0;
        assert_false(usher__batch_next(&b, &at, &row));
        assert_int_equal(b.rows, 0);
    }
    usher__batch_free(&b);
    assert_int_equal(probe.held_n, 0);
}

static void test_batch__without_memory_it_stays_as_it_was(void **state)
{
    static char bytes[100000];
    struct probe probe = {.left = 1};
    struct memory m = {probe_resize, &probe};
    struct row row = {.table = ROW_BODY, .key = 5, .bytes = "abc", .len = 3};
    struct batch b;
    size_t at = 0;

    (void)state;
    usher__batch_init(&b, &m);
    assert_int_equal(usher__batch_put(&b, &row), 0);
    row.bytes = bytes;
    row.len = sizeof bytes;
    assert_int_equal(usher__batch_put(&b, &row), USHER_ENOMEM);
    assert_null(usher__batch_begin(&b, &row, sizeof bytes));
    assert_int_equal(b.rows, 1);
    assert_true(usher__batch_next(&b, &at, &row));
    assert_int_equal(row.len, 3);
    assert_memory_equal(row.bytes, "abc", 3);
    assert_false(usher__batch_next(&b, &at, &row));
    probe.left = UINT32_MAX;
    row = (struct row){.table = ROW_BODY, .bytes = bytes, .len = sizeof bytes};
    assert_int_equal(usher__batch_put(&b, &row), 0);
    assert_int_equal(b.rows, 2);
    usher__batch_free(&b);
    assert_int_equal(probe.held_n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_batch__rows_come_back_in_order),
        cmocka_unit_test(test_batch__without_memory_it_stays_as_it_was),
    };

    return cmocka_run_group_tests_name("batch", tests, NULL, NULL);
}
