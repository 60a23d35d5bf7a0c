/* Reading from the file while the service goes on: each slice begins its statement anew, for a
 * statement that stays open over a commit would keep the WAL from being written back. */
#include <string.h>

#include "core/error.h"
#include "store/inside.h"

enum { SLICE_ROWS = 2000 };

static int prepare(struct store *s, const char *sql, sqlite3_stmt **out, uint64_t first)
{
    int err = usher__sql_prepare(s, sql, out);

    if (err == 0)
        (void)sqlite3_bind_int64(*out, 1, (int64_t)first);
    return err;
}

static int keep(struct store *s, struct job *job, const struct row *row)
{
    if (usher__batch_put(&job->rows, row) == 0)
        return 0;
    return usher__store_say(s, USHER_ENOMEM, "out of memory");
}

/* ---- closed tickets -------------------------------------------------------------------------- */

static int closed(struct store *s, struct job *job)
{
    sqlite3_stmt *select = NULL;
    uint32_t looked_at = 0;
    int rc = SQLITE_DONE;
    int err = prepare(
        s, "SELECT id, queue, closed_at, NULL, record FROM closed WHERE id > ?1 ORDER BY id",
        &select, job->n > job->from ? job->n : job->from);

    while (err == 0 && (rc = sqlite3_step(select)) == SQLITE_ROW) {
        struct row row;

        if (looked_at == SLICE_ROWS || job->rows.rows == job->limit) {
            job->more = true;
            break;
        }
        looked_at++;
        err = usher__rows_get(s, select, ROW_CLOSED, &row);
        if (err == 0 && usher__row_fits(&row, &job->filter))
            err = keep(s, job, &row);
        job->n = (uint64_t)row.key;
    }
    if (err == 0 && rc != SQLITE_ROW && rc != SQLITE_DONE)
        err = usher__sql_error(s, NULL, rc, "reading closed tickets");
    (void)sqlite3_finalize(select);
    if (err != 0)
        return err;
    if (job->more && job->rows.rows < job->limit) {
        job->more = false;
        return JOB_AGAIN;
    }
    if (!job->more)
        job->n = 0;
    return 0;
}

/* ---- one ticket ------------------------------------------------------------------------------ */

static int one(struct store *s, struct job *job, const char *sql, int table, uint64_t key)
{
    sqlite3_stmt *select = NULL;
    struct row row;
    int rc, err = prepare(s, sql, &select, key);

    if (err != 0)
        return err;
    rc = sqlite3_step(select);
    if (rc == SQLITE_ROW) {
        err = usher__rows_get(s, select, table, &row);
        if (err == 0)
            err = keep(s, job, &row);
    } else {
        err = rc == SQLITE_DONE ? USHER_ENOENT : usher__sql_error(s, NULL, rc, "reading a ticket");
    }
    (void)sqlite3_finalize(select);
    return err;
}

static int ticket(struct store *s, struct job *job)
{
    int err = one(s, job, "SELECT id, queue, closed_at, NULL, record FROM closed WHERE id = ?1",
                  ROW_CLOSED, job->from);

    if (err == USHER_ENOENT)
        return usher__store_say(s, err, "no such ticket");
    if (err == 0)
        err = one(s, job, "SELECT ticket, 0, 0, NULL, bytes FROM body WHERE ticket = ?1", ROW_BODY,
                  job->from);
    return err == USHER_ENOENT ? 0 : err;
}

/* ---- events ---------------------------------------------------------------------------------- */

static int events(struct store *s, struct job *job)
{
    sqlite3_stmt *select = NULL;
    uint32_t looked_at = 0;
    int rc = SQLITE_DONE;
    int err =
        prepare(s, "SELECT seq, ticket, kind, NULL, record FROM event WHERE seq > ?1 ORDER BY seq",
                &select, job->n > job->from ? job->n : job->from);

    job->more = false;
    while (err == 0 && (rc = sqlite3_step(select)) == SQLITE_ROW) {
        struct row row;

        if (looked_at == SLICE_ROWS || job->rows.rows == job->limit) {
            job->more = true;
            break;
        }
        looked_at++;
        err = usher__rows_get(s, select, ROW_EVENT, &row);
        if (err == 0)
            err = keep(s, job, &row);
        job->n = (uint64_t)row.key;
    }
    if (err == 0 && rc != SQLITE_ROW && rc != SQLITE_DONE)
        err = usher__sql_error(s, NULL, rc, "reading events");
    (void)sqlite3_finalize(select);
    if (err != 0)
        return err;
    return job->more && job->rows.rows < job->limit ? JOB_AGAIN : 0;
}

/* The history of one ticket is a chain that leads backwards, and is read forwards: first back to
 * where the page begins, noting the latest `limit` places that were passed; then those. */
struct walk {
    uint64_t at;     /* the next to look at; 0: at the beginning */
    uint64_t passed; /* so many; the page is the last of them */
    uint64_t read;   /* of the page; counted while it is read */
    int64_t ticket;
    bool back;
    uint64_t seqs[]; /* a ring of `limit` */
};

static int begin_walk(struct store *s, struct job *job, struct walk **out)
{
    struct walk *w;
    size_t len;

    if (__builtin_mul_overflow((size_t)job->limit, sizeof w->seqs[0], &len) ||
        __builtin_add_overflow(len, sizeof *w, &len))
        return usher__store_say(s, USHER_ENOMEM, "out of memory");
    w = usher__alloc(&s->o.memory, len);
    if (w == NULL)
        return usher__store_say(s, USHER_ENOMEM, "out of memory");
    *w = (struct walk){.at = job->from};
    job->work = w;
    *out = w;
    return 0;
}

/* One event of the walk: what it is, and what leads on. ENOENT: it has been purged. */
static int step_back(struct store *s, struct job *job, struct walk *w, sqlite3_stmt *select)
{
    struct row row;
    usher_event event;
    uint64_t previous = 0;
    uint32_t queue;
    int rc, err;

    (void)sqlite3_reset(select);
    (void)sqlite3_bind_int64(select, 1, (int64_t)w->at);
    rc = sqlite3_step(select);
    if (rc == SQLITE_DONE) {
        w->at = 0;
        return 0;
    }
    if (rc != SQLITE_ROW)
        return usher__sql_error(s, NULL, rc, "reading events");
    err = usher__rows_get(s, select, ROW_EVENT, &row);
    if (err != 0)
        return err;
    if (w->passed == 0)
        w->ticket = row.a;
    if (!usher__row_event(&row, &event, &previous, &queue) || row.a != w->ticket ||
        previous >= w->at)
        return usher__store_say(s, USHER_ECORRUPT, "event %llu cannot be read",
                                (unsigned long long)w->at);
    if (event.ticket_seq <= job->after) {
        w->at = 0;
        return 0;
    }
    w->seqs[w->passed++ % job->limit] = w->at;
    w->at = previous;
    return 0;
}

static int read_on(struct store *s, struct job *job, struct walk *w, sqlite3_stmt *select)
{
    struct row row;
    int rc, err = 0;

    (void)sqlite3_reset(select);
    (void)sqlite3_bind_int64(select, 1, (int64_t)w->seqs[(w->passed - 1 - w->read) % job->limit]);
    w->read++;
    rc = sqlite3_step(select);
    if (rc == SQLITE_ROW) {
        err = usher__rows_get(s, select, ROW_EVENT, &row);
        if (err == 0)
            err = keep(s, job, &row);
    } else if (rc != SQLITE_DONE) {
        err = usher__sql_error(s, NULL, rc, "reading events");
    }
    return err;
}

static int history(struct store *s, struct job *job)
{
    struct walk *w = job->work;
    sqlite3_stmt *select = NULL;
    uint32_t n = 0;
    uint64_t page;
    int err = 0;

    if (job->limit == 0)
        return 0;
    if (w == NULL)
        err = begin_walk(s, job, &w);
    if (err == 0)
        err = usher__sql_prepare(
            s, "SELECT seq, ticket, kind, NULL, record FROM event WHERE seq = ?1", &select);
    for (; err == 0 && w->at != 0 && n < SLICE_ROWS; n++)
        err = step_back(s, job, w, select);
    page = err != 0 || w->at != 0 ? 0 : w->passed < job->limit ? w->passed : job->limit;
    for (; err == 0 && w->read < page && n < SLICE_ROWS; n++)
        err = read_on(s, job, w, select);
    (void)sqlite3_finalize(select);
    if (err != 0)
        return err;
    if (w->at != 0 || w->read < page)
        return JOB_AGAIN;
    job->more = w->passed > page;
    return 0;
}

/* ---- facts ----------------------------------------------------------------------------------- */

static int facts(struct store *s, struct job *job)
{
    static const char *const asked[] = {"PRAGMA page_size", "PRAGMA page_count",
                                        "PRAGMA freelist_count", "PRAGMA user_version"};
    int64_t is[4];
    int err = 0;

    for (size_t i = 0; i < 4 && err == 0; i++)
        err = usher__sql_number(s, asked[i], &is[i]);
    if (err != 0)
        return err;
    job->facts = (struct store_facts){.page_size = (uint64_t)is[0],
                                      .pages = (uint64_t)is[1],
                                      .free_pages = (uint64_t)is[2],
                                      .wal_bytes = s->wal_frames * ((uint64_t)is[0] + 24),
                                      .schema = is[3]};
    return 0;
}

/* ---- all of them ----------------------------------------------------------------------------- */

static int any(struct store *s, struct job *job)
{
    switch (job->kind) {
    case JOB_CLOSED:
        return closed(s, job);
    case JOB_TICKET:
        return ticket(s, job);
    case JOB_HISTORY:
        return history(s, job);
    case JOB_EVENTS:
        return events(s, job);
    case JOB_FACTS:
        return facts(s, job);
    case JOB_BACKUP:
        return usher__backup_slice(s, job);
    case JOB_PURGE:
        return usher__purge_slice(s, job);
    default:
        return usher__store_say(s, USHER_EINVAL, "no such job");
    }
}

int usher__job_slice(struct store *s, struct job *job)
{
    int status = any(s, job);

    if (s->quiet && status <= 0 && !usher__files_mark(s, true))
        return usher__store_say(s, USHER_EBUSY, "a service has opened it meanwhile");
    return status;
}

void usher__job_drop(struct store *s, struct job *job)
{
    if (job->kind == JOB_BACKUP)
        usher__backup_drop(s, job);
    else
        usher__free(&s->o.memory, job->work);
    job->work = NULL;
}
