/* Adversaries that never want to come to an end: agents who decline everything or never answer,
 * pauses one after the other, holders who go on and on, ladders that move tickets to and fro,
 * requesters who are never content. Everything ends, within a bound that the policy states. */
#include "adversary.h"

/* ---- passing on ------------------------------------------------------------------------------ */

enum { HOPS = 4 };

static const char handoff[] =
    "{\"handoff\":{\"accept_within\":\"30m\",\"hops\":4},\"line\":{\"keep_for\":\"15m\"},"
    "\"promises\":{\"resolve\":{\"target\":\"8h\"}},\"retry\":{\"attempts\":3,\"backoff\":[\"1m\"]}"
    "}";

static int hand_off(struct desk *d, int agent)
{
    return act(d, (usher_command){.verb = USHER_HAND_OFF, .claim = d->claim, .agent = d->a[agent]});
}

/* Bound: handoff.hops offers, whoever makes them. Each refusal is a level; after the last one it
 * stays with its holder, and each further try is a level, too. */
static void test_adversary__agents_decline_everything(void **state)
{
    struct desk *d = begin(handoff);
    usher_id id = enqueue(d, "eva", 0);
    usher_standing s = standing(d, id), was = s;

    (void)state;
    for (int i = 0; i < 20; i++) {
        int giver = i % 2;

        assert_true(
            claim_by(d, giver, d->q)); /* kept for whoever gave it before, and then for anyone */
        assert_int_equal(d->claim.ticket, id);
        assert_int_equal(hand_off(d, 2), USHER_OK);
        if (i < HOPS) {
            assert_int_equal(standing(d, id).state, USHER_OFFERED);
            assert_int_equal(act(d, (usher_command){.verb = USHER_DECLINE, .claim = {id, 0}}),
                             USHER_OK);
            pass(d, 15 * MINUTE);
        } else {
            assert_int_equal(d->done.outcome, USHER_WAS_ESCALATED);
            assert_int_equal(standing(d, id).state, USHER_CLAIMED);
            assert_int_equal(act(d, (usher_command){.verb = USHER_RELEASE, .claim = d->claim}),
                             USHER_OK);
        }
        s = standing(d, id);
        assert_int_equal(s.level, i + 1);
        assert_int_equal(s.handoffs, i < HOPS ? i + 1 : HOPS);
        assert_true(s.promises[3].start_at == was.promises[3].start_at);
        assert_true(s.promises[3].due_at == was.promises[3].due_at);
    }
    assert_int_equal(d->told[USHER_EV_OFFERED], HOPS);
    end(d);
}

/* Bound: hops x (accept_within + keep_for), and no offer stands any more. */
static void test_adversary__nobody_answers_an_offer(void **state)
{
    struct desk *d = begin(handoff);
    usher_id id = enqueue(d, "eva", 0);
    int64_t began = usher_now(d->u), bound = HOPS * (30 + 15) * MINUTE;
    int offers = 0;

    (void)state;
    for (int i = 0; i < 50 && standing(d, id).handoffs < HOPS; i++) {
        if (claim_by(d, 0, d->q)) {
            assert_int_equal(hand_off(d, 1), USHER_OK);
            offers++;
        }
        pass(d, 30 * MINUTE);
        assert_int_equal(standing(d, id).state, USHER_WAITING);
    }
    assert_int_equal(offers, HOPS);
    assert_true(usher_now(d->u) - began <= bound);
    assert_int_equal(standing(d, id).level, HOPS);
    end(d);
}

/* Givers and takers who go, one after the other: it is always somebody's, or in the line. */
static void test_adversary__everybody_goes(void **state)
{
    struct desk *d = begin(handoff);
    usher_id id = enqueue(d, "eva", 0);
    usher_standing s;

    (void)state;
    assert_true(claim(d));
    assert_int_equal(hand_off(d, 1), USHER_OK);
    assert_int_equal(usher_agent_gone(d->a[0], NULL, NULL), USHER_OK); /* the offer stands */
    settle(d);
    assert_int_equal(standing(d, id).state, USHER_OFFERED);
    assert_string_equal(standing(d, id).holder, "ann");
    assert_int_equal(usher_agent_gone(d->a[1], NULL, NULL), USHER_OK); /* declined by going */
    settle(d);
    s = standing(d, id);
    assert_int_equal(s.state, USHER_WAITING);
    assert_null(s.kept_for);
    assert_null(s.holder);
    assert_true(s.ahead == 0);
    assert_int_equal(d->told[USHER_EV_DECLINED], 1);
    assert_true(claim_by(d, 2, d->q));
    assert_int_equal(hand_off(d, 0), USHER_ESTATE); /* he has gone */
    end(d);
}

/* ---- those who hold it ----------------------------------------------------------------------- */

/* Bound: pause.max of each reason, summed over its pauses. */
static void test_adversary__pauses_without_end(void **state)
{
    struct desk *d =
        begin("{\"pause\":{\"third_party\":{\"max\":\"2d\"},\"until\":{\"max\":\"1d\"}},"
              "\"promises\":{\"resolve\":{\"target\":\"8h\"}},\"line\":{\"keep_for\":\"0s\"}}");
    usher_id id = enqueue(d, "eva", 0);
    int64_t began = usher_now(d->u);
    int pauses = 0;

    (void)state;
    assert_true(claim(d));
    for (int i = 0; i < 1000; i++) {
        int kind = i % 2 == 0 ? USHER_ON_THIRD_PARTY : USHER_UNTIL;
        usher_command c = {.verb = USHER_PAUSE,
                           .kind = kind,
                           .claim = d->claim,
                           .text = {"later", 5},
                           .at = kind == USHER_UNTIL ? usher_now(d->u) + HOUR : 0};

        if (standing(d, id).state == USHER_WAITING && !claim(d))
            fail_msg("it waits and cannot be claimed");
        c.claim = d->claim;
        if (act(d, c) == USHER_OK)
            pauses++;
        else if (standing(d, id).state == USHER_CLAIMED)
            break;
        pass(d, HOUR);
    }
    assert_in_range(pauses, 2, 3 * 24 + 2);
    assert_int_equal(standing(d, id).state, USHER_CLAIMED);
    assert_true(usher_now(d->u) - began <= 3 * DAY + 2 * HOUR);
    pass(d, 8 * HOUR + 1); /* and the promise runs, is broken, and told */
    assert_int_equal(standing(d, id).promises[3].state, USHER_BROKEN);
    end(d);
}

/* Bound: lease.max. A holder who says a word now and then keeps it so long in one claim, and no
 * longer. */
static void test_adversary__a_holder_who_goes_on_and_on(void **state)
{
    struct desk *d =
        begin("{\"lease\":{\"for\":\"10m\",\"max\":\"2h\"},\"line\":{\"keep_for\":\"0s\"}}");
    usher_id id = enqueue(d, "eva", 0);
    int64_t began = usher_now(d->u);
    int status = USHER_OK;

    (void)state;
    assert_true(claim(d));
    while (status == USHER_OK) {
        pass(d, 5 * MINUTE);
        status =
            act(d, (usher_command){.verb = USHER_UPDATE, .claim = d->claim, .text = {"soon", 4}});
        assert_true(usher_now(d->u) - began <= 2 * HOUR);
    }
    assert_int_equal(status, USHER_ESTALE);
    assert_true(usher_now(d->u) - began == 2 * HOUR);
    assert_int_equal(standing(d, id).state, USHER_WAITING);
    end(d);
}

/* Bound: retry.attempts. A worker that crashes, even after its first word, ends in stuck, one level
 * up. */
static void test_adversary__workers_crash_for_ever(void **state)
{
    struct desk *d = begin(handoff);
    usher_id id = enqueue(d, "eva", 0);
    int claims = 0;

    (void)state;
    for (int i = 0; i < 100 && standing(d, id).state != USHER_STUCK; i++) {
        if (claim(d)) {
            claims++;
            assert_int_equal(act(d, (usher_command){.verb = USHER_ACKNOWLEDGE, .claim = d->claim}),
                             USHER_OK);
        }
        pass(d, 20 * MINUTE);
    }
    assert_int_equal(claims, 3);
    assert_int_equal(standing(d, id).level, 1);
    end(d);
}

/* ---- ladders and requesters ------------------------------------------------------------------ */

/* Bound: times + 1 per step and arming. Then it stands still, wherever it is. */
static void test_adversary__ladders_move_to_and_fro(void **state)
{
    struct desk *d =
        begin("{\"promises\":{\"ack\":{\"target\":\"1h\"}},\"ladder\":["
              "{\"on\":\"ack\",\"at\":\"100%\",\"move\":\"second\",\"repeat\":\"2h\",\"times\":9},"
              "{\"on\":\"ack\",\"at\":\"+1h\",\"move\":\"desk\",\"repeat\":\"2h\",\"times\":9}]}");
    usher_id id;

    (void)state;
    define(d, d->q2,
           "{\"ladder\":[{\"on\":\"ack\",\"at\":\"50%\",\"move\":\"desk\",\"repeat\":\"1m\","
           "\"times\":1000}]}"); /* of those taken there, not of those that come by */
    id = enqueue(d, "eva", 0);
    pass(d, 30 * DAY);
    assert_int_equal(d->told[USHER_EV_STEPPED], 20);
    assert_at_rest(d);
    assert_int_equal(standing(d, id).state, USHER_WAITING);
    assert_true(standing(d, id).queue == d->q);
    end(d);
}

/* Bound: one event for all of it, when it is late: no burst at whoever comes back after a month. */
static void test_adversary__a_month_of_steps_at_once(void **state)
{
    struct desk *d =
        begin("{\"promises\":{\"ack\":{\"target\":\"1h\"}},\"ladder\":[{\"on\":\"ack\","
              "\"at\":\"100%\",\"raise\":1,\"repeat\":\"1m\",\"times\":1000}]}");
    usher_id id = enqueue(d, "eva", 0);

    (void)state;
    assert_int_equal(usher_manual_clock_skip(d->clock, usher_now(d->u) + 30 * DAY), USHER_OK);
    settle(d);
    assert_int_equal(d->told[USHER_EV_STEPPED], 1);
    assert_int_equal(d->told[USHER_EV_BROKEN], 1);
    assert_int_equal(standing(d, id).level, 1001);
    assert_at_rest(d);
    end(d);
}

/* Bound: USHER_PAUSES_MAX reopens; then it stays as it is. */
static void test_adversary__a_requester_is_never_content(void **state)
{
    struct desk *d = begin("{\"promises\":{\"resolve\":{\"target\":\"8h\"}}}");
    usher_id id = enqueue(d, "eva", 0);
    int reopens = 0, status = USHER_OK;

    (void)state;
    while (status == USHER_OK && reopens <= USHER_PAUSES_MAX) {
        assert_true(claim(d));
        assert_int_equal(act(d, (usher_command){.verb = USHER_RESOLVE, .claim = d->claim}),
                         USHER_OK);
        status = act(d, (usher_command){.verb = USHER_REOPEN, .claim = {id, 0}, .who = "eva"});
        reopens += status == USHER_OK;
    }
    assert_int_equal(status, USHER_ELIMIT);
    assert_int_equal(reopens, USHER_PAUSES_MAX);
    assert_true(standing(d, id).promises[3].arming == 1); /* and none of it restarted its clock */
    pass(d, 6 * DAY);
    assert_int_equal(standing(d, id).state, USHER_CLOSED);
    assert_at_rest(d);
    end(d);
}

/* Links in a ring tie nobody's fate to anybody's. */
static void test_adversary__causes_of_each_other(void **state)
{
    struct desk *d = begin("{}");
    usher_id a = enqueue(d, "eva", 0), b = enqueue(d, "max", 0);
    usher_claim held;

    (void)state;
    assert_int_equal(act(d, (usher_command){.verb = USHER_LINK, .claim = {a, 0}, .other = a}),
                     USHER_ESTATE);
    assert_int_equal(act(d, (usher_command){.verb = USHER_LINK, .claim = {a, 0}, .other = b}),
                     USHER_OK);
    assert_int_equal(act(d, (usher_command){.verb = USHER_LINK, .claim = {b, 0}, .other = a}),
                     USHER_OK);
    assert_true(claim(d));
    held = d->claim;
    assert_int_equal(
        act(d, (usher_command){.verb = USHER_RESOLVE, .kind = USHER_AS_WORKAROUND, .claim = held}),
        USHER_OK);
    assert_int_equal(standing(d, a).state, USHER_CLAIMED);
    assert_int_equal(
        act(d, (usher_command){.verb = USHER_RESOLVE, .kind = USHER_AS_FIX, .claim = held}),
        USHER_OK);
    assert_int_equal(d->told[USHER_EV_CAUSE_TOLD], 2); /* b, of the workaround and of the fix */
    assert_int_equal(standing(d, b).state, USHER_WAITING);
    pass(d, 6 * DAY);
    assert_int_equal(standing(d, a).state, USHER_CLOSED);
    assert_int_equal(standing(d, a).linked, 0);
    assert_true(standing(d, b).cause == a);
    end(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_adversary__agents_decline_everything),
        cmocka_unit_test(test_adversary__nobody_answers_an_offer),
        cmocka_unit_test(test_adversary__everybody_goes),
        cmocka_unit_test(test_adversary__pauses_without_end),
        cmocka_unit_test(test_adversary__a_holder_who_goes_on_and_on),
        cmocka_unit_test(test_adversary__workers_crash_for_ever),
        cmocka_unit_test(test_adversary__ladders_move_to_and_fro),
        cmocka_unit_test(test_adversary__a_month_of_steps_at_once),
        cmocka_unit_test(test_adversary__a_requester_is_never_content),
        cmocka_unit_test(test_adversary__causes_of_each_other),
    };

    return cmocka_run_group_tests_name("adversary_ends", tests, NULL, NULL);
}
