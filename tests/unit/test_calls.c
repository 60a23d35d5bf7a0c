/* What the public calls refuse, and how they read structs of other versions. */
#include "desk.h"

/* ---- structs of other versions --------------------------------------------------------------- */

struct later_request { /* as a later version might have it */
    usher_request request;
    uint64_t more;
};

static void test_calls__a_later_struct_is_read_if_its_news_is_unused(void **state)
{
    struct desk *d = begin();
    struct later_request r[3];

    (void)state;
    for (int i = 0; i < 3; i++) {
        r[i] = (struct later_request){.request = request()};
        r[i].request.size = sizeof r[i];
        r[i].request.priority = USHER_HIGH;
    }
    assert_int_equal(usher_enqueue(d->q, &r[0].request, on_done, d), USHER_OK);
    assert_int_equal(usher_enqueue_many(d->q, &r[0].request, 3, on_done, d), USHER_OK);
    run(d);
    assert_int_equal(d->done, 4);
    assert_int_equal(d->last.priority, USHER_HIGH);
    r[2].more = 1;
    assert_int_equal(usher_enqueue(d->q, &r[2].request, on_done, d), USHER_EINVAL);
    assert_int_equal(usher_enqueue_many(d->q, &r[0].request, 3, on_done, d), USHER_EINVAL);
    r[2].more = 0;
    r[2].request.size = sizeof(usher_request); /* all of an array are of one size */
    assert_int_equal(usher_enqueue_many(d->q, &r[0].request, 3, on_done, d), USHER_EINVAL);
    r[0].request.size = UINT64_C(1) << 40;
    assert_int_equal(usher_enqueue(d->q, &r[0].request, on_done, d), USHER_EINVAL);
    end(d);
}

static void test_calls__an_earlier_struct_means_the_defaults(void **state)
{
    struct desk *d = begin();
    struct {
        uint64_t size;
        const char *requester;
    } r[2] = {{sizeof r[0], "eva"}, {sizeof r[0], "bo"}};
    usher_request *first = (usher_request *)(void *)r;
    uint64_t only_size = sizeof only_size;

    (void)state;
    assert_int_equal(usher_enqueue_many(d->q, first, 2, on_done, d), USHER_OK);
    run(d);
    assert_int_equal(d->done, 2);
    assert_int_equal(d->last.priority, USHER_NORMAL);
    assert_int_equal(usher_enqueue(d->q, (usher_request *)(void *)&only_size, NULL, NULL),
                     USHER_EINVAL); /* no requester */
    only_size = 7;
    assert_int_equal(usher_enqueue(d->q, (usher_request *)(void *)&only_size, NULL, NULL),
                     USHER_EINVAL);
    end(d);
}

static void test_calls__a_standing_is_filled_as_far_as_it_goes(void **state)
{
    struct desk *d = begin();
    struct {
        usher_standing s;
        uint64_t more;
    } out;

    (void)state;
    hold_one(d);
    memset(&out, 0xff, sizeof out);
    out.s.size = offsetof(usher_standing, queue);
    assert_int_equal(usher_peek(d->u, d->claim.ticket, &out.s), USHER_OK);
    assert_int_equal(out.s.size, offsetof(usher_standing, queue));
    assert_int_equal(out.s.ticket, d->claim.ticket);
    assert_int_equal(out.s.ticket_seq, 2);
    assert_int_equal(out.s.enqueued_at, -1);
    out.s.size = sizeof out;
    assert_int_equal(usher_peek(d->u, d->claim.ticket, &out.s), USHER_OK);
    assert_int_equal(out.s.state, USHER_CLAIMED);
    assert_int_equal(out.more, 0);
    out.s.size = 0;
    assert_int_equal(usher_peek(d->u, d->claim.ticket, &out.s), USHER_EINVAL);
    out.s.size = SIZE_MAX;
    assert_int_equal(usher_peek(d->u, d->claim.ticket, &out.s), USHER_EINVAL);
    end(d);
}

/* ---- what is wrong at any time --------------------------------------------------------------- */

static int open_as(const char *store, usher_options o)
{
    usher_t *u = (usher_t *)&o;
    int r = usher_open(&u, NULL, store, &o, NULL, NULL);

    assert_int_not_equal(r, USHER_OK);
    assert_null(u);
    return r;
}

static void test_calls__open_refuses(void **state)
{
    const usher_options fine = USHER_INIT(usher_options);
    usher_options o = fine;

    (void)state;
    assert_int_equal(usher_open(NULL, NULL, "memory:", NULL, NULL, NULL), USHER_EINVAL);
    assert_int_equal(open_as(NULL, fine), USHER_EINVAL);
    assert_int_equal(open_as("memory", fine), USHER_EINVAL);
    assert_int_equal(open_as("sqlite:", fine), USHER_EINVAL);
    o.size = 0;
    assert_int_equal(open_as("memory:", o), USHER_EINVAL);
    o = fine;
    o.durability = USHER_NONE + 1;
    assert_int_equal(open_as("memory:", o), USHER_EINVAL);
    o.durability = -1;
    assert_int_equal(open_as("memory:", o), USHER_EINVAL);
    o = fine;
    o.op_window_ms = -1;
    assert_int_equal(open_as("memory:", o), USHER_EINVAL);
    o = fine;
    o.allocator = &(usher_allocator){NULL, NULL};
    assert_int_equal(open_as("memory:", o), USHER_EINVAL);
    o = fine;
    o.clock = &(usher_clock){NULL, NULL, NULL};
    assert_int_equal(open_as("memory:", o), USHER_EINVAL);
}

static void test_calls__names_are_limited(void **state)
{
    struct desk *d = begin();
    char *longest = name_of(USHER_NAME_MAX), *longer = name_of(USHER_NAME_MAX + 1);
    const char *skills[USHER_SKILLS_MAX + 1];
    usher_request r = request();
    usher_queue_t *q;
    usher_agent_t *a;

    (void)state;
    assert_int_equal(usher_queue(d->u, &q, longest), USHER_OK);
    assert_string_equal(usher_queue_name(q), longest);
    assert_int_equal(usher_queue(d->u, &q, longer), USHER_ELIMIT);
    assert_null(q);
    assert_int_equal(usher_queue(d->u, &q, ""), USHER_EINVAL);
    assert_int_equal(usher_queue(d->u, &q, NULL), USHER_EINVAL);
    assert_int_equal(usher_queue(d->u, NULL, "x"), USHER_EINVAL);
    assert_int_equal(usher_agent(d->u, &a, longest, NULL, 0), USHER_OK);
    assert_string_equal(usher_agent_name(a), longest);
    assert_int_equal(usher_agent(d->u, &a, longer, NULL, 0), USHER_ELIMIT);
    assert_int_equal(usher_agent(d->u, &a, "x", NULL, 1), USHER_EINVAL);
    for (int i = 0; i <= USHER_SKILLS_MAX; i++)
        skills[i] = longest;
    assert_int_equal(usher_agent(d->u, &a, "x", skills, USHER_SKILLS_MAX), USHER_OK);
    assert_int_equal(usher_agent(d->u, &a, "x", skills, USHER_SKILLS_MAX + 1), USHER_ELIMIT);
    skills[1] = "";
    assert_int_equal(usher_agent(d->u, &a, "x", skills, 2), USHER_EINVAL);

    r.requester = r.symptom = r.dedup_key = r.ref = longest;
    assert_int_equal(usher_enqueue(d->q, &r, NULL, NULL), USHER_OK);
    r.ref = longer;
    assert_int_equal(usher_enqueue(d->q, &r, NULL, NULL), USHER_ELIMIT);
    r.ref = "";
    assert_int_equal(usher_enqueue(d->q, &r, NULL, NULL), USHER_EINVAL);
    free(longest);
    free(longer);
    end(d);
}

static void test_calls__requests_are_checked(void **state)
{
    struct desk *d = begin();
    const usher_request fine = request();
    const char *needs[USHER_NEEDS_MAX + 1] = {NULL};
    char *body = name_of(USHER_BODY_MAX + 1);
    usher_request r = fine;

    (void)state;
    assert_int_equal(usher_enqueue(NULL, &r, NULL, NULL), USHER_EINVAL);
    assert_int_equal(usher_enqueue(d->q, NULL, NULL, NULL), USHER_EINVAL);
    r.requester = NULL;
    assert_int_equal(enqueue(d, r), USHER_EINVAL);
    r = fine;
    r.priority = USHER_URGENT + 1;
    assert_int_equal(enqueue(d, r), USHER_EINVAL);
    r.priority = -1;
    assert_int_equal(enqueue(d, r), USHER_EINVAL);
    r = fine;
    r.start_at = -1;
    assert_int_equal(enqueue(d, r), USHER_EINVAL);
    r.start_at = USHER_AT_MAX + 1;
    assert_int_equal(enqueue(d, r), USHER_EINVAL);
    r.start_at = USHER_AT_MAX;
    assert_int_equal(enqueue(d, r), USHER_OK);
    r = fine;
    r.body.len = 1;
    assert_int_equal(enqueue(d, r), USHER_EINVAL);
    r.body = (usher_text){body, USHER_BODY_MAX + 1};
    assert_int_equal(enqueue(d, r), USHER_ELIMIT);
    r = fine;
    r.needs_n = 1;
    assert_int_equal(enqueue(d, r), USHER_EINVAL);
    r.needs = needs;
    assert_int_equal(enqueue(d, r), USHER_EINVAL);
    r.needs_n = USHER_NEEDS_MAX + 1;
    assert_int_equal(enqueue(d, r), USHER_ELIMIT);
    assert_int_equal(usher_enqueue_many(d->q, &fine, USHER_BATCH_MAX + 1, NULL, NULL),
                     USHER_ELIMIT);
    assert_int_equal(usher_enqueue_many(d->q, NULL, 1, NULL, NULL), USHER_EINVAL);
    assert_int_equal(usher_enqueue_many(d->q, NULL, 0, NULL, NULL), USHER_OK);
    run(d);
    assert_int_equal(d->done, 1);
    free(body);
    end(d);
}

static void test_calls__claims_are_checked(void **state)
{
    struct desk *d = begin();
    struct desk *other = begin();
    usher_queue_t *queues[USHER_CLAIM_QUEUES_MAX + 1] = {d->q, other->q};
    usher_claim_args c = USHER_INIT(usher_claim_args);

    (void)state;
    assert_int_equal(usher_claim_many(d->a, NULL, on_work, d), USHER_EINVAL);
    assert_int_equal(usher_claim_many(d->a, &c, on_work, d), USHER_EINVAL);
    c.queues = queues;
    assert_int_equal(usher_claim_many(d->a, &c, on_work, d), USHER_EINVAL);
    c.queues_n = 1;
    assert_int_equal(usher_claim_many(d->a, &c, NULL, d), USHER_EINVAL);
    assert_int_equal(usher_claim_many(d->a, &c, on_work, d), USHER_OK);
    c.queues_n = 2; /* another service's */
    assert_int_equal(usher_claim_many(d->a, &c, on_work, d), USHER_EINVAL);
    queues[1] = d->q; /* twice the same */
    assert_int_equal(usher_claim_many(d->a, &c, on_work, d), USHER_EINVAL);
    c.queues_n = USHER_CLAIM_QUEUES_MAX + 1;
    assert_int_equal(usher_claim_many(d->a, &c, on_work, d), USHER_ELIMIT);
    c.queues_n = 1;
    c.n = USHER_CLAIM_MAX + 1;
    assert_int_equal(usher_claim_many(d->a, &c, on_work, d), USHER_ELIMIT);
    c.n = USHER_CLAIM_MAX;
    assert_int_equal(usher_claim_many(d->a, &c, on_work, d), USHER_OK);
    c.wait_ms = -1;
    assert_int_equal(usher_claim_many(d->a, &c, on_work, d), USHER_EINVAL);
    assert_int_equal(usher_claim_next(d->a, NULL, 0, on_work, d), USHER_EINVAL);
    assert_int_equal(usher_claim_ticket(d->a, 1, NULL, NULL, d), USHER_EINVAL);
    assert_int_equal(usher_claim_cancel(d->a, d), USHER_ENOENT);
    run(d);
    assert_int_equal(d->worked, 2);
    end(other);
    end(d);
}

struct wrong {
    int32_t verb, kind;
    uint64_t token;
    const char *text, *who;
    int64_t at, ms;
};

static void test_calls__commands_are_checked(void **state)
{
    static const struct wrong table[] = {
        {.verb = 0},
        {.verb = -1},
        {.verb = 9},
        {.verb = 80}, /* what the engine calls a receipt */
        {.verb = 86},
        {.verb = 1000000},
        {.verb = USHER_ACKNOWLEDGE},
        {.verb = USHER_ACKNOWLEDGE, .token = 1, .kind = 2},
        {.verb = USHER_UPDATE, .token = 1},
        {.verb = USHER_UPDATE, .text = "a"},
        {.verb = USHER_UPDATE, .token = 1, .text = "a", .at = -1},
        {.verb = USHER_UPDATE, .token = 1, .text = "a", .at = USHER_AT_MAX + 1},
        {.verb = USHER_EXTEND},
        {.verb = USHER_EXTEND, .token = 1, .ms = -1},
        {.verb = USHER_RELEASE},
        {.verb = USHER_PAUSE, .token = 1, .text = "a"},
        {.verb = USHER_PAUSE, .token = 1, .text = "a", .kind = 4},
        {.verb = USHER_PAUSE, .token = 1, .kind = USHER_ON_REQUESTER},
        {.verb = USHER_PAUSE, .token = 1, .kind = USHER_UNTIL},
        {.verb = USHER_PAUSE, .kind = USHER_ON_THIRD_PARTY},
        {.verb = USHER_RESUME},
        {.verb = USHER_RESUME, .token = 1, .kind = 4},
        {.verb = USHER_RESOLVE},
        {.verb = USHER_RESOLVE, .token = 1, .kind = USHER_AS_NO_REPLY},
        {.verb = USHER_FAIL},
        {.verb = USHER_ASK},
        {.verb = USHER_ASK, .who = ""},
        {.verb = USHER_REPLY, .who = "eva", .kind = 2},
        {.verb = USHER_CONFIRM},
        {.verb = USHER_REOPEN},
        {.verb = USHER_WITHDRAW},
        {.verb = USHER_REPRIORITISE},
        {.verb = USHER_REPRIORITISE, .kind = 5},
        {.verb = USHER_MOVE},
        {.verb = USHER_NOTE, .who = ""},
        {.verb = USHER_NOTE, .kind = 1},
    };
    struct desk *d = begin();
    struct desk *other = begin();
    usher_command c = command(d, USHER_MOVE);
    char *longer = name_of(USHER_TEXT_MAX + 1);

    (void)state;
    hold_one(d);
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const struct wrong *w = &table[i];
        usher_command one = command(d, w->verb);

        one.kind = w->kind;
        one.claim.token = w->token;
        one.text = (usher_text){w->text, w->text == NULL ? 0 : strlen(w->text)};
        one.who = w->who;
        one.at = w->at;
        one.ms = w->ms;
        if (usher_act(d->u, &one, on_done, d) != USHER_EINVAL)
            fail_msg("row %zu was taken", i);
    }
    assert_int_equal(usher_act(d->u, NULL, on_done, d), USHER_EINVAL);
    assert_int_equal(usher_act(NULL, &c, on_done, d), USHER_EINVAL);
    c.queue = other->q;
    assert_int_equal(act(d, c), USHER_EINVAL);
    c = command(d, USHER_NOTE);
    c.text = (usher_text){longer, USHER_TEXT_MAX + 1};
    assert_int_equal(act(d, c), USHER_ELIMIT);
    c.text.len = USHER_TEXT_MAX;
    assert_int_equal(act(d, c), USHER_OK);
    c.who = longer;
    assert_int_equal(act(d, c), USHER_ELIMIT);
    c = command(d, USHER_EXTEND);
    c.who = ""; /* ignored: it is the agent's verb */
    assert_int_equal(act(d, c), USHER_OK);
    c = command(d, USHER_ACKNOWLEDGE);
    c.claim.token = 0;
    c.kind = USHER_BY_MACHINE;
    assert_int_equal(act(d, c), USHER_OK);
    assert_int_equal(usher_resolve(d->u, NULL, 0, NULL, NULL, NULL), USHER_EINVAL);
    free(longer);
    end(other);
    end(d);
}

static void test_calls__batches_stop_at_the_first_refusal(void **state)
{
    struct desk *d = begin();
    usher_command c[4];

    (void)state;
    hold_one(d);
    d->done = 0;
    for (int i = 0; i < 4; i++)
        c[i] = command(d, USHER_NOTE);
    assert_int_equal(usher_act_many(d->u, c, 4, on_done, d), 4);
    c[2].verb = 0;
    assert_int_equal(usher_act_many(d->u, c, 4, on_done, d), 2);
    c[0].verb = 0;
    assert_int_equal(usher_act_many(d->u, c, 4, on_done, d), USHER_EINVAL);
    assert_int_equal(usher_act_many(d->u, NULL, 1, on_done, d), USHER_EINVAL);
    assert_int_equal(usher_act_many(d->u, NULL, 0, on_done, d), 0);
    assert_int_equal(usher_act_many(d->u, c, USHER_BATCH_MAX + 1, on_done, d), USHER_ELIMIT);
    run(d);
    assert_int_equal(d->done, 6);
    end(d);
}

static void test_calls__queries_are_checked(void **state)
{
    struct desk *d = begin();
    struct desk *other = begin();
    usher_query q = USHER_INIT(usher_query);

    (void)state;
    assert_int_equal(usher_read(d->u, &q, on_page, d), USHER_EINVAL);
    q.what = USHER_READ_TICKETS;
    assert_int_equal(usher_read(d->u, &q, NULL, d), USHER_EINVAL);
    q.limit = USHER_ROWS_MAX + 1;
    assert_int_equal(usher_read(d->u, &q, on_page, d), USHER_ELIMIT);
    q.limit = USHER_ROWS_MAX;
    q.states = 1;
    assert_int_equal(usher_read(d->u, &q, on_page, d), USHER_EINVAL);
    q.states = 1u << USHER_STATES;
    assert_int_equal(usher_read(d->u, &q, on_page, d), USHER_EINVAL);
    q.states = 1u << USHER_WITHDRAWN;
    q.queue = other->q;
    assert_int_equal(usher_read(d->u, &q, on_page, d), USHER_EINVAL);
    q.queue = d->q;
    q.agent = "";
    assert_int_equal(usher_read(d->u, &q, on_page, d), USHER_EINVAL);
    q.agent = "ann";
    assert_int_equal(usher_read(d->u, &q, on_page, d), USHER_OK);
    q.what = USHER_READ_HISTORY;
    assert_int_equal(usher_read(d->u, &q, on_page, d), USHER_EINVAL);
    q.ticket = 99;
    assert_int_equal(usher_read(d->u, &q, on_page, d), USHER_OK);
    q.what = USHER_READ_WHY_DUE;
    assert_int_equal(usher_read(d->u, &q, on_page, d), USHER_EINVAL);
    q.promise = USHER_PROMISE_RESOLVE;
    assert_int_equal(usher_read(d->u, &q, on_page, d), USHER_OK);
    run(d);
    assert_int_equal(d->last.status, USHER_ENOENT);
    end(other);
    end(d);
}

static void test_calls__the_rest_is_checked(void **state)
{
    struct desk *d = begin();
    char *longer = name_of(USHER_POLICY_MAX + 1);
    char err[16] = "?";
    usher_standing s = USHER_INIT(usher_standing);

    (void)state;
    assert_int_equal(usher_define(d->q, NULL, err, sizeof err, NULL, NULL), USHER_EINVAL);
    assert_int_equal(usher_define(d->q, "{}", NULL, 1, NULL, NULL), USHER_EINVAL);
    assert_int_equal(usher_define(d->q, longer, err, sizeof err, NULL, NULL), USHER_ELIMIT);
    assert_string_equal(err, "");
    assert_int_equal(usher_define(d->q, "[]", err, sizeof err, NULL, NULL), USHER_EPOLICY);
    assert_memory_equal(err, "policy: ", 8);
    assert_int_equal(usher_define(d->q, "[]", NULL, 0, NULL, NULL), USHER_EPOLICY);
    assert_int_equal(usher_queue_hold(d->q, 4, NULL, NULL), USHER_EINVAL);
    assert_int_equal(usher_queue_hold(NULL, 0, NULL, NULL), USHER_EINVAL);
    assert_int_equal(usher_agent_gone(NULL, NULL, NULL), USHER_EINVAL);
    assert_int_equal(usher_counts(d->q, NULL), USHER_EINVAL);
    assert_int_equal(usher_peek(d->u, 1, NULL), USHER_EINVAL);
    assert_int_equal(usher_peek_ref(d->q, "", &s), USHER_EINVAL);
    assert_int_equal(usher_peek_ref(d->q, "r", &s), USHER_ENOENT);
    assert_int_equal(usher_subscribe(d->u, "name", 0, NULL, NULL), USHER_EINVAL);
    assert_int_equal(usher_subscribe(d->u, NULL, 0, NULL, NULL), USHER_EINVAL);
    assert_int_equal(usher_unsubscribe(d->u, NULL, NULL), USHER_ENOENT);
    assert_int_equal(usher_post(d->u, NULL, NULL), USHER_EINVAL);
    free(longer);
    end(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_calls__a_later_struct_is_read_if_its_news_is_unused),
        cmocka_unit_test(test_calls__an_earlier_struct_means_the_defaults),
        cmocka_unit_test(test_calls__a_standing_is_filled_as_far_as_it_goes),
        cmocka_unit_test(test_calls__open_refuses),
        cmocka_unit_test(test_calls__names_are_limited),
        cmocka_unit_test(test_calls__requests_are_checked),
        cmocka_unit_test(test_calls__claims_are_checked),
        cmocka_unit_test(test_calls__commands_are_checked),
        cmocka_unit_test(test_calls__batches_stop_at_the_first_refusal),
        cmocka_unit_test(test_calls__queries_are_checked),
        cmocka_unit_test(test_calls__the_rest_is_checked),
    };

    return cmocka_run_group_tests_name("calls", tests, NULL, NULL);
}
