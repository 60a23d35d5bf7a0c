/* Every limit of the header on what one service holds, and its options, on both sides. */
#include "by_hand.h"

#include <stdio.h>
#include <string.h>

/* ---- counts of a service --------------------------------------------------------------------- */

static void test_bounds__queues(void **state)
{
    struct fixture *f = hand_begin_with((usher_options){0}); /* it has three */
    usher_queue_t *first = f->q, *q;
    char name[20];

    (void)state;
    for (int i = 3; i < USHER_QUEUES_MAX; i++) {
        snprintf(name, sizeof name, "q%d", i);
        assert_int_equal(usher_queue(f->u, &q, name), USHER_OK);
    }
    REFUSED(f, usher_queue(f->u, &f->queue_out, "one more"), USHER_ELIMIT);
    assert_int_equal(usher_queue(f->u, &q, "desk"), USHER_OK); /* one that is there */
    assert_ptr_equal(q, first);
    assert_int_equal(usher_queue(f->u, &q, "q65534"), USHER_OK);
    hand_end(f);
    fixture_verdict();
}

static void test_bounds__agents(void **state)
{
    usher_t *u;
    usher_agent_t *a, *first = NULL;
    char name[20];

    (void)state;
    assert_int_equal(usher_open(&u, NULL, "memory:", NULL, NULL, NULL), USHER_OK);
    for (int i = 0; i < USHER_AGENTS_MAX; i++) {
        snprintf(name, sizeof name, "a%d", i);
        if (usher_agent(u, &a, name, NULL, 0) != USHER_OK)
            fail_msg("agent %d", i);
        first = i == 0 ? a : first;
    }
    assert_int_equal(usher_agent_gone(first, NULL, NULL), USHER_OK); /* "present or gone" */
    assert_int_equal(usher_agent(u, &a, "one more", NULL, 0), USHER_ELIMIT);
    assert_null(a);
    assert_int_equal(usher_agent(u, &a, "a0", NULL, 0), USHER_OK);
    assert_ptr_equal(a, first);
    assert_int_equal(usher_close(u, NULL, NULL), USHER_OK);
    (void)usher_turn(u);
}

static void test_bounds__subscribers(void **state)
{
    struct fixture *f = hand_begin(S_CLAIMED); /* it is one */
    struct receipt *last = NULL;

    (void)state;
    for (int i = 1; i < USHER_SUBSCRIBERS_MAX; i++) {
        last = fixture_receipt(f);
        assert_int_equal(
            fixture_returned(last, usher_subscribe(f->u, NULL, 0, fixture_on_event, last), -1), 0);
    }
    REFUSED(f, usher_subscribe(f->u, NULL, 0, fixture_on_event, r), USHER_ELIMIT);
    assert_int_equal(usher_unsubscribe(f->u, fixture_on_event, last), USHER_OK);
    REFUSED(f, usher_unsubscribe(f->u, fixture_on_event, last), USHER_ENOENT);
    TAKEN(f, usher_subscribe(f->u, NULL, 0, fixture_on_event, r), -1);
    REFUSED(f, usher_subscribe(f->u, NULL, 0, fixture_on_event, r), USHER_ELIMIT);
    REFUSED(f, usher_subscribe(f->u, "named", 0, fixture_on_event, r), USHER_ELIMIT);
    REFUSED(f, usher_subscribe(f->u, NULL, 1, fixture_on_event, r), USHER_EINVAL);
    hand_end(f);
    fixture_verdict();
}

static void test_bounds__rows(void **state)
{
    struct fixture *f = hand_begin(S_NOTHING);
    usher_request *q = calloc(1500, sizeof *q);
    usher_query query = USHER_INIT(usher_query);
    struct receipt *got = fixture_receipt(f);

    (void)state;
    assert_non_null(q);
    for (size_t i = 0; i < 1500; i++)
        q[i] = hand_request("eva");
    TAKEN(f, usher_enqueue_many(f->q, q, 1500, fixture_on_done, r), 1500);
    fixture_run(f);
    query.what = USHER_READ_TICKETS;
    query.limit = USHER_ROWS_MAX + 1;
    REFUSED(f, usher_read(f->u, &query, fixture_on_page, r), USHER_ELIMIT);
    query.limit = UINT32_MAX;
    REFUSED(f, usher_read(f->u, &query, fixture_on_page, r), USHER_ELIMIT);
    query.limit = USHER_ROWS_MAX;
    assert_int_equal(fixture_returned(got, usher_read(f->u, &query, fixture_on_page, got), 1), 0);
    fixture_run(f);
    assert_int_equal(got->rows, USHER_ROWS_MAX);
    got = fixture_receipt(f);
    query.limit = 0;
    assert_int_equal(fixture_returned(got, usher_read(f->u, &query, fixture_on_page, got), 1), 0);
    fixture_run(f);
    assert_int_equal(got->rows, 100);
    query.cursor = UINT64_MAX;
    TAKEN(f, usher_read(f->u, &query, fixture_on_page, r), 1);
    free(q);
    hand_end(f);
    fixture_verdict();
}

/* ---- options --------------------------------------------------------------------------------- */

static int note(struct fixture *f, const char *text, usher_op op, struct receipt *r)
{
    usher_command c = hand_command(f, USHER_NOTE);

    c.text = (usher_text){text, strlen(text)};
    c.op = op;
    return usher_act(f->u, &c, fixture_on_done, r);
}

static void begin_ticket(struct fixture *f)
{
    usher_request q = hand_request("eva");

    q.dedup_key = "K-1";
    assert_int_equal(usher_enqueue(f->q, &q, NULL, NULL), USHER_OK);
    f->ticket = f->last = f->ticket + 1;
}

static void test_bounds__max_pending(void **state)
{
    struct fixture *f = hand_begin_with((usher_options){.max_pending = 3});
    usher_query query = USHER_INIT(usher_query);
    usher_request q[2] = {hand_request("ida"), hand_request("ida")};

    (void)state;
    query.what = USHER_READ_TICKETS;
    begin_ticket(f);
    for (int i = 0; i < 5; i++) /* parked claims apart */
        TAKEN(f, usher_claim_next(f->a, f->idle, USHER_NEVER, fixture_on_work, r), 1);
    for (int i = 0; i < 2; i++)
        TAKEN(f, note(f, "a", (usher_op){0, 0}, r), 1);
    REFUSED(f, usher_enqueue_many(f->q, q, 2, fixture_on_done, r), USHER_EFULL); /* 2 + 2 */
    TAKEN(f, note(f, "a", (usher_op){0, 0}, r), 1);
    REFUSED(f, note(f, "b", (usher_op){0, 0}, r), USHER_EFULL);
    REFUSED(f, usher_read(f->u, &query, fixture_on_page, r), USHER_EFULL);
    REFUSED(f, usher_claim_next(f->a, f->q, 0, fixture_on_work, r), USHER_EFULL);
    REFUSED(f, usher_queue_hold(f->q, 1, fixture_on_done, r), USHER_EFULL);
    REFUSED(f, usher_enqueue(f->q, q, fixture_on_done, r), USHER_EFULL);
    REFUSED(f, usher_agent_gone(f->a, fixture_on_done, r), USHER_EFULL);
    fixture_run(f);
    TAKEN(f, note(f, "b", (usher_op){0, 0}, r), 1);
    hand_end(f); /* the 5 end all at once: they had room */
    fixture_verdict();
}

static void note_again(struct fixture *f)
{
    TAKEN(f, note(f, "again", (usher_op){0, 0}, r), 1);
    REFUSED(f, note(f, "and again", (usher_op){0, 0}, r), USHER_EFULL);
}

/* The one that runs is not outstanding any more. */
static void test_bounds__max_pending_inside_a_callback(void **state)
{
    struct fixture *f = hand_begin_with((usher_options){.max_pending = 1});
    struct receipt *first = fixture_receipt(f);

    (void)state;
    begin_ticket(f);
    first->hook = note_again;
    assert_int_equal(fixture_returned(first, note(f, "a", (usher_op){0, 0}, first), 1), USHER_OK);
    hand_end(f);
    fixture_verdict();
}

static uint64_t ticket_seq(struct fixture *f)
{
    usher_standing s = USHER_INIT(usher_standing);

    assert_int_equal(usher_peek(f->u, f->ticket, &s), USHER_OK);
    return s.ticket_seq;
}

static void test_bounds__op_window(void **state)
{
    struct fixture *f = hand_begin_with((usher_options){.op_window_n = 2, .op_window_ms = 1000});
    uint64_t seq;

    (void)state;
    begin_ticket(f);
    TAKEN(f, note(f, "a", (usher_op){1, 1}, r), 1);
    TAKEN(f, note(f, "b", (usher_op){1, 2}, r), 1);
    seq = ticket_seq(f);
    TAKEN(f, note(f, "a", (usher_op){1, 1}, r), 1); /* both are remembered */
    TAKEN(f, note(f, "b", (usher_op){1, 2}, r), 1);
    CHECK(f, ticket_seq(f) == seq, "a repeat was applied");
    fixture_run(f);
    TOO_MUCH(f, note(f, "other", (usher_op){1, 2}, r), USHER_EINVAL);
    TAKEN(f, note(f, "c", (usher_op){1, 3}, r), 1); /* the first one goes */
    TAKEN(f, note(f, "b", (usher_op){1, 2}, r), 1);
    CHECK(f, ticket_seq(f) == seq + 1, "only c is new");
    TAKEN(f, note(f, "a", (usher_op){1, 1}, r), 1);
    CHECK(f, ticket_seq(f) == seq + 2, "a is new again");
    assert_int_equal(usher_advance(f->u, T0 + 999), USHER_OK);
    TAKEN(f, note(f, "a", (usher_op){1, 1}, r), 1);
    CHECK(f, ticket_seq(f) == seq + 2, "a is remembered for a second");
    assert_int_equal(usher_advance(f->u, T0 + 1000), USHER_OK);
    TAKEN(f, note(f, "a", (usher_op){1, 1}, r), 1);
    CHECK(f, ticket_seq(f) == seq + 3, "and no longer");
    hand_end(f);
    fixture_verdict();
}

/* In one batch an op that is repeated meets another one that makes it be forgotten. */
static void test_bounds__op_window_within_a_batch(void **state)
{
    struct fixture *f = hand_begin_with((usher_options){.op_window_n = 1});
    usher_request q[2] = {hand_request("eva"), hand_request("ida")};
    uint64_t n[USHER_STATES];

    (void)state;
    q[0].op = (usher_op){2, 2};
    q[1].op = (usher_op){1, 1};
    TAKEN(f, usher_enqueue(f->q, &q[1], fixture_on_done, r), 1);
    fixture_run(f);
    TAKEN(f, usher_enqueue_many(f->q, q, 2, fixture_on_done, r), 2);
    fixture_run(f);
    assert_int_equal(usher_counts(f->q, n), USHER_OK);
    CHECK(f, n[USHER_WAITING] == 2, "%d tickets", (int)n[USHER_WAITING]);
    hand_end(f);
    fixture_verdict();
}

/* An op names one attempt, wherever it is repeated. */
static void test_bounds__one_op_twice_in_a_batch(void **state)
{
    struct fixture *f = hand_begin_with((usher_options){0});
    usher_request q[2] = {hand_request("eva"), hand_request("eva")};
    uint64_t n[USHER_STATES];

    (void)state;
    q[0].op = q[1].op = (usher_op){1, 1};
    TAKEN(f, usher_enqueue_many(f->q, q, 2, fixture_on_done, r), 2);
    fixture_run(f);
    assert_int_equal(usher_counts(f->q, n), USHER_OK);
    CHECK(f, n[USHER_WAITING] == 1, "%d tickets for one op", (int)n[USHER_WAITING]);
    hand_end(f);
    fixture_verdict();
}

static void test_bounds__keep_closed(void **state)
{
    struct fixture *f = hand_begin_with((usher_options){.keep_closed = 2});
    usher_standing s = USHER_INIT(usher_standing);
    uint64_t n[USHER_STATES];

    (void)state;
    for (int i = 0; i < 3; i++) {
        usher_command c;

        begin_ticket(f);
        c = hand_command(f, USHER_WITHDRAW);
        TAKEN(f, usher_act(f->u, &c, fixture_on_done, r), 1);
        CHECK(f, usher_peek(f->u, 1, &s) == (i < 2 ? USHER_OK : USHER_ENOENT), "after %d", i + 1);
    }
    CHECK(f, usher_peek(f->u, 2, &s) == USHER_OK, "the second");
    CHECK(f, usher_peek(f->u, 3, &s) == USHER_OK, "the third");
    assert_int_equal(usher_counts(f->q, n), USHER_OK);
    CHECK(f, n[USHER_WITHDRAWN] == 2, "%d", (int)n[USHER_WITHDRAWN]);
    hand_end(f);
    fixture_verdict();
}

static uint64_t history_rows(struct fixture *f)
{
    struct receipt *r = fixture_receipt(f);
    usher_query q = USHER_INIT(usher_query);

    q.what = USHER_READ_HISTORY;
    q.ticket = f->ticket;
    q.limit = USHER_ROWS_MAX;
    assert_int_equal(fixture_returned(r, usher_read(f->u, &q, fixture_on_page, r), 1), USHER_OK);
    fixture_run(f);
    assert_int_equal(r->status, USHER_OK);
    return r->rows;
}

static void test_bounds__history_bytes(void **state)
{
    static const uint64_t sizes[] = {1, 1 << 20, 4 << 20};
    const char *text = hand_letters(10000);

    (void)state;
    for (size_t k = 0; k < LENGTH(sizes); k++) {
        struct fixture *f = hand_begin_with((usher_options){.history_bytes = sizes[k]});
        uint64_t rows;

        fixture_what(f, "history_bytes %d", (int)sizes[k]);
        begin_ticket(f);
        for (int i = 0; i < 900; i++) {
            TAKEN(f, note(f, text, (usher_op){0, 0}, r), 1);
            if (i % 100 == 0)
                fixture_run(f);
        }
        fixture_run(f);
        CHECK(f, f->held_len < sizes[k] + (1 << 20), "%d bytes are held", (int)f->held_len);
        rows = history_rows(f);
        CHECK(f, rows < 900 && rows <= sizes[k] / 10000 + 60, "%d rows", (int)rows);
        CHECK(f, sizes[k] == 1 || rows >= sizes[k] / 10000 * 3 / 4, "%d rows", (int)rows);
        CHECK(f, ticket_seq(f) == 901, "%d events", (int)ticket_seq(f));
        hand_end(f);
    }
    fixture_verdict();
}

/* ---- a full queue ---------------------------------------------------------------------------- */

static int rooms; /* ROOM events */

static void on_room(usher_t *u, const usher_event *e, void *user)
{
    (void)u;
    (void)user;
    rooms += e->kind == USHER_EV_ROOM;
}

static void test_bounds__open(void **state)
{
    struct fixture *f = hand_begin_with((usher_options){0});
    usher_request q[2] = {hand_request("ida"), hand_request("otto")};
    usher_command c;

    (void)state;
    rooms = 0;
    hand_define(f, "{\"limits\":{\"open\":3}}");
    assert_int_equal(usher_subscribe(f->u, NULL, 0, on_room, NULL), USHER_OK);
    begin_ticket(f);
    begin_ticket(f); /* joins: not one more */
    f->ticket = f->last = 1;
    TAKEN(f, usher_enqueue(f->q, q, fixture_on_done, r), 1);
    REFUSED(f, usher_enqueue_many(f->q, q, 2, fixture_on_done, r), USHER_EFULL); /* all or none */
    TAKEN(f, usher_enqueue(f->q, q, fixture_on_done, r), 1);
    fixture_run(f);
    REFUSED(f, usher_enqueue(f->q, q, fixture_on_done, r), USHER_EFULL);
    REFUSED(f, usher_enqueue_many(f->q, q, 1, fixture_on_done, r), USHER_EFULL);
    TAKEN(f, hand_join(f, "kim", r), 1); /* joins are let in */
    fixture_run(f);
    CHECK(f, rooms == 0, "%d", rooms);
    TAKEN(f, usher_claim_next(f->a, f->q, 0, fixture_on_work, r), 1); /* the rest works */
    c = hand_command(f, USHER_WITHDRAW);
    c.claim.ticket = 2;
    c.who = "ida";
    TAKEN(f, usher_act(f->u, &c, fixture_on_done, r), 1);
    fixture_run(f);
    CHECK(f, rooms == 1, "%d", rooms);
    TAKEN(f, usher_enqueue(f->q, q, fixture_on_done, r), 1);
    REFUSED(f, usher_enqueue(f->q, q, fixture_on_done, r), USHER_EFULL);
    hand_end(f);
    fixture_verdict();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bounds__queues),
        cmocka_unit_test(test_bounds__agents),
        cmocka_unit_test(test_bounds__subscribers),
        cmocka_unit_test(test_bounds__rows),
        cmocka_unit_test(test_bounds__max_pending),
        cmocka_unit_test(test_bounds__max_pending_inside_a_callback),
        cmocka_unit_test(test_bounds__op_window),
        cmocka_unit_test(test_bounds__one_op_twice_in_a_batch),
        cmocka_unit_test(test_bounds__keep_closed),
        cmocka_unit_test(test_bounds__history_bytes),
        cmocka_unit_test(test_bounds__open),
        cmocka_unit_test(test_bounds__op_window_within_a_batch),
    };

    return cmocka_run_group_tests_name("bounds", tests, NULL, NULL);
}
