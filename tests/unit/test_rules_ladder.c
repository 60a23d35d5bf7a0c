/* The ladder: when its steps fire. */
#include "alone.h"

/* A ticket of priority normal whose `resolve` is promised within the target. */
static struct alone *promised(int64_t target)
{
    struct alone *w = alone();

    promise_all(&w->policy, RESOLVE, target);
    return w;
}

/* The instants, in ms after MONDAY, at which steps were told; -1 ends the list. */
static void expect_steps(const struct alone *w, const int64_t *at)
{
    uint32_t i = 0;

    for (; i < w->heard_n; i++) {
        const struct event *e = &w->heard[i];

        if (e->kind != USHER_EV_STEPPED)
            continue;
        if (*at < 0)
            fail_msg("a step too many at %lld", (long long)(e->at - MONDAY));
        assert_int_equal(e->at - MONDAY, *at);
        at++;
    }
    if (*at >= 0)
        fail_msg("no step at %lld", (long long)*at);
}
#define STEPS(w, ...) expect_steps(w, (const int64_t[]){ __VA_ARGS__, -1 })

/* ---- when: per cent ------------------------------------------------------------------------- */

static void test_ladder__a_share_is_rounded_up_to_the_ms(void **unused)
{
    struct alone *w = promised(101);

    (void)unused;
    percent(w, RESOLVE, 1);
    percent(w, RESOLVE, 50);
    percent(w, RESOLVE, 99);
    enqueue(w, NORMAL);
    to(w, DAY);
    STEPS(w, 2, 51, 100);
    end(w);
}

static void test_ladder__a_hundred_is_the_broken_instant(void **unused)
{
    struct alone *w = promised(1000);
    uint32_t from;

    (void)unused;
    percent(w, RESOLVE, 99);
    percent(w, RESOLVE, 100);
    percent(w, RESOLVE, 101);
    enqueue(w, NORMAL);
    from = w->heard_n;
    to(w, DAY);
    EXPECT(w, from, "stepped ladder[0] @990 n0", "broken promises.resolve.target @1001 n0",
           "stepped ladder[1] @1001 n0", "stepped ladder[2] @1010 n0");
    end(w);
}

static void test_ladder__later_ones_count_from_the_due_but_not_before_the_break(void **unused)
{
    struct alone *w = promised(50);

    (void)unused;
    percent(w, RESOLVE, 1000);
    percent(w, RESOLVE, 102);
    percent(w, RESOLVE, 101); /* half a ms, which makes one */
    offset(w, RESOLVE, 1);
    offset(w, RESOLVE, 2);
    enqueue(w, NORMAL);
    to(w, DAY);
    STEPS(w, 51, 51, 51, 52, 500);
    end(w);
}

static void test_ladder__at_one_instant_what_is_broken_comes_first(void **unused)
{
    struct alone *w = promised(202);
    uint32_t from;

    (void)unused;
    promise_all(&w->policy, ACK, 100);
    w->policy.warn_n = 1;
    w->policy.warn[0] = 50;
    percent(w, RESOLVE, 50);
    percent(w, ACK, 100);
    enqueue(w, NORMAL);
    from = w->heard_n;
    to(w, 200);
    EXPECT(w, from, "warned warn @50 n50", "broken promises.ack.target @101 n0",
           "warned warn @101 n50", "stepped ladder[0] @101 n0", "stepped ladder[1] @101 n0");
    end(w);
}

/* ---- when: so long before or after ---------------------------------------------------------- */

static void test_ladder__a_step_before_the_start_is_skipped(void **unused)
{
    struct alone *w = promised(HOUR);

    (void)unused;
    repeats(offset(w, RESOLVE, -HOUR - 1), 10 * MINUTE, 3); /* with its repeats */
    offset(w, RESOLVE, -HOUR);
    offset(w, RESOLVE, -HOUR + 1);
    offset(w, RESOLVE, -1);
    enqueue(w, NORMAL);
    to(w, DAY);
    STEPS(w, 0, 1, HOUR - 1);
    end(w);
}

static void test_ladder__an_offset_after_counts_from_the_due(void **unused)
{
    struct alone *w = promised(HOUR);

    (void)unused;
    offset(w, RESOLVE, 30 * MINUTE);
    enqueue(w, NORMAL);
    to(w, DAY);
    STEPS(w, 90 * MINUTE);
    end(w);
}

/* ---- when: again ---------------------------------------------------------------------------- */

static void test_ladder__repeats_count_from_the_schedule(void **unused)
{
    struct alone *w = promised(4 * HOUR);
    uint32_t from;

    (void)unused;
    repeats(percent(w, RESOLVE, 100), 2 * HOUR, 3);
    enqueue(w, NORMAL);
    from = w->heard_n;
    to(w, 10 * DAY);
    EXPECT(w, from, "broken promises.resolve.target @14400001 n0", "stepped ladder[0] @14400001 n0",
           "stepped ladder[0] @21600000 n1", "stepped ladder[0] @28800000 n2",
           "stepped ladder[0] @36000000 n3");
    end(w);
}

static void test_ladder__repeats_of_an_early_step_may_pass_the_due(void **unused)
{
    struct alone *w = promised(4 * HOUR);

    (void)unused;
    repeats(percent(w, RESOLVE, 50), 2 * HOUR, 2);
    enqueue(w, NORMAL);
    to(w, 10 * DAY);
    STEPS(w, 2 * HOUR, 4 * HOUR, 6 * HOUR);
    end(w);
}

static void test_ladder__a_timer_that_runs_late_moves_no_repeat(void **unused)
{
    struct alone *w = promised(4 * HOUR);

    (void)unused;
    repeats(percent(w, RESOLVE, 100), 2 * HOUR, 3);
    enqueue(w, NORMAL);
    run_to(w, MONDAY + 5 * HOUR, MONDAY + 4 * HOUR + 1 + LATE_MS); /* as late as may be */
    to(w, 10 * DAY);
    STEPS(w, 4 * HOUR + 1, 6 * HOUR, 8 * HOUR, 10 * HOUR);
    end(w);
}

static void test_ladder__the_first_of_the_ladder_comes_first_whatever_its_repeat(void **unused)
{
    struct alone *w = promised(HOUR);
    uint32_t from;

    (void)unused;
    repeats(offset(w, RESOLVE, HOUR), HOUR, 1);
    offset(w, RESOLVE, 2 * HOUR);
    enqueue(w, NORMAL);
    to(w, 2 * HOUR);
    from = w->heard_n;
    to(w, DAY);
    EXPECT(w, from, "stepped ladder[0] @10800000 n1", "stepped ladder[1] @10800000 n0");
    end(w);
}

/* ---- when: pauses --------------------------------------------------------------------------- */

static void test_ladder__nothing_fires_while_its_promise_is_paused(void **unused)
{
    struct alone *w = promised(4 * HOUR);

    (void)unused;
    percent(w, RESOLVE, 50);
    repeats(percent(w, RESOLVE, 100), HOUR, 2);
    enqueue(w, NORMAL);
    claim(w);
    to(w, HOUR);
    pause_until(w, USHER_UNTIL, 11 * HOUR);
    to(w, 12 * HOUR); /* 2 h used */
    claim(w);
    to(w, 14 * HOUR);
    STEPS(w, 12 * HOUR);
    to(w, 14 * HOUR + 1); /* 4 h and 1 ms used: broken */
    pause_until(w, USHER_UNTIL, 20 * HOUR);
    to(w, DAY);
    STEPS(w, 12 * HOUR, 14 * HOUR + 1, 21 * HOUR - 1, 22 * HOUR - 1);
    end(w);
}

static void test_ladder__a_promise_that_no_pause_stops_climbs_on(void **unused)
{
    struct alone *w = promised(4 * HOUR);

    (void)unused;
    w->policy.promise[RESOLVE].pauses = 0;
    percent(w, RESOLVE, 50);
    enqueue(w, NORMAL);
    claim(w);
    pause_until(w, USHER_UNTIL, 11 * HOUR);
    to(w, DAY);
    STEPS(w, 2 * HOUR);
    end(w);
}

static void test_ladder__what_a_pause_kept_back_is_told_at_its_end_as_one(void **unused)
{
    struct alone *w = promised(10 * HOUR);
    uint32_t from;

    (void)unused;
    w->policy.promise[RESOLVE].target[HIGH] = 2 * HOUR;
    percent(w, RESOLVE, 25)->notify = 1;
    percent(w, RESOLVE, 40)->notify = 2;
    enqueue(w, NORMAL);
    claim(w);
    to(w, HOUR);
    pause_until(w, USHER_UNTIL, 3 * HOUR);
    reprioritise(w, HIGH); /* both lie in the past, but it is paused */
    assert_int_equal(count(w, USHER_EV_STEPPED), 0);
    from = w->heard_n;
    to(w, 3 * HOUR);
    EXPECT(w, from, "pause_ended @10800000 n0", "stepped ladder[1] @10800000 n0");
    assert_int_equal(last(w, USHER_EV_STEPPED)->steps, 1);
    assert_int_equal(last(w, USHER_EV_STEPPED)->notify, 3);
    end(w);
}

/* ---- when: on the wall ---------------------------------------------------------------------- */

static void test_ladder__on_the_wall_shares_are_of_the_time_to_the_due(void **unused)
{
    struct alone *w = promised(4 * HOUR);

    (void)unused;
    percent(w, RESOLVE, 75)->wall = true;
    percent(w, RESOLVE, 100)->wall = true;
    percent(w, RESOLVE, 150)->wall = true;
    offset(w, RESOLVE, -HOUR)->wall = true;
    offset(w, RESOLVE, -10 * HOUR)->wall = true;
    offset(w, RESOLVE, -10 * HOUR - 1)->wall = true; /* before the start */
    enqueue(w, NORMAL);
    claim(w);
    to(w, HOUR);
    pause_until(w, USHER_UNTIL, 7 * HOUR); /* due at 10 h */
    to(w, DAY);
    /* What lay in the pause, or before it, comes when that ends. */
    STEPS(w, 7 * HOUR, 7 * HOUR + 30 * MINUTE, 9 * HOUR, 10 * HOUR + 1, 15 * HOUR);
    end(w);
}

static void test_ladder__on_the_wall_repeats_count_from_the_first_instant(void **unused)
{
    struct alone *w = promised(4 * HOUR);
    struct step *s;

    (void)unused;
    s = percent(w, RESOLVE, 100);
    s->wall = true;
    repeats(s, 3 * HOUR, 3);
    enqueue(w, NORMAL);
    claim(w);
    to(w, 5 * HOUR);
    pause_until(w, USHER_UNTIL, 12 * HOUR); /* two of them, told as one */
    to(w, DAY);
    STEPS(w, 4 * HOUR + 1, 12 * HOUR, 13 * HOUR + 1);
    assert_int_equal(w->t.extra->rungs[0].fired, 4);
    end(w);
}

/* What a pause held back is told as one when it ends, as if it were late. What is due at that very
 * instant is not. */
static void test_ladder__on_the_wall_a_pause_holds_back_as_one(void **unused)
{
    struct alone *w = promised(4 * HOUR);
    struct step *s;
    uint32_t from;

    (void)unused;
    s = percent(w, RESOLVE, 100);
    s->wall = true;
    s->notify = 1;
    s->raise = 1;
    repeats(s, HOUR, 1000);
    s = offset(w, RESOLVE, 2 * HOUR);
    s->wall = true;
    s->notify = 2;
    offset(w, RESOLVE, 7 * HOUR); /* business time: not yet */
    enqueue(w, NORMAL);
    claim(w);
    to(w, 5 * HOUR);
    pause_until(w, USHER_UNTIL, 9 * HOUR + 1);
    from = w->heard_n;
    to(w, 9 * HOUR + 1);
    EXPECT(w, from, "pause_ended @32400001 n0", "stepped ladder[0] @32400001 n5",
           "stepped ladder[1] @32400001 n0");
    assert_int_equal(w->t.level, 6);
    end(w);
}

/* ---- when: a named instant ------------------------------------------------------------------ */

static void test_ladder__a_named_instant_alone_is_measured_on_the_wall(void **unused)
{
    struct alone *w = alone();

    (void)unused;
    promise_all(&w->policy, UPDATE, 10 * HOUR);
    w->policy.promise[UPDATE].pauses = 7;
    percent(w, UPDATE, 50);
    offset(w, UPDATE, -HOUR);
    percent(w, UPDATE, 100);
    offset(w, UPDATE, HOUR);
    enqueue(w, NORMAL);
    claim(w);
    update_by(w, 4 * HOUR);
    pause_until(w, USHER_ON_THIRD_PARTY, 20 * HOUR); /* which it does not feel */
    to(w, DAY);
    STEPS(w, 2 * HOUR, 3 * HOUR, 4 * HOUR + 1, 5 * HOUR);
    end(w);
}

static void test_ladder__a_named_second_end_is_what_later_steps_count_from(void **unused)
{
    struct alone *w = alone();

    (void)unused;
    promise_all(&w->policy, UPDATE, 4 * HOUR);
    w->policy.promise[UPDATE].pauses = 7;
    percent(w, UPDATE, 50);
    percent(w, UPDATE, 100);
    percent(w, UPDATE, 125);
    offset(w, UPDATE, 30 * MINUTE);
    enqueue(w, NORMAL);
    claim(w);
    update_by(w, 5 * HOUR);
    to(w, HOUR);
    pause_until(w, USHER_ON_THIRD_PARTY, 3 * HOUR);
    to(w, DAY); /* 3 h are used at 5 h; half of the target at 4 h */
    STEPS(w, 4 * HOUR, 5 * HOUR + 1, 5 * HOUR + 30 * MINUTE, 6 * HOUR);
    end(w);
}

static void test_ladder__a_named_end_in_a_pause_breaks_but_its_steps_wait(void **unused)
{
    struct alone *w = alone();
    uint32_t from;

    (void)unused;
    promise_all(&w->policy, UPDATE, 4 * HOUR);
    w->policy.promise[UPDATE].pauses = 7;
    percent(w, UPDATE, 100);
    offset(w, UPDATE, HOUR);
    enqueue(w, NORMAL);
    claim(w);
    update_by(w, 5 * HOUR);
    to(w, HOUR);
    pause_until(w, USHER_ON_THIRD_PARTY, 9 * HOUR);
    from = w->heard_n;
    to(w, DAY);
    EXPECT(w, from, "broken promises.update.target @18000001 n0", "pause_ended @32400000 n0",
           "stepped ladder[0] @32400000 n0", "keep_ended line.keep_for @33300000 n0",
           "stepped ladder[1] @36000000 n0");
    end(w);
}

/* ---- when: not ------------------------------------------------------------------------------ */

static void test_ladder__what_was_never_promised_has_no_steps(void **unused)
{
    struct alone *w = alone();

    (void)unused;
    w->policy.promise[RESOLVE].target[HIGH] = HOUR;
    percent(w, RESOLVE, 50);
    percent(w, RESOLVE, 100);
    enqueue(w, NORMAL);
    to(w, DAY);
    assert_int_equal(count(w, USHER_EV_STEPPED), 0);
    end(w);
}

static void test_ladder__what_is_kept_has_no_more_steps(void **unused)
{
    struct alone *w = alone();

    (void)unused;
    promise_all(&w->policy, ACK, HOUR);
    percent(w, ACK, 50);
    percent(w, ACK, 90);
    repeats(percent(w, ACK, 100), HOUR, 5);
    enqueue(w, NORMAL);
    claim(w);
    to(w, 40 * MINUTE);
    by_holder(w, USHER_ACKNOWLEDGE);
    to(w, DAY);
    STEPS(w, 30 * MINUTE);
    end(w);
}

static void test_ladder__what_is_stopped_after_it_broke_has_no_more_steps(void **unused)
{
    struct alone *w = alone();

    (void)unused;
    promise_all(&w->policy, ACK, HOUR);
    repeats(percent(w, ACK, 100), HOUR, 5);
    enqueue(w, NORMAL);
    claim(w);
    to(w, 150 * MINUTE);
    by_holder(w, USHER_ACKNOWLEDGE);
    to(w, DAY);
    STEPS(w, HOUR + 1, 2 * HOUR);
    end(w);
}

static void test_ladder__what_is_stopped_has_no_early_steps_either(void **unused)
{
    struct alone *w = alone();

    (void)unused;
    promise_all(&w->policy, ACK, 4 * HOUR);
    w->policy.promise[ACK].target[HIGH] = 30 * MINUTE;
    w->policy.promise[ACK].pauses = 7;
    percent(w, ACK, 50);
    enqueue(w, NORMAL);
    claim(w);
    to(w, HOUR);
    pause_until(w, USHER_ON_THIRD_PARTY, 5 * HOUR);
    reprioritise(w, HIGH); /* broken, and its step waits for the end of the pause */
    assert_int_equal(w->t.promise[ACK].state, USHER_BROKEN);
    by_holder(w, USHER_ACKNOWLEDGE);
    to(w, DAY);
    assert_int_equal(count(w, USHER_EV_STEPPED), 0);
    end(w);
}

static void test_ladder__what_has_lapsed_has_no_more_steps(void **unused)
{
    struct alone *w = promised(4 * HOUR);

    (void)unused;
    w->policy.promise[RESOLVE].target[LOW] = 0;
    percent(w, RESOLVE, 50);
    percent(w, RESOLVE, 100);
    enqueue(w, NORMAL);
    to(w, HOUR);
    reprioritise(w, LOW);
    to(w, DAY);
    assert_int_equal(count(w, USHER_EV_STEPPED), 0);
    end(w);
}

static void test_ladder__goes_on_where_it_was_after_a_reopen(void **unused)
{
    struct alone *w = promised(4 * HOUR);

    (void)unused;
    percent(w, RESOLVE, 25);
    percent(w, RESOLVE, 50);
    repeats(percent(w, RESOLVE, 100), HOUR, 1);
    enqueue(w, NORMAL);
    claim(w);
    to(w, HOUR);
    by_holder(w, USHER_RESOLVE);
    to(w, 11 * HOUR);
    reopen(w);
    to(w, DAY);
    STEPS(w, HOUR, 12 * HOUR, 14 * HOUR + 1, 15 * HOUR);
    end(w);
}

static void test_ladder__a_new_arming_climbs_anew(void **unused)
{
    struct alone *w = alone();

    (void)unused;
    promise_all(&w->policy, UPDATE, 2 * HOUR);
    promise_all(&w->policy, RESOLVE, 10 * HOUR);
    percent(w, UPDATE, 50);
    percent(w, RESOLVE, 10);
    enqueue(w, NORMAL);
    claim(w);
    update_by(w, 0);
    to(w, HOUR);
    STEPS(w, HOUR, HOUR);
    update_by(w, 0);
    to(w, 3 * HOUR);
    STEPS(w, HOUR, HOUR, 2 * HOUR); /* only those of `update` */
    end(w);
}

static void test_ladder__a_promise_made_again_climbs_anew(void **unused)
{
    struct alone *w = promised(4 * HOUR);

    (void)unused;
    w->policy.promise[RESOLVE].target[LOW] = 0;
    percent(w, RESOLVE, 25);
    enqueue(w, NORMAL);
    to(w, 90 * MINUTE);
    reprioritise(w, LOW);
    to(w, 2 * HOUR);
    reprioritise(w, NORMAL); /* from its first start, so that step has passed */
    to(w, DAY);
    STEPS(w, HOUR, 2 * HOUR);
    end(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ladder__a_share_is_rounded_up_to_the_ms),
        cmocka_unit_test(test_ladder__a_hundred_is_the_broken_instant),
        cmocka_unit_test(test_ladder__later_ones_count_from_the_due_but_not_before_the_break),
        cmocka_unit_test(test_ladder__at_one_instant_what_is_broken_comes_first),
        cmocka_unit_test(test_ladder__a_step_before_the_start_is_skipped),
        cmocka_unit_test(test_ladder__an_offset_after_counts_from_the_due),
        cmocka_unit_test(test_ladder__repeats_count_from_the_schedule),
        cmocka_unit_test(test_ladder__repeats_of_an_early_step_may_pass_the_due),
        cmocka_unit_test(test_ladder__a_timer_that_runs_late_moves_no_repeat),
        cmocka_unit_test(test_ladder__the_first_of_the_ladder_comes_first_whatever_its_repeat),
        cmocka_unit_test(test_ladder__nothing_fires_while_its_promise_is_paused),
        cmocka_unit_test(test_ladder__a_promise_that_no_pause_stops_climbs_on),
        cmocka_unit_test(test_ladder__what_a_pause_kept_back_is_told_at_its_end_as_one),
        cmocka_unit_test(test_ladder__on_the_wall_shares_are_of_the_time_to_the_due),
        cmocka_unit_test(test_ladder__on_the_wall_repeats_count_from_the_first_instant),
        cmocka_unit_test(test_ladder__on_the_wall_a_pause_holds_back_as_one),
        cmocka_unit_test(test_ladder__a_named_instant_alone_is_measured_on_the_wall),
        cmocka_unit_test(test_ladder__a_named_second_end_is_what_later_steps_count_from),
        cmocka_unit_test(test_ladder__a_named_end_in_a_pause_breaks_but_its_steps_wait),
        cmocka_unit_test(test_ladder__what_was_never_promised_has_no_steps),
        cmocka_unit_test(test_ladder__what_is_kept_has_no_more_steps),
        cmocka_unit_test(test_ladder__what_is_stopped_after_it_broke_has_no_more_steps),
        cmocka_unit_test(test_ladder__what_is_stopped_has_no_early_steps_either),
        cmocka_unit_test(test_ladder__what_has_lapsed_has_no_more_steps),
        cmocka_unit_test(test_ladder__goes_on_where_it_was_after_a_reopen),
        cmocka_unit_test(test_ladder__a_new_arming_climbs_anew),
        cmocka_unit_test(test_ladder__a_promise_made_again_climbs_anew),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
