/* SQLite, with our errors and their text. Every statement of the store is written out in the
 * source: nothing that comes from outside ever becomes SQL. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "store/inside.h"

int usher__store_say(struct store *s, int err, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(s->why, sizeof s->why, format, args);
    va_end(args);
    return err;
}

int usher__sql_code(int rc)
{
    if (rc == SQLITE_IOERR_NOMEM)
        return USHER_ENOMEM;
    switch (rc & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return 0;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return USHER_EBUSY;
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT:
        return USHER_ECORRUPT;
    case SQLITE_NOMEM:
        return USHER_ENOMEM;
    default:
        return USHER_ESTORE;
    }
}

int usher__sql_error(struct store *s, sqlite3 *db, int rc, const char *doing)
{
    int err = usher__sql_code(rc), system;
    char text[STORE_TEXT_LEN] = "";

    if (db == NULL)
        db = s->db;
    if (err == USHER_EBUSY)
        return usher__store_say(s, err, "%s: another program is using the file", doing);
    system = db != NULL ? sqlite3_system_errno(db) : 0;
    if (system != 0 && ((rc & 0xff) == SQLITE_IOERR || (rc & 0xff) == SQLITE_CANTOPEN))
        usher__files_errno(system, text);
    return usher__store_say(s, err, "%s: %s%s%s%s", doing,
                            db != NULL ? sqlite3_errmsg(db) : sqlite3_errstr(rc),
                            text[0] != '\0' ? " (" : "", text, text[0] != '\0' ? ")" : "");
}

int usher__sql_prepare(struct store *s, const char *sql, sqlite3_stmt **out)
{
    int rc = sqlite3_prepare_v3(s->db, sql, -1, SQLITE_PREPARE_PERSISTENT, out, NULL);

    return rc == SQLITE_OK ? 0 : usher__sql_error(s, NULL, rc, sql);
}

/* The first column of the first row, as a number or as text; the other rows are only stepped
 * through. */
static int ask(struct store *s, const char *sql, int64_t *number, char *text, size_t len)
{
    sqlite3_stmt *statement = NULL;
    int rows = 0, rc = sqlite3_prepare_v2(s->db, sql, -1, &statement, NULL);

    for (; rc == SQLITE_OK || rc == SQLITE_ROW; rows++) {
        rc = sqlite3_step(statement);
        if (rc != SQLITE_ROW || rows > 0)
            continue;
        if (number != NULL)
            *number = sqlite3_column_int64(statement, 0);
        if (text != NULL && sqlite3_column_text(statement, 0) != NULL)
            snprintf(text, len, "%s", (const char *)sqlite3_column_text(statement, 0));
    }
    if (rc != SQLITE_DONE)
        (void)usher__sql_error(s, NULL, rc, sql);
    (void)sqlite3_finalize(statement);
    return usher__sql_code(rc);
}

int usher__sql_run(struct store *s, const char *sql)
{
    return ask(s, sql, NULL, NULL, 0);
}

int usher__sql_number(struct store *s, const char *sql, int64_t *out)
{
    *out = 0;
    return ask(s, sql, out, NULL, 0);
}

int usher__sql_text(struct store *s, const char *sql, char *out, size_t len)
{
    out[0] = '\0';
    return ask(s, sql, NULL, out, len);
}

int usher__sql_step(sqlite3_stmt *statement)
{
    int rc = sqlite3_step(statement);

    (void)sqlite3_reset(statement);
    return rc == SQLITE_DONE || rc == SQLITE_ROW ? SQLITE_OK : rc;
}
