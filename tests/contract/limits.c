/* Every limit of the header on what one call brings, on both sides: at the limit it is taken; one
 * more is answered as the header says, has no callback and changes nothing. */
#include "by_hand.h"

#include <stdio.h>
#include <string.h>

/* ---- names ----------------------------------------------------------------------------------- */

/* Where names are given. */
enum {
    N_QUEUE,
    N_AGENT,
    N_SKILL,
    N_REQUESTER,
    N_SYMPTOM,
    N_KEY,
    N_REF,
    N_NEED,
    N_WHO,
    N_DESK,
    N_PEEK,
    N_READ_REQUESTER,
    N_READ_AGENT,
    N_READ_SYMPTOM,
    NAMES
};
static const char *const name_places[NAMES] = {
    "queue",       "agent",         "skill",        "requester",  "symptom",  "dedup_key",
    "ref",         "need",          "who (person)", "who (desk)", "peek_ref", "query.requester",
    "query.agent", "query.symptom",
};

static int call_with_name(struct fixture *f, int place, const char *name, struct receipt *r)
{
    usher_request q = hand_request(place == N_REQUESTER ? name : "eva");
    usher_command c = hand_command(f, place == N_WHO ? USHER_REPLY : USHER_NOTE);
    usher_query query = USHER_INIT(usher_query);
    usher_standing s = USHER_INIT(usher_standing);
    int err;

    switch (place) {
    case N_QUEUE:
        return usher_queue(f->u, &f->queue_out, name);
    case N_AGENT:
        return usher_agent(f->u, &f->agent_out, name, NULL, 0);
    case N_SKILL:
        return usher_agent(f->u, &f->agent_out, "tom", &name, 1);
    case N_WHO:
    case N_DESK:
        c.who = name;
        return usher_act(f->u, &c, fixture_on_done, r);
    case N_PEEK:
        err = usher_peek_ref(f->q, name, &s);
        return err == USHER_ENOENT ? USHER_OK : err;
    case N_READ_REQUESTER:
    case N_READ_AGENT:
    case N_READ_SYMPTOM:
        query.what = USHER_READ_TICKETS;
        query.requester = place == N_READ_REQUESTER ? name : NULL;
        query.agent = place == N_READ_AGENT ? name : NULL;
        query.symptom = place == N_READ_SYMPTOM ? name : NULL;
        return usher_read(f->u, &query, fixture_on_page, r);
    default:
        q.symptom = place == N_SYMPTOM ? name : NULL;
        q.dedup_key = place == N_KEY ? name : NULL;
        q.ref = place == N_REF ? name : NULL;
        q.needs = place == N_NEED ? &name : NULL;
        q.needs_n = place == N_NEED;
        return usher_enqueue(f->q, &q, fixture_on_done, r);
    }
}

static bool has_callback(int place)
{
    return place != N_QUEUE && place != N_AGENT && place != N_SKILL && place != N_PEEK;
}

static void test_limits__names(void **state)
{
    struct fixture *f = hand_begin(S_CLAIMED);

    (void)state;
    for (int place = 0; place < NAMES; place++) {
        fixture_what(f, "name of %s", name_places[place]);
        REFUSED(f, call_with_name(f, place, "", r), USHER_EINVAL);
        TAKEN(f, call_with_name(f, place, hand_letters(1), r), has_callback(place));
        TAKEN(f, call_with_name(f, place, hand_letters(USHER_NAME_MAX), r), has_callback(place));
        fixture_run(f);
        REFUSED(f, call_with_name(f, place, hand_letters(USHER_NAME_MAX + 1), r), USHER_ELIMIT);
    }
    assert_int_equal(usher_queue(f->u, &f->queue_out, hand_letters(USHER_NAME_MAX)), USHER_OK);
    assert_int_equal(strlen(usher_queue_name(f->queue_out)), USHER_NAME_MAX);
    hand_end(f);
    fixture_verdict();
}

/* A person may have the longest name and still be somebody, in his ticket and in its history. */
static void test_limits__the_longest_names_are_told(void **state)
{
    struct fixture *f = hand_begin(S_CLAIMED);
    const char *who = hand_letters(USHER_NAME_MAX);
    usher_request q = hand_request(who);
    usher_standing s = USHER_INIT(usher_standing);
    usher_command c;
    const char *need = who;

    (void)state;
    q.symptom = q.dedup_key = q.ref = who;
    q.needs = &need;
    q.needs_n = 1;
    TAKEN(f, usher_enqueue(f->q, &q, fixture_on_done, r), 1);
    f->ticket = ++f->last;
    c = hand_command(f, USHER_REPLY);
    c.who = who;
    TAKEN(f, usher_act(f->u, &c, fixture_on_done, r), 1);
    fixture_run(f);
    assert_int_equal(usher_peek_ref(f->q, who, &s), USHER_OK);
    assert_string_equal(s.requester, who);
    assert_string_equal(s.symptom, who);
    assert_int_equal(s.ticket_seq, 3); /* enqueued, no agent has that skill, replied */
    hand_end(f);
    fixture_verdict();
}

/* ---- texts and bodies ------------------------------------------------------------------------ */

static void test_limits__texts(void **state)
{
    (void)state;
    for (size_t i = 0; i < HAND_VERBS; i++) {
        struct fixture *f = hand_begin(S_CLAIMED);
        usher_command c = hand_command(f, hand_verbs[i]);

        fixture_what(f, "text of %s", usher_name(USHER_NAME_VERB, hand_verbs[i]));
        c.text = (usher_text){hand_letters(USHER_TEXT_MAX + 1), USHER_TEXT_MAX + 1};
        REFUSED(f, usher_act(f->u, &c, fixture_on_done, r), USHER_ELIMIT);
        c.text.len = UINT64_MAX;
        REFUSED(f, usher_act(f->u, &c, fixture_on_done, r), USHER_ELIMIT);
        c.text.len = USHER_TEXT_MAX;
        TAKEN(f, usher_act(f->u, &c, fixture_on_done, r), 1);
        hand_end(f);
    }
    fixture_verdict();
}

static void test_limits__words_of_the_calls_by_name(void **state)
{
    (void)state;
    for (int more = 0; more < 2; more++) {
        for (int i = 0; i < 7; i++) {
            struct fixture *f = hand_begin(i == 6 ? S_RESOLVED : S_CLAIMED);
            const usher_claim c = *give_claim(f);
            const char *word = hand_letters(USHER_TEXT_MAX + (size_t)more);
            struct receipt *r = fixture_receipt(f);
            usher_t *u = f->u;
            int err;

            fixture_what(f, "word %d, %d more than there may be", i, more);
            err = i == 0   ? usher_acknowledge(u, &c, word, fixture_on_done, r)
                  : i == 1 ? usher_update(u, &c, word, 0, fixture_on_done, r)
                  : i == 2 ? usher_pause(u, &c, USHER_ON_REQUESTER, word, 0, fixture_on_done, r)
                  : i == 3 ? usher_resolve(u, &c, USHER_AS_FIX, word, fixture_on_done, r)
                  : i == 4 ? usher_fail(u, &c, word, fixture_on_done, r)
                  : i == 5 ? usher_reply(u, f->ticket, "eva", word, fixture_on_done, r)
                           : usher_reopen(u, f->ticket, "eva", word, fixture_on_done, r);
            (void)fixture_returned(r, err, 1);
            CHECK(f, err == (more ? USHER_ELIMIT : USHER_OK), "%d", err);
            hand_end(f);
        }
    }
    fixture_verdict();
}

static usher_request with_body(size_t len)
{
    usher_request q = hand_request("eva");

    q.body = (usher_text){hand_letters(len), len};
    return q;
}

static int enqueue_body(struct fixture *f, size_t len, struct receipt *r)
{
    usher_request q = with_body(len);

    return usher_enqueue(f->q, &q, fixture_on_done, r);
}

static void test_limits__bodies(void **state)
{
    struct fixture *f = hand_begin(S_CLAIMED);
    usher_request two[2] = {hand_request("eva"), with_body(11)};

    (void)state;
    TAKEN(f, enqueue_body(f, 1048576, r), 1); /* the default of limits.payload */
    REFUSED(f, enqueue_body(f, 1048577, r), USHER_ELIMIT);
    hand_define(f, "{\"limits\":{\"payload\":16777216}}");
    TAKEN(f, enqueue_body(f, USHER_BODY_MAX, r), 1);
    REFUSED(f, enqueue_body(f, USHER_BODY_MAX + 1, r), USHER_ELIMIT);
    hand_define(f, "{\"limits\":{\"payload\":10}}");
    TAKEN(f, enqueue_body(f, 10, r), 1);
    REFUSED(f, enqueue_body(f, 11, r), USHER_ELIMIT);
    REFUSED(f, usher_enqueue_many(f->q, two, 2, fixture_on_done, r), USHER_ELIMIT);
    two[1].body.len = UINT64_MAX;
    REFUSED(f, usher_enqueue(f->q, &two[1], fixture_on_done, r), USHER_ELIMIT);
    hand_define(f, "{\"limits\":{\"payload\":0}}");
    TAKEN(f, enqueue_body(f, 0, r), 1);
    REFUSED(f, enqueue_body(f, 1, r), USHER_ELIMIT);
    hand_end(f);
    fixture_verdict();
}

static int define_len(struct fixture *f, size_t len, struct receipt *r)
{
    char *policy = malloc(len + 1);
    int err;

    assert_non_null(policy);
    memset(policy, ' ', len);
    policy[0] = '{';
    policy[len - 1] = '}';
    policy[len] = '\0';
    err = usher_define(f->q, policy, NULL, 0, fixture_on_done, r);
    free(policy);
    return err;
}

static void test_limits__policies(void **state)
{
    struct fixture *f = hand_begin(S_CLAIMED);

    (void)state;
    TAKEN(f, define_len(f, USHER_POLICY_MAX, r), 1);
    REFUSED(f, define_len(f, USHER_POLICY_MAX + 1, r), USHER_ELIMIT);
    REFUSED(
        f,
        usher_define(f->q, "{\"limits\":{\"open\":0}}", f->err, sizeof f->err, fixture_on_done, r),
        USHER_EPOLICY);
    assert_memory_equal(f->err, "policy: ", 8);
    for (size_t room = 0; room < 12; room++) { /* as much of it as there is room for */
        memset(f->err, '#', sizeof f->err);
        REFUSED(f, usher_define(f->q, "[]", f->err, room, fixture_on_done, r), USHER_EPOLICY);
        CHECK(f, f->err[room] == '#', "more than %d bytes were written", (int)room);
        CHECK(f, room == 0 || strlen(f->err) < room, "no end within %d bytes", (int)room);
    }
    hand_end(f);
    fixture_verdict();
}

/* ---- counts within a call -------------------------------------------------------------------- */

static int enqueue_needs(struct fixture *f, const char *key, const char *const *needs, uint32_t n,
                         struct receipt *r)
{
    usher_request q = hand_request("eva");

    q.dedup_key = key;
    q.needs = needs;
    q.needs_n = n;
    return usher_enqueue(f->q, &q, fixture_on_done, r);
}

static void test_limits__needs(void **state)
{
    struct fixture *f = hand_begin(S_CLAIMED);

    (void)state;
    REFUSED(f, enqueue_needs(f, NULL, hand_names, USHER_NEEDS_MAX + 1, r), USHER_ELIMIT);
    REFUSED(f, enqueue_needs(f, NULL, hand_names, UINT32_MAX, r), USHER_ELIMIT);
    TAKEN(f, enqueue_needs(f, NULL, hand_names, USHER_NEEDS_MAX, r), 1);
    TAKEN(f, enqueue_needs(f, "key", hand_names, USHER_NEEDS_MAX - 1, r), 1);
    fixture_run(f);
    TOO_MUCH(f, enqueue_needs(f, "key", hand_names + USHER_NEEDS_MAX - 1, 2, r), USHER_ELIMIT);
    TAKEN(f, enqueue_needs(f, "key", hand_names + USHER_NEEDS_MAX - 1, 1, r), 1);
    TAKEN(f, enqueue_needs(f, "key", hand_names, USHER_NEEDS_MAX, r), 1); /* the same ones */
    fixture_run(f);
    TOO_MUCH(f, enqueue_needs(f, "key", hand_names + USHER_NEEDS_MAX, 1, r), USHER_ELIMIT);
    hand_end(f);
    fixture_verdict();
}

static void test_limits__skills(void **state)
{
    struct fixture *f = hand_begin(S_CLAIMED);

    (void)state;
    TAKEN(f, usher_agent(f->u, &f->agent_out, "tom", hand_names, USHER_SKILLS_MAX), 0);
    REFUSED(f, usher_agent(f->u, &f->agent_out, "tom", hand_names, USHER_SKILLS_MAX + 1),
            USHER_ELIMIT);
    REFUSED(f, usher_agent(f->u, &f->agent_out, "tom", hand_names, UINT32_MAX), USHER_ELIMIT);
    hand_end(f);
    fixture_verdict();
}

static void test_limits__persons(void **state)
{
    struct fixture *f = hand_begin(S_WAITING); /* eva waits */
    usher_standing s = USHER_INIT(usher_standing);

    (void)state;
    for (int i = 1; i < USHER_PERSONS_MAX; i++)
        TAKEN(f, hand_join(f, hand_names[i], r), 1);
    fixture_run(f);
    assert_int_equal(usher_peek(f->u, f->ticket, &s), USHER_OK);
    assert_int_equal(s.persons, USHER_PERSONS_MAX);
    TOO_MUCH(f, hand_join(f, "one more", r), USHER_ELIMIT);
    hand_end(f);
    fixture_verdict();
}

static void by_holder(struct fixture *f, int verb, int kind)
{
    usher_command c = hand_command(f, verb);

    c.kind = kind;
    c.at = verb == USHER_PAUSE ? f->at + 60000 : 0;
    TAKEN(f, usher_act(f->u, &c, fixture_on_done, r), 1);
}

static void test_limits__pauses_and_reopens(void **state)
{
    struct fixture *f = hand_begin(S_CLAIMED);
    usher_command c;
    usher_standing s = USHER_INIT(usher_standing);

    (void)state;
    for (int i = 0; i < USHER_PAUSES_MAX - 10; i++) { /* claiming it ends the pause */
        by_holder(f, USHER_PAUSE, USHER_UNTIL);
        TAKEN(f, usher_claim_ticket(f->a, f->ticket, NULL, fixture_on_work, r), 1);
    }
    for (int i = 0; i < 10; i++) { /* a reopen counts as one */
        by_holder(f, USHER_RESOLVE, USHER_AS_FIX);
        c = hand_command(f, USHER_REOPEN);
        TAKEN(f, usher_act(f->u, &c, fixture_on_done, r), 1);
        TAKEN(f, usher_claim_ticket(f->a, f->ticket, NULL, fixture_on_work, r), 1);
    }
    fixture_run(f);
    for (const struct receipt *r = f->receipts; r != NULL; r = r->next)
        CHECK(f, r->status == USHER_OK, "status %d", r->status);
    c = hand_command(f, USHER_PAUSE);
    c.kind = USHER_UNTIL;
    c.at = f->at + 60000;
    TOO_MUCH(f, usher_act(f->u, &c, fixture_on_done, r), USHER_ELIMIT);
    by_holder(f, USHER_RESOLVE, USHER_AS_FIX);
    fixture_run(f);
    c = hand_command(f, USHER_REOPEN);
    TOO_MUCH(f, usher_act(f->u, &c, fixture_on_done, r), USHER_ELIMIT);
    assert_int_equal(usher_peek(f->u, f->ticket, &s), USHER_OK);
    CHECK(f, s.state == USHER_RESOLVED, "state %d", s.state);
    hand_end(f);
    fixture_verdict();
}

static void test_limits__claims(void **state)
{
    struct fixture *f = hand_begin(S_CLAIMED);
    usher_queue_t *queues[USHER_CLAIM_QUEUES_MAX + 1];
    usher_claim_args c = USHER_INIT(usher_claim_args);
    usher_request *q = calloc(USHER_CLAIM_MAX + 5, sizeof *q);
    struct receipt *got = fixture_receipt(f);

    (void)state;
    assert_non_null(q);
    for (size_t i = 0; i < USHER_CLAIM_MAX + 5; i++)
        q[i] = hand_request("eva");
    for (size_t i = 0; i < LENGTH(queues); i++)
        assert_int_equal(usher_queue(f->u, &queues[i], hand_names[i]), USHER_OK);
    TAKEN(f, usher_enqueue_many(queues[7], q, USHER_CLAIM_MAX + 5, fixture_on_done, r),
          USHER_CLAIM_MAX + 5);
    fixture_run(f);
    c.queues = queues;
    c.queues_n = USHER_CLAIM_QUEUES_MAX;
    c.n = USHER_CLAIM_MAX + 1;
    REFUSED(f, usher_claim_many(f->a, &c, fixture_on_work, r), USHER_ELIMIT);
    c.n = UINT32_MAX;
    REFUSED(f, usher_claim_many(f->a, &c, fixture_on_work, r), USHER_ELIMIT);
    c.n = USHER_CLAIM_MAX;
    c.queues_n = USHER_CLAIM_QUEUES_MAX + 1;
    REFUSED(f, usher_claim_many(f->a, &c, fixture_on_work, r), USHER_ELIMIT);
    c.queues_n = UINT32_MAX;
    REFUSED(f, usher_claim_many(f->a, &c, fixture_on_work, r), USHER_ELIMIT);
    c.queues_n = 0;
    REFUSED(f, usher_claim_many(f->a, &c, fixture_on_work, r), USHER_EINVAL);
    c.queues_n = USHER_CLAIM_QUEUES_MAX;
    assert_int_equal(fixture_returned(got, usher_claim_many(f->a, &c, fixture_on_work, got), 1), 0);
    fixture_run(f);
    assert_int_equal(got->rows, USHER_CLAIM_MAX);
    free(q);
    hand_end(f);
    fixture_verdict();
}

static void test_limits__batches(void **state)
{
    struct fixture *f = hand_begin(S_CLAIMED);
    usher_request *q = calloc(USHER_BATCH_MAX + 1, sizeof *q);
    usher_command *c = calloc(USHER_BATCH_MAX + 1, sizeof *c);

    (void)state;
    assert_non_null(q);
    assert_non_null(c);
    for (size_t i = 0; i <= USHER_BATCH_MAX; i++) {
        q[i] = hand_request(hand_names[i]);
        c[i] = hand_command(f, USHER_NOTE);
    }
    REFUSED(f, usher_enqueue_many(f->q, q, USHER_BATCH_MAX + 1, fixture_on_done, r), USHER_ELIMIT);
    REFUSED(f, usher_enqueue_many(f->q, q, SIZE_MAX, fixture_on_done, r), USHER_ELIMIT);
    REFUSED(f, usher_act_many(f->u, c, USHER_BATCH_MAX + 1, fixture_on_done, r), USHER_ELIMIT);
    REFUSED(f, usher_act_many(f->u, c, SIZE_MAX, fixture_on_done, r), USHER_ELIMIT);
    TAKEN(f, usher_enqueue_many(f->q, q, USHER_BATCH_MAX, fixture_on_done, r), USHER_BATCH_MAX);
    TAKEN(f, usher_act_many(f->u, c, USHER_BATCH_MAX, fixture_on_done, r), USHER_BATCH_MAX);
    fixture_turn(f);
    /* All or none: the last one is wrong. */
    q[99].requester = "";
    REFUSED(f, usher_enqueue_many(f->q, q, 100, fixture_on_done, r), USHER_EINVAL);
    q[99].requester = hand_letters(256);
    REFUSED(f, usher_enqueue_many(f->q, q, 100, fixture_on_done, r), USHER_ELIMIT);
    while (usher_turn(f->u) > 0)
        continue;
    free(q);
    free(c);
    fixture_end(f);
    fixture_verdict();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_limits__names),
        cmocka_unit_test(test_limits__the_longest_names_are_told),
        cmocka_unit_test(test_limits__texts),
        cmocka_unit_test(test_limits__words_of_the_calls_by_name),
        cmocka_unit_test(test_limits__bodies),
        cmocka_unit_test(test_limits__policies),
        cmocka_unit_test(test_limits__needs),
        cmocka_unit_test(test_limits__skills),
        cmocka_unit_test(test_limits__persons),
        cmocka_unit_test(test_limits__pauses_and_reopens),
        cmocka_unit_test(test_limits__claims),
        cmocka_unit_test(test_limits__batches),
    };

    hand_make_names();
    return cmocka_run_group_tests_name("limits", tests, NULL, NULL);
}
