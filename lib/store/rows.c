/* Rows of a batch into tables, and tables into rows again. What the columns mean is said here once:
 * every statement takes key, a, b, name and bytes as its parameters 1 to 5, as far as it has them,
 * and every SELECT gives them in that order. */
#include <string.h>

#include "store/inside.h"

enum { KEY = 1, A = 2, B = 4, NAME = 8, BYTES = 16 };
enum { AS_BLOB = 32, AS_TEXT = 64 }; /* the name is a blob, the bytes are a text */
enum { PROGRESS_ROWS = 10000 };

static const struct table {
    const char *name, *put, *drop, *read;
    uint8_t has, dropped_by;
} tables[ROW_TABLES] = {
    [ROW_STATE] = {"state", "INSERT OR REPLACE INTO state VALUES(?1, ?5)",
                   "DELETE FROM state WHERE id = ?1",
                   "SELECT id, 0, 0, NULL, record FROM state ORDER BY id", KEY | BYTES, KEY},
    [ROW_ZONE] = {"zone", "INSERT OR REPLACE INTO zone VALUES(?1, ?2, ?4, ?5)",
                  "DELETE FROM zone WHERE id = ?1",
                  "SELECT id, policy, 0, name, bytes FROM zone ORDER BY id", KEY | A | NAME | BYTES,
                  KEY},
    [ROW_POLICY] = {"policy", "INSERT OR REPLACE INTO policy VALUES(?1, ?2, ?3, ?5)",
                    "DELETE FROM policy WHERE id = ?1",
                    "SELECT id, queue, version, NULL, json FROM policy ORDER BY id",
                    KEY | A | B | BYTES | AS_TEXT, KEY},
    [ROW_QUEUE] = {"queue", "INSERT OR REPLACE INTO queue VALUES(?1, ?4, ?5)",
                   "DELETE FROM queue WHERE id = ?1",
                   "SELECT id, 0, 0, name, record FROM queue ORDER BY id", KEY | NAME | BYTES, KEY},
    [ROW_AGENT] = {"agent", "INSERT OR REPLACE INTO agent VALUES(?1, ?4, ?5)",
                   "DELETE FROM agent WHERE id = ?1",
                   "SELECT id, 0, 0, name, record FROM agent ORDER BY id", KEY | NAME | BYTES, KEY},
    [ROW_OP] = {"op", "INSERT OR REPLACE INTO op VALUES(?1, ?5)", "DELETE FROM op WHERE n <= ?1",
                "SELECT n, 0, 0, NULL, record FROM op ORDER BY n", KEY | BYTES, KEY},
    [ROW_MARK] = {"mark", "INSERT OR REPLACE INTO mark VALUES(?4, ?5)",
                  "DELETE FROM mark WHERE key = ?4",
                  "SELECT 0, 0, 0, key, record FROM mark ORDER BY key", NAME | BYTES | AS_BLOB,
                  NAME | AS_BLOB},
    [ROW_SUBSCRIBER] = {"subscriber", "INSERT OR REPLACE INTO subscriber VALUES(?4, ?1)",
                        "DELETE FROM subscriber WHERE name = ?4",
                        "SELECT done, 0, 0, name, NULL FROM subscriber ORDER BY name", KEY | NAME,
                        NAME},
    [ROW_CLOSED] =
        {"closed", "INSERT OR REPLACE INTO closed VALUES(?1, ?2, ?3, ?5)",
         "DELETE FROM closed WHERE id = ?1",
         "SELECT id, queue, closed_at, NULL, record FROM closed WHERE id >= ?1 ORDER BY id",
         KEY | A | B | BYTES, KEY},
    [ROW_TICKET] = {"ticket", "INSERT OR REPLACE INTO ticket VALUES(?1, ?2, ?3, ?5)",
                    "DELETE FROM ticket WHERE id = ?1",
                    "SELECT id, queue, state, NULL, record FROM ticket ORDER BY id",
                    KEY | A | B | BYTES, KEY},
    [ROW_SYMPTOM] = {"symptom", "INSERT OR REPLACE INTO symptom VALUES(?4, ?2, ?5)",
                     "DELETE FROM symptom WHERE name = ?4",
                     "SELECT 0, last, 0, name, record FROM symptom ORDER BY last",
                     A | NAME | BYTES | AS_BLOB, NAME | AS_BLOB},
    [ROW_FIGURE] = {"figure", "INSERT OR REPLACE INTO figure VALUES(?4, ?5)",
                    "DELETE FROM figure WHERE name = ?4",
                    "SELECT 0, 0, 0, name, record FROM figure ORDER BY name",
                    NAME | BYTES | AS_BLOB, NAME | AS_BLOB},
    [ROW_BODY] = {"body", "INSERT OR REPLACE INTO body VALUES(?1, ?5)",
                  "DELETE FROM body WHERE ticket = ?1",
                  "SELECT ticket, 0, 0, NULL, bytes FROM body WHERE ticket >= ?1 ORDER BY ticket",
                  KEY | BYTES, KEY},
    [ROW_EVENT] = {"event", "INSERT OR REPLACE INTO event VALUES(?1, ?2, ?3, ?5)",
                   "DELETE FROM event WHERE seq = ?1",
                   "SELECT seq, ticket, kind, NULL, record FROM event WHERE seq > ?1 ORDER BY seq",
                   KEY | A | B | BYTES, KEY},
};

/* ---- writing --------------------------------------------------------------------------------- */

int usher__rows_prepare(struct store *s)
{
    int err = 0;

    for (int t = 1; t < ROW_TABLES && err == 0; t++) {
        err = usher__sql_prepare(s, tables[t].put, &s->put[t]);
        if (err == 0)
            err = usher__sql_prepare(s, tables[t].drop, &s->drop[t]);
    }
    return err;
}

/* The bytes are the batch's, which lives longer than the step. Empty is not NULL. */
static int bind(sqlite3_stmt *to, const struct row *row, unsigned has)
{
    const char *name = row->name != NULL ? row->name : "";
    const void *bytes = row->bytes != NULL ? row->bytes : "";
    int rc = SQLITE_OK;

    if ((has & KEY) != 0)
        rc = sqlite3_bind_int64(to, 1, row->key);
    if ((has & A) != 0 && rc == SQLITE_OK)
        rc = sqlite3_bind_int64(to, 2, row->a);
    if ((has & B) != 0 && rc == SQLITE_OK)
        rc = sqlite3_bind_int64(to, 3, row->b);
    if ((has & NAME) != 0 && rc == SQLITE_OK)
        rc = (has & AS_BLOB) != 0
                 ? sqlite3_bind_blob64(to, 4, name, row->name_len, SQLITE_STATIC)
                 : sqlite3_bind_text64(to, 4, name, row->name_len, SQLITE_STATIC, SQLITE_UTF8);
    if ((has & BYTES) != 0 && rc == SQLITE_OK)
        rc = (has & AS_TEXT) != 0
                 ? sqlite3_bind_text64(to, 5, bytes, row->len, SQLITE_STATIC, SQLITE_UTF8)
                 : sqlite3_bind_blob64(to, 5, bytes, row->len, SQLITE_STATIC);
    return rc;
}

int usher__rows_put(struct store *s, const struct row *row)
{
    const struct table *t = &tables[row->table < ROW_TABLES ? row->table : 0];
    sqlite3_stmt *statement;
    int rc;

    if (t->name == NULL)
        return SQLITE_MISUSE;
    statement = row->drop ? s->drop[row->table] : s->put[row->table];
    rc = bind(statement, row, row->drop ? t->dropped_by : t->has);
    return rc == SQLITE_OK ? usher__sql_step(statement) : rc;
}

/* ---- reading --------------------------------------------------------------------------------- */

int usher__rows_get(struct store *s, sqlite3_stmt *select, int table, struct row *row)
{
    unsigned has = tables[table].has;
    int len;

    *row = (struct row){.table = (uint8_t)table, .key = sqlite3_column_int64(select, 0)};
    if ((has & (A | B)) != 0) {
        row->a = sqlite3_column_int64(select, 1);
        row->b = sqlite3_column_int64(select, 2);
    }
    if ((has & NAME) != 0) {
        row->name = sqlite3_column_blob(select, 3); /* of a text: its bytes, whatever they are */
        len = sqlite3_column_bytes(select, 3);
        if (len > UINT16_MAX)
            return usher__store_say(s, USHER_ECORRUPT, "table %s: a name of %d bytes",
                                    tables[table].name, len);
        row->name_len = (uint16_t)len;
    }
    if ((has & BYTES) != 0) {
        row->bytes = sqlite3_column_blob(select, 4);
        row->len = (uint32_t)sqlite3_column_bytes(select, 4);
    }
    return 0;
}

struct reading {
    struct store *s;
    const struct store_reader *reader;
    uint64_t rows, of;
    int64_t closed_from; /* the first of the closed tickets that are wanted */
};

static void tell(struct reading *r, bool last)
{
    if (r->reader->progress == NULL || (!last && r->rows % PROGRESS_ROWS != 0))
        return;
    if (last || r->of < r->rows)
        r->of = r->rows;
    r->reader->progress(r->reader->ctx, r->rows, r->of);
}

static int take(struct reading *r, sqlite3_stmt *select, int table)
{
    const char *wrong = NULL;
    struct row row;
    int err = usher__rows_get(r->s, select, table, &row);

    if (err != 0)
        return err;
    err = r->reader->take(r->reader->ctx, &row, &wrong);
    if (err != 0)
        return usher__store_say(r->s, err, "table %s, %lld: %s", tables[table].name,
                                (long long)row.key,
                                wrong != NULL         ? wrong
                                : err == USHER_ENOMEM ? "out of memory"
                                                      : "wrong");
    r->rows++;
    tell(r, false);
    return 0;
}

static int read_table(struct reading *r, int table)
{
    sqlite3_stmt *select = NULL;
    int rc = SQLITE_DONE, err = usher__sql_prepare(r->s, tables[table].read, &select);

    if (err == 0 && table == ROW_CLOSED)
        (void)sqlite3_bind_int64(select, 1, r->closed_from);
    if (err == 0 && table == ROW_EVENT)
        (void)sqlite3_bind_int64(select, 1, (int64_t)r->reader->counted(r->reader->ctx));
    while (err == 0 && (rc = sqlite3_step(select)) == SQLITE_ROW)
        err = take(r, select, table);
    if (err == 0 && rc != SQLITE_DONE)
        err = usher__sql_error(r->s, NULL, rc, tables[table].name);
    (void)sqlite3_finalize(select);
    return err;
}

/* The first column of the next row, or none: INT64_MAX. */
static int seek(struct store *s, sqlite3_stmt *select, int64_t from, int64_t *found)
{
    int rc;

    (void)sqlite3_reset(select);
    (void)sqlite3_bind_int64(select, 1, from);
    rc = sqlite3_step(select);
    *found = rc == SQLITE_ROW ? sqlite3_column_int64(select, 0) : INT64_MAX;
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? 0 : usher__sql_error(s, NULL, rc, "body");
}

/* Bodies whose ticket was read. Few tickets have one here, and few of the bodies belong to tickets
 * that are still wanted, so both sides skip ahead to each other. */
static int read_bodies(struct reading *r)
{
    struct store *s = r->s;
    sqlite3_stmt *body = NULL, *closed = NULL, *ticket = NULL;
    int64_t at = INT64_MIN, a = at, c = at;
    int err = usher__sql_prepare(s, tables[ROW_BODY].read, &body);

    if (err == 0)
        err = usher__sql_prepare(s, "SELECT id FROM ticket WHERE id >= ?1 ORDER BY id", &ticket);
    if (err == 0)
        err = usher__sql_prepare(s, "SELECT id FROM closed WHERE id >= ?1 ORDER BY id", &closed);
    while (err == 0) {
        err = seek(s, body, at, &at);
        if (err != 0 || at == INT64_MAX)
            break;
        if (a < at)
            err = seek(s, ticket, at, &a);
        if (err == 0 && c < at)
            err = seek(s, closed, at < r->closed_from ? r->closed_from : at, &c);
        if (err != 0 || (a == INT64_MAX && c == INT64_MAX))
            break;
        if (a == at || c == at) {
            err = take(r, body, ROW_BODY);
            at++;
        } else {
            at = a < c ? a : c;
        }
    }
    (void)sqlite3_finalize(body);
    (void)sqlite3_finalize(ticket);
    (void)sqlite3_finalize(closed);
    return err;
}

/* Where the newest keep_closed begin; and how many rows there may be. To count the tickets would
 * take as long as reading them: the span of their ids is at least as many. */
static int survey(struct reading *r)
{
    struct store *s = r->s;
    sqlite3_stmt *select = NULL;
    int64_t span = 0;
    int err = 0;

    r->closed_from = INT64_MAX;
    if (s->o.keep_closed > 0) {
        err = usher__sql_prepare(s, "SELECT id FROM closed ORDER BY id DESC LIMIT 1 OFFSET ?1",
                                 &select);
        if (err == 0)
            err = seek(s, select, s->o.keep_closed - 1, &r->closed_from);
        if (r->closed_from == INT64_MAX)
            r->closed_from = INT64_MIN; /* all of them */
        (void)sqlite3_finalize(select);
    }
    if (err == 0)
        err = usher__sql_number(
            s, "SELECT (SELECT max(id) FROM ticket) - (SELECT min(id) FROM ticket) + 1", &span);
    r->of = s->o.keep_closed + (span > 0 ? (uint64_t)span : 0);
    return err;
}

/* The first version that has the table. */
static int64_t since(int table)
{
    return table == ROW_ZONE ? 2 : table == ROW_SYMPTOM || table == ROW_FIGURE ? 3 : 1;
}

int usher__rows_read(struct store *s, const struct store_reader *reader)
{
    struct reading r = {.s = s, .reader = reader};
    int err = survey(&r);

    for (int t = 1; t < ROW_BODY && err == 0; t++) {
        if (s->version >= since(t)) /* for looking at, an earlier one is good enough */
            err = read_table(&r, t);
    }
    if (err == 0)
        err = read_bodies(&r);
    if (err == 0)
        err = read_table(&r, ROW_EVENT);
    if (err == 0 && s->o.readonly)
        err = usher__sql_run(s, "COMMIT");
    if (err == 0)
        tell(&r, true);
    return err;
}
