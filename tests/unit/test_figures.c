/* Figures against a plain fold, see figures_fold.h; those waiting now; what the standing says. */
#include "figures_fold.h"

/* What is hardly ever drawn: a pause that begins just before a promise would be broken. */
static void pause_late(struct desk *d)
{
    usher_command c;

    enqueue(d, 0, "gus", USHER_URGENT);
    pass(d, 2 * HOUR);
    claim(d, 0, 0);
    pass(d, 50 * MINUTE);
    c = command(USHER_PAUSE, d->claim[0]);
    c.kind = USHER_ON_THIRD_PARTY;
    act(d, c);
}

static void test_figures__are_what_a_plain_fold_gives(void **state)
{
    uint64_t seen[offsetof(usher_figures, wait) / 8] = {0};

    (void)state;
    for (uint64_t seed = 1; seed <= 6; seed++) {
        struct desk *d = begin("memory:");

        for (int q = 0; q < QUEUES; q++)
            define(d, q, policy);
        pause_late(d);
        draw_life(d, seed, 2500, seed % 2 == 0 ? HOUR : 4 * MINUTE);
        assert_figures(d, 0, 0);
        for (uint64_t i = 0; i < d->n; i++) {
            for (size_t at = offsetof(usher_figures, enqueued) / 8; at < sizeof seen / 8; at++)
                seen[at] += ((const uint64_t *)(const void *)&d->row[i])[at];
        }
        assert_figures(d, now(d), 0);
        assert_figures(d, now(d) - 3 * DAY, now(d) - DAY);
        assert_figures(d, T0, now(d));
        assert_figures(d, 1, 0);
        assert_agents(d);
        end(d);
    }
    for (size_t at = offsetof(usher_figures, enqueued) / 8; at < sizeof seen / 8; at++) {
        if (seen[at] == 0)
            fail_msg("figure %zu was never counted", at - offsetof(usher_figures, enqueued) / 8);
    }
}

/* ---- days ------------------------------------------------------------------------------------ */

static void test_figures__are_kept_apart_by_day_and_then_since_ever(void **state)
{
    struct desk *d = begin("memory:");
    int64_t first = now(d);

    (void)state;
    for (int day = 0; day < 3 * USHER_FIGURE_DAYS; day++) {
        for (int i = 0; i <= day % 3; i++)
            one_done(d, MINUTE);
        pass(d, DAY - now(d) % DAY + 12 * HOUR);
        assert_figures(d, 0, 0);
        assert_figures(d, now(d) - DAY, now(d) - DAY);
        assert_figures(d, now(d) - (USHER_FIGURE_DAYS - 1) * DAY, 0);
        assert_figures(d, first, 0); /* clipped to the days that are kept */
        assert_figures(d, now(d) - (USHER_FIGURE_DAYS - 1) * DAY,
                       now(d) - (USHER_FIGURE_DAYS - 1) * DAY);
    }
    pass(d, 400 * DAY); /* all of it goes into the one that is since ever */
    one_done(d, HOUR);
    assert_figures(d, 0, 0);
    assert_figures(d, 1, 0);
    end(d);
}

/* What lies before the days that are kept, or after now, is no day at all. */
static void test_figures__of_no_day_are_zero(void **state)
{
    struct desk *d = begin("memory:");

    (void)state;
    one_done(d, MINUTE);
    pass(d, 50 * DAY);
    ask(d, USHER_READ_FIGURES, d->q[0], 0, T0 + DAY, 0);
    assert_int_equal(d->row[0].enqueued, 0);
    assert_int_equal(d->row[0].wait.n, 0);
    assert_int_equal(d->row[0].from_at, d->row[0].to_at);
    ask(d, USHER_READ_FIGURES, d->q[0], now(d) + 5 * DAY, 0, 0);
    assert_int_equal(d->row[0].enqueued, 0);
    end(d);
}

/* ---- those waiting now ----------------------------------------------------------------------- */

static void test_figures__take_the_age_of_every_kth_in_a_long_line(void **state)
{
    enum { N = 10000 };
    struct desk *d = begin("memory:");
    int64_t *age = d->age;
    uint32_t n = 0;

    (void)state;
    for (int i = 0; i < N; i++) {
        enqueue(d, 2, "eve", i % 4 == 0 ? USHER_HIGH : USHER_NORMAL);
        pass(d, SECOND);
    }
    pass(d, HOUR);
    ask(d, USHER_READ_FIGURES, d->q[2], 0, 0, 0);
    assert_int_equal(d->n, 3);
    assert_int_equal(d->row[0].waiting, N);
    for (int k = 0; k < N; k += 3) { /* high before normal, the oldest first */
        int i = k < N / 4 ? 4 * k : k - N / 4 + (k - N / 4) / 3 + 1;

        age[n++] = HOUR + (N - i) * SECOND;
    }
    assert_spread(&d->row[0].age, age, n);
    assert_int_equal(d->row[1].priority, USHER_NORMAL);
    assert_int_equal(d->row[1].waiting, N / 4 * 3);
    n = 0;
    for (int k = 0; k < N / 4 * 3; k += 2)
        age[n++] = HOUR + (N - (k + k / 3 + 1)) * SECOND;
    assert_spread(&d->row[1].age, age, n);
    n = 0; /* 2500: all of them */
    for (int i = 0; i < N; i += 4)
        age[n++] = HOUR + (N - i) * SECOND;
    assert_spread(&d->row[2].age, age, n);
    end(d);
}

/* One that is kept for its last holder waits too; one that is offered there does not. */
static void test_figures__see_who_is_kept_and_who_is_only_offered(void **state)
{
    struct desk *d = begin("memory:");
    usher_command c;

    (void)state;
    enqueue(d, 0, "eve", 0);
    enqueue(d, 0, "fay", USHER_HIGH);
    claim(d, 0, 0);
    claim(d, 0, 0);
    pass(d, MINUTE);
    c = command(USHER_PAUSE, d->claim[0]);
    c.kind = USHER_ON_THIRD_PARTY;
    act(d, c);
    act(d, command(USHER_RESUME, d->claim[0])); /* fay's: kept for ann */
    c = command(USHER_HAND_OFF, d->claim[1]);
    c.queue = d->q[1];
    act(d, c);
    assert_figures(d, 0, 0);
    ask(d, USHER_READ_FIGURES, d->q[0], 0, 0, 0);
    assert_int_equal(d->row[0].waiting, 1);
    assert_int_equal(d->row[0].age.n, 1);
    assert_int_equal(d->row[0].open, 2);
    ask(d, USHER_READ_FIGURES, d->q[1], 0, 0, 0);
    assert_int_equal(d->row[0].waiting, 0);
    assert_int_equal(d->row[0].age.n, 0);
    end(d);
}

/* ---- the standing ---------------------------------------------------------------------------- */

static usher_standing standing(struct desk *d, usher_id id)
{
    usher_standing s = USHER_INIT(usher_standing);

    assert_int_equal(usher_peek(d->u, id, &s), 0);
    return s;
}

/* What the standing says of a band, against the last claims told. */
static void assert_waits(struct desk *d, usher_id id, int q, int32_t priority)
{
    usher_standing s = standing(d, id);
    int64_t v[USHER_WAITS_MAX];
    uint32_t n = 0, seen = 0;

    for (uint32_t i = d->told_n; i-- > 0 && seen < USHER_WAITS_MAX;) {
        const struct told *t = &d->told[i];

        if (t->kind != USHER_EV_CLAIMED || t->took < 0 || t->queue != q || t->priority != priority)
            continue;
        seen++;
        if (t->at > now(d) - 30 * DAY)
            v[n++] = t->took;
    }
    qsort(v, n, sizeof v[0], ascending);
    assert_int_equal(s.waits, n);
    assert_int_equal(s.wait_p50_ms, n < USHER_WAITS_MIN ? -1 : v[(n + 1) / 2 - 1]);
    assert_int_equal(s.wait_p90_ms, n < USHER_WAITS_MIN ? -1 : v[(n * 9 + 9) / 10 - 1]);
}

static void test_figures__say_how_long_those_waited_who_were_claimed_last(void **state)
{
    struct desk *d = begin("memory:");
    usher_id waits_here;

    (void)state;
    d->seed = 77;
    enqueue(d, 0, "zoe", USHER_HIGH);
    waits_here = 1;
    enqueue(d, 1, "zoe", 0);
    for (int i = 0; i < 300; i++) {
        enqueue(d, 0, "eve", USHER_URGENT);
        pass(d, (int64_t)below_of(d, HOUR));
        d->claims_n = 0;
        claim(d, 0, 0);
        act_with(d, USHER_RESOLVE, d->claim[0], "done");
        if (i == 40) { /* the one that has waited is claimed for the first time, and comes back */
            assert_int_equal(usher_claim_ticket(d->a[1], waits_here, NULL, on_work, d), 0);
            pass(d, 0);
            act(d, command(USHER_RELEASE, d->claim[1]));
        }
        usher_command c = command(USHER_REPRIORITISE, (usher_claim){waits_here, 0});
        c.kind = i % 7 == 0 ? USHER_HIGH : USHER_URGENT;
        act(d, c);
        assert_waits(d, waits_here, 0, c.kind);
        assert_waits(d, 2, 1, USHER_NORMAL);
        c.kind = USHER_HIGH;
        act(d, c);
    }
    for (int i = 0; i < 40; i++) { /* they age out, one by one */
        pass(d, DAY);
        usher_command c = command(USHER_REPRIORITISE, (usher_claim){waits_here, 0});
        c.kind = USHER_URGENT;
        act(d, c);
        assert_waits(d, waits_here, 0, USHER_URGENT);
        c.kind = USHER_HIGH;
        act(d, c);
    }
    end(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_figures__are_what_a_plain_fold_gives),
        cmocka_unit_test(test_figures__are_kept_apart_by_day_and_then_since_ever),
        cmocka_unit_test(test_figures__of_no_day_are_zero),
        cmocka_unit_test(test_figures__take_the_age_of_every_kth_in_a_long_line),
        cmocka_unit_test(test_figures__see_who_is_kept_and_who_is_only_offered),
        cmocka_unit_test(test_figures__say_how_long_those_waited_who_were_claimed_last),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
