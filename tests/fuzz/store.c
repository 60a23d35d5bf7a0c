/* A damaged store: opened and right, or refused, and left as it was. The input says what is done to a store that
 * an earlier version wrote (tests/data): bytes of the file changed, or rows, as somebody with a SQL shell would.
 *
 * Changed rows are the meaner ones: SQLite finds nothing wrong with them. What is opened checks itself, tells all
 * it knows, lives for a month, and is opened again. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sqlite3.h>
#include <usher/usher.h>

#include "fuzz.h"
#include "local/engine.h"
#include "loop/service.h"

#define DAY    INT64_C(86400000)
#define NOW_AT INT64_C(1700100000000)

enum { STORE_MAX = 1 << 20, EDITS_MAX = 12, PAGES_MAX = 1000 };

static char dir[64], path[96];

static void forget(void)
{
    static const char *const ends[] = {"", "-wal", "-lock", "-reserve", "-shm", "-journal"};
    char name[128];

    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        snprintf(name, sizeof name, "%s%s", path, ends[i]);
        (void)unlink(name);
    }
}

static void leave(void)
{
    forget();
    (void)rmdir(dir);
}

/* The store that is damaged: number 1 to 3. */
static size_t load(unsigned number, uint8_t *bytes)
{
    char name[600];
    FILE *file;
    size_t len;

    snprintf(name, sizeof name, FUZZ_STORES "/store-%u.db", number);
    file = fopen(name, "rb");
    MUST(file != NULL);
    len = fread(bytes, 1, STORE_MAX, file);
    fclose(file);
    return len;
}

static void put(const uint8_t *bytes, size_t len)
{
    int fd;

    if (dir[0] == '\0') {
        strcpy(dir, "/dev/shm/usher-fuzz-XXXXXX");
        if (mkdtemp(dir) == NULL) {
            strcpy(dir, "/tmp/usher-fuzz-XXXXXX");
            MUST(mkdtemp(dir) != NULL);
        }
        snprintf(path, sizeof path, "%s/desk.db", dir);
        (void)atexit(leave);
    }
    forget();
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    MUST(fd >= 0 && write(fd, bytes, len) == (ssize_t)len);
    close(fd);
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
        for (uint32_t n = 1 + take_below(b, 4); n > 0 && len > 0; n--)
            record[take_number(b, 2) % (uint64_t)len] = take_byte(b);
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

static void change_rows(struct bytes *b)
{
    sqlite3 *db = NULL;

    MUST(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL) == SQLITE_OK);
    (void)sqlite3_exec(db, "PRAGMA synchronous=OFF", NULL, NULL, NULL);
    for (int i = 0; i < EDITS_MAX && b->at < b->end; i++)
        change_row(b, db);
    MUST(sqlite3_close(db) == SQLITE_OK);
}

/* ---- what is opened ------------------------------------------------------------------------------ */

struct visit {
    usher_t *u;
    uint64_t cursor, rows, last;
    unsigned pages;
    bool closed;
};

static void on_event(usher_t *u, const usher_event *e, void *user)
{
    struct visit *v = user;

    (void)u;
    MUST(e->seq > v->last);
    v->last = e->seq;
    MUST(e->text.data == NULL || e->text.data[e->text.len] == '\0');
}

static void on_page(usher_t *u, int status, const usher_page *p, void *user)
{
    struct visit *v = user;

    (void)u;
    v->pages++;
    v->cursor = status == 0 ? p->cursor : 0;
    v->rows += p->n;
    MUST(status != USHER_EINVAL);
}

static void on_closed(void *user)
{
    ((struct visit *)user)->closed = true;
}

static void read_all(struct visit *v, int what, usher_id ticket)
{
    usher_query q = USHER_INIT(usher_query);

    q.what = what;
    q.ticket = ticket;
    q.limit = 100;
    q.promise = USHER_PROMISE_RESOLVE;
    v->pages = 0;
    do {
        unsigned pages = v->pages;

        q.cursor = v->cursor;
        if (usher_read(v->u, &q, on_page, v) != 0)
            return;
        while (v->pages == pages)
            MUST(usher_turn(v->u) >= 0);
        MUST(v->pages < PAGES_MAX);
    } while (v->cursor != 0);
}

/* 0, or what usher_open() said. */
static int visit(usher_manual_clock_t *clock, const char *how)
{
    struct visit v = {0};
    usher_options o = USHER_INIT(usher_options);
    char err[200] = "", uri[120];
    const char *wrong;
    int r;

    snprintf(uri, sizeof uri, "sqlite:%s?%s", path, how);
    o.clock = usher_manual_clock_get(clock);
    o.err = err;
    o.err_len = sizeof err;
    o.durability = USHER_PROCESS;
    r = usher_open(&v.u, NULL, uri, &o, NULL, NULL);
    MUST(r == 0 || r == USHER_ECORRUPT || r == USHER_EVERSION || r == USHER_ESTORE ||
         r == USHER_ELIMIT);
    MUST(r == 0 || err[0] != '\0');
    if (r != 0)
        return r;
    wrong = usher__engine_check(v.u->engine);
    if (wrong != NULL)
        fuzz_broken(__FILE__, __LINE__, wrong);
    (void)usher_subscribe(v.u, NULL, 0, on_event, &v);
    for (int what = USHER_READ_FIGURES; what <= USHER_READ_METRICS; what++)
        read_all(&v, what, 0);
    read_all(&v, USHER_READ_TICKETS, 0);
    for (usher_id id = 1; id <= 12; id++) {
        for (int what = USHER_READ_BODY; what <= USHER_READ_WHY_RANK; what++)
            read_all(&v, what, id);
    }
    (void)usher_advance(v.u, usher_now(v.u) + 30 * DAY);
    MUST(usher__engine_check(v.u->engine) == NULL);
    MUST(usher_close(v.u, on_closed, &v) == 0);
    while (!v.closed)
        MUST(usher_turn(v.u) >= 0);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static uint8_t bytes[STORE_MAX];
    struct bytes b = {data, data + len};
    unsigned number = 1 + take_below(&b, 3);
    bool of_rows = take_below(&b, 4) != 0;
    size_t store_len = load(number, bytes);
    usher_manual_clock_t *clock;

    if (!of_rows)
        change_bytes(&b, bytes, store_len);
    put(bytes, store_len);
    if (of_rows)
        change_rows(&b);
    MUST(usher_manual_clock_new(&clock, NOW_AT) == 0);
    if (visit(clock, of_rows ? "quick=1" : "") == 0) /* of rows SQLite's own check finds nothing */
        MUST(visit(clock, "") == 0);
    usher_manual_clock_free(clock);
    return 0;
}
