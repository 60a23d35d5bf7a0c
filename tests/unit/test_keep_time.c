/* A service on a store, and time: ladders over reopens, what was due while nobody ran, the zones that
 * policies were compiled with, and stores of format 1. */
#include "keep.h"

#include <sqlite3.h>

#include "local/inside.h"

#define MINUTE INT64_C(60000)

enum { TOLD_MAX = 512 };

/* Every event, as a line. */
struct told {
    char line[TOLD_MAX][160];
    uint32_t n;
};

static size_t add(char *to, size_t len, const char *text)
{
    return len + (size_t)snprintf(to + len, 160 - len, " %s", text);
}

static void on_told(usher_t *u, const usher_event *e, void *user)
{
    struct told *t = user;
    char *to = t->line[t->n++];
    size_t len =
        (size_t)snprintf(to, 160, "%llu %s +%lld", (unsigned long long)e->ticket,
                         usher_name(USHER_NAME_EVENT, e->kind), (long long)(e->at - T0) / MINUTE);

    assert_true(t->n < TOLD_MAX);
    if (e->rule != NULL)
        len = add(to, len, e->rule);
    if (e->to != NULL)
        len = add(to, len, e->to);
    if (e->text.len > 0)
        len = add(to, len, e->text.data);
    for (uint64_t at = 0; at < e->notify.len; at += strlen(e->notify.data + at) + 1)
        len = add(to, len, e->notify.data + at);
    if (e->notify_at != 0)
        snprintf(to + len, 160 - len, " notify+%lld", (long long)(e->notify_at - T0) / MINUTE);
    assert_int_equal(usher_event_done(u, "all", e->seq), USHER_OK);
}

static void follow(struct desk *d, struct told *t)
{
    t->n = 0;
    assert_int_equal(usher_subscribe(d->u, "all", 0, on_told, t), USHER_OK);
    settle(d);
}

static void assert_told(const struct told *t, const char *const *lines, uint32_t n)
{
    for (uint32_t i = 0; i < t->n || i < n; i++) {
        const char *is = i < t->n ? t->line[i] : "nothing", *must = i < n ? lines[i] : "nothing";

        if (strcmp(is, must) != 0)
            fail_msg("%u: told \"%s\", not \"%s\"", (unsigned)i, is, must);
    }
}
#define TOLD(t, ...)                                                                               \
    do {                                                                                           \
        const char *const lines_[] = {__VA_ARGS__};                                                \
        assert_told(t, lines_, sizeof lines_ / sizeof *lines_);                                    \
    } while (0)

static void define(struct desk *d, const char *policy)
{
    char why[300];

    if (usher_define(d->q, policy, why, sizeof why, NULL, NULL) != USHER_OK)
        fail_msg("%s", why);
    settle(d);
}

#define LADDER                                                                                     \
    "{\"promises\":{\"ack\":{\"target\":\"1h\"},\"resolve\":{\"target\":\"4h\"}},\"warn\":[50],"   \
    "\"ladder\":["                                                                                 \
    "{\"on\":\"ack\",\"at\":\"75%\",\"notify\":[\"lead\"]},"                                       \
    "{\"on\":\"ack\",\"at\":\"100%\",\"raise\":1,\"notify\":[\"boss\",\"lead\"],\"repeat\":"       \
    "\"30m\",\"times\":3},"                                                                        \
    "{\"on\":\"resolve\",\"at\":\"-2h\",\"move\":\"tier2\",\"priority\":\"high\"},"                \
    "{\"on\":\"resolve\",\"at\":\"+10m\",\"move\":\"nowhere\"}]}"

/* ---- ladders ----------------------------------------------------------------------------------- */

/* Reopened in every phase, it is the ladder that would have been climbed without. */
static void climb(struct told *t, bool reopens)
{
    struct desk *d = begin((usher_options){.retain_ms = 0});
    usher_queue_t *tier2;
    uint64_t before;

    assert_int_equal(usher_queue(d->u, &tier2, "tier2"), USHER_OK);
    define(d, LADDER);
    (void)enqueue(d, (usher_request){.requester = "eva"});
    follow(d, t);
    for (int i = 1; i <= 60; i++) {
        assert_int_equal(usher_advance(d->u, T0 + i * 5 * MINUTE), USHER_OK);
        if (!reopens)
            continue;
        before = digest(d);
        close_desk(d);
        open_desk(d);
        assert_true(digest(d) == before);
        assert_int_equal(usher_subscribe(d->u, "all", 0, on_told, t), USHER_OK);
        settle(d);
    }
    end(d);
}

static void test_keep_time__a_reopen_in_any_phase_changes_no_ladder(void **state)
{
    static struct told plain, again;

    (void)state;
    climb(&plain, false);
    climb(&again, true);
    TOLD(&plain, "0 queue_defined +0", "1 enqueued +0", "1 warned +30 warn",
         "1 stepped +45 ladder[0] lead", "1 broken +60 promises.ack.target",
         "1 stepped +60 ladder[1] lead boss", "1 stepped +90 ladder[1] lead boss",
         "1 warned +120 warn", "1 stepped +120 ladder[1] lead boss",
         "1 stepped +120 ladder[2] tier2", "1 stepped +150 ladder[1] lead boss",
         "1 broken +240 promises.resolve.target", "1 no_queue +250 ladder[3] nowhere",
         "1 stepped +250 ladder[3]");
    assert_int_equal(again.n, plain.n);
    for (uint32_t i = 0; i < plain.n; i++)
        assert_string_equal(again.line[i], plain.line[i]);
}

/* Nobody ran over the weekend: what was due is done at its instants, and told as one. */
static void test_keep_time__a_weekend_is_told_as_one(void **state)
{
    struct desk *d = begin((usher_options){.retain_ms = 0});
    static struct told t;
    usher_standing s = USHER_INIT(usher_standing);
    usher_queue_t *tier2;

    (void)state;
    assert_int_equal(usher_queue(d->u, &tier2, "tier2"), USHER_OK);
    define(d, LADDER);
    (void)enqueue(d, (usher_request){.requester = "eva"});
    close_desk(d);
    assert_int_equal(usher_manual_clock_skip(d->clock, T0 + 60 * HOUR), USHER_OK);
    open_desk(d);
    follow(d, &t);
    TOLD(&t, "0 queue_defined +0", "1 enqueued +0", "1 broken +60 promises.ack.target",
         "1 broken +240 promises.resolve.target", "1 no_queue +250 ladder[3] nowhere",
         "1 stepped +250 ladder[3] tier2 warn[0] of ack, warn[0] of resolve, ladder[0], ladder[1], "
         "ladder[2] lead boss");
    assert_int_equal(usher_peek(d->u, 1, &s), USHER_OK);
    assert_int_equal(s.level, 4);
    assert_string_equal(usher_queue_name(s.queue), "tier2");
    reopen(d);
    follow(d, &t); /* and not again */
    assert_int_equal(t.n, 0);
    end(d);
}

/* The store is cut between two late timers: what is untold then is told after the reopen. */
static void test_keep_time__what_is_untold_survives(void **state)
{
    struct desk *d = begin((usher_options){.retain_ms = 0});
    static struct told t;
    struct engine *e = d->u->engine;
    const struct ticket *ticket;
    usher_queue_t *tier2;
    uint64_t before;

    (void)state;
    assert_int_equal(usher_queue(d->u, &tier2, "tier2"), USHER_OK);
    define(d, LADDER);
    (void)enqueue(d, (usher_request){.requester = "eva"});
    ticket = usher__ticket(e, usher__ids_find(&e->by_id, 1));
    usher__engine_clock(e, T0 + 60 * HOUR, 60 * HOUR + 1);
    for (int i = 0; i < 4; i++)
        assert_int_equal(usher__engine_catch_up(e, 1), 1);
    assert_true(ticket->extra->untold.at != 0);
    before = digest(d);
    d->closed = 0; /* no tick between: a closing service fires nothing */
    assert_int_equal(usher_close(d->u, on_closed, d), USHER_OK);
    while (d->closed == 0)
        assert_true(usher_turn(d->u) >= 0);
    open_desk(d);
    assert_true(before != 0);
    assert_int_equal(usher_manual_clock_skip(d->clock, T0 + 60 * HOUR), USHER_OK);
    follow(d, &t);
    assert_string_equal(
        t.line[t.n - 1],
        "1 stepped +250 ladder[3] tier2 warn[0] of ack, warn[0] of resolve, ladder[0], "
        "ladder[1], ladder[2] lead boss");
    end(d);
}

static void test_keep_time__an_applied_policy_is_there_after_a_reopen(void **state)
{
    struct desk *d = begin((usher_options){.retain_ms = 0});
    usher_standing s = USHER_INIT(usher_standing);
    uint64_t before;

    (void)state;
    define(d, LADDER);
    for (int i = 0; i < 5; i++)
        (void)enqueue(d, (usher_request){.requester = "eva"});
    define(d, "{\"promises\":{\"resolve\":{\"target\":\"1h\"}}}");
    assert_int_equal(usher_apply(d->q, on_done, d), USHER_OK);
    settle(d);
    assert_string_equal(d->detail, "apply: 5 tickets have version 3 now");
    before = digest(d);
    reopen(d);
    settle(d);
    assert_true(digest(d) == before);
    assert_int_equal(usher_peek(d->u, 1, &s), USHER_OK);
    assert_int_equal(s.policy_version, 3);
    assert_int_equal(s.promises[0].state, USHER_LAPSED);
    assert_true(s.promises[3].due_at == T0 + HOUR);
    end(d);
}

/* ---- zones ------------------------------------------------------------------------------------- */

static void put_zone(const struct desk *d, const char *name, const char *from)
{
    char command[500];

    snprintf(command, sizeof command, "mkdir -p %s/zones && cp /usr/share/zoneinfo/%s %s/zones/%s",
             d->dir, from, d->dir, name);
    assert_int_equal(system(command), 0);
}

#define IN_TOWN                                                                                    \
    "{\"calendars\":{\"c\":{\"zone\":\"Town\",\"week\":{\"mon-sun\":[[\"09:00\",\"17:00\"]]}},"    \
    "\"d\":{\"zone\":\"UTC\",\"week\":{\"mon-sun\":[[\"09:00\",\"17:00\"]]}}},"                    \
    "\"promises\":{\"resolve\":{\"calendar\":\"c\",\"target\":\"1h\"}}}"

static int64_t due_of(struct desk *d, usher_id id)
{
    usher_standing s = USHER_INIT(usher_standing);

    assert_int_equal(usher_peek(d->u, id, &s), USHER_OK);
    return s.promises[3].due_at;
}

/* A ticket keeps the zone that it was promised in, whatever the machine's files say later. */
static void test_keep_time__a_zone_that_changes_changes_no_promise(void **state)
{
    struct desk *d = begin((usher_options){.retain_ms = 0});
    static struct told t;
    char zones[100];
    usher_id first, second;
    int64_t due;
    uint64_t before;

    (void)state;
    snprintf(zones, sizeof zones, "%s/zones", d->dir);
    put_zone(d, "Town", "Europe/Berlin");
    d->options.zoneinfo = zones;
    reopen(d);
    define(d, IN_TOWN);
    first = enqueue(d, (usher_request){.requester = "eva"});
    due = due_of(d, first);
    follow(d, &t);

    reopen(d); /* the same files */
    follow(d, &t);
    assert_int_equal(t.n, 0);
    before = digest(d);

    put_zone(d, "Town", "America/New_York");
    reopen(d);
    assert_true(usher__keep_seq(d->u) < usher__engine_log(d->u->engine)->seq); /* not saved yet */
    while (usher__keep_outstanding(d->u)) /* and nothing else has to happen for it to be */
        assert_true(usher_turn(d->u) >= 0);
    assert_true(usher__keep_seq(d->u) == usher__engine_log(d->u->engine)->seq);
    follow(d, &t);
    TOLD(&t, "0 zone_changed +0 Town");
    assert_true(due_of(d, first) == due);
    second = enqueue(d, (usher_request){.requester = "eva"});
    assert_true(due_of(d, second) == due); /* the policy is the one that it was */
    assert_int_equal(
        act(d, (usher_command){.verb = USHER_WITHDRAW, .claim = {second, 0}, .who = "eva"}),
        USHER_OK);

    define(d, IN_TOWN); /* with what the machine has now */
    second = enqueue(d, (usher_request){.requester = "eva"});
    assert_true(due_of(d, second) != due);
    settle(d);
    reopen(d); /* the first one's is still in use */
    follow(d, &t);
    assert_string_equal(t.line[t.n - 1], "0 zone_changed +0 Town");
    due = due_of(d, second);
    assert_int_equal(usher_apply(d->q, NULL, NULL), USHER_OK);
    settle(d);
    assert_true(due_of(d, first) == due);
    t.n = 0;

    snprintf(zones, sizeof zones, "%s/nothing", d->dir); /* a machine without zones opens it, too */
    reopen(d);
    follow(d, &t);
    assert_int_equal(t.n, 0);
    assert_true(due_of(d, first) == due && before != 0);
    assert_int_equal(usher_define(d->q, IN_TOWN, d->text, sizeof d->text, NULL, NULL),
                     USHER_EPOLICY);
    end(d);
}

/* ---- format 1 ---------------------------------------------------------------------------------- */

static void run_sql(const struct desk *d, const char *sql)
{
    sqlite3 *db = NULL;
    char *why = NULL;

    assert_int_equal(sqlite3_open(d->path, &db), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, &why) != SQLITE_OK)
        fail_msg("%s", why);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static int64_t number(const struct desk *d, const char *sql)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *row = NULL;
    int64_t n;

    assert_int_equal(sqlite3_open(d->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &row, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(row), SQLITE_ROW);
    n = sqlite3_column_int64(row, 0);
    (void)sqlite3_finalize(row);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    return n;
}

/* As libraries of that time left it: no tables of symptoms and figures, and a row of the service without the
 * event up to which these count; nor, before that, a table of zones, and their number. */
#define TO_FORMAT_2                                                                                \
    "DROP TABLE symptom; DROP TABLE figure; PRAGMA user_version = 2;"                              \
    "UPDATE state SET record = CAST(x'02' || substr(record, 2, length(record) - 2) AS BLOB);"
#define TO_FORMAT_1                                                                                \
    TO_FORMAT_2 "DROP TABLE zone; PRAGMA user_version = 1;"                                        \
                "UPDATE state SET record = x'01' || substr(record, 2, length(record) - 2)"

static void test_keep_time__a_store_of_format_1_is_looked_at_and_upgraded(void **state)
{
    struct desk *d = begin((usher_options){.retain_ms = 0});
    usher_standing s = USHER_INIT(usher_standing);
    uint64_t before;

    (void)state;
    (void)enqueue(d, (usher_request){.requester = "eva"});
    close_desk(d);
    run_sql(d, TO_FORMAT_1);

    snprintf(d->uri, sizeof d->uri, "sqlite:%s?readonly=1", d->path);
    assert_int_equal(try_open(d), USHER_OK);
    assert_int_equal(usher_peek(d->u, 1, &s), USHER_OK);
    close_desk(d);
    assert_int_equal(number(d, "PRAGMA user_version"), 1);

    snprintf(d->uri, sizeof d->uri, "sqlite:%s", d->path);
    open_desk(d);
    assert_int_equal(usher_peek(d->u, 1, &s), USHER_OK);
    assert_int_equal(s.state, USHER_WAITING);
    before = digest(d); /* figures begin anew */
    reopen(d);
    assert_true(digest(d) == before);
    define(d, "{\"calendars\":{\"c\":{\"zone\":\"Europe/"
              "Berlin\",\"week\":{\"mon\":[[\"09:00\",\"17:00\"]]}}}}");
    close_desk(d);
    assert_int_equal(number(d, "PRAGMA user_version"), 3);
    assert_int_equal(number(d, "SELECT count(*) FROM zone"), 1);
    open_desk(d);
    end(d);
}

/* One that says 1 and is not: refused, as it is. */
static void test_keep_time__what_is_not_of_format_1_is_not_upgraded(void **state)
{
    struct desk *d = begin((usher_options){.retain_ms = 0});

    (void)state;
    (void)enqueue(d, (usher_request){.requester = "eva"});
    close_desk(d);
    run_sql(d, "PRAGMA user_version = 1"); /* with a table too many */
    assert_int_equal(try_open(d), USHER_ECORRUPT);
    assert_non_null(strstr(d->err, "table zone: not as a store has it"));
    run_sql(d, "PRAGMA user_version = 3; DROP TABLE figure");
    assert_int_equal(try_open(d), USHER_ECORRUPT);
    assert_non_null(strstr(d->err, "a table is missing: figure"));
    end(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keep_time__a_reopen_in_any_phase_changes_no_ladder),
        cmocka_unit_test(test_keep_time__a_weekend_is_told_as_one),
        cmocka_unit_test(test_keep_time__what_is_untold_survives),
        cmocka_unit_test(test_keep_time__an_applied_policy_is_there_after_a_reopen),
        cmocka_unit_test(test_keep_time__a_zone_that_changes_changes_no_promise),
        cmocka_unit_test(test_keep_time__a_store_of_format_1_is_looked_at_and_upgraded),
        cmocka_unit_test(test_keep_time__what_is_not_of_format_1_is_not_upgraded),
    };

    return cmocka_run_group_tests_name("keep_time", tests, NULL, NULL);
}
