/* Pages and commands that meet what is about to leave: tickets that were closed just now, tickets
 * that are being purged; and policies of an older version, whose preset was another one. */
#include "keep.h"

#include <sqlite3.h>

#define KEEP_ONE ((usher_options){.keep_closed = 1, .durability = USHER_PROCESS})

static void run_sql(const char *path, const char *sql)
{
    sqlite3 *db = NULL;

    assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
        fail_msg("%s", sqlite3_errmsg(db));
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

/* ---- a page of a ticket that was closed just now --------------------------------------------- */

static void read_body(struct desk *d, usher_id ticket)
{
    usher_query q = USHER_INIT(usher_query);

    q.what = USHER_READ_BODY;
    q.ticket = ticket;
    d->page_status = -1;
    assert_int_equal(usher_read(d->u, &q, on_page, d), USHER_OK);
}

static void withdraw(struct desk *d, usher_id ticket)
{
    usher_command c = USHER_INIT(usher_command);

    c.verb = USHER_WITHDRAW;
    c.claim.ticket = ticket;
    c.who = "eva";
    assert_int_equal(usher_act(d->u, &c, NULL, NULL), USHER_OK);
}

static void open_memory(struct desk *d)
{
    close_desk(d);
    d->options.durability = USHER_NONE;
    (void)snprintf(d->uri, sizeof d->uri, "memory:");
    open_desk(d);
}

/* "Status: ENOENT ... It is as the service is when the callback runs": a ticket that is over may be
 * let go when others are, but not from under a page that has been asked for. */
static void test_asked__a_page_of_a_ticket_that_was_closed_just_now(void **state)
{
    (void)state;
    for (int stored = 0; stored < 2; stored++) {
        struct desk *d = begin(KEEP_ONE);
        usher_standing s = USHER_INIT(usher_standing);
        usher_id id[8];

        if (!stored)
            open_memory(d);
        for (int i = 0; i < 8; i++)
            id[i] = enqueue(d, (usher_request){.body = {"the body", 8}});
        withdraw(d, id[0]);
        read_body(d, id[0]);
        for (int i = 1; i < 7; i++)
            withdraw(d, id[i]);
        assert_int_equal(usher_peek(d->u, id[0], &s), USHER_OK); /* it waits for its page */
        settle(d);
        assert_int_equal(d->page_status, USHER_OK);
        assert_string_equal(d->text, "the body");
        withdraw(d, id[7]);
        settle(d); /* now it goes, and with it all but the last */
        withdraw(d, id[7]);
        settle(d);
        for (int i = 0; i < 7; i++)
            assert_int_equal(usher_peek(d->u, id[i], &s), USHER_ENOENT);
        assert_int_equal(usher_peek(d->u, id[7], &s), USHER_OK);
        end(d);
    }
}

/* ---- a command on what is being purged ------------------------------------------------------- */

static int reopened;

static void on_reopened(usher_t *u, const usher_done *done, void *user)
{
    (void)u, (void)user;
    assert_int_equal(done->verb, USHER_REOPEN);
    reopened = done->status;
}

/* The purge goes by slices. A command on a ticket that is only in the store must not take it in
 * between two of them: it would be open, and its rows erased. */
static void test_asked__a_command_waits_for_a_purge(void **state)
{
    enum { N = 1200 };
    struct desk *d = begin(KEEP_ONE);
    usher_request r = {.size = sizeof r, .requester = "eva", .body = {"the body", 8}};
    usher_command c = {.size = sizeof c, .verb = USHER_REOPEN, .who = "eva"};
    usher_standing s = USHER_INIT(usher_standing);
    usher_id other;
    uint64_t before;

    (void)state;
    other = closed_ticket(d, (usher_request){.requester = "max"});
    for (int i = 0; i < N; i++)
        assert_int_equal(usher_enqueue(d->q, &r, on_done, d), USHER_OK);
    settle(d);
    for (usher_id id = other + 1; id <= other + N; id++) {
        assert_int_equal(usher_claim_ticket(d->a, id, NULL, on_work, d), USHER_OK);
        settle(d);
        assert_int_equal(usher_resolve(d->u, &d->claim, 0, NULL, NULL, NULL), USHER_OK);
        assert_int_equal(usher_confirm(d->u, id, "eva", NULL, NULL), USHER_OK);
    }
    settle(d);
    assert_int_equal(usher_peek(d->u, other + N - 1, &s),
                     USHER_ENOENT); /* only the last is in memory */
    assert_int_equal(usher_purge(d->u, 0, "eva", on_done, d), USHER_OK);
    c.claim.ticket = other + N - 1;
    reopened = -1;
    assert_int_equal(usher_act(d->u, &c, on_reopened, d), USHER_OK);
    settle(d);
    assert_int_equal(d->last.status, USHER_OK);
    assert_int_equal(reopened, USHER_ENOENT);
    c.claim.ticket = other; /* not his: it is there, and goes on */
    c.who = "max";
    assert_int_equal(act(d, c), USHER_OK);
    before = digest(d);
    reopen(d);
    assert_true(digest(d) == before);
    assert_int_equal(usher_peek(d->u, other, &s), USHER_OK);
    assert_int_equal(s.state, USHER_WAITING);
    assert_int_equal(usher_peek(d->u, other + N - 1, &s), USHER_ENOENT);
    end(d);
}

/* ---- the preset of version 1 ----------------------------------------------------------------- */

static uint32_t steps;

static void on_step(usher_t *u, const usher_event *e, void *user)
{
    (void)u, (void)user;
    steps += e->kind == USHER_EV_STEPPED;
}

static void define(struct desk *d, const char *policy)
{
    char err[200] = "";

    if (usher_define(d->q, policy, err, sizeof err, on_done, d) != USHER_OK)
        fail_msg("%s", err);
    settle(d);
}

/* When a store of version 1 was written the preset had no ladder: tickets that were taken under it
 * do not climb one after the upgrade, before somebody defines it anew. */
static void test_asked__an_old_preset_has_no_ladder(void **state)
{
    struct desk *d = begin((usher_options){0});

    (void)state;
    define(d, "{\"preset\":\"desk\"}");
    (void)enqueue(d, (usher_request){0});
    define(d, "{\"line\":{\"gap\":\"0s\"},\"preset\":\"desk\"}");
    (void)enqueue(d, (usher_request){0});
    define(d, "{\"warn\":[50]}");
    close_desk(d);
    run_sql(d->path,
            "DROP TABLE symptom; DROP TABLE figure; DROP TABLE zone; PRAGMA user_version = 1;"
            "UPDATE state SET record = x'01' || substr(record, 2, length(record) - 3)");
    steps = 0;
    open_desk(d);
    assert_int_equal(usher_subscribe(d->u, NULL, 0, on_step, d), USHER_OK);
    assert_int_equal(usher_advance(d->u, T0 + 60 * 24 * HOUR), USHER_OK);
    assert_int_equal(steps, 0);
    define(d, "{\"preset\":\"desk\"}"); /* which has one now */
    (void)enqueue(d, (usher_request){0});
    assert_int_equal(usher_advance(d->u, T0 + 120 * 24 * HOUR), USHER_OK);
    assert_true(steps > 0);
    end(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_asked__a_page_of_a_ticket_that_was_closed_just_now),
        cmocka_unit_test(test_asked__a_command_waits_for_a_purge),
        cmocka_unit_test(test_asked__an_old_preset_has_no_ladder),
    };

    return cmocka_run_group_tests_name("keep_asked", tests, NULL, NULL);
}
