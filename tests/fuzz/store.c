/* A damaged store: opened and right, or refused, and left as it was. The input says what is done to a store that
 * an earlier version wrote (tests/data): bytes of the file changed, or rows, as somebody with a SQL shell would.
 *
 * Changed rows are the meaner ones: SQLite finds nothing wrong with them. What is opened checks itself and tells all
 * it knows; opened again it is the same; it lives for a month, and is opened once more. The disk is the crash tests',
 * in memory: what is asked here is what a file says, not how it gets there. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>
#include <usher/usher.h>

#include "crash/disk.h"
#include "fuzz.h"
#include "local/changes.h"
#include "local/engine.h"
#include "loop/service.h"

#define DAY    INT64_C(86400000)
#define NOW_AT INT64_C(1700100000000)
#define FILE_  "/desk"

enum { STORES = 3, STORE_MAX = 1 << 17, EDITS_MAX = 12, READS_MAX = 64, ROUNDS_MAX = 1000 };

static struct disk *disk;

/* The store that is damaged: number 1 to 3. */
static size_t load(unsigned number, uint8_t *bytes)
{
    static uint8_t kept[STORES][STORE_MAX];
    static size_t kept_len[STORES];
    uint8_t *store = kept[number - 1];
    size_t *len = &kept_len[number - 1];

    if (*len == 0) {
        char name[600];
        FILE *file;

        snprintf(name, sizeof name, FUZZ_STORES "/store-%u.db", number);
        file = fopen(name, "rb");
        MUST(file != NULL);
        *len = fread(store, 1, STORE_MAX, file);
        fclose(file);
        MUST(*len > 0 && *len < STORE_MAX);
    }
    memcpy(bytes, store, *len);
    return *len;
}

static void put(const uint8_t *bytes, size_t len)
{
    struct image image = {0};

    if (disk == NULL)
        disk = disk_new("fuzz", DISK_HONEST);
    content_set(image_file(&image, 0), 0, bytes, len);
    image_name(&image, FILE_, 0);
    disk_load(disk, &image);
}

/* The file alone, with these bytes. */
static bool is_as_it_was(const uint8_t *bytes, size_t len)
{
    struct image image;
    const struct content *content;
    bool same;

    disk_look(disk, &image);
    content = &image.files[image.entries[0].file];
    same = image.entries_n == 1 && content->len == len && memcmp(content->bytes, bytes, len) == 0;
    image_free(&image);
    return same;
}

/* ---- damage ------------------------------------------------------------------------------------ */

static void change_bytes(struct bytes *b, uint8_t *bytes, size_t len)
{
    while (b->at < b->end) {
        size_t at = (size_t)(take_number(b, 3) % len);

        bytes[at] = take_byte(b);
    }
}

static const char *const tables[][5] = {{"state", "record"},
                                        {"policy", "queue", "version", "json"},
                                        {"queue", "name", "record"},
                                        {"agent", "name", "record"},
                                        {"op", "record"},
                                        {"mark", "key", "record"},
                                        {"subscriber", "name", "done"},
                                        {"closed", "queue", "closed_at", "record"},
                                        {"ticket", "id", "queue", "state", "record"},
                                        {"body", "ticket", "bytes"},
                                        {"event", "seq", "ticket", "kind", "record"},
                                        {"zone", "policy", "name", "bytes"},
                                        {"symptom", "name", "last", "record"},
                                        {"figure", "name", "record"}};
enum { TABLES = sizeof tables / sizeof tables[0] };

/* A record with one byte changed, cut short or made longer; or any value at all. */
static void bind_value(struct bytes *b, sqlite3_stmt *s, const void *was, int was_len)
{
    static const int64_t hostile[] = {0,         1,         2,          3,         9,
                                      -1,        255,       65536,      INT32_MAX, INT32_MIN,
                                      INT64_MAX, INT64_MIN, UINT32_MAX, NOW_AT};
    uint8_t record[4096];
    int len = was_len < (int)sizeof record - 8 ? was_len : (int)sizeof record - 8;

    switch (take_below(b, 6)) {
    case 0:
        sqlite3_bind_null(s, 1);
        return;
    case 1:
        sqlite3_bind_int64(s, 1, hostile[take_below(b, sizeof hostile / sizeof hostile[0])]);
        return;
    case 2:
        sqlite3_bind_text(s, 1, "\xff name", (int)take_below(b, 7), SQLITE_STATIC);
        return;
    default:
        if (len > 0)
            memcpy(record, was, (size_t)len);
        memset(record + len, 0, 8);
        for (uint32_t n = 1 + take_below(b, 4); n > 0 && len > 0; n--) {
            uint8_t value = take_byte(b); /* one after the other: an input means the same to every compiler */

            record[take_number(b, 2) % (uint64_t)len] = value;
        }
        if (take_below(b, 4) == 0)
            len = (int)take_below(b, (uint32_t)len + 8);
        sqlite3_bind_blob(s, 1, record, len, SQLITE_TRANSIENT);
    }
}

static sqlite3_stmt *prepare(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *s = NULL;

    (void)sqlite3_prepare_v2(db, sql, -1, &s, NULL); /* an older store has not all of the tables */
    return s;
}

static void change_row(struct bytes *b, sqlite3 *db)
{
    const char *const *table = tables[take_below(b, TABLES)];
    const char *column = table[1 + take_below(b, 4)];
    unsigned row = take_byte(b);
    sqlite3_stmt *read, *write;
    char sql[300];

    if (column == NULL)
        column = table[1];
    if (take_below(b, 8) == 0) {
        snprintf(sql, sizeof sql,
                 "DELETE FROM %s WHERE %s IN (SELECT %s FROM %s LIMIT 1 OFFSET %u)", table[0],
                 column, column, table[0], row % 8);
        (void)sqlite3_exec(db, sql, NULL, NULL, NULL);
        return;
    }
    snprintf(sql, sizeof sql, "SELECT %s FROM %s LIMIT 1 OFFSET %u", column, table[0], row % 64);
    read = prepare(db, sql);
    snprintf(sql, sizeof sql, "UPDATE OR IGNORE %s SET %s = ?1 WHERE %s = ?2", table[0], column,
             column);
    write = prepare(db, sql);
    if (read != NULL && write != NULL && sqlite3_step(read) == SQLITE_ROW) {
        sqlite3_bind_value(write, 2, sqlite3_column_value(read, 0));
        bind_value(b, write, sqlite3_column_blob(read, 0), sqlite3_column_bytes(read, 0));
        sqlite3_reset(read);
        (void)sqlite3_step(write);
    }
    sqlite3_finalize(read);
    sqlite3_finalize(write);
}

/* In memory; not in WAL mode, which is nothing for memory. */
static size_t change_rows(struct bytes *b, uint8_t *bytes, size_t len)
{
    sqlite3 *db = NULL;
    sqlite3_int64 size = 0;
    const uint8_t *changed;

    bytes[18] = bytes[19] = 1;
    MUST(sqlite3_open(":memory:", &db) == SQLITE_OK);
    MUST(sqlite3_deserialize(db, "main", bytes, (sqlite3_int64)len, STORE_MAX, 0) == SQLITE_OK);
    for (int i = 0; i < EDITS_MAX && b->at < b->end; i++)
        change_row(b, db);
    changed = sqlite3_serialize(db, "main", &size, SQLITE_SERIALIZE_NOCOPY);
    MUST(changed == bytes && size > 0);
    MUST(sqlite3_close(db) == SQLITE_OK);
    bytes[18] = bytes[19] = 2;
    return (size_t)size;
}

/* ---- what is opened ------------------------------------------------------------------------------ */

struct reading {
    usher_query query;
    uint32_t asked, told;
    uint64_t hash; /* of what it told */
};

struct visit {
    usher_t *u;
    struct reading reading[READS_MAX];
    uint32_t readings;
    uint64_t last, events; /* the events' hash */
    bool failed, closed;
};

/* What one opening told, to be compared with the next. */
struct told {
    uint64_t digest, events, reading[READS_MAX];
    bool failed;
};

static uint64_t hash_text(uint64_t h, usher_text t)
{
    MUST(t.data == NULL || t.data[t.len] == '\0');
    return hash_bytes(h, t.data, t.len);
}

static uint64_t hash_event(uint64_t h, const usher_event *e)
{
    const int64_t numbers[] = {(int64_t)e->seq, (int64_t)e->ticket, e->at, e->kind};

    return hash_text(hash_bytes(h, numbers, sizeof numbers), e->text);
}

static void on_event(usher_t *u, const usher_event *e, void *user)
{
    struct visit *v = user;

    (void)u;
    MUST(e->seq > v->last);
    v->last = e->seq;
    v->events = hash_event(v->events, e);
}

static void on_page(usher_t *u, int status, const usher_page *p, void *user)
{
    struct reading *r = user;
    const int64_t numbers[] = {status, (int64_t)p->n};

    (void)u;
    r->told++;
    MUST(r->told == r->asked);
    MUST(status != USHER_EINVAL);
    r->query.cursor = status == 0 ? p->cursor : 0;
    r->hash = hash_text(hash_bytes(r->hash, numbers, sizeof numbers), p->text);
    for (uint64_t i = 0; p->events != NULL && i < p->n; i++)
        r->hash = hash_event(r->hash, &p->events[i]);
    for (uint64_t i = 0; p->tickets != NULL && i < p->n; i++) {
        const int64_t of[] = {(int64_t)p->tickets[i].ticket, p->tickets[i].state,
                              p->tickets[i].priority};

        r->hash = hash_bytes(r->hash, of, sizeof of);
    }
}

static void on_failed(usher_t *u, int status, usher_text why, void *user)
{
    (void)u, (void)status, (void)why;
    ((struct visit *)user)->failed = true;
}

static void on_closed(void *user)
{
    ((struct visit *)user)->closed = true;
}

static void want(struct visit *v, int what, usher_id ticket)
{
    struct reading *r = &v->reading[v->readings++];

    MUST(v->readings <= READS_MAX);
    r->query = (usher_query){.size = sizeof r->query, .what = what, .ticket = ticket, .limit = 100};
    r->query.promise = USHER_PROMISE_RESOLVE;
}

/* All at once, page by page: what waits for the store's thread waits together. */
static void read_all(struct visit *v, bool metrics)
{
    bool more = true;

    for (int what = USHER_READ_FIGURES; what <= USHER_READ_METRICS - !metrics; what++)
        want(v, what, 0);
    want(v, USHER_READ_TICKETS, 0);
    for (usher_id id = 1; id <= 12; id++) {
        for (int what = USHER_READ_BODY; what <= USHER_READ_WHY_RANK; what++)
            want(v, what, id);
    }
    for (int round = 0; more; round++) {
        MUST(round < ROUNDS_MAX);
        for (uint32_t i = 0; i < v->readings; i++) {
            struct reading *r = &v->reading[i];

            if (r->told == r->asked && (r->told == 0 || r->query.cursor != 0) && !v->failed)
                r->asked += usher_read(v->u, &r->query, on_page, r) == 0;
        }
        (void)usher_advance(v->u, usher_now(v->u));
        more = false;
        for (uint32_t i = 0; i < v->readings; i++) {
            MUST(v->failed || v->reading[i].told == v->reading[i].asked);
            more = more || (v->reading[i].query.cursor != 0 && !v->failed);
        }
    }
}

static void check(usher_t *u)
{
    const char *wrong = usher__service_check(u);

    if (wrong != NULL)
        fuzz_broken(__FILE__, __LINE__, wrong);
}

/* 0, or what usher_open() said. days: for how long it lives. */
static int visit(const char *how, bool metrics, int days, struct told *told)
{
    struct visit v = {0};
    usher_manual_clock_t *clock;
    usher_options o = USHER_INIT(usher_options);
    char err[200] = "", uri[80];
    int r;

    snprintf(uri, sizeof uri, "sqlite:%s?vfs=fuzz%s", FILE_, how);
    MUST(usher_manual_clock_new(&clock, NOW_AT) == 0);
    o.clock = usher_manual_clock_get(clock);
    o.err = err;
    o.err_len = sizeof err;
    o.seed = 1;
    o.on_failed = on_failed;
    o.user = &v;
    o.durability = USHER_PROCESS;
    o.zoneinfo = days > 0
                     ? NULL
                     : "/nowhere"; /* where one is another there than here, each opening says so */
    r = usher_open(&v.u, NULL, uri, &o, NULL, NULL);
    MUST(r == 0 || r == USHER_ECORRUPT || r == USHER_EVERSION || r == USHER_ESTORE ||
         r == USHER_ELIMIT);
    MUST(r == 0 || err[0] != '\0');
    if (r == 0) {
        check(v.u);
        (void)usher_subscribe(v.u, NULL, 0, on_event, &v);
        read_all(&v, metrics);
        check(v.u);
        if (days > 0) {
            (void)usher_advance(v.u, usher_now(v.u) + days * DAY);
            check(v.u);
        }
        MUST(usher__engine_digest(v.u->engine, &told->digest) == 0);
        told->failed = v.failed;
        told->events = v.events;
        for (uint32_t i = 0; i < v.readings; i++)
            told->reading[i] = v.reading[i].hash;
        MUST(usher_close(v.u, on_closed, &v) == 0);
        while (!v.closed)
            MUST(usher_turn(v.u) >= 0);
        told->failed = told->failed || v.failed;
    }
    usher_manual_clock_free(clock);
    return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static uint8_t bytes[STORE_MAX];
    static struct told first, again;
    struct bytes b = {data, data + len};
    unsigned number = take_byte(&b);
    bool of_rows = take_below(&b, 4) != 0;
    bool metrics = number / STORES % 8 == 1;
    size_t store_len;
    int r;

    number = 1 + number % STORES;
    store_len = load(number, bytes);
    if (of_rows)
        store_len = change_rows(&b, bytes, store_len);
    else
        change_bytes(&b, bytes, store_len);
    put(bytes, store_len);
    /* of rows SQLite's own check finds nothing */
    r = visit(of_rows ? "&quick=1" : "", metrics, 0, &first);
    if (r != 0) {
        MUST(is_as_it_was(bytes, store_len));
        return 0;
    }
    if (first.failed)
        return 0;
    MUST(visit("&quick=1", metrics, 0, &again) == 0);
    MUST(again.failed || again.digest == first.digest);
    MUST(visit("", false, 30, &again) == 0);
    return 0;
}
