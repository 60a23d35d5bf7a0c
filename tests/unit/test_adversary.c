/* Adversaries at the counter: floods, urgency for all, cherry-picking, a symptom that never ends.
 * What one of them can take from the others is bounded, and the bound is the one that DESIGN states
 * (section 5). */
#include "adversary.h"

enum { GAP_MS = 60000, FLOOD = 500 };

static const char gap[] = "{\"line\":{\"gap\":\"1m\"},\"promises\":{\"ack\":{\"target\":\"10m\"}}}";

/* One person has five hundred tickets. Whoever comes then is overtaken by at most (R - entry) / gap
 * + 1 of those that come after him, and by none of those before him but the ones due before. */
static void test_adversary__one_requester_floods(void **state)
{
    struct desk *d = begin(gap);
    usher_standing s;
    uint32_t before = 0, after = 0, bound;
    usher_id eva;

    (void)state;
    for (int i = 0; i < FLOOD; i++)
        (void)enqueue(d, "max", 0);
    pass(d, 3 * MINUTE);
    eva = enqueue(d, "eva", 0);
    s = standing(d, eva);
    bound = (uint32_t)((s.rank_at - usher_now(d->u)) / GAP_MS + 1);
    for (int i = 0; i < FLOOD; i++)
        (void)enqueue(d, "max", 0);
    while (claim(d) && d->claim.ticket != eva) {
        before += d->claim.ticket < eva;
        after += d->claim.ticket > eva;
    }
    assert_int_equal(d->claim.ticket, eva);
    assert_int_equal(
        before, 4); /* with ranks of 10, 11, 12 and 13 minutes: the same instant, the smaller id */
    assert_in_range(after, 0, bound);
    end(d);
}

/* The same, while more is poured in between any two claims, by one who has nothing in the line
 * before: he gets the most that the bound gives. */
static void test_adversary__one_requester_keeps_pouring(void **state)
{
    struct desk *d = begin("{\"line\":{\"gap\":\"1m\"}}");
    uint32_t after = 0, bound;
    usher_id eva;
    int64_t entered;

    (void)state;
    for (int i = 0; i < 5; i++) /* so that eva's own rank lies in the future */
        eva = enqueue(d, "eva", 0);
    entered = usher_now(d->u);
    bound = (uint32_t)((standing(d, eva).rank_at - entered) / GAP_MS + 1);
    assert_int_equal(bound, 5);
    for (int i = 0; i < 100 && d->claim.ticket != eva; i++) {
        for (int k = 0; k < 20; k++)
            (void)enqueue(d, "max", 0);
        assert_true(claim(d));
        after += strcmp(d->requester, "max") == 0;
    }
    assert_int_equal(d->claim.ticket, eva);
    assert_in_range(after, 1, bound);
    end(d);
}

/* A lift brings at most one ticket per gap to the front: who has all of his lifted gains one place.
 */
static void test_adversary__all_of_one_requesters_are_lifted(void **state)
{
    struct desk *d = begin("{\"line\":{\"gap\":\"1m\"}}");
    uint32_t lifted = 0;
    usher_id eva;

    (void)state;
    for (int i = 0; i < 50; i++)
        (void)enqueue(d, "max", USHER_NORMAL);
    eva = enqueue(d, "eva", USHER_HIGH);
    for (usher_id id = 1; id <= 50; id++)
        assert_int_equal(
            act(d,
                (usher_command){.verb = USHER_REPRIORITISE, .kind = USHER_HIGH, .claim = {id, 0}}),
            USHER_OK);
    while (claim(d) && d->claim.ticket != eva)
        lifted++;
    assert_in_range(lifted, 0, 1);
    end(d);
}

/* Everybody says urgent. A band of weight w gets at least floor(w / W * n) - 1 of any n turns. */
static void test_adversary__all_are_urgent(void **state)
{
    static const uint32_t weight[] = {1, 4, 8, 16};
    enum { TURNS = 400, W = 29 };
    struct desk *d =
        begin("{\"line\":{\"shares\":{\"urgent\":16,\"high\":8,\"normal\":4,\"low\":1}}}");
    int turn[TURNS];

    (void)state;
    for (int i = 0; i < TURNS; i++) {
        for (int k = 0; k < 3; k++) /* three for each turn, and one of each of the others */
            (void)enqueue(d, "max", USHER_URGENT);
        for (int p = USHER_LOW; p < USHER_URGENT; p++)
            (void)enqueue(d, "eva", p);
        assert_true(claim(d));
        turn[i] = standing(d, d->claim.ticket).priority - 1;
    }
    for (int band = 0; band < 4; band++) {
        for (int from = 0; from < TURNS; from++) {
            uint32_t got = 0;

            for (int to = from; to < TURNS; to++) {
                uint32_t n = (uint32_t)(to - from + 1), least = weight[band] * n / W;

                got += turn[to] == band;
                if (got + 1 < least)
                    fail_msg("band %d got %u of %u turns from %d on", band + 1, got, n, from);
            }
        }
    }
    end(d);
}

/* With `first` for urgent ones the others wait; but a ladder lifts who was promised something, and
 * then it stands by its rank: behind the urgent ones that came before its due, and no others. */
static void test_adversary__urgent_first_and_a_ladder(void **state)
{
    struct desk *d =
        begin("{\"promises\":{\"ack\":{\"target\":\"1h\"}},\"ladder\":[{\"on\":\"ack\","
              "\"at\":\"100%\",\"priority\":\"urgent\"}]}");
    usher_id low = enqueue(d, "eva", USHER_LOW);
    uint32_t turns = 0;

    (void)state;
    for (int minute = 0; minute < 60; minute++) { /* one comes, and one is served, every minute */
        (void)enqueue(d, "max", USHER_URGENT);
        assert_true(claim(d));
        assert_true(d->claim.ticket != low);
        pass(d, MINUTE);
    }
    (void)enqueue(d, "max", USHER_URGENT);
    pass(d, 1); /* its promise is broken, and it has been lifted */
    while (d->claim.ticket != low && turns < 100) {
        (void)enqueue(d, "max", USHER_URGENT);
        assert_true(claim(d));
        turns++;
    }
    assert_in_range(turns, 1, 2);
    end(d);
}

/* Who takes what he likes passes others over, and each of them is counted. */
static void test_adversary__an_agent_picks_cherries(void **state)
{
    struct desk *d = begin("{}");
    usher_id ids[20];
    uint32_t should = 0;

    (void)state;
    for (int i = 0; i < 20; i++)
        ids[i] = enqueue(d, "eva", 0);
    for (int i = 19; i >= 0; i -= 2) { /* every other one, from the end */
        assert_int_equal(usher_claim_ticket(d->a[0], ids[i], NULL, on_work, d), USHER_OK);
        settle(d);
        should += (uint32_t)i;
    }
    assert_int_equal(d->passed_over, should);
    for (int i = 0; i < 10; i++) { /* what is taken and let go at once counts, too */
        assert_true(claim(d));
        assert_int_equal(act(d, (usher_command){.verb = USHER_RELEASE, .claim = d->claim}),
                         USHER_OK);
    }
    assert_int_equal(d->told[USHER_EV_RELEASED], 10);
    end(d);
}

/* A symptom that comes again and again: one open cause at a time, linked to no more than the limit.
 */
static void test_adversary__a_symptom_without_end(void **state)
{
    struct desk *d = begin("{\"recurrence\":{\"cause_after\":3,\"cause_queue\":\"second\"}}");
    usher_request r = USHER_INIT(usher_request);
    enum { N = USHER_LINKS_MAX + 200 };
    uint64_t counts[USHER_STATES] = {0};
    usher_id cause;

    (void)state;
    r.requester = "eva";
    r.symptom = "noise";
    for (int i = 0; i < N; i++)
        assert_int_equal(usher_enqueue(d->q, &r, on_done, d), USHER_OK);
    settle(d);
    assert_int_equal(usher_counts(d->q2, counts), USHER_OK);
    assert_int_equal(counts[USHER_WAITING], 1);
    assert_int_equal(d->told[USHER_EV_RECURRED], N - 1);
    assert_true(claim_by(d, 0, d->q2));
    cause = d->claim.ticket;
    assert_int_equal(standing(d, cause).linked, USHER_LINKS_MAX);
    assert_int_equal(standing(d, cause).is_cause, 1);
    assert_int_equal(act(d, (usher_command){.verb = USHER_LINK, .claim = {N, 0}, .other = cause}),
                     USHER_ELIMIT);
    d->told[USHER_EV_CAUSE_TOLD] = 0;
    assert_int_equal(
        act(d, (usher_command){.verb = USHER_RESOLVE, .kind = USHER_AS_FIX, .claim = d->claim}),
        USHER_OK);
    assert_int_equal(d->told[USHER_EV_CAUSE_TOLD], USHER_LINKS_MAX);
    for (int i = 0; i < 2; i++) /* forgotten with the fix: two are not three */
        assert_int_equal(usher_enqueue(d->q, &r, on_done, d), USHER_OK);
    settle(d);
    assert_int_equal(usher_counts(d->q2, counts), USHER_OK);
    assert_int_equal(counts[USHER_WAITING], 0);
    end(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_adversary__one_requester_floods),
        cmocka_unit_test(test_adversary__one_requester_keeps_pouring),
        cmocka_unit_test(test_adversary__all_of_one_requesters_are_lifted),
        cmocka_unit_test(test_adversary__all_are_urgent),
        cmocka_unit_test(test_adversary__urgent_first_and_a_ladder),
        cmocka_unit_test(test_adversary__an_agent_picks_cherries),
        cmocka_unit_test(test_adversary__a_symptom_without_end),
    };

    return cmocka_run_group_tests_name("adversary", tests, NULL, NULL);
}
