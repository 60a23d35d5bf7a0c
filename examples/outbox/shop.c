/* The host's own database. */
#include "shop.h"

#include <stdio.h>

/* AUTOINCREMENT is what makes an outbox id good for an op: see pump.h. */
static const char schema[] =
    "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
    "BEGIN IMMEDIATE;"
    "CREATE TABLE IF NOT EXISTS orders ("
    "  id INTEGER PRIMARY KEY, customer TEXT NOT NULL, what TEXT NOT NULL);"
    "CREATE TABLE IF NOT EXISTS outbox ("
    "  id INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  queue TEXT NOT NULL, requester TEXT NOT NULL, ref TEXT NOT NULL,"
    "  body TEXT NOT NULL, refused TEXT,"
    "  at INTEGER NOT NULL DEFAULT (strftime('%s', 'now')));"
    "COMMIT;";

int shop_open(sqlite3 **db, const char *path)
{
    int r = sqlite3_open(path, db);
    if (r == SQLITE_OK)
        r = sqlite3_busy_timeout(*db, 5000);
    if (r == SQLITE_OK)
        r = sqlite3_exec(*db, schema, NULL, NULL, NULL);
    return r;
}

static const char outbox_row[] = "INSERT INTO outbox (queue, requester, ref, body)"
                                 " VALUES ('orders', ?1, 'order-' || last_insert_rowid(), ?2)";

static int insert(sqlite3 *db, const char *sql, const char *customer, const char *what)
{
    sqlite3_stmt *s;
    int r = sqlite3_prepare_v2(db, sql, -1, &s, NULL);
    if (r != SQLITE_OK)
        return r;
    sqlite3_bind_text(s, 1, customer, -1, SQLITE_STATIC);
    sqlite3_bind_text(s, 2, what, -1, SQLITE_STATIC);
    r = sqlite3_step(s);
    sqlite3_finalize(s);
    return r == SQLITE_DONE ? SQLITE_OK : r;
}

int shop_order(sqlite3 *db, const char *customer, const char *what)
{
    int r = sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
    if (r != SQLITE_OK)
        return r;
    r = insert(db, "INSERT INTO orders (customer, what) VALUES (?1, ?2)", customer, what);
    if (r == SQLITE_OK)
        r = insert(db, outbox_row, customer, what);
    if (r == SQLITE_OK)
        r = sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
    if (r != SQLITE_OK && !sqlite3_get_autocommit(db))
        sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
    return r;
}

int64_t shop_orders(sqlite3 *db)
{
    sqlite3_stmt *s;
    int64_t n = -1;
    if (sqlite3_prepare_v2(db, "SELECT count(*) FROM orders", -1, &s, NULL) != SQLITE_OK)
        return -1;
    if (sqlite3_step(s) == SQLITE_ROW)
        n = sqlite3_column_int64(s, 0);
    sqlite3_finalize(s);
    return n;
}
