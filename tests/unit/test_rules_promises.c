/* Promises: when they start and stop, when they are due, warned of and broken, what pauses them. */
#include "rules.h"

enum { ACK = USHER_PROMISE_ACK, ANSWER = USHER_PROMISE_ANSWER, UPDATE = USHER_PROMISE_UPDATE,
       RESOLVE = USHER_PROMISE_RESOLVE };
#define BIT(promise) (1 << (promise))

static const char ack_1h[] = "{'promises':{'ack':{'target':'1h'}}}";
static const char answer_1h[] = "{'promises':{'answer':{'target':'1h'}}}";
static const char update_1h[] = "{'promises':{'update':{'target':'1h'}},'lease':{'for':'8h'}}";
static const char resolve_4h[] = "{'promises':{'resolve':{'target':'4h'}},'lease':{'for':'8h'}}";
static const char by_priority[] =
    "{'promises':{'resolve':{'target':{'urgent':'1h','high':'4h','normal':'10h'}}}}";

/* ---- due, broken, warned -------------------------------------------------------------------------- */

static void test_promise__is_due_a_target_after_its_start(void **unused)
{
    (void)unused;

    struct service *s = begin(ack_1h);
    usher_id t = ticket(s, "ada", 0);
    usher_promise p;

    at(s, 10 * MINUTE);
    p = promise(s, t, ACK);
    assert_int_equal(p.state, USHER_RUNNING);
    assert_int_equal(p.start_at, T0);
    assert_int_equal(p.target_ms, HOUR);
    assert_int_equal(p.due_at, T0 + HOUR);
    assert_int_equal(p.left_ms, 50 * MINUTE);
    assert_int_equal(p.arming, 1);
    end(s);
}

static void test_promise__is_not_broken_at_its_due(void **unused)
{
    (void)unused;

    struct service *s = begin(ack_1h);
    usher_id t = ticket(s, "ada", 0);

    at(s, HOUR);
    assert_int_equal(promise(s, t, ACK).state, USHER_RUNNING);
    assert_int_equal(promise(s, t, ACK).left_ms, 0);
    assert_int_equal(count(s, USHER_EV_BROKEN), 0);
    end(s);
}

static void test_promise__is_broken_1_ms_after_its_due(void **unused)
{
    (void)unused;

    struct service *s = begin(ack_1h);
    usher_id t = ticket(s, "ada", 0);

    at(s, HOUR + 1);
    assert_int_equal(promise(s, t, ACK).state, USHER_BROKEN);
    assert_int_equal(last(s, USHER_EV_BROKEN)->at, T0 + HOUR + 1);
    assert_int_equal(last(s, USHER_EV_BROKEN)->due_at, T0 + HOUR);
    assert_int_equal(last(s, USHER_EV_BROKEN)->promise, ACK);
    end(s);
}

static void test_promise__is_kept_by_a_word_at_its_due(void **unused)
{
    (void)unused;

    struct service *s = begin(ack_1h);
    usher_id t = ticket(s, "ada", 0);
    usher_claim c;

    at(s, HOUR);
    assert_int_equal(claim_ticket(s, s->ann, t, &c), USHER_OK);
    by_agent(s, c, USHER_ACKNOWLEDGE);
    assert_int_equal(last(s, USHER_EV_ACKNOWLEDGED)->kept, BIT(ACK));
    end(s);
}

static void test_promise__is_broken_once_and_for_all(void **unused)
{
    (void)unused;

    struct service *s = begin(ack_1h);
    usher_id t = ticket(s, "ada", 0);
    usher_claim c;

    at(s, 2 * HOUR);
    assert_int_equal(promise(s, t, ACK).due_at, T0 + HOUR); /* it is still owed */
    assert_int_equal(promise(s, t, ACK).left_ms, -HOUR);
    claim_ticket(s, s->ann, t, &c);
    by_agent(s, c, USHER_ACKNOWLEDGE);
    assert_int_equal(last(s, USHER_EV_ACKNOWLEDGED)->kept, 0);
    assert_int_equal(promise(s, t, ACK).state, USHER_BROKEN);
    assert_int_equal(promise(s, t, ACK).due_at, USHER_NEVER);
    assert_int_equal(count(s, USHER_EV_BROKEN), 1);
    end(s);
}

static void test_promise__is_broken_at_its_instant_however_late_that_is_seen(void **unused)
{
    (void)unused;

    struct service *s = begin(ack_1h);

    ticket(s, "ada", 0);
    late(s, 3 * HOUR);
    assert_int_equal(last(s, USHER_EV_BROKEN)->at, T0 + HOUR + 1);
    assert_int_equal(last(s, USHER_EV_BROKEN)->seen_at, T0 + 3 * HOUR);
    assert_int_equal(last(s, USHER_EV_WARNED)->at, T0 + 48 * MINUTE);
    end(s);
}

static void test_promise__is_warned_of_at_50_and_80_per_cent(void **unused)
{
    (void)unused;

    struct service *s = begin(ack_1h);

    ticket(s, "ada", 0);
    at(s, 30 * MINUTE - 1);
    assert_int_equal(count(s, USHER_EV_WARNED), 0);
    at(s, 30 * MINUTE);
    assert_int_equal(last(s, USHER_EV_WARNED)->n, 50);
    assert_int_equal(last(s, USHER_EV_WARNED)->due_at, T0 + HOUR);
    at(s, 48 * MINUTE - 1);
    assert_int_equal(count(s, USHER_EV_WARNED), 1);
    at(s, 48 * MINUTE);
    assert_int_equal(last(s, USHER_EV_WARNED)->n, 80);
    at(s, DAY);
    assert_int_equal(count(s, USHER_EV_WARNED), 2);
    end(s);
}

static void test_promise__is_warned_of_at_the_first_ms_of_a_percentage(void **unused)
{
    (void)unused;

    struct service *s = begin("{'promises':{'ack':{'target':'101ms'}},'warn':[1,50,99]}");

    ticket(s, "ada", 0);
    at(s, DAY);
    assert_int_equal(s->seen[1].at, T0 + 2);
    assert_int_equal(s->seen[2].at, T0 + 51);
    assert_int_equal(s->seen[3].at, T0 + 100);
    assert_int_equal(s->seen[4].at, T0 + 102);
    EXPECT_EVENTS(s, 0, USHER_EV_ENQUEUED, USHER_EV_WARNED, USHER_EV_WARNED, USHER_EV_WARNED,
                  USHER_EV_BROKEN);
    end(s);
}

static void test_promise__is_warned_of_as_its_policy_says(void **unused)
{
    (void)unused;

    struct service *s = begin("{'promises':{'ack':{'target':'1h'}},'warn':[]}");

    ticket(s, "ada", 0);
    at(s, DAY);
    assert_int_equal(count(s, USHER_EV_WARNED), 0);
    end(s);
}

static void test_promise__broken_comes_before_warnings_of_the_same_ms(void **unused)
{
    (void)unused;

    struct service *s = begin("{'promises':{'ack':{'target':'10m'},'answer':{'target':'599999ms'},"
                              "'resolve':{'target':'599999ms'}}}");
    usher_id t = ticket(s, "ada", 0);
    uint32_t from;

    by_person(s, t, USHER_ASK, "ada");
    at(s, 10 * MINUTE - 1);
    from = s->seen_n;
    at(s, 10 * MINUTE); /* answer and resolve are broken */
    EXPECT_EVENTS(s, from, USHER_EV_BROKEN, USHER_EV_BROKEN);
    assert_int_equal(s->seen[from].promise, ANSWER);
    assert_int_equal(s->seen[from + 1].promise, RESOLVE);
    end(s);
}

static void test_promise__warnings_of_the_same_ms_come_after_broken(void **unused)
{
    (void)unused;

    struct service *s = begin("{'promises':{'ack':{'target':'2h'},'resolve':{'target':'3599999ms'}},"
                              "'warn':[50]}");
    uint32_t from;

    ticket(s, "ada", 0);
    at(s, HOUR - 1);
    from = s->seen_n;
    at(s, HOUR);
    EXPECT_EVENTS(s, from, USHER_EV_BROKEN, USHER_EV_WARNED);
    end(s);
}

static void test_promise__is_not_made_where_its_priority_has_no_target(void **unused)
{
    (void)unused;

    struct service *s = begin("{'promises':{'ack':{'target':{'normal':'1h'}}}}");
    usher_id low = ticket(s, "ada", USHER_LOW), urgent = ticket(s, "ada", USHER_URGENT);

    assert_int_equal(promise(s, low, ACK).state, 0);
    assert_int_equal(promise(s, low, ACK).arming, 0);
    assert_int_equal(peek(s, low).due_at, USHER_NEVER);
    assert_int_equal(promise(s, urgent, ACK).target_ms, HOUR); /* the next lower one's */
    end(s);
}

static void test_promise__starts_with_the_ticket(void **unused)
{
    (void)unused;

    struct service *s = begin(ack_1h);
    usher_request r = { .requester = "ada", .start_at = T0 + DAY };

    enqueue(s, s->q, r);
    assert_int_equal(promise(s, 1, ACK).state, 0);
    at(s, DAY);
    assert_int_equal(promise(s, 1, ACK).due_at, T0 + DAY + HOUR);
    late(s, 2 * DAY);
    assert_int_equal(last(s, USHER_EV_BROKEN)->at, T0 + DAY + HOUR + 1);
    end(s);
}

static void test_promise__the_nearest_due_is_shown(void **unused)
{
    (void)unused;

    struct service *s = begin("{'promises':{'ack':{'target':'2h'},'answer':{'target':'3h'},"
                              "'resolve':{'target':'1h'}}}");
    usher_id t = ticket(s, "ada", 0);

    assert_int_equal(peek(s, t).due_at, T0 + HOUR);
    assert_int_equal(peek(s, t).next_word_at, T0 + 2 * HOUR); /* resolve is no word */
    end(s);
}

static void test_promise__is_that_of_the_policy_it_was_taken_under(void **unused)
{
    (void)unused;

    struct service *s = begin(ack_1h);
    usher_id before = ticket(s, "ada", 0), after;

    define(s, s->q, "{'promises':{'ack':{'target':'2h'}}}");
    after = ticket(s, "ada", 0);
    assert_int_equal(promise(s, before, ACK).due_at, T0 + HOUR);
    assert_int_equal(promise(s, after, ACK).due_at, T0 + 2 * HOUR);
    assert_int_equal(peek(s, before).policy_version, 2);
    assert_int_equal(peek(s, after).policy_version, 3);
    at(s, HOUR + 1);
    assert_int_equal(last(s, USHER_EV_BROKEN)->ticket, before);
    end(s);
}

/* ---- ack: the first word -------------------------------------------------------------------------- */

static uint32_t kept_by(int verb, int kind)
{
    struct service *s = begin(ack_1h);
    usher_claim c = held(s, "ada");
    uint32_t kept;

    assert_int_equal(act(s, (usher_command){ .verb = verb, .kind = kind, .claim = c,
                                             .text = TEXT("word"), .at = 0 }),
                     USHER_OK);
    kept = s->seen[s->seen_n - 1].kept;
    assert_int_equal(promise(s, c.ticket, ACK).state, kept != 0 ? USHER_KEPT : USHER_RUNNING);
    end(s);
    return kept;
}

static void test_ack__is_kept_by_a_word(void **unused)
{
    (void)unused;

    assert_int_equal(kept_by(USHER_ACKNOWLEDGE, 0), BIT(ACK));
    assert_int_equal(kept_by(USHER_UPDATE, 0), BIT(ACK));
    assert_int_equal(kept_by(USHER_RESOLVE, 0), BIT(ACK));
    assert_int_equal(kept_by(USHER_PAUSE, USHER_ON_REQUESTER), BIT(ACK));
}

static void test_ack__is_not_kept_by_what_the_requester_does_not_hear(void **unused)
{
    (void)unused;

    assert_int_equal(kept_by(USHER_PAUSE, USHER_ON_THIRD_PARTY), 0);
    assert_int_equal(kept_by(USHER_EXTEND, 0), 0);
    assert_int_equal(kept_by(USHER_RELEASE, 0), 0);
    assert_int_equal(kept_by(USHER_FAIL, 0), 0);
    assert_int_equal(kept_by(USHER_ACKNOWLEDGE, USHER_BY_MACHINE), 0);
}

static void test_ack__is_kept_by_a_receipt_where_the_policy_says_so(void **unused)
{
    (void)unused;

    struct service *s = begin("{'promises':{'ack':{'target':'1h','receipt':true},"
                              "'answer':{'target':'1h'},'update':{'target':'1h'}}}");
    usher_id t = ticket(s, "ada", 0);
    usher_command receipt = { .verb = USHER_ACKNOWLEDGE, .kind = USHER_BY_MACHINE,
                              .claim = { t, 0 } };

    by_person(s, t, USHER_ASK, "ada");
    assert_int_equal(act(s, receipt), USHER_OK);
    assert_int_equal(last(s, USHER_EV_RECEIPT)->kept, BIT(ACK));
    assert_int_equal(promise(s, t, ACK).state, USHER_KEPT);
    assert_int_equal(promise(s, t, ANSWER).state, USHER_RUNNING); /* it is no word */
    assert_int_equal(promise(s, t, UPDATE).state, 0);
    end(s);
}

static void test_ack__is_not_paused(void **unused)
{
    (void)unused;

    struct service *s = begin("{'promises':{'ack':{'target':'1h'}},'lease':{'for':'8h'}}");
    usher_claim c = held(s, "ada");

    pause(s, c, USHER_ON_THIRD_PARTY, 0);
    at(s, HOUR + 1);
    assert_int_equal(last(s, USHER_EV_BROKEN)->promise, ACK);
    end(s);
}

static void test_ack__goes_on_over_release_and_a_lease_that_ended(void **unused)
{
    (void)unused;

    struct service *s = begin(ack_1h);
    usher_claim c = held(s, "ada");

    at(s, 15 * MINUTE);
    claim_ticket(s, s->ann, c.ticket, &c);
    by_agent(s, c, USHER_RELEASE);
    assert_int_equal(promise(s, c.ticket, ACK).start_at, T0);
    assert_int_equal(promise(s, c.ticket, ACK).arming, 1);
    end(s);
}

/* ---- answer: the oldest message ------------------------------------------------------------------- */

static void test_answer__counts_from_the_oldest_message(void **unused)
{
    (void)unused;

    struct service *s = begin(answer_1h);
    usher_id t = ticket(s, "ada", 0);

    at(s, 10 * MINUTE);
    by_person(s, t, USHER_ASK, "ada");
    at(s, 20 * MINUTE);
    by_person(s, t, USHER_ASK, "ada");
    reply(s, t, "ada", 0);
    assert_int_equal(promise(s, t, ANSWER).start_at, T0 + 10 * MINUTE);
    assert_int_equal(promise(s, t, ANSWER).arming, 1);
    end(s);
}

static void test_answer__counts_anew_after_a_word(void **unused)
{
    (void)unused;

    struct service *s = begin(answer_1h);
    usher_claim c = held(s, "ada");

    by_person(s, c.ticket, USHER_ASK, "ada");
    by_agent(s, c, USHER_UPDATE);
    assert_int_equal(last(s, USHER_EV_UPDATED)->kept, BIT(ANSWER));
    at(s, 5 * MINUTE);
    by_person(s, c.ticket, USHER_ASK, "ada");
    assert_int_equal(promise(s, c.ticket, ANSWER).start_at, T0 + 5 * MINUTE);
    assert_int_equal(promise(s, c.ticket, ANSWER).arming, 2);
    end(s);
}

static void test_answer__is_for_a_reply_that_is_not_courtesy(void **unused)
{
    (void)unused;

    struct service *s = begin(answer_1h);
    usher_id t = ticket(s, "ada", 0);

    reply(s, t, "ada", USHER_COURTESY);
    assert_int_equal(promise(s, t, ANSWER).state, 0);
    reply(s, t, "ada", 0);
    assert_int_equal(promise(s, t, ANSWER).state, USHER_RUNNING);
    end(s);
}

static void test_answer__waits_for_the_start_of_a_ticket(void **unused)
{
    (void)unused;

    struct service *s = begin(answer_1h);
    usher_request r = { .requester = "ada", .start_at = T0 + DAY };

    enqueue(s, s->q, r);
    by_person(s, 1, USHER_ASK, "ada");
    assert_int_equal(promise(s, 1, ANSWER).state, 0);
    at(s, DAY);
    assert_int_equal(promise(s, 1, ANSWER).start_at, T0 + DAY);
    end(s);
}

static void test_answer__is_for_one_who_joins_what_is_acknowledged(void **unused)
{
    (void)unused;

    struct service *s = begin(answer_1h);
    usher_request r = { .requester = "ada", .dedup_key = "k" };
    usher_claim c;

    enqueue(s, s->q, r);
    r.requester = "bea";
    enqueue(s, s->q, r);
    assert_int_equal(promise(s, 1, ANSWER).state, 0);
    c = claim(s, s->ann);
    by_agent(s, c, USHER_ACKNOWLEDGE);
    r.requester = "cleo";
    enqueue(s, s->q, r);
    assert_int_equal(promise(s, 1, ANSWER).state, USHER_RUNNING);
    end(s);
}

static void test_answer__is_for_a_reopen(void **unused)
{
    (void)unused;

    struct service *s = begin(answer_1h);
    usher_claim c = held(s, "ada");

    by_agent(s, c, USHER_RESOLVE);
    at(s, HOUR);
    by_person(s, c.ticket, USHER_REOPEN, "ada");
    assert_int_equal(promise(s, c.ticket, ANSWER).start_at, T0 + HOUR);
    end(s);
}

static void test_answer__is_not_for_an_ask_in_resolved(void **unused)
{
    (void)unused;

    struct service *s = begin(answer_1h);
    usher_claim c = held(s, "ada");

    by_agent(s, c, USHER_RESOLVE);
    by_person(s, c.ticket, USHER_ASK, "ada");
    assert_int_equal(promise(s, c.ticket, ANSWER).state, 0);
    end(s);
}

/* ---- update: the next word ------------------------------------------------------------------------ */

static void test_update__is_armed_by_the_acknowledgement(void **unused)
{
    (void)unused;

    struct service *s = begin(update_1h);
    usher_claim c = held(s, "ada");

    assert_int_equal(promise(s, c.ticket, UPDATE).state, 0);
    at(s, 10 * MINUTE);
    by_agent(s, c, USHER_ACKNOWLEDGE);
    assert_int_equal(promise(s, c.ticket, UPDATE).due_at, T0 + 70 * MINUTE);
    end(s);
}

static void test_update__is_not_armed_anew_by_another_acknowledgement(void **unused)
{
    (void)unused;

    struct service *s = begin(update_1h);
    usher_claim c = held(s, "ada");

    by_agent(s, c, USHER_ACKNOWLEDGE);
    at(s, 10 * MINUTE);
    by_agent(s, c, USHER_ACKNOWLEDGE);
    assert_int_equal(promise(s, c.ticket, UPDATE).start_at, T0);
    by_agent(s, c, USHER_RELEASE);
    c = claim(s, s->bob);
    by_agent(s, c, USHER_ACKNOWLEDGE);
    assert_int_equal(promise(s, c.ticket, UPDATE).start_at, T0);
    end(s);
}

static void test_update__is_kept_and_armed_anew_by_an_update(void **unused)
{
    (void)unused;

    struct service *s = begin(update_1h);
    usher_claim c = held(s, "ada");

    by_agent(s, c, USHER_ACKNOWLEDGE);
    at(s, 50 * MINUTE); /* both warnings are behind us */
    by_agent(s, c, USHER_UPDATE);
    assert_int_equal(last(s, USHER_EV_UPDATED)->kept, BIT(UPDATE));
    assert_int_equal(promise(s, c.ticket, UPDATE).start_at, T0 + 50 * MINUTE);
    assert_int_equal(promise(s, c.ticket, UPDATE).arming, 2);
    at(s, 80 * MINUTE);
    assert_int_equal(last(s, USHER_EV_WARNED)->at, T0 + 80 * MINUTE); /* warned of anew */
    end(s);
}

static void test_update__is_armed_anew_after_it_was_broken(void **unused)
{
    (void)unused;

    struct service *s = begin(update_1h);
    usher_claim c = held(s, "ada");

    by_agent(s, c, USHER_ACKNOWLEDGE);
    at(s, 2 * HOUR);
    by_agent(s, c, USHER_UPDATE);
    assert_int_equal(last(s, USHER_EV_UPDATED)->kept, 0);
    assert_int_equal(promise(s, c.ticket, UPDATE).state, USHER_RUNNING);
    at(s, 3 * HOUR + 1);
    assert_int_equal(count(s, USHER_EV_BROKEN), 2);
    end(s);
}

static void test_update__is_stopped_by_a_resolve(void **unused)
{
    (void)unused;

    struct service *s = begin(update_1h);
    usher_claim c = held(s, "ada");

    by_agent(s, c, USHER_ACKNOWLEDGE);
    by_agent(s, c, USHER_RESOLVE);
    assert_int_equal(last(s, USHER_EV_RESOLVED)->kept, BIT(UPDATE));
    at(s, DAY);
    assert_int_equal(count(s, USHER_EV_BROKEN), 0);
    end(s);
}

static void test_update__is_due_a_target_after_the_pause_on_the_requester(void **unused)
{
    (void)unused;

    struct service *s = begin(update_1h);
    usher_claim c = held(s, "ada");

    by_agent(s, c, USHER_ACKNOWLEDGE);
    at(s, 10 * MINUTE);
    pause(s, c, USHER_ON_REQUESTER, 0);
    assert_int_equal(last(s, USHER_EV_PAUSED)->kept, BIT(UPDATE));
    assert_int_equal(promise(s, c.ticket, UPDATE).arming, 2);
    assert_int_equal(promise(s, c.ticket, UPDATE).due_at, USHER_NEVER);
    at(s, 5 * HOUR);
    assert_int_equal(promise(s, c.ticket, UPDATE).left_ms, HOUR);
    reply(s, c.ticket, "ada", 0);
    assert_int_equal(promise(s, c.ticket, UPDATE).due_at, T0 + 6 * HOUR);
    end(s);
}

static void test_update__is_not_paused_by_a_third_party(void **unused)
{
    (void)unused;

    struct service *s = begin(update_1h);
    usher_claim c = held(s, "ada");

    by_agent(s, c, USHER_ACKNOWLEDGE);
    pause(s, c, USHER_ON_THIRD_PARTY, 0);
    at(s, HOUR + 1);
    assert_int_equal(last(s, USHER_EV_BROKEN)->promise, UPDATE);
    end(s);
}

/* ---- a named next word ---------------------------------------------------------------------------- */

static int update_by(struct service *s, usher_claim c, int64_t by)
{
    return act(s, (usher_command){ .verb = USHER_UPDATE, .claim = c, .text = TEXT("w"), .at = by });
}

static void test_named__earlier_than_the_policy_counts_alone(void **unused)
{
    (void)unused;

    struct service *s = begin(update_1h);
    usher_claim c = held(s, "ada");

    update_by(s, c, T0 + 20 * MINUTE);
    assert_int_equal(last(s, USHER_EV_UPDATED)->until_at, T0 + 20 * MINUTE);
    assert_int_equal(promise(s, c.ticket, UPDATE).target_ms, 20 * MINUTE);
    assert_int_equal(promise(s, c.ticket, UPDATE).due_at, T0 + 20 * MINUTE);
    at(s, 10 * MINUTE);
    assert_int_equal(last(s, USHER_EV_WARNED)->n, 50); /* of what was named */
    at(s, 20 * MINUTE + 1);
    assert_int_equal(last(s, USHER_EV_BROKEN)->at, T0 + 20 * MINUTE + 1);
    end(s);
}

static const char update_pauses[] =
    "{'promises':{'update':{'target':'1h','pauses':['third_party']}},'lease':{'for':'8h'}}";

static void test_named__alone_is_not_paused(void **unused)
{
    (void)unused;

    struct service *s = begin(update_pauses);
    usher_claim c = held(s, "ada");

    update_by(s, c, T0 + HOUR - 1);
    pause(s, c, USHER_ON_THIRD_PARTY, 0);
    assert_int_equal(promise(s, c.ticket, UPDATE).due_at, T0 + HOUR - 1);
    at(s, HOUR);
    assert_int_equal(last(s, USHER_EV_BROKEN)->at, T0 + HOUR);
    end(s);
}

static void test_named__later_than_the_policy_is_a_second_end(void **unused)
{
    (void)unused;

    struct service *s = begin(update_pauses);
    usher_claim c = held(s, "ada");

    update_by(s, c, T0 + 2 * HOUR);
    assert_int_equal(promise(s, c.ticket, UPDATE).due_at, T0 + HOUR);
    assert_int_equal(promise(s, c.ticket, UPDATE).target_ms, HOUR);
    at(s, 10 * MINUTE);
    pause(s, c, USHER_ON_THIRD_PARTY, 0);
    assert_int_equal(promise(s, c.ticket, UPDATE).due_at, T0 + 2 * HOUR); /* this end is not paused */
    assert_int_equal(promise(s, c.ticket, UPDATE).left_ms, 50 * MINUTE);
    at(s, 100 * MINUTE);
    assert_int_equal(promise(s, c.ticket, UPDATE).left_ms, 20 * MINUTE);
    at(s, 2 * HOUR);
    assert_int_equal(count(s, USHER_EV_BROKEN), 0);
    at(s, 2 * HOUR + 1);
    assert_int_equal(last(s, USHER_EV_BROKEN)->at, T0 + 2 * HOUR + 1);
    assert_int_equal(last(s, USHER_EV_BROKEN)->due_at, T0 + 2 * HOUR);
    end(s);
}

static void test_named__for_when_the_policy_is_due_is_a_second_end(void **unused)
{
    (void)unused;

    struct service *s = begin(update_pauses);
    usher_claim c = held(s, "ada");

    update_by(s, c, T0 + HOUR);
    pause(s, c, USHER_ON_THIRD_PARTY, 0);
    at(s, 30 * MINUTE);
    assert_int_equal(count(s, USHER_EV_WARNED), 0); /* the policy's target stands still */
    at(s, HOUR + 1);
    assert_int_equal(last(s, USHER_EV_BROKEN)->at, T0 + HOUR + 1);
    end(s);
}

static void test_named__without_a_target_counts_alone(void **unused)
{
    (void)unused;

    struct service *s = begin("{}");
    usher_claim c = held(s, "ada");

    update_by(s, c, T0 + DAY);
    assert_int_equal(promise(s, c.ticket, UPDATE).state, USHER_RUNNING);
    assert_int_equal(peek(s, c.ticket).next_word_at, T0 + DAY);
    end(s);
}

static void test_named__free_may_be_later_than_the_policy(void **unused)
{
    (void)unused;

    struct service *s = begin("{'promises':{'update':{'target':'1h','named':'free'}}}");
    usher_claim c = held(s, "ada");

    update_by(s, c, T0 + DAY);
    assert_int_equal(promise(s, c.ticket, UPDATE).due_at, T0 + DAY);
    assert_int_equal(promise(s, c.ticket, UPDATE).target_ms, DAY);
    end(s);
}

static void test_named__an_instant_that_has_passed_is_refused(void **unused)
{
    (void)unused;

    struct service *s = begin(update_1h);
    usher_claim c = held(s, "ada");

    assert_int_equal(update_by(s, c, T0), USHER_EINVAL);
    assert_int_equal(update_by(s, c, T0 + 1), USHER_OK);
    end(s);
}

static void test_named__is_forgotten_by_the_next_word(void **unused)
{
    (void)unused;

    struct service *s = begin(update_1h);
    usher_claim c = held(s, "ada");

    update_by(s, c, T0 + 5 * MINUTE);
    by_agent(s, c, USHER_UPDATE);
    assert_int_equal(promise(s, c.ticket, UPDATE).due_at, T0 + HOUR);
    end(s);
}

static void test_named__is_asked_again_at_a_new_priority(void **unused)
{
    (void)unused;

    struct service *s = begin("{'promises':{'update':{'target':{'high':'1h','normal':'4h'}}},"
                              "'lease':{'for':'8h'}}");
    usher_claim c = held(s, "ada");

    update_by(s, c, T0 + 2 * HOUR); /* alone: 2 h < 4 h */
    assert_int_equal(promise(s, c.ticket, UPDATE).target_ms, 2 * HOUR);
    reprioritise(s, c.ticket, USHER_HIGH); /* a second end: 1 h < 2 h */
    assert_int_equal(promise(s, c.ticket, UPDATE).due_at, T0 + HOUR);
    reprioritise(s, c.ticket, USHER_LOW); /* no target: alone */
    assert_int_equal(promise(s, c.ticket, UPDATE).due_at, T0 + 2 * HOUR);
    assert_int_equal(promise(s, c.ticket, UPDATE).arming, 1);
    end(s);
}

/* ---- resolve, and what pauses --------------------------------------------------------------------- */

static void test_resolve__stands_still_for_every_reason(void **unused)
{
    (void)unused;

    for (int on = USHER_ON_REQUESTER; on <= USHER_UNTIL; on++) {
        struct service *s = begin(resolve_4h);
        usher_claim c = held(s, "ada");

        at(s, HOUR);
        pause(s, c, on, T0 + 9 * HOUR);
        assert_int_equal(promise(s, c.ticket, RESOLVE).due_at, USHER_NEVER);
        at(s, 8 * HOUR);
        assert_int_equal(promise(s, c.ticket, RESOLVE).left_ms, 3 * HOUR);
        at(s, 9 * HOUR);
        assert_int_equal(promise(s, c.ticket, RESOLVE).due_at, T0 + 12 * HOUR);
        end(s);
    }
}

static void test_resolve__stands_still_for_the_reasons_of_its_policy(void **unused)
{
    (void)unused;

    struct service *s = begin("{'promises':{'resolve':{'target':'4h','pauses':['until']}}}");
    usher_claim c = held(s, "ada"), d = held(s, "ada");

    pause(s, c, USHER_ON_THIRD_PARTY, 0);
    pause(s, d, USHER_UNTIL, T0 + HOUR);
    at(s, HOUR);
    assert_int_equal(promise(s, c.ticket, RESOLVE).due_at, T0 + 4 * HOUR);
    assert_int_equal(promise(s, d.ticket, RESOLVE).due_at, T0 + 5 * HOUR);
    end(s);
}

static void test_resolve__two_reasons_at_once_pause_it_once(void **unused)
{
    (void)unused;

    struct service *s = begin(resolve_4h);
    usher_claim c = held(s, "ada");

    pause(s, c, USHER_ON_THIRD_PARTY, T0 + 3 * HOUR);
    at(s, HOUR);
    pause(s, c, USHER_UNTIL, T0 + 5 * HOUR);
    at(s, 3 * HOUR);
    assert_int_equal(state(s, c.ticket), USHER_PAUSED);
    at(s, 5 * HOUR);
    assert_int_equal(state(s, c.ticket), USHER_WAITING);
    assert_int_equal(promise(s, c.ticket, RESOLVE).due_at, T0 + 9 * HOUR);
    end(s);
}

static void test_resolve__is_warned_of_by_what_is_used(void **unused)
{
    (void)unused;

    struct service *s = begin(resolve_4h);
    usher_claim c = held(s, "ada");

    at(s, HOUR);
    pause(s, c, USHER_UNTIL, T0 + 10 * HOUR);
    at(s, 11 * HOUR - 1);
    assert_int_equal(count(s, USHER_EV_WARNED), 0);
    at(s, 11 * HOUR);
    assert_int_equal(last(s, USHER_EV_WARNED)->n, 50);
    end(s);
}

static void test_resolve__a_due_that_is_reached_stays_while_it_is_paused(void **unused)
{
    (void)unused;

    struct service *s = begin(resolve_4h);
    usher_claim c = held(s, "ada");

    at(s, 4 * HOUR);
    pause(s, c, USHER_UNTIL, T0 + 6 * HOUR);
    assert_int_equal(promise(s, c.ticket, RESOLVE).due_at, T0 + 4 * HOUR);
    at(s, 6 * HOUR);
    assert_int_equal(count(s, USHER_EV_BROKEN), 0); /* used is the target, not more */
    at(s, 6 * HOUR + 1);
    assert_int_equal(last(s, USHER_EV_BROKEN)->at, T0 + 6 * HOUR + 1);
    end(s);
}

static void test_resolve__what_is_broken_stays_broken_in_a_pause(void **unused)
{
    (void)unused;

    struct service *s = begin(resolve_4h);
    usher_claim c = held(s, "ada");

    at(s, 5 * HOUR);
    pause(s, c, USHER_ON_THIRD_PARTY, 0);
    assert_int_equal(promise(s, c.ticket, RESOLVE).state, USHER_BROKEN);
    assert_int_equal(promise(s, c.ticket, RESOLVE).due_at, T0 + 4 * HOUR);
    end(s);
}

static void test_resolve__goes_on_where_it_was_after_a_reopen(void **unused)
{
    (void)unused;

    struct service *s = begin(resolve_4h);
    usher_claim c = held(s, "ada");

    at(s, 3 * HOUR); /* the warning of 50 per cent has been told */
    by_agent(s, c, USHER_RESOLVE);
    assert_int_equal(last(s, USHER_EV_RESOLVED)->kept, BIT(RESOLVE));
    assert_int_equal(promise(s, c.ticket, RESOLVE).state, USHER_KEPT);
    at(s, 10 * HOUR);
    by_person(s, c.ticket, USHER_REOPEN, "ada");
    assert_int_equal(promise(s, c.ticket, RESOLVE).state, USHER_RUNNING);
    assert_int_equal(promise(s, c.ticket, RESOLVE).arming, 1);
    assert_int_equal(promise(s, c.ticket, RESOLVE).start_at, T0);
    assert_int_equal(promise(s, c.ticket, RESOLVE).due_at, T0 + 11 * HOUR);
    at(s, 12 * HOUR);
    assert_int_equal(count(s, USHER_EV_WARNED), 2);
    assert_int_equal(last(s, USHER_EV_BROKEN)->at, T0 + 11 * HOUR + 1);
    end(s);
}

static void test_resolve__goes_on_after_a_reopen_from_closed(void **unused)
{
    (void)unused;

    struct service *s = begin(resolve_4h);
    usher_claim c = held(s, "ada");

    at(s, HOUR);
    by_agent(s, c, USHER_RESOLVE);
    at(s, 2 * HOUR);
    by_person(s, c.ticket, USHER_CONFIRM, "ada");
    at(s, DAY);
    by_person(s, c.ticket, USHER_REOPEN, "ada");
    assert_int_equal(promise(s, c.ticket, RESOLVE).due_at, T0 + DAY + 3 * HOUR);
    end(s);
}

static void test_resolve__is_warned_of_at_the_reopen_if_a_resolve_forestalled_it(void **unused)
{
    (void)unused;

    struct service *s = begin("{'promises':{'resolve':{'target':'2h','pauses':[]}},"
                              "'pause':{'requester':{'max':'1h','then':'resolve'}}}");
    usher_claim c = held(s, "ada");
    uint32_t from;

    pause(s, c, USHER_ON_REQUESTER, 0);
    at(s, 3 * HOUR); /* resolved after an hour, in the ms of the warning of 50 per cent */
    assert_int_equal(count(s, USHER_EV_WARNED), 0);
    from = s->seen_n;
    by_person(s, c.ticket, USHER_REOPEN, "ada");
    EXPECT_EVENTS(s, from, USHER_EV_REOPENED, USHER_EV_WARNED);
    assert_int_equal(s->seen[from + 1].at, T0 + 3 * HOUR);
    assert_int_equal(s->seen[from + 1].n, 50);
    end(s);
}

static void test_resolve__that_was_broken_is_not_kept_by_a_reopen(void **unused)
{
    (void)unused;

    struct service *s = begin(resolve_4h);
    usher_claim c = held(s, "ada");

    at(s, 5 * HOUR);
    by_agent(s, c, USHER_RESOLVE);
    assert_int_equal(last(s, USHER_EV_RESOLVED)->kept, 0);
    by_person(s, c.ticket, USHER_REOPEN, "ada");
    assert_int_equal(promise(s, c.ticket, RESOLVE).state, USHER_BROKEN);
    assert_int_equal(promise(s, c.ticket, RESOLVE).due_at, T0 + 4 * HOUR); /* owed again */
    at(s, DAY);
    assert_int_equal(count(s, USHER_EV_BROKEN), 1);
    end(s);
}

static void test_promises__all_are_stopped_by_a_resolve(void **unused)
{
    (void)unused;

    struct service *s = begin("{'promises':{'ack':{'target':'1h'},'answer':{'target':'1h'},"
                              "'resolve':{'target':'1h'}}}");
    usher_claim c = held(s, "ada");

    by_person(s, c.ticket, USHER_ASK, "ada");
    by_agent(s, c, USHER_RESOLVE);
    assert_int_equal(last(s, USHER_EV_RESOLVED)->kept, BIT(ACK) | BIT(ANSWER) | BIT(RESOLVE));
    at(s, DAY);
    assert_int_equal(count(s, USHER_EV_BROKEN) + count(s, USHER_EV_WARNED), 0);
    end(s);
}

static void test_promises__lapse_with_the_last_person(void **unused)
{
    (void)unused;

    struct service *s = begin("{'promises':{'ack':{'target':'1h'},'resolve':{'target':'4h'}}}");
    usher_id t = ticket(s, "ada", 0);

    at(s, HOUR + 1);
    by_person(s, t, USHER_WITHDRAW, "ada");
    assert_int_equal(last(s, USHER_EV_WITHDRAWN)->lapsed, BIT(RESOLVE)); /* ack is broken */
    assert_int_equal(promise(s, t, RESOLVE).state, USHER_LAPSED);
    at(s, DAY);
    assert_int_equal(count(s, USHER_EV_BROKEN), 1);
    end(s);
}

/* ---- another priority ----------------------------------------------------------------------------- */

static void test_priority__gives_another_target_from_the_same_start(void **unused)
{
    (void)unused;

    struct service *s = begin(by_priority);
    usher_id t = ticket(s, "ada", 0);

    at(s, 30 * MINUTE);
    reprioritise(s, t, USHER_HIGH);
    assert_int_equal(promise(s, t, RESOLVE).start_at, T0);
    assert_int_equal(promise(s, t, RESOLVE).due_at, T0 + 4 * HOUR);
    assert_int_equal(promise(s, t, RESOLVE).arming, 1);
    end(s);
}

static void test_priority__that_breaks_a_promise_says_so_at_once(void **unused)
{
    (void)unused;

    struct service *s = begin(by_priority);
    usher_id t = ticket(s, "ada", 0);
    uint32_t from;

    at(s, HOUR + 1);
    from = s->seen_n;
    reprioritise(s, t, USHER_URGENT);
    EXPECT_EVENTS(s, from, USHER_EV_REPRIORITISED, USHER_EV_BROKEN);
    assert_int_equal(last(s, USHER_EV_BROKEN)->at, T0 + HOUR + 1);
    assert_int_equal(last(s, USHER_EV_BROKEN)->due_at, T0 + HOUR);
    end(s);
}

static void test_priority__that_puts_warnings_in_the_past_tells_the_highest(void **unused)
{
    (void)unused;

    struct service *s = begin(by_priority);
    usher_id t = ticket(s, "ada", 0);
    uint32_t from;

    at(s, HOUR);
    from = s->seen_n;
    reprioritise(s, t, USHER_URGENT);
    EXPECT_EVENTS(s, from, USHER_EV_REPRIORITISED, USHER_EV_WARNED);
    assert_int_equal(last(s, USHER_EV_WARNED)->n, 80);
    reprioritise(s, t, USHER_NORMAL);
    at(s, 9 * HOUR);
    assert_int_equal(count(s, USHER_EV_WARNED), 1); /* both count as told */
    end(s);
}

static void test_priority__without_a_target_lets_a_promise_lapse(void **unused)
{
    (void)unused;

    struct service *s = begin(by_priority);
    usher_id t = ticket(s, "ada", 0);

    reprioritise(s, t, USHER_LOW);
    assert_int_equal(last(s, USHER_EV_REPRIORITISED)->lapsed, BIT(RESOLVE));
    assert_int_equal(promise(s, t, RESOLVE).state, USHER_LAPSED);
    at(s, DAY);
    assert_int_equal(count(s, USHER_EV_BROKEN) + count(s, USHER_EV_WARNED), 0);
    end(s);
}

static void test_priority__makes_a_promise_that_was_silent(void **unused)
{
    (void)unused;

    struct service *s = begin(by_priority);
    usher_id t = ticket(s, "ada", USHER_LOW);

    at(s, 20 * MINUTE);
    reprioritise(s, t, USHER_URGENT);
    assert_int_equal(promise(s, t, RESOLVE).state, USHER_RUNNING);
    assert_int_equal(promise(s, t, RESOLVE).start_at, T0);
    assert_int_equal(promise(s, t, RESOLVE).arming, 1);
    end(s);
}

static void test_priority__makes_a_promise_that_had_lapsed(void **unused)
{
    (void)unused;

    struct service *s = begin(by_priority);
    usher_id t = ticket(s, "ada", USHER_URGENT);

    at(s, 30 * MINUTE); /* warned of */
    reprioritise(s, t, USHER_LOW);
    reprioritise(s, t, USHER_URGENT);
    assert_int_equal(promise(s, t, RESOLVE).state, USHER_RUNNING);
    assert_int_equal(promise(s, t, RESOLVE).arming, 2);
    assert_int_equal(count(s, USHER_EV_WARNED), 2); /* a new arming is warned of anew */
    end(s);
}

static void test_priority__does_not_mend_what_is_broken(void **unused)
{
    (void)unused;

    struct service *s = begin(by_priority);
    usher_id t = ticket(s, "ada", USHER_URGENT);

    at(s, 2 * HOUR);
    reprioritise(s, t, USHER_NORMAL);
    assert_int_equal(promise(s, t, RESOLVE).state, USHER_BROKEN);
    assert_int_equal(promise(s, t, RESOLVE).target_ms, HOUR);
    reprioritise(s, t, USHER_LOW);
    assert_int_equal(last(s, USHER_EV_REPRIORITISED)->lapsed, 0);
    end(s);
}

static void test_priority__the_same_one_is_an_event_and_nothing_else(void **unused)
{
    (void)unused;

    struct service *s = begin(by_priority);
    usher_id t = ticket(s, "ada", 0);
    usher_standing before, after;

    at(s, HOUR);
    before = peek(s, t);
    assert_int_equal(reprioritise(s, t, USHER_NORMAL), USHER_OK);
    after = peek(s, t);
    assert_int_equal(count(s, USHER_EV_REPRIORITISED), 1);
    assert_int_equal(after.rank_at, before.rank_at);
    assert_memory_equal(after.promises, before.promises, sizeof after.promises);
    end(s);
}

/* ---- why ------------------------------------------------------------------------------------------ */

static void add_up(usher_t *u, int status, const usher_page *p, void *user)
{
    int64_t *ms = user;

    (void)u;
    assert_int_equal(status, USHER_OK);
    for (uint64_t i = 0; i < p->n; i++)
        *ms += p->spans[i].ms;
}

static void test_why_due__adds_up_to_what_is_used(void **unused)
{
    (void)unused;

    struct service *s = begin(resolve_4h);
    usher_claim c = held(s, "ada");
    usher_query q = { .size = sizeof q, .what = USHER_READ_WHY_DUE, .ticket = c.ticket,
                      .promise = RESOLVE };
    int64_t used = 0;

    at(s, HOUR);
    pause(s, c, USHER_UNTIL, T0 + 2 * HOUR);
    at(s, 150 * MINUTE);
    assert_int_equal(usher_read(s->u, &q, add_up, &used), USHER_OK);
    run(s);
    assert_int_equal(used, 90 * MINUTE);
    end(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_promise__is_due_a_target_after_its_start),
        cmocka_unit_test(test_promise__is_not_broken_at_its_due),
        cmocka_unit_test(test_promise__is_broken_1_ms_after_its_due),
        cmocka_unit_test(test_promise__is_kept_by_a_word_at_its_due),
        cmocka_unit_test(test_promise__is_broken_once_and_for_all),
        cmocka_unit_test(test_promise__is_broken_at_its_instant_however_late_that_is_seen),
        cmocka_unit_test(test_promise__is_warned_of_at_50_and_80_per_cent),
        cmocka_unit_test(test_promise__is_warned_of_at_the_first_ms_of_a_percentage),
        cmocka_unit_test(test_promise__is_warned_of_as_its_policy_says),
        cmocka_unit_test(test_promise__broken_comes_before_warnings_of_the_same_ms),
        cmocka_unit_test(test_promise__warnings_of_the_same_ms_come_after_broken),
        cmocka_unit_test(test_promise__is_not_made_where_its_priority_has_no_target),
        cmocka_unit_test(test_promise__starts_with_the_ticket),
        cmocka_unit_test(test_promise__the_nearest_due_is_shown),
        cmocka_unit_test(test_promise__is_that_of_the_policy_it_was_taken_under),
        cmocka_unit_test(test_ack__is_kept_by_a_word),
        cmocka_unit_test(test_ack__is_not_kept_by_what_the_requester_does_not_hear),
        cmocka_unit_test(test_ack__is_kept_by_a_receipt_where_the_policy_says_so),
        cmocka_unit_test(test_ack__is_not_paused),
        cmocka_unit_test(test_ack__goes_on_over_release_and_a_lease_that_ended),
        cmocka_unit_test(test_answer__counts_from_the_oldest_message),
        cmocka_unit_test(test_answer__counts_anew_after_a_word),
        cmocka_unit_test(test_answer__is_for_a_reply_that_is_not_courtesy),
        cmocka_unit_test(test_answer__waits_for_the_start_of_a_ticket),
        cmocka_unit_test(test_answer__is_for_one_who_joins_what_is_acknowledged),
        cmocka_unit_test(test_answer__is_for_a_reopen),
        cmocka_unit_test(test_answer__is_not_for_an_ask_in_resolved),
        cmocka_unit_test(test_update__is_armed_by_the_acknowledgement),
        cmocka_unit_test(test_update__is_not_armed_anew_by_another_acknowledgement),
        cmocka_unit_test(test_update__is_kept_and_armed_anew_by_an_update),
        cmocka_unit_test(test_update__is_armed_anew_after_it_was_broken),
        cmocka_unit_test(test_update__is_stopped_by_a_resolve),
        cmocka_unit_test(test_update__is_due_a_target_after_the_pause_on_the_requester),
        cmocka_unit_test(test_update__is_not_paused_by_a_third_party),
        cmocka_unit_test(test_named__earlier_than_the_policy_counts_alone),
        cmocka_unit_test(test_named__alone_is_not_paused),
        cmocka_unit_test(test_named__later_than_the_policy_is_a_second_end),
        cmocka_unit_test(test_named__for_when_the_policy_is_due_is_a_second_end),
        cmocka_unit_test(test_named__without_a_target_counts_alone),
        cmocka_unit_test(test_named__free_may_be_later_than_the_policy),
        cmocka_unit_test(test_named__an_instant_that_has_passed_is_refused),
        cmocka_unit_test(test_named__is_forgotten_by_the_next_word),
        cmocka_unit_test(test_named__is_asked_again_at_a_new_priority),
        cmocka_unit_test(test_resolve__stands_still_for_every_reason),
        cmocka_unit_test(test_resolve__stands_still_for_the_reasons_of_its_policy),
        cmocka_unit_test(test_resolve__two_reasons_at_once_pause_it_once),
        cmocka_unit_test(test_resolve__is_warned_of_by_what_is_used),
        cmocka_unit_test(test_resolve__a_due_that_is_reached_stays_while_it_is_paused),
        cmocka_unit_test(test_resolve__what_is_broken_stays_broken_in_a_pause),
        cmocka_unit_test(test_resolve__goes_on_where_it_was_after_a_reopen),
        cmocka_unit_test(test_resolve__goes_on_after_a_reopen_from_closed),
        cmocka_unit_test(test_resolve__is_warned_of_at_the_reopen_if_a_resolve_forestalled_it),
        cmocka_unit_test(test_resolve__that_was_broken_is_not_kept_by_a_reopen),
        cmocka_unit_test(test_promises__all_are_stopped_by_a_resolve),
        cmocka_unit_test(test_promises__lapse_with_the_last_person),
        cmocka_unit_test(test_priority__gives_another_target_from_the_same_start),
        cmocka_unit_test(test_priority__that_breaks_a_promise_says_so_at_once),
        cmocka_unit_test(test_priority__that_puts_warnings_in_the_past_tells_the_highest),
        cmocka_unit_test(test_priority__without_a_target_lets_a_promise_lapse),
        cmocka_unit_test(test_priority__makes_a_promise_that_was_silent),
        cmocka_unit_test(test_priority__makes_a_promise_that_had_lapsed),
        cmocka_unit_test(test_priority__does_not_mend_what_is_broken),
        cmocka_unit_test(test_priority__the_same_one_is_an_event_and_nothing_else),
        cmocka_unit_test(test_why_due__adds_up_to_what_is_used),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
