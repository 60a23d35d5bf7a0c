/* Promises and ladders on calendars: working days, exact fills. */
#include "hours.h"

static int64_t broken(const struct alone *w)
{
    return usher__promise_broken(&w->t, &w->policy, RESOLVE);
}

/* It is told as broken at that instant, and not a ms before. */
static void breaks_at(struct alone *w, const char *text)
{
    run_to(w, at(text) - 1, 0);
    assert_int_equal(count(w, USHER_EV_BROKEN), 0);
    run_to(w, at(text), 0);
    assert_int_equal(count(w, USHER_EV_BROKEN), 1);
    assert_at(last(w, USHER_EV_BROKEN)->at, text);
}

/* ---- a target of hours ---------------------------------------------------------------------- */

static void test_hours__of_an_exact_fill_are_due_at_the_closing(void **unused)
{
    struct alone *w = promised(NINE_TO_FIVE, 8 * HOUR, 0, "2026-06-01 09:00");

    (void)unused;
    assert_at(due(w), "2026-06-01 17:00");
    breaks_at(w, "2026-06-02 09:00:00.001");
    assert_at(last(w, USHER_EV_BROKEN)->due_at, "2026-06-01 17:00");
    done(w);
}

static void test_hours__are_kept_by_a_word_until_the_next_opening(void **unused)
{
    struct alone *w = promised(NINE_TO_FIVE, 8 * HOUR, 0, "2026-06-01 09:00");

    (void)unused;
    claim(w);
    until(w, "2026-06-02 09:00");
    by_holder(w, USHER_RESOLVE);
    assert_int_equal(last(w, USHER_EV_RESOLVED)->kept, 1 << USHER_PROMISE_RESOLVE);
    done(w);
}

static void test_hours__stand_still_where_the_calendar_is_closed(void **unused)
{
    struct alone *w = promised(WITH_LUNCH, 10 * HOUR, 0, "2026-06-03 11:00");

    (void)unused; /* 1 h, lunch, 4 h; Thursday is a holiday; 4 h, lunch, 1 h */
    assert_at(due(w), "2026-06-05 14:00");
    assert_int_equal(usher__promise_used(&w->t, &w->policy, RESOLVE, at("2026-06-04 15:00")),
                     5 * HOUR);
    breaks_at(w, "2026-06-05 14:00:00.001");
    done(w);
}

static void test_hours__are_paused_only_where_it_is_open(void **unused)
{
    struct alone *w = promised(NINE_TO_FIVE, 8 * HOUR, 0, "2026-06-01 13:00");

    (void)unused;
    claim(w);
    until(w, "2026-06-01 16:00");
    pause_until(w, USHER_UNTIL, DAY + 10 * HOUR); /* an hour of today, and one of tomorrow */
    until(w, "2026-06-02 10:00");
    assert_at(due(w), "2026-06-02 15:00");
    done(w);
}

static void test_hours__an_exact_fill_with_a_pause_is_due_at_the_closing_too(void **unused)
{
    struct alone *w = promised(NINE_TO_FIVE, 8 * HOUR, 0, "2026-06-01 13:00");

    (void)unused;
    claim(w);
    until(w, "2026-06-01 17:00");
    pause_until(w, USHER_UNTIL, DAY + 13 * HOUR);
    until(w, "2026-06-02 13:00");
    assert_at(due(w), "2026-06-02 17:00");
    assert_at(broken(w), "2026-06-03 09:00:00.001");
    done(w);
}

static void test_hours__that_fill_a_window_before_a_pause_stay_due_there(void **unused)
{
    struct alone *w = promised(NINE_TO_FIVE, 4 * HOUR, 0, "2026-06-01 13:00");

    (void)unused;
    claim(w);
    until(w, "2026-06-01 18:00");
    pause_until(w, USHER_UNTIL, 2 * DAY + 10 * HOUR);
    assert_at(due(w), "2026-06-01 17:00"); /* it has been reached */
    breaks_at(w, "2026-06-03 10:00:00.001");
    done(w);
}

static void test_hours__of_a_calendar_that_runs_dry_are_never_due(void **unused)
{
    struct alone *w = promised("2026-06-01 09:00-17:00", 9 * HOUR, 0, "2026-06-01 00:00");

    (void)unused;
    percent(w, RESOLVE, 50);
    percent(w, RESOLVE, 100);
    offset(w, RESOLVE, -HOUR);
    offset(w, RESOLVE, HOUR);
    assert_true(due(w) == USHER_NEVER);
    until(w, "2027-01-01 00:00");
    assert_int_equal(w->t.promise[RESOLVE].state, USHER_RUNNING);
    assert_int_equal(count(w, USHER_EV_STEPPED), 2);
    assert_at(w->heard[1].at, "2026-06-01 13:30");
    assert_at(w->heard[2].at, "2026-06-01 17:00"); /* of an exact fill, the closing */
    done(w);
}

/* ---- a target of working days --------------------------------------------------------------- */

static void test_days__are_turned_into_open_time_when_it_is_armed(void **unused)
{
    struct alone *w = promised(NINE_TO_FIVE, 0, 2, "2026-06-04 10:30"); /* Thursday */

    (void)unused;
    assert_int_equal(w->t.promise[RESOLVE].target, 16 * HOUR);
    assert_int_equal(w->t.promise[RESOLVE].flags & PROMISE_DAYS, PROMISE_DAYS);
    assert_at(due(w), "2026-06-08 10:30");
    breaks_at(w, "2026-06-08 10:30:00.001");
    done(w);
}

static void test_days__of_an_exact_fill_are_due_at_the_next_opening(void **unused)
{
    struct alone *w = promised(NINE_TO_FIVE, 0, 1, "2026-06-01 18:00"); /* after hours */

    (void)unused; /* Tuesday 18:00 is closed: Wednesday, 09:00 */
    assert_int_equal(w->t.promise[RESOLVE].target, 8 * HOUR);
    assert_at(due(w), "2026-06-03 09:00");
    breaks_at(w, "2026-06-03 09:00:00.001");
    assert_at(last(w, USHER_EV_BROKEN)->due_at, "2026-06-03 09:00");
    done(w);
}

static void test_days__of_an_exact_fill_by_a_pause_are_due_at_the_next_opening(void **unused)
{
    struct alone *w = promised(NINE_TO_FIVE, 0, 1, "2026-06-01 15:00");

    (void)unused;
    claim(w);
    until(w, "2026-06-01 16:00");
    pause_until(w, USHER_UNTIL, DAY + 10 * HOUR); /* two open hours */
    assert_true(due(w) == USHER_NEVER);
    until(w, "2026-06-02 10:00"); /* 7 h are left, and it is open for 7 h */
    assert_at(due(w), "2026-06-03 09:00");
    assert_at(broken(w), "2026-06-03 09:00:00.001");
    assert_int_equal(usher__promise_left(&w->t, &w->policy, RESOLVE, at("2026-06-02 17:00")), 0);
    done(w);
}

static void test_days__are_counted_again_from_the_start_for_another_priority(void **unused)
{
    struct alone *w = promised(NINE_TO_FIVE, 0, 3, "2026-06-01 10:00");

    (void)unused;
    w->policy.promise[RESOLVE].target[HIGH] = 1;
    w->policy.promise[RESOLVE].target[URGENT] = 4 * HOUR;
    w->policy.promise[RESOLVE].days = 1u << HIGH | 1u << NORMAL;
    until(w, "2026-06-01 11:00");
    reprioritise(w, HIGH);
    assert_at(due(w), "2026-06-02 10:00");
    assert_int_equal(w->t.promise[RESOLVE].flags & PROMISE_DAYS, PROMISE_DAYS);
    reprioritise(w, URGENT);
    assert_at(due(w), "2026-06-01 14:00");
    assert_int_equal(w->t.promise[RESOLVE].flags & PROMISE_DAYS, 0);
    done(w);
}

static void test_days__without_an_open_ms_are_a_promise_all_the_same(void **unused)
{
    struct alone *w = promised("mon 08:00-09:00; tue 15:00-16:00", 0, 1, "2026-06-01 10:00");

    (void)unused; /* Tuesday at 10:00 is closed; at 15:00 it opens */
    assert_int_equal(w->t.promise[RESOLVE].state, USHER_RUNNING);
    assert_true(w->t.promise[RESOLVE].target > 0);
    assert_in_range(due(w) - at("2026-06-02 15:00"), 0, 1);
    done(w);
}

static void test_days__of_a_calendar_that_runs_dry_are_never_due(void **unused)
{
    struct alone *w = promised("2026-06-01 09:00-17:00", 0, 1, "2026-06-01 12:00");

    (void)unused;
    assert_int_equal(w->t.promise[RESOLVE].state, USHER_RUNNING);
    assert_true(due(w) == USHER_NEVER);
    done(w);
}

static void test_days__decide_whether_a_named_instant_comes_first(void **unused)
{
    static const struct {
        const char *named;
        bool alone;
    } tries[] = { { "2026-06-02 18:30", true }, { "2026-06-03 08:59", true },
                  { "2026-06-03 09:00", false } }; /* an exact fill: due at the opening */

    (void)unused;
    for (int i = 0; i < 3; i++) {
        struct alone *w = promised(NINE_TO_FIVE, 0, 1, "2026-06-01 18:00");

        w->policy.promise[UPDATE] = w->policy.promise[RESOLVE];
        claim(w);
        update_by(w, at(tries[i].named) - MONDAY);
        assert_int_equal((w->t.promise[UPDATE].flags & PROMISE_ALONE) != 0, tries[i].alone);
        assert_int_equal((w->t.promise[UPDATE].flags & PROMISE_DAYS) != 0, !tries[i].alone);
        assert_at(usher__promise_due(&w->t, &w->policy, UPDATE), tries[i].named);
        done(w);
    }
}

/* ---- steps ---------------------------------------------------------------------------------- */

static struct step *days(struct alone *w, int64_t n)
{
    return step(w, (struct step){ .on = RESOLVE, .at = n, .at_unit = STEP_DAYS });
}

static void stepped_at(struct alone *w, const char *const *texts)
{
    uint32_t from = w->heard_n;

    run_to(w, at("2026-12-01 00:00"), 0);
    for (; from < w->heard_n; from++) {
        if (w->heard[from].kind != USHER_EV_STEPPED)
            continue;
        if (*texts == NULL)
            fail_msg("a step too many at %s", when(w->heard[from].at));
        assert_at(w->heard[from].at, *texts);
        texts++;
    }
    if (*texts != NULL)
        fail_msg("no step at %s", *texts);
}
#define STEPPED_AT(w, ...) stepped_at(w, (const char *const[]){ __VA_ARGS__, NULL })

static void test_steps__of_an_exact_fill_wait_for_the_break(void **unused)
{
    struct alone *w = promised(NINE_TO_FIVE, 8 * HOUR, 0, "2026-06-01 09:00");

    (void)unused;
    percent(w, RESOLVE, 99);
    percent(w, RESOLVE, 100);
    percent(w, RESOLVE, 150);
    offset(w, RESOLVE, -HOUR);
    offset(w, RESOLVE, 1);
    STEPPED_AT(w, "2026-06-01 16:00", "2026-06-01 16:55:12", "2026-06-02 09:00:00.001",
               "2026-06-02 09:00:00.001", "2026-06-02 13:00");
    done(w);
}

static void test_steps__repeat_in_open_time_from_the_due(void **unused)
{
    struct alone *w = promised(NINE_TO_FIVE, 7 * HOUR, 0, "2026-06-01 09:00");

    (void)unused;
    repeats(percent(w, RESOLVE, 100), 2 * HOUR, 3);
    STEPPED_AT(w, "2026-06-01 16:00:00.001", "2026-06-02 10:00", "2026-06-02 12:00",
               "2026-06-02 14:00");
    done(w);
}

static void test_steps__may_be_working_days_from_the_due(void **unused)
{
    struct alone *w = promised(NINE_TO_FIVE, 20 * HOUR, 0, "2026-06-03 13:00");

    (void)unused; /* due on Friday at 17:00, an exact fill */
    assert_at(due(w), "2026-06-05 17:00");
    days(w, -1);
    days(w, 1);
    days(w, -2);
    days(w, -3); /* before the start */
    STEPPED_AT(w, "2026-06-03 17:00", "2026-06-04 17:00", "2026-06-08 17:00");
    done(w);
}

static void test_steps__of_working_days_before_all_windows_are_skipped(void **unused)
{
    struct alone *w = promised("2026-06-01 09:00-17:00; 2026-06-02 09:00-17:00", 12 * HOUR, 0,
                               "2026-06-01 09:00");

    (void)unused;
    days(w, -1);
    days(w, -2); /* there is no such day at all */
    days(w, 1);
    STEPPED_AT(w, "2026-06-01 13:00");
    done(w);
}

static void test_steps__repeat_in_working_days_from_the_first(void **unused)
{
    struct alone *w = promised(WITH_LUNCH, 10 * HOUR, 0, "2026-06-01 09:00");
    struct step *s = percent(w, RESOLVE, 100);

    (void)unused; /* due on Tuesday at 11:00 */
    repeats(s, 1, 3);
    s->repeat_unit = STEP_DAYS;
    STEPPED_AT(w, "2026-06-02 11:00:00.001", "2026-06-03 11:00", "2026-06-05 11:00",
               "2026-06-08 11:00");
    done(w);
}

static void test_steps__on_the_wall_ignore_the_calendar(void **unused)
{
    struct alone *w = promised(NINE_TO_FIVE, 16 * HOUR, 0, "2026-06-01 09:00");

    (void)unused; /* due on Tuesday at 17:00, 32 h later */
    percent(w, RESOLVE, 50)->wall = true;
    offset(w, RESOLVE, 3 * HOUR)->wall = true; /* before the break on Wednesday */
    offset(w, RESOLVE, DAY)->wall = true;
    offset(w, RESOLVE, -HOUR)->wall = true;
    STEPPED_AT(w, "2026-06-02 01:00", "2026-06-02 16:00", "2026-06-03 09:00:00.001",
               "2026-06-03 17:00");
    done(w);
}

static void test_steps__of_a_named_instant_count_days_by_the_policys_calendar(void **unused)
{
    struct alone *w = promised(NINE_TO_FIVE, 40 * HOUR, 0, "2026-06-03 10:00");

    (void)unused;
    w->policy.promise[UPDATE] = w->policy.promise[RESOLVE];
    days(w, 1)->on = UPDATE;
    days(w, -1)->on = UPDATE;
    claim(w);
    update_by(w, at("2026-06-05 11:00") - MONDAY);
    STEPPED_AT(w, "2026-06-04 11:00", "2026-06-08 11:00"); /* Friday's next is Monday */
    done(w);
}

static void test_steps__of_working_days_count_from_a_due_that_a_pause_has_moved(void **unused)
{
    struct alone *w = promised(NINE_TO_FIVE, 12 * HOUR, 0, "2026-06-01 09:00");

    (void)unused; /* due on Tuesday at 13:00 */
    days(w, -1);
    days(w, 1);
    claim(w);
    until(w, "2026-06-01 12:00");
    pause_until(w, USHER_UNTIL, 2 * DAY + 12 * HOUR);
    /* 3 h are used; due on Thursday at 13:00, the day before that was Wednesday at 13:00. */
    STEPPED_AT(w, "2026-06-03 13:00", "2026-06-05 13:00");
    done(w);
}

/* ---- another calendar ----------------------------------------------------------------------- */

static void test_calendar__edited_while_a_pause_is_open_counts_from_the_start(void **unused)
{
    struct alone *w = promised(NINE_TO_FIVE, 8 * HOUR, 0, "2026-06-01 12:00");
    struct policy later = w->policy;
    struct calendar *old = (struct calendar *)w->policy.promise[RESOLVE].calendar;

    (void)unused;
    later.version = 2;
    later.promise[RESOLVE].calendar = calendar("mon-fri 10:00-14:00");
    claim(w);
    until(w, "2026-06-01 15:00"); /* 3 h used; by the new one 2 h */
    pause_until(w, USHER_UNTIL, DAY + 12 * HOUR);
    until(w, "2026-06-01 16:00");
    apply(w, &later);
    usher__calendar_free(old);
    assert_true(due(w) == USHER_NEVER);
    assert_int_equal(usher__promise_left(&w->t, &w->policy, RESOLVE, w->now), 6 * HOUR);
    until(w, "2026-06-02 12:00"); /* 2 h until 14:00, then a whole day */
    assert_at(due(w), "2026-06-03 14:00");
    done(w);
}

static void test_calendar__working_days_are_counted_again_by_the_new_one(void **unused)
{
    struct alone *w = promised(NINE_TO_FIVE, 0, 2, "2026-06-01 12:00");
    struct policy later = w->policy;
    struct calendar *old = (struct calendar *)w->policy.promise[RESOLVE].calendar;

    (void)unused;
    later.promise[RESOLVE].calendar = calendar("mon-fri 09:00-17:00; holiday 2026-06-02");
    assert_at(due(w), "2026-06-03 12:00");
    until(w, "2026-06-01 15:00");
    apply(w, &later);
    usher__calendar_free(old);
    assert_at(due(w), "2026-06-04 12:00");
    done(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hours__of_an_exact_fill_are_due_at_the_closing),
        cmocka_unit_test(test_hours__are_kept_by_a_word_until_the_next_opening),
        cmocka_unit_test(test_hours__stand_still_where_the_calendar_is_closed),
        cmocka_unit_test(test_hours__are_paused_only_where_it_is_open),
        cmocka_unit_test(test_hours__an_exact_fill_with_a_pause_is_due_at_the_closing_too),
        cmocka_unit_test(test_hours__that_fill_a_window_before_a_pause_stay_due_there),
        cmocka_unit_test(test_hours__of_a_calendar_that_runs_dry_are_never_due),
        cmocka_unit_test(test_days__are_turned_into_open_time_when_it_is_armed),
        cmocka_unit_test(test_days__of_an_exact_fill_are_due_at_the_next_opening),
        cmocka_unit_test(test_days__of_an_exact_fill_by_a_pause_are_due_at_the_next_opening),
        cmocka_unit_test(test_days__are_counted_again_from_the_start_for_another_priority),
        cmocka_unit_test(test_days__without_an_open_ms_are_a_promise_all_the_same),
        cmocka_unit_test(test_days__of_a_calendar_that_runs_dry_are_never_due),
        cmocka_unit_test(test_days__decide_whether_a_named_instant_comes_first),
        cmocka_unit_test(test_steps__of_an_exact_fill_wait_for_the_break),
        cmocka_unit_test(test_steps__repeat_in_open_time_from_the_due),
        cmocka_unit_test(test_steps__may_be_working_days_from_the_due),
        cmocka_unit_test(test_steps__of_working_days_before_all_windows_are_skipped),
        cmocka_unit_test(test_steps__repeat_in_working_days_from_the_first),
        cmocka_unit_test(test_steps__on_the_wall_ignore_the_calendar),
        cmocka_unit_test(test_steps__of_a_named_instant_count_days_by_the_policys_calendar),
        cmocka_unit_test(test_steps__of_working_days_count_from_a_due_that_a_pause_has_moved),
        cmocka_unit_test(test_calendar__edited_while_a_pause_is_open_counts_from_the_start),
        cmocka_unit_test(test_calendar__working_days_are_counted_again_by_the_new_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
