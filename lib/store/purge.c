/* Erasing closed tickets: their rows, bodies and histories.
 *
 * A slice is a transaction: it looks for tickets that fit, then deletes them, each one whole, so
 * a purge that is cut short leaves no history without its ticket. What it deletes is overwritten
 * in the file (secure_delete, and scrub.c); the WAL still has it, so a purge ends when that is
 * empty. */
#include "store/inside.h"

enum { SLICE_TICKETS = 256, SLICE_ROWS = 2000, SLICE_EVENTS = 4096, TRUNCATE_TRIES = 10 };

struct found {
    int64_t id;
    uint64_t last_event;
};

/* How far it has come. */
struct sweep {
    int64_t at; /* the last ticket looked at */
    bool end;
    uint32_t truncations;
    uint32_t n;
    struct found found[SLICE_TICKETS];
};

static int begin(struct store *s, struct job *job, struct sweep **out)
{
    struct sweep *w = usher__alloc(&s->o.memory, sizeof *w);

    if (w == NULL)
        return usher__store_say(s, USHER_ENOMEM, "out of memory");
    *w = (struct sweep){.at = INT64_MIN};
    job->work = w;
    *out = w;
    return 0;
}

static int look(struct store *s, const struct job *job, struct sweep *w)
{
    sqlite3_stmt *select = NULL;
    struct row row;
    uint32_t looked_at = 0;
    int rc = SQLITE_DONE;
    int err =
        usher__sql_prepare(s,
                           "SELECT id, queue, closed_at, NULL, record FROM closed WHERE id > ?1 "
                           "AND (?2 = 0 OR closed_at < ?2) ORDER BY id",
                           &select);

    w->n = 0;
    if (err != 0)
        return err;
    (void)sqlite3_bind_int64(select, 1, w->at);
    (void)sqlite3_bind_int64(select, 2, job->filter.closed_before_at);
    while (err == 0 && w->n < SLICE_TICKETS && looked_at < SLICE_ROWS &&
           (rc = sqlite3_step(select)) == SQLITE_ROW) {
        looked_at++;
        err = usher__rows_get(s, select, ROW_CLOSED, &row);
        w->at = row.key;
        w->found[w->n].id = row.key;
        if (err == 0 && usher__row_fits(&row, &job->filter) &&
            usher__row_links(&row, &w->found[w->n].last_event) &&
            (job->from == 0 || w->found[w->n].last_event <= job->from))
            w->n++;
    }
    if (err == 0 && rc != SQLITE_ROW && rc != SQLITE_DONE)
        err = usher__sql_error(s, NULL, rc, "looking for closed tickets");
    w->end = rc == SQLITE_DONE;
    (void)sqlite3_finalize(select);
    return err;
}

static int erase(struct store *s, int table, int64_t key)
{
    return usher__rows_put(s, &(struct row){.table = (uint8_t)table, .drop = true, .key = key});
}

/* From the last event back. What does not belong there ends it, without harm to anybody else's. */
static int erase_events(struct store *s, sqlite3_stmt *select, const struct found *f,
                        uint32_t *events)
{
    uint64_t at = f->last_event, previous;
    usher_event event;
    uint32_t queue;
    struct row row;
    int rc = SQLITE_OK;

    while (at != 0 && rc == SQLITE_OK) {
        bool is_ours = false;

        (void)sqlite3_bind_int64(select, 1, (int64_t)at);
        rc = sqlite3_step(select);
        if (rc == SQLITE_ROW)
            is_ours = usher__rows_get(s, select, ROW_EVENT, &row) == 0 && row.a == f->id &&
                      usher__row_event(&row, &event, &previous, &queue) && previous < at;
        (void)sqlite3_reset(select);
        if (rc == SQLITE_DONE || (rc == SQLITE_ROW && !is_ours))
            return SQLITE_OK;
        if (rc == SQLITE_ROW)
            rc = erase(s, ROW_EVENT, (int64_t)at);
        at = previous;
        ++*events;
    }
    return rc;
}

static int erase_found(struct store *s, struct sweep *w, uint32_t *erased)
{
    sqlite3_stmt *select = NULL;
    uint32_t events = 0, i;
    int rc = SQLITE_OK;
    int err = usher__sql_prepare(
        s, "SELECT seq, ticket, kind, NULL, record FROM event WHERE seq = ?1", &select);

    for (i = 0; err == 0 && rc == SQLITE_OK && i < w->n && events < SLICE_EVENTS; i++) {
        const struct found *f = &w->found[i];

        rc = erase_events(s, select, f, &events);
        if (rc == SQLITE_OK)
            rc = erase(s, ROW_BODY, f->id);
        if (rc == SQLITE_OK)
            rc = erase(s, ROW_CLOSED, f->id);
    }
    if (err == 0)
        err = usher__save_verdict(s, rc, "purging");
    (void)sqlite3_finalize(select);
    *erased = i;
    return err;
}

static int sweep(struct store *s, struct job *job, struct sweep *w)
{
    uint32_t erased = 0;
    int err = look(s, job, w);

    if (err != 0 || w->n == 0)
        return err;
    err = usher__save_begin(s);
    if (err != 0)
        return err;
    err = erase_found(s, w, &erased);
    if (err != 0) {
        usher__save_rollback(s);
        return err;
    }
    err = usher__save_commit(s);
    if (err != 0)
        return err;
    job->n += erased;
    if (erased < w->n) { /* enough for one slice */
        w->at = w->found[erased - 1].id;
        w->end = false;
    }
    return 0;
}

int usher__purge_slice(struct store *s, struct job *job)
{
    struct sweep *w = job->work;
    int err = 0;

    if (w == NULL)
        err = begin(s, job, &w);
    if (err == 0 && !w->end) {
        err = sweep(s, job, w);
        return err != 0 ? err : JOB_AGAIN;
    }
    if (err != 0 || job->n == 0)
        return err;
    err = usher__save_checkpoint(s, SQLITE_CHECKPOINT_TRUNCATE);
    (void)sqlite3_db_release_memory(s->db); /* pages as they were before they were scrubbed */
    if (err == USHER_EBUSY && ++w->truncations < TRUNCATE_TRIES)
        return JOB_AGAIN;
    if (err == USHER_EBUSY)
        (void)usher__store_say(s, err,
                               "erased, but others read the file: its log still has the bytes");
    return err;
}
