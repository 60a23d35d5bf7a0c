/* The store's file: who may have it, what it must be, and that what is refused stays as it was. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* memmem */
#endif

#include "store_rig.h"

#include <sqlite3.h>

/* ---- as it is made --------------------------------------------------------------------------- */

static void open_under(struct rig *r, mode_t mask)
{
    mode_t was = umask(mask);

    rig_must_open(r);
    rig_put(r, ROW_STATE, 1, NULL, "x", 1);
    rig_save(r);
    (void)umask(was);
}

static void assert_modes(struct rig *r)
{
    assert_int_equal(rig_mode(r->path), 0600);
    assert_int_equal(rig_mode(rig_beside(r, "-wal")), 0600);
    assert_int_equal(rig_mode(rig_beside(r, "-lock")), 0600);
    assert_int_equal(rig_mode(rig_beside(r, "-reserve")), 0600);
}

static void test_store__its_files_are_the_owners_alone_whatever_the_umask(void **state)
{
    struct rig *r = *state;

    open_under(r, 0);
    assert_modes(r);
    assert_false(rig_there(rig_beside(r, "-shm")));
    assert_false(rig_there(rig_beside(r, "-journal")));
    rig_close(r);
    assert_false(rig_there(rig_beside(r, "-wal")));
    assert_false(rig_there(rig_beside(r, "-reserve")));
    assert_int_equal(unlink(r->path), 0);
    assert_int_equal(unlink(rig_beside(r, "-lock")), 0);
    open_under(r, 0277);
    assert_modes(r);
    rig_close(r);
}

static void test_store__with_readers_shared_memory_is_the_owners_too(void **state)
{
    struct rig *r = *state;

    r->options.readers = true;
    open_under(r, 0);
    assert_modes(r);
    assert_int_equal(rig_mode(rig_beside(r, "-shm")), 0600);
}

static void test_store__none_is_left_where_opening_does_not_succeed(void **state)
{
    static const char *const suffixes[] = {"", "-wal", "-journal", "-lock", "-reserve", "-shm"};
    struct rig *r = *state;

    rig_must_open(r);
    rig_put(r, ROW_STATE, 1, NULL, "x", 1);
    rig_save(r);
    rig_close(r);
    assert_int_equal(unlink(rig_beside(r, "-lock")), 0);
    r->refuse_at = 1;
    assert_int_equal(rig_open(r), USHER_ECORRUPT);
    assert_non_null(strstr(r->err, "table state, 1: not to my taste"));
    assert_true(rig_there(r->path));
    for (size_t i = 1; i < sizeof suffixes / sizeof suffixes[0]; i++)
        assert_false(rig_there(rig_beside(r, suffixes[i])));

    r->refuse_at = 0;
    assert_int_equal(unlink(r->path), 0);
    assert_int_equal(rig_open_only(r), 0); /* and is not started */
    rig_close(r);
    for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++)
        assert_false(rig_there(rig_beside(r, suffixes[i])));
}

/* ---- one at a time --------------------------------------------------------------------------- */

static int open_another(struct rig *r, const char *path)
{
    struct store_options o = r->options;
    struct store_reader reader = {rig_take, rig_counted, NULL, r};
    struct store *s = NULL;
    int err;

    o.path = path;
    err = usher__store_open(&s, &o, &reader);
    usher__store_close(s);
    return err;
}

static void test_store__a_second_opening_is_refused_by_whatever_name(void **state)
{
    struct rig *r = *state;
    char cwd[RIG_PATH], other[2 * RIG_PATH], text[64];
    pid_t child;
    int status;

    rig_must_open(r);
    assert_int_equal(open_another(r, r->path), USHER_EBUSY);
    assert_non_null(strstr(r->err, "already in this process"));

    (void)snprintf(other, sizeof other, "%s/../%s/./desk.db", r->directory,
                   strrchr(r->directory, '/'));
    assert_int_equal(open_another(r, other), USHER_EBUSY);

    (void)snprintf(other, sizeof other, "%s/link", r->directory);
    assert_int_equal(symlink(".", other), 0);
    (void)snprintf(other, sizeof other, "%s/link/desk.db", r->directory);
    assert_int_equal(open_another(r, other), USHER_EBUSY);

    assert_non_null(getcwd(cwd, sizeof cwd));
    assert_int_equal(chdir(r->directory), 0);
    assert_int_equal(open_another(r, "desk.db"), USHER_EBUSY);
    assert_int_equal(chdir(cwd), 0);

    (void)snprintf(text, sizeof text, "in process %ld", (long)getpid());
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        int err = open_another(r, r->path);

        usher__store_close(r->s); /* is the parent's: nothing happens */
        _exit(err == USHER_EBUSY && strstr(r->err, text) != NULL ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_true(rig_there(rig_beside(r, "-wal")));
    assert_int_equal(open_another(r, r->path), USHER_EBUSY);
    assert_non_null(strstr(r->err, "already in this process"));

    rig_put(r, ROW_STATE, 1, NULL, "x", 1); /* and the first one goes on */
    rig_save(r);
    rig_close(r);
    rig_must_open(r);
    assert_int_equal(r->read.rows, 1);
}

static void test_store__a_lock_ends_with_its_process(void **state)
{
    struct rig *r = *state;
    pid_t child = fork();
    int status;

    assert_true(child >= 0);
    if (child == 0) {
        if (rig_open(r) != 0)
            _exit(1);
        rig_put(r, ROW_STATE, 1, NULL, "from the child", 14);
        rig_save(r);
        _exit(0); /* as if killed */
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_true(rig_there(rig_beside(r, "-wal")));
    rig_must_open(r);
    assert_int_equal(r->read.rows, 1);
}

static void test_store__a_connection_of_somebody_else_is_in_the_way(void **state)
{
    struct rig *r = *state;
    sqlite3 *db = NULL;

    rig_must_open(r);
    rig_put(r, ROW_STATE, 1, NULL, "x", 1);
    rig_save(r);
    assert_int_equal(sqlite3_open(r->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "SELECT * FROM state", NULL, NULL, NULL), SQLITE_BUSY);
    (void)sqlite3_close(db);

    rig_close(r);
    assert_int_equal(sqlite3_open(r->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "BEGIN; SELECT * FROM state", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(rig_open(r), USHER_EBUSY);
    assert_non_null(strstr(r->err, "another program"));
    (void)sqlite3_close(db);
    rig_must_open(r);
}

/* ---- paths ----------------------------------------------------------------------------------- */

static void test_store__a_path_names_a_plain_file_of_our_own(void **state)
{
    struct rig *r = *state;
    char other[RIG_PATH + 16];

    assert_int_equal(open_another(r, NULL), USHER_EINVAL);
    assert_int_equal(open_another(r, ""), USHER_EINVAL);
    assert_int_equal(open_another(r, "/"), USHER_EINVAL);
    assert_int_equal(open_another(r, "."), USHER_EINVAL);
    assert_int_equal(open_another(r, "/tmp/.."), USHER_EINVAL);
    assert_int_equal(open_another(r, "/tmp/"), USHER_EINVAL);
    assert_int_equal(open_another(r, r->directory), USHER_ESTORE);
    assert_non_null(strstr(r->err, "not a regular file"));
    assert_int_equal(open_another(r, "/nowhere/desk.db"), USHER_ESTORE);
    assert_non_null(strstr(r->err, "No such file"));
    assert_int_equal(open_another(r, "/dev/null"), USHER_ESTORE);

    rig_must_open(r);
    rig_close(r);
    (void)snprintf(other, sizeof other, "%s.link", r->path);
    assert_int_equal(symlink(r->path, other), 0);
    assert_int_equal(open_another(r, other), USHER_ESTORE);
    assert_non_null(strstr(r->err, "symbolic link"));
    assert_int_equal(unlink(other), 0);
    assert_int_equal(link(r->path, other), 0);
    assert_int_equal(open_another(r, other), USHER_ESTORE);
    assert_int_equal(open_another(r, r->path), USHER_ESTORE);
    assert_non_null(strstr(r->err, "hard link"));
    assert_int_equal(unlink(other), 0);
    assert_int_equal(open_another(r, r->path), 0);
}

/* SQLite's limit is on the name that it makes of the path. */
static void test_store__a_path_may_be_as_long_as_sqlite_takes(void **state)
{
    enum { MOST = 503 };
    struct rig *r = *state;
    char *path = malloc(4 * MOST);
    size_t len = strlen(r->directory);

    assert_non_null(path);
    memset(path, 'x', 4 * MOST);
    memcpy(path, r->directory, len);
    for (; len + 200 < MOST; len += 200) {
        path[len] = '/';
        path[len + 200] = '\0';
        assert_int_equal(mkdir(path, 0700), 0);
        path[len + 200] = 'x';
    }
    path[len] = '/';
    path[MOST + 1] = '\0';
    assert_int_equal(open_another(r, path), USHER_ELIMIT);
    path[MOST] = '\0';
    r->options.path = path;
    rig_must_open(r);
    rig_put(r, ROW_STATE, 1, NULL, "x", 1);
    rig_save(r);
    rig_close(r);
    r->options.path = r->path;

    for (size_t i = strlen(r->directory), n = 0; i < 3 * MOST; i++, n++) /* long, but for nothing */
        path[i] = "/."[n % 2];
    strcpy(path + 3 * MOST, "/desk.db");
    assert_int_equal(open_another(r, path), 0);
    free(path);
}

static void test_store__a_path_is_no_uri_and_no_name_of_sqlites(void **state)
{
    static const char *const names[] = {"file:desk.db?mode=memory", ":memory:", "a%20b?c#d",
                                        "\xff\xfe"};
    struct rig *r = *state;
    char cwd[RIG_PATH];

    assert_non_null(getcwd(cwd, sizeof cwd));
    assert_int_equal(chdir(r->directory), 0);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        r->options.path = names[i];
        rig_must_open(r);
        rig_put(r, ROW_STATE, 1, NULL, "x", 1);
        rig_save(r);
        rig_close(r);
        assert_int_equal(rig_mode(names[i]), 0600);
        r->options.readonly = true;
        rig_must_open(r);
        assert_int_equal(r->read.rows, 1);
        rig_close(r);
        r->options.readonly = false;
    }
    assert_int_equal(chdir(cwd), 0);
    r->options.path = r->path;
}

static void test_store__files_that_others_may_change_are_refused(void **state)
{
    static const char *const suffixes[] = {"", "-lock", "-wal", "-journal", "-shm"};
    struct rig *r = *state;

    rig_must_open(r);
    rig_close(r);
    for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++) {
        const char *name = rig_beside(r, suffixes[i]);

        if (i > 1)
            rig_write(name, "", 0);
        assert_int_equal(chmod(name, 0660), 0);
        assert_int_equal(open_another(r, r->path), USHER_ESTORE);
        assert_non_null(strstr(r->err, "other users"));
        assert_int_equal(chmod(name, 0600), 0);
        if (geteuid() == 0) {
            assert_int_equal(chown(name, 12345, (gid_t)-1), 0);
            assert_int_equal(open_another(r, r->path), USHER_ESTORE);
            assert_non_null(strstr(r->err, "another user"));
            assert_int_equal(chown(name, 0, (gid_t)-1), 0);
        }
        if (i > 1) {
            assert_int_equal(unlink(name), 0);
            assert_int_equal(symlink("/tmp/elsewhere", name), 0);
            assert_int_equal(open_another(r, r->path), USHER_ESTORE);
            assert_int_equal(unlink(name), 0);
        }
    }
    assert_int_equal(chmod(r->directory, 0777), 0);
    assert_int_equal(open_another(r, r->path), USHER_ESTORE);
    assert_non_null(strstr(r->err, "everybody may write"));
    assert_int_equal(chmod(r->directory, 01777), 0);
    assert_int_equal(open_another(r, r->path), 0);
}

static void test_store__a_log_without_its_database_is_not_thrown_away(void **state)
{
    struct rig *r = *state;
    size_t len;
    char *bytes;

    rig_write(rig_beside(r, "-wal"), "precious", 8);
    assert_int_equal(rig_open(r), USHER_ESTORE);
    assert_non_null(strstr(r->err, "its database is not"));
    bytes = rig_slurp(rig_beside(r, "-wal"), &len);
    assert_int_equal(len, 8);
    free(bytes);
    assert_false(rig_there(r->path));
    rig_write(r->path, "", 0);
    assert_int_equal(rig_open(r), USHER_ECORRUPT);
    assert_true(rig_there(rig_beside(r, "-wal")));
    assert_int_equal(unlink(rig_beside(r, "-wal")), 0);
    rig_must_open(r); /* an empty file is as good as none */
}

/* ---- what is not ours ------------------------------------------------------------------------ */

static void assert_refused(struct rig *r, int err, const char *text)
{
    size_t before_len, after_len;
    char *before = rig_slurp(r->path, &before_len), *after;
    struct stat was, is;

    assert_int_equal(lstat(r->path, &was), 0);
    for (int with = 0; with < 3; with++) {
        int got;

        r->options.readers = with == 1;
        r->options.readonly = with == 2;
        got = rig_open(r);
        if (got != err || strstr(r->err, text) == NULL)
            fail_msg("%d \"%s\", not %d \"%s\"", got, r->err, err, text);
        assert_null(r->s);
        after = rig_slurp(r->path, &after_len);
        assert_int_equal(after_len, before_len);
        assert_memory_equal(after, before, before_len);
        free(after);
        assert_int_equal(lstat(r->path, &is), 0);
        assert_int_equal(is.st_ino, was.st_ino);
        assert_int_equal(is.st_mtim.tv_nsec, was.st_mtim.tv_nsec);
    }
    r->options.readers = r->options.readonly = false;
    assert_false(rig_there(rig_beside(r, "-lock")));
    assert_false(rig_there(rig_beside(r, "-reserve")));
    free(before);
}

static void run_sql(const char *path, const char *sql)
{
    sqlite3 *db = NULL;
    char *wrong = NULL;

    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, &wrong) != SQLITE_OK)
        fail_msg("%s: %s", sql, wrong);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void make(struct rig *r)
{
    rig_must_open(r);
    for (int64_t i = 1; i <= 300; i++)
        rig_put(r, ROW_TICKET, i, NULL, r->directory, strlen(r->directory));
    rig_save(r);
    rig_close(r);
    assert_int_equal(unlink(rig_beside(r, "-lock")), 0);
}

static void test_store__another_programs_file_is_left_as_it_is(void **state)
{
    struct rig *r = *state;
    static const char letter[] =
        "An old letter, dear to somebody, and more than a hundred bytes long, so "
        "that it might be the first page of something.";

    rig_write(r->path, letter, sizeof letter);
    assert_refused(r, USHER_ECORRUPT, "not a SQLite file");
    rig_write(r->path, "short", 5);
    assert_refused(r, USHER_ECORRUPT, "not a SQLite file");

    assert_int_equal(unlink(r->path), 0);
    run_sql(r->path, "CREATE TABLE t(a); INSERT INTO t VALUES(1)");
    assert_int_equal(chmod(r->path, 0600), 0);
    assert_refused(r, USHER_ECORRUPT, "another program (application_id 0)");
    assert_false(rig_there(rig_beside(r, "-journal")));

    run_sql(r->path, "PRAGMA journal_mode = WAL; PRAGMA application_id = 0x1234");
    assert_refused(r, USHER_ECORRUPT, "another program (application_id 0x1234)");
    assert_false(rig_there(rig_beside(r, "-wal")));
    assert_false(rig_there(rig_beside(r, "-shm")));

    assert_int_equal(unlink(r->path), 0);
    run_sql(r->path, "PRAGMA auto_vacuum = FULL; CREATE TABLE t(a); DROP TABLE t; VACUUM");
    assert_int_equal(chmod(r->path, 0600), 0);
    assert_refused(r, USHER_ECORRUPT, "another program");
}

/* One with a log that has not been written back: it must not be now either. */
static void test_store__another_programs_log_is_left_as_it_is(void **state)
{
    struct rig *r = *state;
    size_t len, after_len;
    char *wal, *after;
    pid_t child = fork();
    int status;

    assert_true(child >= 0);
    if (child == 0) {
        sqlite3 *db = NULL;

        (void)umask(077);
        _exit(sqlite3_open(r->path, &db) == SQLITE_OK &&
                      sqlite3_exec(db,
                                   "PRAGMA journal_mode = WAL; PRAGMA locking_mode = EXCLUSIVE;"
                                   "CREATE TABLE t(a); INSERT INTO t VALUES(1)",
                                   NULL, NULL, NULL) == SQLITE_OK
                  ? 0
                  : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    wal = rig_slurp(rig_beside(r, "-wal"), &len);
    assert_true(len > 0);
    assert_refused(r, USHER_ECORRUPT, "another program");
    after = rig_slurp(rig_beside(r, "-wal"), &after_len);
    assert_int_equal(after_len, len);
    assert_memory_equal(after, wal, len);
    free(wal);
    free(after);
}

static void test_store__a_hot_journal_of_somebody_else_is_left_as_it_is(void **state)
{
    struct rig *r = *state;
    pid_t child = fork();
    int status;

    assert_true(child >= 0);
    if (child == 0) {
        sqlite3 *db = NULL;

        (void)umask(077);
        _exit(sqlite3_open(r->path, &db) == SQLITE_OK &&
                      sqlite3_exec(
                          db,
                          "CREATE TABLE t(a); INSERT INTO t VALUES(zeroblob(100000));"
                          "PRAGMA cache_size = 1; BEGIN; UPDATE t SET a = randomblob(100000);"
                          "INSERT INTO t SELECT randomblob(100000) FROM t",
                          NULL, NULL, NULL) == SQLITE_OK
                  ? 0
                  : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_true(rig_there(rig_beside(r, "-journal")));
    assert_refused(r, USHER_ECORRUPT, "another program");
    assert_true(rig_there(rig_beside(r, "-journal")));
    run_sql(r->path, "SELECT * FROM t"); /* and can still be rolled back */
    assert_false(rig_there(rig_beside(r, "-journal")));
}

static void test_store__a_newer_version_is_left_as_it_is(void **state)
{
    struct rig *r = *state;

    make(r);
    run_sql(r->path, "PRAGMA user_version = 7");
    assert_refused(r, USHER_EVERSION, "schema version 7, this library knows up to 3");
    run_sql(r->path, "PRAGMA user_version = 0");
    assert_refused(r, USHER_ECORRUPT, "no schema version 0");
}

static void test_store__the_schema_is_ours_to_the_letter(void **state)
{
    static const char *const changes[][2] = {
        {"PRAGMA journal_mode = DELETE; PRAGMA auto_vacuum = FULL; VACUUM;"
         "PRAGMA journal_mode = WAL",
         "auto_vacuum is on"},
        {"PRAGMA journal_mode = DELETE; PRAGMA auto_vacuum = NONE; VACUUM;"
         "PRAGMA journal_mode = WAL;"
         "CREATE TRIGGER t AFTER INSERT ON ticket BEGIN DELETE FROM ticket; END",
         "trigger t"},
        {"DROP TRIGGER t; CREATE VIEW v AS SELECT * FROM ticket", "view v"},
        {"DROP VIEW v; CREATE INDEX i ON ticket(queue)", "index i"},
        {"DROP INDEX i; CREATE TABLE more(a)", "table more"},
        {"DROP TABLE more; ALTER TABLE closed ADD COLUMN more", "table closed"},
        {"ALTER TABLE closed DROP COLUMN more; DROP TABLE figure", "is missing: figure"},
    };
    struct rig *r = *state;

    make(r);
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        run_sql(r->path, changes[i][0]);
        assert_refused(r, USHER_ECORRUPT, changes[i][1]);
        assert_false(rig_there(rig_beside(r, "-wal")));
    }
}

static void test_store__damage_is_found_and_left_as_it_is(void **state)
{
    struct rig *r = *state;
    size_t len;
    char *bytes, *copy;

    make(r);
    bytes = rig_slurp(r->path, &len);
    copy = malloc(len);
    assert_non_null(copy);
    for (size_t cut = 100; cut < len; cut += len / 7) {
        rig_write(r->path, bytes, cut);
        assert_refused(r, USHER_ECORRUPT, "");
    }
    for (size_t at = 0; at + 512 <= len; at += 4096) {
        memcpy(copy, bytes, len);
        memset(copy + at, 0xaa, 512);
        rig_write(r->path, copy, len);
        assert_refused(r, USHER_ECORRUPT, "");
    }
    rig_write(r->path, bytes, len);
    rig_must_open(r);
    assert_int_equal(r->read.rows, 300);
    free(copy);
    free(bytes);
}

/* Every way in which its making can have been cut short is a new file again. */
static void test_store__a_file_that_was_begun_is_begun_again(void **state)
{
    struct rig *r = *state;

    rig_write(r->path, "", 0);
    rig_must_open(r);
    rig_close(r);
    assert_int_equal(unlink(r->path), 0);
    run_sql(r->path, "PRAGMA journal_mode = WAL"); /* the first page, and no tables */
    assert_int_equal(chmod(r->path, 0600), 0);
    rig_must_open(r);
    rig_put(r, ROW_STATE, 1, NULL, "x", 1);
    rig_save(r);
    rig_close(r);
    rig_must_open(r);
    assert_int_equal(r->read.rows, 1);
}

/* ---- looking --------------------------------------------------------------------------------- */

static void test_store__looking_leaves_no_trace(void **state)
{
    struct rig *r = *state;
    struct store_options was;

    make(r);
    r->options.readonly = true;
    rig_must_open(r);
    assert_int_equal(r->read.rows, 300);
    assert_false(rig_there(rig_beside(r, "-lock")));
    assert_false(rig_there(rig_beside(r, "-wal")));
    assert_false(rig_there(rig_beside(r, "-shm")));

    /* A service that opens it meanwhile is noticed. */
    {
        struct rig *other;
        void *p;
        struct job facts = {.kind = JOB_FACTS};

        assert_int_equal(rig_ask(r, &facts), 0);
        assert_int_equal(facts.facts.schema, 3);
        rig_setup(&p);
        other = p;
        other->options.path = r->path;
        rig_must_open(other);
        assert_int_equal(rig_ask(r, &facts), USHER_EBUSY);
        rig_put(other, ROW_TICKET, 1000, NULL, "x", 1);
        rig_save(other);
        rig_close(other);
        assert_int_equal(rig_ask(r, &facts), USHER_EBUSY);
        (void)rig_teardown(&p);
    }
    rig_close(r);
    was = r->options;
    r->options.path = "/tmp/there-is-no-such-file";
    assert_int_equal(rig_open(r), USHER_ESTORE);
    r->options = was;
}

static void test_store__readers_look_in_while_it_runs(void **state)
{
    struct rig *r = *state, *other;
    void *p;

    r->options.readers = true;
    rig_must_open(r);
    rig_setup(&p);
    other = p;
    other->options.path = r->path;
    other->options.readonly = true;
    for (int64_t i = 1; i <= 3; i++) {
        rig_put(r, ROW_TICKET, i, NULL, "x", 1);
        rig_save(r);
        rig_must_open(other);
        assert_int_equal(other->read.rows, i);
        if (i < 3)
            rig_close(other);
    }
    rig_put(r, ROW_TICKET, 4, NULL, "x", 1); /* while one is looking */
    rig_save(r);
    rig_close(r);
    rig_close(other);
    r->options.readers = false;
    rig_must_open(r);
    assert_int_equal(r->read.rows, 4);
    assert_int_equal(rig_open(other), USHER_EBUSY);
    (void)rig_teardown(&p);
}

/* Each row that is read meets a service that goes on meanwhile. */
static int take_while_it_runs(void *ctx, const struct row *row, const char **wrong)
{
    struct rig *busy = ctx;

    rig_put(busy, ROW_TICKET, (int64_t)busy->number + 100, NULL, "x", 1);
    rig_put(busy, ROW_BODY, (int64_t)busy->number + 100, NULL, "x", 1);
    rig_save(busy);
    return rig_take(ctx, row, wrong);
}

/* What a looker reads is of one instant, however many tables it reads for that. */
static void test_store__readers_see_one_instant(void **state)
{
    struct rig *r = *state;
    struct store_reader reader = {take_while_it_runs, rig_counted, NULL, r};
    struct store_options look = r->options;
    struct store *s;

    r->options.readers = true;
    rig_must_open(r);
    rig_put(r, ROW_STATE, 1, NULL, "x", 1);
    for (int64_t i = 1; i <= 3; i++)
        rig_put(r, ROW_TICKET, i, NULL, "x", 1);
    rig_save(r);
    look.readonly = true;
    usher__batch_clear(&r->read);
    assert_int_equal(usher__store_open(&s, &look, &reader), 0);
    usher__store_close(s);
    assert_int_equal(r->read.rows, 4);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_store__its_files_are_the_owners_alone_whatever_the_umask),
        TEST(test_store__with_readers_shared_memory_is_the_owners_too),
        TEST(test_store__none_is_left_where_opening_does_not_succeed),
        TEST(test_store__readers_see_one_instant),
        TEST(test_store__a_second_opening_is_refused_by_whatever_name),
        TEST(test_store__a_lock_ends_with_its_process),
        TEST(test_store__a_connection_of_somebody_else_is_in_the_way),
        TEST(test_store__a_path_names_a_plain_file_of_our_own),
        TEST(test_store__a_path_may_be_as_long_as_sqlite_takes),
        TEST(test_store__a_path_is_no_uri_and_no_name_of_sqlites),
        TEST(test_store__files_that_others_may_change_are_refused),
        TEST(test_store__a_log_without_its_database_is_not_thrown_away),
        TEST(test_store__another_programs_file_is_left_as_it_is),
        TEST(test_store__another_programs_log_is_left_as_it_is),
        TEST(test_store__a_hot_journal_of_somebody_else_is_left_as_it_is),
        TEST(test_store__a_newer_version_is_left_as_it_is),
        TEST(test_store__the_schema_is_ours_to_the_letter),
        TEST(test_store__damage_is_found_and_left_as_it_is),
        TEST(test_store__a_file_that_was_begun_is_begun_again),
        TEST(test_store__looking_leaves_no_trace),
        TEST(test_store__readers_look_in_while_it_runs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
