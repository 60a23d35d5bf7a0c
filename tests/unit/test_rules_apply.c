/* A later version of a policy, applied to a ticket that was taken under an earlier one. */
#include "alone.h"

/* `resolve` within the target. */
static struct alone *promised(int64_t target)
{
    struct alone *w = alone();

    promise_all(&w->policy, RESOLVE, target);
    return w;
}

/* ---- targets -------------------------------------------------------------------------------- */

static void test_apply__keeps_starts_pauses_and_armings(void **unused)
{
    struct alone *w = promised(4 * HOUR);
    struct policy later = next_version(w);
    const struct promise *m = &w->t.promise[RESOLVE];
    uint32_t from;

    (void)unused;
    promise_all(&later, RESOLVE, 6 * HOUR);
    enqueue(w, NORMAL);
    claim(w);
    to(w, HOUR);
    pause_until(w, USHER_UNTIL, 3 * HOUR);
    to(w, 3 * HOUR + MINUTE);
    from = w->heard_n;
    apply(w, &later);
    EXPECT(w, from, "applied @10860000 n0");
    assert_int_equal(w->heard[from].policy_version, 2);
    assert_int_equal(w->heard[from].lapsed, 0);
    assert_int_equal(m->start_at, MONDAY);
    assert_int_equal(m->arming, 1);
    assert_int_equal(m->target, 6 * HOUR);
    assert_int_equal(usher__promise_due(&w->t, &w->policy, RESOLVE), MONDAY + 8 * HOUR);
    end(w);
}

static void test_apply__counts_pauses_by_the_reasons_of_the_new_version(void **unused)
{
    struct alone *w = promised(4 * HOUR);
    struct policy later = next_version(w);

    (void)unused;
    later.promise[RESOLVE].pauses = 0;
    enqueue(w, NORMAL);
    claim(w);
    pause_until(w, USHER_UNTIL, 10 * HOUR);
    to(w, 4 * HOUR);
    assert_int_equal(usher__promise_due(&w->t, &w->policy, RESOLVE), USHER_NEVER);
    apply(w, &later);
    assert_int_equal(w->t.promise[RESOLVE].state, USHER_RUNNING);
    to(w, 4 * HOUR + 1);
    assert_int_equal(w->t.promise[RESOLVE].state, USHER_BROKEN);
    end(w);
}

static void test_apply__that_breaks_a_promise_says_so(void **unused)
{
    struct alone *w = promised(4 * HOUR);
    struct policy later = next_version(w);
    uint32_t from;

    (void)unused;
    later.warn_n = 3;
    later.warn[0] = 10;
    later.warn[1] = 20;
    later.warn[2] = 90;
    promise_all(&later, RESOLVE, 2 * HOUR);
    promise_all(&w->policy, ACK, 10 * HOUR);
    promise_all(&later, ACK, 10 * HOUR);
    enqueue(w, NORMAL);
    to(w, 2 * HOUR + 1);
    from = w->heard_n;
    apply(w, &later);
    EXPECT(w, from, "applied @7200001 n0", "warned warn @7200001 n20",
           "broken promises.resolve.target @7200001 n0");
    assert_int_equal(last(w, USHER_EV_BROKEN)->due_at, MONDAY + 2 * HOUR);
    assert_int_equal(last(w, USHER_EV_BROKEN)->policy_version, 2);
    end(w);
}

static void test_apply__mends_nothing_that_is_broken(void **unused)
{
    struct alone *w = promised(HOUR);
    struct policy later = next_version(w);

    (void)unused;
    promise_all(&later, RESOLVE, 10 * HOUR);
    enqueue(w, NORMAL);
    to(w, 2 * HOUR);
    apply(w, &later);
    assert_int_equal(w->t.promise[RESOLVE].state, USHER_BROKEN);
    assert_int_equal(w->t.promise[RESOLVE].target, HOUR);
    end(w);
}

static void test_apply__lets_lapse_what_has_no_target_any_more(void **unused)
{
    struct alone *w = promised(4 * HOUR);
    struct policy later = next_version(w);

    (void)unused;
    promise_all(&later, RESOLVE, 0);
    enqueue(w, NORMAL);
    to(w, HOUR);
    apply(w, &later);
    assert_int_equal(last(w, USHER_EV_APPLIED)->lapsed, 1 << USHER_PROMISE_RESOLVE);
    assert_int_equal(w->t.promise[RESOLVE].state, USHER_LAPSED);
    end(w);
}

static void test_apply__makes_what_was_silent_from_its_first_start(void **unused)
{
    struct alone *w = alone();
    struct policy later = next_version(w);
    const struct promise *m = &w->t.promise[ACK];

    (void)unused;
    promise_all(&later, ACK, 4 * HOUR);
    later.warn_n = 1;
    later.warn[0] = 50;
    later.ladder_n = 1;
    w->steps[0] = (struct step){ .id = 1, .on = ACK, .at = 10, .at_unit = STEP_PERCENT };
    enqueue(w, NORMAL);
    to(w, 3 * HOUR);
    apply(w, &later);
    assert_int_equal(m->state, USHER_RUNNING);
    assert_int_equal(m->arming, 1);
    assert_int_equal(m->start_at, MONDAY);
    assert_int_equal(last(w, USHER_EV_WARNED)->at, MONDAY + 3 * HOUR);
    assert_int_equal(last(w, USHER_EV_STEPPED)->at, MONDAY + 3 * HOUR);
    end(w);
}

static void test_apply__makes_nothing_that_is_not_owed(void **unused)
{
    struct alone *w = alone();
    struct policy later = next_version(w);

    (void)unused;
    for (int ix = 0; ix < PROMISES; ix++)
        promise_all(&later, ix, 4 * HOUR);
    enqueue(w, NORMAL);
    claim(w);
    by_holder(w, USHER_ACKNOWLEDGE);
    apply(w, &later);
    assert_int_equal(w->t.promise[ACK].state, 0); /* there was a word already */
    assert_int_equal(w->t.promise[ANSWER].state, 0);
    assert_int_equal(w->t.promise[UPDATE].state, USHER_RUNNING);
    assert_int_equal(w->t.promise[RESOLVE].state, USHER_RUNNING);
    end(w);
}

static void test_apply__before_the_start_is_what_it_starts_with(void **unused)
{
    struct alone *w = promised(4 * HOUR);
    struct policy later = next_version(w);

    (void)unused;
    promise_all(&later, RESOLVE, HOUR);
    w->t = (struct ticket){ .id = 1, .queue = DESK, .requester = ADA, .persons_n = 1,
                            .priority = NORMAL + 1 };
    assert_int_equal(say(w, (struct command){ .verb = VERB_ENQUEUE, .who = ADA,
                                              .at = MONDAY + HOUR }), 0);
    apply(w, &later);
    assert_int_equal(w->t.promise[RESOLVE].state, 0);
    to(w, 2 * HOUR);
    assert_int_equal(usher__promise_due(&w->t, &w->policy, RESOLVE), MONDAY + 2 * HOUR);
    end(w);
}

static void test_apply__asks_again_what_is_named(void **unused)
{
    struct alone *w = alone();
    struct policy later;

    (void)unused;
    promise_all(&w->policy, UPDATE, 4 * HOUR);
    later = next_version(w);
    promise_all(&later, UPDATE, HOUR);
    enqueue(w, NORMAL);
    claim(w);
    update_by(w, 2 * HOUR); /* alone */
    assert_int_equal(w->t.promise[UPDATE].target, 2 * HOUR);
    apply(w, &later);
    assert_int_equal(w->t.promise[UPDATE].target, HOUR);
    assert_int_equal(usher__promise_due(&w->t, &w->policy, UPDATE), MONDAY + HOUR);
    end(w);
}

static void test_apply__gives_a_new_rank_by_the_new_due(void **unused)
{
    struct alone *w = promised(4 * HOUR);
    struct policy later = next_version(w);
    struct command c = { .verb = VERB_APPLY };
    uint32_t queue, band;

    (void)unused;
    promise_all(&later, RESOLVE, 10 * HOUR);
    w->here.gap = MINUTE;
    enqueue(w, NORMAL);
    assert_true(usher__marks(&w->t, &c, &queue, &band));
    assert_int_equal(queue, DESK);
    assert_int_equal(band, NORMAL);
    w->mark.ticket = 0;
    apply(w, &later);
    assert_int_equal(w->t.rank, MONDAY + 10 * HOUR); /* it may grow here */
    assert_int_equal(w->mark.rank, w->t.rank);
    end(w);
}

/* ---- resolved ------------------------------------------------------------------------------- */

static struct alone *resolved(int64_t target)
{
    struct alone *w = promised(target);

    enqueue(w, NORMAL);
    claim(w);
    to(w, HOUR);
    by_holder(w, USHER_RESOLVE);
    to(w, 2 * HOUR);
    return w;
}

static void test_apply__gives_a_kept_resolve_its_new_target(void **unused)
{
    struct alone *w = resolved(4 * HOUR);
    struct policy later = next_version(w);
    int64_t rank = w->t.rank;

    (void)unused;
    promise_all(&later, RESOLVE, 3 * HOUR);
    apply(w, &later);
    assert_int_equal(w->t.state, USHER_RESOLVED);
    assert_int_equal(w->t.promise[RESOLVE].state, USHER_KEPT);
    assert_int_equal(w->t.promise[RESOLVE].flags & PROMISE_OWED, 0);
    assert_int_equal(w->t.promise[RESOLVE].target, 3 * HOUR);
    assert_int_equal(w->t.rank, rank); /* it stands in no line */
    to(w, 3 * HOUR);
    reopen(w);
    assert_int_equal(w->t.promise[RESOLVE].arming, 1);
    assert_int_equal(usher__promise_due(&w->t, &w->policy, RESOLVE), MONDAY + 5 * HOUR);
    end(w);
}

static void test_apply__a_kept_resolve_without_a_target_lapses_at_a_reopen(void **unused)
{
    struct alone *w = resolved(4 * HOUR);
    struct policy later = next_version(w);

    (void)unused;
    promise_all(&later, RESOLVE, 0);
    apply(w, &later);
    assert_int_equal(w->t.promise[RESOLVE].state, USHER_KEPT);
    reopen(w);
    assert_int_equal(w->t.promise[RESOLVE].state, USHER_LAPSED);
    assert_int_equal(last(w, USHER_EV_REOPENED)->lapsed, 1 << USHER_PROMISE_RESOLVE);
    end(w);
}

static void test_apply__a_silent_resolve_is_made_at_a_reopen(void **unused)
{
    struct alone *w = resolved(0);
    struct policy later = next_version(w);

    (void)unused;
    promise_all(&later, RESOLVE, 4 * HOUR);
    apply(w, &later);
    assert_int_equal(w->t.promise[RESOLVE].state, 0);
    reopen(w);
    assert_int_equal(w->t.promise[RESOLVE].state, USHER_RUNNING);
    assert_int_equal(w->t.promise[RESOLVE].arming, 1);
    assert_int_equal(usher__promise_due(&w->t, &w->policy, RESOLVE), MONDAY + 5 * HOUR);
    end(w);
}

static void test_apply__a_broken_resolve_stays_so_through_a_reopen(void **unused)
{
    struct alone *w = resolved(30 * MINUTE);
    struct policy later = next_version(w);

    (void)unused;
    promise_all(&later, RESOLVE, 0);
    apply(w, &later);
    reopen(w);
    assert_int_equal(w->t.promise[RESOLVE].state, USHER_BROKEN);
    assert_int_equal(last(w, USHER_EV_REOPENED)->lapsed, 0);
    end(w);
}

/* ---- where it is legal ---------------------------------------------------------------------- */

static void test_apply__is_legal_until_the_ticket_is_over(void **unused)
{
    static const char letters[] = "SWCOPKRXD", legal[] = "SWCOPKR";
    const struct verb *verb = usher__verb(VERB_APPLY);

    (void)unused;
    for (int i = 0; letters[i] != '\0'; i++)
        assert_int_equal(verb->to[i], strchr(legal, letters[i]) != NULL ? '=' : '.');
    assert_int_equal(verb->by, BY_ENGINE);
    assert_int_equal(verb->token, TOKEN_KEPT);
    assert_false(verb->needs_token);
}

static void test_apply__touches_neither_claim_nor_pause_nor_keep(void **unused)
{
    struct alone *w = promised(4 * HOUR);
    struct policy later = next_version(w);
    int64_t until;
    uint64_t token;

    (void)unused;
    enqueue(w, NORMAL);
    claim(w);
    token = w->t.token;
    until = w->t.until_at;
    apply(w, &later);
    assert_int_equal(w->t.state, USHER_CLAIMED);
    assert_int_equal(w->t.token, token);
    assert_int_equal(w->t.until_at, until);
    pause_until(w, USHER_UNTIL, HOUR);
    apply(w, &later);
    assert_int_equal(w->t.state, USHER_PAUSED);
    assert_int_equal(w->t.extra->pause[USHER_UNTIL - 1].end_at, MONDAY + HOUR);
    to(w, HOUR);
    apply(w, &later);
    assert_int_equal(w->t.flags & TICKET_KEPT, TICKET_KEPT);
    assert_int_equal(w->t.until_at, MONDAY + HOUR + 15 * MINUTE);
    end(w);
}

/* ---- reminders and check-ins ---------------------------------------------------------------- */

static void test_apply__reminds_of_what_is_to_come_only(void **unused)
{
    struct alone *w = promised(4 * HOUR);
    struct policy later = next_version(w);
    struct pause_policy *pause = &w->policy.pause[USHER_ON_REQUESTER - 1];
    uint32_t from;

    (void)unused;
    pause->remind_n = 1;
    pause->remind[0] = 5 * HOUR;
    pause = &later.pause[USHER_ON_REQUESTER - 1];
    pause->remind_n = 4;
    for (int i = 0; i < 4; i++)
        pause->remind[i] = (i + 1) * HOUR;
    enqueue(w, NORMAL);
    claim(w);
    pause_until(w, USHER_ON_REQUESTER, 0);
    to(w, 2 * HOUR); /* of the new ones, this very ms is one */
    from = w->heard_n;
    apply(w, &later);
    EXPECT(w, from, "applied @7200000 n0");
    to(w, DAY);
    EXPECT(w, from + 1, "reminded pause.requester.remind @10800000 n3",
           "reminded pause.requester.remind @14400000 n4");
    end(w);
}

static void test_apply__checks_in_at_what_is_to_come_only(void **unused)
{
    struct alone *w = resolved(4 * HOUR); /* at 1 h; it is 2 h now */
    struct policy later = next_version(w);
    uint32_t from;

    (void)unused;
    later.check_in_n = 3;
    later.check_in[0] = HOUR;
    later.check_in[1] = HOUR + 1;
    later.check_in[2] = 3 * HOUR;
    from = w->heard_n;
    apply(w, &later);
    to(w, 5 * HOUR);
    EXPECT(w, from, "applied @7200000 n0", "check_in aftercare.check_in @7200001 n2",
           "check_in aftercare.check_in @14400000 n3");
    end(w);
}

/* ---- the same step, the same warning -------------------------------------------------------- */

static struct step share(uint64_t id, int64_t per_cent)
{
    return (struct step){ .id = UINT64_C(1) << 63 | id, .on = RESOLVE, .at = per_cent,
                          .at_unit = STEP_PERCENT };
}

static void test_apply__an_equal_step_has_fired_already(void **unused)
{
    struct alone *w = promised(10 * HOUR);
    struct policy v2 = next_version(w), v3 = v2;
    struct step two[3] = { share(3, 15), share(1, 10), share(2, 50) };
    struct step three[2] = { share(1, 10), share(3, 15) };
    uint32_t from;

    (void)unused;
    w->steps[0] = share(1, 10);
    w->steps[1] = share(2, 50);
    w->policy.ladder_n = 2;
    v2.ladder = two;
    v2.ladder_n = 3;
    v3.ladder = three;
    v3.ladder_n = 2;
    enqueue(w, NORMAL);
    to(w, HOUR);
    from = w->heard_n;
    apply(w, &v2);
    EXPECT(w, from, "applied @3600000 n0");
    to(w, 2 * HOUR);
    EXPECT(w, from + 1, "stepped ladder[0] @5400000 n0"); /* 15 per cent */
    from = w->heard_n;
    apply(w, &v3);
    to(w, 9 * HOUR);
    EXPECT(w, from, "applied @7200000 n0");
    apply(w, &v2); /* once more: only the step of 50 has never fired */
    EXPECT(w, from + 1, "applied @32400000 n0", "stepped ladder[2] @32400000 n0");
    end(w);
}

static void test_apply__an_equal_step_goes_on_with_its_repeats(void **unused)
{
    struct alone *w = promised(HOUR);
    struct policy v2 = next_version(w);
    struct step two[1];
    uint32_t from;

    (void)unused;
    w->steps[0] = share(1, 100);
    w->policy.ladder_n = 1;
    repeats(&w->steps[0], HOUR, 3);
    two[0] = w->steps[0];
    v2.ladder = two;
    v2.ladder_n = 1;
    enqueue(w, NORMAL);
    to(w, 2 * HOUR);
    from = w->heard_n;
    apply(w, &v2);
    to(w, DAY);
    EXPECT(w, from, "applied @7200000 n0", "stepped ladder[0] @10800000 n2",
           "stepped ladder[0] @14400000 n3");
    end(w);
}

static void test_apply__new_steps_of_the_past_are_told_as_one(void **unused)
{
    struct alone *w = promised(10 * HOUR);
    struct policy v2 = next_version(w);
    struct step two[3] = { share(1, 20), share(2, 10), share(3, 90) };
    uint32_t from;

    (void)unused;
    v2.ladder = two;
    v2.ladder_n = 3;
    two[0].notify = 1;
    two[1].notify = 2;
    enqueue(w, NORMAL);
    to(w, 5 * HOUR);
    from = w->heard_n;
    apply(w, &v2);
    EXPECT(w, from, "applied @18000000 n0", "stepped ladder[0] @18000000 n0");
    assert_int_equal(last(w, USHER_EV_STEPPED)->steps, 2);
    assert_int_equal(last(w, USHER_EV_STEPPED)->notify, 3);
    end(w);
}

static void test_apply__warnings_are_known_by_their_per_cent(void **unused)
{
    struct alone *w = promised(10 * HOUR);
    struct policy v1, v2, v3;
    uint32_t from;

    (void)unused;
    w->policy.warn_n = 2;
    w->policy.warn[0] = 10;
    w->policy.warn[1] = 50;
    v1 = w->policy;
    v2 = next_version(w);
    v2.warn_n = 3;
    v2.warn[0] = 20;
    v2.warn[1] = 50;
    v2.warn[2] = 90;
    v3 = v2;
    v3.warn_n = 3;
    v3.warn[0] = 10;
    v3.warn[1] = 20;
    v3.warn[2] = 60;
    enqueue(w, NORMAL);
    to(w, 90 * MINUTE); /* 10 has been told */
    from = w->heard_n;
    apply(w, &v2);
    EXPECT(w, from, "applied @5400000 n0");
    assert_int_equal(w->t.promise[RESOLVE].warned, 0);
    to(w, 5 * HOUR); /* 20 and 50 */
    from = w->heard_n;
    apply(w, &v3);
    assert_int_equal(w->t.promise[RESOLVE].warned, 3); /* 10, of old, and 20 */
    to(w, 6 * HOUR);
    EXPECT(w, from, "applied @18000000 n0", "warned warn @21600000 n60");
    from = w->heard_n;
    apply(w, &v1);
    assert_int_equal(w->t.promise[RESOLVE].warned, 3);
    to(w, 9 * HOUR);
    EXPECT(w, from, "applied @21600000 n0");
    end(w);
}

static void test_apply__warnings_of_one_promise_are_not_those_of_another(void **unused)
{
    struct alone *w = promised(10 * HOUR);
    struct policy v1, v2;
    uint32_t from;

    (void)unused;
    promise_all(&w->policy, ACK, HOUR);
    w->policy.warn_n = 1;
    w->policy.warn[0] = 50;
    v1 = w->policy;
    v2 = next_version(w);
    v2.warn_n = 0;
    enqueue(w, NORMAL);
    to(w, 30 * MINUTE);
    apply(w, &v2);
    apply(w, &v1);
    assert_int_equal(w->t.promise[ACK].warned, 1);
    assert_int_equal(w->t.promise[RESOLVE].warned, 0);
    from = w->heard_n;
    to(w, 5 * HOUR);
    EXPECT(w, from, "broken promises.ack.target @3600001 n0", "warned warn @18000000 n50");
    end(w);
}

static void test_apply__a_new_arming_is_warned_of_anew(void **unused)
{
    struct alone *w = alone();
    struct policy v2, v3;

    (void)unused;
    promise_all(&w->policy, UPDATE, 10 * HOUR);
    w->policy.warn_n = 1;
    w->policy.warn[0] = 10;
    v2 = next_version(w);
    v2.warn_n = 0;
    v3 = w->policy;
    enqueue(w, NORMAL);
    claim(w);
    update_by(w, 0);
    to(w, HOUR);
    assert_int_equal(count(w, USHER_EV_WARNED), 1);
    apply(w, &v2);
    update_by(w, 0);
    apply(w, &v3);
    to(w, 2 * HOUR);
    assert_int_equal(count(w, USHER_EV_WARNED), 2);
    end(w);
}

static void test_apply__asks_for_room_for_warnings_that_may_have_no_place(void **unused)
{
    struct alone *w = promised(10 * HOUR);
    struct command c = { .verb = VERB_APPLY };

    (void)unused;
    w->policy.warn_n = 1;
    w->policy.warn[0] = 50;
    enqueue(w, NORMAL);
    assert_int_equal(usher__room_for(&w->t, &c), ROOM_LINE | ROOM_KEPT);
    to(w, 5 * HOUR);
    assert_int_equal(usher__room_for(&w->t, &c),
                     ROOM_LINE | ROOM_KEPT | ROOM_EXTRA | ROOM_RUNGS);
    end(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_apply__keeps_starts_pauses_and_armings),
        cmocka_unit_test(test_apply__counts_pauses_by_the_reasons_of_the_new_version),
        cmocka_unit_test(test_apply__that_breaks_a_promise_says_so),
        cmocka_unit_test(test_apply__mends_nothing_that_is_broken),
        cmocka_unit_test(test_apply__lets_lapse_what_has_no_target_any_more),
        cmocka_unit_test(test_apply__makes_what_was_silent_from_its_first_start),
        cmocka_unit_test(test_apply__makes_nothing_that_is_not_owed),
        cmocka_unit_test(test_apply__before_the_start_is_what_it_starts_with),
        cmocka_unit_test(test_apply__asks_again_what_is_named),
        cmocka_unit_test(test_apply__gives_a_new_rank_by_the_new_due),
        cmocka_unit_test(test_apply__gives_a_kept_resolve_its_new_target),
        cmocka_unit_test(test_apply__a_kept_resolve_without_a_target_lapses_at_a_reopen),
        cmocka_unit_test(test_apply__a_silent_resolve_is_made_at_a_reopen),
        cmocka_unit_test(test_apply__a_broken_resolve_stays_so_through_a_reopen),
        cmocka_unit_test(test_apply__is_legal_until_the_ticket_is_over),
        cmocka_unit_test(test_apply__touches_neither_claim_nor_pause_nor_keep),
        cmocka_unit_test(test_apply__reminds_of_what_is_to_come_only),
        cmocka_unit_test(test_apply__checks_in_at_what_is_to_come_only),
        cmocka_unit_test(test_apply__an_equal_step_has_fired_already),
        cmocka_unit_test(test_apply__an_equal_step_goes_on_with_its_repeats),
        cmocka_unit_test(test_apply__new_steps_of_the_past_are_told_as_one),
        cmocka_unit_test(test_apply__warnings_are_known_by_their_per_cent),
        cmocka_unit_test(test_apply__warnings_of_one_promise_are_not_those_of_another),
        cmocka_unit_test(test_apply__a_new_arming_is_warned_of_anew),
        cmocka_unit_test(test_apply__asks_for_room_for_warnings_that_may_have_no_place),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
