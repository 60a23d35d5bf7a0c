/* Leases and attempts: how long a claim lasts, and what becomes of a ticket when it ends. */
#include "rules.h"

static int extend(struct service *s, usher_claim c, int64_t ms)
{
    return act(s, (usher_command){ .verb = USHER_EXTEND, .claim = c, .ms = ms });
}

static int64_t until(struct service *s, usher_id id)
{
    return peek(s, id).until_at - T0;
}

/* ---- leases ---------------------------------------------------------------------------------- */

static void test_lease__ends_as_long_after_the_claim_as_the_policy_says(void **unused)
{
    (void)unused;

    struct service *s = begin("{'lease':{'for':'10m'}}");
    usher_claim c = held(s, "ada");

    assert_int_equal(until(s, c.ticket), 10 * MINUTE);
    assert_int_equal(last(s, USHER_EV_CLAIMED)->until_at, T0 + 10 * MINUTE);
    at(s, 10 * MINUTE - 1);
    assert_int_equal(state(s, c.ticket), USHER_CLAIMED);
    at(s, 10 * MINUTE);
    assert_int_equal(state(s, c.ticket), USHER_WAITING);
    assert_int_equal(last(s, USHER_EV_LEASE_EXPIRED)->n, 1);
    assert_string_equal(who_of(s, last(s, USHER_EV_LEASE_EXPIRED)), "ann");
    end(s);
}

static void test_lease__is_extended_from_now(void **unused)
{
    (void)unused;

    struct service *s = begin("{}");
    usher_claim c = held(s, "ada");

    at(s, 10 * MINUTE);
    assert_int_equal(extend(s, c, HOUR), USHER_OK);
    assert_int_equal(until(s, c.ticket), 70 * MINUTE);
    assert_int_equal(last(s, USHER_EV_EXTENDED)->until_at, T0 + 70 * MINUTE);
    assert_int_equal(s->done.until_at, T0 + 70 * MINUTE);
    end(s);
}

static void test_lease__is_extended_by_what_the_policy_says(void **unused)
{
    (void)unused;

    struct service *s = begin("{}");
    usher_claim c = held(s, "ada");

    at(s, 10 * MINUTE);
    extend(s, c, 0);
    assert_int_equal(until(s, c.ticket), 25 * MINUTE);
    end(s);
}

static void test_lease__is_never_shortened(void **unused)
{
    (void)unused;

    struct service *s = begin("{}");
    usher_claim c = held(s, "ada");

    assert_int_equal(extend(s, c, MINUTE), USHER_OK);
    assert_int_equal(until(s, c.ticket), 15 * MINUTE);
    end(s);
}

static void test_lease__is_clipped_at_the_maximum_of_one_claim(void **unused)
{
    (void)unused;

    struct service *s = begin("{'lease':{'for':'15m','max':'20m'}}");
    usher_claim c = held(s, "ada");

    at(s, 10 * MINUTE);
    extend(s, c, 10 * MINUTE);
    assert_int_equal(s->done.outcome, 0);
    extend(s, c, 10 * MINUTE + 1);
    assert_int_equal(s->done.outcome, USHER_WAS_CLIPPED);
    assert_int_equal(until(s, c.ticket), 20 * MINUTE);
    at(s, 20 * MINUTE);
    assert_int_equal(state(s, c.ticket), USHER_WAITING);
    claim_ticket(s, s->ann, c.ticket, &c);
    extend(s, c, HOUR);
    assert_int_equal(until(s, c.ticket), 40 * MINUTE); /* the next claim has its own */
    end(s);
}

static void test_lease__is_extended_by_any_command_with_the_token(void **unused)
{
    (void)unused;

    struct service *s = begin("{}");
    usher_claim c = held(s, "ada");

    at(s, 5 * MINUTE);
    by_agent(s, c, USHER_ACKNOWLEDGE);
    assert_int_equal(until(s, c.ticket), 20 * MINUTE);
    at(s, 10 * MINUTE);
    by_agent(s, c, USHER_NOTE);
    assert_int_equal(until(s, c.ticket), 25 * MINUTE);
    end(s);
}

static void test_lease__is_not_extended_without_the_token(void **unused)
{
    (void)unused;

    struct service *s = begin("{}");
    usher_claim c = held(s, "ada");

    at(s, 5 * MINUTE);
    by_person(s, c.ticket, USHER_NOTE, "desk");
    by_person(s, c.ticket, USHER_ASK, "ada");
    assert_int_equal(until(s, c.ticket), 15 * MINUTE);
    end(s);
}

static void test_lease__is_not_extended_by_what_is_refused(void **unused)
{
    (void)unused;

    struct service *s = begin("{}");
    usher_claim c = held(s, "ada");

    at(s, 5 * MINUTE);
    assert_int_equal(act(s, (usher_command){ .verb = USHER_UPDATE, .claim = c, .text = TEXT("w"),
                                             .at = T0 }),
                     USHER_EINVAL);
    assert_int_equal(until(s, c.ticket), 15 * MINUTE);
    end(s);
}

static void test_lease__follows_the_policy_of_its_queue_at_once(void **unused)
{
    (void)unused;

    struct service *s = begin("{}");
    usher_claim c = held(s, "ada");

    define(s, s->q, "{'lease':{'for':'2h'}}");
    extend(s, c, 0);
    assert_int_equal(until(s, c.ticket), 2 * HOUR);
    define(s, queue(s, "other"), "{'lease':{'for':'3h'}}");
    move(s, c.ticket, queue(s, "other"));
    extend(s, c, 0);
    assert_int_equal(until(s, c.ticket), 3 * HOUR);
    end(s);
}

static void test_lease__does_not_run_in_a_pause(void **unused)
{
    (void)unused;

    struct service *s = begin("{}");
    usher_claim c = held(s, "ada");

    pause(s, c, USHER_ON_THIRD_PARTY, 0);
    at(s, DAY);
    assert_int_equal(state(s, c.ticket), USHER_PAUSED);
    assert_int_equal(by_agent(s, c, USHER_RESOLVE), USHER_OK);
    end(s);
}

static void test_lease__ends_at_its_instant_however_late_that_is_seen(void **unused)
{
    (void)unused;

    struct service *s = begin("{}");

    held(s, "ada");
    late(s, HOUR);
    assert_int_equal(last(s, USHER_EV_LEASE_EXPIRED)->at, T0 + 15 * MINUTE);
    assert_int_equal(last(s, USHER_EV_LEASE_EXPIRED)->seen_at, T0 + HOUR);
    end(s);
}

static void test_lease__does_not_notice_a_wall_clock_that_is_set_forward(void **unused)
{
    (void)unused;

    struct service *s = begin("{'promises':{'ack':{'target':'1h'}}}");
    usher_claim c = held(s, "ada");

    usher_manual_clock_step(s->clock, 2 * HOUR);
    run(s);
    assert_int_equal(state(s, c.ticket), USHER_CLAIMED);
    assert_int_equal(count(s, USHER_EV_BROKEN), 1); /* promises follow the wall */
    assert_int_equal(until(s, c.ticket), 2 * HOUR + 15 * MINUTE);
    at(s, 2 * HOUR + 15 * MINUTE);
    assert_int_equal(state(s, c.ticket), USHER_WAITING);
    end(s);
}

static void test_lease__does_not_wait_for_a_wall_clock_that_is_set_back(void **unused)
{
    (void)unused;

    struct service *s = begin("{}");
    usher_claim c = held(s, "ada");

    usher_manual_clock_step(s->clock, -HOUR);
    at(s, -45 * MINUTE - 1);
    assert_int_equal(state(s, c.ticket), USHER_CLAIMED);
    assert_int_equal(usher_now(s->u), T0);
    at(s, -45 * MINUTE);
    assert_int_equal(state(s, c.ticket), USHER_WAITING);
    assert_int_equal(last(s, USHER_EV_LEASE_EXPIRED)->at, T0);
    end(s);
}

/* ---- was it alive? --------------------------------------------------------------------------- */

enum { NOTHING, WORD, EXTENDS, UPDATES };

/* Attempts after a lease that ended in a claim which saw these. */
static uint32_t attempts_after(int first, int second)
{
    static const int verbs[] = { 0, USHER_ACKNOWLEDGE, USHER_EXTEND, USHER_UPDATE };
    struct service *s = begin("{}");
    usher_claim c = held(s, "ada");
    uint32_t attempts;

    if (first != NOTHING)
        by_agent(s, c, verbs[first]);
    if (second != NOTHING)
        by_agent(s, c, verbs[second]);
    at(s, 15 * MINUTE);
    attempts = peek(s, c.ticket).attempts;
    assert_int_equal(last(s, USHER_EV_LEASE_EXPIRED)->n, attempts);
    assert_int_equal(peek(s, c.ticket).kept_for != NULL, first == WORD || first == UPDATES ||
                                                         second == WORD || second == UPDATES);
    end(s);
    return attempts;
}

static void test_alive__is_a_claim_with_an_update_or_extend_after_its_first_word(void **unused)
{
    (void)unused;

    assert_int_equal(attempts_after(WORD, UPDATES), 0);
    assert_int_equal(attempts_after(WORD, EXTENDS), 0);
    assert_int_equal(attempts_after(UPDATES, UPDATES), 0);
    assert_int_equal(attempts_after(UPDATES, EXTENDS), 0);
}

static void test_alive__is_not_a_claim_with_less(void **unused)
{
    (void)unused;

    assert_int_equal(attempts_after(NOTHING, NOTHING), 1);
    assert_int_equal(attempts_after(WORD, NOTHING), 1);
    assert_int_equal(attempts_after(WORD, WORD), 1);
    assert_int_equal(attempts_after(UPDATES, NOTHING), 1);
    assert_int_equal(attempts_after(UPDATES, WORD), 1);
    assert_int_equal(attempts_after(EXTENDS, NOTHING), 1);
    assert_int_equal(attempts_after(EXTENDS, WORD), 1);
}

static void test_alive__is_asked_of_each_claim(void **unused)
{
    (void)unused;

    struct service *s = begin("{}");
    usher_claim c = held(s, "ada");

    by_agent(s, c, USHER_ACKNOWLEDGE);
    by_agent(s, c, USHER_UPDATE);
    by_agent(s, c, USHER_RELEASE);
    claim_ticket(s, s->ann, c.ticket, &c);
    at(s, 15 * MINUTE);
    assert_int_equal(peek(s, c.ticket).attempts, 1);
    assert_null(peek(s, c.ticket).kept_for);
    end(s);
}

/* ---- attempts -------------------------------------------------------------------------------- */

static void test_retry__waits_for_the_backoff_of_the_attempt(void **unused)
{
    (void)unused;

    struct service *s = begin("{'retry':{'attempts':9,'backoff':['10s','1m']}}");
    usher_claim c = held(s, "ada");

    by_agent(s, c, USHER_FAIL);
    assert_int_equal(state(s, c.ticket), USHER_SCHEDULED);
    assert_int_equal(last(s, USHER_EV_FAILED)->n, 1);
    assert_int_equal(last(s, USHER_EV_FAILED)->until_at, T0 + 10 * SECOND);
    at(s, 10 * SECOND - 1);
    assert_int_equal(state(s, c.ticket), USHER_SCHEDULED);
    at(s, 10 * SECOND);
    assert_int_equal(state(s, c.ticket), USHER_WAITING);
    assert_int_equal(last(s, USHER_EV_STARTED)->at, T0 + 10 * SECOND);
    for (int i = 0; i < 3; i++) { /* the last one repeats */
        claim_ticket(s, s->ann, c.ticket, &c);
        by_agent(s, c, USHER_FAIL);
        assert_int_equal(until(s, c.ticket), wall(s) - T0 + MINUTE);
        at(s, until(s, c.ticket));
    }
    end(s);
}

static void test_retry__with_a_backoff_of_0_is_scheduled_for_an_instant(void **unused)
{
    (void)unused;

    struct service *s = begin("{'retry':{'backoff':['0s']}}");
    usher_claim c = held(s, "ada");

    by_agent(s, c, USHER_FAIL);
    assert_int_equal(s->done.state, USHER_SCHEDULED);
    assert_int_equal(state(s, c.ticket), USHER_WAITING);
    assert_int_equal(last(s, USHER_EV_STARTED)->at, T0);
    assert_int_equal(last(s, USHER_EV_STARTED)->seen_at, 0);
    end(s);
}

static void test_retry__is_stuck_when_its_attempts_are_used_up(void **unused)
{
    (void)unused;

    struct service *s = begin("{'retry':{'attempts':2,'backoff':['1m']}}");
    usher_claim c = held(s, "ada");
    uint32_t from;

    by_agent(s, c, USHER_FAIL);
    at(s, MINUTE);
    claim_ticket(s, s->ann, c.ticket, &c);
    from = s->seen_n;
    by_agent(s, c, USHER_FAIL);
    EXPECT_EVENTS(s, from, USHER_EV_FAILED, USHER_EV_STUCK);
    assert_int_equal(s->seen[from].until_at, 0);
    assert_int_equal(s->seen[from].state, USHER_STUCK);
    assert_int_equal(s->seen[from].level, 0);
    assert_int_equal(s->seen[from + 1].n, 2);
    assert_int_equal(s->seen[from + 1].level, 1);
    assert_int_equal(state(s, c.ticket), USHER_STUCK);
    end(s);
}

static void test_retry__is_stuck_by_a_lease_that_ended_too(void **unused)
{
    (void)unused;

    struct service *s = begin("{'retry':{'attempts':1}}");
    uint32_t from;

    held(s, "ada");
    from = s->seen_n;
    at(s, 15 * MINUTE);
    EXPECT_EVENTS(s, from, USHER_EV_LEASE_EXPIRED, USHER_EV_STUCK);
    assert_int_equal(s->seen[from].state, USHER_STUCK);
    assert_string_equal(who_of(s, &s->seen[from + 1]), "ann");
    assert_int_equal(peek(s, 1).level, 1);
    end(s);
}

static void test_retry__counts_every_lease_that_ended(void **unused)
{
    (void)unused;

    struct service *s = begin("{'retry':{'attempts':3}}");
    usher_claim c = held(s, "ada");

    for (uint32_t i = 1; i <= 3; i++) {
        at(s, wall(s) - T0 + 15 * MINUTE);
        assert_int_equal(last(s, USHER_EV_LEASE_EXPIRED)->n, i);
        assert_int_equal(state(s, c.ticket), i < 3 ? USHER_WAITING : USHER_STUCK);
        if (i < 3)
            claim_ticket(s, s->ann, c.ticket, &c);
    }
    end(s);
}

/* A ticket that has one failed attempt. */
static usher_claim failed_once(struct service *s)
{
    usher_claim c = held(s, "ada");

    by_agent(s, c, USHER_FAIL);
    at(s, 10 * SECOND);
    claim_ticket(s, s->ann, c.ticket, &c);
    assert_int_equal(peek(s, c.ticket).attempts, 1);
    return c;
}

static void test_attempts__are_forgotten_by_a_resolve(void **unused)
{
    (void)unused;

    struct service *s = begin("{}");
    usher_claim c = failed_once(s);

    by_agent(s, c, USHER_RESOLVE);
    assert_int_equal(peek(s, c.ticket).attempts, 0);
    end(s);
}

static void test_attempts__are_remembered_over_a_release_and_a_pause(void **unused)
{
    (void)unused;

    struct service *s = begin("{}");
    usher_claim c = failed_once(s);

    by_agent(s, c, USHER_RELEASE);
    claim_ticket(s, s->ann, c.ticket, &c);
    pause(s, c, USHER_ON_THIRD_PARTY, 0);
    claim_ticket(s, s->bob, c.ticket, &c);
    assert_int_equal(peek(s, c.ticket).attempts, 1);
    end(s);
}

static void test_attempts__are_forgotten_when_a_stuck_ticket_comes_back(void **unused)
{
    (void)unused;

    struct service *s = begin("{'retry':{'attempts':1}}");
    usher_claim c = held(s, "ada"), d = held(s, "ada");

    by_agent(s, c, USHER_FAIL);
    by_agent(s, d, USHER_FAIL);
    assert_int_equal(by_person(s, c.ticket, USHER_REVIVE, "desk"), USHER_OK);
    assert_int_equal(peek(s, c.ticket).attempts, 0);
    assert_null(peek(s, c.ticket).kept_for);
    claim_ticket(s, s->bob, d.ticket, &d);
    assert_int_equal(peek(s, d.ticket).attempts, 0);
    assert_int_equal(peek(s, d.ticket).level, 1); /* a level never falls */
    end(s);
}

static void test_attempts__are_counted_by_the_policy_of_the_ticket(void **unused)
{
    (void)unused;

    struct service *s = begin("{'retry':{'attempts':1}}");
    usher_claim c = held(s, "ada");

    define(s, s->q, "{}");
    by_agent(s, c, USHER_FAIL);
    assert_int_equal(state(s, c.ticket), USHER_STUCK);
    end(s);
}

static void test_release__within_a_minute_counts_as_passed_over(void **unused)
{
    (void)unused;

    struct service *s = begin("{}");
    usher_claim c = held(s, "ada"), d = held(s, "ada");

    at(s, MINUTE);
    by_agent(s, c, USHER_RELEASE);
    assert_int_equal(last(s, USHER_EV_RELEASED)->n, 1);
    at(s, MINUTE + 1);
    by_agent(s, d, USHER_RELEASE);
    assert_int_equal(last(s, USHER_EV_RELEASED)->n, 0);
    end(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lease__ends_as_long_after_the_claim_as_the_policy_says),
        cmocka_unit_test(test_lease__is_extended_from_now),
        cmocka_unit_test(test_lease__is_extended_by_what_the_policy_says),
        cmocka_unit_test(test_lease__is_never_shortened),
        cmocka_unit_test(test_lease__is_clipped_at_the_maximum_of_one_claim),
        cmocka_unit_test(test_lease__is_extended_by_any_command_with_the_token),
        cmocka_unit_test(test_lease__is_not_extended_without_the_token),
        cmocka_unit_test(test_lease__is_not_extended_by_what_is_refused),
        cmocka_unit_test(test_lease__follows_the_policy_of_its_queue_at_once),
        cmocka_unit_test(test_lease__does_not_run_in_a_pause),
        cmocka_unit_test(test_lease__ends_at_its_instant_however_late_that_is_seen),
        cmocka_unit_test(test_lease__does_not_notice_a_wall_clock_that_is_set_forward),
        cmocka_unit_test(test_lease__does_not_wait_for_a_wall_clock_that_is_set_back),
        cmocka_unit_test(test_alive__is_a_claim_with_an_update_or_extend_after_its_first_word),
        cmocka_unit_test(test_alive__is_not_a_claim_with_less),
        cmocka_unit_test(test_alive__is_asked_of_each_claim),
        cmocka_unit_test(test_retry__waits_for_the_backoff_of_the_attempt),
        cmocka_unit_test(test_retry__with_a_backoff_of_0_is_scheduled_for_an_instant),
        cmocka_unit_test(test_retry__is_stuck_when_its_attempts_are_used_up),
        cmocka_unit_test(test_retry__is_stuck_by_a_lease_that_ended_too),
        cmocka_unit_test(test_retry__counts_every_lease_that_ended),
        cmocka_unit_test(test_attempts__are_forgotten_by_a_resolve),
        cmocka_unit_test(test_attempts__are_remembered_over_a_release_and_a_pause),
        cmocka_unit_test(test_attempts__are_forgotten_when_a_stuck_ticket_comes_back),
        cmocka_unit_test(test_attempts__are_counted_by_the_policy_of_the_ticket),
        cmocka_unit_test(test_release__within_a_minute_counts_as_passed_over),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
