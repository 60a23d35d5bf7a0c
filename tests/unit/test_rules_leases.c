/* What becomes of a claim: leases, failed attempts, pauses, and keeping a ticket for its holder. */
#include "rules.h"

static const char pauses[] =
    "{'pause':{'requester':{'max':'2h','remind':['30m','1h'],'then':'resolve'},"
    "          'third_party':{'max':'2h'}},"
    " 'promises':{'answer':{'target':'8h'},'resolve':{'target':'8h'}}}";

static int extend(struct service *s, usher_claim c, int64_t ms)
{
    return act(s, (usher_command){ .verb = USHER_EXTEND, .claim = c, .ms = ms });
}

static int64_t until(struct service *s, usher_id id)
{
    return peek(s, id).until_at - T0;
}

/* ---- leases --------------------------------------------------------------------------------------- */

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

/* ---- was it alive? -------------------------------------------------------------------------------- */

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

/* ---- attempts ------------------------------------------------------------------------------------- */

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

/* ---- keeping -------------------------------------------------------------------------------------- */

static usher_claim kept(struct service *s)
{
    usher_claim c = held(s, "ada");

    pause(s, c, USHER_ON_THIRD_PARTY, 0);
    by_agent(s, c, USHER_RESUME);
    return c;
}

static void test_keep__is_for_the_last_holder_and_out_of_the_line(void **unused)
{
    (void)unused;

    struct service *s = begin("{}");
    usher_claim c = kept(s);

    assert_string_equal(peek(s, c.ticket).kept_for, "ann");
    assert_int_equal(peek(s, c.ticket).ahead, -1);
    assert_int_equal(until(s, c.ticket), 15 * MINUTE);
    assert_int_equal(claim(s, s->bob).ticket, 0);
    assert_int_equal(claim(s, s->ann).ticket, c.ticket);
    end(s);
}

static void test_keep__ends_after_keep_for(void **unused)
{
    (void)unused;

    struct service *s = begin("{'line':{'keep_for':'5m'}}");
    usher_claim c = kept(s);

    at(s, 5 * MINUTE - 1);
    assert_int_equal(claim(s, s->bob).ticket, 0);
    at(s, 5 * MINUTE);
    assert_int_equal(last(s, USHER_EV_KEEP_ENDED)->at, T0 + 5 * MINUTE);
    assert_int_equal(peek(s, c.ticket).ahead, 0);
    assert_int_equal(peek(s, c.ticket).state_at, T0); /* it has been waiting all the time */
    assert_int_equal(claim(s, s->bob).ticket, c.ticket);
    end(s);
}

static void test_keep__for_0_does_not_keep(void **unused)
{
    (void)unused;

    struct service *s = begin("{'line':{'keep_for':'0s'}}");
    usher_claim c = kept(s);

    assert_null(peek(s, c.ticket).kept_for);
    assert_int_equal(claim(s, s->bob).ticket, c.ticket);
    end(s);
}

static void test_keep__follows_the_policy_of_the_queue_it_is_in(void **unused)
{
    (void)unused;

    struct service *s = begin("{}");
    usher_claim c = held(s, "ada");

    define(s, queue(s, "other"), "{'line':{'keep_for':'1h'}}");
    move(s, c.ticket, queue(s, "other"));
    pause(s, c, USHER_ON_THIRD_PARTY, 0);
    by_agent(s, c, USHER_RESUME);
    assert_int_equal(until(s, c.ticket), HOUR);
    end(s);
}

static void test_keep__after_a_pause_that_ran_out_a_reply_and_a_reopen(void **unused)
{
    (void)unused;

    struct service *s = begin("{}");
    usher_claim c = held(s, "ada"), d = held(s, "ada"), e = held(s, "ada");

    pause(s, c, USHER_UNTIL, T0 + HOUR);
    pause(s, d, USHER_ON_REQUESTER, 0);
    by_agent(s, e, USHER_RESOLVE);
    at(s, HOUR);
    reply(s, d.ticket, "ada", 0);
    by_person(s, e.ticket, USHER_REOPEN, "ada");
    assert_string_equal(peek(s, c.ticket).kept_for, "ann");
    assert_string_equal(peek(s, d.ticket).kept_for, "ann");
    assert_string_equal(peek(s, e.ticket).kept_for, "ann");
    end(s);
}

static void test_keep__ends_with_a_move(void **unused)
{
    (void)unused;

    struct service *s = begin("{}");
    usher_claim c = kept(s);
    uint32_t from = s->seen_n;

    move(s, c.ticket, s->q); /* where it is */
    assert_string_equal(peek(s, c.ticket).kept_for, "ann");
    move(s, c.ticket, queue(s, "other"));
    EXPECT_EVENTS(s, from, USHER_EV_MOVED, USHER_EV_MOVED);
    assert_null(peek(s, c.ticket).kept_for);
    assert_int_equal(claim_from(s, s->bob, queue(s, "other")).ticket, c.ticket);
    end(s);
}

static void test_keep__not_after_release_nor_fail(void **unused)
{
    (void)unused;

    struct service *s = begin("{}");
    usher_claim c = held(s, "ada"), d = held(s, "ada");

    by_agent(s, c, USHER_ACKNOWLEDGE);
    by_agent(s, c, USHER_RELEASE);
    by_agent(s, d, USHER_FAIL);
    at(s, 10 * SECOND);
    assert_null(peek(s, c.ticket).kept_for);
    assert_null(peek(s, d.ticket).kept_for);
    end(s);
}

static void test_keep__not_for_an_agent_that_has_gone(void **unused)
{
    (void)unused;

    struct service *s = begin("{}");
    usher_claim c = held(s, "ada");

    pause(s, c, USHER_ON_REQUESTER, 0);
    usher_agent_gone(s->ann, NULL, NULL);
    run(s);
    assert_int_equal(state(s, c.ticket), USHER_PAUSED); /* its pauses stand */
    reply(s, c.ticket, "ada", 0);
    assert_null(peek(s, c.ticket).kept_for);
    end(s);
}

/* ---- pauses --------------------------------------------------------------------------------------- */

static void test_pause__ends_at_the_instant_that_was_given(void **unused)
{
    (void)unused;

    struct service *s = begin("{}");
    usher_claim c = held(s, "ada");

    pause(s, c, USHER_ON_THIRD_PARTY, T0 + HOUR);
    assert_int_equal(last(s, USHER_EV_PAUSED)->until_at, T0 + HOUR);
    at(s, HOUR - 1);
    assert_int_equal(state(s, c.ticket), USHER_PAUSED);
    at(s, HOUR);
    assert_int_equal(state(s, c.ticket), USHER_WAITING);
    assert_int_equal(last(s, USHER_EV_PAUSE_ENDED)->how, USHER_ON_THIRD_PARTY);
    end(s);
}

static void test_pause__without_an_end_lasts_for_the_maximum(void **unused)
{
    (void)unused;

    struct service *s = begin("{}");
    usher_claim c = held(s, "ada");

    pause(s, c, USHER_ON_THIRD_PARTY, 0);
    assert_int_equal(until(s, c.ticket), 30 * DAY);
    assert_int_equal(s->done.outcome, 0);
    end(s);
}

static void test_pause__is_clipped_at_the_maximum(void **unused)
{
    (void)unused;

    struct service *s = begin(pauses);
    usher_claim c = held(s, "ada"), d = held(s, "ada");

    assert_int_equal(pause(s, c, USHER_ON_THIRD_PARTY, T0 + 2 * HOUR + 1), USHER_OK);
    assert_int_equal(s->done.outcome, USHER_WAS_CLIPPED);
    assert_int_equal(until(s, c.ticket), 2 * HOUR);
    pause(s, d, USHER_ON_THIRD_PARTY, T0 + 2 * HOUR);
    assert_int_equal(s->done.outcome, 0);
    end(s);
}

static void test_pause__all_of_one_reason_share_its_maximum(void **unused)
{
    (void)unused;

    struct service *s = begin(pauses);
    usher_claim c = held(s, "ada");

    pause(s, c, USHER_ON_THIRD_PARTY, T0 + HOUR);
    at(s, HOUR);
    claim_ticket(s, s->ann, c.ticket, &c);
    pause(s, c, USHER_ON_THIRD_PARTY, 0);
    assert_int_equal(until(s, c.ticket), 2 * HOUR); /* one hour is left */
    at(s, 2 * HOUR);
    claim_ticket(s, s->ann, c.ticket, &c);
    assert_int_equal(pause(s, c, USHER_ON_THIRD_PARTY, 0), USHER_ESTATE);
    assert_int_equal(pause(s, c, USHER_UNTIL, T0 + 3 * HOUR), USHER_OK); /* another one has its own */
    end(s);
}

static void test_pause__on_the_requester_has_its_maximum_anew_after_a_reply(void **unused)
{
    (void)unused;

    struct service *s = begin(pauses);
    usher_claim c = held(s, "ada");

    pause(s, c, USHER_ON_REQUESTER, 0);
    at(s, HOUR);
    reply(s, c.ticket, "ada", 0);
    claim_ticket(s, s->ann, c.ticket, &c);
    pause(s, c, USHER_ON_REQUESTER, 0);
    assert_int_equal(until(s, c.ticket), 3 * HOUR);
    end(s);
}

static void test_pause__courtesy_neither_ends_it_nor_gives_a_new_maximum(void **unused)
{
    (void)unused;

    struct service *s = begin(pauses);
    usher_claim c = held(s, "ada");

    pause(s, c, USHER_ON_REQUESTER, 0);
    at(s, HOUR);
    reply(s, c.ticket, "ada", USHER_COURTESY);
    assert_int_equal(state(s, c.ticket), USHER_PAUSED);
    by_agent(s, c, USHER_RESUME);
    claim_ticket(s, s->ann, c.ticket, &c);
    pause(s, c, USHER_ON_REQUESTER, 0);
    assert_int_equal(until(s, c.ticket), 2 * HOUR);
    end(s);
}

static void test_pause__a_second_one_replaces_end_question_and_reminders(void **unused)
{
    (void)unused;

    struct service *s = begin(pauses);
    usher_claim c = held(s, "ada");

    pause(s, c, USHER_ON_REQUESTER, T0 + HOUR);
    at(s, 40 * MINUTE);
    assert_int_equal(count(s, USHER_EV_REMINDED), 1);
    act(s, (usher_command){ .verb = USHER_PAUSE, .kind = USHER_ON_REQUESTER, .claim = c,
                            .text = TEXT("which?") });
    assert_string_equal(peek(s, c.ticket).question.data, "which?");
    assert_int_equal(until(s, c.ticket), 2 * HOUR); /* the maximum counts from the first one */
    assert_int_equal(peek(s, c.ticket).state_at, T0);
    at(s, 70 * MINUTE);
    assert_int_equal(last(s, USHER_EV_REMINDED)->at, T0 + 70 * MINUTE);
    assert_int_equal(last(s, USHER_EV_REMINDED)->n, 1);
    end(s);
}

static void test_pause__reminds(void **unused)
{
    (void)unused;

    struct service *s = begin(pauses);
    usher_claim c = held(s, "ada");

    pause(s, c, USHER_ON_REQUESTER, 0);
    at(s, 30 * MINUTE);
    assert_int_equal(last(s, USHER_EV_REMINDED)->n, 1);
    at(s, HOUR);
    assert_int_equal(last(s, USHER_EV_REMINDED)->n, 2);
    at(s, 2 * HOUR - 1);
    assert_int_equal(count(s, USHER_EV_REMINDED), 2);
    end(s);
}

static void test_pause__ends_with_its_last_reason(void **unused)
{
    (void)unused;

    struct service *s = begin("{}");
    usher_claim c = held(s, "ada");

    pause(s, c, USHER_ON_REQUESTER, 0);
    pause(s, c, USHER_UNTIL, T0 + HOUR);
    assert_int_equal(until(s, c.ticket), HOUR); /* the earliest end */
    reply(s, c.ticket, "ada", 0);
    assert_int_equal(state(s, c.ticket), USHER_PAUSED);
    assert_int_equal(act(s, (usher_command){ .verb = USHER_RESUME, .kind = USHER_ON_REQUESTER,
                                             .claim = c }),
                     USHER_ESTATE); /* that one does not run any more */
    at(s, HOUR);
    assert_int_equal(state(s, c.ticket), USHER_WAITING);
    end(s);
}

static void test_pause__the_question_is_shown_while_it_is_asked(void **unused)
{
    (void)unused;

    struct service *s = begin("{}");
    usher_claim c = held(s, "ada");

    pause(s, c, USHER_ON_REQUESTER, 0);
    assert_int_equal(peek(s, c.ticket).waits_for_you, 1);
    assert_string_equal(peek(s, c.ticket).question.data, "when?");
    assert_string_equal(peek(s, c.ticket).last_word.data, "when?");
    reply(s, c.ticket, "ada", 0);
    assert_int_equal(peek(s, c.ticket).waits_for_you, 0);
    assert_null(peek(s, c.ticket).question.data);
    end(s);
}

static void test_no_reply__resolves_at_the_maximum(void **unused)
{
    (void)unused;

    struct service *s = begin(pauses);
    usher_claim c = held(s, "ada");
    uint32_t from;

    pause(s, c, USHER_ON_REQUESTER, 0);
    at(s, 2 * HOUR - 1);
    from = s->seen_n;
    at(s, 2 * HOUR);
    EXPECT_EVENTS(s, from, USHER_EV_PAUSE_ENDED, USHER_EV_RESOLVED);
    assert_int_equal(s->seen[from].state, USHER_PAUSED);
    assert_int_equal(s->seen[from + 1].how, USHER_AS_NO_REPLY);
    assert_int_equal(s->seen[from + 1].lapsed, 1 << USHER_PROMISE_RESOLVE);
    assert_int_equal(s->seen[from + 1].kept, 0);
    assert_int_equal(state(s, c.ticket), USHER_RESOLVED);
    end(s);
}

static void test_no_reply__not_at_an_end_that_the_agent_chose(void **unused)
{
    (void)unused;

    struct service *s = begin(pauses);
    usher_claim c = held(s, "ada");

    pause(s, c, USHER_ON_REQUESTER, T0 + 2 * HOUR - 1);
    at(s, 2 * HOUR);
    assert_int_equal(state(s, c.ticket), USHER_WAITING);
    end(s);
}

static void test_no_reply__not_while_another_reason_runs(void **unused)
{
    (void)unused;

    struct service *s = begin(pauses);
    usher_claim c = held(s, "ada");

    pause(s, c, USHER_ON_REQUESTER, 0);
    pause(s, c, USHER_UNTIL, T0 + 3 * HOUR);
    at(s, 2 * HOUR);
    assert_int_equal(state(s, c.ticket), USHER_PAUSED);
    at(s, 3 * HOUR);
    assert_int_equal(state(s, c.ticket), USHER_WAITING);
    end(s);
}

static void test_no_reply__not_with_an_unanswered_message(void **unused)
{
    (void)unused;

    struct service *s = begin(pauses);
    usher_claim c = held(s, "ada");

    pause(s, c, USHER_ON_REQUESTER, 0);
    by_person(s, c.ticket, USHER_ASK, "ada");
    at(s, 2 * HOUR);
    assert_int_equal(state(s, c.ticket), USHER_WAITING);
    end(s);
}

static void test_no_reply__is_undone_by_a_reopen(void **unused)
{
    (void)unused;

    struct service *s = begin(pauses);
    usher_claim c = held(s, "ada");

    at(s, 10 * MINUTE);
    pause(s, c, USHER_ON_REQUESTER, 0);
    at(s, DAY);
    by_person(s, c.ticket, USHER_REOPEN, "ada");
    assert_int_equal(promise(s, c.ticket, USHER_PROMISE_RESOLVE).state, USHER_RUNNING);
    assert_int_equal(promise(s, c.ticket, USHER_PROMISE_RESOLVE).left_ms, 8 * HOUR - 10 * MINUTE);
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
        cmocka_unit_test(test_attempts__are_forgotten_by_a_resolve),
        cmocka_unit_test(test_attempts__are_remembered_over_a_release_and_a_pause),
        cmocka_unit_test(test_attempts__are_forgotten_when_a_stuck_ticket_comes_back),
        cmocka_unit_test(test_attempts__are_counted_by_the_policy_of_the_ticket),
        cmocka_unit_test(test_release__within_a_minute_counts_as_passed_over),
        cmocka_unit_test(test_keep__is_for_the_last_holder_and_out_of_the_line),
        cmocka_unit_test(test_keep__ends_after_keep_for),
        cmocka_unit_test(test_keep__for_0_does_not_keep),
        cmocka_unit_test(test_keep__follows_the_policy_of_the_queue_it_is_in),
        cmocka_unit_test(test_keep__after_a_pause_that_ran_out_a_reply_and_a_reopen),
        cmocka_unit_test(test_keep__ends_with_a_move),
        cmocka_unit_test(test_keep__not_after_release_nor_fail),
        cmocka_unit_test(test_keep__not_for_an_agent_that_has_gone),
        cmocka_unit_test(test_pause__ends_at_the_instant_that_was_given),
        cmocka_unit_test(test_pause__without_an_end_lasts_for_the_maximum),
        cmocka_unit_test(test_pause__is_clipped_at_the_maximum),
        cmocka_unit_test(test_pause__all_of_one_reason_share_its_maximum),
        cmocka_unit_test(test_pause__on_the_requester_has_its_maximum_anew_after_a_reply),
        cmocka_unit_test(test_pause__courtesy_neither_ends_it_nor_gives_a_new_maximum),
        cmocka_unit_test(test_pause__a_second_one_replaces_end_question_and_reminders),
        cmocka_unit_test(test_pause__reminds),
        cmocka_unit_test(test_pause__ends_with_its_last_reason),
        cmocka_unit_test(test_pause__the_question_is_shown_while_it_is_asked),
        cmocka_unit_test(test_no_reply__resolves_at_the_maximum),
        cmocka_unit_test(test_no_reply__not_at_an_end_that_the_agent_chose),
        cmocka_unit_test(test_no_reply__not_while_another_reason_runs),
        cmocka_unit_test(test_no_reply__not_with_an_unanswered_message),
        cmocka_unit_test(test_no_reply__is_undone_by_a_reopen),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
