/* Passing on: an offer that must be accepted. Until it is, the giver answers for the ticket; no clock
 * of the requester's is touched by any of it. */
#include "rules.h"

/* A second queue, with a policy of its own. */
static usher_queue_t *tier2(struct service *s, const char *policy)
{
    usher_queue_t *q = queue(s, "tier2");

    define(s, q, policy);
    return q;
}

static void expect_to(struct service *s, int kind, int how, const char *to)
{
    const usher_event *e = last(s, kind);

    assert_int_equal(e->how, how);
    assert_string_equal(to_of(s, e), to);
}

/* ---- offering -------------------------------------------------------------------------------- */

static void test_handoff__offers_and_the_giver_answers_for_it(void **unused)
{
    struct service *s = begin("{'handoff':{'accept_within':'20m'}}");
    usher_queue_t *q = tier2(s, "{}");
    usher_claim c;
    usher_standing is;

    (void)unused;
    c = held(s, "ada");
    at(s, MINUTE);
    assert_int_equal(hand_off(s, c, q, NULL), USHER_OK);
    assert_int_equal(s->done.state, USHER_OFFERED);
    assert_int_equal(s->done.token, c.token);
    assert_int_equal(s->done.until_at, T0 + 21 * MINUTE);
    is = peek(s, c.ticket);
    assert_string_equal(is.holder, "ann");
    assert_string_equal(is.offered_to, "tier2");
    assert_int_equal(is.offer, USHER_TO_QUEUE);
    assert_int_equal(is.handoffs, 1);
    assert_int_equal(is.until_at, T0 + 21 * MINUTE);
    assert_ptr_equal(is.queue, s->q);
    assert_int_equal(is.level, 0);
    expect_to(s, USHER_EV_OFFERED, USHER_TO_QUEUE, "tier2");
    assert_string_equal(who_of(s, last(s, USHER_EV_OFFERED)), "ann");
    assert_string_equal(text_of(s, last(s, USHER_EV_OFFERED)), "why");
    assert_int_equal(last(s, USHER_EV_OFFERED)->n, 1);
    assert_int_equal(last(s, USHER_EV_OFFERED)->until_at, T0 + 21 * MINUTE);
    assert_int_equal(last(s, USHER_EV_OFFERED)->held_ms, MINUTE);
    assert_ptr_equal(last(s, USHER_EV_OFFERED)->queue, s->q);
    /* Nobody has said a word by it; with his token he still may. */
    assert_int_equal(last(s, USHER_EV_OFFERED)->word_ms, -1);
    assert_int_equal(by_agent(s, c, USHER_ACKNOWLEDGE), USHER_OK);
    assert_int_equal(last(s, USHER_EV_ACKNOWLEDGED)->word_ms, MINUTE);
    assert_int_equal(by_agent(s, c, USHER_UPDATE), USHER_OK);
    assert_int_equal(state(s, c.ticket), USHER_OFFERED);
    assert_int_equal(by_agent(s, c, USHER_RESOLVE), USHER_OK);
    assert_int_equal(state(s, c.ticket), USHER_RESOLVED);
    assert_null(peek(s, c.ticket).offered_to);
    assert_int_equal(peek(s, c.ticket).offer, 0);
    assert_int_equal(claim_from(s, s->bob, q).ticket, 0);
    at(s, HOUR);
    assert_int_equal(count(s, USHER_EV_OFFER_EXPIRED), 0);
    end(s);
}

static void test_handoff__to_himself_or_to_one_who_has_gone_is_refused(void **unused)
{
    struct service *s = begin("{}");
    usher_claim c = held(s, "ada");

    (void)unused;
    assert_int_equal(hand_off(s, c, NULL, s->ann), USHER_ESTATE);
    assert_int_equal(usher_agent_gone(s->bob, on_done, s), USHER_OK);
    run(s);
    assert_int_equal(hand_off(s, c, NULL, s->bob), USHER_ESTATE);
    assert_int_equal(state(s, c.ticket), USHER_CLAIMED);
    assert_int_equal(peek(s, c.ticket).handoffs, 0);
    /* ... to one queue or one agent, not both and not neither */
    assert_int_equal(hand_off(s, c, NULL, NULL), USHER_EINVAL);
    assert_int_equal(hand_off(s, c, s->q, s->bob), USHER_EINVAL);
    end(s);
}

/* The lease does not run; only the offer's own end does. */
static void test_handoff__no_lease_runs(void **unused)
{
    struct service *s = begin("{'lease':{'for':'1m'},'handoff':{'accept_within':'2h'}}");
    usher_claim c = handed_off(s, queue(s, "tier2"), NULL);

    (void)unused;
    at(s, 2 * HOUR - 1);
    assert_int_equal(state(s, c.ticket), USHER_OFFERED);
    assert_int_equal(by_agent(s, c, USHER_UPDATE), USHER_OK);
    assert_int_equal(peek(s, c.ticket).until_at, T0 + 2 * HOUR);
    at(s, 2 * HOUR);
    assert_int_equal(count(s, USHER_EV_OFFER_EXPIRED), 1);
    assert_int_equal(count(s, USHER_EV_LEASE_EXPIRED), 0);
    end(s);
}

static void test_handoff__touches_no_clock(void **unused)
{
    struct service *s = begin("{'promises':{'ack':{'target':'1h'},'resolve':{'target':'4h'}},"
                              "'handoff':{'accept_within':'50m'}}");
    usher_queue_t *q = tier2(s, "{'promises':{'ack':{'target':'1m'}}}");
    usher_claim c = held(s, "ada");

    (void)unused;
    for (int i = 0; i < 3; i++) {
        usher_promise ack = promise(s, c.ticket, USHER_PROMISE_ACK);
        usher_promise resolve = promise(s, c.ticket, USHER_PROMISE_RESOLVE);

        assert_int_equal(ack.due_at, T0 + HOUR);
        assert_int_equal(ack.arming, 1);
        assert_int_equal(resolve.due_at, T0 + 4 * HOUR);
        if (i == 0)
            assert_int_equal(hand_off(s, c, q, NULL), USHER_OK);
        if (i == 1)
            assert_int_equal(claim_from(s, s->bob, q).ticket, c.ticket);
        at(s, 10 * MINUTE * (i + 1));
    }
    assert_int_equal(count(s, USHER_EV_WARNED), 1);
    at(s, HOUR + 1);
    assert_int_equal(count(s, USHER_EV_BROKEN), 1); /* nobody has said a word */
    end(s);
}

/* ---- accepting ------------------------------------------------------------------------------- */

static void test_handoff__claiming_it_in_the_line_accepts(void **unused)
{
    struct service *s = begin("{'promises':{'resolve':{'target':'4h'}}}");
    usher_queue_t *q = tier2(s, "{'lease':{'for':'7m'},'promises':{'resolve':{'target':'1h'}}}");
    usher_id other;
    usher_claim c, theirs;
    usher_standing is;

    (void)unused;
    other = ticket(s, "eve", 0); /* in tier2, and promised sooner */
    assert_int_equal(move(s, other, q), USHER_OK);
    at(s, MINUTE);
    c = handed_off(s, q, NULL);
    is = peek(s, c.ticket);
    assert_int_equal(is.ahead, 1);
    at(s, 5 * MINUTE);
    assert_int_equal(claim_from(s, s->bob, s->q).ticket, 0); /* it stands in that line only */
    assert_int_equal(claim_from(s, s->bob, q).ticket, other);
    theirs = claim_from(s, s->bob, q);
    assert_int_equal(theirs.ticket, c.ticket);
    assert_int_equal(theirs.token, c.token + 1);
    is = peek(s, c.ticket);
    assert_ptr_equal(is.queue, q);
    assert_string_equal(is.holder, "bob");
    assert_null(is.offered_to);
    assert_int_equal(is.handoffs, 1);
    assert_int_equal(is.until_at, T0 + 12 * MINUTE);
    assert_int_equal(last(s, USHER_EV_CLAIMED)->how, USHER_TO_QUEUE);
    assert_int_equal(last(s, USHER_EV_CLAIMED)->n, 0);
    assert_int_equal(last(s, USHER_EV_CLAIMED)->took_ms, -1); /* not the first time */
    assert_ptr_equal(last(s, USHER_EV_CLAIMED)->queue, q);
    assert_int_equal(by_agent(s, c, USHER_UPDATE), USHER_ESTALE);
    assert_int_equal(by_agent(s, theirs, USHER_UPDATE), USHER_OK);
    /* ... the promises stay those that it was given */
    assert_int_equal(promise(s, c.ticket, USHER_PROMISE_RESOLVE).due_at, T0 + MINUTE + 4 * HOUR);
    at(s, HOUR);
    assert_int_equal(count(s, USHER_EV_OFFER_EXPIRED), 0);
    end(s);
}

/* Whatever queues he claims from, and whatever his skills are. */
static void test_handoff__to_an_agent_is_for_him_first_and_only(void **unused)
{
    struct service *s = begin("{}");
    usher_queue_t *elsewhere = queue(s, "elsewhere");
    usher_agent_t *cay = agent(s, "cay", NULL);
    usher_request r = { .requester = "ada", .needs_n = 1,
                        .needs = (const char *const[]){ "latin" } };
    usher_claim c, his;

    (void)unused;
    agent(s, "dan", "latin");
    assert_int_equal(enqueue(s, s->q, r), USHER_OK);
    assert_int_equal(claim_ticket(s, s->ann, s->done.ticket, &c), USHER_OK);
    assert_int_equal(hand_off(s, c, NULL, s->bob), USHER_OK);
    ticket(s, "eve", USHER_URGENT);
    expect_to(s, USHER_EV_OFFERED, USHER_TO_AGENT, "bob");
    assert_string_equal(peek(s, c.ticket).offered_to, "bob");
    assert_int_equal(peek(s, c.ticket).offer, USHER_TO_AGENT);
    assert_int_equal(claim_ticket(s, cay, c.ticket, &his), USHER_ESTATE);
    assert_int_equal(claim_ticket(s, s->ann, c.ticket, &his), USHER_ESTATE);
    assert_int_equal(claim_from(s, cay, elsewhere).ticket, 0);
    his = claim_from(s, s->bob, elsewhere);
    assert_int_equal(his.ticket, c.ticket);
    assert_int_equal(last(s, USHER_EV_CLAIMED)->how, USHER_TO_AGENT);
    assert_int_equal(last(s, USHER_EV_CLAIMED)->n, 0);
    assert_ptr_equal(peek(s, c.ticket).queue, s->q);
    assert_int_equal(by_agent(s, c, USHER_UPDATE), USHER_ESTALE);
    end(s);
}

static void test_handoff__claim_ticket_accepts_too(void **unused)
{
    struct service *s = begin("{}");
    usher_queue_t *q = queue(s, "tier2");
    usher_claim c, theirs;

    (void)unused;
    for (int i = 0; i < 3; i++)
        assert_int_equal(move(s, ticket(s, "eve", 0), q), USHER_OK);
    at(s, MINUTE);
    c = handed_off(s, q, NULL);
    usher_queue_hold(q, USHER_HOLD_CLAIMS, on_done, s);
    run(s);
    assert_int_equal(claim_ticket(s, s->bob, c.ticket, &theirs), USHER_ESTATE);
    usher_queue_hold(q, USHER_RUN, on_done, s);
    run(s);
    assert_int_equal(claim_ticket(s, s->bob, c.ticket, &theirs), USHER_OK);
    assert_int_equal(last(s, USHER_EV_CLAIMED)->how, USHER_TO_QUEUE);
    assert_int_equal(last(s, USHER_EV_CLAIMED)->n, 3); /* who stood before it there */
    c = handed_off(s, NULL, s->bob);
    assert_int_equal(claim_ticket(s, s->bob, c.ticket, &theirs), USHER_OK);
    assert_int_equal(last(s, USHER_EV_CLAIMED)->how, USHER_TO_AGENT);
    assert_int_equal(last(s, USHER_EV_CLAIMED)->n, 0);
    /* The giver may take it in the other line himself: a new claim. */
    c = handed_off(s, q, NULL);
    assert_int_equal(claim_ticket(s, s->ann, c.ticket, &theirs), USHER_OK);
    assert_int_equal(theirs.token, c.token + 1);
    assert_ptr_equal(peek(s, c.ticket).queue, q);
    end(s);
}

static void test_handoff__while_its_queue_holds_claims_an_agent_cannot_accept(void **unused)
{
    struct service *s = begin("{}");
    usher_queue_t *q = queue(s, "tier2");
    usher_claim c = handed_off(s, NULL, s->bob), his;

    (void)unused;
    usher_queue_hold(s->q, USHER_HOLD_CLAIMS, on_done, s);
    run(s);
    assert_int_equal(claim_from(s, s->bob, q).ticket, 0);
    assert_int_equal(claim_ticket(s, s->bob, c.ticket, &his), USHER_ESTATE);
    usher_queue_hold(s->q, USHER_RUN, on_done, s);
    run(s);
    assert_int_equal(claim_from(s, s->bob, q).ticket, c.ticket);
    end(s);
}

static void test_handoff__to_its_own_queue_is_a_release_that_must_be_accepted(void **unused)
{
    struct service *s = begin("{}");
    usher_claim c = handed_off(s, s->q, NULL), theirs = claim(s, s->bob);

    (void)unused;
    assert_int_equal(theirs.ticket, c.ticket);
    assert_int_equal(last(s, USHER_EV_CLAIMED)->how, USHER_TO_QUEUE);
    end(s);
}

static void test_handoff__wakes_parked_claims(void **unused)
{
    struct service *s = begin("{}");
    usher_queue_t *q = queue(s, "tier2");
    struct waiter w;
    usher_claim c = held(s, "ada");
    usher_claim_args there = { .queues = &q, .queues_n = 1, .wait_ms = HOUR };

    (void)unused;
    assert_int_equal(claim_many(s, &w, s->bob, there), USHER_OK);
    assert_int_equal(w.told, 0);
    assert_int_equal(hand_off(s, c, q, NULL), USHER_OK);
    assert_int_equal(w.told, 1);
    assert_int_equal(w.work[0].claim.ticket, c.ticket);
    assert_int_equal(by_agent(s, w.work[0].claim, USHER_RELEASE), USHER_OK);
    /* ... whatever they claim from, when it is for him */
    assert_int_equal(claim_ticket(s, s->ann, c.ticket, &c), USHER_OK);
    assert_int_equal(move(s, c.ticket, s->q), USHER_OK);
    assert_int_equal(claim_many(s, &w, s->bob, there), USHER_OK);
    assert_int_equal(w.told, 0);
    assert_int_equal(hand_off(s, c, NULL, s->bob), USHER_OK);
    assert_int_equal(w.told, 1);
    assert_int_equal(w.work[0].claim.ticket, c.ticket);
    end(s);
}

/* ---- recalling ------------------------------------------------------------------------------- */

static void test_handoff__recall_goes_on_with_the_same_claim(void **unused)
{
    struct service *s = begin("{'lease':{'for':'15m','max':'40m'},"
                              "'handoff':{'accept_within':'2h'}}");
    usher_claim c = handed_off(s, queue(s, "tier2"), NULL);

    (void)unused;
    at(s, HOUR); /* past lease.max of this claim */
    assert_int_equal(by_desk(s, c.ticket, USHER_RECALL), USHER_OK);
    assert_int_equal(s->done.state, USHER_CLAIMED);
    assert_int_equal(s->done.token, c.token);
    assert_int_equal(peek(s, c.ticket).until_at, T0 + HOUR + 15 * MINUTE);
    assert_null(peek(s, c.ticket).offered_to);
    expect_to(s, USHER_EV_RECALLED, USHER_TO_QUEUE, "tier2");
    assert_string_equal(who_of(s, last(s, USHER_EV_RECALLED)), "dee");
    assert_int_equal(last(s, USHER_EV_RECALLED)->until_at, T0 + HOUR + 15 * MINUTE);
    assert_int_equal(peek(s, c.ticket).level, 0);
    /* extend clips, and never shortens */
    assert_int_equal(by_agent(s, c, USHER_EXTEND), USHER_OK);
    assert_int_equal(s->done.outcome, USHER_WAS_CLIPPED);
    assert_int_equal(peek(s, c.ticket).until_at, T0 + HOUR + 15 * MINUTE);
    at(s, HOUR + 10 * MINUTE);
    assert_int_equal(by_agent(s, c, USHER_RELEASE), USHER_OK);
    assert_int_equal(last(s, USHER_EV_RELEASED)->held_ms, 10 * MINUTE); /* since the recall */
    assert_int_equal(last(s, USHER_EV_RELEASED)->n, 0);
    assert_int_equal(by_desk(s, c.ticket, USHER_RECALL), USHER_ESTATE);
    end(s);
}

static void test_handoff__recall_by_the_giver_gives_his_token(void **unused)
{
    struct service *s = begin("{}");
    usher_claim c = handed_off(s, NULL, s->bob), wrong = { c.ticket, c.token + 1 };

    (void)unused;
    assert_int_equal(act(s, (usher_command){ .verb = USHER_RECALL, .claim = wrong }), USHER_ESTALE);
    assert_int_equal(act(s, (usher_command){ .verb = USHER_RECALL, .claim = c }), USHER_OK);
    assert_int_equal(state(s, c.ticket), USHER_CLAIMED);
    expect_to(s, USHER_EV_RECALLED, USHER_TO_AGENT, "bob");
    assert_int_equal(claim(s, s->bob).ticket, 0);
    assert_int_equal(by_agent(s, c, USHER_RESOLVE), USHER_OK);
    end(s);
}

/* Pauses and a claim that saw a word are as before: a lease that runs out later counts as ever. */
static void test_handoff__what_the_claim_saw_is_not_forgotten(void **unused)
{
    struct service *s = begin("{'lease':{'for':'15m'}}");
    usher_claim c = held(s, "ada");

    (void)unused;
    assert_int_equal(by_agent(s, c, USHER_UPDATE), USHER_OK);
    assert_int_equal(by_agent(s, c, USHER_UPDATE), USHER_OK);
    assert_int_equal(hand_off(s, c, s->q, NULL), USHER_OK);
    assert_int_equal(by_desk(s, c.ticket, USHER_RECALL), USHER_OK);
    at(s, 15 * MINUTE);
    assert_int_equal(last(s, USHER_EV_LEASE_EXPIRED)->n, 0); /* no failed attempt */
    assert_string_equal(peek(s, c.ticket).kept_for, "ann");
    end(s);
}

static void test_handoff__recall_for_a_giver_who_has_gone_leads_to_the_line(void **unused)
{
    struct service *s = begin("{}");
    usher_claim c = handed_off(s, NULL, s->bob);

    (void)unused;
    assert_int_equal(usher_agent_gone(s->ann, on_done, s), USHER_OK);
    run(s);
    assert_int_equal(state(s, c.ticket), USHER_OFFERED); /* what he offered stands */
    assert_int_equal(by_desk(s, c.ticket, USHER_RECALL), USHER_OK);
    assert_int_equal(state(s, c.ticket), USHER_WAITING);
    assert_int_equal(s->done.token, 0);
    assert_int_equal(last(s, USHER_EV_RECALLED)->until_at, 0);
    assert_null(peek(s, c.ticket).kept_for);
    assert_int_equal(peek(s, c.ticket).level, 0);
    assert_int_equal(by_agent(s, c, USHER_UPDATE), USHER_ESTALE);
    assert_int_equal(claim(s, s->bob).ticket, c.ticket);
    end(s);
}

/* ---- coming back ----------------------------------------------------------------------------- */

static void expect_back(struct service *s, usher_claim c, uint32_t level, const char *kept_for)
{
    usher_standing is = peek(s, c.ticket);

    assert_int_equal(is.state, USHER_WAITING);
    assert_int_equal(is.level, level);
    if (kept_for != NULL)
        assert_string_equal(is.kept_for, kept_for);
    else
        assert_null(is.kept_for);
    assert_null(is.offered_to);
    assert_int_equal(is.offer, 0);
    assert_ptr_equal(is.queue, s->q);
    assert_int_equal(by_agent(s, c, USHER_UPDATE), USHER_ESTALE);
}

static void test_handoff__declined_it_is_kept_for_the_giver_one_level_up(void **unused)
{
    struct service *s = begin("{'line':{'keep_for':'10m'}}");
    usher_queue_t *q = queue(s, "tier2");
    usher_claim c = handed_off(s, q, NULL);

    (void)unused;
    at(s, MINUTE);
    assert_int_equal(by_desk(s, c.ticket, USHER_DECLINE), USHER_OK);
    expect_back(s, c, 1, "ann");
    assert_int_equal(peek(s, c.ticket).until_at, T0 + 11 * MINUTE);
    expect_to(s, USHER_EV_DECLINED, USHER_TO_QUEUE, "tier2");
    assert_string_equal(who_of(s, last(s, USHER_EV_DECLINED)), "dee");
    assert_string_equal(text_of(s, last(s, USHER_EV_DECLINED)), "because");
    assert_int_equal(last(s, USHER_EV_DECLINED)->n, 0);
    assert_string_equal(rule_of(s, last(s, USHER_EV_DECLINED)), "");
    assert_int_equal(claim_from(s, s->bob, q).ticket, 0);
    assert_int_equal(claim(s, s->bob).ticket, 0);
    assert_int_equal(claim(s, s->ann).ticket, c.ticket);
    assert_int_equal(by_desk(s, c.ticket, USHER_DECLINE), USHER_ESTATE);
    end(s);
}

static void test_handoff__not_accepted_in_time_it_comes_back_to_the_ms(void **unused)
{
    struct service *s = begin("{'handoff':{'accept_within':'5m'},'line':{'keep_for':'10m'}}");
    usher_claim c = handed_off(s, NULL, s->bob);

    (void)unused;
    at(s, 5 * MINUTE - 1);
    assert_int_equal(state(s, c.ticket), USHER_OFFERED);
    at(s, 5 * MINUTE);
    expect_back(s, c, 1, "ann");
    expect_to(s, USHER_EV_OFFER_EXPIRED, USHER_TO_AGENT, "bob");
    assert_string_equal(rule_of(s, last(s, USHER_EV_OFFER_EXPIRED)), "handoff.accept_within");
    assert_string_equal(who_of(s, last(s, USHER_EV_OFFER_EXPIRED)), "");
    at(s, 15 * MINUTE);
    assert_int_equal(count(s, USHER_EV_KEEP_ENDED), 1);
    assert_int_equal(claim(s, s->bob).ticket, c.ticket);
    end(s);
}

/* A timer that is late changes nothing in the outcome: bob's claim finds it gone. */
static void test_handoff__an_end_that_is_seen_late_was_in_time(void **unused)
{
    struct service *s = begin("{'handoff':{'accept_within':'5m'},'line':{'keep_for':'10m'}}");
    usher_claim c = handed_off(s, NULL, s->bob), his;

    (void)unused;
    assert_int_equal(usher_manual_clock_skip(s->clock, T0 + 6 * MINUTE), USHER_OK);
    assert_int_equal(claim_ticket(s, s->bob, c.ticket, &his), USHER_OK); /* out of the line */
    assert_int_equal(last(s, USHER_EV_OFFER_EXPIRED)->at, T0 + 5 * MINUTE);
    assert_int_equal(last(s, USHER_EV_CLAIMED)->how, 0);
    end(s);
}

static void test_handoff__without_a_keep_or_a_giver_it_is_for_anyone(void **unused)
{
    struct service *s = begin("{'line':{'keep_for':'0s'}}");
    usher_claim c = handed_off(s, NULL, s->bob);

    (void)unused;
    assert_int_equal(by_desk(s, c.ticket, USHER_DECLINE), USHER_OK);
    expect_back(s, c, 1, NULL);
    end(s);

    s = begin("{}");
    c = handed_off(s, queue(s, "tier2"), NULL);
    assert_int_equal(usher_agent_gone(s->ann, on_done, s), USHER_OK);
    run(s);
    assert_int_equal(state(s, c.ticket), USHER_OFFERED);
    at(s, 30 * MINUTE);
    expect_back(s, c, 1, NULL);
    end(s);
}

static void test_handoff__who_goes_declines(void **unused)
{
    struct service *s = begin("{}");
    usher_claim c = handed_off(s, NULL, s->bob), second = handed_off(s, NULL, s->bob);

    (void)unused;
    assert_int_equal(usher_agent_gone(s->bob, on_done, s), USHER_OK);
    run(s);
    expect_back(s, c, 1, "ann");
    expect_back(s, second, 1, "ann");
    assert_int_equal(count(s, USHER_EV_DECLINED), 2);
    expect_to(s, USHER_EV_DECLINED, USHER_TO_AGENT, "bob");
    assert_string_equal(who_of(s, last(s, USHER_EV_DECLINED)), "bob");
    assert_int_equal(last(s, USHER_EV_DECLINED)->n, 1);
    end(s);
}

/* By the smaller of its old rank and its nearest due. */
static void test_handoff__comes_back_to_its_old_place(void **unused)
{
    struct service *s = begin("{'line':{'keep_for':'0s'},'promises':{'resolve':{'target':'4h'}}}");
    usher_claim c = handed_off(s, queue(s, "tier2"), NULL);
    usher_id later;

    (void)unused;
    at(s, MINUTE);
    later = ticket(s, "eve", 0);
    at(s, 10 * MINUTE);
    assert_int_equal(by_desk(s, c.ticket, USHER_DECLINE), USHER_OK);
    assert_int_equal(peek(s, c.ticket).rank_at, T0 + 4 * HOUR);
    assert_int_equal(peek(s, later).ahead, 1);
    end(s);
}

/* ---- hops ------------------------------------------------------------------------------------ */

static void test_handoff__past_the_limit_it_stays_one_level_up(void **unused)
{
    struct service *s = begin("{'handoff':{'hops':2},'lease':{'for':'15m'}}");
    usher_queue_t *q = tier2(s, "{'handoff':{'hops':1}}"); /* not the ticket's policy */
    usher_claim c = held(s, "ada");

    (void)unused;
    for (uint32_t i = 1; i <= 2; i++) {
        assert_int_equal(hand_off(s, c, q, NULL), USHER_OK);
        assert_int_equal(s->done.outcome, 0);
        assert_int_equal(last(s, USHER_EV_OFFERED)->n, i);
        c = claim_from(s, i == 1 ? s->bob : s->ann, q);
        assert_int_not_equal(c.ticket, 0);
    }
    at(s, 10 * MINUTE);
    assert_int_equal(hand_off(s, c, q, NULL), USHER_OK);
    assert_int_equal(s->done.outcome, USHER_WAS_ESCALATED);
    assert_int_equal(s->done.state, USHER_CLAIMED);
    assert_int_equal(s->done.token, c.token);
    assert_int_equal(peek(s, c.ticket).level, 1);
    assert_int_equal(peek(s, c.ticket).handoffs, 2);
    assert_int_equal(peek(s, c.ticket).until_at, T0 + 25 * MINUTE); /* a command with the token */
    assert_string_equal(who_of(s, last(s, USHER_EV_ESCALATED)), "ann");
    assert_string_equal(text_of(s, last(s, USHER_EV_ESCALATED)), "why");
    assert_string_equal(rule_of(s, last(s, USHER_EV_ESCALATED)), "handoff.hops");
    assert_int_equal(count(s, USHER_EV_OFFERED), 2);
    /* ... and so again */
    assert_int_equal(hand_off(s, c, NULL, s->bob), USHER_OK);
    assert_int_equal(peek(s, c.ticket).level, 2);
    assert_int_equal(hand_off(s, c, NULL, s->ann), USHER_ESTATE); /* himself: never */
    end(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_handoff__offers_and_the_giver_answers_for_it),
        cmocka_unit_test(test_handoff__to_himself_or_to_one_who_has_gone_is_refused),
        cmocka_unit_test(test_handoff__no_lease_runs),
        cmocka_unit_test(test_handoff__touches_no_clock),
        cmocka_unit_test(test_handoff__claiming_it_in_the_line_accepts),
        cmocka_unit_test(test_handoff__to_an_agent_is_for_him_first_and_only),
        cmocka_unit_test(test_handoff__claim_ticket_accepts_too),
        cmocka_unit_test(test_handoff__while_its_queue_holds_claims_an_agent_cannot_accept),
        cmocka_unit_test(test_handoff__to_its_own_queue_is_a_release_that_must_be_accepted),
        cmocka_unit_test(test_handoff__wakes_parked_claims),
        cmocka_unit_test(test_handoff__recall_goes_on_with_the_same_claim),
        cmocka_unit_test(test_handoff__recall_by_the_giver_gives_his_token),
        cmocka_unit_test(test_handoff__what_the_claim_saw_is_not_forgotten),
        cmocka_unit_test(test_handoff__recall_for_a_giver_who_has_gone_leads_to_the_line),
        cmocka_unit_test(test_handoff__declined_it_is_kept_for_the_giver_one_level_up),
        cmocka_unit_test(test_handoff__not_accepted_in_time_it_comes_back_to_the_ms),
        cmocka_unit_test(test_handoff__an_end_that_is_seen_late_was_in_time),
        cmocka_unit_test(test_handoff__without_a_keep_or_a_giver_it_is_for_anyone),
        cmocka_unit_test(test_handoff__who_goes_declines),
        cmocka_unit_test(test_handoff__comes_back_to_its_old_place),
        cmocka_unit_test(test_handoff__past_the_limit_it_stays_one_level_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
