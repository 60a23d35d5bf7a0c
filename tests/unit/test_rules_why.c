/* Why is it due then? */
#include "hours.h"

struct account {
    const char *const *lines;
    int64_t at, ms;
    int rows;
};

/* Each row against "closed 2026-06-01 00:00", where it begins; all of them without a gap. */
static bool a_row(void *ctx, int64_t from, int64_t to, int kind, int64_t ms)
{
    static const char *const kinds[] = { "?", "open", "closed", "holiday", "paused" };
    struct account *a = ctx;
    char line[64];

    assert_true(from == a->at && to > from);
    snprintf(line, sizeof line, "%s ", kinds[kind]);
    if (*a->lines == NULL)
        fail_msg("a row too many: %s%s", line, when(from));
    if (strncmp(*a->lines, line, strlen(line)) != 0)
        fail_msg("%s%s, not %s", line, when(from), *a->lines);
    assert_at(from, *a->lines + strlen(line));
    assert_int_equal(ms, kind == USHER_SPAN_OPEN ? to - from : 0);
    a->lines++;
    a->at = to;
    a->ms += ms;
    a->rows++;
    return true;
}

static void explained(const struct alone *w, int64_t ends, int64_t ms, const char *const *lines)
{
    struct account a = { lines, w->t.promise[RESOLVE].start_at, 0, 0 };

    usher__promise_explain(&w->t, &w->policy, RESOLVE, w->now, a_row, &a);
    if (*a.lines != NULL)
        fail_msg("no row %s", *a.lines);
    assert_same_at(a.at, ends);
    assert_int_equal(a.ms, ms);
}
#define EXPLAINED(w, ends, ms, ...)                                                                \
    explained(w, ends, ms, (const char *const[]){ __VA_ARGS__, NULL })

static void test_why__windows_gaps_holidays_and_pauses_up_to_the_due(void **unused)
{
    struct alone *w = promised(WITH_LUNCH, 14 * HOUR, 0, "2026-06-02 16:00");

    (void)unused;
    claim(w);
    until(w, "2026-06-03 09:00");
    pause_until(w, USHER_UNTIL, 2 * DAY + 14 * HOUR);
    until(w, "2026-06-03 15:00");
    EXPLAINED(w, at("2026-06-08 09:00"), 14 * HOUR,
              "open 2026-06-02 16:00", "closed 2026-06-02 17:00", "open 2026-06-03 08:00",
              "paused 2026-06-03 09:00", "open 2026-06-03 14:00", "closed 2026-06-03 17:00",
              "holiday 2026-06-04 00:00", "closed 2026-06-05 00:00", "open 2026-06-05 08:00",
              "closed 2026-06-05 12:00", "open 2026-06-05 13:00", "closed 2026-06-05 17:00",
              "open 2026-06-08 08:00");
    until(w, "2026-06-08 11:00");
    assert_at(due(w), "2026-06-08 09:00");
    done(w);
}

static void test_why__of_working_days_ends_at_the_opening_that_they_are_due_at(void **unused)
{
    struct alone *w = promised(NINE_TO_FIVE, 0, 1, "2026-06-01 18:00");

    (void)unused;
    EXPLAINED(w, at("2026-06-03 09:00"), 8 * HOUR, "closed 2026-06-01 18:00",
              "open 2026-06-02 09:00", "closed 2026-06-02 17:00");
    done(w);
}

static void test_why__pauses_that_touch_are_one_row_whatever_it_is_open(void **unused)
{
    struct alone *w = promised(NINE_TO_FIVE, 8 * HOUR, 0, "2026-06-01 15:00");

    (void)unused;
    claim(w);
    until(w, "2026-06-01 16:00");
    pause_until(w, USHER_UNTIL, DAY);
    pause_until(w, USHER_ON_THIRD_PARTY, DAY + 10 * HOUR);
    until(w, "2026-06-01 18:00");
    EXPLAINED(w, at("2026-06-01 18:00"), HOUR, "open 2026-06-01 15:00",
              "paused 2026-06-01 16:00"); /* there is no due now: until now */
    until(w, "2026-06-02 10:00");
    claim(w);
    pause_until(w, USHER_UNTIL, DAY + 11 * HOUR); /* right after the other */
    until(w, "2026-06-02 12:00");
    EXPLAINED(w, at("2026-06-03 10:00"), 8 * HOUR, "open 2026-06-01 15:00",
              "paused 2026-06-01 16:00", "open 2026-06-02 11:00", "closed 2026-06-02 17:00",
              "open 2026-06-03 09:00");
    done(w);
}

static void test_why__of_a_due_that_has_passed_ends_there(void **unused)
{
    struct alone *w = promised(NINE_TO_FIVE, 2 * HOUR, 0, "2026-06-01 15:00");

    (void)unused;
    until(w, "2026-06-05 12:00");
    EXPLAINED(w, at("2026-06-01 17:00"), 2 * HOUR, "open 2026-06-01 15:00");
    done(w);
}

static void test_why__of_a_named_end_is_what_was_used_then(void **unused)
{
    static const char *const lines[] = { "open 2026-06-01 15:00", "paused 2026-06-01 16:00",
                                         "open 2026-06-02 10:00", NULL };
    struct alone *w = promised(NINE_TO_FIVE, 8 * HOUR, 0, "2026-06-01 15:00");
    struct account a = { lines, w->now, 0, 0 };

    (void)unused;
    w->policy.promise[UPDATE] = w->policy.promise[RESOLVE];
    w->policy.promise[UPDATE].pauses = 7;
    claim(w);
    update_by(w, DAY + 15 * HOUR); /* when the policy's is due, so that is a second end */
    until(w, "2026-06-01 16:00");
    pause_until(w, USHER_UNTIL, DAY + 10 * HOUR);
    until(w, "2026-06-02 11:00");
    usher__promise_explain(&w->t, &w->policy, UPDATE, w->now, a_row, &a);
    assert_null(*a.lines);
    assert_at(a.at, "2026-06-02 15:00");
    assert_int_equal(a.ms, 6 * HOUR);
    done(w);
}

static void test_why__a_calendar_that_never_opens_again_says_so(void **unused)
{
    struct alone *w = promised("2026-06-01 09:00-17:00; holiday *-07-01", 9 * HOUR, 0,
                               "2026-06-01 12:00");

    (void)unused;
    until(w, "2026-06-01 15:00"); /* open still */
    EXPLAINED(w, at("2026-06-01 15:00"), 3 * HOUR, "open 2026-06-01 12:00");
    until(w, "2026-06-01 17:00");
    EXPLAINED(w, INT64_MAX, 5 * HOUR, "open 2026-06-01 12:00", "closed 2026-06-01 17:00");
    until(w, "2026-08-01 17:00");
    EXPLAINED(w, INT64_MAX, 5 * HOUR, "open 2026-06-01 12:00", "closed 2026-06-01 17:00");
    done(w);
}

/* Two mornings and no more; nine hours are never reached. */
static void test_why__of_what_is_never_due_tells_what_was_open_until_now(void **unused)
{
    struct alone *w = promised("2026-06-01 09:00-12:00; 2026-06-02 09:00-12:00; holiday *-07-01",
                               9 * HOUR, 0, "2026-06-01 08:00");

    (void)unused;
    until(w, "2026-06-01 20:00"); /* closed, and it will open once more */
    EXPLAINED(w, at("2026-06-01 20:00"), 3 * HOUR, "closed 2026-06-01 08:00",
              "open 2026-06-01 09:00", "closed 2026-06-01 12:00");
    until(w, "2026-06-03 08:00"); /* never again */
    EXPLAINED(w, INT64_MAX, 6 * HOUR, "closed 2026-06-01 08:00", "open 2026-06-01 09:00",
              "closed 2026-06-01 12:00", "open 2026-06-02 09:00", "closed 2026-06-02 12:00");
    done(w);
}

static void test_why__of_a_named_instant_alone_is_time_on_the_wall(void **unused)
{
    static const char *const lines[] = { "open 2026-06-01 16:00", NULL };
    struct alone *w = promised(NINE_TO_FIVE, 8 * HOUR, 0, "2026-06-01 16:00");
    struct account a = { lines, w->now, 0, 0 };

    (void)unused;
    w->policy.promise[UPDATE] = w->policy.promise[RESOLVE];
    claim(w);
    update_by(w, 20 * HOUR); /* before the policy's: it alone counts, and closing hours do not */
    usher__promise_explain(&w->t, &w->policy, UPDATE, w->now, a_row, &a);
    assert_null(*a.lines);
    assert_at(a.at, "2026-06-01 20:00");
    assert_int_equal(a.ms, 4 * HOUR);
    done(w);
}

static void test_why__of_what_has_lapsed_ends_now(void **unused)
{
    struct alone *w = promised("2026-06-01 09:00-17:00; holiday *-07-01", 2 * HOUR, 0,
                               "2026-06-01 15:00");

    (void)unused;
    w->policy.promise[RESOLVE].target[LOW] = 0;
    until(w, "2026-06-01 16:00");
    reprioritise(w, LOW);
    assert_int_equal(w->t.promise[RESOLVE].state, USHER_LAPSED);
    until(w, "2026-06-01 18:00"); /* its calendar never opens again, but what lapsed is over */
    EXPLAINED(w, at("2026-06-01 18:00"), 2 * HOUR, "open 2026-06-01 15:00",
              "closed 2026-06-01 17:00");
    done(w);
}

static bool two_rows(void *ctx, int64_t from, int64_t to, int kind, int64_t ms)
{
    (void)from, (void)to, (void)kind, (void)ms;
    return ++*(int *)ctx < 2;
}

static void test_why__ends_when_it_is_told_to(void **unused)
{
    struct alone *w = promised(NINE_TO_FIVE, 80 * HOUR, 0, "2026-06-01 12:00");
    int rows = 0;

    (void)unused;
    usher__promise_explain(&w->t, &w->policy, RESOLVE, w->now, two_rows, &rows);
    assert_int_equal(rows, 2);
    claim(w);
    pause_until(w, USHER_UNTIL, 10 * DAY);
    until(w, "2026-06-01 15:00");
    rows = 1;
    usher__promise_explain(&w->t, &w->policy, RESOLVE, w->now, two_rows, &rows);
    assert_int_equal(rows, 2);
    done(w);
    w = promised(NINE_TO_FIVE, 80 * HOUR, 0, "2026-06-01 12:00");
    until(w, "2026-06-01 13:00");
    claim(w);
    pause_until(w, USHER_UNTIL, 14 * HOUR);
    until(w, "2026-06-01 15:00");
    rows = 0; /* open, paused, and not what is open after that */
    usher__promise_explain(&w->t, &w->policy, RESOLVE, w->now, two_rows, &rows);
    assert_int_equal(rows, 2);
    done(w);
}

/* Rows without gaps that add up, over random lives; here only that and the ends are asked. */
struct sum {
    int64_t at, ms;
    int kind;
};

static bool add_row(void *ctx, int64_t from, int64_t to, int kind, int64_t ms)
{
    struct sum *s = ctx;

    assert_true(from == s->at && to > from);
    assert_true(kind != s->kind || kind == USHER_SPAN_OPEN);
    s->at = to;
    s->ms += ms;
    s->kind = kind;
    return true;
}

static void test_why__always_adds_up(void **unused)
{
    static const char *const hours[] = { NINE_TO_FIVE, WITH_LUNCH, "mon-sun 00:00-24:00",
                                         "mon-sat 22:00-06:00", "tue 10:00-10:07" };
    enum { HOURS = sizeof hours / sizeof hours[0] };
    struct calendar *calendars[HOURS];
    uint64_t s = 1;

    (void)unused;
    for (int i = 0; i < HOURS; i++)
        calendars[i] = calendar(hours[i]);
    for (int n = 0; n < 3000; n++) {
        struct alone *w = promised_on(calendars[below(&s, HOURS)], (1 + below(&s, 3000)) * MINUTE,
                                   below(&s, 2) != 0 ? 1 + below(&s, 9) : 0, "2026-06-01 12:00");
        struct sum sum = { w->now, 0, 0 };

        claim(w);
        for (uint32_t i = below(&s, 4); i > 0; i--) {
            run_to(w, w->now + below(&s, 3000) * MINUTE, 0);
            if (w->t.state == USHER_WAITING)
                claim(w);
            pause_until(w, 1 + (int)below(&s, 3),
                        w->now - MONDAY + (1 + below(&s, 3000)) * MINUTE);
        }
        usher__promise_explain(&w->t, &w->policy, RESOLVE, w->now, add_row, &sum);
        if (due(w) != USHER_NEVER) {
            assert_same_at(sum.at, due(w));
            assert_int_equal(sum.ms, w->t.promise[RESOLVE].target);
        } else {
            assert_same_at(sum.at, w->now);
            assert_int_equal(sum.ms, usher__promise_used(&w->t, &w->policy, RESOLVE, w->now));
        }
        end(w);
    }
    for (int i = 0; i < HOURS; i++)
        usher__calendar_free(calendars[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_why__windows_gaps_holidays_and_pauses_up_to_the_due),
        cmocka_unit_test(test_why__of_working_days_ends_at_the_opening_that_they_are_due_at),
        cmocka_unit_test(test_why__pauses_that_touch_are_one_row_whatever_it_is_open),
        cmocka_unit_test(test_why__of_a_due_that_has_passed_ends_there),
        cmocka_unit_test(test_why__of_a_named_end_is_what_was_used_then),
        cmocka_unit_test(test_why__a_calendar_that_never_opens_again_says_so),
        cmocka_unit_test(test_why__of_what_is_never_due_tells_what_was_open_until_now),
        cmocka_unit_test(test_why__of_a_named_instant_alone_is_time_on_the_wall),
        cmocka_unit_test(test_why__of_what_has_lapsed_ends_now),
        cmocka_unit_test(test_why__ends_when_it_is_told_to),
        cmocka_unit_test(test_why__always_adds_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
