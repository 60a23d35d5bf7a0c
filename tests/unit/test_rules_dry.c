/* What becomes of promises and of the ladder's steps on a calendar that never opens again. */
#include "hours.h"

/* Eight hours on the one day, and none after it: 9 h are never reached. */
#define ONE_DAY "2026-06-01 09:00-17:00; holiday *-07-01"
/* Of two hours the second never comes. */
#define ONE_HOUR "2026-06-01 09:00-10:00; holiday *-07-01"

static void swap_calendar(struct alone *w, const char *hours)
{
    struct policy p = next_version(w);
    struct calendar *was = (struct calendar *)p.promise[RESOLVE].calendar;

    p.promise[RESOLVE].calendar = calendar(hours);
    apply(w, &p);
    usher__calendar_free(was);
}

static struct step *days(struct alone *w, int64_t n)
{
    return step(w, (struct step){.on = RESOLVE, .at = n, .at_unit = STEP_DAYS});
}

/* Until long after: what was told of the ladder since the promise was made. */
static void expect_steps(struct alone *w, uint32_t n)
{
    until(w, "2027-01-01 00:00");
    assert_int_equal(count(w, USHER_EV_STEPPED), n);
    assert_int_equal(usher__next_timer(&w->t, &w->policy).kind, TIMER_NONE);
}

static void test_dry__what_is_never_due_is_never_broken(void **unused)
{
    struct alone *w = promised(ONE_DAY, 9 * HOUR, 0, "2026-06-01 09:00");

    (void)unused;
    assert_same_at(due(w), INT64_MAX);
    until(w, "2036-01-01 00:00");
    assert_int_equal(count(w, USHER_EV_BROKEN), 0);
    assert_int_equal(w->t.promise[RESOLVE].state, USHER_RUNNING);
    assert_int_equal(usher__next_timer(&w->t, &w->policy).kind, TIMER_NONE);
    done(w);
}

/* What counts from a due has none to count from; what counts from the start fires. */
static void test_dry__steps_that_count_from_the_due_never_fire(void **unused)
{
    struct alone *w = promised(ONE_DAY, 9 * HOUR, 0, "2026-06-01 09:00");

    (void)unused;
    days(w, -1);
    offset(w, RESOLVE, -2 * HOUR)->wall = 1;
    percent(w, RESOLVE, 30)->wall = 1;
    percent(w, RESOLVE, 50);
    expect_steps(w, 1);
    assert_string_equal(last(w, USHER_EV_STEPPED)->rule, "ladder[3]");
    assert_at(last(w, USHER_EV_STEPPED)->at, "2026-06-01 13:30");
    done(w);
}

static void test_dry__repeats_end_with_the_calendar(void **unused)
{
    struct alone *w = promised(ONE_DAY, 9 * HOUR, 0, "2026-06-01 09:00");

    (void)unused;
    repeats(percent(w, RESOLVE, 50), 2 * HOUR, 9); /* 13:30, 15:30; never another two hours */
    expect_steps(w, 2);
    assert_at(last(w, USHER_EV_STEPPED)->at, "2026-06-01 15:30");
    assert_int_equal(last(w, USHER_EV_STEPPED)->n, 1);
    done(w);
}

static void test_dry__repeats_in_days_end_with_the_days(void **unused)
{
    struct alone *w = promised("2026-06-01 09:00-17:00; 2026-06-02 09:00-17:00; holiday *-07-01",
                               17 * HOUR, 0, "2026-06-01 09:00");
    struct step *s = percent(w, RESOLVE, 10);

    (void)unused;
    s->repeat = 1;
    s->repeat_unit = STEP_DAYS;
    s->times = 5;
    expect_steps(w, 2);
    assert_at(last(w, USHER_EV_STEPPED)->at, "2026-06-02 10:42");
    done(w);
}

/* It was broken on a calendar that goes on; the next version's does not, and has no due for it. */
static void test_dry__a_broken_one_climbs_no_further_on_it(void **unused)
{
    struct alone *w = promised(NINE_TO_FIVE, 2 * HOUR, 0, "2026-06-01 09:00");

    (void)unused;
    percent(w, RESOLVE, 100);
    offset(w, RESOLVE, 3 * HOUR);
    offset(w, RESOLVE, 3 * HOUR)->wall = 1;
    until(w, "2026-06-01 12:00");
    assert_int_equal(count(w, USHER_EV_BROKEN), 1);
    assert_int_equal(count(w, USHER_EV_STEPPED), 1);
    swap_calendar(w, ONE_HOUR);
    expect_steps(w, 1);
    assert_int_equal(w->t.promise[RESOLVE].state, USHER_BROKEN);
    done(w);
}

/* It has fired once. Under the next version not even that would have come, so nor do its repeats. */
static void test_dry__repeats_of_what_would_not_have_come_do_not_come(void **unused)
{
    struct alone *w = promised(NINE_TO_FIVE, 4 * HOUR, 0, "2026-06-01 09:00");

    (void)unused;
    repeats(percent(w, RESOLVE, 50), HOUR, 9);
    until(w, "2026-06-01 11:30");
    assert_int_equal(count(w, USHER_EV_STEPPED), 1);
    swap_calendar(w, ONE_HOUR);
    expect_steps(w, 1);
    done(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dry__what_is_never_due_is_never_broken),
        cmocka_unit_test(test_dry__steps_that_count_from_the_due_never_fire),
        cmocka_unit_test(test_dry__repeats_end_with_the_calendar),
        cmocka_unit_test(test_dry__repeats_in_days_end_with_the_days),
        cmocka_unit_test(test_dry__a_broken_one_climbs_no_further_on_it),
        cmocka_unit_test(test_dry__repeats_of_what_would_not_have_come_do_not_come),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
