/* Does the harness see losses? Plain SQLite, set up well and badly, on its disk.
 *
 * Sixty transactions, each acknowledged when COMMIT has returned. Set up as a store must be, no
 * state may lose one of them; set up worse, states must be found that do, or that are damaged: a
 * harness that finds none could not prove anything. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

#include "seen.h"
#include "states.h"

enum { TRANSACTIONS = 60, SUBSETS = 16 };

enum { NO = 0, YES = 1, MAYBE = 2 };
struct setup {
    const char *name;
    enum disk_faith faith;
    const char *before, *after; /* the pragmas, around the switch to WAL */
    int loses, corrupts;        /* what must be found */
};

static const struct setup setups[] = {
    {"EXTRA before WAL", DISK_HONEST, "EXTRA", NULL, NO, NO},
    {"FULL before WAL", DISK_HONEST, "FULL", NULL, NO, NO},
    {"EXTRA after WAL", DISK_HONEST, NULL, "EXTRA", NO, NO},
    /* Who relies on xSync for the directory can lose all: the deleted journal comes back. */
    {"EXTRA before WAL, journals do not sync directories", DISK_SHY, "EXTRA", NULL, NO, NO},
    {"EXTRA after WAL, journals do not sync directories", DISK_SHY, NULL, "EXTRA", YES, NO},
    {"NORMAL", DISK_HONEST, "NORMAL", NULL, YES, NO},
    {"OFF", DISK_HONEST, "OFF", NULL, YES, YES},
    {"EXTRA, the disk syncs as for NORMAL", DISK_NORMAL, "EXTRA", NULL, YES, NO},
    {"EXTRA, the disk syncs nothing", DISK_OFF, "EXTRA", NULL, YES, YES},
    {"EXTRA, the disk syncs too late", DISK_EARLY, "EXTRA", NULL, YES, MAYBE},
};

struct tally {
    uint64_t states, distinct, lost, corrupt;
    int64_t worst;
};

enum { CORRUPT = -1 };

static void need(int r, sqlite3 *db)
{
    if (r == SQLITE_OK)
        return;
    fprintf(stderr, "SQLite: %s\n", db == NULL ? "?" : sqlite3_errmsg(db));
    exit(2);
}

static void run(sqlite3 *db, const char *sql)
{
    need(sqlite3_exec(db, sql, NULL, NULL, NULL), db);
}

static void set_synchronous(sqlite3 *db, const char *level)
{
    char sql[64];

    (void)snprintf(sql, sizeof sql, "PRAGMA synchronous=%s", level);
    run(db, sql);
}

static void record(struct disk *disk, const struct setup *setup, struct tape *tape)
{
    sqlite3 *db = NULL;
    char sql[128];

    disk_record(disk);
    need(sqlite3_open_v2("/db", &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, "crash"), db);
    run(db, "PRAGMA locking_mode=EXCLUSIVE");
    if (setup->before != NULL)
        set_synchronous(db, setup->before);
    run(db, "PRAGMA journal_mode=WAL");
    if (setup->after != NULL)
        set_synchronous(db, setup->after);
    run(db, "PRAGMA wal_autocheckpoint=16");
    run(db, "CREATE TABLE t(n INTEGER PRIMARY KEY, half INTEGER, filler BLOB)");
    for (int i = 1; i <= TRANSACTIONS; i++) {
        run(db, "BEGIN IMMEDIATE");
        for (int half = 0; half < 2; half++) {
            (void)snprintf(sql, sizeof sql, "INSERT INTO t VALUES(%d,%d,randomblob(300))",
                           2 * i + half, half);
            run(db, sql);
        }
        run(db, "COMMIT");
        disk_mark(disk, 1, i);
    }
    (void)sqlite3_close(db);
    disk_stop(disk, tape);
}

static int on_check(void *ctx, int n, char **values, char **names)
{
    (void)names;
    if (n != 1 || values[0] == NULL || strcmp(values[0], "ok") != 0)
        *(bool *)ctx = false;
    return 0;
}

static int on_count(void *ctx, int n, char **values, char **names)
{
    (void)names;
    for (int i = 0; i < n; i++)
        ((int64_t *)ctx)[i] = values[i] == NULL ? 0 : strtoll(values[i], NULL, 10);
    return 0;
}

/* How many transactions are there, whole and without gaps; or CORRUPT. */
static int64_t reopen(void)
{
    sqlite3 *db = NULL;
    int64_t rows[2] = {0, 0}, has = 0;
    bool whole = true;
    int r = sqlite3_open_v2("/db", &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, "reopen");

    if (r == SQLITE_OK)
        r = sqlite3_exec(db, "PRAGMA locking_mode=EXCLUSIVE", NULL, NULL, NULL);
    if (r == SQLITE_OK)
        r = sqlite3_exec(db, "PRAGMA integrity_check", on_check, &whole, NULL);
    if (r == SQLITE_OK)
        r = sqlite3_exec(db, "SELECT count(*) FROM sqlite_schema", on_count, &has, NULL);
    if (r == SQLITE_OK && has > 0)
        r = sqlite3_exec(db, "SELECT count(*), max(n) / 2 FROM t", on_count, rows, NULL);
    (void)sqlite3_close(db);
    return r == SQLITE_OK && whole && rows[0] == 2 * rows[1] ? rows[1] : CORRUPT;
}

static void judge(struct states *s, uint32_t variant, int64_t acked, struct disk *disk,
                  struct seen *seen, struct tally *tally)
{
    struct image image;
    struct seen_row *row;
    bool fresh;

    states_build(s, variant, &image);
    tally->states++;
    row = seen_at(seen, image_hash(&image), &fresh);
    if (fresh) {
        tally->distinct++;
        disk_load(disk, &image);
        row->value = reopen();
    } else {
        image_free(&image);
    }
    if (row->value == CORRUPT) {
        tally->corrupt++;
    } else if (row->value < acked) {
        tally->lost++;
        if (acked - row->value > tally->worst)
            tally->worst = acked - row->value;
    }
}

static void enumerate(const struct tape *tape, struct disk *disk, struct tally *tally)
{
    struct states *s = states_new(tape, 1, SUBSETS);
    struct seen seen = {0};
    int64_t acked = 0;
    size_t read = 0;

    while (states_next(s)) {
        for (; read < states_at(s); read++) {
            if (tape->ops[read].kind == TAPE_MARK)
                acked = tape->ops[read].at;
        }
        for (uint32_t v = 0; v < states_variants(s); v++)
            judge(s, v, acked, disk, &seen, tally);
    }
    seen_free(&seen);
    states_free(s);
}

static bool as_expected(int expected, uint64_t found)
{
    return expected == MAYBE || (expected == YES) == (found > 0);
}

static bool try_setup(const struct setup *setup)
{
    struct disk *disk = disk_new("crash", setup->faith), *other = disk_new("reopen", DISK_HONEST);
    struct tally t = {0};
    struct tape tape;
    bool ok;

    record(disk, setup, &tape);
    enumerate(&tape, other, &t);
    ok = as_expected(setup->loses, t.lost) && as_expected(setup->corrupts, t.corrupt);
    printf(
        "%-52s %6zu ops %8llu states %7llu distinct: %6llu lost (at most %lld) %6llu corrupt%s\n",
        setup->name, tape.ops_n, (unsigned long long)t.states, (unsigned long long)t.distinct,
        (unsigned long long)t.lost, (long long)t.worst, (unsigned long long)t.corrupt,
        ok ? "" : "  <-- NOT AS EXPECTED");
    (void)fflush(stdout);
    tape_free(&tape);
    disk_free(disk);
    disk_free(other);
    return ok;
}

int main(void)
{
    bool ok = true;

    for (size_t i = 0; i < sizeof setups / sizeof setups[0]; i++)
        ok = try_setup(&setups[i]) && ok;
    return ok ? 0 : 1;
}
