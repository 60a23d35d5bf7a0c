/* The rules where a number or a list is full, and where one end comes before another. */
#include "alone.h"

static void test_bounds__at_the_limit_a_pause_that_runs_may_be_replaced(void **unused)
{
    struct alone *w = alone();

    (void)unused;
    enqueue(w, NORMAL);
    claim(w);
    w->t.extra = calloc(1, sizeof *w->t.extra);
    assert_non_null(w->t.extra);
    w->t.extra->pauses_n = USHER_PAUSES_MAX - 1;
    pause_until(w, USHER_UNTIL, HOUR); /* the last one */
    assert_int_equal(w->t.extra->pauses_n, USHER_PAUSES_MAX);
    assert_int_equal(say(w, (struct command){.verb = USHER_PAUSE, .kind = USHER_ON_THIRD_PARTY,
                                             .token = w->t.token}), USHER_ELIMIT);
    assert_int_equal(w->t.extra->reasons, 1u << (USHER_UNTIL - 1));
    pause_until(w, USHER_UNTIL, 2 * HOUR); /* no further one */
    assert_int_equal(w->t.extra->pauses_n, USHER_PAUSES_MAX);
    assert_true(usher__until(&w->t, (struct now){w->now, w->now, 0, w->now}) == MONDAY + 2 * HOUR);
    to(w, 2 * HOUR);
    assert_int_equal(w->t.state, USHER_WAITING);
    claim(w);
    assert_int_equal(say(w, (struct command){.verb = USHER_PAUSE, .kind = USHER_UNTIL,
                                             .token = w->t.token}), USHER_ELIMIT);
    assert_int_equal(w->t.state, USHER_CLAIMED);
    end(w);
}

static void test_bounds__chases_are_counted_as_far_as_the_number_goes(void **unused)
{
    struct alone *w = alone();

    (void)unused;
    enqueue(w, NORMAL);
    w->t.chases = UINT16_MAX - 1;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(say(w, (struct command){.verb = USHER_ASK, .who = ADA}), 0);
        assert_int_equal(w->t.chases, UINT16_MAX);
        assert_int_equal(last(w, USHER_EV_ASKED)->n, UINT16_MAX);
    }
    end(w);
}

/* Its keep has ended, or somebody has claimed it, before his going is noticed. */
static void test_bounds__only_what_is_kept_is_let_go(void **unused)
{
    static const struct command unkeep = {.verb = VERB_UNKEEP, .who = AGENT};
    struct alone *w = alone();
    uint32_t from;

    (void)unused;
    enqueue(w, NORMAL);
    assert_int_equal(say(w, unkeep), USHER_ESTATE);
    claim(w);
    pause_until(w, USHER_UNTIL, HOUR);
    to(w, HOUR);
    assert_true((w->t.flags & TICKET_KEPT) != 0);
    from = w->heard_n;
    assert_int_equal(say(w, unkeep), 0);
    EXPECT(w, from, "keep_ended @3600000 n0");
    assert_int_equal(usher__place(&w->t).where, PLACE_LINE);
    assert_int_equal(say(w, unkeep), USHER_ESTATE);
    assert_int_equal(w->heard_n, from + 1);
    end(w);
}

/* Its promise lapsed before, and the priority still promises nothing. */
static void test_bounds__a_reopen_makes_no_promise_that_has_no_target(void **unused)
{
    struct alone *w = alone();

    (void)unused;
    promise_all(&w->policy, RESOLVE, 4 * HOUR);
    w->policy.promise[RESOLVE].target[LOW] = 0;
    enqueue(w, NORMAL);
    to(w, HOUR);
    reprioritise(w, LOW);
    assert_int_equal(last(w, USHER_EV_REPRIORITISED)->lapsed, 1u << USHER_PROMISE_RESOLVE);
    claim(w);
    by_holder(w, USHER_RESOLVE);
    to(w, 2 * HOUR);
    reopen(w);
    assert_int_equal(w->t.promise[RESOLVE].state, USHER_LAPSED);
    assert_int_equal(last(w, USHER_EV_REOPENED)->lapsed, 0); /* it is not said again */
    to(w, DAY);
    assert_int_equal(count(w, USHER_EV_BROKEN), 0);
    assert_int_equal(w->t.promise[RESOLVE].arming, 1);
    reprioritise(w, NORMAL); /* it goes by its first start, and without what lay between */
    assert_int_equal(last(w, USHER_EV_BROKEN)->promise, USHER_PROMISE_RESOLVE);
    assert_int_equal(w->t.promise[RESOLVE].arming, 2);
    end(w);
}

/* A boot clock that is nearly at its end: the lease has none, and is shown to have none. */
static void test_bounds__a_lease_beyond_the_clock_never_ends(void **unused)
{
    static const int64_t minute[] = {INT64_MAX - MINUTE, INT64_MAX - HOUR};
    struct alone *w = alone();

    (void)unused;
    w->here.lease_for = 10 * MINUTE;
    w->here.lease_max = HOUR - 1;
    for (int i = 0; i < 2; i++) {
        struct now now = {w->now, minute[i], w->now - minute[i], w->now};
        struct command c = {.verb = VERB_CLAIM_TICKET, .agent = AGENT};
        struct facts f = facts(w);

        enqueue(w, NORMAL);
        assert_int_equal(usher__step(&w->t, &c, now, &w->policy, &f, &w->out), 0);
        assert_int_equal(w->t.state, USHER_CLAIMED);
        assert_true(usher__until(&w->t, now) == (i == 0 ? INT64_MAX : w->now + 10 * MINUTE));
        assert_true(w->out.events[0].until_at == usher__until(&w->t, now));
        assert_true((usher__lease_end(&w->t) == INT64_MAX) == (i == 0));
    }
    end(w);
}

/* All that is remembered is steps of the ladder: more than there can be, as of a damaged file. One goes
 * all the same, and it is the last. */
static void test_bounds__of_rungs_that_the_ladder_knows_the_last_is_forgotten(void **unused)
{
    struct alone *w = alone();
    struct extra *x;

    (void)unused;
    promise_all(&w->policy, RESOLVE, HOUR);
    percent(w, RESOLVE, 25);
    percent(w, RESOLVE, 50);
    enqueue(w, NORMAL);
    to(w, 15 * MINUTE);
    x = w->t.extra;
    free(x->rungs);
    x->rungs_room = RUNGS_MAX;
    x->rungs = calloc(RUNGS_MAX, sizeof *x->rungs);
    assert_non_null(x->rungs);
    for (x->rungs_n = 0; x->rungs_n < RUNGS_MAX; x->rungs_n++)
        x->rungs[x->rungs_n] = (struct rung){w->steps[0].id, 1 + x->rungs_n, RESOLVE};
    to(w, DAY);
    assert_int_equal(count(w, USHER_EV_STEPPED), 2);
    assert_int_equal(x->rungs_n, RUNGS_MAX);
    assert_int_equal(x->rungs[RUNGS_MAX - 2].fired, RUNGS_MAX - 1);
    assert_true(x->rungs[RUNGS_MAX - 1].id == w->steps[1].id);
    assert_int_equal(x->rungs[RUNGS_MAX - 1].fired, 1);
    end(w);
}

/* The pauses have moved the warnings behind the named instant, which no pause moves. */
static void test_bounds__a_named_end_before_the_warnings_breaks_and_none_is_told(void **unused)
{
    struct alone *w = alone();
    struct timer next;
    uint32_t from;

    (void)unused;
    promise_all(&w->policy, UPDATE, 4 * HOUR);
    w->policy.promise[UPDATE].pauses = 1u << (USHER_ON_THIRD_PARTY - 1);
    w->policy.warn[0] = 50;
    w->policy.warn_n = 1;
    enqueue(w, NORMAL);
    claim(w);
    update_by(w, 5 * HOUR); /* later than the policy's 4 h: a second end */
    to(w, 10 * MINUTE);
    pause_until(w, USHER_ON_THIRD_PARTY, 4 * HOUR);
    to(w, 4 * HOUR);
    claim(w);
    next = usher__next_timer(&w->t, &w->policy);
    assert_int_equal(next.kind, TIMER_BROKEN); /* half of the target is used 50 minutes after that */
    assert_true(next.at == MONDAY + 5 * HOUR + 1);
    from = w->heard_n;
    to(w, DAY);
    EXPECT(w, from, "broken promises.update.target @18000001 n0");
    end(w);
}

/* ... and the other way round: with less of a pause the warning comes first. */
static void test_bounds__a_warning_before_the_named_end_is_told(void **unused)
{
    struct alone *w = alone();
    uint32_t from;

    (void)unused;
    promise_all(&w->policy, UPDATE, 4 * HOUR);
    w->policy.promise[UPDATE].pauses = 1u << (USHER_ON_THIRD_PARTY - 1);
    w->policy.warn[0] = 50;
    w->policy.warn_n = 1;
    enqueue(w, NORMAL);
    claim(w);
    update_by(w, 5 * HOUR);
    to(w, 10 * MINUTE);
    pause_until(w, USHER_ON_THIRD_PARTY, 3 * HOUR);
    to(w, 3 * HOUR);
    claim(w);
    from = w->heard_n;
    to(w, DAY);
    EXPECT(w, from, "warned warn @17400000 n50", "broken promises.update.target @18000001 n0");
    end(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bounds__at_the_limit_a_pause_that_runs_may_be_replaced),
        cmocka_unit_test(test_bounds__chases_are_counted_as_far_as_the_number_goes),
        cmocka_unit_test(test_bounds__only_what_is_kept_is_let_go),
        cmocka_unit_test(test_bounds__a_reopen_makes_no_promise_that_has_no_target),
        cmocka_unit_test(test_bounds__a_lease_beyond_the_clock_never_ends),
        cmocka_unit_test(test_bounds__of_rungs_that_the_ladder_knows_the_last_is_forgotten),
        cmocka_unit_test(test_bounds__a_named_end_before_the_warnings_breaks_and_none_is_told),
        cmocka_unit_test(test_bounds__a_warning_before_the_named_end_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
