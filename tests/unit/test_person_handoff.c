/* Passing a ticket on: nobody is without somebody who answers for him, and no clock of his is
 * touched by it. */
#include "person.h"

static const char policy[] =
    "{'promises':{'ack':{'target':'1h'},'answer':{'target':'2h'},'update':{'target':'2h'},"
    "'resolve':{'target':'8h'}},"
    " 'warn':[], 'handoff':{'accept_within':'30m','hops':2}}";

/* ada's ticket, which ann has since 00:10 and has said so; it is 00:20. */
struct scene {
    struct story *story;
    struct service *s;
    usher_queue_t *workshop;
    usher_agent_t *will;
    usher_claim c;
    usher_promise promises[4]; /* as they are then */
};

static struct scene scene_with(const char *json)
{
    struct scene x = { .story = tell(json) };
    usher_id t;

    x.s = x.story->s;
    x.workshop = queue(x.s, "workshop");
    x.will = agent(x.s, "will", NULL);
    t = ticket(x.s, "ada", 0);
    at(x.s, 10 * MINUTE);
    assert_int_equal(claim_ticket(x.s, x.s->ann, t, &x.c), USHER_OK);
    holder_says(x.s, x.c, USHER_ACKNOWLEDGE, 0, "ann has it");
    at(x.s, 20 * MINUTE);
    memcpy(x.promises, peek(x.s, t).promises, sizeof x.promises);
    skip_to_here(x.story);
    return x;
}

static struct scene scene(void)
{
    return scene_with(policy);
}

static int offer(struct scene *x, usher_queue_t *to_queue, usher_agent_t *to_agent)
{
    return act(x->s, (usher_command){ .verb = USHER_HAND_OFF,
                                      .claim = x->c,
                                      .queue = to_queue,
                                      .agent = to_agent,
                                      .text = words("needs an iron") });
}

static int desk_says(struct scene *x, int verb, const char *who, const char *text)
{
    return says(x->s, x->c.ticket, verb, who, text);
}

/* Not a ms of what was promised has moved: start, due, target and state are what they were. */
static void expect_promises_untouched(struct scene *x)
{
    usher_standing now = peek(x->s, x->c.ticket);

    for (int i = 0; i < 4; i++) {
        assert_int_equal(now.promises[i].start_at, x->promises[i].start_at);
        assert_int_equal(now.promises[i].due_at, x->promises[i].due_at);
        assert_int_equal(now.promises[i].target_ms, x->promises[i].target_ms);
        assert_int_equal(now.promises[i].state, x->promises[i].state);
        assert_int_equal(now.promises[i].arming, x->promises[i].arming);
    }
    assert_int_equal(now.enqueued_at, T0);
    assert_int_equal(now.rank_at, T0 + HOUR);
}

/* ---- an offer to a queue --------------------------------------------------------------------- */

static void test_handoff__nobody_accepts_and_it_comes_back(void **unused)
{
    (void)unused;

    struct scene x = scene();
    usher_standing p;
    usher_claim again;

    assert_int_equal(offer(&x, x.workshop, NULL), USHER_OK);
    assert_int_equal(x.s->done.token, x.c.token);
    assert_int_equal(x.s->done.until_at, T0 + 50 * MINUTE);
    p = peek(x.s, x.c.ticket);
    assert_int_equal(p.state, USHER_OFFERED);
    assert_string_equal(p.holder, "ann"); /* she answers for it */
    assert_string_equal(p.offered_to, "workshop");
    assert_int_equal(p.offer, USHER_TO_QUEUE);
    assert_int_equal(p.handoffs, 1);
    assert_ptr_equal(p.queue, x.s->q);
    expect_promises_untouched(&x);

    at(x.s, 50 * MINUTE - 1);
    assert_int_equal(state(x.s, x.c.ticket), USHER_OFFERED);
    at(x.s, 50 * MINUTE);
    TOLD(x.story,
         "00:20 #1 offered ann -> workshop (offered) offer=queue n=1 until=00:50 held=00:10 "
         "\"needs an iron\"",
         "00:50 #1 offer_expired -> workshop (waiting) offer=queue level=1 "
         "rule=handoff.accept_within");
    p = peek(x.s, x.c.ticket);
    assert_null(p.offered_to);
    assert_int_equal(p.offer, 0);
    assert_int_equal(p.level, 1);
    assert_string_equal(p.kept_for, "ann");
    assert_int_equal(p.until_at, T0 + 65 * MINUTE);
    expect_promises_untouched(&x);

    /* It is hers first, and nobody else's; her old token has ended. */
    assert_int_equal(holder_says(x.s, x.c, USHER_UPDATE, 0, "word"), USHER_ESTALE);
    assert_int_equal(claim(x.s, x.s->bob).ticket, 0);
    assert_int_equal(claim_from(x.s, x.will, x.workshop).ticket, 0);
    again = claim(x.s, x.s->ann);
    assert_int_equal(again.ticket, x.c.ticket);
    assert_int_equal(again.token, x.c.token + 1);
    expect_promises_untouched(&x);
    assert_int_equal(figures_of(x.s, x.s->q).handoffs, 1);
    assert_int_equal(figures_of(x.s, x.s->q).expired, 1);
    over(x.story);
}

static void test_handoff__somebody_accepts(void **unused)
{
    (void)unused;

    struct scene x = scene();
    usher_claim c;

    offer(&x, x.workshop, NULL);
    at(x.s, 40 * MINUTE);
    c = claim_from(x.s, x.will, x.workshop);
    assert_int_equal(c.ticket, x.c.ticket);
    assert_int_equal(c.token, x.c.token + 1);
    TOLD(x.story,
         "00:20 #1 offered ann -> workshop (offered) offer=queue n=1 until=00:50 held=00:10 "
         "\"needs an iron\"",
         "00:40 #1 claimed will (claimed) in=workshop offer=queue until=00:55");
    assert_ptr_equal(peek(x.s, c.ticket).queue, x.workshop);
    assert_string_equal(peek(x.s, c.ticket).holder, "will");
    assert_int_equal(peek(x.s, c.ticket).level, 0);
    expect_promises_untouched(&x);
    /* from that very instant on */
    assert_int_equal(holder_says(x.s, x.c, USHER_UPDATE, 0, "word"), USHER_ESTALE);
    at(x.s, 50 * MINUTE);
    assert_int_equal(state(x.s, c.ticket), USHER_CLAIMED); /* and the offer's end is no more */
    assert_int_equal(holder_says(x.s, c, USHER_RESOLVE, USHER_AS_FIX, "soldered"), USHER_OK);
    TOLD(x.story,
         "00:50 #1 resolved will (resolved) in=workshop as=fix "
         "kept=update+resolve took=00:50 held=00:10 \"soldered\"");
    assert_int_equal(figures_of_agent(x.s, x.s->ann).handoffs, 1);
    assert_int_equal(figures_of_agent(x.s, x.will).accepted, 1);
    assert_int_equal(figures_of_agent(x.s, x.will).passed_over, 0);
    over(x.story);
}

/* He has waited as long as anybody: there he stands where his own rank puts him. */
static void test_handoff__stands_in_the_other_line_by_its_old_rank(void **unused)
{
    (void)unused;

    struct scene x = scene();
    usher_request r = { .requester = "bea" };
    usher_id before, after;

    define(x.s, x.workshop, "{'promises':{'ack':{'target':'30m'},'resolve':{'target':'8h'}}}");
    /* due 00:50: sooner than ada's, 01:00 */
    assert_int_equal(enqueue(x.s, x.workshop, r), USHER_OK);
    before = x.s->done.ticket;
    at(x.s, 31 * MINUTE);
    define(x.s, x.workshop, policy);
    assert_int_equal(enqueue(x.s, x.workshop, r), USHER_OK);
    after = x.s->done.ticket;
    assert_int_equal(offer(&x, x.workshop, NULL), USHER_ESTALE); /* her lease ran out meanwhile */
    x.c = claim(x.s, x.s->ann);
    assert_int_equal(offer(&x, x.workshop, NULL), USHER_OK);
    assert_int_equal(peek(x.s, before).ahead, 0);
    assert_int_equal(peek(x.s, x.c.ticket).ahead, 1);
    assert_int_equal(peek(x.s, after).ahead, 2);
    assert_int_equal(claim_from(x.s, x.will, x.workshop).ticket, before);
    assert_int_equal(claim_from(x.s, x.will, x.workshop).ticket, x.c.ticket);
    over(x.story);
}

static void test_handoff__an_agent_who_waits_there_gets_it_at_once(void **unused)
{
    (void)unused;

    struct scene x = scene();
    struct waiter w;
    usher_claim_args c = { .queues = &x.workshop, .queues_n = 1, .wait_ms = USHER_NEVER };

    assert_int_equal(claim_many(x.s, &w, x.will, c), USHER_OK);
    assert_int_equal(w.told, 0);
    offer(&x, x.workshop, NULL);
    assert_int_equal(w.told, 1);
    TOLD(x.story,
         "00:20 #1 offered ann -> workshop (offered) offer=queue n=1 until=00:50 held=00:10 "
         "\"needs an iron\"",
         "00:20 #1 claimed will (claimed) in=workshop offer=queue until=00:35");
    over(x.story);
}

static void test_handoff__skills_are_asked_for_in_the_other_line(void **unused)
{
    (void)unused;

    struct story *story = tell(policy);
    struct scene x = { .story = story, .s = story->s };
    const char *solder = "solder";
    usher_request r = { .requester = "ada", .needs = &solder, .needs_n = 1 };

    x.workshop = queue(x.s, "workshop");
    x.will = agent(x.s, "will", NULL);
    agent(x.s, "ann", "solder");
    enqueue(x.s, x.s->q, r);
    x.c = claim(x.s, x.s->ann);
    offer(&x, x.workshop, NULL);
    assert_int_equal(claim_from(x.s, x.will, x.workshop).ticket, 0);
    assert_int_equal(desk_says(&x, USHER_RECALL, NULL, NULL), USHER_OK);
    offer(&x, NULL, x.will); /* who offers it to him knows him */
    assert_int_equal(claim(x.s, x.will).ticket, x.c.ticket);
    over(story);
}

static void test_handoff__to_a_queue_that_is_held_is_not_served(void **unused)
{
    (void)unused;

    struct scene x = scene();
    usher_claim c;

    usher_queue_hold(x.workshop, USHER_HOLD_CLAIMS, NULL, NULL);
    run(x.s);
    assert_int_equal(offer(&x, x.workshop, NULL), USHER_OK);
    assert_int_equal(claim_from(x.s, x.will, x.workshop).ticket, 0);
    assert_int_equal(claim_ticket(x.s, x.will, x.c.ticket, &c), USHER_ESTATE);
    at(x.s, 50 * MINUTE);
    assert_string_equal(peek(x.s, x.c.ticket).kept_for, "ann"); /* and so it comes back */
    over(x.story);
}

/* ---- an offer to an agent -------------------------------------------------------------------- */

static void test_handoff__to_an_agent_is_for_him_only(void **unused)
{
    (void)unused;

    struct scene x = scene();
    usher_id other = ticket(x.s, "bea", USHER_URGENT);
    usher_claim c;

    skip_to_here(x.story);
    assert_int_equal(offer(&x, NULL, x.will), USHER_OK);
    assert_string_equal(peek(x.s, x.c.ticket).offered_to, "will");
    assert_int_equal(peek(x.s, x.c.ticket).offer, USHER_TO_AGENT);
    assert_int_equal(peek(x.s, x.c.ticket).ahead, -1);
    assert_int_equal(claim_ticket(x.s, x.s->bob, x.c.ticket, &c), USHER_ESTATE);
    assert_int_equal(claim_ticket(x.s, x.s->ann, x.c.ticket, &c), USHER_ESTATE);

    /* Whatever queue he claims from, this is the first that he gets, and nobody is passed over
     * by it. */
    c = claim_from(x.s, x.will, x.workshop);
    assert_int_equal(c.ticket, x.c.ticket);
    TOLD(x.story,
         "00:20 #1 offered ann -> will (offered) offer=agent n=1 until=00:50 held=00:10 "
         "\"needs an iron\"",
         "00:20 #1 claimed will (claimed) offer=agent until=00:35");
    assert_ptr_equal(peek(x.s, c.ticket).queue, x.s->q); /* it stays in its queue */
    assert_int_equal(claim(x.s, x.s->bob).ticket, other);
    expect_promises_untouched(&x);
    over(x.story);
}

static void test_handoff__he_may_take_it_by_its_number(void **unused)
{
    (void)unused;

    struct scene x = scene();
    usher_claim c;

    ticket(x.s, "bea", USHER_URGENT);
    offer(&x, NULL, x.will);
    skip_to_here(x.story);
    assert_int_equal(claim_ticket(x.s, x.will, x.c.ticket, &c), USHER_OK);
    /* n: nobody passed over */
    TOLD(x.story, "00:20 #1 claimed will (claimed) offer=agent until=00:35");
    over(x.story);
}

static void test_handoff__to_an_agent_who_goes_comes_back_declined(void **unused)
{
    (void)unused;

    struct scene x = scene();

    offer(&x, NULL, x.will);
    at(x.s, 30 * MINUTE);
    skip_to_here(x.story);
    usher_agent_gone(x.will, NULL, NULL);
    run(x.s);
    TOLD(x.story, "00:30 #1 declined will -> will (waiting) offer=agent n=1 level=1",
         "00:30 agent_gone will");
    assert_string_equal(peek(x.s, x.c.ticket).kept_for, "ann");
    expect_promises_untouched(&x);
    assert_int_equal(offer(&x, NULL, x.will), USHER_ESTALE);
    x.c = claim(x.s, x.s->ann);
    assert_int_equal(offer(&x, NULL, x.will), USHER_ESTATE); /* nobody is there to take it */
    assert_int_equal(offer(&x, NULL, x.s->ann), USHER_ESTATE); /* and to herself is no hand-off */
    assert_int_equal(offer(&x, NULL, NULL), USHER_EINVAL);
    assert_int_equal(offer(&x, x.workshop, x.s->bob), USHER_EINVAL);
    over(x.story);
}

/* ---- no -------------------------------------------------------------------------------------- */

static void test_handoff__declined_it_is_kept_for_the_giver_one_level_up(void **unused)
{
    (void)unused;

    struct scene x = scene();

    offer(&x, x.workshop, NULL);
    at(x.s, 25 * MINUTE);
    assert_int_equal(desk_says(&x, USHER_DECLINE, "will", "not ours"), USHER_OK);
    TOLD(x.story,
         "00:20 #1 offered ann -> workshop (offered) offer=queue n=1 until=00:50 held=00:10 "
         "\"needs an iron\"",
         "00:25 #1 declined will -> workshop (waiting) offer=queue level=1 \"not ours\"");
    assert_string_equal(peek(x.s, x.c.ticket).kept_for, "ann");
    assert_int_equal(peek(x.s, x.c.ticket).until_at, T0 + 40 * MINUTE);
    expect_promises_untouched(&x);
    assert_int_equal(desk_says(&x, USHER_DECLINE, "will", "not ours"), USHER_ESTATE);
    assert_int_equal(claim(x.s, x.s->ann).ticket, x.c.ticket);
    assert_int_equal(figures_of(x.s, x.s->q).declined, 1);
    over(x.story);
}

static void test_handoff__recalled_the_claim_goes_on(void **unused)
{
    (void)unused;

    struct scene x = scene();

    offer(&x, x.workshop, NULL);
    at(x.s, 40 * MINUTE);
    assert_int_equal(desk_says(&x, USHER_RECALL, "ann", "I found the iron"), USHER_OK);
    assert_int_equal(x.s->done.token, x.c.token);
    assert_int_equal(x.s->done.until_at, T0 + 55 * MINUTE); /* a whole lease from now */
    at(x.s, 45 * MINUTE);
    /* by the same token */
    assert_int_equal(holder_says(x.s, x.c, USHER_UPDATE, 0, "soldering"), USHER_OK);
    TOLD(x.story,
         "00:20 #1 offered ann -> workshop (offered) offer=queue n=1 until=00:50 held=00:10 "
         "\"needs an iron\"",
         "00:40 #1 recalled ann -> workshop (claimed) offer=queue until=00:55 \"I found the iron\"",
         "00:45 #1 updated ann (claimed) kept=update \"soldering\"");
    assert_int_equal(peek(x.s, x.c.ticket).level, 0);
    assert_int_equal(claim_from(x.s, x.will, x.workshop).ticket, 0);
    at(x.s, HOUR);
    /* the lease runs again: 00:45 + 15 min */
    assert_int_equal(state(x.s, x.c.ticket), USHER_WAITING);
    over(x.story);
}

static void test_handoff__without_its_giver_it_comes_back_to_the_line(void **unused)
{
    (void)unused;

    for (int how = 0; how < 3; how++) {
        struct scene x = scene();
        usher_claim c;

        offer(&x, x.workshop, NULL);
        skip_to_here(x.story);
        usher_agent_gone(x.s->ann, NULL, NULL);
        run(x.s);
        assert_int_equal(state(x.s, x.c.ticket), USHER_OFFERED); /* her offer stands */
        TOLD(x.story, "00:20 agent_gone ann");
        at(x.s, 30 * MINUTE);
        if (how == 0) {
            assert_int_equal(desk_says(&x, USHER_RECALL, NULL, NULL), USHER_OK);
            assert_int_equal(x.s->done.token, 0);
            TOLD(x.story, "00:30 #1 recalled -> workshop (waiting) offer=queue");
        } else if (how == 1) {
            at(x.s, HOUR - 1);
            TOLD(x.story, "00:50 #1 offer_expired -> workshop (waiting) offer=queue level=1 "
                          "rule=handoff.accept_within");
        } else {
            assert_int_equal(claim_from(x.s, x.will, x.workshop).ticket, x.c.ticket);
            assert_string_equal(peek(x.s, x.c.ticket).holder, "will");
            over(x.story);
            continue;
        }
        assert_null(peek(x.s, x.c.ticket).kept_for);
        assert_int_equal(holder_says(x.s, x.c, USHER_UPDATE, 0, "word"), USHER_ESTALE);
        c = claim(x.s, x.s->bob);
        assert_int_equal(c.ticket, x.c.ticket);
        expect_promises_untouched(&x);
        over(x.story);
    }
}

/* ---- while it is offered --------------------------------------------------------------------- */

static void test_handoff__meanwhile_the_giver_answers_for_it(void **unused)
{
    (void)unused;

    static const int not_now[] = { USHER_EXTEND, USHER_RELEASE, USHER_RESUME, USHER_FAIL };
    struct scene x = scene();

    offer(&x, x.workshop, NULL);
    for (size_t i = 0; i < sizeof not_now / sizeof *not_now; i++)
        assert_int_equal(by_agent(x.s, x.c, not_now[i]), USHER_ESTATE);
    assert_int_equal(pause(x.s, x.c, USHER_ON_REQUESTER, 0), USHER_ESTATE); /* recall it first */
    assert_int_equal(offer(&x, NULL, x.will), USHER_ESTATE);
    at(x.s, 25 * MINUTE);
    assert_int_equal(says(x.s, x.c.ticket, USHER_ASK, "ada", "and?"), USHER_OK);
    assert_int_equal(says(x.s, x.c.ticket, USHER_REPLY, "ada", "it smokes"), USHER_OK);
    at(x.s, 30 * MINUTE);
    assert_int_equal(holder_says(x.s, x.c, USHER_UPDATE, 0, "the workshop is asked"), USHER_OK);
    at(x.s, 35 * MINUTE);
    assert_int_equal(holder_says(x.s, x.c, USHER_RESOLVE, USHER_AS_FIX, "it was the plug"),
                     USHER_OK);
    TOLD(x.story,
         "00:20 #1 offered ann -> workshop (offered) offer=queue n=1 until=00:50 held=00:10 "
         "\"needs an iron\"",
         "00:25 #1 asked ada (offered) n=1 \"and?\"",
         "00:25 #1 replied ada (offered) \"it smokes\"",
         "00:30 #1 updated ann (offered) kept=answer+update \"the workshop is asked\"",
         "00:35 #1 resolved ann (resolved) as=fix kept=update+resolve took=00:35 "
         "\"it was the plug\"");
    assert_int_equal(claim_from(x.s, x.will, x.workshop).ticket, 0); /* the offer is over with it */
    at(x.s, HOUR);
    TOLD(x.story, NULL);
    over(x.story);
}

/* An offer is no excuse: the promise is broken at its own ms, in the giver's name. */
static void test_handoff__a_promise_breaks_on_time_while_nobody_accepts(void **unused)
{
    (void)unused;

    struct scene x = scene_with("{'promises':{'resolve':{'target':'40m'}},'warn':[90],"
                                " 'ladder':[{'on':'resolve','at':'100%','raise':1,"
                                "'notify':['lead']}]}");

    offer(&x, x.workshop, NULL);
    at(x.s, HOUR);
    TOLD(x.story,
         "00:20 #1 offered ann -> workshop (offered) offer=queue n=1 until=00:50 held=00:10 "
         "\"needs an iron\"",
         "00:36 #1 warned (offered) of=resolve n=90 due=00:40 rule=warn",
         "00:40:00.001 #1 broken (offered) of=resolve due=00:40 rule=promises.resolve.target",
         "00:40:00.001 #1 stepped (offered) of=resolve level=1 rule=ladder[0]",
         "00:50 #1 offer_expired -> workshop (waiting) offer=queue level=2 "
         "rule=handoff.accept_within");
    over(x.story);
}

static void test_handoff__he_withdraws_while_it_is_offered(void **unused)
{
    (void)unused;

    struct scene x = scene();

    offer(&x, NULL, x.will);
    skip_to_here(x.story);
    assert_int_equal(says(x.s, x.c.ticket, USHER_WITHDRAW, "ada", "never mind"), USHER_OK);
    TOLD(x.story, "00:20 #1 withdrawn ada -> ann (withdrawn) lapsed=update+resolve \"never mind\"");
    assert_int_equal(claim(x.s, x.will).ticket, 0);
    at(x.s, DAY);
    TOLD(x.story, NULL);
    over(x.story);
}

/* ---- how often ------------------------------------------------------------------------------- */

static void test_handoff__nobody_is_sent_round_for_ever(void **unused)
{
    (void)unused;

    struct scene x = scene();

    for (int i = 0; i < 2; i++) {
        assert_int_equal(offer(&x, x.workshop, NULL), USHER_OK);
        assert_int_equal(x.s->done.outcome, 0);
        assert_int_equal(desk_says(&x, USHER_RECALL, NULL, NULL), USHER_OK);
    }
    at(x.s, 25 * MINUTE);
    skip_to_here(x.story);
    assert_int_equal(offer(&x, x.workshop, NULL), USHER_OK);
    assert_int_equal(x.s->done.outcome, USHER_WAS_ESCALATED);
    assert_int_equal(x.s->done.state, USHER_CLAIMED);
    assert_int_equal(x.s->done.token, x.c.token);
    assert_int_equal(x.s->done.until_at, T0 + 40 * MINUTE);
    TOLD(x.story, "00:25 #1 escalated ann (claimed) level=1 rule=handoff.hops \"needs an iron\"");
    assert_string_equal(peek(x.s, x.c.ticket).holder, "ann");
    assert_int_equal(peek(x.s, x.c.ticket).handoffs, 2);
    expect_promises_untouched(&x);
    over(x.story);
}

/* ---- beside all that ------------------------------------------------------------------------- */

/* A release that somebody has to accept: it cannot fall between two chairs. */
static void test_handoff__to_its_own_queue(void **unused)
{
    (void)unused;

    struct scene x = scene();
    usher_claim c;

    assert_int_equal(offer(&x, x.s->q, NULL), USHER_OK);
    assert_string_equal(peek(x.s, x.c.ticket).holder, "ann");
    assert_int_equal(peek(x.s, x.c.ticket).ahead, 0);
    c = claim(x.s, x.s->bob);
    assert_int_equal(c.ticket, x.c.ticket);
    TOLD(x.story,
         "00:20 #1 offered ann -> desk (offered) offer=queue n=1 until=00:50 held=00:10 "
         "\"needs an iron\"",
         "00:20 #1 claimed bob (claimed) offer=queue until=00:35");
    over(x.story);
}

/* The desk goes on deciding about it; the offer stays where it was made. */
static void test_handoff__moved_and_lifted_while_it_is_offered(void **unused)
{
    (void)unused;

    struct scene x = scene();
    usher_queue_t *counter = queue(x.s, "counter");
    usher_request r = { .requester = "eva" };
    usher_id other;

    assert_int_equal(enqueue(x.s, x.workshop, r), USHER_OK);
    other = x.s->done.ticket;
    offer(&x, x.workshop, NULL);
    skip_to_here(x.story);
    assert_int_equal(reprioritise(x.s, x.c.ticket, USHER_URGENT), USHER_OK);
    assert_int_equal(peek(x.s, x.c.ticket).ahead, 0);
    assert_int_equal(peek(x.s, other).ahead, 0);
    assert_int_equal(peek(x.s, other).ahead_in_queue, 1);
    assert_int_equal(move(x.s, x.c.ticket, counter), USHER_OK);
    assert_ptr_equal(peek(x.s, x.c.ticket).queue, counter);
    assert_string_equal(peek(x.s, x.c.ticket).offered_to, "workshop");
    assert_int_equal(claim_from(x.s, x.s->bob, counter).ticket, 0);
    TOLD(x.story, "00:20 #1 reprioritised (offered) urgent",
         "00:20 #1 moved -> counter (offered) in=counter urgent");
    at(x.s, 50 * MINUTE);
    TOLD(x.story, "00:50 #1 offer_expired -> workshop (waiting) in=counter offer=queue level=1 "
                  "urgent "
                  "rule=handoff.accept_within");
    assert_string_equal(peek(x.s, x.c.ticket).kept_for, "ann");
    over(x.story);
}

/* The lease was not hers to use meanwhile, so a recall gives a whole one, even beyond lease.max. */
static void test_handoff__recalled_with_a_whole_lease(void **unused)
{
    (void)unused;

    struct scene x = scene_with("{'lease':{'for':'15m','max':'20m'},"
                                "'handoff':{'accept_within':'1h'}}");

    assert_int_equal(offer(&x, x.workshop, NULL), USHER_OK);
    at(x.s, HOUR);
    assert_int_equal(desk_says(&x, USHER_RECALL, NULL, NULL), USHER_OK);
    assert_int_equal(peek(x.s, x.c.ticket).until_at, T0 + HOUR + 15 * MINUTE);
    assert_int_equal(holder_says(x.s, x.c, USHER_EXTEND, 0, NULL), USHER_OK);
    /* not longer, not shorter */
    assert_int_equal(peek(x.s, x.c.ticket).until_at, T0 + HOUR + 15 * MINUTE);
    over(x.story);
}

/* Who is there already is not turned away at another door. */
static void test_handoff__into_a_queue_that_is_full(void **unused)
{
    (void)unused;

    struct scene x = scene();
    usher_request r = { .requester = "eva", .start_at = T0 + DAY };

    define(x.s, x.workshop, "{'limits':{'open':1}}");
    assert_int_equal(enqueue(x.s, x.workshop, r), USHER_OK);
    assert_int_equal(enqueue(x.s, x.workshop, r), USHER_EFULL);
    assert_int_equal(offer(&x, x.workshop, NULL), USHER_OK);
    assert_int_equal(claim_from(x.s, x.will, x.workshop).ticket, x.c.ticket);
    over(x.story);
}

/* A repeat of the same attempt is one hand-off. */
static void test_handoff__repeated_by_its_op(void **unused)
{
    (void)unused;

    struct scene x = scene();
    usher_command c = { .verb = USHER_HAND_OFF, .claim = x.c, .queue = x.workshop, .op = { 7, 7 } };

    assert_int_equal(act(x.s, c), USHER_OK);
    assert_int_equal(act(x.s, c), USHER_OK);
    assert_int_equal(x.s->done.outcome, USHER_WAS_REPEATED);
    assert_int_equal(peek(x.s, x.c.ticket).handoffs, 1);
    assert_int_equal(desk_says(&x, USHER_RECALL, NULL, NULL), USHER_OK);
    assert_int_equal(act(x.s, c), USHER_OK);
    assert_int_equal(state(x.s, x.c.ticket), USHER_CLAIMED);
    c.queue = NULL;
    c.agent = x.will;
    assert_int_equal(act(x.s, c), USHER_EINVAL); /* the op was used for something else */
    over(x.story);
}

/* What was kept for him and what is offered to him: the nearer rank first, before all others. */
static void test_handoff__what_is_his_comes_by_rank(void **unused)
{
    (void)unused;

    struct scene x = scene();
    usher_id urgent = ticket(x.s, "zoe", USHER_URGENT), old = ticket(x.s, "eva", 0);
    usher_claim c;

    assert_int_equal(claim_ticket(x.s, x.will, old, &c), USHER_OK);
    pause(x.s, c, USHER_ON_THIRD_PARTY, 0);
    by_agent(x.s, c, USHER_RESUME); /* kept for him, due at 01:20 */
    offer(&x, NULL, x.will);        /* due at 01:00 */
    assert_int_equal(claim(x.s, x.will).ticket, x.c.ticket);
    assert_int_equal(claim(x.s, x.will).ticket, old);
    assert_int_equal(claim(x.s, x.will).ticket, urgent);
    over(x.story);
}

/* An offer made to one who holds nothing else is his only tie: going away must still undo it,
 * and only once. */
static void test_handoff__everybody_goes(void **unused)
{
    (void)unused;

    struct scene x = scene();

    offer(&x, NULL, x.will);
    skip_to_here(x.story);
    usher_agent_gone(x.s->ann, NULL, NULL);
    usher_agent_gone(x.will, NULL, NULL);
    run(x.s);
    TOLD(x.story, "00:20 agent_gone ann",
         "00:20 #1 declined will -> will (waiting) offer=agent n=1 level=1",
         "00:20 agent_gone will");
    assert_null(peek(x.s, x.c.ticket).kept_for);
    assert_int_equal(claim(x.s, x.s->bob).ticket, x.c.ticket);
    over(x.story);
}

/* However late the machine looks: it came back at its own instant, and was kept from there. */
static void test_handoff__noticed_late(void **unused)
{
    (void)unused;

    struct scene x = scene();

    offer(&x, x.workshop, NULL);
    skip_to_here(x.story);
    late(x.s, 57 * MINUTE);
    TOLD(x.story, "00:50 #1 offer_expired -> workshop (waiting) offer=queue seen=00:57 level=1 "
                  "rule=handoff.accept_within");
    assert_int_equal(peek(x.s, x.c.ticket).until_at, T0 + 65 * MINUTE);
    late(x.s, 10 * HOUR);
    assert_null(peek(x.s, x.c.ticket).kept_for);
    assert_int_equal(last(x.s, USHER_EV_KEEP_ENDED)->at, T0 + 65 * MINUTE);
    over(x.story);
}

/* An acceptance in the very ms of its end comes too late: timers come before commands. */
static void test_handoff__accepted_at_the_last_ms(void **unused)
{
    (void)unused;

    for (int too_late = 0; too_late < 2; too_late++) {
        struct scene x = scene();

        offer(&x, x.workshop, NULL);
        assert_int_equal(usher_manual_clock_skip(x.s->clock, T0 + 50 * MINUTE - 1 + too_late),
                         USHER_OK);
        assert_int_equal(claim_from(x.s, x.will, x.workshop).ticket, too_late ? 0 : x.c.ticket);
        over(x.story);
    }
}

/* Who asks for what is on somebody's desk sees what he has given away and nobody has taken, and
 * what he is offered. */
static void test_handoff__is_seen_by_both(void **unused)
{
    (void)unused;

    struct scene x = scene();
    uint64_t counts[USHER_STATES];
    struct looked l;

    offer(&x, NULL, x.will);
    l = look(x.s, (usher_query){ .what = USHER_READ_TICKETS, .agent = "ann" });
    assert_int_equal(l.n, 1);
    l = look(x.s, (usher_query){
                      .what = USHER_READ_TICKETS, .agent = "will", .states = 1u << USHER_OFFERED });
    assert_int_equal(l.n, 1);
    assert_int_equal(l.tickets[0], x.c.ticket);
    assert_int_equal(usher_counts(x.s->q, counts), USHER_OK);
    assert_int_equal(counts[USHER_OFFERED], 1);
    assert_int_equal(usher_counts(x.workshop, counts), USHER_OK);
    assert_int_equal(counts[USHER_OFFERED], 0);
    assert_int_equal(figures_of_agent(x.s, x.s->ann).holds, 0);
    assert_int_equal(figures_of(x.s, x.s->q).open, 1);
    over(x.story);
}

/* In the other line picking is picking. */
static void test_handoff__taken_out_of_turn_there(void **unused)
{
    (void)unused;

    struct scene x = scene();
    usher_request r = { .requester = "eva" };
    usher_claim c;

    enqueue(x.s, x.workshop, r);
    /* without a promise: by when they came, so before the one due at 01:00 */
    enqueue(x.s, x.workshop, r);
    offer(&x, x.workshop, NULL);
    skip_to_here(x.story);
    assert_int_equal(claim_ticket(x.s, x.will, x.c.ticket, &c), USHER_OK);
    TOLD(x.story, "00:20 #1 claimed will (claimed) in=workshop offer=queue n=2 until=00:35");
    assert_int_equal(figures_of_agent(x.s, x.will).passed_over, 2);
    over(x.story);
}

static void test_handoff__a_queue_that_runs_again_serves_who_waits_for_it(void **unused)
{
    (void)unused;

    struct scene x = scene();
    struct waiter w;
    usher_claim_args c = { .queues = &x.workshop, .queues_n = 1, .wait_ms = USHER_NEVER };

    usher_queue_hold(x.workshop, USHER_HOLD_CLAIMS, NULL, NULL);
    assert_int_equal(claim_many(x.s, &w, x.will, c), USHER_OK);
    offer(&x, x.workshop, NULL);
    assert_int_equal(w.told, 0);
    at(x.s, 30 * MINUTE);
    usher_queue_hold(x.workshop, USHER_RUN, NULL, NULL);
    run(x.s);
    assert_int_equal(w.told, 1);
    assert_int_equal(w.work[0].claim.ticket, x.c.ticket);
    over(x.story);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_handoff__nobody_accepts_and_it_comes_back),
        cmocka_unit_test(test_handoff__somebody_accepts),
        cmocka_unit_test(test_handoff__stands_in_the_other_line_by_its_old_rank),
        cmocka_unit_test(test_handoff__an_agent_who_waits_there_gets_it_at_once),
        cmocka_unit_test(test_handoff__skills_are_asked_for_in_the_other_line),
        cmocka_unit_test(test_handoff__to_a_queue_that_is_held_is_not_served),
        cmocka_unit_test(test_handoff__to_an_agent_is_for_him_only),
        cmocka_unit_test(test_handoff__he_may_take_it_by_its_number),
        cmocka_unit_test(test_handoff__to_an_agent_who_goes_comes_back_declined),
        cmocka_unit_test(test_handoff__declined_it_is_kept_for_the_giver_one_level_up),
        cmocka_unit_test(test_handoff__recalled_the_claim_goes_on),
        cmocka_unit_test(test_handoff__without_its_giver_it_comes_back_to_the_line),
        cmocka_unit_test(test_handoff__meanwhile_the_giver_answers_for_it),
        cmocka_unit_test(test_handoff__a_promise_breaks_on_time_while_nobody_accepts),
        cmocka_unit_test(test_handoff__he_withdraws_while_it_is_offered),
        cmocka_unit_test(test_handoff__nobody_is_sent_round_for_ever),
        cmocka_unit_test(test_handoff__to_its_own_queue),
        cmocka_unit_test(test_handoff__moved_and_lifted_while_it_is_offered),
        cmocka_unit_test(test_handoff__recalled_with_a_whole_lease),
        cmocka_unit_test(test_handoff__into_a_queue_that_is_full),
        cmocka_unit_test(test_handoff__repeated_by_its_op),
        cmocka_unit_test(test_handoff__what_is_his_comes_by_rank),
        cmocka_unit_test(test_handoff__everybody_goes),
        cmocka_unit_test(test_handoff__noticed_late),
        cmocka_unit_test(test_handoff__accepted_at_the_last_ms),
        cmocka_unit_test(test_handoff__is_seen_by_both),
        cmocka_unit_test(test_handoff__taken_out_of_turn_there),
        cmocka_unit_test(test_handoff__a_queue_that_runs_again_serves_who_waits_for_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
