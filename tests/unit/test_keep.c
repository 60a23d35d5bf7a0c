/* A service on a store, through the public calls: what is there again after a reopen, what leaves
 * memory and is found again, named subscriptions, upkeep, refusals. That nothing is told before it is
 * saved, and that nothing saved is lost, is shown by tests/crash and tests/soak; the file itself by
 * test_store. Time is manual; usher_advance() waits for the store. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <usher/usher.h>

#include "local/changes.h"
#include "loop/service.h"

#define T0   INT64_C(1700000000000)
#define HOUR INT64_C(3600000)

enum { SEEN_MAX = 4096, ROWS_MAX = 64 };

struct desk {
    char dir[64], path[128], uri[256], err[300];
    usher_manual_clock_t *clock;
    usher_t *u;
    usher_queue_t *q;
    usher_agent_t *a;
    usher_options options;
    uint32_t done, worked, closed;
    usher_done last;
    char detail[200];
    usher_claim claim;
    uint64_t seen[SEEN_MAX]; /* seqs told to the named subscription */
    int32_t kinds[SEEN_MAX];
    uint32_t seen_n, live_n;
    int page_status;
    uint64_t page_n, cursor;
    usher_id rows[ROWS_MAX];
    int32_t row_kinds[ROWS_MAX];
    char text[2048];
    char order[64];
};

static void note_order(struct desk *d, char c)
{
    size_t len = strlen(d->order);

    if (len + 1 < sizeof d->order)
        d->order[len] = c;
}

static void on_done(usher_t *u, const usher_done *done, void *user)
{
    struct desk *d = user;

    assert_ptr_equal(u, d->u);
    d->done++;
    d->last = *done;
    snprintf(d->detail, sizeof d->detail, "%s", done->detail.len > 0 ? done->detail.data : "");
    note_order(d, done->verb == USHER_NOTE ? 'n' : 'd');
}

static void on_work(usher_agent_t *a, int status, const usher_work *w, size_t n, void *user)
{
    struct desk *d = user;

    assert_ptr_equal(a, d->a);
    assert_int_equal(status, USHER_OK);
    assert_true(n > 0);
    d->claim = w[0].claim;
    d->worked++;
}

static void on_event(usher_t *u, const usher_event *e, void *user)
{
    struct desk *d = user;

    (void)u;
    assert_true(d->seen_n < SEEN_MAX);
    d->seen[d->seen_n] = e->seq;
    d->kinds[d->seen_n++] = e->kind;
}

static void on_live(usher_t *u, const usher_event *e, void *user)
{
    (void)u, (void)e;
    ((struct desk *)user)->live_n++;
}

static void on_page(usher_t *u, int status, const usher_page *p, void *user)
{
    struct desk *d = user;

    (void)u;
    d->page_status = status;
    d->page_n = p->n;
    d->cursor = p->cursor;
    for (uint64_t i = 0; i < p->n && i < ROWS_MAX; i++) {
        d->rows[i] = p->tickets != NULL ? p->tickets[i].ticket : p->events[i].ticket_seq;
        d->row_kinds[i] = p->tickets != NULL ? p->tickets[i].state : p->events[i].kind;
    }
    snprintf(d->text, sizeof d->text, "%s", p->text.len > 0 ? p->text.data : "");
    note_order(d, 'p');
}

static void on_closed(void *user)
{
    ((struct desk *)user)->closed++;
}

/* ---- its life -------------------------------------------------------------------------------- */

static int try_open(struct desk *d)
{
    usher_options o = d->options;

    o.size = sizeof o;
    o.clock = usher_manual_clock_get(d->clock);
    o.err = d->err;
    o.err_len = sizeof d->err;
    o.user = d;
    return usher_open(&d->u, NULL, d->uri, &o, NULL, NULL);
}

static void open_desk(struct desk *d)
{
    int r = try_open(d);

    if (r != 0)
        fail_msg("%s: %s", usher_err_name(r), d->err);
    assert_int_equal(usher_queue(d->u, &d->q, "desk"), USHER_OK);
    assert_int_equal(usher_agent(d->u, &d->a, "ann", NULL, 0), USHER_OK);
}

static struct desk *begin(usher_options o)
{
    struct desk *d = calloc(1, sizeof *d);
    const char *tmp = getenv("TMPDIR");

    assert_non_null(d);
    d->options = o;
    snprintf(d->dir, sizeof d->dir, "%s/usher-keep-XXXXXX", tmp != NULL ? tmp : "/tmp");
    assert_non_null(mkdtemp(d->dir));
    snprintf(d->path, sizeof d->path, "%s/desk.db", d->dir);
    snprintf(d->uri, sizeof d->uri, "sqlite:%s", d->path);
    assert_int_equal(usher_manual_clock_new(&d->clock, T0), USHER_OK);
    open_desk(d);
    return d;
}

/* Everything that is outstanding, told. */
static void settle(struct desk *d)
{
    const char *wrong;

    assert_int_equal(usher_advance(d->u, usher_now(d->u)), USHER_OK);
    wrong = usher__service_check(d->u);
    if (wrong != NULL)
        fail_msg("the service's own check: %s", wrong);
}

static void close_desk(struct desk *d)
{
    d->closed = 0;
    assert_int_equal(usher_close(d->u, on_closed, d), USHER_OK);
    while (d->closed == 0)
        assert_true(usher_turn(d->u) >= 0);
    d->u = NULL;
}

static void reopen(struct desk *d)
{
    close_desk(d);
    open_desk(d);
}

static void end(struct desk *d)
{
    char command[200];

    if (d->u != NULL)
        close_desk(d);
    usher_manual_clock_free(d->clock);
    snprintf(command, sizeof command, "rm -rf %s", d->dir);
    assert_int_equal(system(command), 0);
    free(d);
}

static uint64_t digest(struct desk *d)
{
    uint64_t sum = 0;

    assert_int_equal(usher__engine_digest(d->u->engine, &sum), 0);
    return sum;
}

/* ---- calls ----------------------------------------------------------------------------------- */

static usher_id enqueue(struct desk *d, usher_request r)
{
    r.size = sizeof r;
    if (r.requester == NULL)
        r.requester = "eva";
    assert_int_equal(usher_enqueue(d->q, &r, on_done, d), USHER_OK);
    settle(d);
    assert_int_equal(d->last.status, USHER_OK);
    return d->last.ticket;
}

static void claim(struct desk *d)
{
    uint32_t before = d->worked;

    assert_int_equal(usher_claim_next(d->a, d->q, 0, on_work, d), USHER_OK);
    settle(d);
    assert_int_equal(d->worked, before + 1);
}

static int act(struct desk *d, usher_command c)
{
    c.size = sizeof c;
    assert_int_equal(usher_act(d->u, &c, on_done, d), USHER_OK);
    settle(d);
    return d->last.status;
}

static void solve(struct desk *d)
{
    claim(d);
    assert_int_equal(act(d, (usher_command){.verb = USHER_RESOLVE, .claim = d->claim}), USHER_OK);
}

/* A ticket that is closed, with nothing left to do. */
static usher_id closed_ticket(struct desk *d, usher_request r)
{
    usher_id id = enqueue(d, r);

    solve(d);
    assert_int_equal(act(d, (usher_command){.verb = USHER_CONFIRM,
                                            .claim = {id, 0},
                                            .who = r.requester != NULL ? r.requester : "eva"}),
                     USHER_OK);
    assert_int_equal(d->last.state, USHER_CLOSED);
    return id;
}

static void read_page(struct desk *d, usher_query q)
{
    q.size = sizeof q;
    d->page_status = -1;
    assert_int_equal(usher_read(d->u, &q, on_page, d), USHER_OK);
    settle(d);
    assert_int_not_equal(d->page_status, -1);
}

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

/* ---- upkeep ---------------------------------------------------------------------------------- */

static bool file_has(const char *path, const char *needle)
{
    FILE *f = fopen(path, "rb");
    static char bytes[1 << 22];
    size_t n, len = strlen(needle);

    if (f == NULL)
        return false;
    n = fread(bytes, 1, sizeof bytes, f);
    fclose(f);
    for (size_t i = 0; i + len <= n; i++) {
        if (memcmp(bytes + i, needle, len) == 0)
            return true;
    }
    return false;
}

static void test_keep__purge_erases_and_tells(void **state)
{
    struct desk *d = begin((usher_options){.keep_closed = 2});
    char wal[200];
    usher_id id[4];

    (void)state;
    snprintf(wal, sizeof wal, "%s-wal", d->path);
    for (int i = 0; i < 4; i++)
        id[i] = closed_ticket(d, (usher_request){.body = USHER_TEXT("marker-of-the-body"),
                                                 .requester = i < 3 ? "secret-person" : "eva"});
    assert_true(file_has(wal, "secret-person") || file_has(d->path, "secret-person"));
    assert_int_equal(usher_purge(d->u, 0, "secret-person", on_done, d), USHER_OK);
    settle(d);
    assert_int_equal(d->last.status, USHER_OK);
    assert_string_equal(d->detail, "purge: 3 tickets");
    assert_false(file_has(wal, "secret-person"));
    assert_false(file_has(d->path, "secret-person"));
    read_page(d, (usher_query){.what = USHER_READ_TICKETS});
    assert_int_equal(d->page_n, 1);
    assert_int_equal(d->rows[0], id[3]);
    read_page(d, (usher_query){.what = USHER_READ_HISTORY, .ticket = id[0]});
    assert_int_equal(d->page_status, USHER_ENOENT);

    /* A new subscription hears of what is no longer there. */
    assert_int_equal(usher_subscribe(d->u, "late", 0, on_event, d), USHER_OK);
    settle(d);
    reopen(d);
    d->seen_n = 0;
    assert_int_equal(usher_subscribe(d->u, "late", 0, on_event, d), USHER_OK);
    settle(d);
    assert_int_equal(d->kinds[0], USHER_EV_LOST);
    assert_int_equal(d->seen[0], 15);
    assert_int_equal(d->seen[1], 16);
    assert_int_equal(d->kinds[d->seen_n - 1], USHER_EV_PURGED);
    end(d);
}

static void test_keep__a_backup_is_a_store_of_its_own(void **state)
{
    struct desk *d = begin((usher_options){0});
    char copy[200], uri[256];
    usher_id id;
    struct stat st;

    (void)state;
    id = enqueue(d, (usher_request){.body = USHER_TEXT("keep me")});
    snprintf(copy, sizeof copy, "%s/copy.db", d->dir);
    assert_int_equal(usher_backup(d->u, copy, on_done, d), USHER_OK);
    settle(d);
    assert_int_equal(d->last.status, USHER_OK);
    assert_int_equal(stat(copy, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(usher_backup(d->u, copy, on_done, d), USHER_OK);
    settle(d);
    assert_int_equal(d->last.status, USHER_ESTORE); /* never over something */
    close_desk(d);
    strcpy(uri, d->uri);
    snprintf(d->uri, sizeof d->uri, "sqlite:%s", copy);
    open_desk(d);
    read_page(d, (usher_query){.what = USHER_READ_BODY, .ticket = id});
    assert_string_equal(d->text, "keep me");
    end(d);
}

/* ---- refusals -------------------------------------------------------------------------------- */

static void test_keep__opening_says_what_is_wrong(void **state)
{
    struct desk *d = begin((usher_options){0});
    const char *const wrong[][2] = {
        {"sqlite:", "path"},
        {"postgres://x", "expected"},
        {"sqlite:x?frob=1", "unknown key"},
        {"sqlite:x?readers=yes", "neither 0 nor 1"},
        {"sqlite:x?readers", "KEY=VALUE"},
    };
    usher_t *u = d->u;

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        strcpy(d->uri, wrong[i][0]);
        assert_int_equal(try_open(d), USHER_EINVAL);
        assert_null(d->u);
        if (strstr(d->err, wrong[i][1]) == NULL)
            fail_msg("%s: %s", wrong[i][0], d->err);
    }
    snprintf(d->uri, sizeof d->uri, "sqlite:%s", d->path);
    assert_int_equal(try_open(d), USHER_EBUSY);
    assert_non_null(strstr(d->err, "open"));
    d->options.durability = USHER_NONE;
    assert_int_equal(try_open(d), USHER_EINVAL);
    strcpy(d->uri, "memory:");
    d->options.durability = USHER_DISK;
    assert_int_equal(try_open(d), USHER_EINVAL);
    d->u = u;
    end(d);
}

static void test_keep__a_child_of_fork_is_refused_and_the_parent_unharmed(void **state)
{
    struct desk *d = begin((usher_options){0});
    pid_t child;
    int status;

    (void)state;
    enqueue(d, (usher_request){0});
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        usher_request r = {.size = sizeof r, .requester = "eva"};
        usher_standing s = USHER_INIT(usher_standing);
        bool good = usher_enqueue(d->q, &r, NULL, NULL) == USHER_EFORK &&
                    usher_peek(d->u, 1, &s) == USHER_EFORK &&
                    usher_close(d->u, NULL, NULL) == USHER_EFORK &&
                    usher_turn(d->u) == USHER_EFORK && usher_fd(d->u) == USHER_EFORK &&
                    usher_post(d->u, NULL, NULL) != 0;

        _exit(good ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    enqueue(d, (usher_request){0});
    reopen(d);
    assert_int_equal(enqueue(d, (usher_request){0}), 3);
    end(d);
}

static void test_keep__readonly_looks_and_touches_nothing(void **state)
{
    struct desk *d = begin((usher_options){0});
    struct desk *looker = calloc(1, sizeof *looker);
    usher_request r = {.size = sizeof r, .requester = "eva"};
    usher_standing s = USHER_INIT(usher_standing);
    usher_id id, closed;

    (void)state;
    assert_non_null(looker);
    close_desk(d);
    strcat(d->uri, "?readers=1");
    open_desk(d);
    closed = closed_ticket(d, (usher_request){0});
    id = enqueue(d, (usher_request){0});
    claim(d);
    looker->clock = d->clock;
    snprintf(looker->uri, sizeof looker->uri, "sqlite:%s?readonly=1", d->path);
    assert_int_equal(usher_manual_clock_skip(d->clock, T0 + HOUR), USHER_OK);
    open_desk(looker); /* beside the one that has it open */
    assert_int_equal(usher_peek(looker->u, id, &s), USHER_OK);
    assert_int_equal(s.state, USHER_CLAIMED); /* the lease is over, but nothing fires here */
    assert_int_equal(usher_enqueue(looker->q, &r, NULL, NULL), USHER_ESTATE);
    read_page(looker, (usher_query){.what = USHER_READ_HISTORY, .ticket = closed});
    assert_int_equal(looker->page_n, 5);
    close_desk(looker);
    free(looker);
    settle(d);
    assert_int_equal(usher_peek(d->u, id, &s), USHER_OK);
    assert_int_equal(s.state, USHER_WAITING);
    end(d);
}

static void test_keep__closing_saves_what_is_outstanding(void **state)
{
    struct desk *d = begin((usher_options){0});
    usher_query q = {.size = sizeof q, .what = USHER_READ_HISTORY, .ticket = 1};

    (void)state;
    for (int i = 0; i < 100; i++) {
        usher_request r = {.size = sizeof r, .requester = "eva"};

        assert_int_equal(usher_enqueue(d->q, &r, i < 50 ? on_done : NULL, d), USHER_OK);
    }
    d->page_status = -1;
    assert_int_equal(usher_read(d->u, &q, on_page, d), USHER_OK);
    close_desk(d);
    assert_int_equal(d->done, 50);
    assert_int_equal(d->last.status, USHER_OK);
    assert_int_equal(d->page_status, USHER_ECANCELED);
    open_desk(d);
    assert_int_equal(enqueue(d, (usher_request){0}), 101);
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
        cmocka_unit_test(test_keep__a_named_subscription_misses_nothing),
        cmocka_unit_test(test_keep__names_are_remembered_until_they_are_forgotten),
        cmocka_unit_test(test_keep__a_slow_subscription_holds_nobody_else_up),
        cmocka_unit_test(test_keep__purge_erases_and_tells),
        cmocka_unit_test(test_keep__a_backup_is_a_store_of_its_own),
        cmocka_unit_test(test_keep__opening_says_what_is_wrong),
        cmocka_unit_test(test_keep__a_child_of_fork_is_refused_and_the_parent_unharmed),
        cmocka_unit_test(test_keep__readonly_looks_and_touches_nothing),
        cmocka_unit_test(test_keep__closing_saves_what_is_outstanding),
    };

    return cmocka_run_group_tests_name("keep", tests, NULL, NULL);
}
