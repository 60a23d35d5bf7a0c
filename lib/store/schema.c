/* The connection, and whether the file is one of ours.
 *
 * A file that is not is left as it was, byte for byte. SQLite itself changes a file in three ways
 * when it merely opens it: it rolls a hot journal back, it leaves an empty WAL behind, and it
 * writes the WAL back when the last connection closes. So the first bytes are read through the VFS,
 * below SQLite's locks, before the first statement runs; and until everything is known to be in
 * order a WAL that was there is not written back. The only rollback journal that a store of ours
 * ever has is that of its first page, which rolls back to nothing. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/inside.h"

static const char *const tables[] = {
    "CREATE TABLE state(id INTEGER PRIMARY KEY, record BLOB NOT NULL)",
    "CREATE TABLE policy(id INTEGER PRIMARY KEY, queue INTEGER NOT NULL, version INTEGER NOT NULL, "
    "json TEXT NOT NULL)",
    "CREATE TABLE queue(id INTEGER PRIMARY KEY, name TEXT NOT NULL, record BLOB NOT NULL)",
    "CREATE TABLE agent(id INTEGER PRIMARY KEY, name TEXT NOT NULL, record BLOB NOT NULL)",
    "CREATE TABLE op(n INTEGER PRIMARY KEY, record BLOB NOT NULL)",
    "CREATE TABLE mark(key BLOB PRIMARY KEY, record BLOB NOT NULL) WITHOUT ROWID",
    "CREATE TABLE subscriber(name TEXT PRIMARY KEY, done INTEGER NOT NULL) WITHOUT ROWID",
    "CREATE TABLE closed(id INTEGER PRIMARY KEY, queue INTEGER NOT NULL, closed_at INTEGER NOT "
    "NULL, "
    "record BLOB NOT NULL)",
    "CREATE TABLE ticket(id INTEGER PRIMARY KEY, queue INTEGER NOT NULL, state INTEGER NOT NULL, "
    "record BLOB NOT NULL)",
    "CREATE TABLE body(ticket INTEGER PRIMARY KEY, bytes BLOB NOT NULL)",
    "CREATE TABLE event(seq INTEGER PRIMARY KEY, ticket INTEGER NOT NULL, kind INTEGER NOT NULL, "
    "record BLOB NOT NULL)",
    "CREATE TABLE zone(id INTEGER PRIMARY KEY, policy INTEGER NOT NULL, name TEXT NOT NULL, bytes "
    "BLOB NOT NULL)",
    "CREATE TABLE symptom(name BLOB PRIMARY KEY, last INTEGER NOT NULL, record BLOB NOT NULL) "
    "WITHOUT ROWID",
    "CREATE TABLE figure(name BLOB PRIMARY KEY, record BLOB NOT NULL) WITHOUT ROWID",
};

enum { BUSY_MS = 5000, BUSY_LOOKER_MS = 500 }; /* whoever only looks in is waiting in person */

/* How many of them a store of version 1, 2 ... has: a later version has more, after those. */
static const uint8_t tables_of[] = {11, 12, 14};

enum { VERSION = sizeof tables_of };
_Static_assert(sizeof tables / sizeof tables[0] == 14, "the latest has all of them");

/* ---- what the first bytes say ---------------------------------------------------------------- */

static uint32_t be32(const unsigned char *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static bool exists(sqlite3_vfs *vfs, const char *name)
{
    int is = 0; /* and is not empty, on Unix */

    return name != NULL && vfs->xAccess(vfs, name, SQLITE_ACCESS_EXISTS, &is) == SQLITE_OK && is;
}

/* Whether a rollback journal leads back to an empty file: what a first page that was cut short
 * leaves. */
static bool journal_of_nothing(sqlite3_vfs *vfs, const char *name)
{
    static const unsigned char magic[8] = {0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7};
    unsigned char head[28];
    sqlite3_file *file = calloc(1, (size_t)vfs->szOsFile);
    bool nothing = false;

    if (file == NULL)
        return false;
    if (vfs->xOpen(vfs, name, file, SQLITE_OPEN_READONLY | SQLITE_OPEN_MAIN_JOURNAL, NULL) ==
        SQLITE_OK)
        nothing = file->pMethods->xRead(file, head, sizeof head, 0) == SQLITE_OK &&
                  memcmp(head, magic, sizeof magic) == 0 && be32(head + 16) == 0;
    if (file->pMethods != NULL)
        (void)file->pMethods->xClose(file);
    free(file);
    return nothing;
}

/* Refuses what can be seen to be something else. What cannot be decided yet goes on to check(). */
static int look_first(struct store *s)
{
    unsigned char head[100];
    const char *db_name = sqlite3_db_filename(s->db, "main");
    sqlite3_vfs *vfs = NULL;
    sqlite3_file *file = NULL;
    sqlite3_int64 len = 0;
    bool wal, journal;
    uint32_t id, version;
    int rc;

    if (sqlite3_file_control(s->db, "main", SQLITE_FCNTL_VFS_POINTER, &vfs) != SQLITE_OK ||
        sqlite3_file_control(s->db, "main", SQLITE_FCNTL_FILE_POINTER, &file) != SQLITE_OK ||
        file->pMethods == NULL)
        return usher__store_say(s, USHER_ESTORE, "cannot read the file");
    wal = exists(vfs, sqlite3_filename_wal(db_name));
    journal = exists(vfs, sqlite3_filename_journal(db_name));
    s->had_wal = wal;
    rc = file->pMethods->xFileSize(file, &len);
    if (rc == SQLITE_OK && len == 0) {
        if (wal)
            return usher__store_say(s, USHER_ECORRUPT, "the file is empty, but its WAL is not");
        return 0;
    }
    if (rc == SQLITE_OK)
        rc = file->pMethods->xRead(file, head, sizeof head, 0);
    if (rc != SQLITE_OK && rc != SQLITE_IOERR_SHORT_READ)
        return usher__sql_error(s, NULL, rc, "reading the file");
    if (journal && journal_of_nothing(vfs, sqlite3_filename_journal(db_name)))
        return 0;
    if (wal && !journal)
        return 0; /* what counts may be in there */
    if (rc != SQLITE_OK || memcmp(head, "SQLite format 3", 16) != 0)
        return usher__store_say(s, USHER_ECORRUPT, "not a SQLite file");
    id = be32(head + 68);
    version = be32(head + 60);
    if (id == 0 && version == 0 && be32(head + 28) <= 1 && head[18] == 2)
        return 0; /* the first page alone: see is_new */
    if (id != STORE_ID)
        return usher__store_say(s, USHER_ECORRUPT,
                                "a SQLite file of another program (application_id %#x)", id);
    if (version > VERSION)
        return usher__store_say(s, USHER_EVERSION, "schema version %u, this library knows up to %d",
                                version, VERSION);
    return 0;
}

/* ---- setting up ------------------------------------------------------------------------------ */

static void set_limits(sqlite3 *db)
{
    static const struct {
        int what, most;
    } limits[] = {
        {SQLITE_LIMIT_LENGTH, 1 << 26}, /* the largest body and all that may stand around it */
        {SQLITE_LIMIT_SQL_LENGTH, 4096},   {SQLITE_LIMIT_COLUMN, 16},
        {SQLITE_LIMIT_EXPR_DEPTH, 16},     {SQLITE_LIMIT_COMPOUND_SELECT, 4},
        {SQLITE_LIMIT_VDBE_OP, 25000},     {SQLITE_LIMIT_FUNCTION_ARG, 8},
        {SQLITE_LIMIT_ATTACHED, 0},        {SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 16},
        {SQLITE_LIMIT_VARIABLE_NUMBER, 8}, {SQLITE_LIMIT_TRIGGER_DEPTH, 1},
        {SQLITE_LIMIT_WORKER_THREADS, 0},
    };

    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++)
        (void)sqlite3_limit(db, limits[i].what, limits[i].most);
}

static int set_up(struct store *s)
{
    static const char *const pragmas[] = {
        "PRAGMA cell_size_check = ON",
        "PRAGMA mmap_size = 0",
        "PRAGMA temp_store = MEMORY",
        NULL, /* locking: before the first read, so that a WAL needs no shared memory */
        "PRAGMA synchronous = EXTRA",
        "PRAGMA secure_delete = ON",
        "PRAGMA cache_size = -16384",
        "PRAGMA wal_autocheckpoint = 0",
        "PRAGMA max_page_count = 33554431", /* STORE_PAGES_MAX */
        "PRAGMA auto_vacuum = NONE",
    };
    sqlite3 *db = s->db;
    int err = 0;

    set_limits(db);
    if (sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL) != SQLITE_OK ||
        sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL) != SQLITE_OK ||
        sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL) != SQLITE_OK ||
        sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL) != SQLITE_OK)
        return usher__store_say(s, USHER_ESTORE, "this SQLite cannot be set up");
    (void)sqlite3_busy_timeout(db, s->o.readonly ? BUSY_LOOKER_MS : s->o.readers ? BUSY_MS : 0);
    for (size_t i = 0; i < sizeof pragmas / sizeof pragmas[0] && err == 0; i++) {
        const char *pragma = pragmas[i];

        if (pragma == NULL)
            pragma = s->o.readers || s->o.readonly ? "PRAGMA locking_mode = NORMAL"
                                                   : "PRAGMA locking_mode = EXCLUSIVE";
        err = usher__sql_run(s, pragma);
    }
    return err;
}

/* ---- the tables ------------------------------------------------------------------------------ */

static bool is_text(sqlite3_stmt *row, int column, const char *want, size_t len)
{
    const unsigned char *is = sqlite3_column_text(row, column);

    return is != NULL && (size_t)sqlite3_column_bytes(row, column) == len &&
           memcmp(is, want, len) == 0;
}

static bool is_table(sqlite3_stmt *row, const char *sql)
{
    const char *name = sql + strlen("CREATE TABLE ");
    size_t len = strcspn(name, "(");

    return is_text(row, 0, "table", 5) && is_text(row, 1, name, len) &&
           is_text(row, 2, name, len) && is_text(row, 3, sql, strlen(sql));
}

/* Nothing but our tables, word for word: no trigger, view or index of anybody else's. */
static int check_tables(struct store *s)
{
    const size_t of = tables_of[s->version - 1];
    sqlite3_stmt *row = NULL;
    size_t n = 0;
    int rc, err;

    err = usher__sql_prepare(
        s, "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY rowid", &row);
    if (err != 0)
        return err;
    while ((rc = sqlite3_step(row)) == SQLITE_ROW && err == 0) {
        if (n == of || !is_table(row, tables[n])) {
            const unsigned char *type = sqlite3_column_text(row, 0);
            const unsigned char *name = sqlite3_column_text(row, 1);

            err = usher__store_say(s, USHER_ECORRUPT, "%.20s %.80s: not as a store has it",
                                   type != NULL ? (const char *)type : "?",
                                   name != NULL ? (const char *)name : "?");
        }
        n++;
    }
    if (err == 0 && rc != SQLITE_DONE)
        err = usher__sql_error(s, NULL, rc, "reading the schema");
    if (err == 0 && n < of)
        err = usher__store_say(s, USHER_ECORRUPT, "a table is missing: %.*s",
                               (int)strcspn(tables[n] + 13, "("), tables[n] + 13);
    (void)sqlite3_finalize(row);
    return err;
}

/* version: 0: there is nothing yet. The transaction stays open until all has been read and the service
 * can begin (usher__schema_settle): a file that is refused is left as it was. */
static int upgrade(struct store *s, int64_t version)
{
    int err = usher__sql_run(s, "BEGIN IMMEDIATE");

    for (size_t n = version > 0 ? tables_of[version - 1] : 0;
         n < tables_of[VERSION - 1] && err == 0; n++)
        err = usher__sql_run(s, tables[n]);
    if (err == 0 && version == 1) /* the preset has a ladder since; its tickets have none */
        err = usher__sql_run(s, "UPDATE policy SET json = '{\"ladder\":[],' || "
                                "substr(json, instr(json, '{') + 1) WHERE json LIKE '%preset%'");
    if (err == 0)
        err = usher__sql_run(s, "PRAGMA application_id = 0x75736872");
    if (err == 0)
        err = usher__sql_run(s, "PRAGMA user_version = 3");
    s->version = VERSION;
    return err == 0 ? check_tables(s) : err;
}

static int use_wal(struct store *s)
{
    char mode[16];
    int err = usher__sql_text(s, "PRAGMA journal_mode = WAL", mode, sizeof mode);

    if (err == 0 && strcmp(mode, "wal") != 0)
        err = usher__store_say(s, USHER_ESTORE, "no write-ahead log can be used here");
    return err;
}

/* quick_check has a headline, and after it what is wrong; also when the file could not be read, with
 * SQLite's code for that, which is no damage. */
static int check_integrity(struct store *s)
{
    char says[160];
    const char *what = says, *code;
    int err = usher__sql_text(s, "PRAGMA quick_check(1)", says, sizeof says);

    if (err != 0 || strcmp(says, "ok") == 0)
        return err;
    if (says[0] == '*' && strchr(says, '\n') != NULL)
        what = strchr(says, '\n') + 1;
    code = strstr(what, "error code");
    if ((code != NULL && (strtol(code + 11, NULL, 10) & 0xff) == SQLITE_IOERR) ||
        strstr(what, "failed to get page") != NULL) /* of the free ones it tells no code */
        return usher__store_say(s, USHER_ESTORE, "the file cannot be read: %s", what);
    says[(size_t)(what - says) + strcspn(what, "\n")] = '\0';
    return usher__store_say(s, USHER_ECORRUPT, "damaged: %s", what);
}

/* Nothing in it; and it is either empty or has, in WAL mode, one page: what is left when we were
 * stopped between the first page and the tables. */
static int is_new(struct store *s, int64_t id, int64_t version, bool *yes)
{
    int64_t pages, entries = 0;
    char mode[16] = "";
    int err = usher__sql_number(s, "PRAGMA page_count", &pages);

    if (err == 0 && pages > 0)
        err = usher__sql_text(s, "PRAGMA journal_mode", mode, sizeof mode);
    if (err == 0 && pages > 0)
        err = usher__sql_number(s, "SELECT count(*) FROM sqlite_schema", &entries);
    *yes = id == 0 && version == 0 && entries == 0 &&
           (pages == 0 || (pages == 1 && strcmp(mode, "wal") == 0));
    return err;
}

static int check(struct store *s)
{
    int64_t id, version, vacuum;
    char encoding[16];
    int err;

    err = usher__sql_number(s, "PRAGMA application_id", &id);
    if (err == 0)
        err = usher__sql_number(s, "PRAGMA user_version", &version);
    if (err == 0)
        err = is_new(s, id, version, &s->is_new);
    if (err != 0)
        return err;
    if (s->is_new && s->o.readonly)
        return usher__store_say(s, USHER_ECORRUPT, "there is nothing in it");
    if (s->is_new) {
        err = use_wal(s);
        return err != 0 ? err : upgrade(s, 0);
    }
    if (id != STORE_ID)
        return usher__store_say(s, USHER_ECORRUPT,
                                "a SQLite file of another program (application_id %#x)",
                                (unsigned)id);
    if (version > VERSION)
        return usher__store_say(s, USHER_EVERSION,
                                "schema version %lld, this library knows up to %d",
                                (long long)version, VERSION);
    if (version < 1)
        return usher__store_say(s, USHER_ECORRUPT, "there is no schema version %lld",
                                (long long)version);
    err = usher__sql_text(s, "PRAGMA encoding", encoding, sizeof encoding);
    if (err == 0 && strcmp(encoding, "UTF-8") != 0)
        err = usher__store_say(s, USHER_ECORRUPT, "not in UTF-8");
    if (err == 0)
        err = usher__sql_number(s, "PRAGMA auto_vacuum", &vacuum);
    if (err == 0 && vacuum != 0)
        err = usher__store_say(s, USHER_ECORRUPT, "auto_vacuum is on");
    s->version = version;
    if (err == 0)
        err = check_tables(s);
    if (err == 0 && !s->o.quick)
        err = check_integrity(s);
    if (err == 0 && version < VERSION && !s->o.readonly)
        err = upgrade(s, version);
    return err;
}

/* ---- opening and closing --------------------------------------------------------------------- */

static int connect(struct store *s)
{
    int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    char uri[STORE_URI_LEN];
    int rc;

    if (sqlite3_libversion_number() < 3037000 || sqlite3_threadsafe() == 0)
        return usher__store_say(s, USHER_ESTORE,
                                "SQLite %s: at least 3.37, made for threads, is needed",
                                sqlite3_libversion());
    if (!s->files.named_vfs)
        flags |= SQLITE_OPEN_NOFOLLOW;
    if (s->o.readonly) {
        flags |= SQLITE_OPEN_READONLY;
        s->quiet = !s->files.named_vfs && usher__files_mark(s, false);
    } else {
        flags |= SQLITE_OPEN_READWRITE | (s->files.named_vfs ? SQLITE_OPEN_CREATE : 0);
    }
    if (s->quiet) {
        usher__files_uri(s->files.path, "?immutable=1", uri);
        rc = sqlite3_open_v2(uri, &s->db, flags | SQLITE_OPEN_URI, NULL);
    } else {
        rc = sqlite3_open_v2(s->files.path, &s->db, flags, s->o.vfs);
    }
    if (rc != SQLITE_OK)
        return s->db == NULL ? usher__store_say(s, USHER_ENOMEM, "out of memory")
                             : usher__sql_error(s, NULL, rc, "opening the file");
    return 0;
}

int usher__schema_open(struct store *s)
{
    int err = connect(s);

    if (err == 0)
        err = look_first(s);
    if (err == 0)
        err = set_up(s);
    if (err == 0 &&
        s->o.readonly) /* what is read is of one instant, however busy a service is on it */
        err = usher__sql_run(s, "BEGIN");
    if (err == 0)
        err = check(s);
    return err;
}

/* The checkpoint comes before anything is acknowledged: what a former process wrote without having
 * been told that it was flushed is in the page cache, where it looks as if it were on the disk.
 * Written to the file anew it is flushed for certain. */
int usher__schema_settle(struct store *s)
{
    int64_t page_size;
    int err = usher__sql_number(s, "PRAGMA page_size", &page_size);

    s->page_size = (uint64_t)page_size;
    if (err == 0 && sqlite3_get_autocommit(s->db) == 0)
        err = usher__sql_run(s, "COMMIT");
    if (err == 0)
        err = use_wal(s);
    if (err == 0)
        err = usher__scrub_start(s);
    if (err == 0 && s->o.level == USHER_PROCESS)
        err = usher__sql_run(s, "PRAGMA synchronous = NORMAL");
    if (err == 0)
        err = usher__save_checkpoint(s, SQLITE_CHECKPOINT_TRUNCATE);
    if (err == USHER_EBUSY) /* somebody reads: then without making it shorter */
        err = usher__save_checkpoint(s, SQLITE_CHECKPOINT_PASSIVE);
    return err;
}

void usher__schema_close(struct store *s, bool keep)
{
    if (keep && s->db != NULL)
        (void)sqlite3_db_config(s->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    (void)sqlite3_close(s->db);
    s->db = NULL;
    usher__scrub_end(s);
}
