/* The ladder: what its steps do. */
#include "alone.h"

/* A ticket of priority normal whose `resolve` is promised within the target. */
static struct alone *promised(int64_t target)
{
    struct alone *w = alone();

    promise_all(&w->policy, RESOLVE, target);
    return w;
}

/* ---- what ----------------------------------------------------------------------------------- */

static void test_step__tells_what_it_is_and_whom_to_tell(void **unused)
{
    struct alone *w = promised(HOUR);
    const struct event *e;

    (void)unused;
    percent(w, RESOLVE, 10);
    percent(w, RESOLVE, 50)->notify = UINT64_C(1) << 63 | 5;
    enqueue(w, NORMAL);
    to(w, 30 * MINUTE);
    e = last(w, USHER_EV_STEPPED);
    assert_string_equal(e->rule, "ladder[1]");
    assert_true(e->notify == (UINT64_C(1) << 63 | 5));
    assert_int_equal(e->promise, USHER_PROMISE_RESOLVE);
    assert_int_equal(e->policy_version, 1);
    assert_int_equal(e->queue, DESK);
    assert_int_equal(e->to, 0);
    assert_int_equal(e->due_at, 0);
    assert_int_equal(e->steps | e->warns, 0);
    assert_int_equal(e->level, 0);
    end(w);
}

static void test_step__raises_the_level_up_to_its_limit(void **unused)
{
    struct alone *w = promised(HOUR);

    (void)unused;
    percent(w, RESOLVE, 25)->raise = 2;
    percent(w, RESOLVE, 50)->raise = 100;
    percent(w, RESOLVE, 75)->raise = 1;
    enqueue(w, NORMAL);
    to(w, 15 * MINUTE);
    assert_int_equal(last(w, USHER_EV_STEPPED)->level, 2);
    w->t.level = UINT16_MAX - 100;
    to(w, 30 * MINUTE);
    assert_int_equal(w->t.level, UINT16_MAX);
    to(w, DAY);
    assert_int_equal(w->t.level, UINT16_MAX);
    end(w);
}

static void test_step__lifts_a_priority_and_never_lowers_it(void **unused)
{
    struct alone *w = promised(4 * HOUR);
    uint32_t from;

    (void)unused;
    w->policy.promise[RESOLVE].target[HIGH] = 3 * HOUR;
    w->policy.promise[RESOLVE].target[URGENT] = 3 * HOUR;
    percent(w, RESOLVE, 25)->priority = HIGH + 1;
    offset(w, RESOLVE, -HOUR)->priority = LOW + 1;
    enqueue(w, NORMAL);
    from = w->heard_n;
    to(w, 2 * HOUR); /* an hour before the new due */
    EXPECT(w, from, "stepped ladder[0] @3600000 n0", "stepped ladder[1] @7200000 n0");
    assert_int_equal(w->heard[from].priority, USHER_HIGH);
    assert_int_equal(w->heard[from].lapsed, 0);
    assert_int_equal(w->t.priority, USHER_HIGH);
    assert_int_equal(usher__promise_due(&w->t, &w->policy, RESOLVE), MONDAY + 3 * HOUR);
    end(w);
}

static void test_step__a_lift_lets_go_what_has_no_target_there(void **unused)
{
    struct alone *w = promised(4 * HOUR);

    (void)unused;
    promise_all(&w->policy, ACK, 4 * HOUR);
    w->policy.promise[ACK].target[URGENT] = 0;
    percent(w, RESOLVE, 25)->priority = URGENT + 1;
    enqueue(w, NORMAL);
    to(w, HOUR);
    assert_int_equal(last(w, USHER_EV_STEPPED)->lapsed, 1 << USHER_PROMISE_ACK);
    assert_int_equal(w->t.promise[ACK].state, USHER_LAPSED);
    end(w);
}

static void test_step__what_a_lift_puts_into_the_past_is_told_after_it(void **unused)
{
    struct alone *w = promised(10 * HOUR);
    uint32_t from;

    (void)unused;
    promise_all(&w->policy, ACK, 10 * HOUR);
    promise_all(&w->policy, ANSWER, 10 * HOUR);
    w->policy.promise[ACK].target[HIGH] = HOUR;      /* is broken by it */
    w->policy.promise[RESOLVE].target[HIGH] = 4 * HOUR; /* is warned of */
    w->policy.warn_n = 2;
    w->policy.warn[0] = 30;
    w->policy.warn[1] = 50;
    percent(w, ANSWER, 20)->priority = HIGH + 1;
    percent(w, RESOLVE, 40)->notify = 1; /* 96 min */
    percent(w, ACK, 100)->notify = 2;    /* 60 min */
    percent(w, RESOLVE, 51)->notify = 4; /* still to come */
    enqueue(w, NORMAL);
    assert_int_equal(say(w, (struct command){ .verb = USHER_ASK, .who = ADA }), 0);
    from = w->heard_n;
    to(w, 2 * HOUR);
    EXPECT(w, from, "stepped ladder[0] @7200000 n0", "broken promises.ack.target @7200000 n0",
           "warned warn @7200000 n50", "stepped ladder[1] @7200000 n0");
    assert_int_equal(last(w, USHER_EV_STEPPED)->steps, 1 << 2);
    assert_int_equal(last(w, USHER_EV_STEPPED)->notify, 3);
    assert_int_equal(last(w, USHER_EV_BROKEN)->due_at, MONDAY + HOUR);
    end(w);
}

static void test_step__a_step_at_the_very_instant_of_a_lift_is_not_in_the_past(void **unused)
{
    struct alone *w = promised(10 * HOUR);
    uint32_t from;

    (void)unused;
    w->policy.promise[RESOLVE].target[HIGH] = 4 * HOUR;
    percent(w, RESOLVE, 10)->priority = HIGH + 1; /* at 1 h */
    percent(w, RESOLVE, 25)->notify = 1;          /* then at 1 h too */
    percent(w, RESOLVE, 24)->notify = 2;          /* and this was before */
    enqueue(w, NORMAL);
    from = w->heard_n;
    to(w, HOUR);
    EXPECT(w, from, "stepped ladder[0] @3600000 n0", "stepped ladder[2] @3600000 n0",
           "stepped ladder[1] @3600000 n0");
    assert_int_equal(last(w, USHER_EV_STEPPED)->steps, 0);
    end(w);
}

static void test_step__moves_to_another_queue(void **unused)
{
    struct alone *w = promised(HOUR);
    const struct event *e;

    (void)unused;
    percent(w, RESOLVE, 50)->move = 1;
    w->move_to = TIER2;
    enqueue(w, NORMAL);
    to(w, 30 * MINUTE);
    e = last(w, USHER_EV_STEPPED);
    assert_int_equal(w->t.queue, TIER2);
    assert_int_equal(e->to, TIER2);
    assert_int_equal(e->queue, TIER2);
    assert_int_equal(count(w, USHER_EV_MOVED), 0);
    end(w);
}

static void test_step__a_move_to_its_own_queue_is_none(void **unused)
{
    struct alone *w = promised(HOUR);

    (void)unused;
    percent(w, RESOLVE, 50)->move = 1;
    w->move_to = DESK;
    enqueue(w, NORMAL);
    to(w, 30 * MINUTE);
    assert_int_equal(w->t.queue, DESK);
    assert_int_equal(last(w, USHER_EV_STEPPED)->to, 0);
    assert_int_equal(count(w, USHER_EV_NO_QUEUE), 0);
    end(w);
}

static void test_step__what_has_nowhere_to_go_stays_and_says_so(void **unused)
{
    struct alone *w = promised(HOUR);
    struct step *s = percent(w, RESOLVE, 50);
    uint32_t from;

    (void)unused;
    s->move = 3;
    s->raise = 1;
    enqueue(w, NORMAL);
    from = w->heard_n;
    to(w, 30 * MINUTE);
    EXPECT(w, from, "no_queue ladder[0] @1800000 n0", "stepped ladder[0] @1800000 n0");
    assert_int_equal(w->heard[from].name, 3);
    assert_int_equal(w->heard[from].promise, USHER_PROMISE_RESOLVE);
    assert_int_equal(w->heard[from].level, 1);
    assert_int_equal(w->t.queue, DESK);
    end(w);
}

static void test_step__a_move_leaves_claim_and_pause(void **unused)
{
    struct alone *w = promised(HOUR);
    uint64_t token;

    (void)unused;
    w->policy.promise[RESOLVE].pauses = 0;
    repeats(percent(w, RESOLVE, 50), 30 * MINUTE, 1);
    w->steps[0].move = 1;
    enqueue(w, NORMAL);
    claim(w);
    token = w->t.token;
    w->move_to = TIER2;
    to(w, 30 * MINUTE);
    assert_int_equal(w->t.queue, TIER2);
    assert_int_equal(w->t.state, USHER_CLAIMED);
    assert_int_equal(w->t.token, token);
    assert_true(w->t.until_at != 0);
    pause_until(w, USHER_UNTIL, 5 * HOUR);
    w->move_to = DESK;
    to(w, HOUR);
    assert_int_equal(w->t.queue, DESK);
    assert_int_equal(w->t.state, USHER_PAUSED);
    assert_int_equal(w->t.token, token);
    to(w, 5 * HOUR);
    assert_int_equal(w->t.state, USHER_WAITING);
    end(w);
}

static void test_step__a_move_ends_a_keep(void **unused)
{
    struct alone *w = promised(HOUR);

    (void)unused;
    percent(w, RESOLVE, 50)->move = 1;
    enqueue(w, NORMAL);
    claim(w);
    to(w, 25 * MINUTE);
    pause_until(w, USHER_UNTIL, 26 * MINUTE);
    to(w, 30 * MINUTE);
    assert_int_equal(w->t.flags & TICKET_KEPT, TICKET_KEPT);
    w->move_to = TIER2;
    to(w, 31 * MINUTE); /* half is used, for one minute did not count */
    assert_int_equal(w->t.flags & TICKET_KEPT, 0);
    assert_int_equal(w->t.until_at, 0);
    to(w, DAY);
    assert_int_equal(count(w, USHER_EV_KEEP_ENDED), 0);
    end(w);
}

static void test_step__rank_is_computed_once_after_all_changes(void **unused)
{
    struct alone *w = promised(4 * HOUR);
    struct step *s = percent(w, RESOLVE, 50);
    uint32_t queue, band;

    (void)unused;
    w->policy.promise[RESOLVE].target[HIGH] = 3 * HOUR;
    s->priority = HIGH + 1;
    s->move = 1;
    w->here.gap = MINUTE;
    enqueue(w, NORMAL);
    assert_int_equal(w->t.rank, MONDAY + 4 * HOUR);
    w->mark = (struct mark){ MONDAY + 3 * HOUR, MONDAY + HOUR, MINUTE, 2 }; /* of another ticket */
    w->move_to = TIER2;
    assert_true(usher__step_marks(&w->t, s, TIER2, &queue, &band));
    assert_int_equal(queue, TIER2);
    assert_int_equal(band, HIGH);
    to(w, 2 * HOUR);
    assert_int_equal(w->t.rank, MONDAY + 3 * HOUR + MINUTE);
    assert_int_equal(w->mark.ticket, 1);
    assert_int_equal(w->mark.rank, w->t.rank);
    end(w);
}

static void test_step__without_lift_or_move_leaves_the_rank(void **unused)
{
    struct alone *w = promised(4 * HOUR);
    struct step *s = percent(w, RESOLVE, 50);
    uint32_t queue, band;

    (void)unused;
    s->priority = NORMAL + 1; /* which it has */
    s->move = 1;
    s->raise = 1;
    w->here.gap = MINUTE;
    w->mark = (struct mark){ MONDAY + 9 * HOUR, MONDAY, MINUTE, 2 };
    enqueue(w, NORMAL);
    w->mark = (struct mark){ MONDAY + 20 * HOUR, MONDAY, MINUTE, 2 };
    for (uint32_t to_queue = 0; to_queue <= DESK; to_queue++) {
        assert_false(usher__step_marks(&w->t, s, to_queue, &queue, &band));
        assert_int_equal(queue, DESK);
        assert_int_equal(band, NORMAL);
    }
    s->move = 0;
    assert_false(usher__step_marks(&w->t, s, TIER2, &queue, &band)); /* it moves nowhere */
    s->move = 1;
    to(w, 2 * HOUR);
    assert_int_equal(w->t.rank, MONDAY + 9 * HOUR + MINUTE);
    assert_int_equal(w->mark.ticket, 2);
    end(w);
}

/* ---- limits --------------------------------------------------------------------------------- */

/* As much as one turn can tell: a lift that breaks every promise, to a queue that is not there, and
 * something untold besides. */
static void test_step__the_fullest_turn_has_room(void **unused)
{
    struct alone *w = alone();
    struct step *s;
    struct facts f;

    (void)unused;
    for (int ix = 0; ix < PROMISES; ix++) {
        promise_all(&w->policy, ix, 10 * HOUR);
        w->policy.promise[ix].target[URGENT] = MINUTE;
    }
    s = percent(w, RESOLVE, 10);
    s->priority = URGENT + 1;
    s->move = 1;
    enqueue(w, NORMAL);
    claim(w);
    usher__promise_start(&w->t, &w->policy, ANSWER, w->now, 0);
    usher__promise_start(&w->t, &w->policy, UPDATE, w->now, 0);
    w->t.extra = calloc(1, sizeof *w->t.extra);
    w->t.extra->rungs = calloc(RUNGS_SPARE, sizeof(struct rung));
    w->t.extra->untold = (struct untold){ .at = MONDAY + 1, .steps = 1, .step = 1 };
    f = facts(w);
    w->now = MONDAY + HOUR;
    usher__fire(&w->t, (struct timer){ w->now, TIMER_STEP, CLASS_RECORDS, 0 },
                (struct now){ w->now, w->now, 0, w->now }, &w->policy, &f, &w->out);
    assert_int_equal(w->out.events_n, 7);
    assert_in_range(w->out.events_n, 1, EVENTS_MAX);
    hear(w);
    EXPECT(w, 2, "no_queue ladder[0] @3600000 n0", "stepped ladder[0] @3600000 n0",
           "broken promises.ack.target @3600000 n0", "broken promises.answer.target @3600000 n0",
           "broken promises.update.target @3600000 n0",
           "broken promises.resolve.target @3600000 n0", "stepped ladder[0] @1 n0");
    end(w);
}

static void test_step__a_ticket_with_nothing_asks_for_room_only_when_it_climbs(void **unused)
{
    struct alone *w = promised(HOUR);

    (void)unused;
    percent(w, RESOLVE, 50);
    enqueue(w, NORMAL);
    claim(w);
    assert_null(w->t.extra);
    to(w, 30 * MINUTE - 1);
    assert_null(w->t.extra);
    to(w, 30 * MINUTE);
    assert_non_null(w->t.extra);
    assert_int_equal(w->t.extra->rungs_n, 1);
    end(w);
}

static void test_step__the_oldest_that_no_version_knows_is_forgotten(void **unused)
{
    struct alone *w = promised(HOUR);
    struct extra *x;

    (void)unused;
    percent(w, RESOLVE, 25);
    percent(w, RESOLVE, 50);
    enqueue(w, NORMAL);
    to(w, 15 * MINUTE);
    x = w->t.extra;
    free(x->rungs);
    x->rungs_room = RUNGS_MAX;
    x->rungs = calloc(RUNGS_MAX, sizeof *x->rungs);
    assert_non_null(x->rungs);
    x->rungs[0] = (struct rung){ w->steps[0].id, 1, RESOLVE };
    for (x->rungs_n = 1; x->rungs_n < RUNGS_MAX; x->rungs_n++)
        x->rungs[x->rungs_n] = (struct rung){ UINT64_C(1) << 63 | (100 + x->rungs_n), 1, RESOLVE };
    to(w, DAY);
    assert_int_equal(count(w, USHER_EV_STEPPED), 2); /* neither twice */
    assert_int_equal(x->rungs_n, RUNGS_MAX);
    assert_true(x->rungs[0].id == w->steps[0].id);
    assert_true(x->rungs[1].id == (UINT64_C(1) << 63 | 102)); /* 101 is gone */
    assert_true(x->rungs[RUNGS_MAX - 1].id == w->steps[1].id);
    end(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_step__tells_what_it_is_and_whom_to_tell),
        cmocka_unit_test(test_step__raises_the_level_up_to_its_limit),
        cmocka_unit_test(test_step__lifts_a_priority_and_never_lowers_it),
        cmocka_unit_test(test_step__a_lift_lets_go_what_has_no_target_there),
        cmocka_unit_test(test_step__what_a_lift_puts_into_the_past_is_told_after_it),
        cmocka_unit_test(test_step__a_step_at_the_very_instant_of_a_lift_is_not_in_the_past),
        cmocka_unit_test(test_step__moves_to_another_queue),
        cmocka_unit_test(test_step__a_move_to_its_own_queue_is_none),
        cmocka_unit_test(test_step__what_has_nowhere_to_go_stays_and_says_so),
        cmocka_unit_test(test_step__a_move_leaves_claim_and_pause),
        cmocka_unit_test(test_step__a_move_ends_a_keep),
        cmocka_unit_test(test_step__rank_is_computed_once_after_all_changes),
        cmocka_unit_test(test_step__without_lift_or_move_leaves_the_rank),
        cmocka_unit_test(test_step__the_fullest_turn_has_room),
        cmocka_unit_test(test_step__a_ticket_with_nothing_asks_for_room_only_when_it_climbs),
        cmocka_unit_test(test_step__the_oldest_that_no_version_knows_is_forgotten),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
