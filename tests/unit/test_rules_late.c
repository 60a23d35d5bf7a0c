/* What fires late, or is put into the past, is told as one. */
#include "alone.h"

/* `resolve` within 10 h; warned of at 10 and 20 per cent. */
static struct alone *promised(void)
{
    struct alone *w = alone();

    promise_all(&w->policy, RESOLVE, 10 * HOUR);
    w->policy.warn_n = 2;
    w->policy.warn[0] = 10;
    w->policy.warn[1] = 20;
    return w;
}

/* Seen so long after its own instant: one turn. */
static void fire_seen(struct alone *w, int64_t later)
{
    struct timer timer = usher__next_timer(&w->t, &w->policy);

    fire(w, timer, timer.at + later);
}

/* ---- the limit ------------------------------------------------------------------------------ */

static void test_late__is_more_than_a_minute(void **unused)
{
    struct alone *w = promised();
    uint32_t from;

    (void)unused;
    percent(w, RESOLVE, 15);
    percent(w, RESOLVE, 15);
    enqueue(w, NORMAL);
    from = w->heard_n;
    fire_seen(w, 60000);
    EXPECT(w, from, "warned warn @3600000 n10");
    fire_seen(w, 60000);
    fire_seen(w, 60000);
    EXPECT(w, from + 1, "stepped ladder[0] @5400000 n0", "stepped ladder[1] @5400000 n0");
    end(w);
}

static void test_late__by_a_ms_more_is_told_together(void **unused)
{
    struct alone *w = promised();
    uint32_t from;

    (void)unused;
    percent(w, RESOLVE, 15);
    percent(w, RESOLVE, 15);
    enqueue(w, NORMAL);
    fire_seen(w, 60000);
    from = w->heard_n;
    fire_seen(w, 60001);
    EXPECT_NOTHING(w, from);
    fire_seen(w, 60001);
    EXPECT(w, from, "stepped ladder[1] @5400000 n0");
    assert_int_equal(last(w, USHER_EV_STEPPED)->steps, 1);
    end(w);
}

static void test_late__the_first_may_be_late_and_the_next_not(void **unused)
{
    struct alone *w = promised();
    uint32_t from;

    (void)unused;
    offset(w, RESOLVE, -9 * HOUR + 2 * MINUTE); /* two minutes after the warning */
    enqueue(w, NORMAL);
    from = w->heard_n;
    run_to(w, MONDAY + HOUR + 2 * MINUTE, MONDAY + HOUR + 3 * MINUTE);
    EXPECT(w, from, "warned warn @3600000 n10", "stepped ladder[0] @3720000 n0");
    assert_int_equal(last(w, USHER_EV_STEPPED)->warns, 0);
    end(w);
}

/* ---- what is told --------------------------------------------------------------------------- */

static void test_late__each_broken_is_told_and_one_for_the_rest(void **unused)
{
    struct alone *w = promised();
    const struct event *e;
    uint32_t from;

    (void)unused;
    promise_all(&w->policy, ACK, 30 * MINUTE);
    percent(w, ACK, 100)->notify = 1;
    percent(w, RESOLVE, 50)->notify = 2;
    percent(w, RESOLVE, 100)->notify = 4;
    enqueue(w, NORMAL);
    from = w->heard_n;
    late_to(w, DAY);
    EXPECT(w, from, "broken promises.ack.target @1800001 n0",
           "broken promises.resolve.target @36000001 n0", "stepped ladder[2] @36000001 n0");
    e = last(w, USHER_EV_STEPPED);
    assert_int_equal(e->promise, USHER_PROMISE_RESOLVE);
    assert_int_equal(e->notify, 7);
    assert_int_equal(e->steps, 3);
    assert_int_equal(e->warns, 3u << ACK * WARN_MAX | 3u << RESOLVE * WARN_MAX);
    assert_int_equal(e->seq, 4);
    end(w);
}

static void test_late__the_latest_may_be_a_warning(void **unused)
{
    struct alone *w = promised();
    const struct event *e;
    uint32_t from;

    (void)unused;
    percent(w, RESOLVE, 15)->notify = 1;
    enqueue(w, NORMAL);
    from = w->heard_n;
    late_to(w, 3 * HOUR);
    EXPECT(w, from, "warned warn @7200000 n20");
    e = last(w, USHER_EV_WARNED);
    assert_int_equal(e->promise, USHER_PROMISE_RESOLVE);
    assert_int_equal(e->due_at, MONDAY + 10 * HOUR);
    assert_int_equal(e->notify, 1);
    assert_int_equal(e->steps, 1);
    assert_int_equal(e->warns, 1u << RESOLVE * WARN_MAX);
    end(w);
}

static void test_late__a_single_one_is_an_ordinary_event(void **unused)
{
    struct alone *w = promised();
    const struct event *e;
    uint32_t from;

    (void)unused;
    enqueue(w, NORMAL);
    from = w->heard_n;
    late_to(w, HOUR + 2 * MINUTE);
    EXPECT(w, from, "warned warn @3600000 n10");
    e = last(w, USHER_EV_WARNED);
    assert_int_equal(e->steps | e->warns, 0);
    assert_null(e->text);
    end(w);
}

static void test_late__what_fired_often_is_named_once(void **unused)
{
    struct alone *w = alone();
    uint32_t from;

    (void)unused;
    promise_all(&w->policy, RESOLVE, HOUR);
    repeats(percent(w, RESOLVE, 100), HOUR, 10);
    w->steps[0].raise = 1;
    enqueue(w, NORMAL);
    from = w->heard_n;
    late_to(w, 4 * HOUR + MINUTE);
    EXPECT(w, from, "broken promises.resolve.target @3600001 n0", "stepped ladder[0] @10800000 n2",
           "stepped ladder[0] @14400000 n3"); /* that one is not late */
    assert_int_equal(w->heard[from + 1].steps, 0);
    assert_int_equal(w->heard[from + 2].steps, 0);
    assert_int_equal(w->t.level, 4);
    end(w);
}

static void test_late__what_each_does_is_done_in_order(void **unused)
{
    struct alone *w = promised();
    const struct event *e;
    struct step *s;

    (void)unused;
    w->policy.warn_n = 0;
    promise_all(&w->policy, ACK, 10 * HOUR);
    w->policy.promise[ACK].target[HIGH] = 0;
    s = percent(w, RESOLVE, 10);
    s->priority = HIGH + 1;
    s->raise = 1;
    s = percent(w, RESOLVE, 20);
    s->move = 1;
    s->raise = 2;
    percent(w, RESOLVE, 30)->raise = 4;
    w->move_to = TIER2;
    enqueue(w, NORMAL);
    late_to(w, 9 * HOUR);
    assert_int_equal(count(w, USHER_EV_STEPPED), 1);
    e = last(w, USHER_EV_STEPPED);
    assert_int_equal(e->at, MONDAY + 3 * HOUR);
    assert_int_equal(e->level, 7);
    assert_int_equal(e->priority, USHER_HIGH);
    assert_int_equal(e->queue, TIER2);
    assert_int_equal(e->to, TIER2); /* though the latest did not move it */
    assert_int_equal(e->lapsed, 1 << USHER_PROMISE_ACK);
    assert_int_equal(e->steps, 3);
    end(w);
}

static void test_late__each_queue_that_is_not_there_is_told(void **unused)
{
    struct alone *w = promised();
    uint32_t from;

    (void)unused;
    w->policy.warn_n = 0;
    percent(w, RESOLVE, 10)->move = 1;
    percent(w, RESOLVE, 20)->move = 2;
    enqueue(w, NORMAL);
    from = w->heard_n;
    late_to(w, 9 * HOUR);
    EXPECT(w, from, "no_queue ladder[0] @3600000 n0", "no_queue ladder[1] @7200000 n0",
           "stepped ladder[1] @7200000 n0");
    assert_int_equal(last(w, USHER_EV_STEPPED)->to, 0);
    end(w);
}

static void test_late__what_comes_between_does_not_part_them(void **unused)
{
    struct alone *w = promised();
    uint32_t from;

    (void)unused;
    w->here.keep_for = 3 * HOUR;
    enqueue(w, NORMAL);
    claim(w);
    pause_until(w, USHER_UNTIL, MINUTE);
    to(w, MINUTE); /* kept until 3 h */
    percent(w, RESOLVE, 50);
    from = w->heard_n;
    late_to(w, 9 * HOUR);
    EXPECT(w, from, "keep_ended line.keep_for @10860000 n0", "stepped ladder[0] @18060000 n0");
    assert_int_equal(last(w, USHER_EV_STEPPED)->warns, 3u << RESOLVE * WARN_MAX);
    end(w);
}

static void test_late__what_is_untold_is_told_when_the_rest_cannot_come_any_more(void **unused)
{
    struct alone *w = promised();
    uint32_t from;

    (void)unused;
    w->policy.promise[RESOLVE].pauses = 0;
    w->policy.pause[USHER_ON_REQUESTER - 1].then_resolve = true;
    w->policy.pause[USHER_ON_REQUESTER - 1].max = 90 * MINUTE;
    enqueue(w, NORMAL);
    claim(w);
    pause_until(w, USHER_ON_REQUESTER, 0);
    from = w->heard_n;
    late_to(w, 9 * HOUR); /* after 90 minutes it is resolved: 20 per cent are not reached */
    EXPECT(w, from, "pause_ended pause.requester.max @5400000 n0",
           "resolved pause.requester.then @5400000 n0", "warned warn @3600000 n10");
    assert_int_equal(last(w, USHER_EV_WARNED)->warns, 0);
    end(w);
}

static void test_late__the_untold_is_in_the_record(void **unused)
{
    struct alone *w = promised();
    const struct untold *u;

    (void)unused;
    percent(w, RESOLVE, 5)->notify = 9;
    enqueue(w, NORMAL);
    fire_seen(w, 3 * HOUR);
    u = &w->t.extra->untold;
    assert_int_equal(u->at, MONDAY + 30 * MINUTE);
    assert_int_equal(u->notify, 9);
    assert_int_equal(u->steps, 1);
    assert_int_equal(u->step, 1);
    fire_seen(w, 3 * HOUR);
    assert_int_equal(u->at, MONDAY + HOUR);
    assert_int_equal(u->warns, 1u << RESOLVE * WARN_MAX);
    assert_int_equal(u->step, 0);
    assert_int_equal(u->n, 10);
    fire_seen(w, 3 * HOUR); /* 20 per cent */
    assert_int_equal(u->at, 0);
    assert_int_equal(count(w, USHER_EV_WARNED), 1);
    end(w);
}

static void test_late__only_a_late_warning_asks_for_room_for_what_is_untold(void **unused)
{
    const uint32_t any = ROOM_LINE | ROOM_KEPT;
    const struct timer warning = { HOUR, TIMER_WARNING, CLASS_RECORDS, 0 };
    const struct timer keep_end = { HOUR, TIMER_KEEP_END, CLASS_SERVES, 0 };
    const struct timer step = { HOUR, TIMER_STEP, CLASS_RECORDS, 0 };

    (void)unused;
    assert_int_equal(usher__room_to_fire(warning, (struct now){ HOUR, 0, 0, HOUR }), any);
    assert_int_equal(usher__room_to_fire(warning, (struct now){ HOUR, 0, 0, HOUR + LATE_MS }), any);
    assert_int_equal(usher__room_to_fire(warning, (struct now){ HOUR, 0, 0, HOUR + LATE_MS + 1 }),
                     any | ROOM_EXTRA);
    assert_int_equal(usher__room_to_fire(warning, (struct now){ HOUR + 1, 0, 0, HOUR + 1 }),
                     any | ROOM_EXTRA);
    assert_int_equal(usher__room_to_fire(keep_end, (struct now){ HOUR, 0, 0, 2 * HOUR }), any);
    assert_int_equal(usher__room_to_fire(step, (struct now){ HOUR, 0, 0, HOUR }),
                     any | ROOM_EXTRA | ROOM_RUNGS);
}

/* ---- put into the past ---------------------------------------------------------------------- */

static void test_past__steps_are_told_as_one_at_the_change(void **unused)
{
    struct alone *w = alone();
    const struct event *e;
    uint32_t from;

    (void)unused;
    promise_all(&w->policy, RESOLVE, 10 * HOUR);
    w->policy.promise[RESOLVE].target[HIGH] = 4 * HOUR;
    percent(w, RESOLVE, 40)->notify = 1; /* 96 min */
    percent(w, RESOLVE, 30)->notify = 2; /* 72 min */
    percent(w, RESOLVE, 50)->notify = 4; /* 2 h: at the very instant */
    percent(w, RESOLVE, 20)->raise = 3;  /* 48 min */
    enqueue(w, NORMAL);
    to(w, 2 * HOUR - 1);
    assert_int_equal(count(w, USHER_EV_STEPPED), 0);
    to(w, 2 * HOUR); /* 20 per cent of 10 h */
    from = w->heard_n;
    reprioritise(w, HIGH);
    EXPECT(w, from, "reprioritised @7200000 n0", "stepped ladder[0] @7200000 n0");
    e = last(w, USHER_EV_STEPPED);
    assert_int_equal(e->steps, 2);
    assert_int_equal(e->notify, 3);
    from = w->heard_n;
    to(w, 2 * HOUR);
    EXPECT(w, from, "stepped ladder[2] @7200000 n0");
    end(w);
}

static void test_past__what_broke_is_told_before_its_steps(void **unused)
{
    struct alone *w = alone();
    uint32_t from;

    (void)unused;
    promise_all(&w->policy, RESOLVE, 10 * HOUR);
    w->policy.promise[RESOLVE].target[HIGH] = HOUR;
    repeats(percent(w, RESOLVE, 100), 30 * MINUTE, 5);
    enqueue(w, NORMAL);
    to(w, 2 * HOUR + 1);
    from = w->heard_n;
    reprioritise(w, HIGH);
    EXPECT(w, from, "reprioritised @7200001 n0", "broken promises.resolve.target @7200001 n0",
           "stepped ladder[0] @7200001 n2");
    from = w->heard_n;
    to(w, 3 * HOUR);
    EXPECT(w, from, "stepped ladder[0] @9000000 n3", "stepped ladder[0] @10800000 n4");
    end(w);
}

static void test_past__a_join_may_do_it(void **unused)
{
    struct alone *w = alone();
    uint32_t from;

    (void)unused;
    promise_all(&w->policy, RESOLVE, 10 * HOUR);
    w->policy.promise[RESOLVE].target[URGENT] = HOUR;
    percent(w, RESOLVE, 50);
    enqueue(w, NORMAL);
    to(w, 40 * MINUTE);
    w->t.extra = calloc(1, sizeof *w->t.extra);
    w->t.extra->persons = calloc(2, sizeof(struct person));
    from = w->heard_n;
    assert_int_equal(say(w, (struct command){ .verb = VERB_JOIN, .who = ADA + 1,
                                              .priority = URGENT + 1 }), 0);
    EXPECT(w, from, "joined @2400000 n0", "reprioritised @2400000 n0",
           "stepped ladder[0] @2400000 n0");
    free(w->t.extra->persons);
    end(w);
}

static void test_past__late_steps_that_a_late_lift_makes_are_one_with_it(void **unused)
{
    struct alone *w = alone();
    uint32_t from;

    (void)unused;
    promise_all(&w->policy, RESOLVE, 10 * HOUR);
    w->policy.promise[RESOLVE].target[HIGH] = 4 * HOUR;
    percent(w, RESOLVE, 10)->priority = HIGH + 1; /* at 1 h */
    percent(w, RESOLVE, 20);                      /* then at 48 min */
    percent(w, RESOLVE, 30);                      /* at 72 min */
    enqueue(w, NORMAL);
    from = w->heard_n;
    late_to(w, 2 * HOUR);
    EXPECT(w, from, "stepped ladder[2] @4320000 n0");
    assert_int_equal(last(w, USHER_EV_STEPPED)->steps, 3);
    end(w);
}

/* ---- quiet hours ---------------------------------------------------------------------------- */

static void test_notify__waits_for_the_next_opening(void **unused)
{
    struct alone *w = promised();
    struct calendar *c = calendar("mon-fri 09:00-17:00");

    (void)unused;
    w->policy.notify_calendar = c;
    percent(w, RESOLVE, 50);
    percent(w, RESOLVE, 90);
    enqueue(w, NORMAL);
    assert_int_equal(w->heard[0].notify_at, 0); /* nobody needs to be told of that */
    to(w, HOUR);
    assert_int_equal(last(w, USHER_EV_WARNED)->notify_at, MONDAY + 9 * HOUR);
    to(w, 5 * HOUR);
    assert_int_equal(last(w, USHER_EV_STEPPED)->notify_at, MONDAY + 9 * HOUR);
    to(w, 9 * HOUR); /* open from this ms on */
    assert_int_equal(last(w, USHER_EV_STEPPED)->notify_at, 0);
    to(w, 10 * HOUR + 1);
    assert_int_equal(last(w, USHER_EV_BROKEN)->notify_at, 0);
    end(w);
    usher__calendar_free(c);
}

static void test_notify__of_what_is_late_counts_from_when_it_is_seen(void **unused)
{
    struct alone *w = promised();
    struct calendar *c = calendar("mon-fri 09:00-17:00");

    (void)unused;
    w->policy.notify_calendar = c;
    percent(w, RESOLVE, 95);
    enqueue(w, NORMAL);
    run_to(w, MONDAY + 10 * HOUR + 1, MONDAY + 17 * HOUR - 1);
    assert_int_equal(last(w, USHER_EV_STEPPED)->notify_at, 0);
    assert_int_equal(last(w, USHER_EV_BROKEN)->notify_at, 0);
    end(w);
    w = promised();
    w->policy.notify_calendar = c;
    percent(w, RESOLVE, 95);
    enqueue(w, NORMAL);
    run_to(w, MONDAY + 10 * HOUR + 1, MONDAY + 17 * HOUR);
    assert_int_equal(last(w, USHER_EV_STEPPED)->notify_at, MONDAY + DAY + 9 * HOUR);
    assert_int_equal(last(w, USHER_EV_BROKEN)->notify_at, MONDAY + DAY + 9 * HOUR);
    end(w);
    usher__calendar_free(c);
}

static void test_notify__of_what_is_late_is_not_an_opening_that_was_missed(void **unused)
{
    struct alone *w = promised();
    struct calendar *c = calendar("mon-fri 09:00-17:00");

    (void)unused;
    w->policy.notify_calendar = c;
    promise_all(&w->policy, RESOLVE, 8 * HOUR);
    enqueue(w, NORMAL);
    late_to(w, 18 * HOUR); /* it was closed then, and it is again */
    assert_int_equal(last(w, USHER_EV_BROKEN)->at, MONDAY + 8 * HOUR + 1);
    assert_int_equal(last(w, USHER_EV_BROKEN)->notify_at, MONDAY + DAY + 9 * HOUR);
    assert_int_equal(last(w, USHER_EV_WARNED)->notify_at, MONDAY + DAY + 9 * HOUR);
    end(w);
    usher__calendar_free(c);
}

static void test_notify__never_where_nothing_opens_again(void **unused)
{
    struct alone *w = promised();
    struct calendar *c = calendar("2026-05-31 00:00-24:00");

    (void)unused;
    w->policy.notify_calendar = c;
    enqueue(w, NORMAL);
    to(w, HOUR);
    assert_true(last(w, USHER_EV_WARNED)->notify_at == USHER_NEVER);
    end(w);
    usher__calendar_free(c);
}

static void test_notify__of_reminders_and_check_ins_too(void **unused)
{
    struct alone *w = alone();
    struct calendar *c = calendar("mon-fri 09:00-17:00");

    (void)unused;
    w->policy.notify_calendar = c;
    w->policy.pause[USHER_ON_REQUESTER - 1].remind_n = 1;
    w->policy.pause[USHER_ON_REQUESTER - 1].remind[0] = HOUR;
    w->policy.check_in_n = 1;
    w->policy.check_in[0] = HOUR;
    enqueue(w, NORMAL);
    claim(w);
    pause_until(w, USHER_ON_REQUESTER, 0);
    to(w, HOUR);
    assert_int_equal(last(w, USHER_EV_REMINDED)->notify_at, MONDAY + 9 * HOUR);
    by_holder(w, USHER_RESOLVE);
    assert_int_equal(last(w, USHER_EV_RESOLVED)->notify_at, 0);
    to(w, 2 * HOUR);
    assert_int_equal(last(w, USHER_EV_CHECK_IN)->notify_at, MONDAY + 9 * HOUR);
    end(w);
    usher__calendar_free(c);
}

/* ---- late or not, the same becomes of it ---------------------------------------------------- */

static void draw_ladder(struct alone *w, uint64_t *s)
{
    w->policy.warn_n = (uint32_t)below(s, 3);
    w->policy.warn[0] = 30;
    w->policy.warn[1] = 60;
    for (int ix = 0; ix < PROMISES; ix++) {
        for (int i = 0; i < PRIORITIES; i++)
            w->policy.promise[ix].target[i] = below(s, 4) * below(s, 200) * MINUTE;
        w->policy.promise[ix].pauses = (uint32_t)below(s, 8);
    }
    for (uint32_t n = below(s, 8); n > 0; n--) {
        int ix = below(s, 2) != 0 ? RESOLVE : ACK;
        struct step *step = below(s, 2) != 0
                                ? percent(w, ix, 1 + (int64_t)below(s, 200))
                                : offset(w, ix, (int64_t)below(s, 400) * MINUTE - 200 * MINUTE - 1);

        step->wall = below(s, 3) == 0;
        step->raise = (uint16_t)below(s, 3);
        step->priority = (uint8_t)below(s, 5);
        step->move = (uint8_t)below(s, 2);
        step->notify = 1u << below(s, 20);
        if (below(s, 3) == 0)
            repeats(step, 1 + (int64_t)below(s, 90) * MINUTE, (uint16_t)(1 + below(s, 4)));
    }
    w->move_to = (uint32_t)below(s, 3);
}

/* A life in which the clock is looked at every ms, or only now and then. */
static struct alone *live(uint64_t seed, bool late)
{
    struct alone *w = alone();
    uint64_t s = seed;
    int64_t at = 0;

    draw_ladder(w, &s);
    enqueue(w, (int)below(&s, 4));
    claim(w);
    for (int i = 0; i < 6; i++) {
        at += (int64_t)below(&s, 300) * MINUTE;
        if (late)
            late_to(w, at);
        else
            to(w, at);
        if (w->t.state == USHER_WAITING)
            claim(w);
        if (below(&s, 2) != 0 && w->t.state == USHER_CLAIMED)
            pause_until(w, 1 + (int)below(&s, 3), at + (1 + (int64_t)below(&s, 300)) * MINUTE);
        else
            reprioritise(w, (int)below(&s, 4));
    }
    return w;
}

static void test_late__changes_nothing_in_the_outcome(void **unused)
{
    (void)unused;
    for (uint64_t seed = 1; seed <= 3000; seed++) {
        struct alone *a = live(seed, false), *b = live(seed, true);
        uint64_t told_a = 0, told_b = 0;

        a->t.seq = b->t.seq = 0; /* they differ in how much is told */
        assert_memory_equal(a->t.promise, b->t.promise, sizeof a->t.promise);
        assert_int_equal(a->t.level, b->t.level);
        assert_int_equal(a->t.priority, b->t.priority);
        assert_int_equal(a->t.queue, b->t.queue);
        assert_int_equal(a->t.rank, b->t.rank);
        assert_int_equal(a->t.state, b->t.state);
        assert_int_equal(count(a, USHER_EV_BROKEN), count(b, USHER_EV_BROKEN));
        assert_int_equal(count(a, USHER_EV_NO_QUEUE), count(b, USHER_EV_NO_QUEUE));
        for (uint32_t i = 0; i < a->heard_n; i++)
            told_a |= a->heard[i].notify;
        for (uint32_t i = 0; i < b->heard_n; i++)
            told_b |= b->heard[i].notify;
        assert_true(told_a == told_b);
        if (a->t.extra != NULL) {
            assert_int_equal(a->t.extra->rungs_n, b->t.extra->rungs_n);
            if (a->t.extra->rungs_n != 0)
                assert_memory_equal(a->t.extra->rungs, b->t.extra->rungs,
                                    a->t.extra->rungs_n * sizeof(struct rung));
            assert_int_equal(a->t.extra->untold.at, 0);
            assert_int_equal(b->t.extra->untold.at, 0);
        }
        end(a);
        end(b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_late__is_more_than_a_minute),
        cmocka_unit_test(test_late__by_a_ms_more_is_told_together),
        cmocka_unit_test(test_late__the_first_may_be_late_and_the_next_not),
        cmocka_unit_test(test_late__each_broken_is_told_and_one_for_the_rest),
        cmocka_unit_test(test_late__the_latest_may_be_a_warning),
        cmocka_unit_test(test_late__a_single_one_is_an_ordinary_event),
        cmocka_unit_test(test_late__what_fired_often_is_named_once),
        cmocka_unit_test(test_late__what_each_does_is_done_in_order),
        cmocka_unit_test(test_late__each_queue_that_is_not_there_is_told),
        cmocka_unit_test(test_late__what_comes_between_does_not_part_them),
        cmocka_unit_test(test_late__what_is_untold_is_told_when_the_rest_cannot_come_any_more),
        cmocka_unit_test(test_late__the_untold_is_in_the_record),
        cmocka_unit_test(test_late__only_a_late_warning_asks_for_room_for_what_is_untold),
        cmocka_unit_test(test_past__steps_are_told_as_one_at_the_change),
        cmocka_unit_test(test_past__what_broke_is_told_before_its_steps),
        cmocka_unit_test(test_past__a_join_may_do_it),
        cmocka_unit_test(test_past__late_steps_that_a_late_lift_makes_are_one_with_it),
        cmocka_unit_test(test_notify__waits_for_the_next_opening),
        cmocka_unit_test(test_notify__of_what_is_late_counts_from_when_it_is_seen),
        cmocka_unit_test(test_notify__of_what_is_late_is_not_an_opening_that_was_missed),
        cmocka_unit_test(test_notify__never_where_nothing_opens_again),
        cmocka_unit_test(test_notify__of_reminders_and_check_ins_too),
        cmocka_unit_test(test_late__changes_nothing_in_the_outcome),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
