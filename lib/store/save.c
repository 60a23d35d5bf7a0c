/* Batches into the file, the WAL back into the database, and what to do when either fails.
 *
 * No space is the one failure that is waited out: SQLite has rolled back, so the batch is as
 * good as never tried, and it is tried again until it fits. Everything else may have left behind
 * what nobody can know: after a failed flush Linux holds pages for clean that are not on the
 * disk, and a second flush would say that all is well. So nothing is ever written again, not
 * even the WAL back. */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "store/inside.h"

enum {
    RETRY_MS = 100,
    TRIES_MAX = 50 /* for want of memory, or of a lock that a reader must not have */
};

int64_t usher__save_ns(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* ---- failure --------------------------------------------------------------------------------- */

int usher__save_fail(struct store *s)
{
    usher__lock(&s->lock);
    if (s->news.failed == 0) {
        s->news.failed = USHER_EFAILED;
        memcpy(s->news.why, s->why, sizeof s->news.why);
    }
    usher__unlock(&s->lock);
    return USHER_EFAILED;
}

static bool is_no_space(struct store *s, int rc)
{
    return (rc & 0xff) == SQLITE_FULL ||
           (rc == SQLITE_IOERR_WRITE && sqlite3_system_errno(s->db) == EDQUOT);
}

int usher__save_verdict(struct store *s, int rc, const char *doing)
{
    int err;

    if (rc == SQLITE_OK)
        return 0;
    err = usher__sql_error(s, NULL, rc, doing);
    if (is_no_space(s, rc))
        return USHER_ESTORE;
    if (err == USHER_ENOMEM || err == USHER_EBUSY)
        return err;
    return usher__save_fail(s);
}

void usher__save_rollback(struct store *s)
{
    if (sqlite3_get_autocommit(s->db) == 0)
        (void)usher__sql_step(s->rollback);
}

/* ---- transactions ---------------------------------------------------------------------------- */

int usher__save_begin(struct store *s)
{
    return usher__save_verdict(s, usher__sql_step(s->begin), "saving");
}

bool usher__save_has_moved(struct store *s)
{
    int moved = 0;

    return sqlite3_file_control(s->db, "main", SQLITE_FCNTL_HAS_MOVED, &moved) == SQLITE_OK &&
           moved;
}

int usher__save_commit(struct store *s)
{
    int err;

    if (usher__save_has_moved(s)) {
        (void)usher__store_say(s, USHER_EFAILED, "the file has been removed or replaced");
        err = usher__save_fail(s);
    } else {
        err = usher__save_verdict(s, usher__sql_step(s->commit), "saving");
    }
    if (err != 0)
        usher__save_rollback(s);
    return err;
}

static int put_all(struct store *s, const struct batch *b)
{
    struct row row;
    size_t at = 0;
    int rc = SQLITE_OK;

    while (rc == SQLITE_OK && usher__batch_next(b, &at, &row))
        rc = usher__rows_put(s, &row);
    return rc;
}

static int save(struct store *s, const struct batch *b, uint64_t *commit_ns)
{
    int err = usher__save_begin(s);
    int64_t from;

    if (err == 0)
        err = usher__save_verdict(s, put_all(s, b), "saving");
    if (err != 0) {
        usher__save_rollback(s);
        return err;
    }
    from = usher__save_ns();
    err = usher__save_commit(s);
    *commit_ns = (uint64_t)(usher__save_ns() - from);
    return err;
}

/* ---- the WAL --------------------------------------------------------------------------------- */

/* After each commit. When all of the WAL had been written back, the commit began it anew. */
static int on_commit(void *ctx, sqlite3 *db, const char *name, int frames)
{
    struct store *s = ctx;

    (void)db;
    (void)name;
    s->wal_frames = (uint64_t)frames;
    if (s->wal_frames < s->wal_base)
        s->wal_base = 0;
    return SQLITE_OK;
}

bool usher__save_wal_is(const struct store *s, uint64_t bytes)
{
    return (s->wal_frames - s->wal_base) * s->page_size >= bytes;
}

/* In pieces of nothing: SQLite knows no part of a checkpoint. What is done is looked at, unlike
 * with its own automatic ones, whose errors nobody hears of. */
int usher__save_checkpoint(struct store *s, int mode)
{
    int frames = 0, done = 0;
    int rc = sqlite3_wal_checkpoint_v2(s->db, "main", mode, &frames, &done);

    s->wal_base = s->wal_frames;
    if (rc == SQLITE_OK && done < frames)
        rc = SQLITE_BUSY;
    return usher__save_verdict(s, rc, "writing the log back");
}

int usher__save_prepare(struct store *s)
{
    int err = usher__sql_prepare(s, "BEGIN IMMEDIATE", &s->begin);

    if (err == 0)
        err = usher__sql_prepare(s, "COMMIT", &s->commit);
    if (err == 0)
        err = usher__sql_prepare(s, "ROLLBACK", &s->rollback);
    if (err == 0)
        err = usher__rows_prepare(s);
    (void)sqlite3_wal_hook(s->db, on_commit, s);
    return err;
}

/* ---- batches --------------------------------------------------------------------------------- */

/* With the room that was kept back; and if that is not enough, with that of the WAL, which can be used
 * again once it has been written back. That comes second: writing it back makes the file grow, into
 * the very room that what follows will need. */
static int save_in_reserve(struct store *s, const struct batch *b, uint64_t *commit_ns)
{
    int err;

    usher__files_use_reserve(s);
    err = save(s, b, commit_ns);
    if (err != USHER_ESTORE)
        return err;
    err = usher__save_checkpoint(s, SQLITE_CHECKPOINT_PASSIVE);
    return err == USHER_EFAILED ? err : save(s, b, commit_ns);
}

void usher__save_batch(struct store *s, const struct batch *b)
{
    uint64_t commit_ns = 0;
    int err = save(s, b, &commit_ns);
    bool no_space = err == USHER_ESTORE, tell = true;

    if (no_space)
        err = save_in_reserve(s, b, &commit_ns);
    if ((err == USHER_ENOMEM || err == USHER_EBUSY) && ++s->tries > TRIES_MAX)
        err = usher__save_fail(s);

    usher__lock(&s->lock);
    if (err == 0) {
        s->tries = 0;
        s->news.saved = b->number;
        s->news.refused = false;
        s->news.commit_ns = commit_ns;
    } else if (err != USHER_EFAILED && !s->stop) {
        tell = !s->news.refused;
        s->news.refused = true;
        s->retry_ns = usher__save_ns() + INT64_C(1000000) * RETRY_MS;
        b = NULL; /* still under way */
    }
    if (no_space) {
        s->news.full = true;
        s->reserve_ns = usher__save_ns() + INT64_C(1000000) * STORE_RESERVE_MS;
    }
    if (b != NULL) {
        s->batch = NULL;
        s->news.busy = false;
        s->retry_ns = 0;
    }
    s->untold = true;
    usher__signal(&s->told);
    usher__unlock(&s->lock);
    if (tell)
        s->o.wake(s->o.ctx);
}
