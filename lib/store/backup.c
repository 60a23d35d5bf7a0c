/* A copy of the file while everything goes on.
 *
 * SQLite's backup copies some pages at a time on the store's own connection, and itself carries
 * over what is changed meanwhile, so the copy is the store as it is at the last slice. It is
 * written to PATH.part, without syncs. Checking and flushing it may take long and does not concern
 * the store any more: a thread of its own does it, and gives the file its name in the end. A file
 * that is there is never overwritten. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* renameat2 */
#endif

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/inside.h"

enum { SLICE_PAGES = 64 };

struct copy {
    char path[STORE_PATH_LEN];
    char part[STORE_NAME_LEN];
    bool made; /* the part, by us */
    sqlite3 *db;
    sqlite3_backup *backup;

    /* of the thread */
    struct store *store;
    struct job *job;
    pthread_t thread;
    bool sealed, threaded;
    int status;
    char why[STORE_WHY_LEN];

    struct copy *next; /* of those that are sealed at the moment; with the store's lock */
    sqlite3 *checked;  /* likewise; NULL: not now */
};

/* ---- copying --------------------------------------------------------------------------------- */

static int open_part(struct store *s, struct copy *c)
{
    static const char *const pragmas[] = {
        "PRAGMA journal_mode = OFF",
        "PRAGMA synchronous = OFF",
        "PRAGMA locking_mode = EXCLUSIVE",
    };
    int rc = sqlite3_open_v2(c->part, &c->db,
                             SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE |
                                 SQLITE_OPEN_NOFOLLOW,
                             NULL);

    for (size_t i = 0; i < sizeof pragmas / sizeof pragmas[0] && rc == SQLITE_OK; i++) {
        sqlite3_stmt *pragma = NULL;

        rc = sqlite3_prepare_v2(c->db, pragmas[i], -1, &pragma, NULL);
        if (rc == SQLITE_OK)
            rc = usher__sql_step(pragma);
        (void)sqlite3_finalize(pragma);
    }
    if (rc == SQLITE_OK) {
        c->backup = sqlite3_backup_init(c->db, "main", s->db, "main");
        if (c->backup == NULL)
            rc = sqlite3_errcode(c->db);
    }
    return rc == SQLITE_OK ? 0 : usher__sql_error(s, c->db, rc, "making the copy");
}

static int begin(struct store *s, struct job *job)
{
    struct copy *c = usher__zalloc(&s->o.memory, sizeof *c);
    struct stat st;
    int fd, err;

    if (c == NULL)
        return usher__store_say(s, USHER_ENOMEM, "out of memory");
    job->work = c;
    c->store = s;
    c->job = job;
    if (job->path == NULL)
        return usher__store_say(s, USHER_EINVAL, "no path");
    err = usher__files_resolve(s, job->path, c->path);
    if (err != 0)
        return err;
    if (lstat(c->path, &st) == 0)
        return usher__store_say(s, USHER_ESTORE, "%s exists", c->path);
    usher__files_beside(c->path, ".part", c->part);
    err = usher__files_make(s, c->part, &fd);
    if (err != 0)
        return err;
    c->made = true;
    (void)close(fd);
    return open_part(s, c);
}

/* ---- sealing: on a thread of its own --------------------------------------------------------- */

static int say_here(struct copy *c, int err, const char *what, const char *more)
{
    snprintf(c->why, sizeof c->why, "the copy: %s%s%.120s", what, more != NULL ? ": " : "",
             more != NULL ? more : "");
    return err;
}

static void set_checked(struct copy *c, sqlite3 *db)
{
    usher__lock(&c->store->lock);
    c->checked = db;
    if (db != NULL && c->store->cancel)
        sqlite3_interrupt(db);
    usher__unlock(&c->store->lock);
}

/* Its header says WAL; as a file that does not change it needs none. */
static int check(struct copy *c)
{
    char uri[STORE_URI_LEN];
    sqlite3 *db = NULL;
    sqlite3_stmt *select = NULL;
    int rc, err = 0;

    usher__files_uri(c->part, "?immutable=1", uri);
    rc = sqlite3_open_v2(
        uri, &db,
        SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
    if (rc == SQLITE_OK) {
        set_checked(c, db);
        rc = sqlite3_prepare_v2(db, "PRAGMA quick_check(1)", -1, &select, NULL);
    }
    if (rc == SQLITE_OK)
        rc = sqlite3_step(select);
    if (rc == SQLITE_ROW) {
        const unsigned char *says = sqlite3_column_text(select, 0);

        if (says == NULL || strcmp((const char *)says, "ok") != 0)
            err = say_here(c, USHER_ECORRUPT, "damaged", (const char *)says);
    } else {
        err = rc == SQLITE_INTERRUPT ? USHER_ECANCELED
              : rc == SQLITE_DONE    ? USHER_ESTORE
                                     : usher__sql_code(rc);
        (void)say_here(c, err, "cannot be checked", sqlite3_errstr(rc));
    }
    set_checked(c, NULL);
    (void)sqlite3_finalize(select);
    (void)sqlite3_close(db);
    return err;
}

/* Where a file cannot be renamed without overwriting another, it gets a second name and loses the
 * first. */
static int give_name(struct copy *c)
{
#ifdef RENAME_NOREPLACE
    if (renameat2(AT_FDCWD, c->part, AT_FDCWD, c->path, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno != EINVAL && errno != ENOSYS)
        return errno;
#endif
    if (link(c->part, c->path) != 0)
        return errno;
    return unlink(c->part) != 0 ? errno : 0;
}

static int seal(struct copy *c)
{
    char directory[STORE_NAME_LEN], text[STORE_TEXT_LEN];
    int err = check(c);

    if (err != 0)
        return err;
    usher__files_directory(c->path, directory);
    err = usher__files_flush(c->part, O_RDWR | O_NOFOLLOW);
    if (err == 0)
        err = give_name(c);
    if (err == 0) {
        c->made = false;
        err = usher__files_flush(directory, O_RDONLY | O_DIRECTORY);
    }
    if (err == 0)
        return 0;
    usher__files_errno(err, text);
    return say_here(c, USHER_ESTORE, "cannot be put in its place", text);
}

static void *run(void *ctx)
{
    struct copy *c = ctx;
    struct store *s = c->store;
    struct copy **at = &s->copies;

    c->status = seal(c);
    usher__lock(&s->lock);
    while (*at != c)
        at = &(*at)->next;
    *at = c->next;
    c->job->next = s->sealed;
    s->sealed = c->job;
    usher__signal(&s->work);
    usher__unlock(&s->lock);
    return NULL;
}

/* With no thread to be had it is done here, and what comes meanwhile waits. */
static int start_seal(struct store *s, struct copy *c)
{
    sigset_t all, was;

    c->sealed = true;
    if (s->started) {
        (void)sigfillset(&all);
        (void)pthread_sigmask(SIG_SETMASK, &all, &was);
        usher__lock(&s->lock);
        c->threaded = pthread_create(&c->thread, NULL, run, c) == 0;
        if (c->threaded) {
            c->next = s->copies;
            s->copies = c;
        }
        usher__unlock(&s->lock);
        (void)pthread_sigmask(SIG_SETMASK, &was, NULL);
    }
    if (c->threaded)
        return JOB_ELSEWHERE;
    c->status = seal(c);
    return JOB_AGAIN;
}

void usher__backup_hurry(struct store *s)
{
    for (struct copy *c = s->copies; c != NULL; c = c->next) {
        if (c->checked != NULL)
            sqlite3_interrupt(c->checked);
    }
}

/* ---- a slice --------------------------------------------------------------------------------- */

int usher__backup_slice(struct store *s, struct job *job)
{
    struct copy *c = job->work;
    int rc, err;

    if (c == NULL) {
        err = begin(s, job);
        return err != 0 ? err : JOB_AGAIN;
    }
    if (c->sealed)
        return c->status == 0 ? 0 : usher__store_say(s, c->status, "%s", c->why);
    rc = sqlite3_backup_step(c->backup, SLICE_PAGES);
    job->n = (uint64_t)sqlite3_backup_pagecount(c->backup);
    if (rc == SQLITE_OK)
        return JOB_AGAIN;
    if (rc != SQLITE_DONE)
        return usher__sql_error(s, c->db, rc, "copying");
    (void)sqlite3_backup_finish(c->backup);
    c->backup = NULL;
    rc = sqlite3_close(c->db);
    c->db = NULL;
    if (rc != SQLITE_OK)
        return usher__sql_error(s, NULL, rc, "copying");
    return start_seal(s, c);
}

void usher__backup_drop(struct store *s, struct job *job)
{
    struct copy *c = job->work;

    if (c == NULL)
        return;
    if (c->threaded)
        (void)pthread_join(c->thread, NULL);
    if (c->backup != NULL)
        (void)sqlite3_backup_finish(c->backup);
    (void)sqlite3_close(c->db);
    if (c->made)
        (void)unlink(c->part);
    usher__free(&s->o.memory, c);
}
