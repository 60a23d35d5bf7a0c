/* Many commands and one callback: usher_collect(). */
#include <stdbool.h>

#include "desk.h"

enum { MOST = 8 };

struct basket {
    struct desk *d;
    usher_collected c;
    usher_done rows[MOST + 1]; /* the last one belongs to nobody */
    uint32_t ran;
    uint32_t desk_done; /* what the desk's own callback had told by then */
    char detail[200];
    bool closes;
};

static void on_full(usher_t *u, const usher_done *done, void *user)
{
    struct basket *b = user;

    assert_ptr_equal(u, b->d->u);
    assert_int_equal(b->c.done, b->c.n);
    assert_memory_equal(&done->ticket,
                        (char *)b->rows + (b->c.n - 1) * b->c.row_size + sizeof done->size,
                        offsetof(usher_done, until_at) - sizeof done->size);
    assert_true(done->detail.len < sizeof b->detail);
    memcpy(b->detail, done->detail.len > 0 ? done->detail.data : "", (size_t)done->detail.len + 1);
    b->ran++;
    b->desk_done = b->d->done;
    b->c = (usher_collected){0}; /* nobody looks at it any more */
    if (b->closes)
        assert_int_equal(usher_close(u, on_closed, b->d), USHER_OK);
}

static struct basket basket(struct desk *d, uint64_t n)
{
    struct basket b = {.d = d, .c = USHER_INIT(usher_collected)};

    memset(b.rows, 0xff, sizeof b.rows);
    b.c.row_size = sizeof b.rows[0];
    b.c.n = n;
    return b;
}

/* It holds pointers to itself: set where it lies. */
static void ready(struct basket *b)
{
    b->c.rows = b->rows;
    b->c.cb = on_full;
    b->c.user = b;
}

static int enqueue_some(struct basket *b, uint64_t n)
{
    usher_request r[MOST];

    for (uint64_t i = 0; i < n; i++) {
        r[i] = request();
        r[i].priority = 1 + (int32_t)(i % 4);
    }
    return usher_enqueue_many(b->d->q, r, (size_t)n, usher_collect, &b->c);
}

static void expect_untouched(const usher_done *row)
{
    for (size_t i = 0; i < sizeof *row; i++)
        assert_int_equal(((const unsigned char *)row)[i], 0xff);
}

/* ---- what there is in the end ---------------------------------------------------------------- */

static void test_collect__one_callback_after_the_last_in_order(void **state)
{
    struct desk *d = begin();
    struct basket b = basket(d, 5);

    (void)state;
    ready(&b);
    assert_int_equal(enqueue(d, request()), USHER_OK);
    assert_int_equal(enqueue_some(&b, 5), USHER_OK);
    assert_int_equal(enqueue(d, request()), USHER_OK);
    assert_int_equal(b.c.done, 0);
    run(d);
    assert_int_equal(b.ran, 1);
    assert_int_equal(b.desk_done, 1);
    assert_int_equal(d->done, 2);
    for (uint64_t i = 0; i < 5; i++) {
        assert_int_equal(b.rows[i].size, sizeof b.rows[i]);
        assert_int_equal(b.rows[i].ticket, 2 + i);
        assert_int_equal(b.rows[i].status, USHER_OK);
        assert_int_equal(b.rows[i].state, USHER_WAITING);
        assert_int_equal(b.rows[i].priority, 1 + (int32_t)(i % 4));
        assert_int_equal(b.rows[i].durability, USHER_NONE);
    }
    expect_untouched(&b.rows[5]);
    end(d);
}

static void test_collect__each_has_its_own_status_and_no_detail(void **state)
{
    static const int32_t expected[4] = {USHER_OK, USHER_ESTALE, USHER_ENOENT, USHER_ESTATE};
    struct desk *d = begin();
    struct basket b = basket(d, 4);
    usher_command c[4];

    (void)state;
    ready(&b);
    hold_one(d);
    for (int i = 0; i < 4; i++)
        c[i] = command(d, USHER_ACKNOWLEDGE);
    c[1].claim.token++;
    c[2].claim.ticket = 99;
    c[3].verb = USHER_REVIVE;
    c[3].claim.token = 0;
    assert_int_equal(usher_act_many(d->u, c, 4, usher_collect, &b.c), 4);
    run(d);
    assert_int_equal(b.ran, 1);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(b.rows[i].status, expected[i]);
        assert_int_equal(b.rows[i].verb, c[i].verb);
        assert_null(b.rows[i].detail.data);
        assert_int_equal(b.rows[i].detail.len, 0);
    }
    assert_string_not_equal(b.detail, ""); /* the callback still has the last one's */
    end(d);
}

static void test_collect__without_a_callback_done_tells(void **state)
{
    struct desk *d = begin();
    struct basket b = basket(d, 3);

    (void)state;
    ready(&b);
    b.c.cb = NULL;
    assert_int_equal(enqueue_some(&b, 3), USHER_OK);
    run(d);
    assert_int_equal(b.c.done, 3);
    assert_int_equal(b.ran, 0);
    assert_int_equal(b.rows[2].ticket, 3);
    end(d);
}

/* ---- rows of other versions ------------------------------------------------------------------ */

static void test_collect__rows_of_an_earlier_version_end_sooner(void **state)
{
    enum { LEN = offsetof(usher_done, until_at) };
    struct desk *d = begin();
    struct basket b = basket(d, 3);

    (void)state;
    ready(&b);
    b.c.row_size = LEN;
    assert_int_equal(enqueue_some(&b, 3), USHER_OK);
    run(d);
    assert_int_equal(b.ran, 1);
    for (size_t i = 0; i < 3; i++) {
        usher_done row = {0};

        memcpy(&row, (char *)b.rows + i * LEN, LEN);
        assert_int_equal(row.size, LEN);
        assert_int_equal(row.ticket, 1 + i);
        assert_int_equal(row.state, USHER_WAITING);
    }
    assert_int_equal(((unsigned char *)b.rows)[3 * LEN], 0xff);
    end(d);
}

static void test_collect__what_a_later_version_has_more_is_zero(void **state)
{
    struct {
        usher_done done;
        uint64_t more;
    } rows[3];
    struct desk *d = begin();
    struct basket b = basket(d, 2);

    (void)state;
    memset(rows, 0xff, sizeof rows);
    b.c.rows = &rows[0].done;
    b.c.row_size = sizeof rows[0];
    assert_int_equal(enqueue_some(&b, 2), USHER_OK);
    run(d);
    assert_int_equal(b.c.done, 2);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(rows[i].done.size, sizeof rows[i].done);
        assert_int_equal(rows[i].done.ticket, 1 + i);
        assert_int_equal(rows[i].more, 0);
    }
    expect_untouched(&rows[2].done);
    end(d);
}

/* ---- fewer, more, and the end ---------------------------------------------------------------- */

static void test_collect__n_may_be_set_after_the_call(void **state)
{
    struct desk *d = begin();
    struct basket b = basket(d, 3), none = basket(d, 1);
    usher_command c[3];
    int took;

    (void)state;
    ready(&b);
    ready(&none);
    hold_one(d);
    for (int i = 0; i < 3; i++)
        c[i] = command(d, USHER_ACKNOWLEDGE);
    c[2].verb = -1;
    took = usher_act_many(d->u, c, 3, usher_collect, &b.c);
    assert_int_equal(took, 2);
    b.c.n = 2;
    assert_int_equal(usher_act_many(d->u, &c[2], 1, usher_collect, &none.c), USHER_EINVAL);
    run(d);
    assert_int_equal(b.ran, 1);
    assert_int_equal(b.rows[1].status, USHER_OK);
    expect_untouched(&b.rows[2]);
    assert_int_equal(none.ran, 0);
    assert_int_equal(none.c.done, 0);
    end(d);
}

static void test_collect__more_than_n_are_not_written(void **state)
{
    struct desk *d = begin();
    struct basket b = basket(d, 2);

    (void)state;
    ready(&b);
    b.c.cb = NULL;
    assert_int_equal(enqueue_some(&b, 4), USHER_OK);
    run(d);
    assert_int_equal(b.c.done, 2);
    expect_untouched(&b.rows[2]);
    end(d);
}

static void test_collect__closing_tells_what_is_outstanding(void **state)
{
    struct desk *d = begin();
    struct basket b = basket(d, 3);

    (void)state;
    ready(&b);
    assert_int_equal(enqueue_some(&b, 3), USHER_OK);
    end(d);
    assert_int_equal(b.ran, 1);
    assert_int_equal(b.rows[2].ticket, 3);
    assert_int_equal(b.rows[2].status, USHER_OK);
}

static void test_collect__its_callback_may_close(void **state)
{
    struct desk *d = begin();
    struct basket b = basket(d, 3), later = basket(d, 2);

    (void)state;
    ready(&b);
    ready(&later);
    b.closes = true;
    assert_int_equal(enqueue_some(&b, 3), USHER_OK);
    assert_int_equal(enqueue_some(&later, 2), USHER_OK);
    while (!d->closed)
        (void)usher_turn(d->u);
    assert_int_equal(b.ran, 1);
    assert_int_equal(later.ran, 1);
    assert_int_equal(later.rows[1].ticket, 5);
    assert_int_equal(d->held_n, 0);
    usher_manual_clock_free(d->clock);
    free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_collect__one_callback_after_the_last_in_order),
        cmocka_unit_test(test_collect__each_has_its_own_status_and_no_detail),
        cmocka_unit_test(test_collect__without_a_callback_done_tells),
        cmocka_unit_test(test_collect__rows_of_an_earlier_version_end_sooner),
        cmocka_unit_test(test_collect__what_a_later_version_has_more_is_zero),
        cmocka_unit_test(test_collect__n_may_be_set_after_the_call),
        cmocka_unit_test(test_collect__more_than_n_are_not_written),
        cmocka_unit_test(test_collect__closing_tells_what_is_outstanding),
        cmocka_unit_test(test_collect__its_callback_may_close),
    };

    return cmocka_run_group_tests_name("collect", tests, NULL, NULL);
}
