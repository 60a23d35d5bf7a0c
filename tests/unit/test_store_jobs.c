/* What the store does beside saving: pages of closed tickets and histories, copies, erasing. The
 * rows are an engine's own. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* memmem */
#endif

#include "store_rig.h"

#include <sqlite3.h>

#include "local/engine.h"
#include "probe.h"

enum { BODY_LEN = 3000 };

/* ---- an engine that fills batches ------------------------------------------------------------ */

struct desk {
    struct rig *rig;
    struct engine *engine;
    usher_queue_t *queue;
    int64_t now;
};

static void desk_open(struct desk *d, struct rig *r)
{
    struct engine_options o = {.memory = usher__memory_libc,
                               .op_window_ms = 1000,
                               .op_window_n = 10,
                               .keep_closed = 10,
                               .history_bytes = 1 << 20};

    *d = (struct desk){.rig = r, .now = INT64_C(1700000000000)};
    assert_int_equal(usher__engine_new(&d->engine, &o), 0);
    usher__engine_keep(d->engine);
    usher__engine_clock(d->engine, d->now, d->now);
    assert_int_equal(usher__engine_queue(d->engine, "counter", &d->queue), 0);
}

static void desk_save(struct desk *d)
{
    assert_int_equal(usher__engine_cut(d->engine, &d->rig->batch), 0);
    rig_save(d->rig);
}

static usher_id desk_enqueue(struct desk *d, const char *who, const char *body)
{
    usher_request request = USHER_INIT(usher_request);
    struct result res;

    request.requester = who;
    request.body = (usher_text){body, strlen(body)};
    assert_int_equal(usher__engine_enqueue(d->queue, &request, 1, &res), 0);
    assert_int_equal(res.status, 0);
    return res.ticket;
}

static void desk_act(struct desk *d, int verb, usher_id id, const char *who, const char *text)
{
    usher_command command = USHER_INIT(usher_command);
    struct result res;

    command.verb = verb;
    command.claim.ticket = id;
    command.who = who;
    command.text = (usher_text){text, text != NULL ? strlen(text) : 0};
    assert_int_equal(usher__engine_act(d->engine, &command, &res), 0);
    assert_int_equal(res.status, 0);
}

static void desk_pass(struct desk *d, int64_t ms)
{
    d->now += ms;
    usher__engine_clock(d->engine, d->now, d->now);
    while (usher__engine_catch_up(d->engine, 1000) == 1)
        ;
}

/* `n` tickets of which every third stays open, the others are withdrawn, a second apart from each
 * other; odd ones are ann's. */
static void desk_fill(struct desk *d, int n)
{
    static char body[BODY_LEN];

    memset(body, 'b', sizeof body - 1);
    for (int i = 1; i <= n; i++) {
        const char *who = i % 2 == 1 ? "ann" : "bob";
        usher_id id = desk_enqueue(d, who, i % 5 == 0 ? body : "short");

        desk_act(d, USHER_NOTE, id, who, "noted");
        if (i % 3 != 0)
            desk_act(d, USHER_WITHDRAW, id, who, NULL);
        desk_pass(d, 1000);
        if (i % 1000 == 0)
            desk_save(d);
    }
    desk_save(d);
}

static void desk_close(struct desk *d)
{
    usher__engine_free(d->engine);
}

/* ---- pages ----------------------------------------------------------------------------------- */

static void test_jobs__closed_tickets_come_in_pages(void **state)
{
    enum { TICKETS = 9000 };
    struct rig *r = *state;
    struct job job = {.kind = JOB_CLOSED, .limit = 700};
    uint64_t seen = 0, asked = 0;
    struct desk d;

    rig_must_open(r);
    desk_open(&d, r);
    desk_fill(&d, TICKETS);
    job.filter.requester = "ann";
    do {
        size_t at = 0;
        struct row row;
        uint64_t last = job.from;

        assert_int_equal(rig_ask(r, &job), 0);
        assert_true(job.rows.rows <= job.limit);
        assert_true(job.rows.rows == job.limit || !job.more);
        while (usher__batch_next(&job.rows, &at, &row)) {
            assert_int_equal(row.table, ROW_CLOSED);
            assert_true((uint64_t)row.key > last);
            assert_true(row.key % 2 == 1 && row.key % 3 != 0);
            last = (uint64_t)row.key;
            seen++;
        }
        assert_true(job.more ? job.n >= last : job.n == 0);
        job.from = job.n;
        asked++;
    } while (job.more);
    assert_int_equal(seen, TICKETS / 3);
    assert_int_equal(asked, (seen + job.limit - 1) / job.limit);
    job.from = TICKETS;
    assert_int_equal(rig_ask(r, &job), 0);
    assert_int_equal(job.rows.rows, 0);
    assert_false(job.more);
    usher__batch_free(&job.rows);
    desk_close(&d);
}

static void test_jobs__one_ticket_comes_with_what_it_needs(void **state)
{
    struct rig *r = *state;
    struct job job = {.kind = JOB_TICKET, .from = 5};
    struct row row;
    struct desk d;

    rig_must_open(r);
    desk_open(&d, r);
    desk_fill(&d, 10);
    assert_int_equal(rig_ask(r, &job), 0);
    assert_int_equal(job.rows.rows, 2);
    (void)rig_row(&job.rows, 0, &row);
    assert_int_equal(row.table, ROW_CLOSED);
    assert_int_equal(row.key, 5);
    (void)rig_row(&job.rows, job.rows.rows - 1, &row);
    assert_int_equal(row.table, ROW_BODY);
    assert_int_equal(row.key, 5);
    assert_int_equal(row.len, BODY_LEN - 1);
    job.from = 7; /* its body is in its row */
    assert_int_equal(rig_ask(r, &job), 0);
    (void)rig_row(&job.rows, job.rows.rows - 1, &row);
    assert_int_equal(row.table, ROW_CLOSED);
    job.from = 3; /* is open */
    assert_int_equal(rig_ask(r, &job), USHER_ENOENT);
    job.from = 99;
    assert_int_equal(rig_ask(r, &job), USHER_ENOENT);
    usher__batch_free(&job.rows);
    desk_close(&d);
}

static uint64_t last_event(struct rig *r, usher_id id)
{
    struct job job = {.kind = JOB_EVENTS, .limit = UINT32_MAX};
    uint64_t last = 0;
    size_t at = 0;
    struct row row;

    assert_int_equal(rig_ask(r, &job), 0);
    while (usher__batch_next(&job.rows, &at, &row)) {
        if ((usher_id)row.a == id)
            last = (uint64_t)row.key;
    }
    usher__batch_free(&job.rows);
    return last;
}

static void test_jobs__a_history_comes_in_pages_from_its_beginning(void **state)
{
    enum { NOTES = 5000 };
    struct rig *r = *state;
    struct job job = {.kind = JOB_HISTORY};
    usher_id one, other;
    struct desk d;

    rig_must_open(r);
    desk_open(&d, r);
    one = desk_enqueue(&d, "ann", "one");
    other = desk_enqueue(&d, "bob", "other");
    for (int i = 0; i < NOTES; i++) {
        desk_act(&d, USHER_NOTE, one, "ann", "noted");
        desk_act(&d, USHER_NOTE, other, "bob", "noted as well");
    }
    desk_save(&d);
    job.from = last_event(r, one);
    for (uint32_t limit = 1; limit <= 10000; limit *= 100) {
        uint64_t seen = 0;

        job.limit = limit;
        job.after = 0;
        do {
            size_t at = 0;
            struct row row;
            usher_event event;
            uint64_t previous;
            uint32_t queue;

            assert_int_equal(rig_ask(r, &job), 0);
            while (usher__batch_next(&job.rows, &at, &row)) {
                assert_true(usher__row_event(&row, &event, &previous, &queue));
                assert_int_equal(event.ticket, one);
                assert_int_equal(event.ticket_seq, ++seen);
            }
            job.after = seen;
        } while (job.more && (limit > 1 || seen < 20));
        if (limit > 1)
            assert_int_equal(seen, NOTES + 1);
    }
    usher__batch_free(&job.rows);
    desk_close(&d);
}

static void test_jobs__events_come_in_pages(void **state)
{
    struct rig *r = *state;
    struct job job = {.kind = JOB_EVENTS, .limit = 2500};
    uint64_t seen = 0;
    struct desk d;

    rig_must_open(r);
    desk_open(&d, r);
    desk_fill(&d, 3000);
    do {
        size_t at = 0;
        struct row row;

        assert_int_equal(rig_ask(r, &job), 0);
        while (usher__batch_next(&job.rows, &at, &row))
            assert_int_equal(row.key, ++seen);
        job.from = seen;
    } while (job.more);
    assert_int_equal(seen, d.engine != NULL ? usher__engine_log(d.engine)->seq : 0);
    usher__batch_free(&job.rows);
    desk_close(&d);
}

/* ---- erasing --------------------------------------------------------------------------------- */

static bool file_has(struct rig *r, const char *what)
{
    return rig_contains(r->path, what) || rig_contains(rig_beside(r, "-wal"), what) ||
           rig_contains(rig_beside(r, "-journal"), what);
}

static uint64_t count(struct rig *r, const char *sql)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *select = NULL;
    uint64_t n;

    rig_close(r);
    assert_int_equal(sqlite3_open(r->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &select, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(select), SQLITE_ROW);
    n = (uint64_t)sqlite3_column_int64(select, 0);
    (void)sqlite3_finalize(select);
    (void)sqlite3_close(db);
    rig_must_open(r);
    return n;
}

/* Tickets that are to go and tickets that are to stay, of many sizes, mixed, closed by and by. */
static void desk_mix(struct desk *d, uint64_t seed, uint64_t *go, uint64_t *stay_closed,
                     uint64_t *open)
{
    enum { TICKETS = 1200 };
    static char text[BODY_LEN];

    *go = *stay_closed = *open = 0;
    for (int i = 1; i <= TICKETS; i++) {
        bool goes = below(&seed, 3) != 0;
        const char *who = goes ? "forget-me" : "remember-me";
        size_t len = 30 + below(&seed, below(&seed, 8) == 0 ? BODY_LEN - 40 : 300);
        usher_id id;

        memset(text, '.', len);
        text[len] = '\0';
        memcpy(text + len - 12, goes ? "gone-for-ever" : "here-to-stay", 12);
        id = desk_enqueue(d, who, text);
        for (uint32_t n = below(&seed, 6); n > 0; n--)
            desk_act(d, USHER_NOTE, id, "desk", text);
        if (goes || below(&seed, 2) == 0) {
            desk_save(d);
            desk_act(d, USHER_WITHDRAW, id, who, NULL);
            *go += goes;
            *stay_closed += !goes;
        } else {
            ++*open;
        }
        if (i % 7 == 0)
            desk_save(d);
        desk_pass(d, 10);
    }
    desk_save(d);
}

/* What is erased is gone from every page of every file, and nothing else is. SQLite alone leaves
 * some of it behind with about every other seed. */
static void test_jobs__what_is_purged_leaves_no_bytes(void **state)
{
    static const char orphans[] = "SELECT count(*) FROM event WHERE ticket <> 0 AND ticket NOT IN "
                                  "(SELECT id FROM closed UNION SELECT id FROM ticket)";
    static const char bodies[] = "SELECT count(*) FROM body WHERE ticket NOT IN "
                                 "(SELECT id FROM closed UNION SELECT id FROM ticket)";
    struct rig *r = *state;

    for (uint64_t seed = 1; seed <= 6; seed++) {
        struct job job = {.kind = JOB_PURGE, .filter = {.requester = "forget-me"}};
        uint64_t go, stay_closed, open;
        struct desk d;

        rig_must_open(r);
        desk_open(&d, r);
        desk_mix(&d, seed * 7919, &go, &stay_closed, &open);
        assert_true(file_has(r, "gone-for-eve"));
        assert_int_equal(rig_ask(r, &job), 0);
        assert_int_equal(job.n, go);
        assert_false(file_has(r, "gone-for-eve"));
        assert_true(file_has(r, "here-to-stay"));

        /* Nor do pages that were in memory meanwhile bring it back. */
        for (usher_id id = 1; id <= 1200; id += 2) {
            usher_standing standing = USHER_INIT(usher_standing);

            if (usher__engine_peek(d.engine, id, &standing) == 0 && standing.state == USHER_WAITING)
                desk_act(&d, USHER_NOTE, id, "desk", "a note that is somewhat longer than nothing");
        }
        desk_save(&d);
        assert_false(file_has(r, "gone-for-eve"));
        assert_int_equal(rig_ask(r, &job), 0);
        assert_int_equal(job.n, 0);

        assert_int_equal(count(r, "SELECT count(*) FROM closed"), stay_closed);
        assert_int_equal(count(r, "SELECT count(*) FROM ticket"), open);
        assert_int_equal(count(r, orphans), 0);
        assert_int_equal(count(r, bodies), 0);
        assert_true(count(r, "SELECT count(*) FROM event") > stay_closed + open);
        assert_false(file_has(r, "gone-for-eve"));
        desk_close(&d);
        rig_close(r);
        assert_int_equal(unlink(r->path), 0);
    }
}

/* More events than one slice takes, in the middle of others. */
static void test_jobs__a_long_history_is_purged_whole(void **state)
{
    struct rig *r = *state;
    struct job job = {.kind = JOB_PURGE};
    struct desk d;

    rig_must_open(r);
    desk_open(&d, r);
    for (int i = 0; i < 30; i++) {
        usher_id id = desk_enqueue(&d, "ann", "short");

        for (int n = 0; n < (i % 10 == 3 ? 6000 : 3); n++)
            desk_act(&d, USHER_NOTE, id, "ann", "noted");
        desk_act(&d, USHER_WITHDRAW, id, "ann", NULL);
    }
    desk_save(&d);
    assert_int_equal(rig_ask(r, &job), 0);
    assert_int_equal(job.n, 30);
    assert_int_equal(count(r, "SELECT count(*) FROM event WHERE ticket <> 0"), 0);
    desk_close(&d);
}

static void test_jobs__what_is_old_goes_by_itself(void **state)
{
    struct rig *r = *state;
    struct desk d;
    uint64_t left;

    r->options.retain_ms = 3600 * 1000;
    rig_must_open(r);
    desk_open(&d, r);
    desk_fill(&d, 600); /* ten minutes */
    desk_pass(&d, 3600 * 1000 - 300 * 1000);
    usher__engine_queue(d.engine, "another", &d.queue);
    assert_int_equal(usher__engine_cut(d.engine, &r->batch), 0);
    r->batch.number = ++r->number;
    usher__store_submit(r->s, &r->batch, d.now);
    assert_int_equal(rig_settle(r), 0);
    for (int i = 0; i < 100; i++) { /* it has its turns meanwhile */
        rig_put(r, ROW_STATE, 2, NULL, "x", 1);
        rig_drop(r, ROW_STATE, 2, NULL);
        rig_save(r);
    }
    left = count(r, "SELECT count(*) FROM closed");
    assert_true(left >= 195 && left <= 205);
    desk_close(&d);
}

/* ---- copies ---------------------------------------------------------------------------------- */

static void test_jobs__a_copy_is_whole_while_everything_goes_on(void **state)
{
    static char bytes[2000];
    struct rig *r = *state;
    struct job job = {.kind = JOB_BACKUP}, *done = NULL;
    char path[RIG_PATH + 16], part[RIG_PATH + 32];
    int64_t saved_before, during = 0;
    struct rig *other;
    void *p;

    (void)snprintf(path, sizeof path, "%s/copy.db", r->directory);
    (void)snprintf(part, sizeof part, "%s.part", path);
    job.path = path;
    rig_must_open(r);
    for (int64_t i = 1; i <= 10000; i++)
        rig_put(r, ROW_TICKET, i, NULL, bytes, sizeof bytes);
    rig_save(r);
    saved_before = 10000;
    usher__store_ask(r->s, &job);
    while ((done = usher__store_finished(r->s)) == NULL) {
        during++;
        rig_put(r, ROW_TICKET, saved_before + during, NULL, bytes, 100); /* appended, */
        rig_put(r, ROW_TICKET, 1 + during * 37 % 10000, NULL, bytes,
                sizeof bytes - 1); /* changed */
        rig_save(r);
    }
    assert_ptr_equal(done, &job);
    if (job.status != 0)
        fail_msg("%d %s", job.status, job.why);
    assert_true(during > 0);
    assert_true(job.n > 5000);
    assert_int_equal(rig_mode(path), 0600);
    assert_false(rig_there(part));

    /* It never overwrites. */
    assert_int_equal(rig_ask(r, &job), USHER_ESTORE);
    assert_non_null(strstr(job.why, "copy.db exists")); /* said before anything is copied */
    job.path = r->path;
    assert_int_equal(rig_ask(r, &job), USHER_ESTORE);

    /* The copy is a store of its own: some batch was the last in it, and all of that one. */
    rig_setup(&p);
    other = p;
    other->options.path = path;
    rig_must_open(other);
    {
        int64_t copied = (int64_t)other->read.rows - saved_before;
        struct row row;
        size_t at = 0;
        int64_t last = 0;

        assert_true(copied >= 0 && copied <= during);
        while (usher__batch_next(&other->read, &at, &row))
            last = row.key;
        assert_int_equal(last, saved_before + copied);
        if (copied > 0) {
            (void)rig_row(&other->read, (uint32_t)(copied * 37 % 10000), &row);
            assert_int_equal(row.len, sizeof bytes - 1);
        }
    }
    rig_put(other, ROW_STATE, 1, NULL, "x", 1);
    rig_save(other);
    (void)rig_teardown(&p);
}

static void test_jobs__a_copy_that_cannot_be_leaves_nothing(void **state)
{
    struct rig *r = *state;
    struct job job = {.kind = JOB_BACKUP};
    char path[RIG_PATH + 16], part[RIG_PATH + 32];

    rig_must_open(r);
    job.path = "/nowhere/copy.db";
    assert_int_equal(rig_ask(r, &job), USHER_ESTORE);
    job.path = "/tmp/";
    assert_int_equal(rig_ask(r, &job), USHER_EINVAL);
    (void)snprintf(path, sizeof path, "%s/copy.db", r->directory);
    (void)snprintf(part, sizeof part, "%s.part", path);
    rig_write(part, "somebody else's", 15);
    job.path = path;
    assert_int_equal(rig_ask(r, &job), USHER_ESTORE);
    assert_true(rig_contains(part, "somebody else's"));
    assert_false(rig_there(path));
}

static void test_jobs__a_copy_for_looking_is_made_at_once(void **state)
{
    struct rig *r = *state;
    struct job job = {.kind = JOB_BACKUP};
    char path[RIG_PATH + 16];

    rig_must_open(r);
    rig_put(r, ROW_STATE, 1, NULL, "x", 1);
    rig_save(r);
    rig_close(r);
    r->options.readonly = true;
    rig_must_open(r);
    (void)snprintf(path, sizeof path, "%s/copy.db", r->directory);
    job.path = path;
    usher__store_ask(r->s, &job);
    assert_ptr_equal(usher__store_finished(r->s), &job);
    assert_int_equal(job.status, 0);
    assert_true(rig_there(path));
}

/* ---- turns ----------------------------------------------------------------------------------- */

/* A long job and many short ones: each comes back, none waits for the long one, batches go on. */
static void test_jobs__take_turns(void **state)
{
    enum { SHORT = 200 };
    static struct job jobs[SHORT];
    static char bytes[4000];
    struct rig *r = *state;
    struct job copy = {.kind = JOB_BACKUP}, *job;
    char path[RIG_PATH + 16];
    int back = 0, before_copy = 0;
    bool copied = false;

    (void)snprintf(path, sizeof path, "%s/copy.db", r->directory);
    copy.path = path;
    rig_must_open(r);
    for (int64_t i = 1; i <= 10000; i++)
        rig_put(r, ROW_CLOSED, i, NULL, bytes, sizeof bytes);
    rig_save(r);
    usher__store_ask(r->s, &copy);
    for (int i = 0; i < SHORT; i++) {
        jobs[i] = (struct job){.kind = JOB_EVENTS, .limit = 10};
        usher__store_ask(r->s, &jobs[i]);
    }
    while (back < SHORT || !copied) {
        rig_put(r, ROW_STATE, 1, NULL, "x", 1);
        rig_save(r);
        while ((job = usher__store_finished(r->s)) != NULL) {
            if (job == &copy)
                copied = true;
            else
                assert_ptr_equal(job, &jobs[back++]); /* in their order */
            before_copy = copied ? before_copy : back;
            assert_int_equal(job->status, 0);
        }
    }
    assert_true(before_copy > 0); /* all of them, but for a very slow machine */
    for (int i = 0; i < SHORT; i++)
        usher__batch_free(&jobs[i].rows);
    usher__batch_free(&copy.rows);
}

static void test_jobs__that_wait_when_it_closes_come_back(void **state)
{
    enum { JOBS = 50 };
    static char bytes[4000];
    static struct job jobs[JOBS];
    struct rig *r = *state;
    char path[RIG_PATH + 16], part[RIG_PATH + 32];
    struct job *job;
    int back = 0, canceled = 0;

    (void)snprintf(path, sizeof path, "%s/copy.db", r->directory);
    (void)snprintf(part, sizeof part, "%s.part", path);
    rig_must_open(r);
    for (int64_t i = 1; i <= 20000; i++)
        rig_put(r, ROW_CLOSED, i, NULL, bytes, sizeof bytes);
    rig_save(r);
    for (int i = 0; i < JOBS; i++) {
        jobs[i] = (struct job){.kind = i % 2 == 0 ? JOB_CLOSED : JOB_EVENTS, .limit = 10};
        jobs[i].filter.requester = "nobody";
        if (i == 0)
            jobs[i] = (struct job){.kind = JOB_BACKUP, .path = path};
        usher__store_ask(r->s, &jobs[i]);
    }
    rig_put(r, ROW_STATE, 1, NULL, "x", 1);
    rig_submit(r);
    usher__store_cancel_jobs(r->s);
    while (back < JOBS) {
        usher__store_wait(r->s);
        while ((job = usher__store_finished(r->s)) != NULL) {
            back++;
            assert_true(job->status == 0 || job->status == USHER_ECANCELED);
            canceled += job->status != 0;
        }
        {
            struct store_news news;

            usher__store_news(r->s, &news);
        }
    }
    assert_true(canceled > 0);
    assert_true(rig_there(path) == (jobs[0].status == 0));
    assert_false(rig_there(part));
    assert_int_equal(rig_settle(r), 0); /* the batch is saved all the same */
    assert_int_equal(rig_ask(r, &jobs[0]), USHER_ECANCELED);
    rig_close(r);
    for (int i = 0; i < JOBS; i++)
        usher__batch_free(&jobs[i].rows);
    r->options.keep_closed = 0;
    rig_must_open(r);
    assert_int_equal(r->read.rows, 1);
}

/* At whatever moment it is closed: a copy is there whole, or nothing of it is. */
static void test_jobs__closing_breaks_a_copy_off(void **state)
{
    static char bytes[4000];
    struct rig *r = *state;
    char path[RIG_PATH + 16], part[RIG_PATH + 32];
    int there = 0;

    (void)snprintf(path, sizeof path, "%s/copy.db", r->directory);
    (void)snprintf(part, sizeof part, "%s.part", path);
    r->options.keep_closed = 0;
    rig_must_open(r);
    for (int64_t i = 1; i <= 5000; i++)
        rig_put(r, ROW_CLOSED, i, NULL, bytes, sizeof bytes);
    rig_save(r);
    for (useconds_t us = 0; there < 3; us += 4000 + us / 4) {
        struct job job = {.kind = JOB_BACKUP, .path = path};

        usher__store_ask(r->s, &job);
        (void)usleep(us);
        rig_close(r);
        assert_false(rig_there(part));
        if (rig_there(path)) {
            there++;
            assert_int_equal(unlink(path), 0);
        }
        rig_must_open(r);
    }
}

static void test_jobs__facts(void **state)
{
    static char bytes[100000];
    struct rig *r = *state;
    struct job job = {.kind = JOB_FACTS};
    struct stat st;

    rig_must_open(r);
    rig_put(r, ROW_TICKET, 1, NULL, bytes, sizeof bytes);
    rig_save(r);
    rig_drop(r, ROW_TICKET, 1, NULL);
    rig_save(r);
    assert_int_equal(rig_ask(r, &job), 0);
    assert_int_equal(job.facts.schema, 3);
    assert_int_equal(job.facts.page_size, 4096);
    assert_true(job.facts.free_pages > 20 && job.facts.free_pages < job.facts.pages);
    assert_int_equal(lstat(rig_beside(r, "-wal"), &st), 0);
    assert_true(job.facts.wal_bytes > 100000 && (off_t)job.facts.wal_bytes <= st.st_size);
    job.kind = 999;
    assert_int_equal(rig_ask(r, &job), USHER_EINVAL);
}

/* However soon they follow it: the thread comes from one batch, finds the next and a job that was asked after it,
 * and does not take the job first. */
static void test_jobs__see_the_batch_before_them(void **state)
{
    struct rig *r = *state;

    rig_must_open(r);
    for (int64_t id = 1; id <= 600; id++) {
        struct job job = {.kind = JOB_TICKET, .from = (uint64_t)id};
        struct store_news news;

        rig_put(r, ROW_STATE, 1, NULL, "x", 1);
        rig_submit(r);
        do
            usher__store_news(r->s, &news);
        while (news.busy);
        usher__batch_clear(&r->batch);
        rig_put(r, ROW_CLOSED, id, NULL, "x", 1);
        rig_submit(r);
        assert_int_equal(rig_ask(r, &job), 0);
        assert_int_equal(rig_settle(r), 0);
        usher__batch_free(&job.rows);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_jobs__closed_tickets_come_in_pages),
        TEST(test_jobs__one_ticket_comes_with_what_it_needs),
        TEST(test_jobs__a_history_comes_in_pages_from_its_beginning),
        TEST(test_jobs__events_come_in_pages),
        TEST(test_jobs__what_is_purged_leaves_no_bytes),
        TEST(test_jobs__a_long_history_is_purged_whole),
        TEST(test_jobs__what_is_old_goes_by_itself),
        TEST(test_jobs__a_copy_is_whole_while_everything_goes_on),
        TEST(test_jobs__a_copy_that_cannot_be_leaves_nothing),
        TEST(test_jobs__a_copy_for_looking_is_made_at_once),
        TEST(test_jobs__take_turns),
        TEST(test_jobs__see_the_batch_before_them),
        TEST(test_jobs__that_wait_when_it_closes_come_back),
        TEST(test_jobs__closing_breaks_a_copy_off),
        TEST(test_jobs__facts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
