/* Pauses that begin in the last tenth of a promise which they stop are counted apart: event PAUSED has
 * n 1. That is how desks cheat. */
#include "alone.h"

static uint32_t paused_late(const struct alone *w)
{
    return last(w, USHER_EV_PAUSED)->n;
}

/* In an agent's hands, with `resolve` promised in ten hours. */
static struct alone *ten_hours(void)
{
    struct alone *w = alone();

    promise_all(&w->policy, RESOLVE, 10 * HOUR);
    enqueue(w, NORMAL);
    claim(w);
    return w;
}

static void test_late_pause__begins_in_the_last_tenth(void **unused)
{
    static const struct {
        int64_t at;
        uint32_t late;
    } cases[] = { { 0, 0 },
                  { 9 * HOUR - 1, 0 },
                  { 9 * HOUR, 1 },
                  { 10 * HOUR - 1, 1 },
                  { 10 * HOUR, 1 },       /* due, and not yet broken */
                  { 10 * HOUR + 1, 0 } }; /* what is broken is no more to be saved */

    (void)unused;
    for (int i = 0; i < 6; i++) {
        struct alone *w = ten_hours();

        to(w, cases[i].at);
        pause_until(w, USHER_ON_THIRD_PARTY, 0);
        assert_int_equal(paused_late(w), cases[i].late);
        end(w);
    }
}

static void test_late_pause__of_a_promise_that_it_stops(void **unused)
{
    struct alone *w = ten_hours();

    (void)unused;
    w->policy.promise[RESOLVE].pauses = 1u << (USHER_ON_REQUESTER - 1);
    to(w, 9 * HOUR);
    pause_until(w, USHER_ON_THIRD_PARTY, 0); /* it goes on */
    assert_int_equal(paused_late(w), 0);
    pause_until(w, USHER_ON_REQUESTER, 0);
    assert_int_equal(paused_late(w), 1);
    end(w);
}

static void test_late_pause__of_any_of_those(void **unused)
{
    struct alone *w = ten_hours();

    (void)unused;
    promise_all(&w->policy, ANSWER, HOUR); /* late, and `resolve`, which is looked at last, is not */
    w->policy.promise[ANSWER].pauses = 7;
    assert_int_equal(say(w, (struct command){ .verb = USHER_ASK, .who = ADA }), 0);
    to(w, HOUR);
    pause_until(w, USHER_ON_THIRD_PARTY, 0);
    assert_int_equal(paused_late(w), 1);
    end(w);
}

static void test_late_pause__counts_once(void **unused)
{
    struct alone *w = ten_hours();

    (void)unused;
    promise_all(&w->policy, ANSWER, 10 * HOUR);
    w->policy.promise[ANSWER].pauses = 7;
    assert_int_equal(say(w, (struct command){ .verb = USHER_ASK, .who = ADA }), 0);
    to(w, 9 * HOUR + 1);
    pause_until(w, USHER_ON_THIRD_PARTY, 20 * HOUR); /* two promises, one pause */
    assert_int_equal(paused_late(w), 1);
    pause_until(w, USHER_ON_THIRD_PARTY, 21 * HOUR); /* the same one, longer */
    assert_int_equal(paused_late(w), 0);
    pause_until(w, USHER_UNTIL, 22 * HOUR); /* what stands still already is not stopped */
    assert_int_equal(paused_late(w), 0);
    to(w, 22 * HOUR);
    claim(w);
    pause_until(w, USHER_UNTIL, 30 * HOUR); /* ... and again */
    assert_int_equal(paused_late(w), 1);
    end(w);
}

/* The question keeps `ack`, and arms `update` anew: these are not stopped. */
static void test_late_pause__is_judged_after_what_the_question_does(void **unused)
{
    struct alone *w = alone();

    (void)unused;
    promise_all(&w->policy, ACK, 10 * HOUR);
    promise_all(&w->policy, UPDATE, HOUR);
    w->policy.promise[ACK].pauses = 7;
    enqueue(w, NORMAL);
    claim(w);
    to(w, 10 * HOUR);
    pause_until(w, USHER_ON_REQUESTER, 0);
    assert_int_equal(paused_late(w), 0);
    assert_int_equal(last(w, USHER_EV_PAUSED)->kept, 1u << USHER_PROMISE_ACK);
    end(w);

    w = alone();
    promise_all(&w->policy, UPDATE, HOUR);
    enqueue(w, NORMAL);
    claim(w);
    by_holder(w, USHER_ACKNOWLEDGE);
    to(w, HOUR);
    pause_until(w, USHER_ON_REQUESTER, 0);
    assert_int_equal(paused_late(w), 0);
    assert_int_equal(last(w, USHER_EV_PAUSED)->kept, 1u << USHER_PROMISE_UPDATE);
    end(w);
}

static void test_late_pause__a_named_instant_alone_cannot_be_paused(void **unused)
{
    struct alone *w = alone();

    (void)unused;
    w->policy.promise[UPDATE].pauses = 7;
    enqueue(w, NORMAL);
    claim(w);
    update_by(w, 10 * HOUR);
    to(w, 10 * HOUR);
    pause_until(w, USHER_ON_THIRD_PARTY, 0);
    assert_int_equal(paused_late(w), 0);
    end(w);
}

/* What was paused before does not count as used. */
static void test_late_pause__by_what_is_used(void **unused)
{
    struct alone *w = ten_hours();

    (void)unused;
    pause_until(w, USHER_UNTIL, 5 * HOUR);
    to(w, 5 * HOUR);
    claim(w);
    to(w, 14 * HOUR - 1);
    pause_until(w, USHER_UNTIL, 15 * HOUR);
    assert_int_equal(paused_late(w), 0);
    to(w, 15 * HOUR);
    claim(w);
    to(w, 15 * HOUR + 1);
    pause_until(w, USHER_UNTIL, 16 * HOUR);
    assert_int_equal(paused_late(w), 1);
    end(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_late_pause__begins_in_the_last_tenth),
        cmocka_unit_test(test_late_pause__of_a_promise_that_it_stops),
        cmocka_unit_test(test_late_pause__of_any_of_those),
        cmocka_unit_test(test_late_pause__counts_once),
        cmocka_unit_test(test_late_pause__is_judged_after_what_the_question_does),
        cmocka_unit_test(test_late_pause__a_named_instant_alone_cannot_be_paused),
        cmocka_unit_test(test_late_pause__by_what_is_used),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
