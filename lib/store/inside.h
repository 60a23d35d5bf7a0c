/* What the files of the store share: its parts, and who may touch them.
 *
 * One thread at a time has the connection: the opener until usher__store_start, the store's own
 * thread from then on, the closer at the end. It alone uses what is above `lock` below. */
#ifndef USHER_STORE_INSIDE_H
#define USHER_STORE_INSIDE_H

#include <pthread.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/types.h>

#include <usher/usher.h>

#include "store/handover.h"
#include "store/store.h"

enum {
    /* SQLite's on Unix is 512, of which it wants 8 for what it hangs on. */
    STORE_PATH_LEN = 504,
    STORE_NAME_LEN = STORE_PATH_LEN + 16, /* with -wal, -reserve and the like */
    STORE_URI_LEN = 3 * STORE_NAME_LEN + 32,
    STORE_WHY_LEN = 256,
    STORE_TEXT_LEN = 96,
    STORE_RESERVE_MS = 1000,         /* between tries to get the reserve back */
    STORE_PAGES_MAX = (1 << 25) - 1, /* see scrub.c; 128 GiB */
    STORE_ID = 0x75736872            /* application_id: "ushr" */
};

/* The file and what lies beside it (files.c). With a named VFS nothing but the path. */
struct files {
    char path[STORE_PATH_LEN]; /* absolute; as given for a named VFS */
    int lock;                  /* PATH-lock, held; -1: none */
    bool named_vfs;
    bool made, was_empty; /* the file, by us; what to leave behind when opening fails */
    bool lock_made;
    bool reserve;     /* PATH-reserve is there */
    ino_t wal;        /* PATH-wal, as we have it open; 0: not known */
    struct stat mark; /* how the file was, see usher__files_mark */
};

struct copy;  /* backup.c */
struct scrub; /* scrub.c */

struct store {
    struct store_options o;
    struct files files;
    pid_t pid; /* who may close it */
    bool started;
    pthread_t thread;

    sqlite3 *db;
    sqlite3_stmt *put[ROW_TABLES], *drop[ROW_TABLES];
    sqlite3_stmt *begin, *commit, *rollback;
    bool had_wal;    /* before we came */
    bool settled;    /* what a former process left is flushed */
    int64_t version; /* of its tables */
    bool is_new;     /* there was nothing in it */
    bool quiet;      /* nobody else had it open, and it is read as a file that does not change */
    struct scrub *scrub; /* NULL: none */
    uint64_t page_size;
    uint64_t wal_frames; /* in the WAL after the last commit */
    uint64_t wal_base;   /* ... when it was last written back */
    uint32_t tries;      /* in a row that were in vain for want of memory or of a lock */
    char why[STORE_WHY_LEN];

    pthread_mutex_t lock;
    pthread_cond_t work, told;
    const struct batch *batch; /* under way */
    struct store_news news;
    bool untold; /* news that nobody has asked for yet */
    bool stop, cancel;
    struct job *jobs, **jobs_end; /* waiting for a slice */
    struct copy *copies;          /* on threads of their own */
    struct job *sealed;           /* back from there */
    struct job *done, **done_end; /* to be given back */
    uint32_t out;                 /* being worked on, here or there */
    struct job retention;         /* our own purge, in none of these lists */
    bool retaining;
    int64_t retain_next_at;
    int64_t retry_ns, reserve_ns; /* not before then */
};

/* ---- sql.c: SQLite, with errors of ours and their text in s->why ----------------------------- */

/* Formats the text; returns err. */
__attribute__((format(printf, 3, 4))) int usher__store_say(struct store *s, int err,
                                                           const char *format, ...);
/* What became of rc, as an error of ours; its text. db: NULL: the store's. */
int usher__sql_error(struct store *s, sqlite3 *db, int rc, const char *doing);
/* The error's number alone. */
int usher__sql_code(int rc);
int usher__sql_prepare(struct store *s, const char *sql, sqlite3_stmt **out);
/* One statement whose rows nobody wants. */
int usher__sql_run(struct store *s, const char *sql);
/* Its first column as a number, or as text cut to fit; no row is 0, or "". */
int usher__sql_number(struct store *s, const char *sql, int64_t *out);
int usher__sql_text(struct store *s, const char *sql, char *out, size_t len);
/* Steps a statement that has no rows and resets it. SQLite's code. */
int usher__sql_step(sqlite3_stmt *statement);

/* ---- files.c --------------------------------------------------------------------------------- */

/* path, checked and made absolute. EINVAL, ELIMIT, ESTORE. */
int usher__files_resolve(struct store *s, const char *path, char out[STORE_PATH_LEN]);
/* A new file, 0600 whatever the umask. *fd: open for writing. After an error errno says which. */
int usher__files_make(struct store *s, const char *name, int *fd);
/* Its errno, or 0. */
int usher__files_flush(const char *name, int flags);
void usher__files_directory(const char *name, char out[STORE_NAME_LEN]);
void usher__files_beside(const char *path, const char *suffix, char out[STORE_NAME_LEN]);
/* "file:", the path with what means something in a URI as %xx, and the query. */
void usher__files_uri(const char *path, const char *query, char out[STORE_URI_LEN]);
void usher__files_errno(int number, char out[STORE_TEXT_LEN]);

int usher__files_open(struct store *s);
void usher__files_close(struct store *s, bool failed);
/* Whether there is room for what the reserve is for: it is there, or cannot be had here at all. */
bool usher__files_reserve(struct store *s);
void usher__files_use_reserve(struct store *s);
/* Which file is our WAL; and that one removed, when its database has been replaced: beside another
 * one it would be taken for that one's. */
void usher__files_wal(struct store *s, bool drop);
/* For a file that is read as one that does not change: whether it has not. */
bool usher__files_mark(struct store *s, bool again);

/* ---- schema.c -------------------------------------------------------------------------------- */

/* Opens the connection, refuses what is not ours before anything can change it, sets it up, makes
 * or upgrades the tables. */
int usher__schema_open(struct store *s);
/* Closes it; all statements are finalized. keep: as it is, nothing is written back. */
void usher__schema_close(struct store *s, bool keep);
/* From now on it may be written: WAL, and all that an earlier process left in it flushed. */
int usher__schema_settle(struct store *s);

/* ---- scrub.c --------------------------------------------------------------------------------- */

/* From now on pages are written without what SQLite has left lying in them. */
int usher__scrub_start(struct store *s);
void usher__scrub_end(struct store *s); /* after the connection */

/* ---- rows.c ---------------------------------------------------------------------------------- */
int usher__rows_prepare(struct store *s);
/* SQLite's code. */
int usher__rows_put(struct store *s, const struct row *row);
/* The current row of a SELECT whose columns are key, a, b, name, bytes. Lives until the next
 * step. */
int usher__rows_get(struct store *s, sqlite3_stmt *select, int table, struct row *row);
int usher__rows_read(struct store *s, const struct store_reader *reader);

/* ---- writer.c: the thread, and what is done between it and the loop -------------------------- */
int usher__writer_start(struct store *s);
void usher__writer_stop(struct store *s);
/* The lock is held: a job is done. */
void usher__writer_finish(struct store *s, struct job *job, int status);

/* ---- save.c: batches, checkpoints, and what is to be done when one fails --------------------- */
int64_t usher__save_ns(void);
/* A transaction has ended with rc. Not applied: ESTORE (no space), ENOMEM, EBUSY; else EFAILED, and
 * then the store has failed. */
int usher__save_verdict(struct store *s, int rc, const char *doing);
int usher__save_fail(struct store *s);
int usher__save_prepare(struct store *s);
/* A file that has been removed or replaced takes what is written to it along. */
bool usher__save_has_moved(struct store *s);
/* BEGIN, and COMMIT after a look at the file. After an error nothing is open. */
int usher__save_begin(struct store *s);
int usher__save_commit(struct store *s);
void usher__save_rollback(struct store *s);
void usher__save_batch(struct store *s, const struct batch *b);
/* mode: SQLITE_CHECKPOINT_*. EBUSY: others read what would be overwritten. */
int usher__save_checkpoint(struct store *s, int mode);
/* Whether the WAL has grown by so much since it was written back. */
bool usher__save_wal_is(const struct store *s, uint64_t bytes);

/* ---- jobs.c, purge.c, backup.c: a slice of a job --------------------------------------------- */
enum { JOB_AGAIN = 1, JOB_ELSEWHERE = 2 }; /* beside 0 and errors: it is done */

int usher__job_slice(struct store *s, struct job *job);
void usher__job_drop(struct store *s, struct job *job); /* what it holds, when it ends in any way */
int usher__purge_slice(struct store *s, struct job *job);
int usher__backup_slice(struct store *s, struct job *job);
void usher__backup_drop(struct store *s, struct job *job);
void usher__backup_hurry(
    struct store *s); /* called with the lock: checks under way are broken off */

#endif
