/* A named subscription: from which event it begins, what is done, how far ahead it is told, and what it
 * hears of events that are no longer kept. In memory and on a store. */
#include "keep.h"

static struct desk *begin_on(bool store, usher_options o)
{
    struct desk *d = begin(o);

    if (!store) {
        close_desk(d);
        strcpy(d->uri, "memory:");
        open_desk(d);
    }
    return d;
}

static uint64_t last_seq(struct desk *d)
{
    settle(d);
    return usher__engine_log(d->u->engine)->seq;
}

static void note(struct desk *d, usher_id id, uint32_t times)
{
    usher_command c = {
        .size = sizeof c, .verb = USHER_NOTE, .claim = {id, 0}, .text = USHER_TEXT("note")};

    for (uint32_t i = 0; i < times; i++) {
        assert_int_equal(usher_act(d->u, &c, NULL, NULL), USHER_OK);
        if (i % 256 == 0)
            settle(d);
    }
    settle(d);
}

/* Told again under this name, from this seq on: exactly first..last, each once, in order. */
static void expect_from(struct desk *d, uint64_t from, uint64_t first, uint64_t last)
{
    d->seen_n = 0;
    assert_int_equal(usher_subscribe(d->u, "books", from, on_event, d), USHER_OK);
    settle(d);
    assert_int_equal(d->seen_n, last + 1 - first);
    for (uint32_t i = 0; i < d->seen_n; i++)
        assert_int_equal(d->seen[i], first + i);
    assert_int_equal(usher_unsubscribe(d->u, on_event, d), USHER_OK);
}

static void test_judge_keep_follow__from_any_event(void **state)
{
    (void)state;
    for (int store = 0; store < 2; store++) {
        struct desk *d = begin_on(store, (usher_options){0});
        uint64_t last;

        note(d, enqueue(d, (usher_request){0}), 5);
        last = last_seq(d);
        for (uint64_t from = 1; from <= last + 1; from++)
            expect_from(d, from, from, last);
        assert_int_equal(usher_subscribe(d->u, "books", last + 2, on_event, d), USHER_EINVAL);
        expect_from(d, 3, 3, last);
        expect_from(d, 0, 3, last); /* nothing was done since */
        end(d);
    }
}

static void test_judge_keep_follow__what_is_done_is_not_told_again(void **state)
{
    (void)state;
    for (int store = 0; store < 2; store++) {
        struct desk *d = begin_on(store, (usher_options){0});
        uint64_t last;

        note(d, enqueue(d, (usher_request){0}), 5);
        last = last_seq(d);
        assert_int_equal(usher_event_done(d->u, "books", 1), USHER_ENOENT);
        assert_int_equal(usher_subscribe(d->u, "books", 0, on_event, d), USHER_OK);
        assert_int_equal(usher_event_done(d->u, "books", 1), USHER_EINVAL); /* not told yet */
        settle(d);
        assert_int_equal(usher_event_done(d->u, "books", last + 1), USHER_EINVAL);
        assert_int_equal(usher_event_done(d->u, "books", 4), USHER_OK);
        assert_int_equal(usher_event_done(d->u, "books", 2), USHER_OK); /* it is, already */
        assert_int_equal(usher_unsubscribe(d->u, on_event, d), USHER_OK);
        expect_from(d, 0, 5, last);
        if (store) {
            settle(d);
            reopen(d);
            expect_from(d, 0, 5, last_seq(d));
        }
        end(d);
    }
}

static void test_judge_keep_follow__so_far_ahead_and_no_further(void **state)
{
    (void)state;
    for (int store = 0; store < 2; store++) {
        struct desk *d = begin_on(store, (usher_options){0});
        uint64_t last;

        note(d, enqueue(d, (usher_request){0}), USHER_UNDONE_MAX + 50);
        last = last_seq(d);
        assert_true(last > USHER_UNDONE_MAX + 50);
        assert_int_equal(usher_subscribe(d->u, "books", 1, on_event, d), USHER_OK);
        settle(d);
        assert_int_equal(d->seen_n, USHER_UNDONE_MAX);
        assert_int_equal(usher_event_done(d->u, "books", 7), USHER_OK);
        settle(d);
        assert_int_equal(d->seen_n, USHER_UNDONE_MAX + 7);
        assert_int_equal(usher_event_done(d->u, "books", d->seen[d->seen_n - 1]), USHER_OK);
        settle(d);
        assert_int_equal(d->seen_n, last);
        for (uint32_t i = 0; i < d->seen_n; i++)
            assert_int_equal(d->seen[i], i + 1);
        end(d);
    }
}

static void on_lost(usher_t *u, const usher_event *e, void *user)
{
    struct desk *d = user;

    if (e->kind == USHER_EV_LOST)
        d->live_n = e->n;
    on_event(u, e, user);
}

/* In memory there is only so much history: what has gone is one event that says how many. */
static void test_judge_keep_follow__what_is_gone_is_told_as_one(void **state)
{
    struct desk *d = begin_on(false, (usher_options){.history_bytes = 1});
    uint64_t last;

    (void)state;
    note(d, enqueue(d, (usher_request){0}), 20000);
    last = last_seq(d);
    assert_int_equal(usher_subscribe(d->u, "books", 1, on_lost, d), USHER_OK);
    settle(d);
    while (d->seen[d->seen_n - 1] < last) {
        assert_int_equal(usher_event_done(d->u, "books", d->seen[d->seen_n - 1]), USHER_OK);
        settle(d);
        assert_true(d->seen_n < SEEN_MAX);
    }
    assert_int_equal(d->kinds[0], USHER_EV_LOST);
    assert_true(d->live_n > 1000);
    assert_int_equal(d->seen[0], d->live_n); /* the last that is lost */
    for (uint32_t i = 1; i < d->seen_n; i++) {
        assert_int_equal(d->seen[i], d->live_n + i);
        assert_int_not_equal(d->kinds[i], USHER_EV_LOST);
    }
    end(d);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_judge_keep_follow__from_any_event),
        cmocka_unit_test(test_judge_keep_follow__what_is_done_is_not_told_again),
        cmocka_unit_test(test_judge_keep_follow__so_far_ahead_and_no_further),
        cmocka_unit_test(test_judge_keep_follow__what_is_gone_is_told_as_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
