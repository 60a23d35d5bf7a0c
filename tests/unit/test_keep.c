/* A service on a store: what is there again after a reopen, what leaves memory and is found again, named
 * subscriptions. Upkeep and refusals are test_keep_upkeep.c's. That nothing is told before it is saved,
 * and that nothing saved is lost, is shown by tests/crash and tests/soak; the file itself by test_store. */
#include "keep.h"

/* ---- reopening ------------------------------------------------------------------------------- */

static void test_keep__a_reopened_service_goes_on_as_if_nothing_had_happened(void **state)
{
    struct desk *d = begin((usher_options){0});
    usher_standing before = USHER_INIT(usher_standing), after = USHER_INIT(usher_standing);
    usher_id first, second;
    usher_op op = {7, 9};
    uint64_t sum;
    char why[200];

    (void)state;
    assert_int_equal(usher_define(d->q,
                                  "{\"promises\":{\"ack\":{\"target\":\"1h\"},\"resolve\":{\"target\":\"8h\"}},"
                                  "\"line\":{\"gap\":\"1m\"}}",
                                  why, sizeof why, NULL, NULL),
                     USHER_OK);
    first = enqueue(d, (usher_request){.body = USHER_TEXT("a body"), .ref = "R1", .op = op});
    second = enqueue(d, (usher_request){.symptom = "paper", .priority = USHER_HIGH});
    claim(d);
    assert_int_equal(d->claim.ticket, second);
    assert_int_equal(act(d, (usher_command){.verb = USHER_PAUSE,
                                            .kind = USHER_ON_REQUESTER,
                                            .claim = d->claim,
                                            .text = USHER_TEXT("which one?")}),
                     USHER_OK);
    before.size = after.size = sizeof before;
    sum = digest(d);
    reopen(d);
    assert_int_equal(digest(d), sum);
    assert_int_equal(usher_peek(d->u, second, &after), USHER_OK);
    assert_int_equal(after.state, USHER_PAUSED);
    assert_string_equal(after.holder, "ann");
    assert_string_equal(after.symptom, "paper");
    assert_string_equal(after.question.data, "which one?");
    assert_int_equal(usher_peek_ref(d->q, "R1", &after), USHER_OK);
    assert_int_equal(after.ticket, first);
    assert_int_equal(after.due_at, T0 + HOUR);

    /* The token is good, the op remembered, and ids go on. */
    assert_int_equal(act(d, (usher_command){.verb = USHER_UPDATE,
                                            .claim = d->claim,
                                            .text = USHER_TEXT("still at it")}),
                     USHER_OK);
    assert_int_equal(enqueue(d, (usher_request){.body = USHER_TEXT("a body"), .ref = "R1", .op = op}),
                     first);
    assert_int_equal(d->last.outcome, USHER_WAS_REPEATED);
    assert_int_equal(enqueue(d, (usher_request){0}), second + 1);
    end(d);
}

static void test_keep__what_fell_due_meanwhile_fires_at_its_own_instant(void **state)
{
    struct desk *d = begin((usher_options){0});
    usher_standing s = USHER_INIT(usher_standing);
    usher_id id;

    (void)state;
    id = enqueue(d, (usher_request){0});
    claim(d);
    close_desk(d);
    assert_int_equal(usher_manual_clock_skip(d->clock, T0 + HOUR), USHER_OK);
    open_desk(d);
    settle(d);
    assert_int_equal(usher_peek(d->u, id, &s), USHER_OK);
    assert_int_equal(s.state, USHER_WAITING);
    assert_int_equal(s.state_at, T0 + HOUR / 4); /* the lease is 15 minutes */
    assert_int_equal(s.attempts, 1);
    end(d);
}

static void test_keep__a_lease_that_has_not_run_out_stands(void **state)
{
    struct desk *d = begin((usher_options){0});

    (void)state;
    enqueue(d, (usher_request){0});
    claim(d);
    close_desk(d);
    assert_int_equal(usher_manual_clock_skip(d->clock, T0 + HOUR / 8), USHER_OK);
    open_desk(d);
    assert_int_equal(act(d, (usher_command){.verb = USHER_RESOLVE, .claim = d->claim}), USHER_OK);
    end(d);
}

/* ---- what has left memory -------------------------------------------------------------------- */

static void test_keep__closed_tickets_leave_memory_and_stay_readable(void **state)
{
    struct desk *d = begin((usher_options){.keep_closed = 1});
    usher_standing s = USHER_INIT(usher_standing);
    static char large[5000];
    usher_id id[6];

    (void)state;
    memset(large, 'x', sizeof large);
    memcpy(large, "large", 5);
    id[0] = closed_ticket(d, (usher_request){.body = USHER_TEXT("the first")});
    id[1] = closed_ticket(d, (usher_request){.body = {large, sizeof large}, .requester = "bob"});
    for (int i = 2; i < 5; i++)
        id[i] = closed_ticket(d, (usher_request){0});
    id[5] = enqueue(d, (usher_request){0});
    for (int round = 0; round < 2; round++) {
        assert_int_equal(usher_peek(d->u, id[0], &s), USHER_ENOENT);
        assert_int_equal(usher_peek(d->u, id[4], &s), USHER_OK);
        read_page(d, (usher_query){.what = USHER_READ_TICKETS});
        assert_int_equal(d->page_n, 6);
        for (int i = 0; i < 6; i++) {
            assert_int_equal(d->rows[i], id[i]);
            assert_int_equal(d->row_kinds[i], i < 5 ? USHER_CLOSED : USHER_WAITING);
        }
        assert_int_equal(d->cursor, 0);
        read_page(d, (usher_query){.what = USHER_READ_TICKETS, .limit = 2});
        assert_int_equal(d->page_n, 2);
        assert_int_equal(d->rows[1], id[1]);
        read_page(d, (usher_query){.what = USHER_READ_TICKETS, .limit = 2, .cursor = d->cursor});
        assert_int_equal(d->rows[0], id[2]);
        read_page(d, (usher_query){.what = USHER_READ_TICKETS, .requester = "bob"});
        assert_int_equal(d->page_n, 1);
        assert_int_equal(d->rows[0], id[1]);
        read_page(d, (usher_query){.what = USHER_READ_BODY, .ticket = id[0]});
        assert_string_equal(d->text, "the first");
        read_page(d, (usher_query){.what = USHER_READ_BODY, .ticket = id[1]});
        assert_memory_equal(d->text, large, 1000);
        read_page(d, (usher_query){.what = USHER_READ_HISTORY, .ticket = id[0]});
        assert_int_equal(d->page_n, 5);
        assert_int_equal(d->row_kinds[0], USHER_EV_ENQUEUED);
        assert_int_equal(d->row_kinds[4], USHER_EV_CLOSED);
        read_page(d, (usher_query){.what = USHER_READ_HISTORY, .ticket = id[0], .limit = 2, .cursor = 2});
        assert_int_equal(d->page_n, 2);
        assert_int_equal(d->rows[0], 3);
        assert_int_equal(d->cursor, 4);
        read_page(d, (usher_query){.what = USHER_READ_HISTORY, .ticket = 99});
        assert_int_equal(d->page_status, USHER_ENOENT);
        read_page(d, (usher_query){.what = USHER_READ_WHY_RANK, .ticket = id[0]});
        assert_string_equal(d->text, "closed: not in the line");
        assert_int_equal(usher_peek(d->u, id[0], &s), USHER_ENOENT); /* looking is not keeping */
        reopen(d);
    }
    end(d);
}

static void test_keep__a_ticket_that_has_left_memory_can_be_reopened(void **state)
{
    struct desk *d = begin((usher_options){.keep_closed = 1});
    usher_command reopen_it, note;
    usher_id id[3];

    (void)state;
    for (int i = 0; i < 3; i++)
        id[i] = closed_ticket(d, (usher_request){.body = USHER_TEXT("again")});
    reopen_it = (usher_command){.size = sizeof reopen_it,
                                .verb = USHER_REOPEN,
                                .claim = {id[0], 0},
                                .who = "eva",
                                .text = USHER_TEXT("it is back")};
    note = (usher_command){.size = sizeof note, .verb = USHER_NOTE, .claim = {id[2], 0}};
    memset(d->order, 0, sizeof d->order);
    assert_int_equal(usher_act(d->u, &reopen_it, on_done, d), USHER_OK);
    assert_int_equal(usher_act(d->u, &note, on_done, d), USHER_OK);
    settle(d);
    assert_string_equal(d->order, "dn"); /* in the order in which they were accepted */
    reopen_it.verb = USHER_NOTE;
    assert_int_equal(act(d, reopen_it), USHER_OK);
    assert_int_equal(d->last.state, USHER_WAITING);
    reopen(d);
    claim(d);
    assert_int_equal(d->claim.ticket, id[0]);
    read_page(d, (usher_query){.what = USHER_READ_HISTORY, .ticket = id[0]});
    assert_int_equal(d->row_kinds[5], USHER_EV_REOPENED);
    reopen_it.claim.ticket = 99;
    assert_int_equal(act(d, reopen_it), USHER_ENOENT);
    end(d);
}

static void on_reopened(usher_t *u, const usher_done *done, void *user)
{
    usher_command c = {.size = sizeof c, .verb = USHER_ESCALATE, .claim = {done->ticket, 0}};

    assert_int_equal(done->status, USHER_OK);
    assert_int_equal(usher_act(u, &c, on_done, user), USHER_OK);
}

/* The note waits for the purge, and what is asked of the ticket meanwhile, although it is in memory again by
 * then, for the note. */
static void test_keep__commands_on_a_ticket_that_comes_back_keep_their_order(void **state)
{
    struct desk *d = begin((usher_options){.keep_closed = 1});
    usher_command c = {.size = sizeof c, .verb = USHER_REOPEN, .who = "eva"};

    (void)state;
    c.claim.ticket = closed_ticket(d, (usher_request){0});
    (void)closed_ticket(d, (usher_request){0});
    assert_int_equal(usher_act(d->u, &c, on_reopened, d), USHER_OK);
    assert_int_equal(usher_purge(d->u, 0, "nobody", NULL, NULL), USHER_OK);
    c.verb = USHER_NOTE;
    assert_int_equal(usher_act(d->u, &c, on_done, d), USHER_OK);
    settle(d);
    read_page(d, (usher_query){.what = USHER_READ_HISTORY, .ticket = c.claim.ticket});
    assert_int_equal(d->page_n, 8);
    assert_int_equal(d->row_kinds[5], USHER_EV_REOPENED);
    assert_int_equal(d->row_kinds[6], USHER_EV_NOTED);
    assert_int_equal(d->row_kinds[7], USHER_EV_ESCALATED);
    end(d);
}

/* ---- subscriptions --------------------------------------------------------------------------- */

static void expect_in_order(const struct desk *d, uint64_t from)
{
    for (uint32_t i = 0; i < d->seen_n; i++)
        assert_int_equal(d->seen[i], from + i);
}

static void test_keep__a_named_subscription_misses_nothing(void **state)
{
    for (int memory = 0; memory < 2; memory++) {
        struct desk *d = begin((usher_options){0});

        (void)state;
        if (memory) {
            close_desk(d);
            strcpy(d->uri, "memory:");
            open_desk(d);
        }
        for (int i = 0; i < 5; i++)
            enqueue(d, (usher_request){0});
        assert_int_equal(usher_subscribe(d->u, "billing", 0, on_event, d), USHER_OK);
        assert_int_equal(usher_subscribe(d->u, "billing", 0, on_event, d), USHER_ESTATE);
        settle(d);
        assert_int_equal(d->seen_n, 5);
        expect_in_order(d, 1);
        assert_int_equal(usher_event_done(d->u, "billing", 3), USHER_OK);
        assert_int_equal(usher_event_done(d->u, "billing", 6), USHER_EINVAL);
        assert_int_equal(usher_event_done(d->u, "other", 1), USHER_ENOENT);
        settle(d);
        assert_int_equal(usher_unsubscribe(d->u, on_event, d), USHER_OK);
        if (!memory)
            reopen(d);
        enqueue(d, (usher_request){0});
        d->seen_n = 0;
        assert_int_equal(usher_subscribe(d->u, "billing", 0, on_event, d), USHER_OK);
        settle(d);
        assert_int_equal(d->seen_n, 3); /* those that were not done, and the new one */
        expect_in_order(d, 4);
        assert_int_equal(usher_unsubscribe(d->u, on_event, d), USHER_OK);
        assert_int_equal(usher_subscribe(d->u, "billing", 99, on_event, d), USHER_EINVAL);
        d->seen_n = 0;
        assert_int_equal(usher_subscribe(d->u, "billing", 2, on_event, d), USHER_OK);
        settle(d);
        expect_in_order(d, 2);
        assert_int_equal(d->seen_n, 5);
        end(d);
    }
}

static void test_keep__names_are_remembered_until_they_are_forgotten(void **state)
{
    struct desk *d = begin((usher_options){0});
    char name[16];

    (void)state;
    enqueue(d, (usher_request){0});
    for (int i = 0; i <= USHER_SUBSCRIBERS_MAX; i++) {
        int r = i < USHER_SUBSCRIBERS_MAX ? USHER_OK : USHER_ELIMIT;

        snprintf(name, sizeof name, "name %d", i);
        assert_int_equal(usher_subscribe(d->u, name, 0, on_event, d), r);
        if (r == 0)
            assert_int_equal(usher_unsubscribe(d->u, on_event, d), USHER_OK);
    }
    for (int round = 0; round < 2; round++) {
        assert_int_equal(usher_subscribe(d->u, "one more", 0, on_event, d), USHER_ELIMIT);
        reopen(d);
    }
    assert_int_equal(usher_event_done(d->u, "name 7", UINT64_MAX), USHER_OK);
    assert_int_equal(usher_event_done(d->u, "name 7", UINT64_MAX), USHER_ENOENT);
    reopen(d);
    assert_int_equal(usher_subscribe(d->u, "one more", 0, on_event, d), USHER_OK);
    assert_int_equal(usher_event_done(d->u, "one more", UINT64_MAX), USHER_EINVAL);
    end(d);
}

static void test_keep__a_slow_subscription_holds_nobody_else_up(void **state)
{
    struct desk *d = begin((usher_options){.history_bytes = 1});
    uint32_t told = 0;

    (void)state;
    assert_int_equal(usher_subscribe(d->u, "slow", 0, on_event, d), USHER_OK);
    assert_int_equal(usher_subscribe(d->u, NULL, 0, on_live, d), USHER_OK);
    for (int i = 0; i < 3000; i++) {
        usher_request r = {.size = sizeof r, .requester = "eva"};

        assert_int_equal(usher_enqueue(d->q, &r, NULL, NULL), USHER_OK);
    }
    settle(d);
    assert_int_equal(d->live_n, 3000);
    assert_int_equal(d->seen_n, USHER_UNDONE_MAX);
    while (d->seen_n < 3000) { /* most of it from the file */
        assert_int_not_equal(d->seen_n, told);
        told = d->seen_n;
        assert_int_equal(usher_event_done(d->u, "slow", told), USHER_OK);
        settle(d);
    }
    expect_in_order(d, 1);
    end(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keep__a_reopened_service_goes_on_as_if_nothing_had_happened),
        cmocka_unit_test(test_keep__what_fell_due_meanwhile_fires_at_its_own_instant),
        cmocka_unit_test(test_keep__a_lease_that_has_not_run_out_stands),
        cmocka_unit_test(test_keep__closed_tickets_leave_memory_and_stay_readable),
        cmocka_unit_test(test_keep__a_ticket_that_has_left_memory_can_be_reopened),
        cmocka_unit_test(test_keep__commands_on_a_ticket_that_comes_back_keep_their_order),
        cmocka_unit_test(test_keep__a_named_subscription_misses_nothing),
        cmocka_unit_test(test_keep__names_are_remembered_until_they_are_forgotten),
        cmocka_unit_test(test_keep__a_slow_subscription_holds_nobody_else_up),
    };

    return cmocka_run_group_tests_name("keep", tests, NULL, NULL);
}
