/* Hand-offs as the engine carries them: where an offered ticket stands, by what it is found, who is woken,
 * what is counted where; and that many at once need no more room than was made. */
#include "rules.h"

enum { QUEUES = 40 };

static usher_claim offered(struct service *s, usher_queue_t *q, usher_agent_t *a)
{
    usher_claim c = held(s, "ada");

    assert_int_equal(hand_off(s, c, q, a), USHER_OK);
    assert_int_equal(state(s, c.ticket), USHER_OFFERED);
    return c;
}

static uint64_t in_state(usher_queue_t *q, int which)
{
    uint64_t n[USHER_STATES];

    assert_int_equal(usher_counts(q, n), USHER_OK);
    return n[which];
}

/* ---- where it stands ------------------------------------------------------------------------------ */

static void test_handoff__counts_stay_with_its_own_queue_until_it_is_taken(void **unused)
{
    (void)unused;

    struct service *s = begin("{}");
    usher_queue_t *tier2 = queue(s, "tier2");
    usher_claim c;

    define(s, tier2, "{'lease':{'for':'2h'}}");
    c = offered(s, tier2, NULL);
    assert_int_equal(in_state(s->q, USHER_OFFERED), 1);
    assert_int_equal(in_state(tier2, USHER_OFFERED), 0);
    assert_int_equal(claim(s, s->bob).ticket, 0); /* not in the desk's line any more */
    assert_int_equal(claim_from(s, s->bob, tier2).ticket, c.ticket);
    assert_int_equal(in_state(s->q, USHER_OFFERED), 0);
    assert_int_equal(in_state(s->q, USHER_CLAIMED), 0);
    assert_int_equal(in_state(tier2, USHER_CLAIMED), 1);
    assert_int_equal(peek(s, c.ticket).until_at, T0 + 2 * HOUR); /* the lease is that of its queue now */
    end(s);
}

/* Reference and key lead to where it is now: a request with the same key joins it there, and not here. */
static void test_handoff__is_found_in_the_queue_that_took_it(void **unused)
{
    (void)unused;

    struct service *s = begin("{}");
    usher_queue_t *tier2 = queue(s, "tier2");
    usher_request r = { .requester = "ada", .dedup_key = "k", .ref = "R" };
    usher_standing out = USHER_INIT(usher_standing);
    usher_claim c;

    assert_int_equal(enqueue(s, s->q, r), USHER_OK);
    c = claim(s, s->ann);
    assert_int_equal(hand_off(s, c, tier2, NULL), USHER_OK);
    r.requester = "bea";
    assert_int_equal(enqueue(s, s->q, r), USHER_OK); /* offered, it is still the desk's */
    assert_int_equal(s->done.outcome, USHER_WAS_JOINED);
    assert_int_equal(usher_peek_ref(s->q, "R", &out), USHER_OK);
    assert_int_equal(claim_from(s, s->bob, tier2).ticket, c.ticket);
    assert_int_equal(usher_peek_ref(s->q, "R", &out), USHER_ENOENT);
    assert_int_equal(usher_peek_ref(tier2, "R", &out), USHER_OK);
    assert_int_equal(out.ticket, c.ticket);
    r.requester = "cee";
    assert_int_equal(enqueue(s, tier2, r), USHER_OK);
    assert_int_equal(s->done.outcome, USHER_WAS_JOINED);
    assert_int_equal(enqueue(s, s->q, r), USHER_OK); /* another trouble, for all the desk knows */
    assert_int_equal(s->done.outcome, 0);
    end(s);
}

/* While it is offered its rank and band follow what happens to it, in the line where it stands. */
static void test_handoff__is_lifted_and_moved_while_it_is_offered(void **unused)
{
    (void)unused;

    struct service *s = begin("{'promises':{'resolve':{'target':{'urgent':'1h','normal':'8h'}}},"
                              "'line':{'gap':'1m'}}");
    usher_queue_t *tier2 = queue(s, "tier2"), *third = queue(s, "third");
    usher_request other = { .requester = "bea" };
    usher_claim c = offered(s, tier2, NULL), d;

    assert_int_equal(enqueue(s, tier2, other), USHER_OK);
    assert_int_equal(peek(s, c.ticket).ahead, 1); /* due in 8 h, and the other one came now */
    assert_int_equal(reprioritise(s, c.ticket, USHER_URGENT), USHER_OK);
    assert_int_equal(peek(s, c.ticket).ahead, 0);
    assert_int_equal(peek(s, c.ticket).ahead_in_queue, 0);
    assert_int_equal(move(s, c.ticket, third), USHER_OK); /* the offer stays */
    assert_int_equal(in_state(third, USHER_OFFERED), 1);
    assert_string_equal(peek(s, c.ticket).offered_to, "tier2");
    assert_int_equal(peek(s, c.ticket).ahead, 0);
    d = claim_from(s, s->bob, tier2);
    assert_int_equal(d.ticket, c.ticket);
    assert_ptr_equal(peek(s, c.ticket).queue, tier2);
    assert_int_equal(in_state(third, USHER_CLAIMED), 0);
    end(s);
}

/* An offer to an agent is his whatever queues he claims from, in the order of ranks with what is kept for him. */
static void test_handoff__to_an_agent_comes_before_the_line(void **unused)
{
    (void)unused;

    struct service *s = begin("{}");
    usher_queue_t *tier2 = queue(s, "tier2");
    usher_request r = { .requester = "bea", .priority = USHER_URGENT };
    usher_claim c = offered(s, NULL, s->bob);

    assert_int_equal(enqueue(s, tier2, r), USHER_OK);
    assert_int_equal(claim_from(s, s->ann, s->q).ticket, 0);
    assert_int_equal(claim_from(s, s->bob, tier2).ticket, c.ticket);
    assert_ptr_equal(peek(s, c.ticket).queue, s->q);
    assert_int_equal(last(s, USHER_EV_CLAIMED)->how, USHER_TO_AGENT);
    assert_int_equal(last(s, USHER_EV_CLAIMED)->n, 0);
    end(s);
}

static void test_handoff__out_of_turn_counts_those_of_the_line_it_stands_in(void **unused)
{
    (void)unused;

    struct service *s = begin("{}");
    usher_queue_t *tier2 = queue(s, "tier2");
    usher_request r = { .requester = "bea" };
    usher_claim c, mine;

    for (int i = 0; i < 3; i++)
        assert_int_equal(enqueue(s, tier2, r), USHER_OK);
    ticket(s, "cee", 0);
    at(s, MINUTE);
    c = offered(s, tier2, NULL);
    ticket(s, "dee", 0);
    assert_int_equal(claim_ticket(s, s->bob, c.ticket, &mine), USHER_OK);
    assert_int_equal(last(s, USHER_EV_CLAIMED)->n, 3);
    assert_int_equal(mine.token, c.token + 1);
    assert_int_equal(by_agent(s, c, USHER_ACKNOWLEDGE), USHER_ESTALE);
    c = offered(s, NULL, s->bob);
    assert_int_equal(claim_ticket(s, s->ann, c.ticket, &mine), USHER_ESTATE);
    assert_int_equal(claim_ticket(s, s->bob, c.ticket, &mine), USHER_OK);
    assert_int_equal(last(s, USHER_EV_CLAIMED)->n, 0);
    end(s);
}

/* ---- who is woken --------------------------------------------------------------------------------- */

static void test_handoff__wakes_who_waits_for_it(void **unused)
{
    (void)unused;

    struct service *s = begin("{}");
    usher_queue_t *tier2 = queue(s, "tier2"), *idle = queue(s, "idle");
    usher_agent_t *cid = agent(s, "cid", NULL);
    struct waiter bob, in_line;
    usher_claim c = held(s, "ada"), d = held(s, "bea");

    assert_int_equal(claim_many(s, &bob, s->bob, (usher_claim_args){ .queues = &idle, .queues_n = 1,
                                                                    .wait_ms = DAY }), USHER_OK);
    assert_int_equal(claim_many(s, &in_line, cid, (usher_claim_args){ .queues = &tier2, .queues_n = 1,
                                                                     .wait_ms = DAY }), USHER_OK);
    assert_int_equal(hand_off(s, c, NULL, s->bob), USHER_OK);
    assert_int_equal(bob.told, 1);
    assert_int_equal(bob.work[0].claim.ticket, c.ticket);
    assert_int_equal(in_line.told, 0);
    assert_int_equal(hand_off(s, d, tier2, NULL), USHER_OK);
    assert_int_equal(in_line.told, 1);
    assert_int_equal(in_line.work[0].claim.ticket, d.ticket);
    assert_ptr_equal(in_line.work[0].queue, tier2);
    end(s);
}

/* What its own queue holds back is not handed out, and is as soon as it holds nothing back any more. */
static void test_handoff__to_an_agent_waits_while_its_queue_is_held(void **unused)
{
    (void)unused;

    struct service *s = begin("{}");
    usher_queue_t *idle = queue(s, "idle");
    struct waiter bob;
    usher_claim c = held(s, "ada");

    assert_int_equal(usher_queue_hold(s->q, USHER_HOLD_CLAIMS, NULL, NULL), USHER_OK);
    assert_int_equal(claim_many(s, &bob, s->bob, (usher_claim_args){ .queues = &idle, .queues_n = 1,
                                                                    .wait_ms = DAY }), USHER_OK);
    assert_int_equal(hand_off(s, c, NULL, s->bob), USHER_OK);
    assert_int_equal(bob.told, 0);
    assert_int_equal(claim_ticket(s, s->bob, c.ticket, &c), USHER_ESTATE);
    assert_int_equal(usher_queue_hold(s->q, USHER_RUN, NULL, NULL), USHER_OK);
    run(s);
    assert_int_equal(bob.told, 1);
    end(s);
}

/* A move takes it out of a held queue: then it is his at once. */
static void test_handoff__to_an_agent_is_his_when_it_moves_to_a_queue_that_runs(void **unused)
{
    (void)unused;

    struct service *s = begin("{}");
    usher_queue_t *idle = queue(s, "idle");
    struct waiter bob;
    usher_claim c = held(s, "ada");

    assert_int_equal(usher_queue_hold(s->q, USHER_HOLD_CLAIMS, NULL, NULL), USHER_OK);
    assert_int_equal(claim_many(s, &bob, s->bob, (usher_claim_args){ .queues = &idle, .queues_n = 1,
                                                                    .wait_ms = DAY }), USHER_OK);
    assert_int_equal(hand_off(s, c, NULL, s->bob), USHER_OK);
    assert_int_equal(move(s, c.ticket, idle), USHER_OK);
    assert_int_equal(bob.told, 1);
    assert_ptr_equal(bob.work[0].queue, idle);
    end(s);
}

/* Skills are asked for in a line, by the tickets that stand in it, wherever they belong. */
static void test_handoff__needs_count_in_the_line_where_it_stands(void **unused)
{
    (void)unused;

    struct service *s = begin("{}");
    usher_queue_t *tier2 = queue(s, "tier2");
    usher_agent_t *eve = agent(s, "eve", "wifi");
    const char *need = "wifi";
    usher_request r = { .requester = "ada", .needs = &need, .needs_n = 1 }, plain = { .requester = "bea" };
    usher_claim c;

    assert_int_equal(enqueue(s, s->q, r), USHER_OK);
    at(s, MINUTE);
    assert_int_equal(enqueue(s, tier2, plain), USHER_OK);
    c = claim(s, eve);
    assert_int_equal(hand_off(s, c, tier2, NULL), USHER_OK);
    assert_int_equal(claim_from(s, s->bob, tier2).ticket, 2); /* past the first, which he cannot serve */
    assert_int_equal(claim_from(s, s->bob, tier2).ticket, 0);
    assert_int_equal(claim_from(s, eve, tier2).ticket, c.ticket);
    end(s);
}

/* ---- many at once ------------------------------------------------------------------------------------ */

/* A new day, so that nothing of it has been counted yet; and each ticket in a queue of its own. */
static void test_handoff__an_agent_who_goes_lets_go_of_many_queues(void **unused)
{
    (void)unused;

    struct service *s = begin("{}");
    usher_queue_t *q[QUEUES];
    char name[16];
    usher_claim c;

    for (int i = 0; i < QUEUES; i++) {
        snprintf(name, sizeof name, "q%d", i);
        q[i] = queue(s, name);
        define(s, q[i], "{'lease':{'for':'8h'},'handoff':{'accept_within':'3d'}}");
        assert_int_equal(enqueue(s, q[i], (usher_request){ .requester = "ada" }), USHER_OK);
        assert_int_equal(claim_ticket(s, i % 2 == 0 ? s->bob : s->ann, (usher_id)i + 1, &c), USHER_OK);
        if (i % 2 != 0)
            assert_int_equal(hand_off(s, c, NULL, s->bob), USHER_OK);
    }
    at(s, 4 * HOUR); /* past midnight: T0 is at 22:13 */
    assert_int_equal(usher_agent_gone(s->bob, on_done, s), USHER_OK);
    run(s);
    assert_int_equal(count(s, USHER_EV_RELEASED), QUEUES / 2);
    assert_int_equal(count(s, USHER_EV_DECLINED), QUEUES / 2);
    assert_int_equal(last(s, USHER_EV_AGENT_GONE)->n, QUEUES / 2);
    for (int i = 1; i < QUEUES; i += 2) {
        assert_int_equal(in_state(q[i], USHER_WAITING), 1);
        assert_string_equal(peek(s, (usher_id)i + 1).kept_for, "ann");
        assert_int_equal(peek(s, (usher_id)i + 1).level, 1);
    }
    end(s);
}

/* Each who joins lifts it into another band of the line where it stands. */
static void test_handoff__is_joined_by_many_at_once(void **unused)
{
    (void)unused;

    struct service *s = begin("{'line':{'gap':'1s'}}");
    usher_queue_t *tier2 = queue(s, "tier2"), *to[3] = { tier2, NULL, s->q };
    usher_request r = { .requester = "ada", .dedup_key = "k", .priority = USHER_LOW }, more[64];
    usher_request other = { .requester = "bea" };
    usher_claim c;

    for (int i = 0; i < 200; i++) { /* the line there is no small one */
        other.priority = 1 + i % 4;
        assert_int_equal(enqueue(s, tier2, other), USHER_OK);
    }
    for (int i = 0; i < 3; i++) {
        char who[64][8];

        assert_int_equal(enqueue(s, s->q, r), USHER_OK);
        assert_int_equal(claim_ticket(s, s->ann, s->done.ticket, &c), USHER_OK);
        assert_int_equal(hand_off(s, c, to[i], to[i] == NULL ? s->bob : NULL), USHER_OK);
        for (int k = 0; k < 64; k++) {
            snprintf(who[k], sizeof who[k], "p%d", k);
            more[k] = (usher_request){ .size = sizeof r, .requester = who[k], .dedup_key = "k",
                                       .priority = 1 + k / 16 };
        }
        assert_int_equal(usher_enqueue_many(s->q, more, 64, on_done, s), USHER_OK);
        run(s);
        assert_int_equal(peek(s, c.ticket).persons, 65);
        assert_int_equal(peek(s, c.ticket).priority, USHER_URGENT);
        assert_int_equal(state(s, c.ticket), USHER_OFFERED);
        assert_int_equal(by_agent(s, c, USHER_RESOLVE), USHER_OK);
    }
    end(s);
}

/* One batch lifts them all at once into another band of the line where they stand. */
static void test_handoff__many_are_lifted_in_one_batch(void **unused)
{
    (void)unused;

    enum { MANY = 300 };
    struct service *s = begin("{}");
    usher_queue_t *tier2 = queue(s, "tier2");
    usher_request r[MANY];
    char keys[MANY][8];
    usher_claim c = { 0, 0 };

    for (int i = 0; i < MANY; i++) {
        snprintf(keys[i], sizeof keys[i], "k%d", i);
        r[i] = (usher_request){ .size = sizeof *r, .requester = "ada", .dedup_key = keys[i] };
    }
    assert_int_equal(usher_enqueue_many(s->q, r, MANY, on_done, s), USHER_OK);
    run(s);
    for (int i = 0; i < MANY; i++) {
        c = claim(s, s->ann);
        assert_int_equal(hand_off(s, c, tier2, NULL), USHER_OK);
        r[i].requester = "bea";
        r[i].priority = USHER_URGENT;
    }
    assert_int_equal(usher_enqueue_many(s->q, r, MANY, on_done, s), USHER_OK);
    run(s);
    assert_int_equal(peek(s, c.ticket).priority, USHER_URGENT);
    assert_int_equal(peek(s, c.ticket).ahead, MANY - 1);
    assert_int_equal(state(s, c.ticket), USHER_OFFERED);
    end(s);
}

/* ---- what the host reads and writes ----------------------------------------------------------------- */

static void on_rows(usher_t *u, int status, const usher_page *p, void *user)
{
    (void)u;
    assert_int_equal(status, USHER_OK);
    *(uint64_t *)user = p->n;
}

static uint64_t with_agent(struct service *s, const char *name)
{
    usher_query q = USHER_INIT(usher_query);
    uint64_t n = 0;

    q.what = USHER_READ_TICKETS;
    q.agent = name;
    assert_int_equal(usher_read(s->u, &q, on_rows, &n), USHER_OK);
    run(s);
    return n;
}

static void test_handoff__is_read_as_the_givers_and_his_it_is_offered_to(void **unused)
{
    (void)unused;

    struct service *s = begin("{}");
    usher_standing v;
    usher_claim c = offered(s, NULL, s->bob);

    v = peek(s, c.ticket);
    assert_string_equal(v.holder, "ann");
    assert_string_equal(v.offered_to, "bob");
    assert_int_equal(v.offer, USHER_TO_AGENT);
    assert_int_equal(v.handoffs, 1);
    assert_int_equal(v.ahead, -1);
    assert_int_equal(v.until_at, T0 + 30 * MINUTE);
    assert_int_equal(with_agent(s, "ann"), 1);
    assert_int_equal(with_agent(s, "bob"), 1);
    assert_int_equal(by_desk(s, c.ticket, USHER_DECLINE), USHER_OK);
    assert_int_equal(with_agent(s, "bob"), 0);
    v = peek(s, c.ticket);
    assert_null(v.offered_to);
    assert_int_equal(v.offer, 0);
    assert_int_equal(v.handoffs, 1);
    end(s);
}

struct told {
    uint64_t n;
    usher_standing standing; /* strings: not after the callback */
    char text[300];
};

static void on_why(usher_t *u, int status, const usher_page *p, void *user)
{
    struct told *told = user;

    (void)u;
    assert_int_equal(status, USHER_OK);
    assert_int_equal(p->n, 1);
    told->standing = p->tickets[0];
    snprintf(told->text, sizeof told->text, "%s", p->text.data);
    assert_int_equal(strlen(told->text), p->text.len);
}

static void why(struct service *s, usher_id id, const char *words)
{
    usher_query q = USHER_INIT(usher_query);
    usher_standing v = peek(s, id);
    struct told told;

    q.what = USHER_READ_WHY_RANK;
    q.ticket = id;
    assert_int_equal(usher_read(s->u, &q, on_why, &told), USHER_OK);
    run(s);
    assert_string_equal(told.text, words);
    assert_memory_equal(&told.standing, &v, sizeof v); /* the same as data */
    if (v.rank_by != 0)
        assert_int_equal(v.rank_at, v.rank_from_at + v.rank_behind_ms);
}

static void test_handoff__is_told_in_words_where_it_stands(void **unused)
{
    (void)unused;

    struct service *s = begin("{'promises':{'resolve':{'target':'8h'}},'line':{'gap':'1h30m'}}");
    usher_queue_t *tier2 = queue(s, "tier2");
    usher_request r = { .requester = "bea", .start_at = T0 + DAY };
    usher_claim c = held(s, "ada"), d;

    why(s, c.ticket, "claimed: not in the line");
    assert_int_equal(peek(s, c.ticket).rank_by, USHER_RANK_DUE);
    assert_int_equal(hand_off(s, c, tier2, NULL), USHER_OK);
    why(s, c.ticket, "offered to tier2 until 2023-11-14 22:43:20.000 UTC: 0 ahead in normal of tier2, 0 with the "
                     "bands above; by 2023-11-15 06:13:20.000 UTC, the due of its nearest promise");
    assert_int_equal(by_desk(s, c.ticket, USHER_DECLINE), USHER_OK);
    why(s, c.ticket, "kept for ann until 2023-11-14 22:28:20.000 UTC; by 2023-11-15 06:13:20.000 UTC, the due "
                     "of its nearest promise");
    d = held(s, "ada"); /* another one of hers stands behind it */
    assert_int_equal(hand_off(s, d, NULL, s->bob), USHER_OK);
    why(s, d.ticket, "offered to bob until 2023-11-14 22:43:20.000 UTC; by 2023-11-15 06:13:20.000 UTC, the due "
                     "of its nearest promise, and 1h30m behind that, for its requester has others there");
    assert_int_equal(enqueue(s, tier2, r), USHER_OK);
    why(s, s->done.ticket, "scheduled: not in the line");
    assert_int_equal(peek(s, s->done.ticket).rank_by, 0);
    at(s, DAY);
    why(s, s->done.ticket, "0 ahead in normal of tier2, 0 with the bands above; by 2023-11-15 22:13:20.000 UTC, "
                           "when it came, for it has no promise");
    assert_int_equal(peek(s, s->done.ticket).rank_by, USHER_RANK_ENTRY);
    end(s);
}

/* To whom is part of what an op stands for. */
static void test_handoff__of_an_op_to_somebody_else_is_refused(void **unused)
{
    (void)unused;

    struct service *s = begin("{}");
    usher_agent_t *cid = agent(s, "cid", NULL);
    usher_command c = { .verb = USHER_HAND_OFF, .claim = held(s, "ada"), .agent = s->bob, .op = { 0, 9 } };

    assert_int_equal(act(s, c), USHER_OK);
    assert_int_equal(act(s, c), USHER_OK);
    assert_int_equal(s->done.outcome, USHER_WAS_REPEATED);
    c.agent = cid;
    assert_int_equal(act(s, c), USHER_EINVAL);
    assert_int_equal(count(s, USHER_EV_OFFERED), 1);
    end(s);
}

static void test_handoff__its_token_stands_and_its_lease_does_not_run(void **unused)
{
    (void)unused;

    struct service *s = begin("{'handoff':{'accept_within':'2d'}}");
    usher_queue_t *tier2 = queue(s, "tier2");
    usher_claim c = offered(s, tier2, NULL);

    at(s, DAY); /* the lease would have been over long ago */
    assert_int_equal(count(s, USHER_EV_LEASE_EXPIRED), 0);
    assert_int_equal(by_agent(s, c, USHER_UPDATE), USHER_OK);
    assert_int_equal(s->done.token, c.token);
    assert_int_equal(by_agent(s, c, USHER_RELEASE), USHER_ESTATE);
    assert_int_equal(by_desk(s, c.ticket, USHER_RECALL), USHER_OK);
    assert_int_equal(s->done.until_at, T0 + DAY + 15 * MINUTE);
    assert_int_equal(by_agent(s, c, USHER_RESOLVE), USHER_OK);
    end(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_handoff__counts_stay_with_its_own_queue_until_it_is_taken),
        cmocka_unit_test(test_handoff__is_found_in_the_queue_that_took_it),
        cmocka_unit_test(test_handoff__is_lifted_and_moved_while_it_is_offered),
        cmocka_unit_test(test_handoff__to_an_agent_comes_before_the_line),
        cmocka_unit_test(test_handoff__out_of_turn_counts_those_of_the_line_it_stands_in),
        cmocka_unit_test(test_handoff__wakes_who_waits_for_it),
        cmocka_unit_test(test_handoff__to_an_agent_waits_while_its_queue_is_held),
        cmocka_unit_test(test_handoff__to_an_agent_is_his_when_it_moves_to_a_queue_that_runs),
        cmocka_unit_test(test_handoff__needs_count_in_the_line_where_it_stands),
        cmocka_unit_test(test_handoff__an_agent_who_goes_lets_go_of_many_queues),
        cmocka_unit_test(test_handoff__is_joined_by_many_at_once),
        cmocka_unit_test(test_handoff__many_are_lifted_in_one_batch),
        cmocka_unit_test(test_handoff__is_read_as_the_givers_and_his_it_is_offered_to),
        cmocka_unit_test(test_handoff__is_told_in_words_where_it_stands),
        cmocka_unit_test(test_handoff__of_an_op_to_somebody_else_is_refused),
        cmocka_unit_test(test_handoff__its_token_stands_and_its_lease_does_not_run),
    };

    return cmocka_run_group_tests_name("handoff", tests, NULL, NULL);
}
