/* From the host's outbox to usher's tickets. See pump.h. */
#include "pump.h"

#include <stdio.h>
#include <string.h>

enum { AGAIN_MS = 1000 };

/* ---- the host's database --------------------------------------------------------------------- */

static int run(sqlite3 *db, const char *sql)
{
    return sqlite3_exec(db, sql, NULL, NULL, NULL);
}

static int run_with(sqlite3_stmt *s, int64_t id, const char *text)
{
    sqlite3_bind_int64(s, 1, id);
    if (text)
        sqlite3_bind_text(s, 2, text, -1, SQLITE_STATIC);
    int r = sqlite3_step(s);
    sqlite3_reset(s);
    return r == SQLITE_DONE ? SQLITE_OK : r;
}

/* In one transaction, since each costs a flush. If it fails all rows stay: they are sent again, and
 * usher knows their ops. */
static int drop_rows(struct pump *p)
{
    int r = run(p->db, "BEGIN IMMEDIATE");
    uint64_t dropped = 0;
    for (int i = 0; r == SQLITE_OK && i < p->rows_n; i++) {
        if (p->rows[i].there)
            r = run_with(p->drop, p->rows[i].id, NULL);
        dropped += p->rows[i].there;
    }
    if (r == SQLITE_OK)
        r = run(p->db, "COMMIT");
    if (r == SQLITE_OK)
        p->carried += dropped;
    if (r != SQLITE_OK && !sqlite3_get_autocommit(p->db))
        run(p->db, "ROLLBACK");
    return r;
}

/* ---- one row --------------------------------------------------------------------------------- */

/* Whether it will be the same however often it is tried: then the row would stop all that come after
 * it. It is put aside, with the reason, for somebody to look at. */
static bool is_for_good(int err)
{
    return err == USHER_EINVAL || err == USHER_ELIMIT;
}

static void settle(struct pump *p, struct pump_row *row, int err)
{
    row->there = err == USHER_OK;
    if (err == USHER_OK)
        return;
    if (is_for_good(err) && run_with(p->refuse, row->id, usher_err_name(err)) == SQLITE_OK)
        p->refused++;
    else if (err == USHER_EUNKNOWN || err == USHER_EFAILED || err == USHER_ECANCELED)
        p->stopped = true;
    else
        p->later = true; /* full, held, out of memory or space */
}

static bool finish(struct pump *p);

static void on_enqueued(usher_t *u, const usher_done *d, void *user)
{
    struct pump_row *row = user;
    struct pump *p = row->pump;
    (void)u;
    p->repeated += d->status == USHER_OK && (d->outcome & USHER_WAS_REPEATED) != 0;
    settle(p, row, d->status);
    if (--p->under_way == 0 && finish(p))
        pump_look(p);
}

/* The columns of p->read. An error: not accepted, no callback will come. */
static int enqueue(struct pump *p, struct pump_row *row)
{
    usher_request r = USHER_INIT(usher_request);
    usher_queue_t *queue;
    const char *name = (const char *)sqlite3_column_text(p->read, 1);
    int err = usher_queue(p->u, &queue, name);
    r.requester = (const char *)sqlite3_column_text(p->read, 2);
    r.ref = (const char *)sqlite3_column_text(p->read, 3);
    r.body.data = sqlite3_column_blob(p->read, 4);
    r.body.len = (uint64_t)sqlite3_column_bytes(p->read, 4);
    r.op = (usher_op){PUMP_OP, (uint64_t)row->id};
    if (err != USHER_OK)
        return err;
    if (usher_now(p->u) - sqlite3_column_int64(p->read, 5) * 1000 >= PUMP_OP_WINDOW_MS / 2) {
        usher_standing there = USHER_INIT(usher_standing);
        if (usher_peek_ref(queue, r.ref, &there) == USHER_OK) {
            p->repeated++;
            settle(p, row, USHER_OK);
            return USHER_OK;
        }
    }
    err = usher_enqueue(queue, &r, on_enqueued, row);
    p->under_way += err == USHER_OK;
    return err;
}

/* ---- all of them ----------------------------------------------------------------------------- */

static void on_again(uv_timer_t *timer)
{
    pump_look(timer->data);
}

/* What was sent has been answered. Whether there may be more to send now. */
static bool finish(struct pump *p)
{
    bool any = p->rows_n > 0;
    if (any && drop_rows(p) != SQLITE_OK)
        p->later = true;
    p->rows_n = 0;
    if (p->stopped)
        return false;
    if (p->later)
        uv_timer_start(&p->again, on_again, AGAIN_MS, 0);
    else if (!any)
        p->empty(p->user);
    return any && !p->later;
}

static void send_rows(struct pump *p)
{
    int r = SQLITE_DONE;
    uv_timer_stop(&p->again);
    p->later = false;
    while (!p->later && p->rows_n < PUMP_ROWS && (r = sqlite3_step(p->read)) == SQLITE_ROW) {
        struct pump_row *row = &p->rows[p->rows_n++];
        *row = (struct pump_row){p, sqlite3_column_int64(p->read, 0), false};
        int err = enqueue(p, row);
        if (err != USHER_OK)
            settle(p, row, err);
    }
    sqlite3_reset(p->read);
    if (r != SQLITE_ROW && r != SQLITE_DONE)
        p->later = true;
}

void pump_look(struct pump *p)
{
    bool more = !p->stopped && p->rows_n == 0;
    while (more) {
        send_rows(p);
        more = p->under_way == 0 && finish(p);
    }
}

int pump_start(struct pump *p, usher_t *u, sqlite3 *db, uv_loop_t *loop, void (*empty)(void *user),
               void *user)
{
    static const char *const sql[] = {
        "SELECT id, queue, requester, ref, body, at FROM outbox WHERE refused IS NULL ORDER BY id",
        "DELETE FROM outbox WHERE id = ?1", "UPDATE outbox SET refused = ?2 WHERE id = ?1"};
    *p = (struct pump){.u = u, .db = db, .empty = empty, .user = user};
    sqlite3_stmt **const prepared[] = {&p->read, &p->drop, &p->refuse};
    int r = SQLITE_OK;
    for (size_t i = 0; r == SQLITE_OK && i < 3; i++)
        r = sqlite3_prepare_v2(db, sql[i], -1, prepared[i], NULL);
    uv_timer_init(loop, &p->again);
    p->again.data = p;
    return r;
}

void pump_stop(struct pump *p)
{
    p->stopped = true;
    uv_close((uv_handle_t *)&p->again, NULL);
    sqlite3_finalize(p->read);
    sqlite3_finalize(p->drop);
    sqlite3_finalize(p->refuse);
}
