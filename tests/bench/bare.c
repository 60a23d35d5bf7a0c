/* See bare.h. */
#include "bare.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

/* What the store's rows take, as found in a file of its own: a ticket with a body of 100 bytes and
 * three promises, the same when it is closed, an event, the numbers of the service. */
enum { TICKET_LEN = 150, CLOSED_LEN = 162, EVENT_LEN = 24, STATE_LEN = 33 };

enum { ENQUEUE, CLAIM, ACKNOWLEDGE, RESOLVE, VERBS };

enum { PUT_STATE, PUT_TICKET, DROP_TICKET, PUT_CLOSED, PUT_EVENT, BEGIN, COMMIT, STATEMENTS };

enum { CHECKPOINT_PAGES = 4096 }; /* as many as the store lets come together */

static const char settings[] =
    "PRAGMA mmap_size = 0; PRAGMA temp_store = MEMORY; PRAGMA locking_mode = EXCLUSIVE;"
    "PRAGMA synchronous = EXTRA; PRAGMA secure_delete = ON; PRAGMA cache_size = -16384;"
    "PRAGMA wal_autocheckpoint = 0; PRAGMA journal_mode = WAL;"
    "CREATE TABLE state(id INTEGER PRIMARY KEY, record BLOB NOT NULL) STRICT;"
    "CREATE TABLE closed(id INTEGER PRIMARY KEY, queue INTEGER NOT NULL,"
    " closed_at INTEGER NOT NULL, record BLOB NOT NULL) STRICT;"
    "CREATE TABLE ticket(id INTEGER PRIMARY KEY, queue INTEGER NOT NULL, state INTEGER NOT NULL,"
    " record BLOB NOT NULL) STRICT;"
    "CREATE TABLE event(seq INTEGER PRIMARY KEY, ticket INTEGER NOT NULL, kind INTEGER NOT NULL,"
    " record BLOB NOT NULL) STRICT;";

static const char *const sql[STATEMENTS] = {
    [PUT_STATE] = "INSERT OR REPLACE INTO state VALUES(?1, ?4)",
    [PUT_TICKET] = "INSERT OR REPLACE INTO ticket VALUES(?1, ?2, ?3, ?4)",
    [DROP_TICKET] = "DELETE FROM ticket WHERE id = ?1",
    [PUT_CLOSED] = "INSERT OR REPLACE INTO closed VALUES(?1, ?2, ?3, ?4)",
    [PUT_EVENT] = "INSERT INTO event VALUES(?1, ?2, ?3, ?4)",
    [BEGIN] = "BEGIN IMMEDIATE",
    [COMMIT] = "COMMIT"};

struct caller {
    int next;
    int64_t ticket;
};

struct bare {
    sqlite3 *db;
    sqlite3_stmt *statements[STATEMENTS];
    int wal_pages;
    int64_t enqueued, claimed, event; /* the last */
    uint32_t callers_n;
    struct caller callers[1000];
    char bytes[CLOSED_LEN];
};

static bool failed(const struct bare *b)
{
    fprintf(stderr, "usher-bench: bare SQLite: %s\n", sqlite3_errmsg(b->db));
    return false;
}

/* As long as the WAL is, in pages, after a commit. */
static int on_commit(void *ctx, sqlite3 *db, const char *name, int pages)
{
    struct bare *b = ctx;

    (void)db;
    (void)name;
    b->wal_pages = pages;
    return SQLITE_OK;
}

static bool put(struct bare *b, int statement, int64_t key, int64_t a, int64_t at, int len)
{
    sqlite3_stmt *s = b->statements[statement];
    bool good;

    good = sqlite3_bind_int64(s, 1, key) == SQLITE_OK;
    if (good && sqlite3_bind_parameter_count(s) == 4)
        good = sqlite3_bind_int64(s, 2, a) == SQLITE_OK &&
               sqlite3_bind_int64(s, 3, at) == SQLITE_OK &&
               sqlite3_bind_blob(s, 4, b->bytes, len, SQLITE_STATIC) == SQLITE_OK;
    good = good && sqlite3_step(s) == SQLITE_DONE;
    return sqlite3_reset(s) == SQLITE_OK && good;
}

static bool end(struct bare *b, int statement)
{
    bool good = sqlite3_step(b->statements[statement]) == SQLITE_DONE;

    return sqlite3_reset(b->statements[statement]) == SQLITE_OK && good;
}

static bool put_event(struct bare *b, int64_t ticket)
{
    return put(b, PUT_EVENT, ++b->event, ticket, 1, EVENT_LEN);
}

/* It closes as soon as it is resolved, which is a second event. */
static bool command(struct bare *b, struct caller *c)
{
    int verb = c->next;

    c->next = (c->next + 1) % VERBS;
    if (verb == ENQUEUE)
        return put(b, PUT_TICKET, ++b->enqueued, 1, 2, TICKET_LEN) && put_event(b, b->enqueued);
    if (verb == CLAIM)
        c->ticket = ++b->claimed;
    if (verb != RESOLVE)
        return put(b, PUT_TICKET, c->ticket, 1, 3, TICKET_LEN) && put_event(b, c->ticket);
    return put(b, DROP_TICKET, c->ticket, 0, 0, 0) &&
           put(b, PUT_CLOSED, c->ticket, 1, 1767225600000, CLOSED_LEN) && put_event(b, c->ticket) &&
           put_event(b, c->ticket);
}

static bool commit(struct bare *b)
{
    if (!put(b, PUT_STATE, 1, 0, 0, STATE_LEN) || !end(b, COMMIT))
        return false;
    if (b->wal_pages < CHECKPOINT_PAGES)
        return true;
    b->wal_pages = 0;
    return sqlite3_wal_checkpoint_v2(b->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL) ==
           SQLITE_OK;
}

static bool fill(struct bare *b, uint64_t live)
{
    bool good = true;

    for (uint64_t i = 0; good && i < live; i++) {
        struct caller c = {.next = ENQUEUE};

        good = (i % 1000 != 0 || end(b, BEGIN)) && command(b, &c);
        if (good && (i % 1000 == 999 || i == live - 1))
            good = commit(b);
    }
    return good;
}

struct bare *bare_open(const char *path, uint64_t live)
{
    static const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    struct bare *b = calloc(1, sizeof *b);
    bool good;

    if (b == NULL) {
        fputs("usher-bench: out of memory\n", stderr);
        return NULL;
    }
    memset(b->bytes, 'b', sizeof b->bytes);
    good = sqlite3_open_v2(path, &b->db, flags, NULL) == SQLITE_OK &&
           sqlite3_exec(b->db, settings, NULL, NULL, NULL) == SQLITE_OK;
    for (int i = 0; good && i < STATEMENTS; i++)
        good = sqlite3_prepare_v2(b->db, sql[i], -1, &b->statements[i], NULL) == SQLITE_OK;
    if (good)
        (void)sqlite3_wal_hook(b->db, on_commit, b);
    if (good && fill(b, live))
        return b;
    (void)failed(b);
    bare_close(b);
    return NULL;
}

void bare_close(struct bare *b)
{
    if (b == NULL)
        return;
    for (int i = 0; i < STATEMENTS; i++)
        (void)sqlite3_finalize(b->statements[i]);
    (void)sqlite3_close(b->db);
    free(b);
}

/* As a flight's: every other one begins with the claim. */
static void start(struct bare *b, uint32_t callers)
{
    if (b->callers_n == callers)
        return;
    b->callers_n = callers;
    for (uint32_t i = 0; i < callers; i++)
        b->callers[i].next = i % 2 == 0 ? ENQUEUE : CLAIM;
}

bool bare_run(struct bare *b, uint32_t per_commit, uint64_t ns, struct bare_run *out)
{
    uint64_t began = wall_ns();

    *out = (struct bare_run){0};
    start(b, per_commit);
    while (out->wall < ns) {
        bool good = end(b, BEGIN);

        for (uint32_t i = 0; good && i < per_commit; i++)
            good = command(b, &b->callers[i]);
        if (!good || !commit(b))
            return failed(b);
        out->commands += per_commit;
        out->wall = wall_ns() - began;
    }
    return true;
}

bool bare_read(const char *path, uint64_t *tickets, uint64_t *ns)
{
    static const int flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX;
    static const char select[] = "SELECT id, queue, state, record FROM ticket ORDER BY id";
    struct bare b = {0};
    sqlite3_stmt *s = NULL;
    uint64_t began, len = 0;
    bool good = sqlite3_open_v2(path, &b.db, flags, NULL) == SQLITE_OK;
    int r = SQLITE_ERROR;

    began = wall_ns();
    good = good && sqlite3_prepare_v2(b.db, select, -1, &s, NULL) == SQLITE_OK;
    *tickets = 0;
    while (good && (r = sqlite3_step(s)) == SQLITE_ROW) {
        len += (uint64_t)sqlite3_column_int64(s, 0) != 0;
        len += sqlite3_column_blob(s, 3) != NULL ? (uint64_t)sqlite3_column_bytes(s, 3) : 0;
        ++*tickets;
    }
    *ns = wall_ns() - began;
    good = good && r == SQLITE_DONE && len >= *tickets;
    if (!good)
        (void)failed(&b);
    (void)sqlite3_finalize(s);
    (void)sqlite3_close(b.db);
    return good;
}
